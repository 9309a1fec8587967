#!/usr/bin/env python3
"""How long a person waits for an answer in an editor: until evidence is on the screen, and until the first words are.

    python3 benches/compare/waiting.py --models DIR [--root DIR] [--questions 8] [--pause 10] [--out FILE]

Opens files of ROOT (by default this repository) in which one name is misspelt, as its diagnostic is, and asks:

    explain, seen     about the diagnostic, --pause seconds after the cursor came to it (code actions are asked for then)
    explain, unseen   about the diagnostic, at once
    ask, quick        a short question about the same function
    ask, deep         a long question about it
    ask, follow-up    a question of a chat that goes on from the quick one

All in milliseconds from the request to the first `evidence` and the first `text` that comes as progress; the answer is then
cancelled. Nothing else should run meanwhile.
"""

import random
import re
import time

from common import editor_on, parser, percentiles, report

QUICK = "What does this function return, and when does it fail?"
DEEP = (
    "Somebody reported that this function sometimes gives a wrong result, and I cannot see how that could happen. Go through what it "
    "calls, say which of its callers rely on what it returns, which inputs would break that, and what you would change so that such "
    "a mistake could not be made again. Name the lines."
)
AGAIN = "And what happens with empty input?"


def main():
    args = arguments()
    places = misspelt(args.root, args.questions, args.seed)
    rows = {}
    with editor_on(args, places[0][0]) as editor:
        asker = Asker(editor)
        for path, text, diagnostic in places:
            for kind, seconds in asker.ask_all(path, text, diagnostic, args.pause):
                print(f"{path.relative_to(args.root)}: {kind}: " + ", ".join(f"{k} {v:.0f} ms" for k, v in seconds.items()))
                rows.setdefault(kind, []).append(seconds)
    milliseconds = {kind: summary(all_of) for kind, all_of in rows.items()}
    report(args, {"questions": len(places), "pause_s": args.pause, "milliseconds": milliseconds})


class Asker:
    """Asks about places in an editor, and takes the time."""

    def __init__(self, editor):
        self.editor, self.tokens = editor, 0

    def ask_all(self, path, text, diagnostic, pause):
        """Every kind of question about one place, each with its times in milliseconds."""
        editor = self.editor
        editor.open(path, text)
        position = diagnostic["range"]["start"]
        explain = {"uri": editor.uri, "position": position, "diagnostics": [diagnostic]}
        yield "explain, unseen", self.time("halfline.explain", explain)
        # Other text and another name: nothing of the first question is cached but what is always the same.
        text = "// Changed since.\n" + text
        diagnostic = moved(diagnostic, 1)
        editor.open(path, text)
        position = diagnostic["range"]["start"]
        explain = {"uri": editor.uri, "position": position, "diagnostics": [diagnostic]}
        document, here = {"uri": editor.uri}, {"start": position, "end": position}
        context = {"diagnostics": [diagnostic], "triggerKind": 2}
        editor.request("textDocument/codeAction", {"textDocument": document, "range": here, "context": context})
        time.sleep(pause)
        yield "explain, seen", self.time("halfline.explain", explain)
        lines = {"start": {"line": max(position["line"] - 3, 0), "character": 0}, "end": {"line": position["line"] + 3, "character": 0}}
        yield "ask, quick", self.time("halfline.ask", {"question": QUICK, "uri": editor.uri, "range": lines})
        yield "ask, deep", self.time("halfline.ask", {"question": DEEP, "uri": editor.uri, "range": lines})
        chat = editor.execute("halfline.chat.new", {})["id"]
        first = {"id": chat, "message": QUICK, "uri": editor.uri, "range": lines}
        editor.execute("halfline.chat.send", first)
        yield "ask, follow-up", self.time("halfline.chat.send", {"id": chat, "message": AGAIN})

    def time(self, command, argument):
        """Milliseconds until the first update of each kind."""
        editor = self.editor
        self.tokens += 1
        token, first = f"waiting-{self.tokens}", {}
        started = time.monotonic()

        def heard(method, params):
            if method != "$/progress" or params["token"] != token:
                return
            kind = params["value"]["kind"]
            first.setdefault(kind, (time.monotonic() - started) * 1e3)
            if kind == "text":
                editor.notify("$/cancelRequest", {"id": editor.next_id})

        editor.heard = heard
        try:
            editor.execute(command, argument, token)
        except RuntimeError as error:
            if "text" not in first:
                raise RuntimeError(f"{command}: {error}") from error
        editor.heard = lambda method, params: None
        return {kind: first[kind] for kind in ("status", "evidence", "text") if kind in first}


def misspelt(root, count, seed):
    """Files with a local name that is used misspelt, with the text and the diagnostic."""
    paths = sorted(path for path in root.rglob("*.rs") if "target" not in path.parts and "tests" not in path.parts)
    random.Random(seed).shuffle(paths)
    places = []
    for path in paths:
        text = path.read_text()
        found = [one for one in re.finditer(r"^ +let (?:mut )?([a-z]\w{3,}) = ", text, re.M)]
        for one in found[1:]:
            use = re.compile(rf"\b{one[1]}\b(?=[.,;)])").search(text, one.end())
            if use and text.count("\n", one.end(), use.start()) < 12 and len(text.splitlines()) > 80:
                name = one[1] + "s"
                before = text[: use.start()]
                line, character = before.count("\n"), len(before.rsplit("\n", 1)[-1])
                diagnostic = {
                    "range": {
                        "start": {"line": line, "character": character},
                        "end": {"line": line, "character": character + len(name)},
                    },
                    "severity": 1,
                    "code": "E0425",
                    "source": "rustc",
                    "message": f"cannot find value `{name}` in this scope",
                }
                places.append((path, before + name + text[use.end() :], diagnostic))
                break
        if len(places) == count:
            break
    return places


def moved(diagnostic, lines):
    """The same diagnostic so many lines further down."""
    shift = lambda at: {"line": at["line"] + lines, "character": at["character"]}
    span = diagnostic["range"]
    return dict(diagnostic, range={"start": shift(span["start"]), "end": shift(span["end"])})


def summary(rows):
    """Median and 95th percentile of each kind of update."""
    kinds = {kind for row in rows for kind in row}
    return {kind: percentiles([row[kind] for row in rows if kind in row]) for kind in sorted(kinds)}


def arguments():
    options = parser(__doc__)
    options.add_argument("--questions", type=int, default=8, help="places to ask about")
    options.add_argument("--pause", type=float, default=10.0, help="seconds that a person looks at a diagnostic")
    return options.parse_args()


if __name__ == "__main__":
    main()

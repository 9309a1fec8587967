#!/usr/bin/env python3
"""What answers cite, checked once more by other means.

    python3 benches/compare/citations.py --models DIR [--root DIR] [--questions 8] [--out FILE]

Asks about places in files of ROOT (see waiting.py) and reads the whole answers. A citation that Halfline calls right has to
name a line that is there, with the name it gives within two lines of it; each `path:line` and each "line 12" of an answer's prose has to be
among its citations. Ends with 1 if one is not. What Halfline marks as wrong or not checked is counted, and is the model's doing.
"""

import re
import sys

from common import editor_on, parser, report
from waiting import DEEP, QUICK, misspelt

PLACE = re.compile(r"[\w./-]+\.\w+:(\d+)")
LINE = re.compile(r"\b[Ll]ines? `?(\d+)\b")


def main():
    args = arguments()
    places = misspelt(args.root, args.questions, args.seed)
    counts = {"answers": 0, "right": 0, "marked": 0, "wrong": [], "not cited": []}
    with editor_on(args, places[0][0]) as editor:
        for path, text, diagnostic in places:
            editor.open(path, text)
            at = diagnostic["range"]["start"]
            lines = {"start": {"line": max(at["line"] - 9, 0), "character": 0}, "end": {"line": at["line"] + 9, "character": 0}}
            answers = [editor.execute("halfline.explain", {"uri": editor.uri, "position": at, "diagnostics": [diagnostic]})]
            for question in (QUICK, DEEP):
                answers.append(editor.execute("halfline.ask", {"question": question, "uri": editor.uri, "range": lines}))
            for answer in answers:
                count(answer, args.root, {path: text}, counts)
    report(args, {"citations": counts})
    sys.exit(1 if counts["wrong"] or counts["not cited"] else 0)


def count(answer, root, opened, counts):
    """Adds one answer to the counts."""
    counts["answers"] += 1
    for citation in answer["citations"]:
        if not citation["ok"]:
            counts["marked"] += 1
        elif is_right(citation, root, opened):
            counts["right"] += 1
        else:
            counts["wrong"].append(citation)
    cited = {citation["line"] for citation in answer["citations"]}
    prose = re.sub(r"^ *```.*?^ *```", "", answer["text"], flags=re.M | re.S)
    for said in list(PLACE.finditer(prose)) + list(LINE.finditer(prose)):
        if int(said[1]) not in cited:
            counts["not cited"].append({"said": said[0], "answer": answer["text"]})


def is_right(citation, root, opened):
    """Whether the line is there, and has the name near it."""
    path = root / citation["path"]
    if path not in opened and not path.is_file():
        return False
    lines = opened.get(path, "").splitlines() or path.read_text().splitlines()
    if not 1 <= citation["line"] <= len(lines) + 1:
        return False
    near = "\n".join(lines[max(citation["line"] - 3, 0) :][:5])
    return not citation["symbol"] or re.search(rf"\b{re.escape(citation['symbol'])}\b", near) is not None


def arguments():
    options = parser(__doc__)
    options.add_argument("--questions", type=int, default=8, help="places to ask about, three questions each")
    return options.parse_args()


if __name__ == "__main__":
    main()

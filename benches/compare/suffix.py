#!/usr/bin/env python3
"""What moving the cached text after the cursor (`completion.move_suffix`) gains in time and costs in exact matches.

    python3 benches/compare/suffix.py --models DIR --repo DIR [--repo DIR ...] [--cases 200] [--out FILE]

Takes lines of code from files of Rust and Python, as the last commit of each git repository has them. The file is open
in the real server, without the line but with all that follows it. The line is typed up to a place within it, a
completion is asked for as after a key, twelve more characters are typed, and a completion is asked for again. That
second one counts: how long it took, and whether its first line is the rest of the true line. Then the line is put in
place, and the file's next one is taken.

One server has the setting on and another one has it off. Each has an index of its own, and they take turns, file by
file; which of them begins alternates. Nobody pauses between keys, so nothing that was moved is computed anew before it
is used, and the servers wait for no pause either (`completion.debounce_ms` is 0). In the result:

    all          every case
    asked        those in which both servers asked the model a second time; in the others, what was typed is what the
                 first answer had, and the rest of that is shown without the model
    computed     tokens of the second prompt that were not in the cache, the median; 0 where the model was not asked
    same_prompt  cases in which both servers gave the model the same text; others differ by more than the setting
    p            of the two-sided sign test on the cases in which one of the two alone was right

Nothing else should run meanwhile.
"""

import argparse
import math
import pathlib
import random
import re
import statistics
import sys
import tempfile
import time

from common import editor_on, percentiles, report, unpacked
from compare import ROOT
from completions import IMPORT, LANGUAGE, NO_CODE, git, lines_in_strings, sources

# Characters between the two requests.
TYPED = 12
# Characters of a line that stand before the first request, and that are left to write after the second one, at least.
LEAST = 4
# Lines that follow a case in its file, at least: without them there is nothing to move.
FOLLOWING = 20
LARGEST_FILE = 200_000
# Seconds after a turn. Until then the server may compute anew what it moved, which would slow the other one down.
REST = 3.0
# Comments, strings and characters of Rust. A line alone does not tell that it is within a long one of them.
RUST_TEXT = re.compile(r"""//[^\n]*|/\*.*?\*/|\bb?r(#*)".*?"\1|"(?:\\.|[^"\\])*"|'(?:\\.[^'\n]*|[^\\'\n])'""", re.S)


def main():
    args = arguments()
    with tempfile.TemporaryDirectory() as folder:
        trees = {repository: unpacked(repository, pathlib.Path(folder)) for repository in args.repo}
        share = math.ceil(args.cases / len(trees))
        files = {tree: files_of(tree, share, args.per_file, args.seed) for tree in trees.values()}
        pairs = [pair for tree in files for pair in answers(args, tree, files[tree])]
    parts = {"all": pairs, "asked": [(on, off) for on, off in pairs if on["asked"] and off["asked"]]}
    parts = {name: compared(part) for name, part in parts.items() if part}
    revisions = {tree.name: git(repo, "rev-parse", "--short", "HEAD").strip() for repo, tree in trees.items()}
    report(args, {
        "repositories": revisions,
        "languages": {name: sum(on["language"] == name for on, _ in pairs) for name in LANGUAGE.values()},
        "seed": args.seed,
        **parts,
        "discordant": [discordant(on, off) for on, off in pairs if on["exact"] != off["exact"]],
    })
    print_table(parts)


def files_of(tree, count, per_file, seed):
    """Files of a repository, each with its text and its cases, `count` of them in all: the number of a line, from 0,
    and the column of the first request."""
    chance = random.Random(seed)
    texts = {path: text for ending in LANGUAGE for path, text in sources(tree, ending).items()}
    texts = {path: text for path, text in texts.items() if len(text) < LARGEST_FILE}
    paths = sorted(texts)
    chance.shuffle(paths)
    files = []
    for path in paths:
        if count == 0:
            break
        usable = usable_lines(texts[path], pathlib.Path(path).suffix)
        if len(usable) < per_file:
            continue
        lines = sorted(chance.sample(sorted(usable), min(per_file, count)))
        files.append((path, texts[path], [(number, chance.choice(usable[number])) for number in lines]))
        count -= len(lines)
    if count:
        sys.exit(f"{tree.name} has {count} cases too few")
    return files


def usable_lines(text, ending):
    """The columns where the first request can be, by the number of the line, from 0."""
    lines, other = text.split("\n"), {number - 1 for number in lines_in_strings(text, ending)}
    spans = [match.span() for match in IMPORT[ending].finditer(text)]
    if ending == ".rs":
        spans += [match.span() for match in RUST_TEXT.finditer(text) if "\n" in match.group()]
    for start, end in spans:
        other.update(range(text.count("\n", 0, start), text.count("\n", 0, end) + 1))
    columns = {}
    for number, line in enumerate(lines[:-FOLLOWING]):
        bare, end = line.strip(), len(line.rstrip())
        if 20 <= len(bare) <= 100 and not bare.startswith(NO_CODE) and number not in other:
            columns[number] = range(end - len(bare) + LEAST, end - TYPED - LEAST + 1)
    return columns


def answers(args, tree, files):
    """What the server with the setting on and the one with it off said in each case, as pairs."""
    with server(args, tree, files, "true") as on, server(args, tree, files, "false") as off:
        for turn, (path, text, cases) in enumerate(files):
            rows = {}
            for editor in (on, off) if turn % 2 == 0 else (off, on):
                editor.open(tree / path, text)
                rows[editor] = [answer(editor, f"{tree.name}/{path}", text, *case) for case in cases]
                time.sleep(REST)
            print(f"{tree.name}/{path}: {sum(row['exact'] for row in rows[on])} of {len(cases)} exact with it on, "
                  f"{sum(row['exact'] for row in rows[off])} with it off", flush=True)
            yield from zip(rows[on], rows[off])


def server(args, tree, files, moves):
    """An editor in the repository. What the setting is set to is the only thing in which two of them differ."""
    settings = {"HALFLINE_COMPLETION_MOVE_SUFFIX": moves, "HALFLINE_COMPLETION_DEBOUNCE_MS": "0"}
    return editor_on(args, tree / files[0][0], tree, **settings)


def answer(editor, name, text, number, column):
    """Types a line into its file and asks on the way. The file is as it was afterwards."""
    lines = text.split("\n")
    line = lines[number]
    editor.replace("\n".join([*lines[:number], ""]), "", "\n".join(["", *lines[number + 1 :]]))
    press(editor, line[:column])
    editor.complete(typed=True)
    first = why(editor)
    press(editor, line[column : column + TYPED])
    started = time.perf_counter()
    offered = editor.complete(typed=True)
    milliseconds = (time.perf_counter() - started) * 1e3
    # What the shown text rests on: the first request again if the model was not asked a second time.
    last = why(editor)
    rest = line[column + TYPED :]
    editor.insert(rest)
    shown = offered[0].split("\n")[0] if offered else ""
    asked = last["id"] != first["id"]
    return {
        "place": f"{name}:{number + 1}:{column + TYPED + 1}",
        "language": LANGUAGE[pathlib.Path(name).suffix],
        "rest": rest,
        "shown": shown,
        "exact": shown.rstrip() == rest.rstrip(),
        "ms": milliseconds,
        "asked": asked,
        "computed": last["tokens"]["prompt"] - last["tokens"]["reused"] if asked else 0,
        "prompt": last["prompt"],
    }


def press(editor, text):
    """Types, a change for each character."""
    for character in text:
        editor.insert(character)


def why(editor):
    """What the model was asked last."""
    return editor.execute("halfline.why", {"kind": "completion"})


def compared(pairs):
    """Both modes, and in how many cases one of them alone was right."""
    only_on = sum(on["exact"] and not off["exact"] for on, off in pairs)
    only_off = sum(off["exact"] and not on["exact"] for on, off in pairs)
    return {
        "on": figures([on for on, _ in pairs]),
        "off": figures([off for _, off in pairs]),
        "same_prompt": sum(on["prompt"] == off["prompt"] for on, off in pairs),
        "only_on_right": only_on,
        "only_off_right": only_off,
        "p": round(sign_test(only_on, only_off), 4),
    }


def figures(rows):
    exact, computed = sum(row["exact"] for row in rows), statistics.median(row["computed"] for row in rows)
    return {"cases": len(rows), "exact": exact, "computed": computed, "ms": percentiles([row["ms"] for row in rows])}


def sign_test(wins, losses):
    """The probability, were both equally likely, of a result at least as uneven in either direction."""
    count = wins + losses
    tail = sum(math.comb(count, fewer) for fewer in range(min(wins, losses) + 1))
    return min(1.0, 2 * tail / 2**count)


def discordant(on, off):
    """A case in which one of the two alone was right, for whoever wants to look at it."""
    texts = {"place": on["place"], "rest": on["rest"], "on": on["shown"], "off": off["shown"]}
    return {**texts, "same_prompt": on["prompt"] == off["prompt"]}


def print_table(parts):
    print(f"\n{'':6}{'':4}{'cases':>6}{'exact':>6}{'p50 ms':>9}{'p95 ms':>9}{'computed':>9}")
    for name, part in parts.items():
        for mode in ("on", "off"):
            row = part[mode]
            print(f"{name:6}{mode:4}{row['cases']:6}{row['exact']:6}{row['ms']['p50']:9.1f}{row['ms']['p95']:9.1f}"
                  f"{row['computed']:9.0f}")
        alone = f"only on right: {part['only_on_right']}, only off right: {part['only_off_right']}"
        print(f"{'':6}{alone}, p = {part['p']}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", required=True, help="where the model files are")
    parser.add_argument("--halfline", default=str(ROOT / "target/release/halfline"))
    parser.add_argument("--repo", action="append", type=lambda path: pathlib.Path(path).resolve(), required=True,
                        help="a git repository with Rust or Python; can be given more than once")
    parser.add_argument("--cases", type=int, default=200, help="in all, in equal shares from the repositories")
    parser.add_argument("--per-file", type=int, default=5, help="cases in one file")
    parser.add_argument("--settle", type=float, default=15.0, help="seconds until the first request, for the index")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", help="a file for the result, as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()

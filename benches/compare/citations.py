#!/usr/bin/env python3
"""What answers cite, checked once more by other means.

    python3 benches/compare/citations.py --models DIR [--root DIR] [--questions 8] [--out FILE]

Asks about places in files of ROOT (see waiting.py) and reads the whole answers. A citation that Halfline calls right has to
name a line that is there, with the name it gives within two lines of it; each `path:line` and each "line 12" of an answer's prose has to be
among its citations. Ends with 1 if one is not. What Halfline marks as wrong or not checked is counted, and is the model's doing.
"""

import argparse
import json
import os
import pathlib
import re
import sys
import tempfile
import time

from compare import ROOT
from editor import Editor
from waiting import DEEP, QUICK, misspelt

PLACE = re.compile(r"[\w./-]+\.\w+:(\d+)")
LINE = re.compile(r"\b[Ll]ines? `?(\d+)\b")


def main():
    args = arguments()
    root = pathlib.Path(args.root).resolve()
    places = misspelt(root, args.questions, args.seed)
    counts = {"answers": 0, "right": 0, "marked": 0, "wrong": [], "not cited": []}
    with tempfile.TemporaryDirectory() as home:
        environment = dict(os.environ, HALFLINE_MODELS=args.models, HOME=home, XDG_CACHE_HOME=home, XDG_STATE_HOME=home)
        editor = Editor([args.halfline, "lsp"], environment, places[0][0], root)
        time.sleep(args.settle)
        for path, text, diagnostic in places:
            editor.open(path, text)
            at = diagnostic["range"]["start"]
            lines = {"start": {"line": max(at["line"] - 9, 0), "character": 0}, "end": {"line": at["line"] + 9, "character": 0}}
            explain = {"uri": editor.uri, "position": at, "diagnostics": [diagnostic]}
            answers = [editor.execute("halfline.explain", explain)]
            for question in (QUICK, DEEP):
                answers.append(editor.execute("halfline.ask", {"question": question, "uri": editor.uri, "range": lines}))
            for answer in answers:
                count(answer, root, {path: text}, counts)
            print({kind: value if isinstance(value, int) else len(value) for kind, value in counts.items()}, flush=True)
        editor.stop()
    print(json.dumps(counts, indent=1))
    if args.out:
        pathlib.Path(args.out).write_text(json.dumps(counts, indent=1) + "\n")
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
    near = "\n".join(lines[max(citation["line"] - 3, 0) :][:5]) if citation["symbol"] else ""
    return not citation["symbol"] or re.search(rf"\b{re.escape(citation['symbol'])}\b", near or "") is not None


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", required=True, help="where the model files are")
    parser.add_argument("--halfline", default=str(ROOT / "target/release/halfline"))
    parser.add_argument("--root", default=str(ROOT), help="a folder with Rust code")
    parser.add_argument("--questions", type=int, default=8, help="places to ask about, three questions each")
    parser.add_argument("--settle", type=float, default=15.0, help="seconds until the first question")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", help="a file for the result, as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()

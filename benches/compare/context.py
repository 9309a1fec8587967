#!/usr/bin/env python3
"""What a keystroke costs beside the model: an edit in a long file, and gathering what the model should see.

    python3 benches/compare/context.py --models DIR [--root DIR] [--places 100] [--out FILE]

Opens files of ROOT in the real server and asks for a completion at the end of half a line, at many places. The time for context is what
`halfline.why` says of each; the model is cut off at once. Then types 300 characters into a file of 10,000 lines: the time from an
edit to the answer of a request that comes after it, less that of the same request alone. Nothing else should run meanwhile.
"""

import argparse
import datetime
import json
import os
import pathlib
import random
import statistics
import tempfile
import time

from compare import ROOT, machine, output
from editor import Editor
from waiting import percentiles

LONG_LINES = 10_000


def main():
    args = arguments()
    root = pathlib.Path(args.root).resolve()
    chance = random.Random(args.seed)
    paths = [path for path in sorted(root.rglob("*." + args.ending)) if "target" not in path.parts and path.stat().st_size < 200_000]
    texts = {path: path.read_text() for path in chance.sample(paths, min(len(paths), args.places // 4))}
    texts = {path: text for path, text in texts.items() if len(text.splitlines()) > 30}
    with tempfile.TemporaryDirectory() as home:
        environment = dict(os.environ, HALFLINE_MODELS=args.models, HOME=home, XDG_CACHE_HOME=home, XDG_STATE_HOME=home)
        environment.update(HALFLINE_COMPLETION_MAX_MS="100", HALFLINE_COMPLETION_DEBOUNCE_MS="0")
        editor = Editor([args.halfline, "lsp"], environment, next(iter(texts)), root)
        time.sleep(args.settle)
        context = [ms for path, text in texts.items() for ms in contexts(editor, path, text, chance)]
        keystroke = list(keystrokes(editor, root / ("long." + args.ending), long_text(texts)))
        editor.stop()
    report = {
        "date": datetime.date.today().isoformat(),
        "commit": output(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]).strip(),
        "machine": machine(),
        "context_ms": spread(context),
        "keystroke_ms": dict(spread(keystroke), lines=LONG_LINES),
    }
    print(json.dumps(report, indent=1))
    if args.out:
        pathlib.Path(args.out).write_text(json.dumps(report, indent=1) + "\n")


def contexts(editor, path, text, chance):
    """Milliseconds that gathering takes at four places of one file, a few characters typed at each."""
    lines = [number for number, line in enumerate(text.splitlines()) if len(line.strip()) > 12]
    for number in chance.sample(lines, min(4, len(lines))):
        all_lines = text.splitlines(keepends=True)
        line = all_lines[number].rstrip("\n")
        half = line[: len(line) - len(line.strip()) // 2]
        editor.open(path, text)
        editor.replace("".join(all_lines[:number]), half, "\n" + "".join(all_lines[number + 1 :]))
        for _ in range(3):
            # As long as a person takes for a key; the engine has stopped by then.
            time.sleep(0.3)
            editor.complete(typed=True)
            why = editor.execute("halfline.why", {"kind": "completion"})
            yield why["timings_ms"]["context"]
            editor.insert("x")


def keystrokes(editor, path, text):
    """Milliseconds that single characters typed into the middle of `text` take."""
    editor.open(path, text)
    middle = text.index("\n", len(text) // 2)
    editor.replace(text[:middle], "\n", text[middle:])
    for _ in range(20):
        editor.execute("halfline.status")
    for character in "let total = count(first, second); " * 9:
        started = time.perf_counter()
        editor.execute("halfline.status")
        alone = time.perf_counter() - started
        started = time.perf_counter()
        editor.insert(character)
        editor.execute("halfline.status")
        yield (time.perf_counter() - started - alone) * 1e3


def long_text(texts):
    """Files one after the other, until they have enough lines."""
    lines = [line for text in texts.values() for line in text.splitlines()]
    return "\n".join((lines * (LONG_LINES // len(lines) + 1))[:LONG_LINES]) + "\n"


def spread(values):
    values = sorted(values)
    exact = {"p50": statistics.median(values), "p95": values[int(len(values) * 0.95)], "worst": values[-1]}
    return dict(percentiles(values), **{name: round(value, 2) for name, value in exact.items()})


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", required=True, help="where the model files are")
    parser.add_argument("--halfline", default=str(ROOT / "target/release/halfline"))
    parser.add_argument("--root", default=str(ROOT), help="a folder with code")
    parser.add_argument("--ending", default="rs", help="of its files")
    parser.add_argument("--places", type=int, default=100, help="places in files")
    parser.add_argument("--settle", type=float, default=15.0, help="seconds until the first question")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", help="a file for the result, as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()

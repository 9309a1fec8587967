#!/usr/bin/env python3
"""What a keystroke costs beside the model: an edit in a long file, and gathering what the model should see.

    python3 benches/compare/context.py --models DIR [--root DIR] [--places 100] [--out FILE]

Opens files of ROOT in the real server and asks for a completion at the end of half a line, at many places. The time for context is what
`halfline.why` says of each; the model is cut off at once. Then types 300 characters into a file of 10,000 lines: the time from an
edit to the answer of a request that comes after it, less that of the same request alone. Nothing else should run meanwhile.
"""

import random
import time

from common import editor_on, parser, percentiles, report

LONG_LINES = 10_000


def main():
    args = arguments()
    chance = random.Random(args.seed)
    paths = sorted(path for path in args.root.rglob("*." + args.ending) if "target" not in path.parts)
    chosen = chance.sample([path for path in paths if path.stat().st_size < 200_000], args.places // 4)
    texts = {path: path.read_text() for path in chosen}
    texts = {path: text for path, text in texts.items() if len(text.splitlines()) > 30}
    settings = {"HALFLINE_COMPLETION_MAX_MS": "100", "HALFLINE_COMPLETION_DEBOUNCE_MS": "0"}
    with editor_on(args, next(iter(texts)), **settings) as editor:
        context = [ms for path, text in texts.items() for ms in contexts(editor, path, text, chance)]
        keystroke = list(keystrokes(editor, args.root / ("long." + args.ending), long_text(texts)))
    report(args, {"context_ms": percentiles(context), "keystroke_ms": {"lines": LONG_LINES, **percentiles(keystroke)}})


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


def arguments():
    options = parser(__doc__)
    options.add_argument("--ending", default="rs", help="of the folder's files: rs or py")
    options.add_argument("--places", type=int, default=100, help="places in files, four in each")
    return options.parse_args()


if __name__ == "__main__":
    main()

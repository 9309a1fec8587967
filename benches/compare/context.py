#!/usr/bin/env python3
"""What gathering the model's context costs at a keystroke. (Tree and symbols of a long file: `halfline bench index`.)

    python3 benches/compare/context.py --models DIR [--root DIR] [--places 100] [--out FILE]

Opens files of ROOT in the real server and asks for a completion at the end of half a line, at many places. The time for
context is what `halfline.why` says of each; the model is cut off at once. Nothing else should run meanwhile.
"""

import random
import time

from common import editor_on, parser, percentiles, report


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
    report(args, {"context_ms": percentiles(context)})


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


def arguments():
    options = parser(__doc__)
    options.add_argument("--ending", default="rs", help="of the folder's files: rs or py")
    options.add_argument("--places", type=int, default=100, help="places in files, four in each")
    return options.parse_args()


if __name__ == "__main__":
    main()

"""The main job in a real Neovim on a real terminal with the real server and model.

    e2e.py NVIM HALFLINE      with HALFLINE_MODELS naming the models' directory, if it is not the usual one

A suggestion is visible, in its colour, is accepted with Tab, and the file on disk is right; an explanation of a
compiler's error streams into the window. Prints failures and a closing line.
"""

import ast
import sys
import traceback

import scenes
from terminal import Terminal


def completion_reaches_the_disk(terminal):
    ghost = scenes.write_and_complete(terminal)
    first_line = ghost.split("\n")[0].strip()
    assert first_line and f"    return sum({first_line}" in terminal.screen(), f"{ghost!r} is not at the cursor"

    terminal.keys("Tab")
    terminal.wait("the suggestion to be text", lambda: first_line not in terminal.ghost(), 30)
    terminal.keys("Escape")
    terminal.keys(":write", "Enter")
    path = terminal.workspace / "stats.py"
    text = terminal.wait("the file on disk", lambda: path.read_text() if path.read_text() != scenes.PYTHON else "", 30)

    assert text.startswith(scenes.PYTHON), f"what was there is not there any more:\n{text}"
    ast.parse(text)
    names = {}
    exec(compile(text, "stats.py", "exec"), names)
    assert names["variance"]([1, 3]) in (1, 2), f"the completed function does not sum the squares:\n{text}"


def explanation_streams_into_view(terminal):
    scenes.open_error(terminal)
    terminal.keys(":Halfline explain", "Enter")
    terminal.wait_screen("Halfline: explain", 60)
    # The title says so while the text is still coming.
    terminal.wait_screen("writing…", scenes.ANSWER_SECONDS)
    done = lambda: "Halfline: explain ─" in terminal.screen()
    terminal.wait("the end of the answer", done, scenes.ANSWER_SECONDS)
    shown = terminal.screen().lower()
    assert "borrow of moved value" in shown, f"the question is not shown:\n{shown}"
    answer = shown.split("borrow of moved value")[-1]
    assert "names" in answer and any(word in answer for word in ("move", "owner", "borrow", "clone")), (
        f"the answer is not about the error:\n{shown}"
    )


def main(nvim, halfline):
    scenarios = [completion_reaches_the_disk, explanation_streams_into_view]
    failed = 0
    for scenario in scenarios:
        with Terminal(nvim, halfline) as terminal:
            try:
                scenario(terminal)
            except AssertionError as error:
                failed += 1
                print(f"FAILED {scenario.__name__}: {error}")
            except Exception:
                failed += 1
                print(f"FAILED {scenario.__name__}: {traceback.format_exc()}")
    print(f"end to end: {len(scenarios) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))

"""Takes the picture of the README: Neovim in a real terminal emulator on a virtual display, nothing painted by hand.

    screenshot.py NVIM HALFLINE IMAGE

Above, a suggestion after the cursor; below, the explanation of a compiler's error. Wants xvfb, xterm, imagemagick and
fonts-dejavu-core; screenshot.sh installs them where it may.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import scenes
from terminal import Terminal

LOOK = """
vim.o.termguicolors, vim.o.background = true, 'dark'
vim.o.number, vim.o.cursorline, vim.o.signcolumn = true, true, 'yes'
vim.cmd('syntax on')
vim.diagnostic.config({ virtual_text = true })
"""


class Display:
    """A virtual display with one terminal emulator that shows what a tmux session holds."""

    def __init__(self, terminal, width, height):
        self.terminal, self.size = terminal, f"{width}x{height}x24"

    def __enter__(self):
        read, write = os.pipe()
        command = ["Xvfb", "-displayfd", str(write), "-screen", "0", self.size, "-nolisten", "tcp"]
        self.server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
        os.close(write)
        # To the end of the line: the number and the newline come one by one.
        with os.fdopen(read) as answer:
            self.environment = {**os.environ, "DISPLAY": ":" + answer.readline().strip()}
        command = ["xterm", "-fa", "DejaVu Sans Mono", "-fs", "11", "-bg", "#14161b", "-fg", "#e0e2ea", "-b", "6", "+sb"]
        command += ["-geometry", "%dx%d+0+0" % self.terminal.size, "-xrm", "xterm*directColor: true"]
        command += ["-e", "tmux", "-S", self.terminal.socket, "attach"]
        self.emulator = subprocess.Popen(command, env=self.environment, stderr=subprocess.DEVNULL)
        attached = lambda: self.terminal.tmux("list-clients").strip()
        self.terminal.wait("the terminal emulator", attached, 30)
        return self

    def __exit__(self, *_):
        self.emulator.terminate()
        self.server.terminate()
        self.emulator.wait()
        self.server.wait()

    def picture(self, path):
        """Save what the display shows, once two looks in a row are alike."""
        before = None
        while True:
            command = ["import", "-window", "root", "-trim", "-bordercolor", "#14161b", "-border", "8", "png:-"]
            now = subprocess.run(command, env=self.environment, check=True, capture_output=True).stdout
            if now == before:
                path.write_bytes(now)
                return
            before = now
            time.sleep(0.5)


def main(nvim, halfline, image):
    with tempfile.TemporaryDirectory() as directory:
        parts = [Path(directory) / "suggestion.png", Path(directory) / "explanation.png"]
        with Terminal(nvim, halfline, config=LOOK, size=(92, 17)) as terminal:
            scenes.write_and_complete(terminal)
            with Display(terminal, 900, 400) as display:
                display.picture(parts[0])
        with Terminal(nvim, halfline, config=LOOK, size=(92, 32)) as terminal:
            scenes.open_error(terminal)
            terminal.keys(":Halfline explain", "Enter")
            done = lambda: "Halfline: explain ─" in terminal.screen()
            terminal.wait("the end of the answer", done, scenes.ANSWER_SECONDS)
            with Display(terminal, 900, 700) as display:
                display.picture(parts[1])
        command = ["convert", *map(str, parts), "-background", "#5a5f68", "-splice", "0x2+0+0", "-append", "-colors", "128"]
        subprocess.run([*command, "-strip", str(image)], check=True)
    print(f"{image}: {Path(image).stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main(*sys.argv[1:4])

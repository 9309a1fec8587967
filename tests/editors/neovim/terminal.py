"""Neovim in a terminal of its own (tmux), driven by keys and judged by what is on the screen."""

import re
import shlex
import subprocess
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]

# The colour of `HalflineGhost`, as terminals of 256 colours and of all colours are told it.
GHOST_COLOURS = ("38;5;245", "38;2;138;143;152")


class Terminal:
    """One tmux server with one Neovim in it; a context manager, so that nothing is left running."""

    def __init__(self, nvim, halfline, config="", environment=None, size=(100, 30)):
        self.directory = tempfile.TemporaryDirectory(prefix="halfline-neovim-")
        self.workspace = Path(self.directory.name).resolve() / "workspace"
        (self.workspace / ".git").mkdir(parents=True)
        self.socket = str(self.workspace.parent / "tmux")
        init = self.workspace.parent / "init.lua"
        init.write_text(
            f"vim.opt.runtimepath:prepend({str(REPOSITORY / 'editors/neovim')!r})\n"
            "vim.o.swapfile, vim.o.shadafile = false, 'NONE'\n"
            "vim.o.laststatus, vim.o.termguicolors = 2, false\n"
            "vim.o.statusline = \"%f %m%=%{%v:lua.require'halfline'.status()%} \"\n"
            f"require('halfline').setup({{ cmd = {{ {str(Path(halfline).resolve())!r}, 'lsp' }} }})\n" + config
        )
        self.command = [str(Path(nvim).resolve()), "-u", str(init), "-i", "NONE"]
        self.environment = {
            "XDG_STATE_HOME": str(self.workspace.parent / "state"),
            "XDG_CONFIG_HOME": str(self.workspace.parent / "config"),
            **(environment or {}),
        }
        self.size = size

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], capture_output=True)
        self.directory.cleanup()

    def open(self, name):
        """Start Neovim with a file of the workspace."""
        columns, rows = self.size
        assignments = [f"{key}={value}" for key, value in self.environment.items()]
        command = shlex.join(["env", *assignments, *self.command, name])
        tmux_config = self.workspace.parent / "tmux.conf"
        tmux_config.write_text(
            "set -g default-terminal screen-256color\nset -sg escape-time 0\nset -g status off\n"
            # What an editor that ended said stays to be read.
            "set -ga terminal-overrides ',*:Tc'\nset -g remain-on-exit on\n"
        )
        subprocess.run(
            ["tmux", "-S", self.socket, "-f", str(tmux_config), "new-session", "-d", "-x", str(columns), "-y", str(rows)]
            + ["-c", str(self.workspace), command],
            check=True,
        )

    def keys(self, *keys):
        """Press keys by their tmux names."""
        self.tmux("send-keys", *keys)

    def type(self, text):
        """Type text as it is, key by key."""
        for character in text:
            self.tmux("send-keys", "-l", character)

    def screen(self, colours=False):
        """What is on the screen, with its escape sequences if wanted."""
        return self.tmux("capture-pane", "-p", *(["-e"] if colours else []))

    def ghost(self):
        """The text on the screen that has the colour of ghost text."""
        # A run of one look goes from its escape sequence to the next one.
        runs = re.findall(r"\x1b\[([0-9;]*)m([^\x1b]*)", self.screen(colours=True))
        return "".join(text for look, text in runs if any(colour in look for colour in GHOST_COLOURS))

    def wait(self, what, condition, seconds):
        """Poll until the condition holds and return its value; fail with the screen as it is."""
        deadline = time.monotonic() + seconds
        while not (value := condition()):
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {seconds} s for {what}; the screen:\n{self.screen()}")
            time.sleep(0.05)
        return value

    def wait_screen(self, text, seconds=60):
        """Wait until a text is on the screen."""
        return self.wait(f"{text!r} on the screen", lambda: text in self.screen(), seconds)

    def tmux(self, *arguments):
        result = subprocess.run(["tmux", "-S", self.socket, *arguments], capture_output=True, text=True, check=True)
        return result.stdout

"""What the end-to-end test and the screenshot both do: the files, the keys, and the error to explain."""

import json

# A model takes its time on a machine that has other things to do.
LOADING_SECONDS = 240
ANSWER_SECONDS = 240

PYTHON = '''"""Small statistics over lists of numbers."""


def mean(values):
    """The arithmetic mean."""
    return sum(values) / len(values)


def variance(values):
    """The mean of the squared distances from the mean."""
    centre = mean(values)
    squares = [(value - centre) ** 2 for value in values]
'''

RUST = '''//! Greets everyone on a list.

fn greet(names: Vec<String>) {
    for name in &names {
        println!("hello, {name}");
    }
}

fn main() {
    let names = vec!["Ada".to_string(), "Grace".to_string()];
    greet(names);
    println!("greeted {} people", names.len());
}
'''

# As rustc prints it for RUST.
RUST_ERROR = {
    "lnum": 11,
    "col": 34,
    "end_col": 39,
    "severity": 1,
    "source": "rustc",
    "code": "E0382",
    "message": "borrow of moved value: `names`\nvalue borrowed here after move\n"
    "move occurs because `names` has type `Vec<String>`, which does not implement the `Copy` trait",
}


def write_and_complete(terminal):
    """Type the beginning of a line into stats.py and wait for the rest of it as ghost text."""
    (terminal.workspace / "stats.py").write_text(PYTHON)
    terminal.open("stats.py")
    terminal.wait_screen("squares = [")
    wait_until_ready(terminal)
    terminal.keys("G", "o")
    # To the end of a token: half a word would be a harder question to a small model.
    terminal.type("return sum(")
    return terminal.wait("ghost text", terminal.ghost, ANSWER_SECONDS)


def open_error(terminal):
    """Open main.rs with the compiler's error on it, the cursor on the error's line."""
    (terminal.workspace / "main.rs").write_text(RUST)
    diagnostics = terminal.workspace.parent / "diagnostics.lua"
    diagnostics.write_text(
        "vim.diagnostic.set(vim.api.nvim_create_namespace('rustc'), 0, vim.json.decode([==["
        + json.dumps([RUST_ERROR])
        + "]==]))\n"
    )
    terminal.open("main.rs")
    terminal.wait_screen("greeted {}")
    wait_until_ready(terminal)
    terminal.keys(f":luafile {diagnostics}", "Enter")
    terminal.keys(f":call cursor({RUST_ERROR['lnum'] + 1}, {RUST_ERROR['col'] + 1})", "Enter")


def wait_until_ready(terminal):
    """Wait for the statusline to name the model, as it does when one is loaded and idle."""

    def ready():
        screen = terminal.screen()
        if "LSP[halfline]" in screen or "Halfline: stopped" in screen:
            raise AssertionError(f"the server does not work:\n{screen}")
        status = next((line for line in reversed(screen.split("\n")) if "Halfline: " in line), "")
        # A model's name is one word; what a server works on, such as reading the workspace, takes several.
        return len(status.partition("Halfline: ")[2].split()) == 1

    terminal.wait("a loaded model in the statusline", ready, LOADING_SECONDS)

"""What the measurements in an editor have in common: their arguments, a server in a home of its own, and the report."""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

from compare import ROOT, machine, output
from editor import Editor


def parser(description):
    """The arguments that all of them take."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", required=True, help="where the model files are")
    parser.add_argument("--halfline", default=str(ROOT / "target/release/halfline"))
    parser.add_argument("--root", type=lambda path: pathlib.Path(path).resolve(), default=ROOT, help="a folder with code")
    parser.add_argument("--settle", type=float, default=15.0, help="seconds until the first question")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", help="a file for the result, as JSON")
    return parser


@contextlib.contextmanager
def editor_on(args, path, root=None, **settings):
    """An editor in `root`, or in the folder that the arguments name, `path` open, once the index is ready. Settings are
    variables."""
    with tempfile.TemporaryDirectory() as home:
        places = {"HALFLINE_MODELS": args.models, "HOME": home, "XDG_CACHE_HOME": home, "XDG_STATE_HOME": home}
        editor = Editor([args.halfline, "lsp"], {**os.environ, **places, **settings}, path, root or args.root)
        time.sleep(args.settle)
        yield editor
        editor.stop()


def unpacked(repository, folder):
    """The files of a git repository's last commit, in a folder of their own in `folder`."""
    tree = folder / (repository.parent.name if repository.name == "repo" else repository.name)
    tree.mkdir()
    archive = subprocess.run(["git", "-C", str(repository), "archive", "HEAD"], capture_output=True, check=True).stdout
    subprocess.run(["tar", "-x", "-C", str(tree)], input=archive, check=True)
    return tree


def report(args, figures):
    """Prints what was measured, with where and when, and writes it where the arguments say."""
    head = {
        "date": datetime.date.today().isoformat(),
        "commit": output(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]).strip(),
        "machine": machine(),
    }
    text = json.dumps({**head, **figures}, indent=1)
    print(text)
    if args.out:
        pathlib.Path(args.out).write_text(text + "\n")


def percentiles(values):
    """Median, 95th percentile and worst of some milliseconds, to a hundredth."""
    values = sorted(values)
    figures = {"p50": statistics.median(values), "p95": values[int(len(values) * 0.95)], "worst": values[-1]}
    return {"cases": len(values), **{name: round(value, 2) for name, value in figures.items()}}

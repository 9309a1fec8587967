#!/usr/bin/env python3
"""Fixes with faults injected, very many: whatever happens, no file outside of the scratch copy may change.

    python3 tests/fix_faults/check.py [--runs 1000] [--halfline target/release/halfline] [--seed 1] [--jobs 2]

Each run breaks one of a few small programs, asks for a fix by `halfline debug`, and has something go wrong meanwhile:
Halfline is killed or ended, the disk is full (as a limit of file size), the check hangs, forks, deletes or overwrites what is
around it. Afterwards every file of the project has to be what it was, byte for byte, and none of the check's processes may be
left, even where Halfline itself was killed. No model is needed. Prints a line for each kind of fault, and ends with 1 if
one run was not as it should be. Linux only: it reads /proc.
"""

import argparse
import collections
import concurrent.futures
import hashlib
import json
import os
import pathlib
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time

PROGRAMS = {
    "slip": ("def low(xs):\n    best = xs[0]\n    for x in xs:\n        if x > best:\n            best = x\n    return best\n",
             "from code_ import low\nassert low([3, 1, 2]) == 1\nassert low([2, 5]) == 2\n"),
    "import": ("def area(r):\n    return math.floor(r * r)\n", "from code_ import area\nassert area(2) == 4\n"),
    "syntax": ("def f(x)\n    return x + 1\n", "from code_ import f\nassert f(1) == 2\n"),
    "hopeless": ("def f(x):\n    return 'no'\n", "from code_ import f\nassert f(1) == {'a': [2]}\n"),
}
CHECKS = {
    "plain": "python3 check.py",
    "hangs": "python3 check.py; sleep 60",
    "forks": "for i in 1 2 3 4; do sleep 60 & done; python3 check.py",
    "leaves a session": "setsid sleep 60 & python3 check.py",
    "deletes": "python3 check.py; code=$?; rm -rf ./* ; exit $code",
    "overwrites": "python3 check.py; code=$?; for f in *; do echo junk >> $f; done; exit $code",
    "fills the disk": "python3 -c \"open('big', 'wb').write(b'x' * (8 << 20))\"; python3 check.py",
}
ENDINGS = ["none", "none", "killed", "ended", "no room"]


def state(root):
    found = {}
    for path in sorted(root.rglob("*")):
        about = path.lstat()
        if path.is_symlink():
            what = os.readlink(path)
        elif path.is_file():
            what = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            what = "directory"
        found[str(path.relative_to(root))] = (what, about.st_mode, about.st_mtime_ns if path.is_file() else 0)
    return found


def left_over(mark):
    """Processes that carry the mark in their environment."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if mark in (entry / "environ").read_bytes() and b"State:\tZ" not in (entry / "status").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                pass
    return found


def small_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def one(args, number):
    rng = random.Random(args.seed * 1_000_003 + number)
    program, check, ending = rng.choice(list(PROGRAMS)), rng.choice(list(CHECKS)), rng.choice(ENDINGS)
    with tempfile.TemporaryDirectory() as directory:
        base = pathlib.Path(directory)
        project, home = base / "project", base / "home"
        (project / "data").mkdir(parents=True)
        home.mkdir()
        (project / "code_.py").write_text(PROGRAMS[program][0])
        (project / "check.py").write_text(PROGRAMS[program][1])
        (project / "data" / "kept.txt").write_text("kept\n" * rng.randrange(1, 2000))
        (project / "link").symlink_to("data/kept.txt")
        before = state(project)
        mark = f"FIX_FAULT={args.seed}-{number}-{os.getpid()}"
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "XDG_CACHE_HOME": str(home / "cache"),
            "HALFLINE_MODELS": str(home / "models"),
            "TMPDIR": str(base),
            "FIX_FAULT": mark.split("=")[1],
        }
        command = [args.halfline, "debug", "--json", "--time", "2", "--root", project, "--", "sh", "-c", CHECKS[check]]
        child = subprocess.Popen(
            command,
            cwd=project,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=small_files if ending == "no room" else None,
        )
        if ending in ("killed", "ended"):
            time.sleep(rng.random() * 1.2)
            child.send_signal(signal.SIGKILL if ending == "killed" else signal.SIGTERM)
        faults, verdict = [], "stopped"
        try:
            out, err = child.communicate(timeout=60)
            if ending in ("none", "no room"):
                verdict = said(child.returncode, out, err, faults)
        except subprocess.TimeoutExpired:
            child.kill()
            faults.append("did not end within a minute")
        after = state(project)
        changed = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
        if changed:
            faults.append(f"changed {', '.join(changed)}")
        # A process that was just killed takes a moment to go.
        until = time.monotonic() + 5
        left = left_over(mark.encode())
        while left and time.monotonic() < until:
            time.sleep(0.02)
            left = left_over(mark.encode())
        for process in left:
            os.kill(process, signal.SIGKILL)
        if left:
            faults.append(f"left {len(left)} processes")
        return program, check, ending, verdict, faults, len(left)


def said(code, out, err, faults):
    """What Halfline said of a run that was left alone."""
    if code == 0:
        return json.loads(out)["verdict"]
    text = err.decode(errors="replace")
    if code < 0 or "panicked" in text or not text.strip():
        faults.append(f"ended with {code}: {text[-300:]!r}")
    return "no fix"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--halfline", type=lambda path: str(pathlib.Path(path).resolve()), default="target/release/halfline")
    args = parser.parse_args()
    counts, wrong, left = collections.defaultdict(collections.Counter), 0, 0
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for program, check, ending, verdict, faults, remaining in pool.map(lambda n: one(args, n), range(args.runs)):
            counts[f"{check}, {ending}"][verdict] += 1
            left += remaining
            if faults:
                wrong += 1
                print(f"FAULT {program}, {check}, {ending}: {'; '.join(faults)}", flush=True)
    for kind, verdicts in sorted(counts.items()):
        print(f"{kind}: " + ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common()))
    print(f"{args.runs} runs, {wrong} not as they should be; {left} processes were left behind")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()

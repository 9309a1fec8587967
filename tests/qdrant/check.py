#!/usr/bin/env python3
"""A real Qdrant server with the vectors of a project: what is written there, how long it takes, and what it finds.

    python3 tests/qdrant/check.py --models DIR [--root DIR] [--url URL | --qdrant BINARY] [--halfline target/release/halfline]

The server is that of --url (or HALFLINE_QDRANT_URL; its key, if any, in QDRANT_KEY), or else the program --qdrant (or `qdrant`
on the PATH), which is started with a key for the time of the check. DIR of --models has wordllama-256. Searches by meaning are
compared with those of the table on this machine, which rounds numbers to a byte: neighbours may change places, so nine of ten
have to be the same. Prints one line for each check, and ends with 1 if one is not as it should be, with 2 without a server.
"""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

QUESTIONS = [
    "where are redirects followed",
    "cut a file into chunks for the search",
    "read a key from a command or a variable",
    "wait before asking the server again",
    "which tokens may a draft propose",
    "move cached keys to another position",
    "a diagnostic of the compiler as a data structure",
    "find the callers of a function",
    "write to the audit log",
    "parse the arguments of the command line",
    "apply a patch to a file",
    "compute the vectors of a workspace",
]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", required=True, type=pathlib.Path)
    parser.add_argument("--root", default=pathlib.Path(__file__).resolve().parents[2], type=pathlib.Path)
    parser.add_argument("--url", default=os.environ.get("HALFLINE_QDRANT_URL"))
    parser.add_argument("--qdrant", default=shutil.which("qdrant"))
    parser.add_argument("--halfline", default="target/release/halfline", type=pathlib.Path)
    args = parser.parse_args()
    if not args.url and not args.qdrant:
        print("no Qdrant server: neither --url nor a program `qdrant` on the PATH", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as stack:
        home = pathlib.Path(directory)
        url, key = args.url, os.environ.get("QDRANT_KEY", "")
        process = None
        if not url:
            key = "key-of-the-check"
            url, process = start(args.qdrant, home, key)
            stack.callback(process.kill)
        check = Check(args, home, url, key)
        stack.callback(check.remove)
        return check.all(process)


class Check:
    def __init__(self, args, home, url, key):
        self.args, self.home, self.url, self.key = args, home, url, key
        self.prefix = f"check{os.getpid()}"
        self.wrong = 0
        (home / "plain.toml").write_text("")
        (home / "qdrant.toml").write_text(
            f'[search.qdrant]\nurl = "{url}"\ncollection = "{self.prefix}"\nquery_ms = 5000\n'
            + ('key_variable = "QDRANT_KEY"\n' if key else "")
        )

    def all(self, process):
        plain = self.index("plain.toml", "plain")
        print(f"the table of this machine: {plain['vectors']} vectors in {plain['seconds']} s")
        first = self.index("qdrant.toml", "first")
        points = self.points()
        stay = first["vectors"] - points
        written = f"the server: {points} points written in {first['seconds']} s; {stay} stay here (secrets, private files)"
        self.say(0 < points and 0 <= stay < points / 10, written)
        second = self.index("qdrant.toml", "second")
        same = self.points() == points
        self.say(same, f"a second copy of the index: {self.points() - points} new points, {second['seconds']} s")
        self.compare()
        self.remove()
        again = self.index("qdrant.toml", "first")
        self.say(self.points() == points, f"an emptied server is filled again in {again['seconds']} s")
        if self.key:
            right, self.key = self.key, "another"
            why = self.search("qdrant.toml", "first", "connect")[1]
            self.key = right
            self.say(any(status in (why or "") for status in ("401", "403")), f"a wrong key: {why}")
        if process:
            process.kill()
            process.wait()
            why = self.search("qdrant.toml", "first", "connect")[1]
            self.say("Qdrant at" in (why or ""), f"a server that is gone: {why}")
        return 1 if self.wrong else 0

    def compare(self):
        """The ten best places by meaning, from the server and from the table."""
        same, milliseconds = [], []
        for question in QUESTIONS:
            plain, _, _ = self.search("plain.toml", "plain", question)
            there, why, took = self.search("qdrant.toml", "first", question)
            if why:
                return self.say(False, f"{question}: {why}")
            same.append(1.0 if plain == there else len(set(plain) & set(there)) / max(len(plain), len(there)))
            milliseconds.append(took)
            if plain != there:
                print(f"  {question}: {same[-1]:.0%} the same, in order: {plain[:3] == there[:3]}")
        ordered = f"{sum(same) / len(same):.1%} of the ten best places are the same in {len(same)} searches"
        median = sorted(milliseconds)[len(milliseconds) // 2]
        self.say(min(same) >= 0.9, f"{ordered}; the least {min(same):.0%}; median {median} ms")

    def say(self, is_right, what):
        self.wrong += not is_right
        print(f"{'ok   ' if is_right else 'WRONG'} {what}", flush=True)

    def run(self, settings, cache, *arguments):
        variables = {name: value for name, value in os.environ.items() if not name.startswith("HALFLINE_")}
        variables |= {
            "HALFLINE_CONFIG": str(self.home / settings),
            "HALFLINE_CACHE": str(self.home / cache),
            "HALFLINE_MODELS": str(self.args.models),
            "XDG_STATE_HOME": str(self.home / "state"),
            "QDRANT_KEY": self.key,
        }
        done = subprocess.run([self.args.halfline, *arguments, "--json"], env=variables, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{arguments}: {done.stderr}")
        return json.loads(done.stdout)

    def index(self, settings, cache):
        return self.run(settings, cache, "index", str(self.args.root), "--vectors")["vectors"]

    def search(self, settings, cache, question):
        """Places, what is wrong, and milliseconds."""
        found = self.run(settings, cache, "search", question, "--root", str(self.args.root), "--by", "meaning")
        places = [(hit["path"], *hit["lines"]) for hit in found["hits"]]
        return places, found["retrievers"][0]["why"], found["timings_ms"]["search"]

    def ask(self, method, path):
        request = urllib.request.Request(f"{self.url}/{path}", method=method)
        if self.key:
            request.add_header("api-key", self.key)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["result"]

    def collections(self):
        names = [one["name"] for one in self.ask("GET", "collections")["collections"]]
        return [name for name in names if name.startswith(f"{self.prefix}-")]

    def points(self):
        return sum(self.ask("GET", f"collections/{name}")["points_count"] for name in self.collections())

    def remove(self):
        # The server of the check may be gone at its end, with all that it had.
        with contextlib.suppress(OSError):
            for name in self.collections():
                self.ask("DELETE", f"collections/{name}")


def start(program, home, key):
    """A server with an empty storage, as its address and process."""
    ports = [free_port(), free_port()]
    variables = os.environ | {
        "QDRANT__SERVICE__HOST": "127.0.0.1",
        "QDRANT__SERVICE__HTTP_PORT": str(ports[0]),
        "QDRANT__SERVICE__GRPC_PORT": str(ports[1]),
        "QDRANT__SERVICE__API_KEY": key,
        "QDRANT__STORAGE__STORAGE_PATH": str(home / "storage"),
        "QDRANT__STORAGE__SNAPSHOTS_PATH": str(home / "snapshots"),
        "QDRANT__TELEMETRY_DISABLED": "true",
    }
    process = subprocess.Popen([program], cwd=home, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{ports[0]}"
    for _ in range(300):
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{url}/readyz", timeout=1).close()
            return url, process
        if process.poll() is not None:
            break
        time.sleep(0.1)
    process.kill()
    sys.exit(f"{program} does not answer")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


if __name__ == "__main__":
    sys.exit(main())

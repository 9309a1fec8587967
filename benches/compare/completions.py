#!/usr/bin/env python3
"""Exact match of completions with the repository as context and without, on lines of a repository's own commits.

    python3 benches/compare/completions.py --models DIR --repository DIR [DIR ...] [--cases 24] [--out FILE]

Takes lines that commits since a day (--since) added and that still stand in the last one, each once in its file, and
cuts them off at a name. Two kinds are told apart by words alone, without the index that is measured:

needs   the name is defined in one to three other files of the repository, and stands nowhere in this one but in imports
none    every word of the line stands elsewhere in its file; the cursor is anywhere in it

Words that most of the repositories use are nobody's own and make no case of the first kind, so give several repositories of a
language. The file's other lines are as the last commit has them; the rest of the line is to be written, all of it. The same
cases are scored with context and without (`halfline eval fim`, the same model, greedy).
"""

import argparse
import collections
import functools
import io
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import tokenize

from common import report, unpacked
from compare import ROOT

WORD = re.compile(r"[A-Za-z_]\w*")
DEFINED = {
    ".py": re.compile(r"^\s*(?:async\s+)?(?:def|class)\s+(\w+)|^([A-Z_][A-Z0-9_]*)\s*[:=]|^\s+(\w+)\s*:\s*[A-Za-z]", re.M),
    ".rs": re.compile(
        r"\b(?:fn|struct|enum|trait|const|static|type|mod|macro_rules!|union)\s+(\w+)"
        r"|^\s+(?:pub(?:\([^)]*\))?\s+)?(\w+)\s*:\s*[&A-Za-z<\[(]|^\s{4}([A-Z]\w+)(?:\s*[,({]|$)", re.M),
}
IMPORT = {
    ".py": re.compile(r"^\s*(?:from\s+\S+\s+import\s*(?:\([^)]*\)|[^\n]*)|import [^\n]*)", re.M),
    ".rs": re.compile(r"^\s*(?:pub(?:\([^)]*\))?\s+)?use\s+[^;]*;", re.M),
}
LANGUAGE = {".py": "python", ".rs": "rust"}
DEFINES = re.compile(r"\s*(?:async\s+)?(?:def|class|pub|fn|struct|enum|impl|trait)\b")
NO_CODE = ("#", "//", '"', "'", "*", "import ", "from ", "use ", "pub use ", "mod ", "@")


def git(repository, *arguments):
    command = ["git", "-C", str(repository), *arguments]
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=True).stdout


def sources(tree, ending):
    """The files of a language, by path."""
    found = {}
    for path in sorted(tree.rglob("*" + ending)):
        try:
            found[str(path.relative_to(tree))] = path.read_text()
        except (UnicodeDecodeError, OSError):
            continue
    return found


@functools.lru_cache(maxsize=None)
def lines_in_strings(text, ending):
    """Numbers, from 1, of the lines that a string of several lines has."""
    found = set()
    if ending == ".py":
        try:
            for token in tokenize.generate_tokens(io.StringIO(text).readline):
                if token.type == tokenize.STRING and token.end[0] > token.start[0]:
                    found.update(range(token.start[0], token.end[0] + 1))
        except (tokenize.TokenError, SyntaxError):
            pass
    return found


def added_lines(repository, ending, since):
    """Path and text of every line that was added, in an order that depends on nothing but them."""
    log = git(repository, "log", f"--since={since}", "-p", "--no-merges", "--format=", "-U0", "--", "*" + ending)
    path, found = None, set()
    for line in log.split("\n"):
        if line.startswith("+++ b/"):
            path = line[len("+++ b/"):]
        elif line.startswith("+") and path and not line.startswith("+++"):
            found.add((path, line[1:]))
    found = sorted(found)
    random.Random(5).shuffle(found)
    return found


def case_of(line, path, text, ending, where, common):
    """The kind of a line, and the column of the cursor; nothing if it is of no use."""
    bare = line.strip()
    if not 12 <= len(bare) <= 110 or bare.startswith(NO_CODE) or text.count(f"\n{line}\n") != 1:
        return None
    at = text.index(f"\n{line}\n") + 1
    imports = [match.span() for match in IMPORT[ending].finditer(text)]
    if any(start <= at < end for start, end in imports) or text[:at].count("\n") + 1 in lines_in_strings(text, ending):
        return None
    others = IMPORT[ending].sub("\n", text[:at] + "\n" + text[at + len(line):])
    used = set(WORD.findall(others))
    blank = lambda match: " " * len(match.group())
    code = re.sub(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|#.*|//.*', blank, line)
    words = list(WORD.finditer(code))
    new = [word for word in words if word.group() not in used and len(word.group()) > 3]
    own = lambda name: name in where and path not in where[name] and len(where[name]) <= 3 and name not in common
    foreign = [word for word in new if own(word.group())]
    if foreign and not DEFINES.match(line):
        column = foreign[0].start()
        return ("needs", at, column) if len(line) - column >= 6 else None
    if new or len(words) < 2 or (bare[-1] == "," and len(words) < 3):
        return None
    indent = len(line) - len(line.lstrip())
    ends = [match.end() for match in re.finditer(r"[A-Za-z_]\w*\(|= |\.", line) if indent + 3 < match.end() < len(line) - 5]
    chosen = random.Random(line)
    return "none", at, chosen.choice(ends) if ends and chosen.random() < 0.6 else indent


def cases_of(tree, repository, ending, common, arguments):
    files = sources(tree, ending)
    where = collections.defaultdict(set)
    for path, text in files.items():
        for match in DEFINED[ending].finditer(text):
            for name in filter(None, match.groups()):
                where[name].add(path)
    found = {"needs": [], "none": []}
    of_file, seen = collections.Counter(), set()
    wanted = {"needs": arguments.cases, "none": arguments.cases // 2}
    for path, line in added_lines(repository, ending, arguments.since):
        if all(len(found[kind]) >= count for kind, count in wanted.items()):
            break
        if path not in files or of_file[path] >= 3 or path.startswith("examples/") or line.strip() in seen:
            continue
        case = case_of(line, path, files[path], ending, where, common)
        if not case or len(found[case[0]]) >= wanted[case[0]]:
            continue
        kind, at, column = case
        of_file[path] += 1
        seen.add(line.strip())
        text = files[path]
        found[kind].append({
            "id": f"{repository.name}-{kind}-{len(found[kind])}", "language": LANGUAGE[ending], "path": path,
            "root": str(tree), "prefix": text[:at + column], "suffix": text[at + len(line):], "reference": line[column:],
        })
    return found


def vocabularies(trees, ending):
    """Words that three of the repositories use, or all of fewer."""
    count = collections.Counter()
    for tree in trees:
        count.update(set(WORD.findall("\n".join(sources(tree, ending).values()))))
    return {word for word, repositories in count.items() if repositories >= min(3, len(trees)) and len(trees) > 1}


def score(arguments, cases, folder, name, *options):
    data, rows = folder / "cases.jsonl", folder / f"{name}.rows"
    data.write_text("".join(json.dumps(case) + "\n" for case in cases))
    command = [arguments.halfline, "eval", "fim", str(data), "--rows", str(rows), "--json", *options]
    environment = {"HALFLINE_MODELS": arguments.models, "HALFLINE_CACHE": str(folder / "cache")}
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})
    if done.returncode:
        sys.exit(done.stderr)
    return [json.loads(row) for row in rows.read_text().splitlines()]


def figures(rows):
    mean = lambda key: round(sum(row[key] for row in rows) / len(rows), 3)
    return {"exact": sum(row["exact_match"] for row in rows), "edit_similarity": mean("edit_similarity"),
            "prompt_tokens": round(mean("prompt_tokens"))}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", required=True, help="where the model files are")
    parser.add_argument("--halfline", default=str(ROOT / "target/release/halfline"))
    parser.add_argument("--repository", nargs="+", type=pathlib.Path, required=True, help="git repositories, of Rust or Python")
    parser.add_argument("--cases", type=int, default=24, help="of the first kind, of each repository; half as many of the other")
    parser.add_argument("--since", default="2025-01-01")
    parser.add_argument("--out", help="a file for the result, as JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        trees = {}
        for repository in arguments.repository:
            repository = repository.resolve()
            tree = unpacked(repository, folder)
            ending = max(LANGUAGE, key=lambda ending: sum(1 for _ in tree.rglob("*" + ending)))
            trees[repository] = (tree, ending)
        common = {ending: vocabularies([tree for tree, of in trees.values() if of == ending], ending) for ending in LANGUAGE}
        cases = {"needs": [], "none": []}
        for repository, (tree, ending) in trees.items():
            for kind, found in cases_of(tree, repository, ending, common[ending], arguments).items():
                cases[kind] += [{**case, "id": f"{tree.name}-{case['id']}"} for case in found]
        result = {"since": arguments.since, "repositories": {
            tree.name: git(repository, "rev-parse", "--short", "HEAD").strip() for repository, (tree, _) in trees.items()}}
        for kind, of_kind in cases.items():
            if not of_kind:
                continue
            alone = score(arguments, of_kind, folder, f"{kind}-alone", "--no-context")
            shown = score(arguments, of_kind, folder, f"{kind}-shown")
            pairs = [(one["exact_match"], other["exact_match"]) for one, other in zip(alone, shown)]
            result[kind] = {"cases": len(pairs), "without": figures(alone), "with": figures(shown),
                            "won": pairs.count((False, True)), "lost": pairs.count((True, False))}
        report(arguments, result)


if __name__ == "__main__":
    main()

//! Words that make an error go away without mending it: where they count, how they are found, and how they are named to the
//! user. A row each; only what a change adds is told.

use std::sync::LazyLock;

use halfline_context::Snapshot;
use regex::Regex;

use super::{code_of, words};

/// One way of silencing.
struct Silencer {
    /// The languages that have it; of a file in an unknown language all rows count.
    languages: &'static [&'static str],
    /// How it looks.
    pattern: &'static str,
    /// How it is named to the user.
    name: &'static str,
    /// A checker whose message has this word asks for it; empty where none does.
    asked_by: &'static str,
}

const ALL: &[&str] = &[];
const RUST: &[&str] = &["rust"];
const PYTHON: &[&str] = &["python"];
const TYPED: &[&str] = &["typescript", "tsx"];
const SCRIPT: &[&str] = &["typescript", "tsx", "javascript"];

const fn row(languages: &'static [&'static str], pattern: &'static str, name: &'static str) -> Silencer {
    Silencer { languages, pattern, name, asked_by: "" }
}

/// What silences as code. A comment that has the words does nothing.
const IN_CODE: &[Silencer] = &[
    row(RUST, r"\.unwrap\(\)", "adds `unwrap`"),
    row(RUST, r"unwrap_unchecked", "adds `unwrap`"),
    row(RUST, r"\.expect\(", "adds `expect`"),
    Silencer { languages: RUST, pattern: r"\bunsafe\b", name: "adds `unsafe`", asked_by: "unsafe" },
    row(RUST, r"\btransmute\b", "adds `transmute`"),
    row(RUST, r"\btodo!", "adds `todo!`"),
    row(RUST, r"\bunimplemented!", "adds `unimplemented!`"),
    row(RUST, r"\bunreachable!", "adds `unreachable!`"),
    row(RUST, r"\bpanic!", "adds `panic!`"),
    row(RUST, r"process::exit", "ends the process"),
    row(RUST, r"\[allow\(", "adds `#[allow]`"),
    row(RUST, r"#!?\[expect\(", "adds `#[expect]`"),
    row(RUST, r"cfg\(any\(\)\)", "leaves code out"),
    row(RUST, r"#\[ignore", "adds `#[ignore]`"),
    row(RUST, r"Box::leak", "leaks memory"),
    row(RUST, r"mem::forget", "leaks memory"),
    row(RUST, r"\bdyn (?:\w+::)*Any\b|: (?:\w+::)*Any\b", "widens a type to `Any`"),
    // Of a whole statement: what is bound to a name or returned is used.
    row(RUST, r"(?m)^\s*\w+[.:(!&?][^=\n]*\.ok\(\);", "drops an error with `ok`"),
    Silencer { languages: RUST, pattern: r"\blet _ =", name: "drops a result with `let _`", asked_by: "let _" },
    row(PYTHON, r"\bNotImplementedError\b", "adds `NotImplementedError`"),
    row(PYTHON, r"\bsys\.exit\b|\bos\._exit\b", "ends the process"),
    row(PYTHON, r"\bskip(?:If|Unless|Test)?\(|@(?:\w+\.)*skip\b|\bmark\.skip", "skips a test"),
    row(PYTHON, r"\bxfail\b|\bexpectedFailure\b", "expects a test to fail"),
    row(PYTHON, r"\bexcept\s*:|\bexcept\s+\(?(?:Base)?Exception\b", "swallows every exception"),
    row(PYTHON, r"\bsuppress\(", "swallows exceptions with `suppress`"),
    row(PYTHON, r"\bAny\b", "widens a type to `Any`"),
    row(PYTHON, r"(?m)(?::|->|\[|\|)\s*object\s*(?:[\],)=:|]|$)", "widens a type to `object`"),
    row(PYTHON, r"(?m)(?:^|[^\w.]|\btyping\.)cast\(", "silences the type checker with `cast`"),
    row(TYPED, r"(?::|<|,|\||\bas)\s*any\b|\bany\[\]", "widens a type to `any`"),
    row(TYPED, r"\bas\s+unknown\s+as\b", "silences the type checker with `unknown`"),
    row(SCRIPT, r"\b(?:it|test|describe)\.skip\b|\bx(?:it|describe)\(", "skips a test"),
];

/// What silences as a comment.
const IN_COMMENTS: &[Silencer] = &[
    row(ALL, r"\btype:\s*ignore", "adds `type: ignore`"),
    row(ALL, r"\bpyright:\s*ignore", "adds `pyright: ignore`"),
    row(ALL, r"\bpylint:\s*disable", "adds `pylint: disable`"),
    row(ALL, r"(?i)#\s*(?:ruff:\s*|flake8:\s*)?noqa\b", "adds `noqa`"),
    row(ALL, r"@ts-ignore\b", "adds `@ts-ignore`"),
    row(ALL, r"@ts-expect-error\b", "adds `@ts-expect-error`"),
    row(ALL, r"@ts-nocheck\b", "adds `@ts-nocheck`"),
    row(ALL, r"\beslint-disable", "adds `eslint-disable`"),
];

type Compiled = Vec<(&'static Silencer, Regex)>;

static CODE: LazyLock<Compiled> = LazyLock::new(|| compile(IN_CODE));
static COMMENTS: LazyLock<Compiled> = LazyLock::new(|| compile(IN_COMMENTS));

/// A type of Python's that takes `None`, and one of a parameter whose default says so anyway.
static OPTIONAL: LazyLock<Option<[Regex; 2]>> = LazyLock::new(|| {
    let takes_none = Regex::new(r"\bOptional\[|\|\s*None\b|\bNone\s*\|").ok()?;
    let by_default = Regex::new(r"(?:\bOptional\[[^=,\n]*|\|\s*None|\bNone\s*\|[^=,)\n]*)\s*=\s*None\b").ok()?;
    Some([takes_none, by_default])
});

// A pattern that does not compile fails the test below.
fn compile(rows: &'static [Silencer]) -> Compiled {
    rows.iter().filter_map(|row| Some((row, Regex::new(row.pattern).ok()?))).collect()
}

/// What `new` adds to `old` that only silences, in words. What a checker `told` to write is no silencing.
pub(super) fn added(old: &Snapshot, new: &Snapshot, told: &str) -> Vec<String> {
    let language = new.language().map(|language| language.name());
    let (before, after) = (statements(old), statements(new));
    let whole = |snapshot: &Snapshot| snapshot.rope().to_string();
    let sides = [(&*CODE, before.clone(), after.clone()), (&*COMMENTS, whole(old), whole(new))];
    let mut found = Vec::new();
    for (rows, before, after) in sides {
        for (row, pattern) in rows {
            let is_known = language.is_none_or(|name| row.languages.is_empty() || row.languages.contains(&name));
            let is_asked = !row.asked_by.is_empty() && told.contains(row.asked_by);
            if is_known && !is_asked && pattern.find_iter(&after).count() > pattern.find_iter(&before).count() {
                found.push(row.name.to_owned());
            }
        }
    }
    if language == Some("python") && !told.contains("Optional") && only_takes_none(&before, &after) {
        found.push("widens a type with `None`".to_owned());
    }
    found
}

/// Whether nothing is new but that types take `None`. Where the code deals with it, that is a change like any other.
fn only_takes_none(before: &str, after: &str) -> bool {
    const OF_TYPES: [&str; 3] = ["Optional", "None", "Union"];
    let Some([takes_none, by_default]) = &*OPTIONAL else { return false };
    let count = |code: &str| takes_none.find_iter(code).count().saturating_sub(by_default.find_iter(code).count());
    let (known, all) = (words(before), words(after));
    let is_new = |(word, count): (&&str, &usize)| known.get(*word).is_none_or(|before| before < count);
    count(after) > count(before) && all.iter().filter(|one| is_new(*one)).all(|(word, _)| OF_TYPES.contains(word))
}

/// The code without comments and imports: to import a name silences nothing.
fn statements(snapshot: &Snapshot) -> String {
    let is_import = |line: &&str| line.starts_with("import ") || line.starts_with("from ") || line.starts_with("use ");
    code_of(snapshot).lines().filter(|line| !is_import(line)).map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        assert_eq!((CODE.len(), COMMENTS.len()), (IN_CODE.len(), IN_COMMENTS.len()));
        assert!(OPTIONAL.is_some());
    }

    /// What changing a line of a file adds.
    fn check(path: &str, before: &str, after: &str) -> Vec<String> {
        let snapshot = |text: &str| Snapshot::of_text(Some(path.into()), text);
        added(&snapshot(before), &snapshot(after), "")
    }

    #[test]
    fn what_silences_is_told() {
        for (path, before, after, mark) in [
            ("a.py", "def f(x: int): ...\n", "def f(x: Any): ...\n", "widens a type to `Any`"),
            ("a.py", "def f(x) -> int: ...\n", "def f(x) -> Any: ...\n", "widens a type to `Any`"),
            ("a.py", "x: list[int] = f()\n", "x: list[Any] = f()\n", "widens a type to `Any`"),
            ("a.py", "x: int = f()\n", "x: object = f()\n", "widens a type to `object`"),
            ("a.py", "def f(x) -> int:\n    g()\n", "def f(x) -> object:\n    g()\n", "widens a type to `object`"),
            ("a.py", "x: int = f()\n", "x = cast(int, f())\n", "silences the type checker with `cast`"),
            ("a.py", "x: int = f()\n", "x = typing.cast(int, f())\n", "silences the type checker with `cast`"),
            ("a.py", "x: int = f()\n", "x: Optional[int] = f()\n", "widens a type with `None`"),
            ("a.py", "def f(x: int): ...\n", "def f(x: int | None): ...\n", "widens a type with `None`"),
            ("a.py", "f()\n", "f()  # pyright: ignore[reportCallIssue]\n", "adds `pyright: ignore`"),
            ("a.py", "f()\n", "f()  # pylint: disable=no-member\n", "adds `pylint: disable`"),
            ("a.py", "f()\n", "f()  # NOQA: F821\n", "adds `noqa`"),
            ("a.py", "f()\n", "with contextlib.suppress(KeyError):\n    f()\n", "swallows exceptions with `suppress`"),
            ("a.py", "f()\n", "try:\n    f()\nexcept:\n    pass\n", "swallows every exception"),
            ("a.py", "f()\n", "try:\n    f()\nexcept BaseException:\n    pass\n", "swallows every exception"),
            ("a.py", "def test_f(): ...\n", "@unittest.skip\ndef test_f(): ...\n", "skips a test"),
            ("a.py", "def test_f(): ...\n", "@pytest.mark.skipif(True)\ndef test_f(): ...\n", "skips a test"),
            ("a.py", "def test_f(): ...\n", "@pytest.mark.xfail\ndef test_f(): ...\n", "expects a test to fail"),
            ("a.rs", "fn main() {\n    f()?;\n}\n", "fn main() {\n    f().ok();\n}\n", "drops an error with `ok`"),
            (
                "a.rs",
                "fn main() {\n    f()?;\n}\n",
                "fn main() {\n    let _ = f();\n}\n",
                "drops a result with `let _`",
            ),
            ("a.rs", "#[test]\nfn f() {}\n", "#[test]\n#[ignore]\nfn f() {}\n", "adds `#[ignore]`"),
            ("a.ts", "const x: number = f();\n", "const x: any = f();\n", "widens a type to `any`"),
            ("a.ts", "const x = f();\n", "const x = f() as any;\n", "widens a type to `any`"),
            ("a.ts", "const x: T[] = f();\n", "const x: Array<any> = f();\n", "widens a type to `any`"),
            ("a.ts", "f();\n", "// @ts-ignore\nf();\n", "adds `@ts-ignore`"),
            ("a.ts", "f();\n", "// @ts-expect-error\nf();\n", "adds `@ts-expect-error`"),
            ("a.js", "test('f', f);\n", "test.skip('f', f);\n", "skips a test"),
        ] {
            assert_eq!(check(path, before, after), [mark], "{after}");
            assert_eq!(check(path, after, after), [""; 0], "it is kept: {after}");
            assert_eq!(check(path, after, &format!("\n{after}")), [""; 0], "it is moved: {after}");
        }
    }

    #[test]
    fn what_only_looks_like_it_is_not() {
        for (path, before, after) in [
            ("a.py", "x = f()\n", "from typing import Any, cast\nx = f()\n"),
            ("a.py", "x = f()\n", "x = f()  # takes Any object, and unwrap() or not\n"),
            ("a.py", "class A: ...\n", "class A(object): ...\n"),
            ("a.py", "x = f()\n", "x = broadcast(f()).cast(int)\n"),
            ("a.py", "def f(x: int = None): ...\n", "def f(x: Optional[int] = None): ...\n"),
            ("a.py", "def f(x: int = None): ...\n", "def f(x: int | None = None): ...\n"),
            ("a.py", "def f(x: int):\n    return x\n", "def f(x: int | None):\n    return 0 if x is None else x\n"),
            ("a.py", "f()\n", "try:\n    f()\nexcept KeyError:\n    g()\n"),
            ("a.rs", "fn main() {\n    f();\n}\n", "fn main() {\n    let n = f().ok();\n    g(n);\n}\n"),
            ("a.rs", "fn f() {\n    g();\n}\n", "fn f() -> Option<u8> {\n    return g().ok();\n}\n"),
            ("a.rs", "fn main() {}\n", "// Nothing unsafe, no panic!\nfn main() {}\n"),
            ("a.ts", "f();\n", "// any number of times\nf(many);\n"),
        ] {
            assert_eq!(check(path, before, after), [""; 0], "{after}");
        }
    }

    #[test]
    fn what_the_checker_asks_for_is_not() {
        let snapshot = |text: &str| Snapshot::of_text(Some("a.rs".into()), text);
        let (old, new) = (snapshot("fn main() {\n    f();\n}\n"), snapshot("fn main() {\n    let _ = f();\n}\n"));
        let told = "unused `Result` that must be used: use `let _ = ...` to ignore the resulting value";
        assert_eq!(added(&old, &new, told), [""; 0]);
        assert_eq!(added(&old, &new, ""), ["drops a result with `let _`"]);
    }
}

//! Checkers on small projects, and what is gathered from what they say.

use std::fs;
use std::time::Duration;

use expect_test::{Expect, expect};
use halfline_context::budget::RoughCounter;
use halfline_context::{Document, Position, Workspace};
use tempfile::TempDir;

use super::*;
use crate::assistant::FileRange;
use crate::config::CheckerEntry;

fn project(files: &[(&str, &str)]) -> (TempDir, Sources) {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let root = dir.path().canonicalize().unwrap();
    (dir, Sources { workspace: Arc::new(Workspace::new(root)), open: Arc::new(|_| None) })
}

fn gathered(sources: &Sources, question: Question) -> Gathered {
    let limits = Limits { may_run_checks: true, ..Limits::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(gather(sources, &limits, RoughCounter, question, true, &mut |_| {})).unwrap()
}

/// Where the evidence is from and why it is there; of messages, how they begin (the rest differs between versions of
/// the tools).
fn listing(gathered: &Gathered) -> String {
    let mut out = format!("{:?}\n", gathered.task);
    for Item { evidence, text, fence, .. } in &gathered.items {
        out += &format!("{} {:?} {}: {}\n", evidence.path, evidence.lines, evidence.why, fence);
        if fence == "text" && !evidence.path.starts_with("rustc") {
            out += &format!("    {}\n", text.split_once(": ").map_or(text.as_str(), |(start, _)| start));
        }
    }
    out
}

fn check(files: &[(&str, &str)], question: Question, expected: Expect) {
    let (_dir, sources) = project(files);
    expected.assert_eq(&listing(&gathered(&sources, question)));
}

fn explain_at(path: &str, line: usize) -> Question {
    Question::Explain { path: path.into(), line: line - 1, diagnostics: Vec::new() }
}

const MOVED: &str = "fn take(text: String) -> usize {\n    text.len()\n}\n\nfn main() {\n    let text = String::from(\"a\");\n    take(text);\n    println!(\"{text}\");\n}\n";

#[test]
fn a_rust_file_on_its_own() {
    check(
        &[("moved.rs", MOVED)],
        explain_at("moved.rs", 8),
        expect![[r#"
            ExplainProblem(Error)
            moved.rs (8, 8) what rustc says: text
                error[E0382]
            moved.rs (1, 9) the file: rust
        "#]],
    );
}

#[test]
fn a_rust_package_whose_error_is_in_another_file() {
    check(
        &[
            ("Cargo.toml", "[package]\nname = \"sample\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n"),
            ("src/main.rs", "mod config;\n\nfn main() {\n    config::load();\n}\n"),
            (
                "src/config.rs",
                "pub struct Config {\n    pub port: u16,\n}\n\npub fn load() -> Config {\n    Config { port: \"80\" }\n}\n",
            ),
        ],
        explain_at("src/main.rs", 4),
        expect![[r#"
            ExplainProblem(Error)
            src/config.rs (6, 6) what rustc says: text
                error[E0308]
            src/config.rs (1, 7) the file: rust
            src/main.rs (3, 5) main uses load: rust
        "#]],
    );
}

#[test]
fn a_package_that_cannot_be_checked_says_why() {
    let (_dir, sources) = project(&[("Cargo.toml", "[package\n"), ("src/lib.rs", "pub fn f() {}\n")]);
    let found = gathered(&sources, explain_at("src/lib.rs", 1));
    assert_eq!(found.items[0].evidence.why, "the checker could not run");
    assert!(found.items[0].text.contains("Cargo.toml"), "{}", found.items[0].text);
}

#[test]
fn a_python_syntax_error() {
    check(
        &[("a.py", "import os\n\ndef f(x):\n    if x\n        return 1\n")],
        explain_at("a.py", 4),
        expect![[r#"
            ExplainProblem(Error)
            a.py (4, 4) what python says: text
                error[SyntaxError] on line 4
            a.py (1, 5) the file: python
        "#]],
    );
}

#[test]
fn code_without_a_problem() {
    check(
        &[("a.py", "def f(x):\n    return x + 1\n")],
        explain_at("a.py", 2),
        expect![[r#"
            ExplainCode { line: 1 }
            a.py (1, 2) the file: python
        "#]],
    );
}

#[test]
fn given_diagnostics_are_taken_at_their_word() {
    let diagnostic = |line: u32, message: &str| Diagnostic {
        path: "moved.rs".into(),
        start: Position::new(line, 4),
        end: Position::new(line, 8),
        severity: Severity::Error,
        code: Some("X1".into()),
        source: Some("lint".into()),
        message: message.into(),
        rendered: None,
    };
    let diagnostics = vec![diagnostic(1, "`text` is too short"), diagnostic(6, &"many words ".repeat(2000))];
    check(
        &[("moved.rs", MOVED)],
        Question::Explain { path: "moved.rs".into(), line: 1, diagnostics },
        expect![[r#"
            ExplainProblem(Error)
            moved.rs (2, 2) what lint says: text
                error[X1] on line 2
            moved.rs (7, 7) what lint says: text
                error[X1] on line 7
            moved.rs (1, 9) the file: rust
        "#]],
    );
}

#[test]
fn a_code_without_the_whole_message_is_looked_up() {
    let diagnostic = Diagnostic {
        path: "moved.rs".into(),
        start: Position::new(7, 15),
        end: Position::new(7, 21),
        severity: Severity::Error,
        code: Some("E0382".into()),
        source: Some("rustc".into()),
        message: "borrow of moved value: `text`".into(),
        rendered: None,
    };
    check(
        &[("moved.rs", MOVED)],
        Question::Explain { path: "moved.rs".into(), line: 7, diagnostics: vec![diagnostic] },
        expect![[r#"
            ExplainProblem(Error)
            moved.rs (8, 8) what rustc says: text
                error[E0382] on line 8
            moved.rs (1, 9) the file: rust
            rustc --explain E0382 (1, 14) what E0382 means: text
        "#]],
    );
}

#[test]
fn a_question_that_names_a_definition() {
    let question = |text: &str| Question::Ask { question: text.into(), about: About::default() };
    let files = [("moved.rs", MOVED), ("b.py", "class Shape:\n    pass\n")];
    check(
        &files,
        question("What does `take` do?"),
        expect![[r#"
            Answer("What does `take` do?")
            moved.rs (1, 3) definition of take: rust
            moved.rs (5, 9) main uses take: rust
        "#]],
    );
    check(
        &files,
        question("What is this about?"),
        expect![[r#"
            Answer("What is this about?")
            workspace (1, 2) files and what they define: text
                b.py
        "#]],
    );
    check(
        &[],
        question("What is a monad?"),
        expect![[r#"
        Answer("What is a monad?")
    "#]],
    );
}

#[test]
fn a_question_about_lines() {
    let files = vec![FileRange { path: "moved.rs".into(), lines: Some(5..=6) }];
    check(
        &[("moved.rs", MOVED)],
        Question::Ask { question: "Why?".into(), about: About { files, ..About::default() } },
        expect![[r#"
            Answer("Why?")
            moved.rs (1, 9) the file: rust
        "#]],
    );
}

#[test]
fn the_diagnostics_that_are_meant() {
    let at = |path: &str, line: u32, severity: Severity| Diagnostic {
        path: path.into(),
        start: Position::new(line, 0),
        end: Position::new(line, 1),
        severity,
        code: None,
        source: None,
        message: String::new(),
        rendered: None,
    };
    use Severity::{Error, Warning};
    for (name, all, expected) in [
        (
            "on the line, errors first",
            vec![at("a", 3, Warning), at("a", 3, Error), at("a", 4, Error)],
            vec![("a", 3), ("a", 3)],
        ),
        (
            "the nearest error of the file",
            vec![at("a", 9, Error), at("a", 1, Error), at("a", 2, Warning)],
            vec![("a", 1)],
        ),
        ("an error elsewhere", vec![at("b", 7, Error), at("a", 2, Warning)], vec![("b", 7)]),
        ("no error", vec![at("a", 2, Warning)], vec![]),
    ] {
        let found = relevant(all, Path::new("a"), 3);
        let places: Vec<_> = found.iter().map(|one| (one.path.to_str().unwrap(), one.start.line)).collect();
        assert_eq!(places, expected, "{name}");
    }
}

#[cfg(unix)]
#[test]
fn a_command_that_takes_too_long_ends_with_its_children() {
    let dir = tempfile::tempdir().unwrap();
    let marker = dir.path().join("still-running");
    let mut shell = tokio::process::Command::new("sh");
    shell.arg("-c").arg(format!("(sleep 2; touch {}) & wait", marker.display()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let error = runtime.block_on(super::super::command::run(shell, Duration::from_secs(1))).unwrap_err();
    assert_eq!(error, "sh took longer than 1 s and was ended");
    std::thread::sleep(Duration::from_secs(3));
    assert!(!marker.exists(), "the shell's child went on");
}

/// A project with an index that can be searched, and with a history where there is one to write.
fn indexed(files: &[(&str, &str)], commits: &[&[(&str, &str)]]) -> (TempDir, Sources) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("project");
    let write = |files: &[(&str, &str)]| {
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    };
    write(files);
    let git = |arguments: &[&str]| {
        let mut git = std::process::Command::new("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]).args(arguments);
        git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
        assert!(git.current_dir(&root).output().unwrap().status.success(), "git {arguments:?}");
    };
    for (number, changed) in commits.iter().enumerate() {
        if number == 0 {
            git(&["init", "--quiet"]);
        }
        write(changed);
        git(&["add", "."]);
        git(&["commit", "--quiet", "--message", &format!("commit number {}", number + 1)]);
    }
    let root = root.canonicalize().unwrap();
    let workspace = Arc::new(Workspace::open(root, &dir.path().join("cache")));
    (dir, Sources { workspace, open: Arc::new(|_| None) })
}

fn check_indexed(files: &[(&str, &str)], commits: &[&[(&str, &str)]], question: Question, expected: Expect) {
    let (_dir, sources) = indexed(files, commits);
    expected.assert_eq(&listing(&gathered(&sources, question)));
}

const FEE: &str = "RATE = 3\n\n\ndef fee(amount):\n    return amount * RATE // 100\n";
const OLD_FEE: &str = "RATE = 3\n\n\ndef fee(amount):\n    return amount * RATE\n";
const BILL: &str = "from fee import fee\n\n\ndef bill(amounts):\n    total = 0\n    for amount in amounts:\n        total += amount + fee(amount)\n    return total\n";
const TEST_FEE: &str = "from fee import fee\n\n\ndef test_fee():\n    assert fee(200) == 6\n";

#[test]
fn a_question_about_lines_knows_tests_callers_and_history() {
    let files = [("fee.py", OLD_FEE), ("bill.py", BILL), ("test_fee.py", TEST_FEE)];
    check_indexed(
        &files,
        &[&[], &[("fee.py", FEE)]],
        Question::Ask {
            question: "Is this rounded?".into(),
            about: About { files: vec![FileRange { path: "fee.py".into(), lines: Some(4..=4) }], ..About::default() },
        },
        expect![[r#"
            Answer("Is this rounded?")
            fee.py (1, 5) the file: python
            test_fee.py (4, 5) a test of fee: python
            bill.py (5, 8) bill uses fee: python
            fee.py (4, 5) how these lines came to be (git log): diff
        "#]],
    );
}

#[test]
fn a_selection_knows_tests_callers_and_the_history_of_its_lines() {
    let files = [("fee.py", OLD_FEE), ("bill.py", BILL), ("test_fee.py", TEST_FEE)];
    let (_dir, mut sources) = indexed(&files, &[&[], &[("fee.py", FEE)]]);
    let open = sources.workspace.root().join("fee.py");
    // What is in the editor was not saved, so that its lines are others than git's.
    let typed = Snapshot::of_text(Some(open.clone()), &format!("{}{FEE}", "# new\n".repeat(40)));
    sources.open = Arc::new(move |path| (path == open).then(|| typed.clone()));
    let question = Question::ExplainSelection { path: "fee.py".into(), lines: 44..=44 };
    let gathered = gathered(&sources, question);
    expect![[r#"
        ExplainSelection { lines: 44..=44 }
        fee.py (44, 45) the function around it: python
        fee.py (1, 41) definition of RATE: python
        test_fee.py (4, 5) a test of fee: python
        bill.py (5, 8) bill uses fee: python
        fee.py (44, 45) how these lines came to be (git log): diff
    "#]]
    .assert_eq(&listing(&gathered));
    let history = gathered.items.last().unwrap();
    assert!(history.text.contains("-    return amount * RATE\n+    return amount * RATE // 100"), "{}", history.text);
}

#[test]
fn a_trace_in_a_question_leads_to_its_frames() {
    let question = "Why does this fail?\n\nTraceback (most recent call last):\n  File \"/home/someone/shop/bill.py\", line 7, in bill\n    total += amount + fee(amount)\n  File \"/home/someone/shop/fee.py\", line 5, in fee\n    return amount * RATE // 100\nTypeError: unsupported operand\n";
    check_indexed(
        &[("shop/fee.py", FEE), ("shop/bill.py", BILL), ("test_fee.py", TEST_FEE)],
        &[],
        Question::Ask { question: question.into(), about: About::default() },
        expect![[r#"
            Answer("Why does this fail?\n\nTraceback (most recent call last):\n  File \"/home/someone/shop/bill.py\", line 7, in bill\n    total += amount + fee(amount)\n  File \"/home/someone/shop/fee.py\", line 5, in fee\n    return amount * RATE // 100\nTypeError: unsupported operand\n")
            shop/fee.py (1, 5) the file: python
            shop/bill.py (1, 8) the file: python
            test_fee.py (4, 5) a test of fee: python
        "#]],
    );
}

#[test]
fn a_question_that_names_nothing_is_searched_for() {
    check_indexed(
        &[("fee.py", FEE), ("bill.py", BILL)],
        &[],
        Question::Ask { question: "how are amounts added up to a total?".into(), about: About::default() },
        expect![[r#"
            Answer("how are amounts added up to a total?")
            bill.py (1, 8) found by searching, bill: python
        "#]],
    );
}

#[test]
fn an_error_gets_a_little_of_what_surrounds_it() {
    let broken = BILL.replace("return total", "return totl");
    let diagnostic = Diagnostic {
        path: "bill.py".into(),
        start: Position::new(7, 11),
        end: Position::new(7, 15),
        severity: Severity::Error,
        code: None,
        source: Some("pyright".into()),
        message: "`totl` is not defined".into(),
        rendered: None,
    };
    let user = "from bill import bill\n\n\ndef main():\n    print(bill([1, 2]))\n";
    check_indexed(
        &[("fee.py", FEE), ("bill.py", &broken), ("main.py", user)],
        &[],
        Question::Explain { path: "bill.py".into(), line: 7, diagnostics: vec![diagnostic] },
        expect![[r#"
            ExplainProblem(Error)
            bill.py (8, 8) what pyright says: text
                error on line 8
            bill.py (1, 8) the file: python
            main.py (4, 5) main uses bill: python
        "#]],
    );
}

#[test]
fn no_repository_is_no_reason_to_fail() {
    let (_dir, sources) = indexed(&[("fee.py", FEE)], &[]);
    let lines = Some(4..=4);
    let question = Question::Ask {
        question: "why?".into(),
        about: About { files: vec![FileRange { path: "fee.py".into(), lines }], ..About::default() },
    };
    assert!(gathered(&sources, question).items.iter().all(|item| !item.evidence.why.contains("git")));
}

#[test]
fn a_configured_checker_takes_the_place_of_the_built_in_one() {
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    let entry = |script: &str| CheckerEntry {
        name: "house".to_owned(),
        command: words(&["sh", "-c", script, "sh", "{file}"]),
        languages: words(&["Python"]),
        ..CheckerEntry::default()
    };
    let found = |checkers: Vec<CheckerEntry>| {
        // The built-in one would complain of the colon.
        let (_dir, sources) = project(&[("a.py", "def f(x):\n    if x\n        return 1\n")]);
        let limits = Limits { may_run_checks: true, checkers, ..Limits::default() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let question = explain_at("a.py", 2);
        let gathered = runtime.block_on(gather(&sources, &limits, RoughCounter, question, true, &mut |_| {}));
        listing(&gathered.unwrap())
    };
    let complains = entry("echo \"$1:2:5: error: no ifs here [house-1]\"; exit 1");
    expect![[r#"
        ExplainProblem(Error)
        a.py (2, 2) what house says: text
            error[house-1] on line 2
        a.py (1, 3) the file: python
    "#]]
    .assert_eq(&found(vec![complains.clone()]));
    // The next one is asked where the first has nothing to say; one that fails says why.
    expect![[r#"
        ExplainProblem(Error)
        a.py (2, 2) what house says: text
            error[house-1] on line 2
        a.py (1, 3) the file: python
    "#]]
    .assert_eq(&found(vec![entry("true"), complains]));
    expect![[r#"
        ExplainCode { line: 1 }
        house (1, 1) the checker could not run: text
            broken
        a.py (1, 3) the file: python
    "#]]
    .assert_eq(&found(vec![entry("echo broken >&2; exit 3")]));
}

#[test]
fn code_that_was_never_saved_is_told_by_the_editors_language() {
    let (_dir, sources) = project(&[("a.rs", "fn a() {}\n")]);
    let open: crate::assistant::OpenDocuments = Arc::new(|path| {
        let (of, language) = match path.file_name()?.to_str()? {
            "untitled:1" => (None, "python"),
            "a.h" => (Some(path.to_owned()), "cpp"),
            _ => return None,
        };
        Some(Document::new(of, language, 0, "x = 1\n").snapshot())
    });
    let sources = Sources { open, ..sources };
    let file = |path: &str| FileRange { path: path.into(), lines: Some(0..=0) };
    let files = ["a.rs", "untitled:1", "a.h"].map(file).to_vec();
    let about = About { files, ..About::default() };
    let gathered = gathered(&sources, Question::Ask { question: "why?".to_owned(), about });
    let told: Vec<(&str, &str)> =
        gathered.items.iter().map(|item| (item.evidence.path.as_str(), item.fence.as_str())).collect();
    assert_eq!(told, [("a.rs", "rust"), ("", "python"), ("a.h", "cpp")]);
}

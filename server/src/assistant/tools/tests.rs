//! What models get that ask for what they may not have, or for nonsense.

use std::fs;

use expect_test::{Expect, expect};
use halfline_context::Workspace;

use super::*;

fn errands(limits: ToolLimits, files: &[(&str, &str)]) -> (tempfile::TempDir, Errands) {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = dir.path().join("workspace").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    fs::write(dir.path().join("outside.rs"), "fn outside() {}\n").unwrap();
    let root = dir.path().join("workspace").canonicalize().unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(dir.path().join("outside.rs"), root.join("link.rs")).unwrap();
    let workspace = Arc::new(Workspace::open(root, &dir.path().join("cache")));
    let sources = Sources { workspace, open: Arc::new(|_| None) };
    sources.refresh();
    let may_check: MayCheck = Arc::new(|_| Err("no checker may run here".to_owned()));
    (dir, Errands::new(&Toolbox { sources, limits, checkers: Vec::new(), may_check }))
}

const FILES: &[(&str, &str)] = &[
    (
        "src/a.rs",
        "/// Adds one.\nfn add_one(x: u32) -> u32 {\n    x + 1\n}\n\nfn main() {\n    // see private/key.rs\n    add_one(2);\n}\n",
    ),
    ("private/key.rs", "fn add_one_key() { add_one(3); }\n"),
    (".env", "TOKEN=abc\n"),
    (".gitignore", "ignored.rs\n"),
    ("ignored.rs", "fn ignored() {}\n"),
];

/// Runs the calls one after the other and prints what the model and the user get.
fn check(limits: ToolLimits, calls: &[(&str, &str)], expected: Expect) {
    let (_dir, mut errands) = errands(limits, FILES);
    let privacy = Privacy::new(&["private/**".to_owned()], &[]).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut text = String::new();
    for (name, arguments) in calls {
        let fetched = runtime.block_on(errands.run(name, arguments, &privacy, &mut |_| {}));
        text += &format!("{}\n{:?}\n", fetched.text, fetched.files);
    }
    text += "--\n";
    for used in errands.uses() {
        text += &format!("{}\n", used.note);
    }
    expected.assert_eq(&text);
}

#[test]
fn lines_of_a_text_that_is_not_saved_are_those_in_the_editor() {
    let (dir, _errands) = errands(ToolLimits::default(), FILES);
    let root = dir.path().join("workspace").canonicalize().unwrap();
    let workspace = Arc::new(Workspace::open(&root, &dir.path().join("other_cache")));
    let typed = format!("// One.\n// Two.\n{}", FILES[0].1);
    let snapshot = halfline_context::Snapshot::of_text(Some(root.join("src/a.rs")), &typed);
    workspace.edited(&snapshot);
    let sources = Sources { workspace, open: Arc::new(move |path| path.ends_with("a.rs").then(|| snapshot.clone())) };
    let privacy = Privacy::new(&[], &[]).unwrap();
    let shown = find::definition(&sources, &privacy, "add_one").unwrap().text;
    assert!(shown.starts_with("src/a.rs, lines 4-6:\n"), "{shown}");
    assert!(shown.contains("fn add_one(x: u32)"), "{shown}");
    let shown = find::search(&sources, &privacy, "main private key").unwrap().text;
    assert!(shown.contains("src/a.rs, lines 3-11:\n") && shown.contains("11 | }"), "{shown}");
}

#[test]
fn files_definitions_and_references() {
    check(
        ToolLimits::default(),
        &[
            ("read_file", r#"{"path": "src/a.rs", "first_line": 6}"#),
            ("definition", r#"{"name": "a::add_one"}"#),
            ("references", r#"{"name": "add_one"}"#),
        ],
        expect![[r#"
            src/a.rs, lines 6-10 of 10:
              6 | fn main() {
            [a line that stays on this machine]
              8 |     add_one(2);
              9 | }
             10 |
            ["src/a.rs"]
            src/a.rs, lines 2-4:
             2 | fn add_one(x: u32) -> u32 {
             3 |     x + 1
             4 | }

            ["src/a.rs"]
            src/a.rs:2: fn add_one(x: u32) -> u32 {
            src/a.rs:8: add_one(2);

            [1 more stay on this machine]
            ["src/a.rs"]
            --
            called read_file {"path": "src/a.rs", "first_line": 6}: 6 lines
            called definition {"name": "a::add_one"}: 4 lines
            called references {"name": "add_one"}: 4 lines
        "#]],
    );
}

#[test]
fn what_has_to_stay_is_refused() {
    check(
        ToolLimits { calls: 20, ..ToolLimits::default() },
        &[
            ("read_file", r#"{"path": "../../etc/passwd"}"#),
            ("read_file", r#"{"path": "/etc/passwd"}"#),
            ("read_file", r#"{"path": "../outside.rs"}"#),
            ("read_file", r#"{"path": "link.rs"}"#),
            ("read_file", r#"{"path": ".env"}"#),
            ("read_file", r#"{"path": "src/../.env"}"#),
            ("read_file", r#"{"path": "ignored.rs"}"#),
            ("read_file", r#"{"path": "private/key.rs"}"#),
            ("read_file", r#"{"path": "src/../private/key.rs"}"#),
            ("definition", r#"{"name": "add_one_key"}"#),
            ("run_check", r#"{"path": "src/a.rs"}"#),
        ],
        expect![[r#"
            refused: it lies outside of the workspace
            []
            refused: it lies outside of the workspace
            []
            refused: it lies outside of the workspace
            []
            refused: it lies outside of the workspace
            []
            refused: files of that name tend to hold secrets
            []
            refused: files of that name tend to hold secrets
            []
            refused: it is hidden, ignored by git, or no plain file
            []
            refused: it stays on this machine
            []
            refused: it stays on this machine
            []
            refused: all that was found stays on this machine
            []
            refused: no checker may run here
            []
            --
            called read_file {"path": "../../etc/passwd"}, which was refused: it lies outside of the workspace
            called read_file {"path": "/etc/passwd"}, which was refused: it lies outside of the workspace
            called read_file {"path": "../outside.rs"}, which was refused: it lies outside of the workspace
            called read_file {"path": "link.rs"}, which was refused: it lies outside of the workspace
            called read_file {"path": ".env"}, which was refused: files of that name tend to hold secrets
            called read_file {"path": "src/../.env"}, which was refused: files of that name tend to hold secrets
            called read_file {"path": "ignored.rs"}, which was refused: it is hidden, ignored by git, or no plain file
            called read_file {"path": "private/key.rs"}, which was refused: private/key.rs never leaves this machine (privacy.never_leave)
            called read_file {"path": "src/../private/key.rs"}, which was refused: private/key.rs never leaves this machine (privacy.never_leave)
            called definition {"name": "add_one_key"}, which was refused: all that was found stays on this machine
            called run_check {"path": "src/a.rs"}, which was refused: no checker may run here
        "#]],
    );
}

#[test]
fn nonsense_is_answered() {
    check(
        ToolLimits { calls: 20, ..ToolLimits::default() },
        &[
            ("read_file", "{\"path\": "),
            ("read_file", "[1]"),
            ("read_file", r#"{"file": "src/a.rs"}"#),
            ("read_file", r#"{"path": "src/none.rs"}"#),
            ("read_file", r#"{"path": "src/a.rs", "first_line": 99}"#),
            ("read_file", r#"{"path": "src/a.rs\u0000"}"#),
            ("read_file", r#"{"path": ""}"#),
            ("search", r#"{"query": " "}"#),
            ("definition", r#"{"name": "::"}"#),
            ("references", r#"{"name": "nobody"}"#),
            ("delete_everything", "{}"),
        ],
        expect![[r#"
            failed: the arguments are not JSON: EOF while parsing a value at line 1 column 9
            []
            failed: the arguments do not fit: invalid type: integer `1`, expected a string
            []
            failed: the arguments do not fit: missing field `path`
            []
            failed: there is no such file
            []
            failed: src/a.rs has 10 lines
            []
            failed: the path is empty, or no path
            []
            failed: the path is empty, or no path
            []
            failed: the query is empty
            []
            failed: the name is empty
            []
            failed: nothing in the workspace names that
            []
            failed: there is no such tool; there are read_file, search, definition, references and run_check
            []
            --
            called read_file {"path":, which failed: the arguments are not JSON: EOF while parsing a value at line 1 column 9
            called read_file [1], which failed: the arguments do not fit: invalid type: integer `1`, expected a string
            called read_file {"file": "src/a.rs"}, which failed: the arguments do not fit: missing field `path`
            called read_file {"path": "src/none.rs"}, which failed: there is no such file
            called read_file {"path": "src/a.rs", "first_line": 99}, which failed: src/a.rs has 10 lines
            called read_file {"path": "src/a.rs\u0000"}, which failed: the path is empty, or no path
            called read_file {"path": ""}, which failed: the path is empty, or no path
            called search {"query": " "}, which failed: the query is empty
            called definition {"name": "::"}, which failed: the name is empty
            called references {"name": "nobody"}, which failed: nothing in the workspace names that
            called delete_everything {}, which failed: there is no such tool; there are read_file, search, definition, references and run_check
        "#]],
    );
}

#[test]
fn calls_bytes_and_time_are_bounded() {
    let read = ("read_file", r#"{"path": "src/a.rs"}"#);
    check(
        ToolLimits { calls: 1, ..ToolLimits::default() },
        &[read, read],
        expect![[r#"
        src/a.rs, lines 1-10 of 10:
          1 | /// Adds one.
          2 | fn add_one(x: u32) -> u32 {
          3 |     x + 1
          4 | }
          5 |
          6 | fn main() {
        [a line that stays on this machine]
          8 |     add_one(2);
          9 | }
         10 |
        ["src/a.rs"]
        refused: no more calls are allowed for this answer
        []
        --
        called read_file {"path": "src/a.rs"}: 11 lines
        called read_file {"path": "src/a.rs"}, which was refused: no more calls are allowed for this answer
    "#]],
    );
    check(
        ToolLimits { bytes: 90, ..ToolLimits::default() },
        &[read, read],
        expect![[r#"
        src/a.rs, lines 1-10 of 10:
          1 | /// Adds one.
          2 | fn add_one(x: u32) -> u32 {
          3 |   
        [cut]
        ["src/a.rs"]
        refused: no more calls are allowed for this answer
        []
        --
        called read_file {"path": "src/a.rs"}: 11 lines
        called read_file {"path": "src/a.rs"}, which was refused: no more calls are allowed for this answer
    "#]],
    );
    check(
        ToolLimits { time: Duration::ZERO, ..ToolLimits::default() },
        &[read],
        expect![[r#"
        refused: no more calls are allowed for this answer
        []
        --
        called read_file {"path": "src/a.rs"}, which was refused: no more calls are allowed for this answer
    "#]],
    );
}

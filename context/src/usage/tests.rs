//! Who uses what, on small projects with a marked place, as a listing.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use expect_test::{Expect, expect};

use super::*;
use crate::budget::RoughCounter;
use crate::workspace::ScanLimits;

/// A project written to disk and indexed, and the place in it that is marked with `$0`.
fn project(files: &[(&str, &str)]) -> (tempfile::TempDir, Workspace, Focus) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("project");
    let mut place: Option<(PathBuf, String, usize)> = None;
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let plain = text.replace("$0", "");
        fs::write(&path, &plain).unwrap();
        if let Some(at) = text.find("$0") {
            place = Some((path, plain, text[..at].matches('\n').count()));
        }
    }
    let workspace = Workspace::open(root, &dir.path().join("cache"));
    workspace.scan(&ScanLimits::default(), &AtomicBool::new(false));
    let (path, text, line) = place.unwrap();
    let snapshot = Snapshot::of_text(Some(path), &text);
    (dir, workspace, Focus { snapshot, lines: line..=line, message: String::new() })
}

fn show(pieces: &[Piece]) -> String {
    let show =
        |piece: &Piece| format!("## {} {:?} {}\n{}\n", piece.path, piece.lines, piece.why, piece.text.trim_end());
    pieces.iter().map(show).collect()
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn check(files: &[(&str, &str)], tokens: usize, expected: Expect) {
    let (_dir, workspace, focus) = project(files);
    expected.assert_eq(&show(&gather_usage(&focus, &[], tokens, &RoughCounter, &workspace, soon())));
}

const RUST: [(&str, &str); 4] = [
    (
        "src/header.rs",
        "/// Reads a header.\npub fn parse_header(line: &str) -> Header {\n    $0let (name, value) = split(line);\n    Header { name, value }\n}\n\n#[cfg(test)]\nmod tests {\n    use super::*;\n\n    #[test]\n    fn parse_header_needs_a_colon() {\n        assert!(parse_header(\"a\").is_empty());\n    }\n}\n",
    ),
    (
        "src/client.rs",
        "use crate::header::parse_header;\n\n// parse_header is slow.\nfn read_all(text: &str) {\n    for line in text.lines() {\n        let header = parse_header(line);\n        keep(header);\n    }\n}\n",
    ),
    (
        "tests/reading.rs",
        "#[test]\nfn reads() {\n    let header = client::parse_header(\"a: b\");\n    assert_eq!(header.name, \"a\");\n}\n",
    ),
    ("src/other.rs", "fn parse_headers() {}\n"),
];

#[test]
fn tests_and_callers_of_a_function() {
    check(
        &RUST,
        400,
        expect![[r###"
        ## src/header.rs (12, 14) a test of parse_header
         12 |     fn parse_header_needs_a_colon() {
         13 |         assert!(parse_header("a").is_empty());
         14 |     }
        ## tests/reading.rs (2, 5) a test of parse_header
         2 | fn reads() {
         3 |     let header = client::parse_header("a: b");
         4 |     assert_eq!(header.name, "a");
         5 | }
        ## src/client.rs (4, 8) read_all uses parse_header
         4 | fn read_all(text: &str) {
         5 |     for line in text.lines() {
        >6 |         let header = parse_header(line);
         7 |         keep(header);
         8 |     }
    "###]],
    );
}

#[test]
fn what_fits_the_budget() {
    check(
        &RUST,
        40,
        expect![[r###"
        ## src/header.rs (12, 14) a test of parse_header
         12 |     fn parse_header_needs_a_colon() {
         13 |         assert!(parse_header("a").is_empty());
         14 |     }
    "###]],
    );
    check(&RUST, 0, expect![""]);
}

#[test]
fn a_method_is_used_where_its_type_is_named() {
    check(
        &[
            ("queue.py", "class Queue:\n    def push(self, item):\n        $0self.items.append(item)\n"),
            ("worker.py", "from queue import Queue\n\ndef fill(queue: Queue):\n    queue.push(1)\n"),
            ("repo.py", "def save(remote):\n    remote.push(1)\n"),
            ("test_queue.py", "from queue import Queue\n\ndef test_order():\n    queue = Queue()\n    queue.push(1)\n"),
        ],
        400,
        expect![[r#"
            ## test_queue.py (3, 5) a test of push
             3 | def test_order():
             4 |     queue = Queue()
             5 |     queue.push(1)
            ## worker.py (3, 4) fill uses push
             3 | def fill(queue: Queue):
            >4 |     queue.push(1)
        "#]],
    );
}

#[test]
fn places_that_fit_a_question() {
    let (_dir, workspace, _) = project(&RUST);
    let related = |shown: &[Piece], tokens: usize| {
        gather_related("Which lines of a text are headers?", shown, tokens, &RoughCounter, &workspace, soon())
    };
    let found = related(&[], 400);
    expect![[r###"
        ## src/client.rs (1, 9) found by searching, read_all
         1 | use crate::header::parse_header;
         2 |
         3 | // parse_header is slow.
         4 | fn read_all(text: &str) {
         5 |     for line in text.lines() {
         6 |         let header = parse_header(line);
         7 |         keep(header);
         8 |     }
         9 | }
        ## src/header.rs (1, 15) found by searching, parse_header
          1 | /// Reads a header.
          2 | pub fn parse_header(line: &str) -> Header {
          3 |     let (name, value) = split(line);
          4 |     Header { name, value }
          5 | }
          6 |
          7 | #[cfg(test)]
          8 | mod tests {
          9 |     use super::*;
         10 |
         11 |     #[test]
         12 |     fn parse_header_needs_a_colon() {
         13 |         assert!(parse_header("a").is_empty());
         14 |     }
         15 | }
    "###]]
    .assert_eq(&show(&found));
    assert!(related(&found, 400).iter().all(|piece| !found.contains(piece)), "nothing is shown twice");
    assert!(related(&[], 0).is_empty());
}

#[test]
fn of_a_long_hit_the_lines_that_fit_best() {
    let filler = "    step();\n".repeat(30);
    let text = format!("fn long() {{\n{filler}    // the needle is sewn\n    sew(needle);\n{filler}}}\n");
    let snapshot = Snapshot::of_text(Some("a.rs".into()), &text);
    let (first, last) = best_window(&snapshot, "where is the needle?", (0, 59));
    assert!(first <= 31 && 32 <= last && last - first + 1 == RELATED_LINES, "{first} {last}");
    assert_eq!(best_window(&snapshot, "needle", (3, 9)), (3, 9));
}

#[test]
fn a_file_that_has_changed_is_passed_over() {
    let (_dir, workspace, focus) = project(&RUST);
    fs::write(workspace.root().join("src/client.rs"), "fn short() {}\n").unwrap();
    let found = gather_usage(&focus, &[], 400, &RoughCounter, &workspace, soon());
    assert!(!found.is_empty() && found.iter().all(|piece| piece.path != "src/client.rs"), "{found:?}");
    let late = Instant::now().checked_sub(Duration::from_secs(1)).unwrap();
    assert!(gather_usage(&focus, &[], 400, &RoughCounter, &workspace, late).is_empty());
}

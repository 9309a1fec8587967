//! Outputs of real tools, cut short, and what is read from them.

use std::path::Path;

use super::*;

/// Name, message, and the frames as path and line.
type Told = (String, String, Vec<(String, usize)>);

fn failures(text: &str) -> Vec<Told> {
    let findings = read(text, "");
    let failures = findings.failures.into_iter().map(|one| {
        let frames = one.frames.iter().map(|frame| (frame.path.display().to_string(), frame.line)).collect();
        (one.name, one.message, frames)
    });
    failures.collect()
}

fn frame(path: &str, line: usize) -> (String, usize) {
    (path.to_owned(), line)
}

#[test]
fn a_traceback() {
    let text = "Traceback (most recent call last):\n  File \"check.py\", line 12, in <module>\n    check(f)\n    ~~~~~^^^\n  File \"a.py\", line 3, in f\n    return xs[9]\nIndexError: list index out of range\n";
    let expected = vec![(
        String::new(),
        "IndexError: list index out of range".to_owned(),
        vec![frame("check.py", 12), frame("a.py", 3)],
    )];
    assert_eq!(failures(text), expected);
}

#[test]
fn a_program_that_hung_says_where() {
    let text = "Fatal Python error: Aborted\n\nCurrent thread 0x00007f (most recent call first):\n  File \"a.py\", line 4 in spin\n  File \"a.py\", line 9 in <module>\n";
    let found = failures(text);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].2, [frame("a.py", 9), frame("a.py", 4)]);
}

#[test]
fn unittest_names_its_tests() {
    let text = "F\n======================================================================\nFAIL: test_add (t.T.test_add)\n----------------------------------------------------------------------\nTraceback (most recent call last):\n  File \"t.py\", line 6, in test_add\n    self.assertEqual(add(1, 2), 3)\nAssertionError: -1 != 3\n\n----------------------------------------------------------------------\nRan 1 test in 0.000s\n";
    let expected = vec![("test_add".to_owned(), "AssertionError: -1 != 3".to_owned(), vec![frame("t.py", 6)])];
    assert_eq!(failures(text), expected);
}

#[test]
fn pytest_reports() {
    let text = "=================================== FAILURES ===================================\n___________________________________ test_add ___________________________________\n\n    def test_add():\n>       assert add(1, 2) == 3\nE       assert -1 == 3\nE        +  where -1 = add(1, 2)\n\ntest_a.py:4: AssertionError\n=========================== short test summary info ============================\nFAILED test_a.py::test_add - assert -1 == 3\n============================== 1 failed in 0.02s ===============================\n";
    let found = failures(text);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, "test_add");
    assert!(found[0].1.contains("assert -1 == 3") && found[0].1.contains("where -1 = add(1, 2)"), "{}", found[0].1);
    assert_eq!(found[0].2, [frame("test_a.py", 4)]);
    let summary = "FAILED test_a.py::test_add - assert -1 == 3\n1 failed in 0.02s\n";
    assert_eq!(failures(summary), [("test_a.py::test_add".to_owned(), "assert -1 == 3".to_owned(), vec![])]);
}

#[test]
fn a_python_syntax_error_is_a_diagnostic() {
    for text in [
        "  File \"a.py\", line 2\n    if x\n        ^\nSyntaxError: expected ':'\n",
        "Traceback (most recent call last):\n  File \"m.py\", line 1, in <module>\n    import a\n  File \"a.py\", line 2\n    if x\n        ^\nSyntaxError: expected ':'\n",
        "Sorry: SyntaxError: expected ':' (a.py, line 2)\n",
    ] {
        let findings = read("", text);
        let found: Vec<_> =
            findings.diagnostics.iter().map(|one| (one.path.as_path(), one.start.line, one.message.as_str())).collect();
        if text.starts_with("Sorry") {
            // Without a place there is nothing to point to.
            assert!(found.is_empty());
        } else {
            assert_eq!(found, [(Path::new("a.py"), 1, "expected ':'")]);
        }
    }
}

#[test]
fn cargo_test_and_panics() {
    let text = "running 2 tests\ntest tests::good ... ok\ntest tests::bad ... FAILED\n\nfailures:\n\n---- tests::bad stdout ----\n\nthread 'tests::bad' (7) panicked at src/lib.rs:12:9:\nassertion `left == right` failed\n  left: 2\n right: 3\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n\n\nfailures:\n    tests::bad\n";
    let expected = vec![(
        "tests::bad".to_owned(),
        "assertion `left == right` failed\n  left: 2\n right: 3".to_owned(),
        vec![frame("src/lib.rs", 12)],
    )];
    assert_eq!(failures(text), expected);
}

#[test]
fn a_panic_with_its_backtrace() {
    let text = "thread 'main' panicked at src/parse.rs:3:5:\nno digits\nstack backtrace:\n   0: core::panicking::panic\n             at /rustc/1/library/core/src/panicking.rs:1:2\n   1: sample::parse::number\n             at ./src/parse.rs:3:5\n   2: sample::main\n             at ./src/main.rs:8:9\nnote: Some details are omitted\n";
    let found = failures(text);
    assert_eq!(found[0].1, "no digits");
    assert_eq!(found[0].2, [frame("src/main.rs", 8), frame("src/parse.rs", 3)]);
}

#[test]
fn rustc_as_text() {
    let text = "error[E0308]: mismatched types\n --> src/main.rs:6:18\n  |\n6 |     let x: i32 = \"5\";\n  |            ---   ^^^ expected `i32`, found `&str`\n\nerror: aborting due to 1 previous error\n";
    let findings = read("", text);
    let [found] = &findings.diagnostics[..] else { panic!("{:?}", findings.diagnostics) };
    assert_eq!((found.start.line, found.start.character, found.code.as_deref()), (5, 17, Some("E0308")));
}

#[test]
fn suggestions_of_rustc() {
    let span = |start: usize, end: usize, text: &str, applicability: &str| {
        format!(
            r#"{{"file_name":"a.rs","byte_start":{start},"byte_end":{end},"is_primary":true,"line_start":1,"line_end":1,"column_start":1,"column_end":2,"suggested_replacement":"{text}","suggestion_applicability":"{applicability}"}}"#
        )
    };
    let primary = r#"{"file_name":"a.rs","byte_start":0,"byte_end":1,"is_primary":true,"line_start":1,"line_end":1,"column_start":1,"column_end":2,"suggested_replacement":null,"suggestion_applicability":null}"#;
    let message = |spans: &str| {
        format!(
            r#"{{"message":"no","level":"error","code":null,"spans":[{primary}],"children":[{{"message":"try","level":"help","code":null,"spans":[{spans}],"children":[],"rendered":null}}],"rendered":"error: no\n"}}"#
        )
    };
    let count = |spans: &[String]| {
        let findings = read("", &message(&spans.join(",")));
        findings
            .suggestions
            .iter()
            .map(|(_, one)| (one.is_sure, one.edits.values().flatten().count()))
            .collect::<Vec<_>>()
    };
    let sure = "MachineApplicable";
    assert_eq!(count(&[span(4, 5, "x", sure), span(9, 9, "y", sure)]), [(true, 2)], "parts of one");
    assert_eq!(
        count(&[span(4, 5, "x", "MaybeIncorrect"), span(4, 5, "y", "MaybeIncorrect")]),
        [(false, 1), (false, 1)]
    );
    assert_eq!(count(&[span(4, 5, "todo!()", "HasPlaceholders")]), []);
}

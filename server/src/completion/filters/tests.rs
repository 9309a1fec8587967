//! All rules together, on places in real code.

use expect_test::{Expect, expect};
use halfline_context::Snapshot;

use super::{Site, apply};
use crate::completion::{Trigger, mode};

/// `|` marks the cursor in a file of that name.
fn check(path: &str, marked: &str, generated: &str, expected: Expect) {
    let offset = marked.chars().position(|ch| ch == '|').unwrap();
    let snapshot = Snapshot::of_text(Some(path.into()), &marked.replacen('|', "", 1));
    let mode = mode::at(&snapshot, offset);
    let site = Site { snapshot: &snapshot, offset, mode: &mode, trigger: Trigger::Automatic, is_cut_off: false };
    let text = match apply(&site, generated) {
        Ok(text) => format!("{text:?}"),
        Err(reason) => format!("nothing: {reason}"),
    };
    expected.assert_eq(&text);
}

#[test]
fn a_line() {
    check("a.rs", "fn f() {\n    let x = |\n}\n", "foo(1);\n    bar();", expect![[r#""foo(1);""#]]);
    check("a.rs", "fn f() {\n    g(|)\n}\n", "a, b)", expect![[r#""a, b""#]]);
    check("a.rs", "fn f() {\n    g(|);\n}\n", "a, b);<|fim_pad|>", expect![[r#""a, b""#]]);
    check("a.rs", "fn f() {\n    g(|\n}\n", "a, b);", expect![[r#""a, b);""#]]);
    check("a.rs", "fn f() {\n    g();\n|\n}\n", "}", expect!["nothing: the model has nothing to add here"]);
    check("a.rs", "fn f() {\n    g();|\n}\n", ")) + (", expect!["nothing: the model has nothing to add here"]);
    check("a.rs", "fn f() {\n    g()|\n}\n", "", expect!["nothing: the model has nothing to add here"]);
    check("a.rs", "fn f() {\n    g()|\n}\n", ";", expect!["nothing: it would save a single key"]);
    check("a.py", "def f(x):\n    return |\n", "x + 1\n\ndef g():", expect![[r#""x + 1""#]]);
    check("a.txt", "Dear |", "all, all, all, all, all, all, all, all, all", expect![[r#""all, all,""#]]);
}

#[test]
fn a_block() {
    check("a.rs", "fn f() {\n    |\n}\n", "g();\n    h();\n}\n\nfn x() {", expect![[r#""g();\n    h();""#]]);
    check("a.rs", "fn f() {\n    |", "g();\n    h();\n}\n\nfn x() {", expect![[r#""g();\n    h();\n}""#]]);
    check(
        "a.py",
        "def f(x):\n    |\n",
        "if x:\n        return 1\n    return 2\n\nf(1)",
        expect![[r#""if x:\n        return 1\n    return 2""#]],
    );
}

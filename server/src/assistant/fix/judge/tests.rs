//! Changes that pass a check for the wrong reason.

use super::*;

fn check(path: &str, before: &str, after: &str) -> Vec<String> {
    let texts = |text: &str| Texts::from([(path.into(), text.to_owned())]);
    marks(&texts(before), &texts(after), "", false)
}

const RUST: &str = "fn half(x: Option<i32>) -> i32 {\n    let y = x;\n    println!(\"{y:?}\");\n    y / 2\n}\n\nfn main() {\n    half(Some(2));\n}\n\n#[test]\nfn halves() {\n    assert_eq!(half(Some(4)), 2);\n}\n";

#[test]
fn an_honest_change_has_no_marks() {
    for after in [
        RUST.replace("let y = x;", "let y = x.unwrap_or(0);"),
        RUST.replace("let y = x;", "let Some(y) = x else { return 0 };"),
        RUST.replace("fn half(x: Option<i32>)", "// Takes what there is.\nfn half(x: Option<i32>)"),
        format!("use std::fmt;\n{RUST}"),
    ] {
        assert_eq!(check("a.rs", RUST, &after), Vec::<String>::new(), "{after}");
    }
}

#[test]
fn dishonest_ones_do() {
    for (after, mark) in [
        (String::new(), "empties the file"),
        ("// fn main() {}\n".to_owned(), "empties the file"),
        (RUST.replace("    half(Some(2));\n", ""), "removes the line `half(Some(2));`"),
        (RUST.replace("    half(Some(2));\n", "    // half(Some(2));\n"), "removes the line `half(Some(2));`"),
        (RUST.replace("let y = x;", "let y = x.unwrap();"), "adds `unwrap`"),
        (RUST.replace("y / 2", "todo!()"), "adds `todo!`"),
        (RUST.replace("y / 2", "unsafe { y / 2 }"), "adds `unsafe`"),
        (format!("#![allow(unused)]\n{RUST}"), "adds `#[allow]`"),
        (RUST.replace("half(Some(4)), 2", "half(Some(4)), 4"), "changes a test"),
        (RUST[..RUST.find("#[test]").unwrap()].to_owned(), "removes an assertion"),
        (RUST.replacen("fn half", "fn other", 1).replace("fn main() {\n    half(Some(2));\n}\n", ""), "removes `half`"),
    ] {
        let found = check("a.rs", RUST, &after);
        assert!(found.iter().any(|one| one == mark), "{mark}: {found:?}");
    }
    let python = "def f(x):\n    return g(x)\n";
    for (after, mark) in [
        ("def f(x):\n    return g(x)  # type: ignore\n", "adds `type: ignore`"),
        (
            "def f(x):\n    try:\n        return g(x)\n    except Exception:\n        return None\n",
            "swallows every exception",
        ),
    ] {
        assert!(check("a.py", python, after).iter().any(|one| one == mark), "{mark}");
    }
    assert_eq!(check("tests/test_a.py", python, &python.replace("g(", "h(")), ["changes a test"]);
}

#[test]
fn what_the_message_asks_for_is_no_silencing() {
    let texts = |text: &str| Texts::from([("a.rs".into(), text.to_owned())]);
    let (before, after) = ("fn main() {\n    f();\n}\n", "fn main() {\n    unsafe { f() };\n}\n");
    let told = "error[E0133]: call to unsafe function `f` is unsafe and requires unsafe function or block";
    assert_eq!(marks(&texts(before), &texts(after), told, false), Vec::<String>::new());
}

#[test]
fn what_is_asserted_may_not_change() {
    let texts = |text: &str| Texts::from([("a.py".into(), text.to_owned())]);
    let before = texts("def f(x):\n    assert x > 0\n    return x\n");
    let same = texts("def f(x):\n    assert x  > 0  # still\n    return x + 1\n");
    let other = texts("def f(x):\n    assert x >= 0\n    return x\n");
    assert_eq!(assertions_changed(&before, &same), None);
    assert_eq!(assertions_changed(&before, &other).as_deref(), Some("changes an assertion"));
}

#[test]
fn a_line_that_is_gone_is_told_whoever_took_it_out() {
    let texts = |text: &str| Texts::from([("a.rs".into(), text.to_owned())]);
    let before = texts("fn main() {\n    let x: u8 = parse(input);\n    show();\n}\n");
    assert_eq!(
        removals(&before, &texts("fn main() {\n    show();\n}\n")),
        ["removes the line `let x: u8 = parse(input);`"]
    );
    assert_eq!(removals(&before, &texts("fn main() {\n    let x: u16 = parse(input);\n    show();\n}\n")), [""; 0]);
}

//! Marked texts (`$0` is the cursor) and what their trees say of the place.

use super::*;
use crate::document::Document;

fn marked(language: &str, text: &str) -> (Snapshot, usize) {
    let at = text.find("$0").expect("a marked text has a cursor");
    let snapshot = Document::new(None, language, 0, &text.replacen("$0", "", 1)).snapshot();
    (snapshot, text[..at].chars().count())
}

#[test]
fn places() {
    for (language, text, expected) in [
        ("rust", "fn f() { $0 }", Place::Code),
        ("rust", "let a = \"é $0\";", Place::String),
        ("rust", "let a = \"b\"$0;", Place::Code),
        ("rust", "let a = $0\"b\";", Place::Code),
        ("rust", "// say$0\nfn f() {}", Place::Comment),
        ("rust", "// say\n$0fn f() {}", Place::Code),
        ("rust", "/// doc$0\nfn f() {}", Place::Comment),
        ("rust", "/// doc\n$0fn f() {}", Place::Code),
        ("rust", "/* a */$0", Place::Code),
        ("rust", "/* a $0*/", Place::Comment),
        ("rust", "// at the end$0", Place::Comment),
        ("python", "x = 1  # note$0\n", Place::Comment),
        ("python", "x = f\"a {b$0} c\"\n", Place::Code),
        ("python", "x = f\"a {b} c$0\"\n", Place::String),
        ("python", "$0\"\"\"doc\"\"\"\n", Place::Code),
        ("klingon", "// anything$0", Place::Code),
    ] {
        let (snapshot, cursor) = marked(language, text);
        assert_eq!(place_at(&snapshot, cursor), expected, "{text:?}");
    }
}

#[test]
fn scopes_from_the_inside_out() {
    for (language, text, expected) in [
        ("rust", "mod m { impl A { fn f() { if x { $0 } } } }", "Block Block Function Block Type Block Module"),
        ("rust", "fn f() {}$0\nfn g() {}", ""),
        ("rust", "fn f$0() {}", "Function"),
        ("python", "class A:\n    def f(self):\n        x = 1\n        $0\n", "Block Function Block Type"),
        ("python", "class A:\n    def f(self):\n        x = 1\n    $0\n", "Block Type"),
        ("python", "class A:\n    def f(self):\n        x = 1\n$0\n", ""),
        ("python", "def f():\n    if a:\n        b()\n\n\n    $0", "Block Function"),
        ("python", "def f():\n    return a$0\n", "Block Function"),
        ("klingon", "{ $0 }", ""),
    ] {
        let (snapshot, cursor) = marked(language, text);
        let scopes = enclosing_scopes(&snapshot, cursor);
        let kinds: Vec<String> = scopes.iter().map(|scope| format!("{:?}", scope.kind)).collect();
        assert_eq!(kinds.join(" "), expected, "{text:?}");
    }
}

#[test]
fn the_end_of_a_block() {
    let (snapshot, cursor) = marked("rust", "fn é() {\n    a();\n    $0\n}\nfn g() {}\n");
    let block = enclosing_block(&snapshot, cursor).unwrap();
    assert_eq!(block.lines(snapshot.rope()), (0, 3));
    assert_eq!(snapshot.rope().slice(..block.end_char(snapshot.rope())).to_string(), "fn é() {\n    a();\n    \n}");
    assert_eq!(enclosing_function(&snapshot, cursor).unwrap().lines(snapshot.rope()), (0, 3));
}

#[test]
fn open_brackets_before_the_cursor() {
    for (language, text, expected) in [
        ("rust", "fn f() { g(vec![1, $0", "{(["),
        ("rust", "fn f() { g(vec![1, 2]); $0 }", "{"),
        ("rust", "fn f() { '('; \"{[\"; /* ( */ $0", "{"),
        ("rust", "fn f() { g(a) }\n$0", ""),
        ("rust", "fn f() { g(1, h(2)$0, 3); }", "{("),
        ("rust", "fn f() { println!(\"{}\", a[$0", "{(["),
        ("rust", ") } fn f() { $0", "{"),
        ("python", "x = f(a, {'b': [1$0", "({["),
        ("python", "x = f(a)[1]$0", ""),
        ("klingon", "f(a, [b$0", "(["),
    ] {
        let (snapshot, cursor) = marked(language, text);
        assert_eq!(open_brackets(&snapshot, cursor).into_iter().collect::<String>(), expected, "{text:?}");
    }
}

#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    let deep = format!("x = {}$0{}", "(".repeat(20_000), ")".repeat(20_000));
    let (snapshot, cursor) = marked("python", &deep);
    assert_eq!(open_brackets(&snapshot, cursor).len(), 20_000);
    assert_eq!(error_count(&snapshot, 0..cursor * 2), 0);
}

#[test]
fn errors_are_counted_where_they_are() {
    let text = "fn good() { a(); }\nfn bad() { let = ; }\nfn fine() {}\n";
    let snapshot = Document::new(None, "rust", 0, text).snapshot();
    let line = |n: usize| snapshot.rope().line_to_byte(n)..snapshot.rope().line_to_byte(n + 1) - 1;
    assert_eq!(error_count(&snapshot, line(0)), 0);
    assert!(error_count(&snapshot, line(1)) > 0);
    assert_eq!(error_count(&snapshot, line(2)), 0);
}

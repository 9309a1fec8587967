//! Random edits: the text against a plain string, the incremental tree and what it defines against a fresh parse.
//! `PROPTEST_CASES` says how many.
//!
//! The parser promises the same tree only for a text without errors: how it recovers depends on what it could reuse. So
//! broken texts are checked for nodes that lie where the text says, and every run ends by undoing its edits.

use proptest::prelude::*;
use tree_sitter::Node;

use super::*;

/// Kind, place and flags of every node: two trees are equal when these are.
fn dump(snapshot: &Snapshot) -> Vec<String> {
    fn walk(node: Node<'_>, out: &mut Vec<String>) {
        out.push(format!("{} {:?} {} {}", node.kind(), node.range(), node.is_missing(), node.is_error()));
        for i in 0..node.child_count() {
            walk(node.child(i).unwrap(), out);
        }
    }
    let mut out = Vec::new();
    walk(snapshot.tree().expect("a small text of a known language has a tree").root_node(), &mut out);
    out
}

#[derive(Clone, Debug)]
struct Edit {
    at: usize,
    delete: usize,
    insert: String,
    look: bool,
    /// Whether the editor sends the whole text.
    sends_all: bool,
}

fn any_edit() -> impl Strategy<Value = Edit> {
    let piece = prop_oneof![
        Just("x"),
        Just("word"),
        Just("\n"),
        Just("\r\n"),
        Just("\r"),
        Just("("),
        Just(")"),
        Just("{"),
        Just("}"),
        Just("\""),
        Just("'"),
        Just("    "),
        Just("fn f() {\n    g();\n}\n"),
        Just("def f(a):\n    return a\n"),
        Just("😀"),
        Just("é"),
        Just("// "),
        Just("# "),
        Just("/*"),
        Just("r#\""),
        Just("\"\"\""),
        Just("let a = 1;"),
        Just("use c::{d, e};\n"),
        Just("import re; x = 1\n"),
        Just("from . import f\n"),
        Just(","),
    ];
    (
        any::<usize>(),
        prop_oneof![3 => 0usize..2, 1 => 0usize..30],
        prop::collection::vec(piece, 0..4),
        any::<bool>(),
        prop::bool::weighted(0.2),
    )
        .prop_map(|(at, delete, pieces, look, sends_all)| Edit {
            at,
            delete,
            insert: pieces.concat(),
            look,
            sends_all,
        })
}

const RUST: &str = "use a::b;\n\n/// Doc.\npub fn one(x: usize) -> usize {\n    match x {\n        0 => b(\"s\"),\n        _ => x + 1,\n    }\n}\n\nstruct S<'a> {\n    f: &'a str,\n}\n";
const PYTHON: &str = "import os\n\n\nclass A:\n    \"\"\"Doc.\"\"\"\n\n    def f(self, x):\n        if x:\n            return f\"{x!r} {os.sep}\"\n        for i in range(3):\n            print(i)\n";

const C: &str = "#ifndef A_H\n#define A_H\n/**\n * Doc.\n */\nint one(int x);\n#ifdef B\nextern char *names[3];\n#endif\nstruct s {\n    int *f;\n};\nstatic int two(void) {\n    int local = 1;\n    return local;\n}\n#endif\n";
const TYPESCRIPT: &str = "import { a } from \"b\";\n\n/** Doc. */\nexport interface I {\n  one(x: number): string;\n}\n\nvar f = function (x) {\n  return `${x}`;\n};\nclass A {\n  b = 1;\n  c() {}\n}\n";
const TEXTS: [(&str, &str); 4] = [("rust", RUST), ("python", PYTHON), ("c", C), ("typescript", TYPESCRIPT)];

/// As many cases as the environment asks for, else `usual`.
fn cases(usual: u32) -> ProptestConfig {
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => ProptestConfig::default(),
        None => ProptestConfig::with_cases(usual),
    }
}

proptest! {
    #![proptest_config(cases(400))]
    #[test]
    fn edited_documents_equal_fresh_ones(text in 0..TEXTS.len(), crlf: bool, edits in prop::collection::vec(any_edit(), 1..25)) {
        let (id, text) = TEXTS[text];
        let mut naive = if crlf { text.replace('\n', "\r\n") } else { text.to_owned() };
        let original = naive.clone();
        let mut document = Document::new(None, id, 0, &naive);
        let mut undo = Vec::new();
        for edit in edits {
            let chars: Vec<char> = naive.chars().collect();
            let start = edit.at % (chars.len() + 1);
            let end = (start + edit.delete).min(chars.len());
            let removed: String = chars[start..end].iter().collect();
            let inserted: Vec<char> = edit.insert.chars().collect();
            undo.push((start..start + inserted.len(), removed));
            naive = chars[..start].iter().chain(&inserted).chain(&chars[end..]).collect();
            if edit.sends_all {
                document.apply(None, &naive, Encoding::Utf16);
            } else {
                document.replace(start..end, &edit.insert);
            }
            // A tree that nobody asked for is skipped over: the next one starts from an older tree.
            if edit.look {
                check_tree(id, &document.snapshot(), &naive);
            }
        }
        prop_assert_eq!(document.snapshot().rope().to_string(), naive);
        for (range, removed) in undo.into_iter().rev() {
            document.replace(range, &removed);
        }
        prop_assert_eq!(document.snapshot().rope().to_string(), original.clone());
        check_tree(id, &document.snapshot(), &original);
    }
}

/// Compares with a fresh parse where that has no errors; elsewhere checks that nodes lie where the text says.
fn check_tree(id: &str, snapshot: &Snapshot, text: &str) {
    let fresh = Document::new(None, id, 0, text).snapshot();
    if !fresh.tree().unwrap().root_node().has_error() {
        assert_eq!(dump(snapshot), dump(&fresh));
        return;
    }
    let mut stack = vec![snapshot.tree().unwrap().root_node()];
    while let Some(node) = stack.pop() {
        for (byte, place) in [(node.start_byte(), node.start_position()), (node.end_byte(), node.end_position())] {
            let before = &text.as_bytes()[..byte];
            let row = before.iter().filter(|&&byte| byte == b'\n').count();
            let column = before.iter().rev().take_while(|&&byte| byte != b'\n').count();
            assert_eq!(place, Point::new(row, column), "{node} in {text:?}");
        }
        stack.extend((0..node.child_count()).filter_map(|i| node.child(i)));
    }
}

#[test]
fn edits_in_editor_positions() {
    let mut document = Document::new(Some("a.rs".into()), "rust", 1, "let a = \"😀\";\r\nb\r\n");
    let before = document.snapshot();
    document.apply(Some((Position::new(0, 9), Position::new(0, 11))), "é", Encoding::Utf16);
    document.apply(Some((Position::new(2, 0), Position::new(9, 9))), "c", Encoding::Utf16);
    document.apply(Some((Position::new(1, 1), Position::new(1, 0))), "", Encoding::Utf16);
    document.set_version(2);
    assert_eq!(document.snapshot().rope().to_string(), "let a = \"é\";\r\n\r\nc");
    assert_eq!(document.snapshot().version(), 2);
    assert_eq!(before.rope().to_string(), "let a = \"😀\";\r\nb\r\n", "a snapshot does not change");
    for text in [
        "new",
        "a new",
        "a new",
        "anew",
        "anewnew",
        "aew",
        "",
        "\u{e9}",
        "\u{e9}\u{e9}",
        "x".repeat(60_000).as_str(),
        "x",
    ] {
        document.apply(None, text, Encoding::Utf16);
        assert_eq!(document.snapshot().rope().to_string(), text);
        assert_eq!(document.snapshot().tree().is_some(), text.len() < 100, "{}", text.len());
    }
}

#[test]
fn what_gets_no_tree_still_is_a_document() {
    let long_line = format!("x = [{}]", "1, ".repeat(30_000));
    let huge = "a = 1\n".repeat(400_000);
    for (name, id, text, has_tree) in [
        ("small", "python", "a = 1\n", true),
        ("unknown language", "klingon", "Qapla'", false),
        ("one long line", "python", long_line.as_str(), false),
        ("over the size limit", "python", huge.as_str(), false),
    ] {
        let mut document = Document::new(None, id, 0, text);
        document.replace(0..0, "#\n");
        let snapshot = document.snapshot();
        assert_eq!(snapshot.tree().is_some(), has_tree, "{name}");
        assert_eq!(snapshot.rope().len_bytes(), text.len() + 2, "{name}");
    }
}

#[test]
fn a_language_is_known_by_path_when_the_editor_names_none() {
    assert_eq!(Snapshot::of_text(Some("x/build.py".into()), "").language().map(Language::name), Some("python"));
    assert_eq!(Snapshot::of_text(Some("x/build".into()), "").language(), None);
}

proptest! {
    #![proptest_config(cases(300))]
    #[test]
    fn symbols_after_edits_are_those_of_the_whole_text(text in 0..TEXTS.len(), edits in prop::collection::vec(any_edit(), 1..20)) {
        let (id, text) = TEXTS[text];
        let mut document = Document::new(None, id, 0, &text.repeat(12));
        document.snapshot().definitions();
        for edit in edits {
            let start = edit.at % (document.snapshot().rope().len_chars() + 1);
            document.replace(start..start + edit.delete, &edit.insert);
            if edit.look {
                let snapshot = document.snapshot();
                prop_assert_eq!(snapshot.symbols(), &symbols::symbols(&snapshot));
                // And of the text as nobody has edited it, where the parser promises the same tree.
                let fresh = Document::new(None, id, 0, &snapshot.rope().to_string()).snapshot();
                if !fresh.tree().unwrap().root_node().has_error() {
                    prop_assert_eq!(snapshot.definitions(), fresh.definitions());
                    prop_assert_eq!(snapshot.imports(), fresh.imports());
                }
            }
        }
    }
}

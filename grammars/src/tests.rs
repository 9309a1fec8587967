//! Every query compiles and uses known captures only; what the queries see in `corpus/` is what is written there.

use std::fmt::Write as _;
use std::path::Path;

use expect_test::expect_file;
use tree_sitter::{QueryCursor, StreamingIterator};

use super::*;

#[test]
fn every_entry_has_a_parser_and_queries_that_compile() {
    let table: Table = toml::from_str(include_str!("../languages.toml")).unwrap();
    for entry in table.language {
        let (grammar, sources) =
            parsers::parser(&entry.name).unwrap_or_else(|| panic!("{} has no line in src/parsers.rs", entry.name));
        for (file, source) in [
            ("tags", sources.tags),
            ("references", sources.references),
            ("imports", sources.imports),
            ("scopes", sources.scopes),
            ("text", sources.text),
        ] {
            let query = RoleQuery::compile(&grammar, source)
                .unwrap_or_else(|e| panic!("queries/{}/{file}.scm: {e}", entry.name));
            assert_eq!(query.unknown_captures(), Vec::<String>::new(), "queries/{}/{file}.scm", entry.name);
        }
    }
}

#[test]
fn the_corpus_reads_as_expected() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for language in all() {
        let source_path = corpus.join(language.name()).with_extension(&language.entry.endings[0]);
        let source = std::fs::read_to_string(&source_path).unwrap_or_else(|e| panic!("{}: {e}", source_path.display()));
        let tree = language.parser().parse(&source, None).unwrap();
        assert!(!tree.root_node().has_error(), "{} does not parse", source_path.display());
        let mut listing = String::new();
        for (name, query) in each(language.queries()) {
            writeln!(listing, "# {name}").unwrap();
            let mut cursor = QueryCursor::new();
            let mut captures = cursor.captures(query.query(), tree.root_node(), source.as_bytes());
            while let Some((found, index)) = captures.next() {
                let capture = found.captures()[*index];
                let Some(role) = query.role(capture.index) else { continue };
                let first_line = source[capture.node.byte_range()].lines().next().unwrap_or_default();
                let place = capture.node.start_position();
                writeln!(listing, "{}:{} {role:?} {first_line}", place.row + 1, place.column + 1).unwrap();
            }
        }
        expect_file![corpus.join(language.name()).with_extension("expected.txt")].assert_eq(&listing);
    }
}

#[test]
fn languages_are_told_by_path_and_by_id() {
    for (path, expected) in [
        ("src/main.rs", Some("rust")),
        ("MAIN.RS", Some("rust")),
        ("a/b.pyi", Some("python")),
        ("SConstruct", Some("python")),
        ("a/b.tsx", Some("tsx")),
        ("Gemfile", Some("ruby")),
        ("x.h", Some("c")),
        ("rs", None),
        (".rs", None),
        ("a.unknown", None),
        ("", None),
    ] {
        assert_eq!(by_path(Path::new(path)).map(Language::name), expected, "{path:?}");
    }
    assert_eq!(by_language_id("python").map(Language::name), Some("python"));
    assert_eq!(by_language_id("klingon"), None);
    assert_eq!(by_name("rust").and_then(Language::line_comment), Some("//"));
}

#[test]
fn a_header_is_told_by_what_is_in_it() {
    for (path, text, expected) in [
        ("a.h", "struct config {\n    int port;\n};\n", "c"),
        ("a.h", "/* A comment of a\nclass of its own.\n */\nint f(void);\n", "c"),
        ("a.h", "#ifdef __cplusplus\nextern \"C\" {\n#endif\n", "c"),
        ("a.h", "#pragma once\nclass Client;\n", "cpp"),
        ("A.H", "namespace net {\n", "cpp"),
        ("a.h", "template<typename T> T twice(T x);\n", "cpp"),
        ("a.h", "int template_count;\nint classes;\n", "c"),
        ("a.c", "class Client;\n", "c"),
        ("a.py", "class Client:\n", "python"),
    ] {
        assert_eq!(by_content(Path::new(path), text).map(Language::name), Some(expected), "{path} {text:?}");
    }
}

#[test]
fn kin_use_each_others_names() {
    let kin = |one: &str, other: &str| by_name(one).unwrap().is_kin(by_name(other).unwrap());
    assert!(kin("c", "cpp") && kin("tsx", "javascript") && kin("rust", "rust"));
    assert!(!kin("c", "rust") && !kin("rust", "python") && !kin("javascript", "java"));
}

fn each(queries: &Queries) -> [(&'static str, &RoleQuery); 4] {
    [
        ("symbols", queries.symbols()),
        ("references", queries.references()),
        ("scopes", queries.scopes()),
        ("text", queries.text()),
    ]
}

//! What is extracted from small files, as a listing.

use expect_test::{Expect, expect};

use super::*;

const RUST: &str = r#"use std::fmt;
use crate::net::{Client, Retry as Again};

/// How to connect.
/// Second line.
#[derive(Debug)]
pub struct Config {
    pub host: String,
    pub port: u16,
}

impl Config {
    /// Reads `path`.
    pub fn load(path: &str, strict: bool) -> Result<Config, Error> {
        let text = read(path, Mode::Text)?; // not_a_name
        parse(&text, "not_a_name_either")
    }
}

fn connect<T>(
    config: &Config,
    retry: T,
) -> Client
where
    T: Into<Again>,
{
    Client::new(config.host, retry)
}
"#;

const PYTHON: &str = r#"import os
from .net import Client as C

LIMIT = 3


@dataclass
class Config(Base):
    """How to connect."""

    host: str = "a"
    port = 1

    @property
    def url(self) -> str:
        """Where.

        More.
        """
        return f"{self.host}:{PORT} not_a_name"


async def connect(config: Config, *, retry=LIMIT) -> C:
    return await C(config)
"#;

fn listing(language: &str, text: &str) -> String {
    let snapshot = crate::Document::new(None, language, 0, text).snapshot();
    let mut out = String::new();
    for (index, definition) in snapshot.definitions().iter().enumerate() {
        let Definition { what, lines, signature_lines, .. } = definition;
        let Defined { name, kind, container, .. } = &**what;
        out += &format!("## {name} {kind:?} {lines:?} signature {signature_lines:?} in {container:?}\n");
        out += &outline(snapshot.definitions(), index, 8);
        out += "\n";
    }
    out += &format!("identifiers {}\n", identifiers(&snapshot, 0..usize::MAX).join(" "));
    out
}

fn check(language: &str, text: &str, expected: Expect) {
    expected.assert_eq(&listing(language, text));
}

#[test]
fn rust() {
    check(
        "rust",
        RUST,
        expect![[r###"
            ## Config Type (6, 9) signature (3, 9) in None
            /// How to connect.
            /// Second line.
            pub struct Config {
                pub host: String,
                pub port: u16,
            }
            impl Config {
                pub fn load(path: &str, strict: bool) -> Result<Config, Error>
            ## host Field (7, 7) signature (7, 7) in Some("pub struct Config {")
            pub host: String
            ## port Field (8, 8) signature (8, 8) in Some("pub struct Config {")
            pub port: u16
            ## load Method (13, 16) signature (12, 13) in Some("impl Config {")
            /// Reads `path`.
            pub fn load(path: &str, strict: bool) -> Result<Config, Error>
            ## connect Function (19, 27) signature (19, 24) in None
            fn connect<T>(
                config: &Config,
                retry: T,
            ) -> Client
            where
                T: Into<Again>,
            identifiers retry host config new Client Again Into T where Config connect fn text parse Text Mode path read let Error Result bool strict str load pub impl u16 port String struct Debug derive as Retry net crate use fmt std
        "###]],
    );
}

#[test]
fn python() {
    check(
        "python",
        PYTHON,
        expect![[r###"
        ## LIMIT Constant (3, 3) signature (3, 3) in None
        LIMIT = 3
        ## Config Type (6, 19) signature (6, 8) in None
        @dataclass
        class Config(Base):
            """How to connect."""
            host: str = "a"
            port = 1
            def url(self) -> str:
        ## host Field (10, 10) signature (10, 10) in Some("class Config(Base):")
        host: str = "a"
        ## port Field (11, 11) signature (11, 11) in Some("class Config(Base):")
        port = 1
        ## url Method (13, 19) signature (13, 15) in Some("class Config(Base):")
        @property
        def url(self) -> str:
            """Where."""
        ## connect Function (22, 23) signature (22, 22) in None
        async def connect(config: Config, *, retry=LIMIT) -> C:
        identifiers config C await return LIMIT retry Config connect def async PORT host self str url property port Base class dataclass as Client import net from os
    "###]],
    );
}

/// Name, kind, lines of the signature and signature of each definition.
fn signatures(language: &str, text: &str) -> String {
    let snapshot = crate::Document::new(None, language, 0, text).snapshot();
    let show =
        |one: &Definition| format!("## {} {:?} {:?}\n{}\n", one.name, one.kind, one.signature_lines, one.signature);
    snapshot.definitions().iter().map(show).collect()
}

#[test]
fn docs_in_block_comments() {
    let java = "/**\n * Opens a connection.\n *\n * @param host where to\n * @param port which\n * @return it\n */\n@Deprecated\npublic class Client {\n    /** How many. */\n    int count;\n}\n/**/\nclass Bare {}\n";
    expect![[r#"
        ## Client Type (0, 8)
        /** Opens a connection.
         * @param host where to
         * @param port which */
        @Deprecated
        public class Client
        ## count Field (9, 10)
        /** How many. */
        int count;
        ## Bare Type (13, 13)
        class Bare
    "#]]
    .assert_eq(&signatures("java", java));
    let cpp = "int x = 1; /* no doc */\nint one();\n/*! Doxygen,\n    two lines. */\ntemplate <typename T>\nT two(T x) {\n    int local = 1;\n    int vexing(int);\n    return x;\n}\n";
    expect![[r#"
        ## x Constant (0, 0)
        int x = 1;
        ## one Function (1, 1)
        int one();
        ## two Function (2, 5)
        /*! Doxygen,
         * two lines. */
        T two(T x)
    "#]]
    .assert_eq(&signatures("cpp", cpp));
    let javascript = "/**\n * Sends.\n */\nexport const send = async (message) => {};\n";
    expect![[r#"
        ## send Function (0, 3)
        /** Sends. */
        const send = async (message) =>
    "#]]
    .assert_eq(&signatures("javascript", javascript));
}

#[test]
fn an_unknown_language_has_identifiers_only() {
    check(
        "klingon",
        "batlh Daqawlu'taH 9tlh",
        expect![[r#"
        identifiers taH Daqawlu batlh
    "#]],
    );
}

#[test]
fn a_long_definition_without_a_body_is_cut() {
    let text = format!("pub enum Long {{\n{}}}\n", "    Variant,\n".repeat(30));
    let snapshot = crate::Document::new(None, "rust", 0, &text).snapshot();
    let long = &snapshot.definitions()[0];
    assert_eq!(long.signature.lines().count(), SIGNATURE_LINES + 1);
    assert_eq!(long.signature_lines, (0, SIGNATURE_LINES - 1));
    assert_eq!(long.lines, (0, 31));
}

#[test]
fn functions_stay_known_while_the_root_is_an_error() {
    let text = "fn a() {}\n\nfn b() {\n    if x {\n}\n\nfn c() {}\n";
    let snapshot = crate::Document::new(None, "rust", 0, text).snapshot();
    assert!(snapshot.tree().unwrap().root_node().is_error(), "else this shows nothing");
    let names: Vec<&str> = snapshot.definitions().iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["a", "c"]);
}

/// Edits whose definitions are the old ones moved, and edits that only look like that.
#[test]
fn an_edit_in_a_function_moves_what_is_around_and_behind() {
    let rust = "use first::One;\nstruct A;\nuse second::{Two, three};\n\nimpl A {\n    fn one(&self) -> u8 {\n        1\n    }\n\n    fn two(&self) {}\n}\n\ntrait T {\n    fn three() {\n        g();\n    }\n}\n\nfn last() {}\nuse third::Four;\n";
    let python = "import one; import two\nclass A:\n    def __init__(self):\n        self.a = 1\n        g()\n\n    def two(self):\n        x = 1\n        return x\n\n\ndef last():\n    pass\n    return 1\n\n\nfrom three import four\n";
    let cases = [
        ("rust", rust, "        1", "let x = f(\n"),
        ("rust", rust, "        1", "fn inner() {}\n"),
        ("rust", rust, "        1", "\u{1f600}fn inner() {}\n"),
        ("rust", rust, "        1", "\u{e9}; \"}\" "),
        ("rust", rust, "        g", "let in_a_trait = 1;\n"),
        ("rust", rust, "        g", "use a::{b, c};\n"),
        ("rust", rust, "fn last", "use a::b; "),
        ("python", python, "        self.a", "self.b = 2\n        "),
        ("python", python, "        x = 1", "\"\"\"Doc.\"\"\"\n        "),
        ("python", python, "        return x", "def inner():\n            pass\n        "),
        ("python", python, "        return x", "y = f(\n        "),
        ("python", python, "    return 1", "x = 1\n    "),
        ("python", python, "    return 1", "import a\n    "),
        ("python", python, "        g()", "from a import (b,\n            c)\n        "),
        ("python", python, "def last", "x = 1; import a\n"),
    ];
    for (language, text, place, typed) in cases {
        let mut document = crate::Document::new(None, language, 0, text);
        let mut at = text.find(place).unwrap() + place.len() - place.trim_start().len();
        document.snapshot().definitions();
        for ch in typed.chars() {
            document.replace(at..at, ch.encode_utf8(&mut [0; 4]));
            at += 1;
            let snapshot = document.snapshot();
            assert_eq!(snapshot.symbols(), &symbols(&snapshot), "{typed:?} before {place:?}, {at}");
        }
        for _ in typed.chars() {
            at -= 1;
            document.replace(at..at + 1, "");
            let snapshot = document.snapshot();
            assert_eq!(snapshot.symbols(), &symbols(&snapshot), "{typed:?} before {place:?} taken back, {at}");
        }
    }
}

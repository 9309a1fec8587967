//! What a file brings in from elsewhere, as paths that can be followed.
//!
//! Where the paths lead is `resolve`'s matter.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::extract::Source;
use crate::document::Snapshot;

/// The name of an import that brings in everything.
pub const EVERYTHING: &str = "*";

/// A name that a file brings in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// The name in this file, [`EVERYTHING`], or nothing for an import that binds no name.
    pub name: String,
    /// Where it comes from, segment by segment, ending with the thing itself. In Python a relative import starts with
    /// a segment of dots. Empty where the language's imports are not followed.
    pub path: Vec<String>,
    /// First and last line of the whole import, from 0.
    pub lines: (usize, usize),
}

/// What `snapshot` brings in, in order.
pub fn imports(snapshot: &Snapshot) -> Vec<Import> {
    snapshot.imports().to_vec()
}

/// The lines of the imports (first and last, from 0), each once.
pub fn import_lines(imports: &[Import]) -> Vec<(usize, usize)> {
    let mut lines: Vec<_> = imports.iter().map(|import| import.lines).collect();
    lines.sort_unstable();
    lines.dedup();
    lines
}

/// Where imports are, and the names in them.
#[derive(Default)]
pub(super) struct FoundImports {
    pub(super) wholes: Vec<Range<usize>>,
    pub(super) names: Vec<Range<usize>>,
}

impl FoundImports {
    /// What they bring in, in order.
    pub(super) fn read(self, source: &Source<'_>) -> Vec<Import> {
        let FoundImports { mut wholes, mut names } = self;
        wholes.sort_unstable_by_key(|whole| whole.start);
        names.sort_unstable_by_key(|name| name.start);
        let mut imports = Vec::new();
        for whole in wholes {
            let text = &source.text[whole.clone()];
            let lines = (source.line_of(whole.start), source.line_of(whole.end.saturating_sub(1).max(whole.start)));
            let bound = match source.language.name() {
                "rust" => rust(text),
                "python" => python(text),
                _ => names
                    .iter()
                    .filter(|name| whole.start <= name.start && name.end <= whole.end)
                    .map(|name| (source.text[name.clone()].to_owned(), Vec::new()))
                    .collect(),
            };
            if bound.is_empty() {
                imports.push(Import { name: String::new(), path: Vec::new(), lines });
            }
            imports.extend(bound.into_iter().map(|(name, path)| Import { name, path, lines }));
        }
        imports
    }
}

/// The names of a `use`, `extern crate` or `mod name;` with their paths.
fn rust(text: &str) -> Vec<(String, Vec<String>)> {
    let words = words(text, "//");
    let mut words = words.iter().map(String::as_str).peekable();
    if words.next_if_eq(&"pub").is_some() && words.next_if_eq(&"(").is_some() {
        words.by_ref().take_while(|word| *word != ")").count();
    }
    let mut found = Vec::new();
    match words.next() {
        Some("use") => rust_tree(&mut words, &mut Vec::new(), &mut found),
        Some("mod") => found.extend(words.next().map(|name| (name.to_owned(), vec!["self".into(), name.to_owned()]))),
        Some("extern") => {
            words.next();
            let name = words.next().unwrap_or_default();
            let bound = if words.next_if_eq(&"as").is_some() { words.next() } else { None };
            found.push((bound.unwrap_or(name).to_owned(), vec![name.to_owned()]));
        }
        _ => {}
    }
    found
}

/// Reads one tree of a `use` up to its `,`, `}` or `;`. `path` is what stands before it, and is left as it was.
fn rust_tree<'a>(
    words: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>,
    path: &mut Vec<String>,
    found: &mut Vec<(String, Vec<String>)>,
) {
    let depth = path.len();
    while let Some(word) = words.next_if(|word| !matches!(*word, "," | "}" | ";")) {
        match word {
            ":" => {}
            "{" => {
                while words.next_if_eq(&"}").is_none() && words.peek().is_some_and(|word| *word != ";") {
                    rust_tree(words, path, found);
                    words.next_if_eq(&",");
                }
                path.truncate(depth);
                return;
            }
            "as" => {
                if let Some(name) = words.next() {
                    found.push((name.to_owned(), path.clone()));
                }
                path.truncate(depth);
                return;
            }
            // A list's own `self` is the thing before the list.
            "self" if !path.is_empty() => {}
            word => path.push(word.to_owned()),
        }
    }
    if let Some(last) = path.last() {
        found.push((last.clone(), path.clone()));
    }
    path.truncate(depth);
}

/// The names of an `import` or `from ... import` with their paths.
fn python(text: &str) -> Vec<(String, Vec<String>)> {
    let words = words(text, "#");
    let mut words = words.iter().map(String::as_str).peekable();
    let mut found = Vec::new();
    match words.next() {
        Some("import") => {
            while words.peek().is_some() {
                let path = python_path(&mut words);
                let alias = words.next_if_eq(&"as").and_then(|_| words.next());
                if let Some(first) = path.first() {
                    found.push(match alias {
                        Some(alias) => (alias.to_owned(), path),
                        None => (first.clone(), path),
                    });
                }
                if words.next_if_eq(&",").is_none() {
                    break;
                }
            }
        }
        Some("from") => {
            let from = python_path(&mut words);
            words.next_if_eq(&"import");
            let mut names = words.filter(|word| !matches!(*word, "(" | ")" | ",")).peekable();
            while let Some(name) = names.next() {
                let alias = names.next_if_eq(&"as").and_then(|_| names.next());
                let path = from.iter().cloned().chain([name.to_owned()]).collect();
                found.push((alias.unwrap_or(name).to_owned(), path));
            }
        }
        _ => {}
    }
    found
}

/// A dotted path; leading dots are one segment.
fn python_path<'a>(words: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>) -> Vec<String> {
    let (mut dots, mut path) = (String::new(), Vec::new());
    while let Some(word) = words.next_if(|word| !matches!(*word, "import" | "," | "as")) {
        if word != "." {
            path.push(word.to_owned());
        } else if path.is_empty() {
            dots.push('.');
        }
    }
    if !dots.is_empty() {
        path.insert(0, dots);
    }
    path
}

/// The identifiers and the single signs of an import, without comments and line continuations.
fn words(text: &str, comment: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = |ch: char| ch == '_' || ch.is_alphanumeric();
        if rest.starts_with(comment) {
            rest = rest.find('\n').map_or("", |at| &rest[at..]);
        } else if rest.starts_with("/*") {
            rest = rest.find("*/").map_or("", |at| &rest[at + 2..]);
        } else if is_word(first) {
            let end = rest.find(|ch| !is_word(ch)).unwrap_or(rest.len());
            words.push(rest[..end].to_owned());
            rest = &rest[end..];
        } else {
            if !first.is_whitespace() && first != '\\' {
                words.push(first.to_string());
            }
            rest = &rest[first.len_utf8()..];
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(path: &str, text: &str, expected: Expect) {
        let snapshot = Snapshot::of_text(Some(path.into()), text);
        let show = |import: &Import| format!("{:?} {} = {}\n", import.lines, import.name, import.path.join("/"));
        expected.assert_eq(&imports(&snapshot).iter().map(show).collect::<String>());
    }

    #[test]
    fn rust_paths() {
        check(
            "a.rs",
            "use std::fmt;\npub(crate) use crate::net::{self, Client, retry::{Retry as Again, Policy /* one, two */}, // three\n    util::*};\nextern crate alloc as heap;\nmod inner;\nuse super::{};\nuse ::core::mem as _;\nuse self::inner::Thing;\n",
            expect![[r#"
                (0, 0) fmt = std/fmt
                (1, 2) net = crate/net
                (1, 2) Client = crate/net/Client
                (1, 2) Again = crate/net/retry/Retry
                (1, 2) Policy = crate/net/retry/Policy
                (1, 2) * = crate/net/util/*
                (3, 3) heap = alloc
                (4, 4) inner = self/inner
                (5, 5)  = 
                (6, 6) _ = core/mem
                (7, 7) Thing = self/inner/Thing
            "#]],
        );
    }

    #[test]
    fn python_paths() {
        check(
            "a.py",
            "import os.path, sys as system\nfrom . import sibling\nfrom ..pack.mod import (  # why\n    One,\n    two as second,\n)\nfrom x import *\nfrom __future__ import annotations\nimport a.b.c as d\nfrom .a import b, \\\n    c\n",
            expect![[r#"
                (0, 0) os = os/path
                (0, 0) system = sys
                (1, 1) sibling = ./sibling
                (2, 5) One = ../pack/mod/One
                (2, 5) second = ../pack/mod/two
                (6, 6) * = x/*
                (7, 7) annotations = __future__/annotations
                (8, 8) d = a/b/c
                (9, 10) b = ./a/b
                (9, 10) c = ./a/c
            "#]],
        );
    }
}

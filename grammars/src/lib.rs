//! Languages that Halfline knows: what tells them apart, their grammars, and the queries that read their trees.
//!
//! Nothing here knows documents, positions in an editor or prompts; it holds tables and hands out parsers and queries.

mod parsers;
mod query;

use std::path::Path;
use std::sync::LazyLock;

use serde::Deserialize;

pub use query::{Queries, Role, RoleQuery, TagKind};

/// One language: an entry of `languages.toml` with its grammar and queries.
#[derive(Debug)]
pub struct Language {
    entry: Entry,
    grammar: tree_sitter::Language,
    queries: Queries,
}

/// What `languages.toml` says of one language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    #[serde(default)]
    endings: Vec<String>,
    #[serde(default)]
    file_names: Vec<String>,
    language_ids: Vec<String>,
    line_comment: Option<String>,
    block_comment: Option<(String, String)>,
    #[serde(default)]
    indented_blocks: bool,
    #[serde(default)]
    errors_hide_nothing: bool,
    /// Languages of one family use each other's names.
    family: Option<String>,
}

#[derive(Deserialize)]
struct Table {
    language: Vec<Entry>,
}

static LANGUAGES: LazyLock<Vec<Language>> = LazyLock::new(|| {
    let table: Table =
        toml::from_str(include_str!("../languages.toml")).expect("languages.toml is part of the program");
    table.language.into_iter().filter_map(Language::new).collect()
});

/// Every language, in the order of `languages.toml`.
pub fn all() -> &'static [Language] {
    &LANGUAGES
}

/// The language with this name in `languages.toml`.
pub fn by_name(name: &str) -> Option<&'static Language> {
    all().iter().find(|language| language.name() == name)
}

/// The language that an editor calls `id` (LSP `languageId`).
pub fn by_language_id(id: &str) -> Option<&'static Language> {
    all().iter().find(|language| language.entry.language_ids.iter().any(|known| known == id))
}

/// The language of a file, told by its name alone; the file need not exist.
pub fn by_path(path: &Path) -> Option<&'static Language> {
    let name = path.file_name()?.to_str()?;
    let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    all().iter().find(|language| language.entry.file_names.iter().any(|known| known == name)).or_else(|| {
        let ending = ending?;
        all().iter().find(|language| language.entry.endings.contains(&ending))
    })
}

/// The same, told by the file's text where several languages share an ending: headers of C and of C++.
pub fn by_content(path: &Path, text: &str) -> Option<&'static Language> {
    let by_path = by_path(path)?;
    let is_header = by_path.name() == "c" && path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("h"));
    if is_header && text.lines().any(starts_cpp) { by_name("cpp") } else { Some(by_path) }
}

/// Whether a line can only be C++: a class, a namespace or a template at its start.
fn starts_cpp(line: &str) -> bool {
    let Some((word, rest)) = line.split_once(|ch: char| !ch.is_ascii_alphanumeric() && ch != '_') else { return false };
    match word {
        "class" | "namespace" => !rest.trim_end().ends_with('.'),
        "template" => line["template".len()..].trim_start().starts_with('<'),
        _ => false,
    }
}

impl Language {
    fn new(entry: Entry) -> Option<Language> {
        let (grammar, sources) = parsers::parser(&entry.name)?;
        Some(Language { entry, queries: Queries::new(grammar.clone(), sources), grammar })
    }

    /// Its name in `languages.toml`, also the tag of its code fences.
    pub fn name(&self) -> &str {
        &self.entry.name
    }

    /// Whether files of this language can use what files of the other define.
    pub fn is_kin(&self, other: &Language) -> bool {
        self == other || (self.entry.family.is_some() && self.entry.family == other.entry.family)
    }

    /// What starts a comment that ends with the line.
    pub fn line_comment(&self) -> Option<&str> {
        self.entry.line_comment.as_deref()
    }

    /// What starts and what ends a comment of any length.
    pub fn block_comment(&self) -> Option<(&str, &str)> {
        self.entry.block_comment.as_ref().map(|(start, end)| (start.as_str(), end.as_str()))
    }

    /// Whether indentation alone says where a block ends.
    pub fn indented_blocks(&self) -> bool {
        self.entry.indented_blocks
    }

    /// Whether a definition of the top level is found as well where the root of the tree is an error: each pattern that
    /// names the root has a twin for errors.
    pub fn errors_hide_nothing(&self) -> bool {
        self.entry.errors_hide_nothing
    }

    /// The grammar.
    pub fn grammar(&self) -> &tree_sitter::Language {
        &self.grammar
    }

    /// A new parser for this language. Cheap; parsers are not shared between threads.
    pub fn parser(&self) -> tree_sitter::Parser {
        let mut parser = tree_sitter::Parser::new();
        parser.set_language(&self.grammar).expect("a grammar of the table fits the library it is built with");
        parser
    }

    /// The queries.
    pub fn queries(&self) -> &Queries {
        &self.queries
    }
}

impl PartialEq for Language {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

#[cfg(test)]
mod tests;

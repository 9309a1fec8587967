//! Places that an answer names, checked against the files.
//!
//! Checked are `path:line` (does the file have that line, and is what is named just before it there?) and names in
//! backticks that the workspace defines (cited with the place of their definition). A name that nothing here defines
//! says nothing about the user's files, such as a method of the standard library, and is no citation.

use halfline_context::{Snapshot, text};
use serde::Serialize;

use super::Sources;

/// How far from its line a symbol may be found, in lines: models are off by a little.
const NEAR: usize = 2;

/// A place that an answer names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Citation {
    /// The file, relative to the workspace where possible.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// The name that the answer uses for what is there.
    pub symbol: Option<String>,
    /// Whether the place exists and has what the answer says.
    pub ok: bool,
}

/// The citations in `answer`, in order, each once.
pub(super) fn check(sources: &Sources, files: &[Snapshot], answer: &str) -> Vec<Citation> {
    let mut citations: Vec<Citation> = Vec::new();
    for line in prose_lines(answer) {
        let mut last_name = None;
        let mut has_place = false;
        for mention in mentions(line) {
            match mention {
                Mention::Name(name) => last_name = Some(name),
                Mention::Place(path, number) => {
                    has_place = true;
                    keep(&mut citations, check_place(sources, files, &path, number, last_name.take()));
                }
            }
        }
        if !has_place {
            let names = mentions(line).filter_map(|mention| match mention {
                Mention::Name(name) => definition_of(sources, files, &name),
                Mention::Place(..) => None,
            });
            names.for_each(|citation| keep(&mut citations, citation));
        }
    }
    citations
}

/// What a line of an answer may refer to.
enum Mention {
    /// A name in backticks.
    Name(String),
    /// A path and a line, from 1.
    Place(String, usize),
}

fn keep(citations: &mut Vec<Citation>, citation: Citation) {
    if !citations.contains(&citation) {
        citations.push(citation);
    }
}

/// The lines of an answer outside of its code blocks.
fn prose_lines(answer: &str) -> impl Iterator<Item = &str> {
    let mut in_code = false;
    answer.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        !in_code && !is_fence
    })
}

/// The names and places of a line, in order.
fn mentions(line: &str) -> impl Iterator<Item = Mention> {
    line.split('`').enumerate().flat_map(|(i, text)| {
        let quoted = i % 2 == 1;
        let name = quoted.then(|| name_in(text)).flatten().map(Mention::Name);
        let words = text.split(|ch: char| ch.is_whitespace() || "()[]\"',;".contains(ch));
        name.into_iter().chain(words.filter_map(place_in)).collect::<Vec<_>>()
    })
}

/// The identifier (or the last of a path of them) that `quoted` is.
fn name_in(quoted: &str) -> Option<String> {
    let text = quoted.trim_end_matches("()").trim_start_matches('&');
    let name = text.rsplit(['.', ':']).next()?;
    let is_name = name.chars().all(|ch| ch == '_' || ch.is_alphanumeric())
        && name.starts_with(|ch: char| ch == '_' || ch.is_alphabetic());
    is_name.then(|| name.to_owned())
}

/// What looks like `path:line`: a path with an ending, a colon, a number.
fn place_in(word: &str) -> Option<Mention> {
    let mut parts = word.split(':');
    let path = parts.next()?;
    let (stem, ending) = path.rsplit('/').next()?.rsplit_once('.')?;
    let digits: String = parts.next()?.chars().take_while(char::is_ascii_digit).collect();
    let number = digits.parse().ok()?;
    (!stem.is_empty() && !ending.is_empty()).then(|| Mention::Place(path.to_owned(), number))
}

fn check_place(sources: &Sources, files: &[Snapshot], path: &str, line: usize, symbol: Option<String>) -> Citation {
    let is_it = |snapshot: &&Snapshot| snapshot.path().is_some_and(|known| known.ends_with(path));
    let known = files.iter().find(is_it).cloned();
    let snapshot = known.or_else(|| sources.read(std::path::Path::new(path)).ok());
    let ok = snapshot.is_some_and(|snapshot| {
        let rope = snapshot.rope();
        let exists = (1..=rope.len_lines()).contains(&line);
        let near = || text::lines(rope, (line - 1).saturating_sub(NEAR), line - 1 + NEAR);
        exists && symbol.as_ref().is_none_or(|symbol| contains_word(&near(), symbol))
    });
    Citation { path: path.to_owned(), line, symbol, ok }
}

fn definition_of(sources: &Sources, files: &[Snapshot], name: &str) -> Option<Citation> {
    let cite = |path: &std::path::Path, line: usize| Citation {
        path: sources.workspace.display_path(path),
        line: line + 1,
        symbol: Some(name.to_owned()),
        ok: true,
    };
    let own = files.iter().find_map(|snapshot| {
        let definition = snapshot.definitions().iter().find(|definition| definition.name == name)?;
        Some(cite(snapshot.path()?, text::byte_to_line(snapshot.rope(), definition.name_bytes.start)))
    });
    own.or_else(|| {
        let found = sources.workspace.find(name);
        // Of several, none is the one that is meant.
        let [only] = found.as_slice() else { return None };
        Some(cite(&only.file.path, only.definition().lines.0))
    })
}

fn contains_word(text: &str, word: &str) -> bool {
    text.split(|ch: char| ch != '_' && !ch.is_alphanumeric()).any(|other| other == word)
}

#[cfg(test)]
mod tests;

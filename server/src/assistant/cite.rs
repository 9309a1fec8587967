//! Places that an answer names, checked against the files.
//!
//! Checked are `path:line` (does the file have that line, and is what the same sentence names there?) and names in
//! backticks that the workspace defines (cited with the place of their definition). A name that nothing here defines
//! says nothing about the user's files, such as a method of the standard library, and is no citation.

use halfline_context::{Snapshot, text};
use serde::Serialize;

use super::Assistant;
use super::evidence::Gathered;

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
pub(super) fn check(assistant: &Assistant, gathered: &Gathered, answer: &str) -> Vec<Citation> {
    let mut citations: Vec<Citation> = Vec::new();
    for line in prose_lines(answer) {
        let names = names_in_backticks(line);
        let places = places(line);
        for (path, number) in &places {
            let symbol = names.iter().find(|name| !name.contains(path)).cloned();
            keep(&mut citations, check_place(assistant, gathered, path, *number, symbol));
        }
        if places.is_empty() {
            let found = names.iter().filter_map(|name| definition_of(assistant, gathered, name));
            found.for_each(|citation| keep(&mut citations, citation));
        }
    }
    citations
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

/// The identifiers (or the last of a path of them) that stand in backticks.
fn names_in_backticks(line: &str) -> Vec<String> {
    let quoted = line.split('`').skip(1).step_by(2);
    let names = quoted.map(|text| {
        let text = text.trim_end_matches("()").trim_start_matches('&');
        text.rsplit(['.', ':']).next().unwrap_or_default().to_owned()
    });
    let is_name = |name: &String| {
        name.chars().all(|ch| ch == '_' || ch.is_alphanumeric())
            && name.starts_with(|ch: char| ch == '_' || ch.is_alphabetic())
    };
    names.filter(is_name).collect()
}

/// What looks like `path:line`: a path with an ending, a colon, a number.
fn places(line: &str) -> Vec<(String, usize)> {
    let words = line.split(|ch: char| ch.is_whitespace() || "`()[]\"',;".contains(ch));
    words
        .filter_map(|word| {
            let mut parts = word.split(':');
            let path = parts.next().filter(|path| {
                let ending = path.rsplit('/').next().and_then(|name| name.split_once('.'));
                ending.is_some_and(|(stem, ending)| !stem.is_empty() && !ending.is_empty())
            })?;
            let digits: String = parts.next()?.chars().take_while(char::is_ascii_digit).collect();
            Some((path.to_owned(), digits.parse().ok()?))
        })
        .collect()
}

fn check_place(
    assistant: &Assistant,
    gathered: &Gathered,
    path: &str,
    line: usize,
    symbol: Option<String>,
) -> Citation {
    let is_it = |snapshot: &&Snapshot| snapshot.path().is_some_and(|known| known.ends_with(path));
    let known = gathered.files.iter().find(is_it).cloned();
    let snapshot = known.or_else(|| assistant.read(std::path::Path::new(path)).ok());
    let ok = snapshot.is_some_and(|snapshot| {
        let rope = snapshot.rope();
        let exists = (1..=rope.len_lines()).contains(&line);
        let near = || text::lines(rope, (line - 1).saturating_sub(NEAR), line - 1 + NEAR);
        exists && symbol.as_ref().is_none_or(|symbol| contains_word(&near(), symbol))
    });
    Citation { path: path.to_owned(), line, symbol, ok }
}

fn definition_of(assistant: &Assistant, gathered: &Gathered, name: &str) -> Option<Citation> {
    let cite = |path: &std::path::Path, line: usize| Citation {
        path: assistant.workspace.display_path(path),
        line: line + 1,
        symbol: Some(name.to_owned()),
        ok: true,
    };
    let own = gathered.files.iter().find_map(|snapshot| {
        let definition = snapshot.definitions().iter().find(|definition| definition.name == name)?;
        Some(cite(snapshot.path()?, text::byte_to_line(snapshot.rope(), definition.name_bytes.start)))
    });
    own.or_else(|| {
        let found = assistant.workspace.find(name);
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

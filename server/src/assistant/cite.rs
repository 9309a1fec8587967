//! Places that an answer names, checked against the files.
//!
//! Checked are `path:line` (does the file have that line, and is what is named just before it there?), "line 12" and "lines 12 to 15"
//! (of the file that the question is about: is one of the names in the same sentence there?), and names in
//! backticks that the workspace defines (cited with the place of their definition). A line that is off by a little is put right. A
//! name that nothing here defines mostly says nothing about the user's files, such as a method of the standard library, and is
//! no citation; one that can only be meant as theirs is marked (`unknown.rs`).

mod unknown;

use std::path::Path;

use halfline_context::{Snapshot, text};
use serde::Serialize;

use super::Sources;

/// How far from its line a symbol is looked for, in lines: models are off by a little.
const NEAR: usize = 2;

/// A place that an answer names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Citation {
    /// The file, relative to the workspace where possible; empty for a name that stands in no file of it.
    pub path: String,
    /// The line, from 1, where what is named really is: the answer may be off by a little. 0 without a file.
    pub line: usize,
    /// The name that the answer uses for what is there.
    pub symbol: Option<String>,
    /// Whether the place exists and has what the answer says.
    pub ok: bool,
}

/// The citations in `answer`, in order, each once. `shown` is what the model was given.
pub(super) fn check(sources: &Sources, files: &[Snapshot], answer: &str, shown: &str) -> Vec<Citation> {
    let mut citations: Vec<Citation> = Vec::new();
    let code = code_in(answer);
    for sentence in sentences(answer) {
        let mut last_name = None;
        let mut has_place = false;
        for mention in mentions(sentence) {
            match mention {
                Mention::Name(name) => last_name = Some(name),
                Mention::Place(path, lines) => {
                    has_place = true;
                    keep(&mut citations, check_place(sources, files, &path, lines, last_name.take()));
                }
                Mention::Lines(lines) => {
                    if let Some(snapshot) = files.first() {
                        keep(&mut citations, check_lines(sources, snapshot, lines, sentence));
                    }
                }
            }
        }
        if !has_place {
            let names = mentions(sentence).into_iter().filter_map(|mention| match mention {
                Mention::Name(name) => definition_of(sources, files, &name).or_else(|| {
                    let is_unknown = unknown::is_unknown(sources, files, &name, shown, &code);
                    is_unknown.then(|| Citation { path: String::new(), line: 0, symbol: Some(name), ok: false })
                }),
                Mention::Place(..) | Mention::Lines(_) => None,
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
    /// A path, and the first and the last line there, from 1.
    Place(String, (usize, usize)),
    /// Lines of a file that is not named.
    Lines((usize, usize)),
}

fn keep(citations: &mut Vec<Citation>, citation: Citation) {
    if !citations.contains(&citation) {
        citations.push(citation);
    }
}

/// The sentences of an answer outside of its code blocks.
fn sentences(answer: &str) -> impl Iterator<Item = &str> {
    let prose = lines_of(answer).filter(|(_, is_code)| !is_code);
    prose.flat_map(|(line, _)| line.split(". "))
}

/// What stands in its code blocks.
fn code_in(answer: &str) -> String {
    lines_of(answer).filter(|(_, is_code)| *is_code).map(|(line, _)| format!("{line}\n")).collect()
}

/// The lines of an answer but for its fences, and whether they stand in a code block.
fn lines_of(answer: &str) -> impl Iterator<Item = (&str, bool)> {
    let mut in_code = false;
    answer.lines().filter_map(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        (!is_fence).then_some((line, in_code))
    })
}

/// The names and places of a sentence, in order.
fn mentions(sentence: &str) -> Vec<Mention> {
    let mut found = Vec::new();
    // Whether numbers that follow are those of lines.
    let mut are_lines = false;
    for (i, text) in sentence.split('`').enumerate() {
        if i % 2 == 1 && text.parse::<usize>().is_err() {
            are_lines = false;
            found.extend(name_in(text).map(Mention::Name));
        }
        let words = text.split(|ch: char| ch.is_whitespace() || "()[]\"'*".contains(ch));
        for word in words.filter(|word| !word.is_empty()) {
            // With a comma after it the word counts lines, and numbers none.
            if matches!(word, "line" | "lines" | "Line" | "Lines") {
                are_lines = true;
                continue;
            }
            let word = word.trim_end_matches([',', ';']);
            let goes_on = matches!(word, "" | "to" | "and" | "or" | "through" | "-" | "\u{2013}" | "&");
            if let Some(lines) = lines_in(word).filter(|_| are_lines) {
                found.push(Mention::Lines(lines));
            } else if !goes_on {
                are_lines = false;
                found.extend(place_in(word));
            }
        }
    }
    found
}

/// `12`, `12-15` or `12\u{2013}15`, with what ends a sentence or a clause.
fn lines_in(word: &str) -> Option<(usize, usize)> {
    let mut numbers = word.trim_end_matches(['.', ':', '!', '?']).split(['-', '\u{2013}']).map(str::parse);
    let first = numbers.next()?.ok()?;
    let last = numbers.next().unwrap_or(Ok(first)).ok()?;
    (numbers.next().is_none() && first <= last).then_some((first, last))
}

/// The identifier (or the last of a path of them) that `quoted` is.
fn name_in(quoted: &str) -> Option<String> {
    let text = quoted.trim_end_matches("()").trim_start_matches('&');
    let name = text.rsplit(['.', ':']).next()?;
    let is_name = name.chars().all(|ch| ch == '_' || ch.is_alphanumeric())
        && name.starts_with(|ch: char| ch == '_' || ch.is_alphabetic());
    is_name.then(|| name.to_owned())
}

/// What looks like `path:line` or `path:first-last`: a path with an ending, a colon, numbers.
fn place_in(word: &str) -> Option<Mention> {
    let mut parts = word.split(':');
    let path = parts.next()?;
    let (stem, ending) = path.rsplit('/').next()?.rsplit_once('.')?;
    let numbers = parts.next()?;
    let digits: String = numbers.chars().take_while(char::is_ascii_digit).collect();
    let lines = lines_in(numbers).or_else(|| digits.parse().ok().map(|line| (line, line)))?;
    (!stem.is_empty() && !ending.is_empty()).then(|| Mention::Place(path.to_owned(), lines))
}

fn check_place(
    sources: &Sources,
    files: &[Snapshot],
    path: &str,
    lines: (usize, usize),
    symbol: Option<String>,
) -> Citation {
    let is_it = |snapshot: &&Snapshot| snapshot.path().is_some_and(|known| known.ends_with(path));
    let known = files.iter().find(is_it).cloned();
    let found = known.or_else(|| sources.read(Path::new(path)).ok()).or_else(|| only_file(sources, path));
    let Some(snapshot) = found else {
        return Citation { path: path.to_owned(), line: lines.0, symbol, ok: false };
    };
    let line = match &symbol {
        Some(symbol) => line_of(&snapshot, lines, symbol),
        None => has(&snapshot, lines).then_some(lines.0),
    };
    let path = snapshot.path().map_or_else(|| path.to_owned(), |path| sources.workspace.display_path(path));
    Citation { path, line: line.unwrap_or(lines.0), symbol, ok: line.is_some() }
}

/// Lines of a file that a sentence is about: one of the names there has to stand in them, if there is any.
fn check_lines(sources: &Sources, snapshot: &Snapshot, lines: (usize, usize), said: &str) -> Citation {
    let all: Vec<String> = mentions(said)
        .into_iter()
        .filter_map(|mention| match mention {
            Mention::Name(name) => Some(name),
            Mention::Place(..) | Mention::Lines(_) => None,
        })
        .collect();
    // A name in the lines themselves goes before one that is only near them.
    let places = all.iter().filter_map(|name| Some((line_of(snapshot, lines, name)?, name)));
    let there = places.min_by_key(|(line, _)| (*line != lines.0, line.abs_diff(lines.0)));
    let ok = has(snapshot, lines) && (all.is_empty() || there.is_some());
    let path = snapshot.path().map(|path| sources.workspace.display_path(path)).unwrap_or_default();
    let (line, symbol) = there.map_or((lines.0, all.first()), |(line, name)| (line, Some(name)));
    Citation { path, line, symbol: symbol.cloned(), ok }
}

/// The file of the workspace whose path ends so, if there is but one.
fn only_file(sources: &Sources, path: &str) -> Option<Snapshot> {
    let files = sources.workspace.files();
    let mut fitting = files.iter().filter(|file| file.path.ends_with(path));
    let only = fitting.next().filter(|_| fitting.next().is_none())?;
    sources.read(&only.path).ok()
}

/// Whether there are such lines.
fn has(snapshot: &Snapshot, lines: (usize, usize)) -> bool {
    let all = 1..=snapshot.rope().len_lines();
    all.contains(&lines.0) && all.contains(&lines.1)
}

/// The first of these lines if `symbol` stands in any of them, else the nearest line with it.
fn line_of(snapshot: &Snapshot, lines: (usize, usize), symbol: &str) -> Option<usize> {
    let is_in = |first: usize, last: usize| contains_word(&text::lines(snapshot.rope(), first - 1, last - 1), symbol);
    if !has(snapshot, lines) {
        return None;
    }
    if is_in(lines.0, lines.1) {
        return Some(lines.0);
    }
    let near = (1..=NEAR).flat_map(|off| [lines.0.saturating_sub(off), lines.1 + off]);
    near.filter(|&line| has(snapshot, (line, line))).find(|&line| is_in(line, line))
}

fn definition_of(sources: &Sources, files: &[Snapshot], name: &str) -> Option<Citation> {
    let cite = |path: &Path, line: usize| Citation {
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

//! Definitions, imports and identifiers of one snapshot.

use std::collections::HashSet;
use std::ops::Range;

use halfline_grammars::{Role, TagKind};
use ropey::Rope;
use tree_sitter::{Node, QueryCursor, StreamingIterator};

use crate::document::Snapshot;
use crate::syntax::{self, RopeText};
use crate::text;

/// Lines of a definition that has no body of its own (a struct, a constant) that count as its signature.
const SIGNATURE_LINES: usize = 12;
/// Lines of documentation kept with a signature.
const DOC_LINES: usize = 3;

/// Something that a file gives a name to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: TagKind,
    /// All of it, in bytes.
    pub bytes: Range<usize>,
    /// First and last line of all of it, from 0.
    pub lines: (usize, usize),
    /// Where its name is, in bytes.
    pub name_bytes: Range<usize>,
    /// Where it stands: the first line of the type or implementation around it.
    pub container: Option<String>,
    /// The start of its documentation, then its head: all that a user of it needs to see.
    pub signature: String,
    /// First and last line that the signature was taken from, from 0.
    pub signature_lines: (usize, usize),
}

/// What `snapshot` defines, in order of appearance.
pub fn definitions(snapshot: &Snapshot) -> Vec<Definition> {
    let (Some(language), Some(tree)) = (snapshot.language(), snapshot.tree()) else { return Vec::new() };
    let rope = snapshot.rope();
    let containers = containers(snapshot);
    let query = &language.queries().tags;
    let mut cursor = QueryCursor::new();
    let mut matches = cursor.matches(query.query(), tree.root_node(), RopeText(rope));
    let mut found: Vec<Definition> = Vec::new();
    while let Some(one) = matches.next() {
        let (mut name, mut body, mut whole) = (None, None, None);
        for capture in one.captures() {
            match query.role(capture.index) {
                Some(Role::Name) => name = Some(capture.node),
                Some(Role::Body) => body = Some(capture.node),
                Some(Role::Definition(kind)) => whole = Some((kind, capture.node)),
                _ => {}
            }
        }
        if let (Some(name), Some((kind, whole))) = (name, whole) {
            let container = innermost(&containers, whole.byte_range());
            found.push(definition(snapshot, kind, name, whole, body, container));
        }
    }
    found.sort_by_key(|definition| (definition.bytes.start, definition.bytes.end));
    found.dedup_by(|a, b| a.name_bytes == b.name_bytes);
    found
}

/// What `snapshot` brings in from elsewhere: the lines of each import (first and last, from 0), and the names.
pub fn imports(snapshot: &Snapshot) -> (Vec<(usize, usize)>, HashSet<String>) {
    let rope = snapshot.rope();
    let (mut places, mut names) = (Vec::new(), HashSet::new());
    syntax::each_capture(
        snapshot,
        |queries| &queries.imports,
        0..rope.len_bytes(),
        |role, node| match role {
            Role::Import => places.push(lines_of(rope, &node.byte_range())),
            Role::Imported => {
                names.insert(text::byte_slice(rope, node.start_byte(), node.end_byte()));
            }
            _ => {}
        },
    );
    places.sort_unstable();
    places.dedup();
    (places, names)
}

/// The identifiers in code between two offsets in characters, each once, those nearest to the end first.
pub fn identifiers(snapshot: &Snapshot, chars: Range<usize>) -> Vec<String> {
    let rope = snapshot.rope();
    let end = chars.end.min(rope.len_chars());
    let start = chars.start.min(end);
    let not_code = not_code(snapshot, rope.char_to_byte(start)..rope.char_to_byte(end));
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut byte = rope.char_to_byte(start);
    for ch in rope.slice(start..end).chars().chain(std::iter::once(' ')) {
        let is_code = !not_code.iter().any(|range| range.contains(&byte));
        if is_code && (ch == '_' || ch.is_alphanumeric()) {
            word.push(ch);
        } else if !word.is_empty() {
            let whole = std::mem::take(&mut word);
            if !whole.starts_with(|first: char| first.is_numeric()) {
                words.push(whole);
            }
        }
        byte += ch.len_utf8();
    }
    words.reverse();
    let mut seen = HashSet::new();
    words.retain(|word| seen.insert(word.clone()));
    words
}

/// The signature of `all[index]` with the heads of its members, at most `max_lines` lines: for a type, what it can do.
pub fn outline(all: &[Definition], index: usize, max_lines: usize) -> String {
    let Some(definition) = all.get(index) else { return String::new() };
    let mut lines: Vec<String> = definition.signature.lines().map(str::to_owned).collect();
    if matches!(definition.kind, TagKind::Type | TagKind::Interface) {
        let mut container = None;
        for member in all.iter().filter(|member| is_member(member, definition)) {
            // A member outside the type itself stands in an implementation, whose head is shown once.
            let outside = member.container.as_ref().filter(|_| !stands_in(member, definition));
            if outside.is_some() && outside != container {
                lines.extend(outside.cloned());
            }
            container = outside;
            let head = member.signature.lines().find(|line| line.contains(&member.name)).unwrap_or_default();
            lines.push(format!("    {}", head.trim()));
        }
    }
    if lines.len() > max_lines {
        lines.truncate(max_lines);
        lines.push("    …".to_owned());
    }
    lines.join("\n")
}

/// Whether `member` stands in `owner`, or in an implementation of it, and is not shown by its signature already.
fn is_member(member: &Definition, owner: &Definition) -> bool {
    if !matches!(member.kind, TagKind::Method | TagKind::Field) || member.lines.1 <= owner.signature_lines.1 {
        return false;
    }
    let words = |line: &str| line.split(|ch: char| ch != '_' && !ch.is_alphanumeric()).any(|word| word == owner.name);
    stands_in(member, owner) || (member.kind == TagKind::Method && member.container.as_deref().is_some_and(words))
}

fn stands_in(member: &Definition, owner: &Definition) -> bool {
    owner.bytes.start < member.bytes.start && member.bytes.end <= owner.bytes.end
}

fn definition(
    snapshot: &Snapshot,
    kind: TagKind,
    name: Node<'_>,
    whole: Node<'_>,
    body: Option<Node<'_>>,
    container: Option<String>,
) -> Definition {
    let rope = snapshot.rope();
    let bytes = whole.byte_range();
    let lines = lines_of(rope, &bytes);
    let head_end = body.map_or(bytes.end, |body| body.start_byte());
    let head = text::byte_slice(rope, bytes.start, head_end);
    let mut head: Vec<&str> = head.trim_end().lines().collect();
    let cut = head.len() > SIGNATURE_LINES;
    head.truncate(SIGNATURE_LINES);
    let docs = docs_above(snapshot, lines.0);
    let first_line = docs.as_ref().map_or(lines.0, |(first, _)| *first);
    let mut signature = docs.map_or(String::new(), |(_, docs)| docs);
    signature.push_str(&dedent(&head, indent_of(rope, lines.0)));
    if cut {
        signature.push_str("\n    …");
    }
    let mut last_line = lines.0 + head.len().saturating_sub(1);
    if let Some(body) = body
        && let Some(line) = docstring(snapshot, body)
    {
        signature.push_str("\n    ");
        signature.push_str(&line);
        last_line += 1;
    }
    Definition {
        name: text::byte_slice(rope, name.start_byte(), name.end_byte()),
        kind,
        bytes,
        lines,
        name_bytes: name.byte_range(),
        container,
        signature,
        signature_lines: (first_line, last_line.min(lines.1)),
    }
}

/// The first lines of the comment directly above `line` (attributes and decorators between do not count), and where
/// it starts.
fn docs_above(snapshot: &Snapshot, line: usize) -> Option<(usize, String)> {
    let mark = snapshot.language()?.line_comment()?;
    let rope = snapshot.rope();
    let mut docs = Vec::new();
    let mut first = line;
    for above in (0..line).rev() {
        let content = text::line_content(rope, above).to_string();
        let content = content.trim();
        if content.starts_with(mark) && !content.starts_with("#[") {
            docs.push(content.to_owned());
            first = above;
        } else if !(content.starts_with("#[") || content.starts_with('@')) {
            break;
        }
    }
    docs.reverse();
    docs.truncate(DOC_LINES);
    (!docs.is_empty()).then(|| (first, docs.join("\n") + "\n"))
}

/// The first line of a string that starts a body, where that is how things are documented.
fn docstring(snapshot: &Snapshot, body: Node<'_>) -> Option<String> {
    snapshot.language().filter(|language| language.indented_blocks())?;
    let rope = snapshot.rope();
    let start = text::byte_to_char(rope, body.start_byte());
    let line_end = text::line_to_char(rope, rope.char_to_line(start) + 1);
    let line = text::slice(rope, start, line_end).trim().to_owned();
    let opening = line.trim_start_matches(|ch: char| ch.is_ascii_alphabetic());
    let quotes = ["\"\"\"", "'''"].into_iter().find(|quotes| opening.starts_with(quotes))?;
    Some(if opening[quotes.len()..].contains(quotes) { line } else { line + quotes })
}

/// The type scopes of a file: their bytes and their first lines.
fn containers(snapshot: &Snapshot) -> Vec<(Range<usize>, String)> {
    let rope = snapshot.rope();
    let mut found = Vec::new();
    syntax::each_capture(
        snapshot,
        |queries| &queries.scopes,
        0..rope.len_bytes(),
        |role, node| {
            if role == Role::TypeScope {
                let line = text::line_content(rope, text::byte_to_line(rope, node.start_byte())).to_string();
                found.push((node.byte_range(), line.trim().to_owned()));
            }
        },
    );
    found
}

fn innermost(containers: &[(Range<usize>, String)], bytes: Range<usize>) -> Option<String> {
    containers
        .iter()
        .filter(|(range, _)| range.start < bytes.start && bytes.end <= range.end)
        .min_by_key(|(range, _)| range.len())
        .map(|(_, line)| line.clone())
}

/// The strings and comments that touch `bytes`, without the code inside strings.
fn not_code(snapshot: &Snapshot, bytes: Range<usize>) -> Vec<Range<usize>> {
    let (mut outside, mut code) = (Vec::new(), Vec::new());
    syntax::each_capture(
        snapshot,
        |queries| &queries.text,
        bytes,
        |role, node| match role {
            Role::Text | Role::Comment => outside.push(node.byte_range()),
            Role::Code => code.push(node.byte_range()),
            _ => {}
        },
    );
    for inner in code {
        let Some(at) = outside.iter().position(|range| range.start <= inner.start && inner.end <= range.end) else {
            continue;
        };
        let range = outside.swap_remove(at);
        outside.push(range.start..inner.start);
        outside.push(inner.end..range.end);
    }
    outside
}

fn lines_of(rope: &Rope, bytes: &Range<usize>) -> (usize, usize) {
    (text::byte_to_line(rope, bytes.start), text::byte_to_line(rope, bytes.end.saturating_sub(1).max(bytes.start)))
}

fn indent_of(rope: &Rope, line: usize) -> usize {
    text::line_content(rope, line).chars().take_while(|ch| matches!(ch, ' ' | '\t')).count()
}

fn dedent(lines: &[&str], indent: usize) -> String {
    let strip = |line: &&str| {
        let spaces = line.chars().take(indent).take_while(|ch| matches!(ch, ' ' | '\t')).count();
        line[spaces..].to_owned()
    };
    // The first line starts at the definition itself, without its indentation.
    lines
        .iter()
        .enumerate()
        .map(|(i, line)| if i == 0 { (*line).to_owned() } else { strip(line) })
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests;

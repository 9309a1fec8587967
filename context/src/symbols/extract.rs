//! Definitions, imports and identifiers of one snapshot.

use std::collections::HashSet;
use std::ops::Range;

use halfline_grammars::{Language, Role, TagKind};
use serde::{Deserialize, Serialize};
use tree_sitter::{Node, QueryCursor, StreamingIterator, Tree};

use super::docs::{docs_above, docstring};
use super::imports::{FoundImports, Import};
use super::skeleton::Skeleton;
use crate::document::Snapshot;
use crate::syntax;

/// Lines of a definition that has no body of its own (a struct, a constant) that count as its signature.
const SIGNATURE_LINES: usize = 12;
/// Nodes that may be around a definition or an import for it to be found. Nearly all of a tree lies deeper, in
/// expressions, and need not be walked through.
const DEEPEST: u32 = 10;
/// A signature longer than this is cut: a table of constants on one line is no signature.
const SIGNATURE_BYTES: usize = 1200;

/// A text with its language and the places where its lines start.
pub(crate) struct Source<'a> {
    pub(crate) language: &'static Language,
    pub(crate) text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Source<'a> {
    pub(crate) fn new(language: &'static Language, text: &'a str) -> Source<'a> {
        let bytes = text.as_bytes();
        let mut starts = vec![0];
        // Lines end where the rope's do: at `\n`, `\r\n` and a lone `\r`.
        let ends = memchr::memchr2_iter(b'\n', b'\r', bytes);
        starts.extend(ends.filter(|&at| bytes[at] == b'\n' || bytes.get(at + 1) != Some(&b'\n')).map(|at| at + 1));
        Source { language, text, starts }
    }

    /// How many lines there are; an empty text has one.
    pub(crate) fn line_count(&self) -> usize {
        self.starts.len()
    }

    /// The line that the byte at `byte` belongs to, from 0.
    pub(crate) fn line_of(&self, byte: usize) -> usize {
        self.starts.partition_point(|&start| start <= byte) - 1
    }

    /// Where `line` starts, in bytes; the end of the text past the last line.
    pub(crate) fn line_start(&self, line: usize) -> usize {
        self.starts.get(line).copied().unwrap_or(self.text.len())
    }

    /// The text of `line` without its end.
    pub(crate) fn line(&self, line: usize) -> &'a str {
        self.text[self.line_start(line)..self.line_start(line + 1)].trim_end_matches(['\n', '\r'])
    }
}

/// The tree that the symbols of a source are read from: its own, or that of its skeleton.
pub(crate) struct Parsed<'a> {
    pub(crate) tree: &'a Tree,
    /// What was parsed.
    pub(crate) text: &'a [u8],
    /// Where that comes from, if it is not the source itself.
    pub(crate) skeleton: Option<&'a Skeleton>,
}

impl Parsed<'_> {
    /// Where a node stands in the source.
    fn bytes(&self, node: Node<'_>) -> Range<usize> {
        let bytes = node.byte_range();
        self.skeleton.map_or(bytes.clone(), |skeleton| skeleton.in_source(bytes))
    }
}

/// Something that a file gives a name to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    let text = snapshot.rope().to_string();
    symbols_of_tree(&Source::new(language, &text), tree).0
}

/// The same for a text that came from another by edits: only the top-level nodes that `dirty` (bytes of the new text)
/// touches, and those beside them, are read; `old` holds the other text's definitions.
pub(crate) fn definitions_after_edits(
    snapshot: &Snapshot,
    old: &OldDefinitions<'_>,
    dirty: Range<usize>,
) -> Vec<Definition> {
    let (Some(language), Some(tree)) = (snapshot.language(), snapshot.tree()) else { return Vec::new() };
    let text = snapshot.rope().to_string();
    let source = Source::new(language, &text);
    let Some(region) = region(&source, tree, dirty) else { return symbols_of_tree(&source, tree).0 };
    // The text outside the region is the same, so what lies behind it has moved by as much as the text has grown.
    let behind = (region.end + old.bytes).saturating_sub(text.len());
    let lines = |line: usize| (line + source.line_count()).saturating_sub(old.lines);
    let bytes = |byte: usize| (byte + text.len()).saturating_sub(old.bytes);
    let before = old.definitions.iter().take_while(|one| one.bytes.end <= region.start).cloned();
    let mut found: Vec<Definition> = before.collect();
    found.extend(definitions_within(&source, tree, region));
    found.extend(old.definitions.iter().filter(|one| one.bytes.start >= behind).map(|one| Definition {
        bytes: bytes(one.bytes.start)..bytes(one.bytes.end),
        name_bytes: bytes(one.name_bytes.start)..bytes(one.name_bytes.end),
        lines: (lines(one.lines.0), lines(one.lines.1)),
        signature_lines: (lines(one.signature_lines.0), lines(one.signature_lines.1)),
        ..one.clone()
    }));
    found
}

/// The definitions in these bytes: whole top-level nodes. By their skeleton where the tree has no error there, since then
/// both have the same: to go through a long function's tree takes longer than to parse the little that counts of it.
fn definitions_within(source: &Source<'_>, tree: &Tree, region: Range<usize>) -> Vec<Definition> {
    let mut cursor = tree.walk();
    // Where nothing fits together the root itself is an error, in which patterns for top-level nodes find nothing.
    let is_sound = !tree.root_node().is_error()
        && cursor.goto_first_child_for_byte(region.start).is_some()
        && loop {
            let node = cursor.node();
            if node.has_error() {
                break false;
            }
            if node.end_byte() >= region.end || !cursor.goto_next_sibling() {
                break true;
            }
        };
    if is_sound
        && let Some(skeleton) = Skeleton::of(source.language, source.text, region.clone())
        && let Some(tree) = source.language.parser().parse(skeleton.text(), None)
        && !tree.root_node().has_error()
    {
        let parsed = Parsed { tree: &tree, text: skeleton.text(), skeleton: Some(&skeleton) };
        return symbols_within(source, &parsed, region).0;
    }
    symbols_within(source, &whole(source, tree), region).0
}

/// The definitions of a text, and how long it was.
pub(crate) struct OldDefinitions<'a> {
    pub(crate) definitions: &'a [Definition],
    pub(crate) bytes: usize,
    pub(crate) lines: usize,
}

/// The bytes of the top-level nodes that `dirty` touches, of the one before, and of those behind up to the first that is
/// no comment, whose documentation may stand in what has changed. `None` when that is nearly everything.
fn region(source: &Source<'_>, tree: &Tree, dirty: Range<usize>) -> Option<Range<usize>> {
    let root = tree.root_node();
    let mut cursor = root.walk();
    let (mut start, mut end) = (0, source.text.len());
    let mut before = 0;
    let mut is_behind = false;
    for child in root.children(&mut cursor) {
        if child.end_byte() < dirty.start {
            start = before;
            before = child.start_byte();
            continue;
        }
        if child.start_byte() > dirty.end {
            is_behind = true;
        }
        if is_behind && !child.is_extra() && !child.kind().contains("attribute") {
            end = child.end_byte();
            break;
        }
    }
    (end - start < source.text.len() / 2).then_some(start..end)
}

/// What `tree`, the tree of all of `source`, defines and brings in, in order of appearance.
pub(super) fn symbols_of_tree(source: &Source<'_>, tree: &Tree) -> (Vec<Definition>, Vec<Import>) {
    symbols_of(source, &whole(source, tree))
}

/// What a source defines and brings in, in order of appearance.
pub(crate) fn symbols_of(source: &Source<'_>, parsed: &Parsed<'_>) -> (Vec<Definition>, Vec<Import>) {
    symbols_within(source, parsed, 0..source.text.len())
}

fn whole<'a>(source: &Source<'a>, tree: &'a Tree) -> Parsed<'a> {
    Parsed { tree, text: source.text.as_bytes(), skeleton: None }
}

/// The definitions and imports that lie in these bytes, which none of them crosses.
fn symbols_within(source: &Source<'_>, parsed: &Parsed<'_>, within: Range<usize>) -> (Vec<Definition>, Vec<Import>) {
    let query = source.language.queries().symbols();
    let mut cursor = QueryCursor::new();
    cursor.set_max_start_depth(Some(DEEPEST));
    // A skeleton is always read whole.
    if parsed.skeleton.is_none() {
        cursor.set_byte_range(within.clone());
    }
    let mut matches = cursor.matches(query.query(), parsed.tree.root_node(), parsed.text);
    let (mut found, mut containers, mut imports) = (Vec::new(), Vec::new(), FoundImports::default());
    let mut function = 0..0;
    while let Some(one) = matches.next() {
        let (mut name, mut body, mut whole, mut is_outer) = (None, None, None, false);
        for capture in one.captures() {
            let bytes = parsed.bytes(capture.node);
            match query.role(capture.index) {
                Some(Role::Name) => name = Some(bytes),
                Some(Role::Body) => body = Some(bytes),
                Some(Role::Definition(kind)) => whole = Some((kind, bytes)),
                Some(Role::Outer) => is_outer = true,
                Some(Role::Container) => containers.push(container(source, bytes.clone(), bytes.start)),
                Some(Role::Import) => imports.wholes.push(bytes),
                Some(Role::Imported) => imports.names.push(bytes),
                _ => {}
            }
        }
        if let (Some(name), Some((kind, whole))) = (name, whole) {
            if whole.start < within.start || whole.end > within.end {
                continue;
            }
            // What a function declares comes after the function itself.
            if is_outer && function.contains(&whole.start) {
                continue;
            }
            if let (Some(body), TagKind::Function | TagKind::Method) = (&body, kind) {
                function = body.clone();
            }
            if matches!(kind, TagKind::Type | TagKind::Interface) {
                containers.push(container(source, whole.clone(), name.start));
            }
            found.push(definition(source, kind, name, whole, body));
        }
    }
    found.sort_by_key(|definition| (definition.bytes.start, definition.bytes.end));
    found.dedup_by(|a, b| a.name_bytes == b.name_bytes);
    set_containers(&mut found, containers);
    (found, imports.read(source))
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
    source: &Source<'_>,
    kind: TagKind,
    name: Range<usize>,
    bytes: Range<usize>,
    body: Option<Range<usize>>,
) -> Definition {
    let lines = (source.line_of(bytes.start), source.line_of(bytes.end.saturating_sub(1).max(bytes.start)));
    let head_end = body.as_ref().map_or(bytes.end, |body| body.start);
    let mut head: Vec<&str> = source.text[bytes.start..head_end].trim_end().lines().take(SIGNATURE_LINES + 1).collect();
    let cut = head.len() > SIGNATURE_LINES;
    head.truncate(SIGNATURE_LINES);
    let docs = docs_above(source, lines.0);
    let first_line = docs.as_ref().map_or(lines.0, |(first, _)| *first);
    let mut signature = docs.map_or(String::new(), |(_, docs)| docs);
    signature.push_str(&dedent(&head, indent_of(source.line(lines.0))));
    if cut {
        signature.push_str("\n    …");
    }
    let mut last_line = lines.0 + head.len().saturating_sub(1);
    if let Some(line) = body.and_then(|body| docstring(source, body)) {
        signature.push_str("\n    ");
        signature.push_str(&line);
        last_line += 1;
    }
    if signature.len() > SIGNATURE_BYTES {
        let cut = (0..=SIGNATURE_BYTES).rev().find(|&at| signature.is_char_boundary(at)).unwrap_or_default();
        signature.truncate(cut);
        signature.push('…');
    }
    Definition {
        name: source.text[name.clone()].to_owned(),
        kind,
        bytes,
        lines,
        name_bytes: name,
        container: None,
        signature,
        signature_lines: (first_line, last_line.min(lines.1)),
    }
}

/// What definitions stand in: its bytes, and the line that a reader would call it by.
fn container(source: &Source<'_>, bytes: Range<usize>, named_at: usize) -> (Range<usize>, String) {
    (bytes, source.line(source.line_of(named_at)).trim().to_owned())
}

/// Gives each definition the innermost container around it. Both are nested or apart, never crossing.
fn set_containers(definitions: &mut [Definition], mut containers: Vec<(Range<usize>, String)>) {
    containers.sort_by_key(|(bytes, _)| (bytes.start, std::cmp::Reverse(bytes.end)));
    let mut open: Vec<&(Range<usize>, String)> = Vec::new();
    let mut next = containers.iter().peekable();
    for definition in definitions {
        while let Some(container) = next.next_if(|(bytes, _)| bytes.start < definition.bytes.start) {
            open.retain(|(bytes, _)| bytes.end > container.0.start);
            open.push(container);
        }
        open.retain(|(bytes, _)| bytes.end > definition.bytes.start);
        let around = open.iter().rev().find(|(bytes, _)| bytes.end >= definition.bytes.end);
        definition.container = around.map(|(_, line)| line.clone());
    }
}

/// The strings and comments that touch `bytes`, without the code inside strings.
fn not_code(snapshot: &Snapshot, bytes: Range<usize>) -> Vec<Range<usize>> {
    let (mut outside, mut code) = (Vec::new(), Vec::new());
    syntax::each_capture(
        snapshot,
        |queries| queries.text(),
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

fn indent_of(line: &str) -> usize {
    line.chars().take_while(|ch| matches!(ch, ' ' | '\t')).count()
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

//! Definitions, imports and identifiers of one snapshot.

use std::collections::HashSet;
use std::ops::{Deref, Range};
use std::sync::Arc;

use halfline_grammars::{Language, Role, TagKind};
use serde::{Deserialize, Serialize};
use tree_sitter::{Node, QueryCursor, StreamingIterator, Tree, TreeCursor};

use super::docs::{docs_above, docstring};
use super::imports::{FoundImports, Import};
use super::skeleton::{self, Skeleton};
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

/// Something that a file gives a name to, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// What it is. Shared, since an edit moves many definitions and changes hardly any.
    pub what: Arc<Defined>,
    /// All of it, in bytes.
    pub bytes: Range<usize>,
    /// First and last line of all of it, from 0.
    pub lines: (usize, usize),
    /// Where its name is, in bytes.
    pub name_bytes: Range<usize>,
    /// First and last line that the signature was taken from, from 0.
    pub signature_lines: (usize, usize),
}

/// What a definition says, wherever it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Defined {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: TagKind,
    /// Where it stands: the first line of the type or implementation around it.
    pub container: Option<String>,
    /// The start of its documentation, then its head: all that a user of it needs to see.
    pub signature: String,
}

impl Deref for Definition {
    type Target = Defined;

    fn deref(&self) -> &Defined {
        &self.what
    }
}

/// What a text defines and brings in, each in order of appearance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Symbols {
    pub(crate) definitions: Vec<Definition>,
    pub(crate) imports: Vec<Import>,
}

/// What `snapshot` defines and brings in.
pub(crate) fn symbols(snapshot: &Snapshot) -> Symbols {
    let (Some(language), Some(tree)) = (snapshot.language(), snapshot.tree()) else { return Symbols::default() };
    let text = snapshot.rope().to_string();
    symbols_of_tree(&Source::new(language, &text), tree)
}

/// The same for a text that came from another by edits: only the top-level nodes that `dirty` (bytes of the new text)
/// touches, and those beside them, are read; `old` holds what the other text had.
pub(crate) fn symbols_after_edits(snapshot: &Snapshot, old: &OldSymbols<'_>, dirty: Range<usize>) -> Symbols {
    let (Some(language), Some(tree)) = (snapshot.language(), snapshot.tree()) else { return Symbols::default() };
    if let Some(found) = moved(snapshot, language, tree, old, &dirty) {
        return found;
    }
    let text = snapshot.rope().to_string();
    let source = Source::new(language, &text);
    let region = region(&source, tree, dirty);
    let Some(lines) = lines_alone(&source, &region) else { return symbols_of_tree(&source, tree) };
    // The text outside the region is the same, so what lies behind it has moved by as much as the text has grown.
    let behind = (region.end + old.bytes).saturating_sub(text.len());
    let growth = Growth { old, bytes: text.len(), lines: source.line_count() };
    let Symbols { mut definitions, mut imports } = symbols_within_region(&source, tree, region.clone());
    let before = old.symbols.definitions.iter().take_while(|one| one.bytes.end <= region.start);
    definitions.splice(0..0, before.cloned());
    let after = old.symbols.definitions.iter().filter(|one| one.bytes.start >= behind);
    definitions.extend(after.map(|one| growth.behind(one)));
    let before = old.symbols.imports.iter().filter(|one| one.lines.1 < lines.start);
    imports.splice(0..0, before.cloned());
    let after = old.symbols.imports.iter().filter(|one| one.lines.0 + growth.lines >= lines.end + old.lines);
    imports.extend(after.map(|one| growth.import_behind(one)));
    Symbols { definitions, imports }
}

/// The lines of a region, where nothing else but white space stands on them.
fn lines_alone(source: &Source<'_>, region: &Range<usize>) -> Option<Range<usize>> {
    let first = source.line_of(region.start);
    let last = source.line_of(region.end.saturating_sub(1).max(region.start));
    let before = &source.text[source.line_start(first)..region.start];
    let after = &source.text[region.end.min(source.line_start(last + 1))..source.line_start(last + 1)];
    (before.trim().is_empty() && after.trim().is_empty()).then_some(first..last + 1)
}

/// By how much a text has grown, or shrunk, since its old symbols were read.
struct Growth<'a> {
    old: &'a OldSymbols<'a>,
    /// The length of the text now.
    bytes: usize,
    lines: usize,
}

impl Growth<'_> {
    fn byte(&self, byte: usize) -> usize {
        (byte + self.bytes).saturating_sub(self.old.bytes)
    }

    fn line(&self, line: usize) -> usize {
        (line + self.lines).saturating_sub(self.old.lines)
    }

    /// An import that lies behind everything that was edited.
    fn import_behind(&self, one: &Import) -> Import {
        Import { lines: (self.line(one.lines.0), self.line(one.lines.1)), ..one.clone() }
    }

    /// A definition that lies behind everything that was edited.
    fn behind(&self, one: &Definition) -> Definition {
        Definition {
            what: Arc::clone(&one.what),
            bytes: self.byte(one.bytes.start)..self.byte(one.bytes.end),
            lines: (self.line(one.lines.0), self.line(one.lines.1)),
            name_bytes: self.byte(one.name_bytes.start)..self.byte(one.name_bytes.end),
            signature_lines: (self.line(one.signature_lines.0), self.line(one.signature_lines.1)),
        }
    }
}

/// The old symbols where they are now, when nothing but the inside of a function has changed, and nothing is defined or brought in
/// there: nearly every keystroke.
fn moved(
    snapshot: &Snapshot,
    language: &Language,
    tree: &Tree,
    old: &OldSymbols<'_>,
    dirty: &Range<usize>,
) -> Option<Symbols> {
    let rope = snapshot.rope();
    let (function, body) = function_around(tree, dirty)?;
    let name = function.child_by_field_name("name")?.byte_range();
    let text = |bytes: Range<usize>| rope.get_byte_slice(bytes).map(|text| text.to_string());
    let code = text(body.byte_range())?;
    if !skeleton::has_no_symbols(language, &text(name)?, &code, body.has_error()) {
        return None;
    }
    // A string that is the first statement is documentation.
    let is_first = body.named_child(0).is_none_or(|first| dirty.start <= first.end_byte());
    let may_document = language.indented_blocks() && is_first;
    if may_document && code.bytes().take(4).any(|byte| matches!(byte, b'"' | b'\'')) {
        return None;
    }
    let first_line = rope.byte_to_line(body.start_byte());
    let last_line = rope.byte_to_line(body.end_byte());
    let (start, end) = (body.start_byte(), (body.end_byte() + old.bytes).checked_sub(rope.len_bytes())?);
    let growth = Growth { old, bytes: rope.len_bytes(), lines: rope.len_lines() };
    let moved = |one: &Definition| {
        if one.bytes.end <= start {
            return Some(one.clone());
        }
        if one.bytes.start >= end {
            return Some(growth.behind(one));
        }
        // What is around: of a function the head is shown and its documentation, of other things perhaps all of it.
        let is_around = one.bytes.start < start && one.bytes.end >= end && one.name_bytes.end <= start;
        let is_function = matches!(one.kind, TagKind::Function | TagKind::Method);
        let is_head = is_function && !may_document || one.signature_lines.1 < first_line;
        let (bytes, lines) = (one.bytes.start..growth.byte(one.bytes.end), (one.lines.0, growth.line(one.lines.1)));
        (is_around && is_head).then(|| Definition { bytes, lines, ..one.clone() })
    };
    let old_last_line = (last_line + old.lines).checked_sub(rope.len_lines())?;
    let moved_import = |one: &Import| match one.lines {
        (_, last) if last < first_line => Some(one.clone()),
        (first, _) if first > old_last_line => Some(growth.import_behind(one)),
        _ => None,
    };
    Some(Symbols {
        definitions: old.symbols.definitions.iter().map(moved).collect::<Option<_>>()?,
        imports: old.symbols.imports.iter().map(moved_import).collect::<Option<_>>()?,
    })
}

/// The innermost function with a body that has all of `dirty` in its inside, and the body.
fn function_around<'t>(tree: &'t Tree, dirty: &Range<usize>) -> Option<(Node<'t>, Node<'t>)> {
    let mut cursor = tree.walk();
    let mut found = None;
    let mut parent = cursor.node();
    while cursor.goto_first_child_for_byte(dirty.start).is_some() {
        let node = cursor.node();
        if node.start_byte() >= dirty.start || node.end_byte() <= dirty.end {
            break;
        }
        let is_body = node.kind() == "block" && cursor.field_name() == Some("body");
        if is_body && parent.kind().starts_with("function") {
            found = Some((parent, node));
        }
        parent = node;
    }
    found
}

/// The symbols in these bytes: whole top-level nodes. By their skeleton where the tree has no error there but in the
/// bodies of functions, since then both have the same: to go through a long function's tree takes longer than to parse the
/// little that counts of it.
fn symbols_within_region(source: &Source<'_>, tree: &Tree, region: Range<usize>) -> Symbols {
    // Where blocks are made by indentation, an error anywhere may have led the parser to other blocks here.
    let is_sure = !source.language.indented_blocks() || !tree.root_node().has_error();
    if is_sure
        && let Some(broken) = broken_bodies(tree, &region)
        && let Some(skeleton) = Skeleton::with_bodies(source.language, source.text, region.clone(), &broken)
        && let Some(tree) = source.language.parser().parse(skeleton.text(), None)
        && !tree.root_node().has_error()
    {
        let parsed = Parsed { tree: &tree, text: skeleton.text(), skeleton: Some(&skeleton) };
        return symbols_within(source, &parsed, region);
    }
    symbols_within(source, &whole(source, tree), region)
}

/// The bodies of functions in these bytes that have an error, in order; `None` where there is one elsewhere.
fn broken_bodies(tree: &Tree, region: &Range<usize>) -> Option<Vec<Range<usize>>> {
    // Where nothing fits together the root itself is an error, and what lies in it may be pieces of anything.
    if tree.root_node().is_error() {
        return None;
    }
    let mut bodies = Vec::new();
    let mut cursor = tree.walk();
    cursor.goto_first_child_for_byte(region.start)?;
    loop {
        note_broken_bodies(&mut cursor, &mut bodies)?;
        if cursor.node().end_byte() >= region.end || !cursor.goto_next_sibling() {
            return Some(bodies);
        }
    }
}

/// The same for the node at the cursor.
fn note_broken_bodies(cursor: &mut TreeCursor<'_>, bodies: &mut Vec<Range<usize>>) -> Option<()> {
    let node = cursor.node();
    if !node.has_error() {
        return Some(());
    }
    if node.kind() == "block" && cursor.field_name() == Some("body") {
        bodies.push(node.byte_range());
        return Some(());
    }
    if node.is_error() || node.is_missing() || !cursor.goto_first_child() {
        return None;
    }
    loop {
        note_broken_bodies(cursor, bodies)?;
        if !cursor.goto_next_sibling() {
            break;
        }
    }
    cursor.goto_parent();
    Some(())
}

/// The symbols of a text, and how long it was.
pub(crate) struct OldSymbols<'a> {
    pub(crate) symbols: &'a Symbols,
    pub(crate) bytes: usize,
    pub(crate) lines: usize,
}

/// The bytes of the top-level nodes that `dirty` touches, of the two before, and of those behind up to the first that is
/// no comment, whose documentation may stand in what has changed.
fn region(source: &Source<'_>, tree: &Tree, dirty: Range<usize>) -> Range<usize> {
    let mut cursor = tree.walk();
    let mut found = 0..source.text.len();
    // The first node that ends at the start of what is dirty, or behind it. Past the last one, it is the last.
    if cursor.goto_first_child_for_byte(dirty.start.saturating_sub(1)).is_none() && !cursor.goto_last_child() {
        return found;
    }
    if cursor.goto_previous_sibling() && cursor.goto_previous_sibling() {
        found.start = cursor.node().start_byte();
    }
    let mut is_behind = false;
    loop {
        let node = cursor.node();
        is_behind |= node.start_byte() > dirty.end;
        if is_behind && !node.is_extra() && !node.kind().contains("attribute") {
            found.end = node.end_byte();
            return found;
        }
        if !cursor.goto_next_sibling() {
            return found;
        }
    }
}

/// What `tree`, the tree of all of `source`, defines and brings in, in order of appearance.
fn symbols_of_tree(source: &Source<'_>, tree: &Tree) -> Symbols {
    symbols_of(source, &whole(source, tree))
}

/// What a source defines and brings in, in order of appearance.
pub(crate) fn symbols_of(source: &Source<'_>, parsed: &Parsed<'_>) -> Symbols {
    symbols_within(source, parsed, 0..source.text.len())
}

fn whole<'a>(source: &Source<'a>, tree: &'a Tree) -> Parsed<'a> {
    Parsed { tree, text: source.text.as_bytes(), skeleton: None }
}

/// The symbols that lie in these bytes, which none of them crosses.
fn symbols_within(source: &Source<'_>, parsed: &Parsed<'_>, within: Range<usize>) -> Symbols {
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
    imports.wholes.retain(|whole| within.start <= whole.start && whole.end <= within.end);
    Symbols { definitions: found, imports: imports.read(source) }
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
    let name_bytes = name.clone();
    let what = Defined { name: source.text[name].to_owned(), kind, container: None, signature };
    let signature_lines = (first_line, last_line.min(lines.1));
    Definition { what: Arc::new(what), bytes, lines, name_bytes, signature_lines }
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
        if let Some((_, line)) = around {
            Arc::make_mut(&mut definition.what).container = Some(line.clone());
        }
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

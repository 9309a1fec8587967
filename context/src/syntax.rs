//! What the tree says of a place: what encloses it, whether it is code, which brackets are open, what is broken.
//!
//! Offsets in and out are characters unless a name says bytes. Without a tree the answers are modest, never wrong in
//! kind: no scopes, everything is code.

use std::ops::Range;

use halfline_grammars::{Role, RoleQuery};
use ropey::Rope;
use tree_sitter::{Node, QueryCursor, StreamingIterator, TextProvider};

use crate::document::Snapshot;
use crate::text;

/// What kind of text a place is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Code, and everything in a language we do not know.
    Code,
    /// Inside a string or character literal.
    String,
    /// Inside a comment.
    Comment,
}

/// What a scope is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeKind {
    /// A function or method, or a macro.
    Function,
    /// A type, an implementation, a trait or a class.
    Type,
    /// A module inside a file.
    Module,
    /// A block of statements or the body of one of the others.
    Block,
}

/// A piece of a text that encloses a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// What it is.
    pub kind: ScopeKind,
    /// Its bytes.
    pub bytes: Range<usize>,
}

impl Scope {
    /// First and last line, from 0.
    pub fn lines(&self, rope: &Rope) -> (usize, usize) {
        let last_byte = self.bytes.end.saturating_sub(1).max(self.bytes.start);
        (text::byte_to_line(rope, self.bytes.start), text::byte_to_line(rope, last_byte))
    }

    /// Offset in characters just past its end.
    pub fn end_char(&self, rope: &Rope) -> usize {
        text::byte_to_char(rope, self.bytes.end)
    }
}

/// Whether a cursor at `char_idx` is in code, in a string or in a comment.
pub fn place_at(snapshot: &Snapshot, char_idx: usize) -> Place {
    let rope = snapshot.rope();
    let byte = text::char_to_byte(rope, char_idx);
    let around = byte.saturating_sub(1)..byte + 1;
    let mut found = (usize::MAX, Place::Code);
    each_capture(
        snapshot,
        |queries| queries.text(),
        around,
        |role, node| {
            let place = match role {
                Role::Comment => Place::Comment,
                Role::Text => Place::String,
                Role::Code => Place::Code,
                _ => return,
            };
            let bytes = node.byte_range();
            // A comment without a closing mark goes on at its end; some grammars count the line break as part of it.
            let open_ended = place == Place::Comment && runs_to_line_end(snapshot, &bytes);
            let end = if open_ended { comment_end(rope, &bytes) + 1 } else { bytes.end };
            if bytes.start < byte && byte < end && bytes.len() < found.0 {
                found = (bytes.len(), place);
            }
        },
    );
    found.1
}

/// The scopes around a cursor at `char_idx`, innermost first. Where indentation makes the blocks, an empty line belongs
/// to the block above it as far as the cursor is indented.
pub fn enclosing_scopes(snapshot: &Snapshot, char_idx: usize) -> Vec<Scope> {
    let rope = snapshot.rope();
    let char_idx = char_idx.min(rope.len_chars());
    let indented = snapshot.language().is_some_and(|language| language.indented_blocks());
    let hanging = indented.then(|| hanging_place(rope, char_idx)).flatten();
    let byte = text::char_to_byte(rope, hanging.map_or(char_idx, |(place, _)| place));
    let mut scopes = Vec::new();
    each_capture(
        snapshot,
        |queries| queries.scopes(),
        byte.saturating_sub(1)..byte + 1,
        |role, node| {
            let kind = match role {
                Role::FunctionScope => ScopeKind::Function,
                Role::TypeScope => ScopeKind::Type,
                Role::ModuleScope => ScopeKind::Module,
                Role::Block => ScopeKind::Block,
                _ => return,
            };
            let bytes = node.byte_range();
            let inside = match hanging {
                None if indented => bytes.start <= byte && byte <= bytes.end,
                None => bytes.start < byte && byte < bytes.end,
                Some((_, indent)) => {
                    let start = text::byte_to_char(rope, bytes.start);
                    let own_indent = match kind {
                        // A block starts at its first statement, which the cursor may stand level with.
                        ScopeKind::Block => indent_of_line(rope, rope.char_to_line(start)),
                        _ => indent_of_line(rope, rope.char_to_line(start)) + 1,
                    };
                    bytes.start <= byte && byte <= bytes.end && indent >= own_indent
                }
            };
            if inside {
                scopes.push(Scope { kind, bytes });
            }
        },
    );
    // The inner of two that span the same bytes was found last.
    scopes.reverse();
    scopes.sort_by_key(|scope| scope.bytes.len());
    scopes
}

/// The innermost function around a cursor at `char_idx`.
pub fn enclosing_function(snapshot: &Snapshot, char_idx: usize) -> Option<Scope> {
    enclosing_scopes(snapshot, char_idx).into_iter().find(|scope| scope.kind == ScopeKind::Function)
}

/// The innermost block around a cursor at `char_idx`.
pub fn enclosing_block(snapshot: &Snapshot, char_idx: usize) -> Option<Scope> {
    enclosing_scopes(snapshot, char_idx).into_iter().find(|scope| scope.kind == ScopeKind::Block)
}

/// How many nodes that touch these bytes are errors or were made up by the parser. 0 without a tree.
pub fn error_count(snapshot: &Snapshot, bytes: Range<usize>) -> usize {
    let Some(tree) = snapshot.tree() else { return 0 };
    let mut count = 0;
    let mut cursor = tree.walk();
    let mut stack = vec![tree.root_node()];
    while let Some(node) = stack.pop() {
        if !node.has_error() || node.end_byte() < bytes.start || node.start_byte() > bytes.end {
            continue;
        }
        if node.is_error() || node.is_missing() {
            count += 1;
        }
        stack.extend(node.children(&mut cursor));
    }
    count
}

/// The brackets that are open at `char_idx`, outermost first: `(`, `[` and `{` in code before it that nothing closes
/// before it.
pub fn open_brackets(snapshot: &Snapshot, char_idx: usize) -> Vec<char> {
    let byte = text::char_to_byte(snapshot.rope(), char_idx);
    let mut open = Vec::new();
    match snapshot.tree() {
        Some(tree) => brackets_of_tree(tree.root_node(), byte, &mut open),
        None => brackets_of_text(snapshot.rope(), char_idx, &mut open),
    }
    open
}

/// The text that queries with predicates read.
pub(crate) struct RopeText<'a>(pub(crate) &'a Rope);

impl<'a> TextProvider<&'a [u8]> for RopeText<'a> {
    type I = std::iter::Map<ropey::iter::Chunks<'a>, fn(&'a str) -> &'a [u8]>;

    fn text(&mut self, node: Node<'_>) -> Self::I {
        let end = node.end_byte().min(self.0.len_bytes());
        let slice = self.0.byte_slice(node.start_byte().min(end)..end);
        slice.chunks().map(str::as_bytes as fn(&'a str) -> &'a [u8])
    }
}

/// Calls `visit` for every capture with a role whose match touches `bytes`.
pub(crate) fn each_capture(
    snapshot: &Snapshot,
    choose: fn(&halfline_grammars::Queries) -> &RoleQuery,
    bytes: Range<usize>,
    mut visit: impl FnMut(Role, Node<'_>),
) {
    let (Some(language), Some(tree)) = (snapshot.language(), snapshot.tree()) else { return };
    let query = choose(language.queries());
    let mut cursor = QueryCursor::new();
    cursor.set_byte_range(bytes);
    let mut captures = cursor.captures(query.query(), tree.root_node(), RopeText(snapshot.rope()));
    while let Some((found, index)) = captures.next() {
        let capture = found.captures()[*index];
        if let Some(role) = query.role(capture.index) {
            visit(role, capture.node);
        }
    }
}

fn runs_to_line_end(snapshot: &Snapshot, bytes: &Range<usize>) -> bool {
    let Some(mark) = snapshot.language().and_then(|language| language.line_comment()) else { return false };
    let end = bytes.end.min(bytes.start + mark.len());
    text::byte_slice(snapshot.rope(), bytes.start, end) == mark
}

/// Where the characters of a comment end that runs to the end of its line.
fn comment_end(rope: &Rope, bytes: &Range<usize>) -> usize {
    let mut end = bytes.end.min(rope.len_bytes());
    while end > bytes.start && matches!(rope.byte(end - 1), b'\n' | b'\r') {
        end -= 1;
    }
    end
}

/// For a cursor with nothing but space around it on its line: the place just after the last text above, and the
/// cursor's column in characters.
fn hanging_place(rope: &Rope, char_idx: usize) -> Option<(usize, usize)> {
    let line = rope.char_to_line(char_idx);
    if text::line_content(rope, line).chars().any(|ch| !ch.is_whitespace()) {
        return None;
    }
    let line_start = rope.line_to_char(line);
    let mut chars = rope.chars_at(line_start);
    let mut place = line_start;
    while let Some(ch) = chars.prev() {
        if !ch.is_whitespace() {
            return Some((place, char_idx - line_start));
        }
        place -= 1;
    }
    None
}

fn indent_of_line(rope: &Rope, line: usize) -> usize {
    text::line_content(rope, line).chars().take_while(|ch| ch.is_whitespace()).count()
}

fn brackets_of_tree(root: Node<'_>, end: usize, open: &mut Vec<char>) {
    let mut cursor = root.walk();
    let mut stack = vec![root];
    while let Some(node) = stack.pop() {
        let whole = node.end_byte() <= end;
        if node.start_byte() >= end || node.is_missing() {
            continue;
        }
        if node.child_count() == 0 {
            if whole {
                note_bracket(node.kind(), open);
            }
        } else if !whole || node.has_error() {
            // What parsed without an error and is over before the cursor closes every bracket that it opens.
            let first_child = stack.len();
            stack.extend(node.children(&mut cursor));
            stack[first_child..].reverse();
        }
    }
}

fn brackets_of_text(rope: &Rope, char_idx: usize, open: &mut Vec<char>) {
    const LINES_BACK: usize = 200;
    let char_idx = char_idx.min(rope.len_chars());
    let start = rope.line_to_char(rope.char_to_line(char_idx).saturating_sub(LINES_BACK));
    let mut buffer = [0; 4];
    for ch in rope.slice(start..char_idx).chars() {
        note_bracket(ch.encode_utf8(&mut buffer), open);
    }
}

fn note_bracket(token: &str, open: &mut Vec<char>) {
    let opener = match token {
        "(" | "[" | "{" => {
            open.extend(token.chars());
            return;
        }
        ")" => '(',
        "]" => '[',
        "}" => '{',
        _ => return,
    };
    // A closer that fits nothing is the text's mistake; one that fits something further out closes what is within.
    if let Some(at) = open.iter().rposition(|&ch| ch == opener) {
        open.truncate(at);
    }
}

#[cfg(test)]
mod tests;

//! What a completion prompt needs: text around the cursor, and the few lines from elsewhere that it depends on.
//!
//! # Where the prefix starts
//!
//! The engine keeps what it computed for a prompt and reuses the longest common prefix with the next one. If the
//! prefix started a fixed number of tokens before the cursor, every keystroke would move its start and spoil all reuse.
//! So the start is chosen among fixed places: the first line that begins at or after a multiple of `step` bytes from
//! the top of the file, `step` being about half of the prefix budget. The window takes the earliest such place from
//! which the text up to the cursor fits the budget. While one types, the text above stands still, so the start does too,
//! until half a budget's worth of text has been written; then it moves on by one step, once.
//!
//! Pieces come before the prefix in a prompt, so they follow the same rule: they depend on whole lines, not on what is
//! being typed, except for a call on the cursor's line; and they are ordered by how long they last and by place, not by rank.

mod attention;
mod declarations;
mod expression;
mod members;
mod pieces;
mod similar;
mod typing;

use std::collections::HashSet;
use std::time::Instant;

use ropey::Rope;
use serde::Serialize;

use crate::budget::{Budget, TokenCounter};
use crate::document::Snapshot;
use crate::symbols::{self, Definition};
use crate::text;
use crate::workspace::{Workspace, within};
use typing::Typing;

pub use attention::Attention;
pub(crate) use declarations::container_type;
pub(crate) use pieces::shared_parents;
pub(crate) use similar::Remembered;

/// Bytes that a token of code has on average; a little low, so that a window is tried that may be too large.
const BYTES_PER_TOKEN: usize = 3;
/// Text with more bytes to a token than this is rare; it bounds how much text is counted.
const MOST_BYTES_PER_TOKEN: usize = 8;
/// The least bytes by which a window moves.
const SMALLEST_STEP: usize = 64;

/// Lines from some place, and the reason why they are shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Piece {
    /// Relative to the workspace where possible, with `/`.
    pub path: String,
    /// First and last line, from 1.
    pub lines: (usize, usize),
    /// The text, which may be shorter than the lines.
    pub text: String,
    /// Why it is here, in a few words.
    pub why: String,
}

/// Names that exist and fit where the cursor is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Expected {
    /// What is left of each of them after what is typed already.
    pub names: Vec<String>,
    /// Where they are from.
    pub origin: Origin,
}

/// Where expected names are from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// They are the members of what stands before the dot.
    Members,
    /// They are imported and not used yet.
    Imports,
}

/// Everything a completion prompt is made from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompletionContext {
    /// Text before the cursor, from the start of a line unless that line is very long.
    pub prefix: String,
    /// Text after the cursor, to the end of a line unless that line is very long.
    pub suffix: String,
    /// Lines from elsewhere, what changes least first.
    pub pieces: Vec<Piece>,
    /// The rank of each of them, from 1 for what matters most.
    pub ranks: Vec<usize>,
    /// Names one of which may come next, where that can be told.
    pub expected: Option<Expected>,
    /// Whether everything was looked at: what was not ready in time may be there for the next request.
    pub complete: bool,
}

/// What stands beside the text in a prompt.
#[derive(Clone, Copy, Debug)]
pub enum Beside<'a> {
    /// Pieces that are to be found, also by what has the person's attention.
    Fresh(&'a Attention),
    /// Pieces that are known, with their ranks.
    Known(&'a [(usize, Piece)]),
}

/// Gathers what a completion at `cursor` (in characters) needs, within `budget`. Without a workspace, only from this file
/// and what has the person's attention; with no tokens for pieces, only the text around the cursor.
pub fn gather_completion(
    snapshot: &Snapshot,
    cursor: usize,
    budget: &Budget,
    counter: &dyn TokenCounter,
    workspace: Option<&Workspace>,
    beside: Beside<'_>,
) -> CompletionContext {
    let deadline = Instant::now() + budget.time;
    let rope = snapshot.rope();
    let cursor = cursor.min(rope.len_chars());
    let start = prefix_start(rope, cursor, budget.prefix_tokens, counter);
    let end = suffix_end(rope, cursor, budget.suffix_tokens, counter);
    let mut context = CompletionContext {
        prefix: text::slice(rope, start, cursor),
        suffix: text::slice(rope, cursor, end),
        complete: true,
        ..CompletionContext::default()
    };
    if budget.piece_tokens > 0 {
        let gather = || {
            let window = Window { snapshot, start, cursor, end };
            let imports = symbols::imports(snapshot);
            let typing = Typing::new(snapshot, cursor, workspace, &imports);
            let members = members::members(&typing);
            let finder = pieces::Finder::new(&window, &typing, members.as_ref());
            let pieces = match beside {
                Beside::Fresh(attention) => finder.gather(attention, budget.piece_tokens, counter, deadline),
                Beside::Known(pieces) => pieces.to_vec(),
            };
            let expected = match &members {
                Some((members, _)) => Some(Expected { names: members.rest(), origin: Origin::Members }),
                None => finder.unused().map(|names| Expected { names, origin: Origin::Imports }),
            };
            (pieces, expected)
        };
        let ((pieces, expected), had_all) = within(deadline, gather);
        (context.ranks, context.pieces) = pieces.into_iter().unzip();
        context.expected = expected;
        context.complete = had_all && Instant::now() <= deadline;
    }
    context
}

/// Where the prefix window starts, in characters. See the top of this file.
fn prefix_start(rope: &Rope, cursor: usize, tokens: usize, counter: &dyn TokenCounter) -> usize {
    let mut step = (tokens * BYTES_PER_TOKEN / 2).next_power_of_two().max(SMALLEST_STEP);
    loop {
        let (start, shown) = prefix_start_by(rope, cursor, tokens, step, counter);
        // Text with few bytes to a token leaves little of the window when it moves: smaller steps, then.
        if start == 0 || shown * 3 >= tokens || step <= SMALLEST_STEP {
            return start;
        }
        step /= 2;
    }
}

/// The start among the places that are `step` bytes apart, and the tokens from there to the cursor.
fn prefix_start_by(
    rope: &Rope,
    cursor: usize,
    tokens: usize,
    step: usize,
    counter: &dyn TokenCounter,
) -> (usize, usize) {
    let cursor_byte = rope.char_to_byte(cursor);
    let mut anchor = cursor_byte.saturating_sub(tokens * MOST_BYTES_PER_TOKEN) / step * step;
    loop {
        let start = line_start_at_or_after(rope, anchor, cursor_byte, step);
        if start >= cursor {
            return (cursor, 0);
        }
        let shown = counter.count(&text::slice(rope, start, cursor));
        if shown <= tokens {
            return (start, shown);
        }
        anchor += step;
    }
}

/// The first line start within `step` bytes from `anchor` on, before `limit`; without one, the character at `anchor`.
fn line_start_at_or_after(rope: &Rope, anchor: usize, limit: usize, step: usize) -> usize {
    let at = text::byte_to_char(rope, anchor);
    let line = rope.char_to_line(at);
    let line_start = rope.line_to_char(line);
    if line_start == at {
        return at;
    }
    let next_line = text::line_to_char(rope, line + 1);
    let next_byte = rope.char_to_byte(next_line);
    if next_byte <= limit && next_byte < anchor + step { next_line } else { at }
}

/// Where the suffix window ends, in characters: after as many whole lines as fit; within the first if that does not.
fn suffix_end(rope: &Rope, cursor: usize, tokens: usize, counter: &dyn TokenCounter) -> usize {
    let mut left = tokens;
    let mut end = cursor;
    for line in rope.char_to_line(cursor)..rope.len_lines() {
        let line_end = text::line_to_char(rope, line + 1);
        // A line is cut before it is counted: some are megabytes.
        let shown_end = line_end.min(end + left * MOST_BYTES_PER_TOKEN);
        let cost = counter.count(&text::slice(rope, end, shown_end));
        if cost > left || shown_end < line_end {
            if end == cursor {
                end += fitting_chars(rope, cursor, shown_end, left, counter);
            }
            break;
        }
        left -= cost;
        end = line_end;
    }
    end
}

/// How many characters from `start` fit into `tokens`, found by halving.
fn fitting_chars(rope: &Rope, start: usize, end: usize, tokens: usize, counter: &dyn TokenCounter) -> usize {
    let (mut fits, mut too_many) = (0, end - start + 1);
    while too_many - fits > 1 {
        let middle = fits + (too_many - fits) / 2;
        if counter.count(&text::slice(rope, start, start + middle)) <= tokens {
            fits = middle;
        } else {
            too_many = middle;
        }
    }
    fits
}

/// The part of a file that a prompt shows, in characters.
struct Window<'a> {
    snapshot: &'a Snapshot,
    start: usize,
    cursor: usize,
    end: usize,
}

impl Window<'_> {
    /// What stands before the cursor on its line.
    fn typed(&self) -> String {
        let rope = self.snapshot.rope();
        text::slice(rope, rope.line_to_char(rope.char_to_line(self.cursor)).max(self.start), self.cursor)
    }

    fn shows_line(&self, line: usize) -> bool {
        let rope = self.snapshot.rope();
        (rope.char_to_line(self.start)..=rope.char_to_line(self.end)).contains(&line)
    }

    /// The names on the window's other lines: what is being typed is no name yet. The nearest above the cursor first.
    fn names(&self) -> Vec<String> {
        let rope = self.snapshot.rope();
        let line_start = rope.line_to_char(rope.char_to_line(self.cursor)).max(self.start);
        let mut names = symbols::identifiers(self.snapshot, self.start..line_start);
        let below = text::line_to_char(rope, rope.char_to_line(self.cursor) + 1).min(self.end);
        names.extend(symbols::identifiers(self.snapshot, below..self.end));
        let mut seen = HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
        names
    }
}

/// The outline of a definition, of at most so many lines, as a piece.
pub(crate) fn piece_of(path: String, all: &[Definition], index: usize, lines: usize) -> Piece {
    let definition = &all[index];
    let mut text = symbols::outline(all, index, lines);
    if let Some(container) = definition.container.as_ref().filter(|_| is_plain_member(definition)) {
        let indented: Vec<String> = text.lines().map(|line| format!("    {line}")).collect();
        text = format!("{container}\n{}", indented.join("\n"));
    }
    let (first, last) = definition.signature_lines;
    Piece { path, lines: (first + 1, last + 1), text, why: format!("definition of {}", definition.name) }
}

/// Whether a definition can only be reached through a value or a type.
pub(crate) fn is_plain_member(definition: &Definition) -> bool {
    use halfline_grammars::TagKind::{Field, Method};
    matches!(definition.kind, Method | Field)
}

pub(crate) fn own_path(snapshot: &Snapshot, workspace: Option<&Workspace>) -> String {
    let Some(path) = snapshot.path() else { return String::new() };
    workspace.map_or_else(|| path.to_string_lossy().into_owned(), |workspace| workspace.display_path(path))
}

#[cfg(test)]
mod tests;

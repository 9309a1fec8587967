//! What is wrong with a suggestion, one rule for each file. A rule cuts the text or refuses it; it never adds to it.

pub mod block_end;
pub mod brackets;
pub mod line_end;
pub mod repetition;
pub mod special_tokens;
pub mod suffix_overlap;
pub mod syntax;
pub mod too_short;

use halfline_context::syntax::open_brackets;
use halfline_context::{Rope, Snapshot, text};

use super::{Mode, Trigger};

/// Lines after the cursor's that a suggestion is compared with.
const FOLLOWING_LINES: usize = 8;

/// The place that a suggestion is for.
#[derive(Debug)]
pub struct Site<'a> {
    /// The text.
    pub snapshot: &'a Snapshot,
    /// The cursor, in characters.
    pub offset: usize,
    /// How much is wanted.
    pub mode: &'a Mode,
    /// Why it is wanted.
    pub trigger: Trigger,
    /// Whether generation ended before the model was done, so that the last line may be half a line.
    pub is_cut_off: bool,
}

/// Applies every rule in order. `Err` says why nothing is left to show.
pub fn apply(site: &Site<'_>, generated: &str) -> Result<String, String> {
    let rope = site.snapshot.rope();
    let line = text::char_to_line(rope, site.offset);
    let line_end = text::line_to_char(rope, line) + text::line_content(rope, line).len_chars();
    let line_suffix = text::slice(rope, site.offset, line_end);
    let following = following_lines(rope, line);
    let following: Vec<&str> = following.iter().map(String::as_str).collect();

    let text = special_tokens::cut(generated);
    let text = match site.mode {
        Mode::Line => line_end::cut(text),
        Mode::Block { indent, is_closed } => block_end::cut(text, *indent, *is_closed, site.is_cut_off),
    };
    let text = repetition::cut(text);
    let text = suffix_overlap::cut(text, &line_suffix, &following);
    let text = match (site.mode, site.snapshot.language()) {
        // A block's end is told by its indentation, and its brackets are its own.
        (Mode::Block { .. }, _) => text,
        (Mode::Line, _) => {
            let after = text::slice(rope, site.offset, rope.len_chars().min(site.offset + brackets::LOOK_AHEAD));
            brackets::cut(text, &brackets::to_close(&open_brackets(site.snapshot, site.offset), &after))
        }
    };
    let text = text.trim_end();
    too_short::check(text, site.trigger)?;
    // Half a line need not parse.
    if !(site.is_cut_off && *site.mode == Mode::Line) {
        syntax::check(site.snapshot, site.offset, text)?;
    }
    Ok(text.to_owned())
}

/// The next lines with text after `line`, without the space around them.
fn following_lines(rope: &Rope, line: usize) -> Vec<String> {
    (line + 1..rope.len_lines())
        .take(4 * FOLLOWING_LINES)
        .map(|line| text::line_content(rope, line).to_string().trim().to_owned())
        .filter(|line| !line.is_empty())
        .take(FOLLOWING_LINES)
        .collect()
}

#[cfg(test)]
mod tests;

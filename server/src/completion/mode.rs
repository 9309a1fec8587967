//! How much is wanted at a place: the rest of a line, or a whole block.
//!
//! A block is wanted where its body is still empty: nothing but space stands right of the cursor on its line; the last
//! text before the cursor is a block's opener in code (`{`, or `:` where indentation makes the blocks); and the next
//! line with text is not indented deeper than the opener's line. Everywhere else a line is wanted.

use halfline_context::syntax::{Place, place_at};
use halfline_context::{Rope, Snapshot, text};

/// How much is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The rest of the line.
    Line,
    /// The body of a block.
    Block {
        /// Characters of indentation of the opener's line.
        indent: usize,
        /// Whether the text after the cursor closes the block.
        is_closed: bool,
    },
}

/// What is wanted at `offset` (in characters).
pub(super) fn at(snapshot: &Snapshot, offset: usize) -> Mode {
    empty_block(snapshot, offset).unwrap_or(Mode::Line)
}

fn empty_block(snapshot: &Snapshot, offset: usize) -> Option<Mode> {
    let rope = snapshot.rope();
    let line = text::char_to_line(rope, offset);
    let right = rope.slice(offset..).chars().take_while(|ch| !is_line_break(*ch)).all(char::is_whitespace);
    if !right {
        return None;
    }
    let opener = last_text_before(rope, offset)?;
    let indented_blocks = snapshot.language().is_some_and(|language| language.indented_blocks());
    let is_opener = rope.char(opener) == if indented_blocks { ':' } else { '{' };
    if !is_opener || place_at(snapshot, opener) != Place::Code || place_at(snapshot, offset) != Place::Code {
        return None;
    }
    let indent = indent_of(rope, text::char_to_line(rope, opener));
    let next = (line + 1..rope.len_lines()).find(|line| !is_blank(rope, *line));
    let Some(next) = next else { return Some(Mode::Block { indent, is_closed: indented_blocks }) };
    let next_indent = indent_of(rope, next);
    let starts_with_closer = text::line_content(rope, next).chars().nth(next_indent) == Some('}');
    (next_indent <= indent)
        .then_some(Mode::Block { indent, is_closed: indented_blocks || (starts_with_closer && next_indent == indent) })
}

/// The last character before `offset` that is not space.
fn last_text_before(rope: &Rope, offset: usize) -> Option<usize> {
    let mut chars = rope.chars_at(offset);
    let mut at = offset;
    while let Some(ch) = chars.prev() {
        at -= 1;
        if !ch.is_whitespace() {
            return Some(at);
        }
    }
    None
}

fn is_line_break(ch: char) -> bool {
    matches!(ch, '\n' | '\r')
}

fn is_blank(rope: &Rope, line: usize) -> bool {
    text::line_content(rope, line).chars().all(char::is_whitespace)
}

fn indent_of(rope: &Rope, line: usize) -> usize {
    text::line_content(rope, line).chars().take_while(|ch| ch.is_whitespace()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_wanted_where_its_body_is_empty() {
        let block = |indent, is_closed| Mode::Block { indent, is_closed };
        for (name, path, marked, expected) in [
            ("after the opener", "a.rs", "fn f() {|\n}\n", block(0, true)),
            ("on the empty line", "a.rs", "fn f() {\n    |\n}\n", block(0, true)),
            ("blank lines between", "a.rs", "fn f() {\n\n    |\n\n}\n", block(0, true)),
            ("not closed", "a.rs", "fn f() {\n    |\n\nfn g() {}\n", block(0, false)),
            ("at the end", "a.rs", "fn f() {\n    if x {\n        |", block(4, false)),
            ("closed further out only", "a.rs", "fn f() {\n    if x {\n        |\n}\n", block(4, false)),
            ("a body", "a.rs", "fn f() {\n    |\n    g();\n}\n", Mode::Line),
            ("text to the right", "a.rs", "fn f() {| }\n", Mode::Line),
            ("middle of a line", "a.rs", "fn f() {\n    let x = |\n}\n", Mode::Line),
            ("opener in a comment", "a.rs", "// {\n|\nfn g() {}\n", Mode::Line),
            ("opener in a string", "a.rs", "const A: &str = \"{\n|\n\";\n", Mode::Line),
            ("python", "a.py", "def f(x):\n    |\n", block(0, true)),
            ("python, a dictionary", "a.py", "x = {\n    |\n}\n", Mode::Line),
            ("python, a body", "a.py", "def f(x):\n    |\n    return x\n", Mode::Line),
            ("start of the text", "a.rs", "|", Mode::Line),
        ] {
            let offset = marked.chars().position(|ch| ch == '|').unwrap();
            let snapshot = Snapshot::of_text(Some(path.into()), &marked.replacen('|', "", 1));
            assert_eq!(at(&snapshot, offset), expected, "{name}");
        }
    }
}

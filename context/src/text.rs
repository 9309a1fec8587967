//! Lines, characters and bytes of a rope, and the positions that editors speak of.
//!
//! Lines end at `\n`, `\r\n` and `\r`, as LSP has it. Every conversion clamps: a position from outside is never trusted
//! and never panics. An offset "in characters" counts Unicode scalar values.

use ropey::{Rope, RopeSlice};
use serde::{Deserialize, Serialize};

/// What an editor counts within a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Encoding {
    /// Bytes.
    Utf8,
    /// UTF-16 code units: what LSP means when nothing was negotiated.
    #[default]
    Utf16,
    /// Unicode scalar values.
    Utf32,
}

/// A place in a text. What `character` counts depends on the [`Encoding`] it came with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// Line, from 0.
    pub line: u32,
    /// Units from the start of the line, from 0.
    pub character: u32,
}

impl Position {
    /// A position from its two numbers.
    pub fn new(line: u32, character: u32) -> Self {
        Position { line, character }
    }
}

/// The offset in characters of `position`. Past the end of a line means the end of that line, before its line break;
/// past the last line means the end of the text; inside a character means its start.
pub fn position_to_char(rope: &Rope, position: Position, encoding: Encoding) -> usize {
    let line = position.line as usize;
    if line >= rope.len_lines() {
        return rope.len_chars();
    }
    let content = line_content(rope, line);
    let units = position.character as usize;
    let within = match encoding {
        Encoding::Utf8 => content.byte_to_char(units.min(content.len_bytes())),
        Encoding::Utf16 => content.utf16_cu_to_char(units.min(content.len_utf16_cu())),
        Encoding::Utf32 => units.min(content.len_chars()),
    };
    rope.line_to_char(line) + within
}

/// The position of the character at offset `char_idx`. Inside a line break means before it; past the end, the end.
pub fn char_to_position(rope: &Rope, char_idx: usize, encoding: Encoding) -> Position {
    let char_idx = char_idx.min(rope.len_chars());
    let line = rope.char_to_line(char_idx);
    let content = line_content(rope, line);
    let within = (char_idx - rope.line_to_char(line)).min(content.len_chars());
    let units = match encoding {
        Encoding::Utf8 => content.char_to_byte(within),
        Encoding::Utf16 => content.char_to_utf16_cu(within),
        Encoding::Utf32 => within,
    };
    Position { line: saturate(line), character: saturate(units) }
}

/// `position` counted in `from`, as it is counted in `to`.
pub fn convert_position(rope: &Rope, position: Position, from: Encoding, to: Encoding) -> Position {
    char_to_position(rope, position_to_char(rope, position, from), to)
}

/// The byte at which the character at offset `char_idx` starts.
pub fn char_to_byte(rope: &Rope, char_idx: usize) -> usize {
    rope.char_to_byte(char_idx.min(rope.len_chars()))
}

/// The character that the byte at offset `byte` belongs to.
pub fn byte_to_char(rope: &Rope, byte: usize) -> usize {
    rope.byte_to_char(byte.min(rope.len_bytes()))
}

/// The line that the byte at offset `byte` belongs to, from 0.
pub fn byte_to_line(rope: &Rope, byte: usize) -> usize {
    rope.byte_to_line(byte.min(rope.len_bytes()))
}

/// The line that the character at offset `char_idx` belongs to, from 0.
pub fn char_to_line(rope: &Rope, char_idx: usize) -> usize {
    rope.char_to_line(char_idx.min(rope.len_chars()))
}

/// The offset in characters at which `line` starts; the end of the text for a line past the last.
pub fn line_to_char(rope: &Rope, line: usize) -> usize {
    rope.line_to_char(line.min(rope.len_lines()))
}

/// The text of `line` without its line break; empty past the last line.
pub fn line_content(rope: &Rope, line: usize) -> RopeSlice<'_> {
    let Some(slice) = rope.get_line(line) else { return rope.slice(0..0) };
    let mut end = slice.len_chars();
    if end > 0 && slice.char(end - 1) == '\n' {
        end -= 1;
    }
    // A `\r` here is half of `\r\n`, or a break of its own: content has neither.
    if end > 0 && slice.char(end - 1) == '\r' {
        end -= 1;
    }
    slice.slice(..end)
}

/// Lines `first..=last` (from 0) with their line breaks; lines past the end are left out.
pub fn lines(rope: &Rope, first: usize, last: usize) -> String {
    let start = line_to_char(rope, first);
    let end = line_to_char(rope, last.saturating_add(1));
    rope.slice(start.min(end)..end).to_string()
}

/// The text between two offsets in characters.
pub fn slice(rope: &Rope, start: usize, end: usize) -> String {
    let end = end.min(rope.len_chars());
    rope.slice(start.min(end)..end).to_string()
}

/// The text between two offsets in bytes; an offset inside a character means its start.
pub fn byte_slice(rope: &Rope, start: usize, end: usize) -> String {
    slice(rope, byte_to_char(rope, start), byte_to_char(rope, end))
}

fn saturate(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;

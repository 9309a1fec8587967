//! What was shown beside the line that is being written. It stays the same while the line is typed, whatever the line comes to
//! need: other pieces would stand before the file's own text, and all of that would have to be computed anew at a dot or a
//! parenthesis. Someone who asks, and a cursor that rests, get other ones.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use halfline_context::{Piece, Snapshot, text};
use lru::LruCache;

/// Documents whose last line is remembered.
const DOCUMENTS: NonZeroUsize = NonZeroUsize::new(32).expect("it is not zero");

/// Pieces with their ranks.
pub(super) type Ranked = Vec<(usize, Piece)>;

/// The pieces for the last line of each document.
#[derive(Debug)]
pub(super) struct SameLine(Mutex<LruCache<PathBuf, (Line, Ranked)>>);

/// A line of a text: its number, how many there are, and what stood before its first character when it was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line {
    number: usize,
    lines: usize,
    start: usize,
}

impl Line {
    /// The line with the character at `offset`.
    pub(super) fn of(snapshot: &Snapshot, offset: usize) -> Line {
        let rope = snapshot.rope();
        let number = text::char_to_line(rope, offset);
        Line { number, lines: rope.len_lines(), start: text::line_to_char(rope, number) }
    }
}

impl Default for SameLine {
    fn default() -> SameLine {
        SameLine(Mutex::new(LruCache::new(DOCUMENTS)))
    }
}

impl SameLine {
    /// The pieces for this line, if it is the last one of its document and there are any: what was not ready may be now.
    pub(super) fn pieces(&self, path: &Path, line: Line) -> Option<Ranked> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(path).filter(|(of, pieces)| *of == line && !pieces.is_empty()).map(|(_, pieces)| pieces.clone())
    }

    pub(super) fn keep(&self, path: &Path, line: Line, pieces: Ranked) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).put(path.to_owned(), (line, pieces));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_stay_while_the_line_is_typed() {
        let piece =
            |text: &str| vec![(1, Piece { path: "b.rs".into(), lines: (1, 1), text: text.into(), why: String::new() })];
        let line = |text: &str| Line::of(&Snapshot::of_text(None, text), text.chars().count());
        let (known, path) = (SameLine::default(), Path::new("a.rs"));
        known.keep(path, line("fn a() {\n    x"), piece("one"));
        assert_eq!(known.pieces(path, line("fn a() {\n    x.y(")), Some(piece("one")));
        for other in ["fn a() {\n    x.y();\n    ", "fn ab() {\n    x", "fn a() {}\n\n    x", "fn a() {"] {
            assert_eq!(known.pieces(path, line(other)), None, "{other:?}");
        }
        assert_eq!(known.pieces(Path::new("b.rs"), line("fn a() {\n    x")), None);
        known.keep(path, line("fn a() {\n    x"), Vec::new());
        assert_eq!(known.pieces(path, line("fn a() {\n    x")), None);
    }
}

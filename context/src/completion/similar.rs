//! Code like what is being written: the place of the workspace, or of the rest of this file, whose lines share most names
//! with the lines above the cursor. What was written there next is often what comes next here.
//!
//! What is compared are whole lines, and the comparison moves on by [`STEP`] lines at a time: a piece that changed at
//! every line break would cost the whole prompt each time.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use lru::LruCache;

use super::{Piece, Window};
use crate::retrieval::{is_test, tokens};
use crate::text;
use crate::workspace::{FileSymbols, Workspace, hash, read_text};

/// Lines above the cursor that are compared.
const COMPARED: usize = 10;
/// Lines by which what is compared moves.
const STEP: usize = 4;
/// Lines of a piece; the first of them are like those above the cursor, and the rest is what followed.
const PIECE_LINES: usize = 14;
/// Of the lines that are alike, those left out of a piece.
const LEFT_OUT: usize = 4;
/// Lines of this file before and after the window that are compared.
const FARTHEST: usize = 4000;
/// Chunks that are read and compared line by line.
const MOST_CHUNKS: usize = 8;
/// Names that two places share, as a part of all of theirs, for one to be worth showing.
const LEAST_ALIKE: f32 = 0.25;
/// Fewer names say nothing.
const FEWEST_NAMES: usize = 4;

/// Files for which the last answer is remembered.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(32).expect("it is not zero");

/// What was last found for each file, with what it was found for: between two steps nothing new is to be found.
#[derive(Debug)]
pub(crate) struct Remembered(Mutex<LruCache<String, (Key, Vec<Piece>)>>);

/// What an answer depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    /// The hash of the lines that are compared.
    written: u64,
    /// Lines of the file before and behind the window.
    hidden: (usize, usize),
    /// Of the index.
    generation: u64,
}

impl Default for Remembered {
    fn default() -> Remembered {
        Remembered(Mutex::new(LruCache::new(REMEMBERED)))
    }
}

impl Remembered {
    fn find(&self, path: &str, key: Key) -> Option<Vec<Piece>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(path).filter(|(known, _)| *known == key).map(|(_, pieces)| pieces.clone())
    }

    fn keep(&self, path: &str, key: Key, pieces: Vec<Piece>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).put(path.to_owned(), (key, pieces));
    }
}

/// A place, and how much it is like the lines above the cursor.
struct Place {
    path: String,
    lines: Range<usize>,
    text: String,
    alike: f32,
}

/// The places most like the lines above the cursor, the best first.
pub(super) fn similar_code(
    window: &Window<'_>,
    own_path: &str,
    workspace: Option<&Workspace>,
    deadline: Instant,
) -> Vec<Piece> {
    let rope = window.snapshot.rope();
    let cursor_line = rope.char_to_line(window.cursor);
    let end = cursor_line - cursor_line % STEP;
    let compared = rope.line_to_char(end.saturating_sub(COMPARED))..rope.line_to_char(end);
    let written = text::slice(rope, compared.start, compared.end);
    let wanted = Wanted::new(&written);
    if wanted.0.len() < FEWEST_NAMES {
        return Vec::new();
    }
    let mut places = Vec::new();
    let (first, last) = (rope.char_to_line(window.start), rope.char_to_line(window.end));
    // What is typed on the cursor's line moves none of these.
    let key = Key {
        written: hash(&written),
        hidden: (first, rope.len_lines() - last),
        generation: workspace.map_or(0, Workspace::generation),
    };
    let remembered = workspace.map(Workspace::remembered);
    if let Some(pieces) = remembered.and_then(|remembered| remembered.find(own_path, key)) {
        return pieces;
    }
    let mut is_whole = true;
    for hidden in [first.saturating_sub(FARTHEST)..first, last + 1..rope.len_lines().min(last + 1 + FARTHEST)] {
        let slice =
            rope.slice(text::line_to_char(rope, hidden.start)..text::line_to_char(rope, hidden.end)).to_string();
        let lines: Vec<&str> = slice.split_inclusive('\n').collect();
        places.extend(best_window(own_path, &lines, hidden.start, &wanted));
    }
    is_whole &= Instant::now() <= deadline;
    if let Some(workspace) = workspace.filter(|_| is_whole) {
        for (file, lines) in likely_chunks(window, &written, workspace) {
            if Instant::now() > deadline {
                is_whole = false;
                break;
            }
            // Code of tests is like code of tests.
            let path = workspace.display_path(&file.path);
            if is_test(&path) != is_test(own_path) {
                continue;
            }
            let Ok(text) = read_text(&file.path) else { continue };
            let all: Vec<&str> = text.split_inclusive('\n').collect();
            // What followed may stand behind the chunk.
            let range = lines.0.min(all.len())..(lines.1 + PIECE_LINES).min(all.len());
            places.extend(best_window(&path, &all[range], lines.0, &wanted));
        }
    }
    places.sort_by(|a, b| b.alike.total_cmp(&a.alike).then_with(|| a.path.cmp(&b.path)));
    let piece = |place: Place| Piece {
        path: place.path,
        lines: (place.lines.start + 1, place.lines.end),
        text: place.text,
        why: "like the lines above the cursor".to_owned(),
    };
    let pieces: Vec<Piece> = places.into_iter().map(piece).collect();
    if let Some(remembered) = remembered.filter(|_| is_whole) {
        remembered.keep(own_path, key, pieces.clone());
    }
    pieces
}

/// The chunks of other files in this language that share most words with `written`.
fn likely_chunks(window: &Window<'_>, written: &str, workspace: &Workspace) -> Vec<(Arc<FileSymbols>, (usize, usize))> {
    let Some(words) = workspace.words() else { return Vec::new() };
    let terms = tokens::words(written);
    // Some of them are of this file, or of another language.
    let Ok(chunks) = words.like(&terms, MOST_CHUNKS * 2) else { return Vec::new() };
    let files = workspace.files_by_hash(&chunks.iter().map(|chunk| chunk.0).collect());
    let is_wanted = |file: &FileSymbols| {
        file.language() == window.snapshot.language() && Some(&*file.path) != window.snapshot.path()
    };
    let found = chunks.into_iter().filter_map(|(hash, lines)| Some((files.get(&hash)?.clone(), lines)));
    found.filter(|(file, _)| is_wanted(file)).take(MOST_CHUNKS).collect()
}

/// The names to look for, each with a bit of its own.
struct Wanted<'a>(HashMap<&'a str, u128>);

impl<'a> Wanted<'a> {
    fn new(text: &'a str) -> Wanted<'a> {
        let mut bits = HashMap::new();
        for name in names(text) {
            let bit = bits.len();
            if bit < u128::BITS as usize {
                bits.entry(name).or_insert(1 << bit);
            }
        }
        Wanted(bits)
    }

    /// Which of the names stand in a line, and how many others.
    fn read(&self, line: &str) -> (u128, u32) {
        names(line).fold((0, 0), |(bits, others), name| match self.0.get(name) {
            Some(bit) => (bits | bit, others),
            None => (bits, others + 1),
        })
    }
}

/// Those of `lines`, which begin at line `first` of their file, that are most like what is wanted, with what follows.
fn best_window(path: &str, lines: &[&str], first: usize, wanted: &Wanted<'_>) -> Option<Place> {
    let read: Vec<(u128, u32)> = lines.iter().map(|line| wanted.read(line)).collect();
    let mut best = (0.0, 0);
    for (start, window) in read.windows(COMPARED.min(read.len().max(1))).enumerate() {
        let (bits, others) = window.iter().fold((0, 0), |(bits, others), line| (bits | line.0, others + line.1));
        // Names that stand there more than once were counted each time.
        let alike = bits.count_ones() as f32 / (wanted.0.len() as f32 + others as f32 / 2.0);
        if alike > best.0 {
            best = (alike, start);
        }
    }
    let (alike, start) = best;
    let start = (start + LEFT_OUT).min(lines.len());
    let end = (start + PIECE_LINES).min(lines.len());
    let text = lines[start..end].concat().trim_end().to_owned();
    (alike >= LEAST_ALIKE && !text.is_empty()).then(|| Place {
        path: path.to_owned(),
        lines: first + start..first + end,
        text,
        alike,
    })
}

/// The words of code that can be names, of two letters at least.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|ch: char| ch != '_' && !ch.is_alphanumeric());
    words.filter(|word| word.len() > 1 && !word.starts_with(|ch: char| ch.is_numeric()))
}

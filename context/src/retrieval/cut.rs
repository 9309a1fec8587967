//! A file cut into chunks, as stores of vectors are told of them.

use super::chunk::{self, Chunk};
use super::places::Place;
use super::store::{ChunkId, ChunkRecord};
use crate::symbols::Source;
use crate::workspace::{FileSymbols, Workspace, hash, path_hash, read_text};

/// Characters of a chunk that the model gets to see.
const MOST_CHARS: usize = 4_000;

/// A file, cut into chunks.
pub(super) struct Cut<'a> {
    /// Hash of its path.
    pub(super) id: u64,
    /// Relative to the workspace.
    path: String,
    pub(super) file: &'a FileSymbols,
    chunks: Vec<Chunk>,
}

impl<'a> Cut<'a> {
    /// The chunks of `file` as the index has them; `None` where it has changed since, or cannot be read.
    pub(super) fn new(workspace: &Workspace, file: &'a FileSymbols) -> Option<Cut<'a>> {
        let text = read_text(&file.path).ok()?;
        let source = Source::new(file.language()?, &text);
        let id = path_hash(workspace.root(), &file.path);
        (!Workspace::is_stale(file)).then(|| Cut {
            id,
            path: workspace.display_path(&file.path),
            file,
            chunks: chunk::cut(&source, &file.definitions),
        })
    }

    /// How many they are.
    pub(super) fn len(&self) -> usize {
        self.chunks.len()
    }

    /// Where they are.
    pub(super) fn places(&self) -> Vec<Place> {
        let place = |record: ChunkRecord<'_>| Place { lines: record.id.lines, content: record.id.content };
        self.records().map(place).collect()
    }

    /// The chunks as a store is told of them.
    pub(super) fn records(&self) -> impl Iterator<Item = ChunkRecord<'_>> {
        let language = self.file.language().map(halfline_grammars::Language::name);
        self.chunks.iter().map(move |chunk| {
            let text = beginning(&chunk.text);
            let is_there = |line: usize| chunk.lines.0 <= line && line <= chunk.lines.1;
            ChunkRecord {
                id: ChunkId { file: self.id, lines: (chunk.lines.0 as u32, chunk.lines.1 as u32), content: hash(text) },
                path: &self.path,
                language,
                symbol: self.file.definitions.iter().find(|one| is_there(one.lines.0)).map(|one| one.name.as_str()),
                text,
            }
        })
    }
}

/// What the model gets to see of a text.
pub(super) fn beginning(text: &str) -> &str {
    text.char_indices().nth(MOST_CHARS).map_or(text, |(at, _)| &text[..at])
}

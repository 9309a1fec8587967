//! Which chunks every file has, and what text each of them is.

use std::collections::{HashMap, HashSet};

use rustc_hash::{FxBuildHasher, FxHashSet};
use serde::{Deserialize, Serialize};

use super::store::ChunkId;
use crate::workspace::Stamp;

/// Lines of a file and the hash of what the model saw of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// First and last, from 0.
    pub(super) lines: (u32, u32),
    pub(super) content: u64,
}

/// How alike the chunks of each file are to a question, best first: lines from 0, and -1 to 1.
pub(super) type Likeness = HashMap<u64, Vec<((usize, usize), f32)>, FxBuildHasher>;

/// See the module.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Places {
    files: HashMap<u64, (Stamp, Vec<Place>), FxBuildHasher>,
}

impl Places {
    /// How a file was when its chunks got their places.
    pub(super) fn stamp(&self, file: u64) -> Option<Stamp> {
        self.files.get(&file).map(|(stamp, _)| *stamp)
    }

    /// Chunks that have a place.
    pub(super) fn len(&self) -> usize {
        self.files.values().map(|(_, places)| places.len()).sum()
    }

    /// Every chunk.
    pub(super) fn chunks(&self) -> impl Iterator<Item = ChunkId> {
        self.files.iter().flat_map(|(&file, (_, places))| places.iter().map(move |place| place.of(file)))
    }

    /// Says what chunks a file has, in the place of what was known.
    pub(super) fn put(&mut self, file: u64, stamp: Stamp, places: Vec<Place>) {
        self.files.insert(file, (stamp, places));
    }

    /// The chunks of a file that are not among `places`.
    pub(super) fn replaced(&self, file: u64, places: &[Place]) -> Vec<ChunkId> {
        let before = self.files.get(&file).map(|(_, before)| before.as_slice()).unwrap_or_default();
        before.iter().filter(|place| !places.contains(place)).map(|place| place.of(file)).collect()
    }

    /// The files that are not among `files`.
    pub(super) fn gone(&self, files: impl Iterator<Item = u64>) -> Vec<u64> {
        let kept: FxHashSet<u64> = files.collect();
        self.files.keys().copied().filter(|file| !kept.contains(file)).collect()
    }

    /// Forgets a file.
    pub(super) fn remove(&mut self, file: u64) {
        self.files.remove(&file);
    }

    /// Hashes of the texts that some file has.
    pub(super) fn contents(&self) -> HashSet<u64, FxBuildHasher> {
        self.chunks().map(|chunk| chunk.content).collect()
    }

    /// How alike every chunk is, by what is said of its text.
    pub(super) fn likeness(&self, of_text: &dyn Fn(u64) -> Option<f32>) -> Likeness {
        let mut likeness = Likeness::default();
        for (file, (_, places)) in &self.files {
            let score =
                |place: &Place| Some(((place.lines.0 as usize, place.lines.1 as usize), of_text(place.content)?));
            let mut chunks: Vec<_> = places.iter().filter_map(score).collect();
            chunks.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            likeness.insert(*file, chunks);
        }
        likeness
    }
}

impl Place {
    /// The chunk that this is of a file.
    pub(super) fn of(self, file: u64) -> ChunkId {
        ChunkId { file, lines: self.lines, content: self.content }
    }
}

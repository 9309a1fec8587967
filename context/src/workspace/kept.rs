//! Where a workspace's index lies, and whether what is known here is what lies there.
//!
//! One process writes; the others learn what they read all the same, and mark that it was not written. Whoever gets to
//! write next first goes back to what is stored, so that no symbols are saved whose words are missing.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::{Workspace, store};
use crate::retrieval::words::{Words, Writing};

/// Where a workspace's index is kept.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) directory: PathBuf,
    pub(super) words: Words,
    /// The generation of the words that the known symbols belong to.
    pub(super) generation: AtomicU64,
    /// Whether something is known whose words were not written, or forgotten whose words were not taken out.
    unwritten: AtomicBool,
}

impl Kept {
    pub(super) fn new(directory: PathBuf, words: Words, generation: u64) -> Kept {
        Kept { directory, words, generation: AtomicU64::new(generation), unwritten: AtomicBool::new(false) }
    }

    /// Notes that something is about to be learned or forgotten without its words. Comes before the change itself: who
    /// saw the change must see this.
    pub(super) fn note_unwritten(&self) {
        self.unwritten.store(true, Ordering::Release);
    }

    pub(super) fn is_unwritten(&self) -> bool {
        self.unwritten.load(Ordering::Acquire)
    }

    /// Whether the words on disk are those of the known symbols, as far as can be told.
    pub(super) fn agrees(&self) -> bool {
        !self.is_unwritten()
            && !self.words.is_damaged()
            && self.generation.load(Ordering::Relaxed) == self.words.generation()
    }
}

impl Workspace {
    /// Goes back to the symbols that the words on disk belong to, or to nothing where none fit. What has changed since
    /// is then read as if it were new.
    pub(super) fn go_back_to_stored(&self, kept: &Kept, writing: &Writing<'_>) -> tantivy::Result<()> {
        let mut stored = store::load(&kept.directory, &self.root).unwrap_or_default();
        if kept.words.is_damaged() || stored.generation != kept.words.generation() {
            stored = store::Stored::default();
            writing.clear()?;
        }
        kept.unwritten.store(false, Ordering::Release);
        kept.generation.store(stored.generation, Ordering::Relaxed);
        let mut known = self.known_mut();
        known.forget_files();
        known.fill(stored.files, stored.refused);
        Ok(())
    }
}

//! Search by meaning: a vector for each chunk, computed beside the index of words and compared with the question's.
//!
//! Which model makes the vectors is not known here: it comes as an [`Embedder`]. What has no vector yet is not found by
//! meaning, and [`Dense::coverage`] says how much that is.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::chunk::{self, Chunk};
use super::vectors::{Keeping, Likeness, Place, Vectors};
use crate::symbols::Source;
use crate::workspace::{FileSymbols, Workspace, hash, path_hash, read_text};

/// Chunks beyond this many get no vector: a scan of all of them is part of every search.
const MOST_CHUNKS: usize = 100_000;
/// Chunks that are given to the model together.
const BATCH: usize = 32;
/// What was computed is written to disk at least this often.
const KEEP_EVERY: Duration = Duration::from_secs(60);
/// Characters of a chunk that the model gets to see.
const MOST_CHARS: usize = 4_000;

/// Turns texts into vectors of length one, so that the product of two says how alike the texts are.
pub trait Embedder: Send + Sync {
    /// The model and its version: vectors of one are no use to another.
    fn id(&self) -> &str;
    /// Numbers in a vector.
    fn dimension(&self) -> usize;
    /// One vector for each of `texts`.
    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, String>;
}

/// How much of a workspace can be found by meaning.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// The model.
    pub model: String,
    /// Chunks that have a vector.
    pub vectors: usize,
    /// Chunks that there are.
    pub chunks: usize,
}

/// What one round of computing came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Computed {
    /// Vectors that were computed.
    pub computed: usize,
    /// Chunks of new and changed files whose text had a vector already.
    pub reused: usize,
    /// Whether nothing is left to do.
    pub complete: bool,
}

/// The vectors of one workspace. Safe to use from any thread, also while vectors are computed.
pub struct Dense {
    embedder: Arc<dyn Embedder>,
    vectors: RwLock<Vectors>,
    /// Where they are kept, if anywhere.
    keeping: Option<Keeping>,
    /// Held by whoever computes.
    computing: Mutex<()>,
}

impl Dense {
    /// The vectors of `workspace` by this model, with those that are kept beside its index.
    pub fn open(workspace: &Workspace, embedder: Arc<dyn Embedder>) -> Dense {
        let keeping =
            workspace.directory().map(|directory| Keeping::new(directory, embedder.id(), embedder.dimension()));
        let kept = keeping.as_ref().and_then(Keeping::load);
        let vectors = kept.unwrap_or_else(|| Vectors::new(embedder.dimension()));
        Dense { embedder, vectors: RwLock::new(vectors), keeping, computing: Mutex::default() }
    }

    /// Computes the vectors that are missing and forgets those of what is gone, for as long as `go_on` says. `progress`
    /// hears how many of how many files were looked at. Returns at once where somebody else, also in another process,
    /// is computing: what they write is then read.
    pub fn compute(
        &self,
        workspace: &Workspace,
        go_on: &dyn Fn() -> bool,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Computed, String> {
        let _alone = match self.computing.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Ok(Computed::default()),
        };
        let _lock = match &self.keeping {
            None => None,
            Some(keeping) => match keeping.lock() {
                Some(lock) => Some(lock),
                None => {
                    self.reload();
                    return Ok(Computed::default());
                }
            },
        };
        self.reload();
        let files = workspace.files();
        let mut outcome = Computed { complete: true, ..Computed::default() };
        let mut dirty = self.vectors_mut().retain(files.iter().map(|file| path_hash(workspace.root(), &file.path)));
        let mut kept_at = Instant::now();
        let mut places = self.vectors().places();
        for (index, file) in files.iter().enumerate() {
            let id = path_hash(workspace.root(), &file.path);
            if self.vectors().stamp(id) == Some(file.stamp) {
                continue;
            }
            if !go_on() || places + file.chunks > MOST_CHUNKS {
                outcome.complete = false;
                break;
            }
            places += file.chunks;
            // A file that has changed since it was indexed is the next round's.
            let Some(chunks) = chunks_of(file) else {
                outcome.complete = false;
                continue;
            };
            self.compute_file(id, file, &chunks, &mut outcome)?;
            dirty = true;
            progress(index + 1, files.len());
            if kept_at.elapsed() > KEEP_EVERY {
                self.keep();
                (kept_at, dirty) = (Instant::now(), false);
            }
        }
        if dirty {
            self.vectors_mut().sweep();
            self.keep();
        }
        Ok(outcome)
    }

    /// How much of `workspace` has vectors now.
    pub fn coverage(&self, workspace: &Workspace) -> Coverage {
        let chunks = workspace.files().iter().map(|file| file.chunks).sum();
        Coverage { model: self.embedder.id().to_owned(), vectors: self.vectors().places().min(chunks), chunks }
    }

    /// How alike every chunk that has a vector is to `query`.
    pub(super) fn score(&self, query: &str) -> Result<Likeness, String> {
        let vector = self.embedder.embed(&[beginning(query)])?.pop().ok_or("the model gave no vector")?;
        Ok(self.vectors().score(&vector))
    }

    /// Gives every chunk of a file its vector, computed only where no chunk of this text has one.
    fn compute_file(
        &self,
        id: u64,
        file: &FileSymbols,
        chunks: &[Chunk],
        outcome: &mut Computed,
    ) -> Result<(), String> {
        let texts: Vec<&str> = chunks.iter().map(|chunk| beginning(&chunk.text)).collect();
        let places: Vec<Place> = chunks
            .iter()
            .zip(&texts)
            .map(|(chunk, text)| Place { lines: (chunk.lines.0 as u32, chunk.lines.1 as u32), content: hash(text) })
            .collect();
        let mut missing: Vec<usize> =
            (0..texts.len()).filter(|&index| !self.vectors().has(places[index].content)).collect();
        missing.dedup_by_key(|index| places[*index].content);
        outcome.reused += places.len() - missing.len();
        for batch in missing.chunks(BATCH) {
            let batch_texts: Vec<&str> = batch.iter().map(|&index| texts[index]).collect();
            let computed = self.embedder.embed(&batch_texts)?;
            outcome.computed += computed.len();
            let mut vectors = self.vectors_mut();
            for (&index, vector) in batch.iter().zip(&computed) {
                vectors.put(places[index].content, vector);
            }
        }
        self.vectors_mut().place(id, file.stamp, places);
        Ok(())
    }

    /// Takes what another process has written since.
    fn reload(&self) {
        if let Some(vectors) = self.keeping.as_ref().and_then(Keeping::load_newer) {
            *self.vectors_mut() = vectors;
        }
    }

    fn keep(&self) {
        if let Some(keeping) = &self.keeping
            && let Err(error) = keeping.save(&self.vectors())
        {
            tracing::warn!("the vectors cannot be kept: {error}");
        }
    }

    // A panic elsewhere leaves the tables consistent: each is changed by one call that cannot panic half-way.
    fn vectors(&self) -> RwLockReadGuard<'_, Vectors> {
        self.vectors.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn vectors_mut(&self) -> RwLockWriteGuard<'_, Vectors> {
        self.vectors.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Dense {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kept: Option<&PathBuf> = self.keeping.as_ref().map(Keeping::path);
        f.debug_struct("Dense").field("model", &self.embedder.id()).field("kept", &kept).finish_non_exhaustive()
    }
}

/// The chunks of a file as the index has them; `None` where it has changed since, or cannot be read.
fn chunks_of(file: &FileSymbols) -> Option<Vec<Chunk>> {
    let text = read_text(&file.path).ok()?;
    let source = Source::new(file.language()?, &text);
    (!Workspace::is_stale(file)).then(|| chunk::cut(&source, &file.definitions))
}

/// What the model gets to see of a text.
fn beginning(text: &str) -> &str {
    text.char_indices().nth(MOST_CHARS).map_or(text, |(at, _)| &text[..at])
}

#[cfg(test)]
mod tests;

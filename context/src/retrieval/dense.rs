//! Search by meaning: a vector for each chunk, computed beside the index of words and compared with the question's.
//!
//! Which model makes the vectors is not known here: it comes as an [`Embedder`]. What has no vector yet is not found by
//! meaning, and [`Dense::coverage`] says how much that is.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError};
use std::time::{Duration, Instant};

use rustc_hash::FxBuildHasher;
use serde::Serialize;

use super::cut::{Cut, beginning};
use super::keeping::Keeping;
use super::places::{Likeness, Places};
use super::rank::SearchOptions;
use super::store::{Asked, ChunkId, ChunkRecord, Table, VectorStore};
use super::vectors::Vectors;
use crate::workspace::{Workspace, path_hash};

/// Chunks beyond this many get no vector: a scan of all of them is part of every search.
const MOST_CHUNKS: usize = 100_000;
/// Chunks that are given to the model together.
const BATCH: usize = 32;
/// Chunks that a store elsewhere is told of together, of several files where they are short.
const TOGETHER: usize = 256;
/// What was computed is written to disk at least this often.
const KEEP_EVERY: Duration = Duration::from_secs(60);
/// Chunks that a store elsewhere gives for a question; those that no file of this workspace has are passed over.
const NEAREST: usize = 512;

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

/// Why vectors could not be computed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ComputeError {
    /// The model gave none: it will not the next time either.
    #[error("{0}")]
    Model(String),
    /// The store elsewhere did not take or tell something. What it took is kept, and another round goes on from there.
    #[error("{0}")]
    Store(String),
}

/// The vectors of one workspace. Safe to use from any thread, also while vectors are computed.
pub struct Dense {
    embedder: Arc<dyn Embedder>,
    places: RwLock<Places>,
    /// The table of this machine: of all vectors or, with a store elsewhere, of those that this may not have.
    own: Table,
    elsewhere: Option<Arc<dyn VectorStore>>,
    /// Whether the store elsewhere was seen to have what was put there.
    checked: AtomicBool,
    /// What was wrong with it when it was last asked.
    trouble: Mutex<Option<String>>,
    /// Where all this is kept, if anywhere.
    keeping: Option<Keeping>,
    /// Held by whoever computes.
    computing: Mutex<()>,
}

/// What a search by meaning came to.
pub(super) struct Found {
    pub(super) likeness: Likeness,
    /// Why the store elsewhere told nothing, and how many vectors were compared without it.
    pub(super) without: Option<(String, usize)>,
}

impl Dense {
    /// The vectors of `workspace` by this model, with what is kept of them beside its index. Where there is a store
    /// `elsewhere`, they are put and looked for there.
    pub fn open(workspace: &Workspace, embedder: Arc<dyn Embedder>, elsewhere: Option<Arc<dyn VectorStore>>) -> Dense {
        let id = match &elsewhere {
            None => embedder.id().to_owned(),
            Some(store) => format!("{} at {}", embedder.id(), store.name()),
        };
        let keeping = workspace.directory().map(|directory| Keeping::new(directory, &id, embedder.dimension()));
        let kept = keeping.as_ref().and_then(Keeping::load);
        let (places, vectors) = kept.unwrap_or_else(|| (Places::default(), Vectors::new(embedder.dimension())));
        Dense {
            embedder,
            places: RwLock::new(places),
            own: Table::new(vectors),
            elsewhere,
            checked: AtomicBool::new(false),
            trouble: Mutex::default(),
            keeping,
            computing: Mutex::default(),
        }
    }

    /// Computes the vectors that are missing and forgets those of what is gone, for as long as `go_on` says. `progress`
    /// hears how many of how many files were looked at. Returns at once where somebody else, also in another process,
    /// is computing: what they write is then read.
    pub fn compute(
        &self,
        workspace: &Workspace,
        go_on: &dyn Fn() -> bool,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Computed, ComputeError> {
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
        let mut round = Round { computed: Computed { complete: true, ..Computed::default() }, dirty: false };
        let outcome = self.compute_alone(workspace, go_on, progress, &mut round);
        if round.dirty {
            let used = self.places().contents();
            self.own.vectors_mut().sweep(&used);
            self.keep();
        }
        self.note(outcome.as_ref().err());
        outcome.map(|()| round.computed)
    }

    /// How much of `workspace` has vectors now.
    pub fn coverage(&self, workspace: &Workspace) -> Coverage {
        let chunks = workspace.files().iter().map(|file| file.chunks).sum();
        Coverage { model: self.embedder.id().to_owned(), vectors: self.places().len().min(chunks), chunks }
    }

    /// The store elsewhere, if there is one.
    pub fn store(&self) -> Option<&str> {
        self.elsewhere.as_ref().map(|store| store.name())
    }

    /// What was wrong with the store elsewhere when it was last asked.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How alike every chunk that has a vector is to `query`; of a store elsewhere only the nearest.
    pub(super) fn score(&self, query: &str, options: &SearchOptions) -> Result<Found, String> {
        let vector = self.embedder.embed(&[beginning(query)])?.pop().ok_or("the model gave no vector")?;
        let asked = Asked {
            text: query,
            vector: &vector,
            limit: NEAREST,
            language: options.language.as_deref(),
            folder: options.path.as_ref().and_then(|path| path.folder()),
        };
        // The server before the table: nobody waits for a lock because a server is slow.
        let elsewhere = self.elsewhere.as_ref().map(|store| store.nearest(&asked)).transpose();
        self.note(elsewhere.as_ref().err().map(|why| ComputeError::Store(why.clone())).as_ref());
        let without = elsewhere.as_ref().err().map(|why| (why.clone(), self.own.vectors().len()));
        let (own, elsewhere) = (self.own.nearest(&asked)?, elsewhere.ok().flatten());
        let of_text = |content| own(content).or_else(|| elsewhere.as_ref()?(content));
        Ok(Found { likeness: self.places().likeness(&of_text), without })
    }

    fn compute_alone(
        &self,
        workspace: &Workspace,
        go_on: &dyn Fn() -> bool,
        progress: &mut dyn FnMut(usize, usize),
        round: &mut Round,
    ) -> Result<(), ComputeError> {
        self.check_elsewhere(round)?;
        let files = workspace.files();
        self.forget_all_but(files.iter().map(|file| path_hash(workspace.root(), &file.path)), round)?;
        let mut kept_at = Instant::now();
        let mut places = self.places().len();
        let mut waiting = Vec::new();
        for (index, file) in files.iter().enumerate() {
            let id = path_hash(workspace.root(), &file.path);
            if self.places().stamp(id) == Some(file.stamp) {
                continue;
            }
            if !go_on() || places + file.chunks > MOST_CHUNKS {
                round.computed.complete = false;
                break;
            }
            // A file that has changed since it was indexed is the next round's.
            let Some(cut) = Cut::new(workspace, file) else {
                round.computed.complete = false;
                continue;
            };
            places += file.chunks;
            waiting.push(cut);
            let together = if self.elsewhere.is_some() { TOGETHER } else { 1 };
            if waiting.iter().map(Cut::len).sum::<usize>() >= together {
                self.compute_files(&std::mem::take(&mut waiting), round)?;
            }
            progress(index + 1, files.len());
            if kept_at.elapsed() > KEEP_EVERY {
                self.keep();
                (kept_at, round.dirty) = (Instant::now(), false);
            }
        }
        self.compute_files(&waiting, round)
    }

    /// What is kept here of a store elsewhere is right only while that has it: one that was emptied is filled again.
    fn check_elsewhere(&self, round: &mut Round) -> Result<(), ComputeError> {
        let Some(store) = self.elsewhere.as_ref().filter(|_| !self.checked.load(Ordering::Relaxed)) else {
            return Ok(());
        };
        let there = store.count().map_err(ComputeError::Store)?;
        let ours = {
            let (own, places) = (self.own.vectors(), self.places());
            places.chunks().filter(|chunk| !own.has(chunk.content)).count()
        };
        if there < ours {
            tracing::info!(there, ours, "the store has lost vectors; it is told anew what is missing");
            *self.places_mut() = Places::default();
            round.dirty = true;
        }
        self.checked.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Forgets every file but these.
    fn forget_all_but(&self, files: impl Iterator<Item = u64>, round: &mut Round) -> Result<(), ComputeError> {
        let gone = self.places().gone(files);
        if gone.is_empty() {
            return Ok(());
        }
        if let Some(store) = &self.elsewhere {
            let chunks: Vec<ChunkId> = gone.iter().flat_map(|&file| self.places().replaced(file, &[])).collect();
            store.forget(&chunks).map_err(ComputeError::Store)?;
        }
        let mut places = self.places_mut();
        gone.into_iter().for_each(|file| places.remove(file));
        round.dirty = true;
        Ok(())
    }

    /// Gives every chunk of these files its vector, computed only where the store has none.
    fn compute_files(&self, files: &[Cut<'_>], round: &mut Round) -> Result<(), ComputeError> {
        let records: Vec<ChunkRecord<'_>> = files.iter().flat_map(Cut::records).collect();
        match &self.elsewhere {
            None => self.fill(&self.own, &records, round)?,
            Some(store) => {
                let (shared, own): (Vec<_>, Vec<_>) = records.into_iter().partition(|record| store.may_have(record));
                self.fill(&self.own, &own, round)?;
                self.fill(store.as_ref(), &shared, round)?;
                let replaced: Vec<ChunkId> =
                    files.iter().flat_map(|cut| self.places().replaced(cut.id, &cut.places())).collect();
                if !replaced.is_empty() {
                    store.forget(&replaced).map_err(ComputeError::Store)?;
                }
            }
        }
        let mut places = self.places_mut();
        for cut in files {
            places.put(cut.id, cut.file.stamp, cut.places());
            round.dirty = true;
        }
        Ok(())
    }

    /// Puts a vector for each of these chunks into `store`.
    fn fill(&self, store: &dyn VectorStore, chunks: &[ChunkRecord<'_>], round: &mut Round) -> Result<(), ComputeError> {
        if chunks.is_empty() {
            return Ok(());
        }
        let known = store.known(chunks).map_err(ComputeError::Store)?;
        let missing: Vec<ChunkRecord<'_>> =
            chunks.iter().zip(&known).filter(|(_, known)| !**known).map(|(chunk, _)| *chunk).collect();
        round.computed.reused += chunks.len() - missing.len();
        for batch in missing.chunks(BATCH) {
            let mut vectors: HashMap<u64, Vec<f32>, FxBuildHasher> = HashMap::default();
            let mut texts: Vec<(u64, &str)> = batch.iter().map(|chunk| (chunk.id.content, chunk.text)).collect();
            texts.sort_unstable();
            texts.dedup_by_key(|(content, _)| *content);
            let plain: Vec<&str> = texts.iter().map(|(_, text)| *text).collect();
            let computed = self.embedder.embed(&plain).map_err(ComputeError::Model)?;
            round.computed.computed += computed.len();
            vectors.extend(texts.iter().map(|(content, _)| *content).zip(computed));
            let with_vectors: Vec<(ChunkRecord<'_>, &[f32])> =
                batch.iter().filter_map(|chunk| Some((*chunk, vectors.get(&chunk.id.content)?.as_slice()))).collect();
            store.put(&with_vectors).map_err(ComputeError::Store)?;
        }
        Ok(())
    }

    /// Takes what another process has written since.
    fn reload(&self) {
        if let Some((places, vectors)) = self.keeping.as_ref().and_then(Keeping::load_newer) {
            *self.own.vectors_mut() = vectors;
            *self.places_mut() = places;
        }
    }

    fn keep(&self) {
        if let Some(keeping) = &self.keeping
            && let Err(error) = keeping.save(&self.places(), &self.own.vectors())
        {
            tracing::warn!("the vectors cannot be kept: {error}");
        }
    }

    /// Remembers how the store elsewhere did.
    fn note(&self, error: Option<&ComputeError>) {
        let trouble = match error {
            None | Some(ComputeError::Model(_)) => None,
            Some(ComputeError::Store(why)) => Some(why.clone()),
        };
        if trouble.is_some() {
            // It may come back without what it had.
            self.checked.store(false, Ordering::Relaxed);
        }
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    // A panic elsewhere leaves the tables consistent: each is changed by one call that cannot panic half-way. Nobody who
    // changes one of them holds the other.
    fn places(&self) -> RwLockReadGuard<'_, Places> {
        self.places.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn places_mut(&self) -> RwLockWriteGuard<'_, Places> {
        self.places.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One round of computing.
struct Round {
    computed: Computed,
    /// Whether there is something new to be kept.
    dirty: bool,
}

impl std::fmt::Debug for Dense {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kept: Option<&PathBuf> = self.keeping.as_ref().map(Keeping::path);
        f.debug_struct("Dense").field("model", &self.embedder.id()).field("kept", &kept).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod elsewhere;
#[cfg(test)]
mod tests;

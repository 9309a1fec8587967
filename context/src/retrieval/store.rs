//! What search by meaning needs of a place that keeps vectors, be it a table of this machine or a server that a team
//! shares. The places of chunks stay here: a store is asked by the hash of a text, and what it knows besides is not believed.

use std::sync::RwLock;
use std::sync::{PoisonError, RwLockReadGuard, RwLockWriteGuard};

use super::vectors::Vectors;

/// A piece of a file as a store knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChunkId {
    /// Hash of the file's path in its workspace.
    pub file: u64,
    /// First and last line, from 0.
    pub lines: (u32, u32),
    /// Hash of the text.
    pub content: u64,
}

/// The same with what a reader wants to know of it.
#[derive(Clone, Copy, Debug)]
pub struct ChunkRecord<'a> {
    /// Which it is.
    pub id: ChunkId,
    /// The file, relative to its workspace, with `/`.
    pub path: &'a str,
    /// The language, by its name in the table.
    pub language: Option<&'static str>,
    /// The first that is defined there.
    pub symbol: Option<&'a str>,
    /// The text, for the store's rules on what it may have; not a thing to be kept.
    pub text: &'a str,
}

/// A search of a store.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The question, for the store's rules on what it may be asked.
    pub text: &'a str,
    /// The same as a vector of length one.
    pub vector: &'a [f32],
    /// The most chunks that a store elsewhere gives.
    pub limit: usize,
    /// Only this language, by its name in the table. A store may give more than is wanted.
    pub language: Option<&'a str>,
    /// Only files in this directory, without a `/` at its end. A store may give more than is wanted.
    pub folder: Option<&'a str>,
}

/// How alike a text is to a question, -1 to 1, by the text's hash; nothing for one that has no vector or is not near.
pub type Likenesses<'a> = Box<dyn Fn(u64) -> Option<f32> + 'a>;

/// A place that keeps vectors. Errors are sentences that say what was wrong.
pub trait VectorStore: Send + Sync {
    /// Where it is, and what of it is this workspace's: what is known of one store says nothing of another.
    fn name(&self) -> &str;
    /// Whether it may have this chunk; one that it may not stays in the table of this machine.
    fn may_have(&self, chunk: &ChunkRecord<'_>) -> bool;
    /// Vectors that it has of this workspace, whoever put them there.
    fn count(&self) -> Result<usize, String>;
    /// Which of these it has.
    fn known(&self, chunks: &[ChunkRecord<'_>]) -> Result<Vec<bool>, String>;
    /// Keeps a vector for each of these.
    fn put(&self, chunks: &[(ChunkRecord<'_>, &[f32])]) -> Result<(), String>;
    /// This workspace has these no more.
    fn forget(&self, chunks: &[ChunkId]) -> Result<(), String>;
    /// What is most like a question.
    fn nearest(&self, asked: &Asked<'_>) -> Result<Likenesses<'_>, String>;
}

/// The table of this machine. What it forgets is decided by the texts that are left, not by the chunks that went.
#[derive(Debug)]
pub(super) struct Table(RwLock<Vectors>);

impl Table {
    pub(super) fn new(vectors: Vectors) -> Table {
        Table(RwLock::new(vectors))
    }

    // A panic elsewhere leaves the table consistent: it is changed by calls that cannot panic half-way.
    pub(super) fn vectors(&self) -> RwLockReadGuard<'_, Vectors> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn vectors_mut(&self) -> RwLockWriteGuard<'_, Vectors> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl VectorStore for Table {
    fn name(&self) -> &str {
        "this machine"
    }

    fn may_have(&self, _: &ChunkRecord<'_>) -> bool {
        true
    }

    fn count(&self) -> Result<usize, String> {
        Ok(self.vectors().len())
    }

    fn known(&self, chunks: &[ChunkRecord<'_>]) -> Result<Vec<bool>, String> {
        let vectors = self.vectors();
        Ok(chunks.iter().map(|chunk| vectors.has(chunk.id.content)).collect())
    }

    fn put(&self, chunks: &[(ChunkRecord<'_>, &[f32])]) -> Result<(), String> {
        let mut vectors = self.vectors_mut();
        chunks.iter().for_each(|(chunk, vector)| vectors.put(chunk.id.content, vector));
        Ok(())
    }

    fn forget(&self, _: &[ChunkId]) -> Result<(), String> {
        Ok(())
    }

    fn nearest(&self, asked: &Asked<'_>) -> Result<Likenesses<'_>, String> {
        let vectors = self.vectors();
        let scores = vectors.score(asked.vector);
        Ok(Box::new(move |content| scores.get(vectors.row_of(content)?).copied()))
    }
}

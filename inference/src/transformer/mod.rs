//! The transformer: what a model is to the decoder, and the one forward pass that implements it.

mod config;
mod cpu;
mod forward;
mod rope;
mod weights;

pub use config::{Config, ConfigError, Family};
pub use forward::{Model, TensorLogits};
pub use weights::WeightsError;

use crate::EngineError;

/// Which rows of logits a forward pass should compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// None: only the cache is wanted.
    None,
    /// That of the last token.
    Last,
    /// One for every token of the input.
    All,
}

/// Scores over the vocabulary, one row for each position asked for.
pub trait Logits {
    /// Number of rows.
    fn rows(&self) -> usize;
    /// The most probable token of a row; the lowest id among equals.
    fn argmax(&self, row: usize) -> Result<u32, EngineError>;
    /// One row, shape (vocabulary,), on the host.
    fn row(&self, row: usize) -> Result<Vec<f32>, EngineError>;
}

/// Keys and values of one sequence in every layer.
pub trait SequenceCache {
    /// Positions held.
    fn len(&self) -> usize;
    /// Whether no position is held.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Positions there is room for.
    fn capacity(&self) -> usize;
    /// Forgets everything from position `len` on. Costs nothing.
    fn truncate(&mut self, len: usize);
    /// Makes this cache hold the first `len` positions of `other`, and nothing else.
    fn copy_prefix(&mut self, other: &Self, len: usize);
    /// Bytes of memory in use for the positions held.
    fn bytes(&self) -> usize;
    /// Bytes of memory that one position takes.
    fn bytes_per_position(&self) -> usize;
}

/// A model that continues sequences of tokens. A row of logits never depends on how many tokens are run beside it.
pub trait LanguageModel: Send {
    /// Where the model keeps a sequence.
    type Cache: SequenceCache + Send;
    /// What a forward pass returns.
    type Logits: Logits;

    /// An empty cache with room for `capacity` positions. Memory is taken as it is used.
    fn new_cache(&self, capacity: usize) -> Result<Self::Cache, EngineError>;
    /// Appends `tokens` to the sequence in `cache` and returns the logits asked for.
    fn forward(&mut self, tokens: &[u32], cache: &mut Self::Cache, rows: Rows) -> Result<Self::Logits, EngineError>;
    /// Tokens in the vocabulary (rows of the output matrix).
    fn vocabulary(&self) -> usize;
    /// The most positions the model was made for.
    fn context_limit(&self) -> usize;
}

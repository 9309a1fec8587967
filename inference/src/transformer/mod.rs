//! The transformer: what a model is to the decoder, and the one forward pass that implements it.

mod backend;
mod config;
mod cpu;
mod device_logits;
mod forward;
mod rope;
mod tensors;
mod weights;

pub use backend::Backend;
pub use config::{Config, ConfigError, Family};
pub use cpu::Cpu;
pub use device_logits::DeviceLogits;
pub use forward::{Model, TensorLogits};
pub use tensors::Tensors;
pub use weights::WeightsError;

use std::ops::Range;

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

/// The most probable token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Greedy {
    /// Its id; the lowest among equals.
    pub token: u32,
    /// Its probability, 0 to 1.
    pub probability: f32,
}

/// Scores over the vocabulary, one row for each position asked for.
pub trait Logits {
    /// Number of rows.
    fn rows(&self) -> usize;
    /// The most probable token of a row. Nothing else of the row is moved to the host.
    fn greedy(&self, row: usize) -> Result<Greedy, EngineError>;
    /// The same, where nobody asks for its probability.
    fn argmax(&self, row: usize) -> Result<u32, EngineError> {
        Ok(self.greedy(row)?.token)
    }
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
    /// Holds `len` positions, those above the present length as they were last written. They must have been.
    fn extend(&mut self, len: usize);
    /// Makes this cache hold the first `len` positions of `other`, and nothing else.
    fn copy_prefix(&mut self, other: &Self, len: usize);
    /// Bytes of memory in use for the positions held.
    fn bytes(&self) -> usize;
    /// Bytes of memory that one position takes.
    fn bytes_per_position(&self) -> usize;
}

/// A model that continues sequences of tokens. A row of logits does not depend on how many tokens are run beside it, as long
/// as these are at most [`LanguageModel::most_alike`].
pub trait LanguageModel: Send {
    /// Where the model keeps a sequence.
    type Cache: SequenceCache + Send;
    /// What a forward pass returns.
    type Logits: Logits;

    /// An empty cache with room for `capacity` positions. Memory is taken as it is used.
    fn new_cache(&self, capacity: usize) -> Result<Self::Cache, EngineError>;
    /// Appends `tokens` to the sequence in `cache` and returns the logits asked for.
    fn forward(&mut self, tokens: &[u32], cache: &mut Self::Cache, rows: Rows) -> Result<Self::Logits, EngineError>;
    /// The most tokens of one forward among which none's logits depend on how many others there are.
    fn most_alike(&self) -> usize {
        usize::MAX
    }
    /// Makes what was computed for the positions `from` serve as that for as many positions from `to` on, whatever the
    /// cache's length is. What they say of the text before them stays as it was, so this is an approximation where that
    /// changes. Returns whether the model can do this; where not, nothing has changed.
    fn shift(&mut self, cache: &mut Self::Cache, from: Range<usize>, to: usize) -> Result<bool, EngineError>;
    /// Tokens in the vocabulary (rows of the output matrix).
    fn vocabulary(&self) -> usize;
    /// The most positions the model was made for.
    fn context_limit(&self) -> usize;
}

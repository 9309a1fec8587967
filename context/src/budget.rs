//! Tokens and milliseconds that a prompt's parts may take, and how tokens are counted.

use std::time::Duration;

/// Counts tokens as the model will. The server fills it from the model's own tokenizer.
pub trait TokenCounter: Send + Sync {
    /// How many tokens `text` has.
    fn count(&self, text: &str) -> usize;
}

/// A rough count for places without a model: one token for each four bytes, at least one for any text.
#[derive(Clone, Copy, Debug, Default)]
pub struct RoughCounter;

impl TokenCounter for RoughCounter {
    fn count(&self, text: &str) -> usize {
        text.len().div_ceil(4)
    }
}

/// What a completion prompt may take. The defaults suit a CPU, where the first prompt of a file costs seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Tokens before the cursor.
    pub prefix_tokens: usize,
    /// Tokens after the cursor. They are computed anew at every keystroke, since they stand behind the prefix.
    pub suffix_tokens: usize,
    /// Tokens from elsewhere: imports and definitions.
    pub piece_tokens: usize,
    /// How long gathering may look for pieces.
    pub time: Duration,
}

impl Default for Budget {
    fn default() -> Self {
        Budget { prefix_tokens: 320, suffix_tokens: 64, piece_tokens: 128, time: Duration::from_millis(10) }
    }
}

//! The tokenizer of an embedding model: a `tokenizer.json`, read by the `tokenizers` crate.

use std::path::Path;

use tokenizers::Tokenizer;

use super::{EmbedError, compute};

/// Texts to ids. Nothing is padded or cut unless asked for.
pub(super) struct Tokens {
    tokenizer: Tokenizer,
    special: bool,
}

impl Tokens {
    /// Reads `path`. With `special`, a text gets the tokens that the model wants at its ends. A vocabulary with more
    /// tokens than the model has `rows` for is refused.
    pub(super) fn load(path: &Path, special: bool, rows: usize) -> Result<Tokens, EmbedError> {
        let unusable = |reason: String| EmbedError::File { path: path.to_path_buf(), reason };
        let mut tokenizer = Tokenizer::from_file(path).map_err(|error| unusable(error.to_string()))?;
        tokenizer.with_truncation(None).map_err(|error| unusable(error.to_string()))?;
        tokenizer.with_padding(None);
        let largest = tokenizer.get_vocab(true).into_values().max().map_or(0, |id| id as usize);
        if largest >= rows {
            return Err(unusable(format!("it has a token {largest}, and the model has {rows}")));
        }
        Ok(Tokens { tokenizer, special })
    }

    /// The ids of `text`.
    pub(super) fn ids(&self, text: &str) -> Result<Vec<u32>, EmbedError> {
        Ok(self.tokenizer.encode_fast(text, self.special).map_err(compute)?.get_ids().to_vec())
    }

    /// The id of a token that the vocabulary has.
    pub(super) fn id(&self, token: &str) -> Option<u32> {
        self.tokenizer.token_to_id(token)
    }
}

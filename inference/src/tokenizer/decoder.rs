//! Token ids to text, one at a time, as they are generated.

use std::sync::Arc;

use super::Tokenizer;

/// Turns a stream of tokens into a stream of text that never splits a character.
#[derive(Debug)]
pub struct Decoder {
    tokenizer: Arc<Tokenizer>,
    special: bool,
    /// The beginning of a character whose other bytes are still to come.
    pending: Vec<u8>,
}

impl Decoder {
    /// A decoder at the start of a text. Special tokens are left out unless `special`.
    pub fn new(tokenizer: Arc<Tokenizer>, special: bool) -> Decoder {
        Decoder { tokenizer, special, pending: Vec::new() }
    }

    /// Whose tokens these are.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The text that is complete once `id` has come, if any. Bytes that can no longer become a character are U+FFFD.
    pub fn push(&mut self, id: u32) -> Option<String> {
        self.pending.extend_from_slice(self.tokenizer.token_bytes(id, self.special));
        let complete = self.pending.len() - incomplete_tail(&self.pending);
        if complete == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&self.pending[..complete]).into_owned();
        self.pending.drain(..complete);
        Some(text)
    }

    /// What is left when no more tokens come: an incomplete character, as U+FFFD.
    pub fn finish(&mut self) -> Option<String> {
        let left = std::mem::take(&mut self.pending);
        (!left.is_empty()).then(|| String::from_utf8_lossy(&left).into_owned())
    }
}

/// Number of bytes at the end that begin a character without completing it.
fn incomplete_tail(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    loop {
        match std::str::from_utf8(rest) {
            Ok(_) => return 0,
            Err(error) => match error.error_len() {
                None => return rest.len() - error.valid_up_to(),
                Some(broken) => rest = &rest[error.valid_up_to() + broken..],
            },
        }
    }
}

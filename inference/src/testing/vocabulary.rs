//! The vocabulary of tiny models: every byte, a few merges, the special tokens of Qwen2.5-Coder, and what scripts say.

use super::{Script, TinyModelError};
use crate::gguf::{MetadataValue, Writer};
use crate::tokenizer::byte_to_char;

/// In the order of their rank.
const MERGES: [(&str, &str); 16] = [
    ("Ġ", "Ġ"),
    ("ĠĠ", "ĠĠ"),
    ("r", "e"),
    ("i", "n"),
    ("e", "t"),
    ("re", "t"),
    ("u", "r"),
    ("ur", "n"),
    ("ret", "urn"),
    ("Ġ", "return"),
    ("d", "e"),
    ("de", "f"),
    ("Ġ", "="),
    ("l", "et"),
    ("Ċ", "Ċ"),
    ("Ð", "¶"),
];

const SPECIAL: [&str; 9] = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|fim_prefix|>",
    "<|fim_middle|>",
    "<|fim_suffix|>",
    "<|fim_pad|>",
    "<|repo_name|>",
    "<|file_sep|>",
];

/// Vocabularies are padded to a multiple of this with unused tokens, as the real ones are.
const PADDING: usize = 32;

pub(super) struct TinyVocabulary {
    tokens: Vec<String>,
    /// As in `tokenizer.ggml.token_type`.
    types: Vec<i32>,
    /// Token that is followed, token that follows.
    successors: Vec<(usize, usize)>,
}

impl TinyVocabulary {
    pub(super) fn new(scripts: &[Script]) -> Result<TinyVocabulary, TinyModelError> {
        let mut vocabulary = TinyVocabulary { tokens: Vec::new(), types: Vec::new(), successors: Vec::new() };
        for byte in 0..=255 {
            vocabulary.push(byte_to_char(byte).to_string(), 1);
        }
        for (left, right) in MERGES {
            vocabulary.push(format!("{left}{right}"), 1);
        }
        for special in SPECIAL {
            vocabulary.push(special.into(), 3);
        }
        for script in scripts {
            vocabulary.follow(script)?;
        }
        while !vocabulary.len().is_multiple_of(PADDING) {
            vocabulary.push(format!("[PAD{}]", vocabulary.len()), 5);
        }
        Ok(vocabulary)
    }

    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    pub(super) fn successors(&self) -> &[(usize, usize)] {
        &self.successors
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        let merges = MERGES.iter().map(|(left, right)| format!("{left} {right}")).collect();
        let eos = self.named("<|im_end|>").unwrap_or_default() as u32;
        let bos = self.named("<|endoftext|>").unwrap_or_default() as u32;
        writer
            .metadata("tokenizer.ggml.model", MetadataValue::String("gpt2".into()))
            .metadata("tokenizer.ggml.pre", MetadataValue::String("qwen2".into()))
            .metadata("tokenizer.ggml.tokens", MetadataValue::Strings(self.tokens.clone()))
            .metadata("tokenizer.ggml.token_type", MetadataValue::I32s(self.types.clone()))
            .metadata("tokenizer.ggml.merges", MetadataValue::Strings(merges))
            .metadata("tokenizer.ggml.eos_token_id", MetadataValue::U32(eos))
            .metadata("tokenizer.ggml.padding_token_id", MetadataValue::U32(bos))
            .metadata("tokenizer.ggml.bos_token_id", MetadataValue::U32(bos))
            .metadata("tokenizer.ggml.add_bos_token", MetadataValue::Bool(false));
    }

    fn follow(&mut self, script: &Script) -> Result<(), TinyModelError> {
        let mut last = self
            .named(&script.after)
            .or_else(|| self.named(&spell(&script.after)))
            .ok_or_else(|| TinyModelError::Script(format!("{:?} is not one token", script.after)))?;
        if self.successors.iter().any(|(before, _)| *before == last) {
            return Err(TinyModelError::Script(format!("{:?} is followed by two answers", script.after)));
        }
        for piece in &script.pieces {
            // Spelled like any text, and a type of its own so that a piece that is a token already does not hide it.
            self.push(spell(piece), 1);
            self.successors.push((last, self.len() - 1));
            last = self.len() - 1;
        }
        if let Some(end) = self.named("<|im_end|>") {
            self.successors.push((last, end));
        }
        Ok(())
    }

    fn named(&self, token: &str) -> Option<usize> {
        self.tokens.iter().position(|known| known == token)
    }

    fn push(&mut self, token: String, kind: i32) {
        self.tokens.push(token);
        self.types.push(kind);
    }
}

fn spell(text: &str) -> String {
    text.bytes().map(byte_to_char).collect()
}

//! Text to token ids and back, with the vocabulary that the model file carries.
//!
//! Merging is the `tokenizers` crate's; here are the vocabulary, the splitting into words and the way back to text.
//! Which tokens make up a prompt is the caller's business.

mod decoder;
mod pretokenize;
mod vocabulary;

use std::collections::HashMap;

use tokenizers::Model;
use tokenizers::models::bpe::BPE;

pub use decoder::Decoder;

use self::pretokenize::PreTokenizer;
pub(crate) use self::vocabulary::byte_to_char;
use self::vocabulary::{TokenClass, Vocabulary};
use crate::gguf::{Gguf, GgufError, optional};

/// The ids of the tokens that have a meaning of their own, where the vocabulary has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpecialTokens {
    /// `<|fim_prefix|>`
    pub fim_prefix: Option<u32>,
    /// `<|fim_suffix|>`
    pub fim_suffix: Option<u32>,
    /// `<|fim_middle|>`
    pub fim_middle: Option<u32>,
    /// `<|fim_pad|>`
    pub fim_pad: Option<u32>,
    /// `<|repo_name|>`
    pub repo_name: Option<u32>,
    /// `<|file_sep|>`
    pub file_sep: Option<u32>,
    /// `<|im_start|>`
    pub im_start: Option<u32>,
    /// `<|im_end|>`
    pub im_end: Option<u32>,
    /// The token that starts every text, when the model wants one.
    pub beginning_of_text: Option<u32>,
    /// Every token at which generation ends.
    pub end_of_text: Vec<u32>,
}

/// Tokens that end every text, whichever of them the file calls its own. `<|file_sep|>` and the like are not among
/// them: where a completion has to stop, and a repository prompt must not, only the caller knows.
const END_OF_TEXT: [&str; 4] = ["<|endoftext|>", "<|im_end|>", "<|end_of_text|>", "<|eot_id|>"];

/// Why a tokenizer could not be made from a model file.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// The file lacks what a tokenizer needs.
    #[error(transparent)]
    Gguf(#[from] GgufError),
    /// A kind of vocabulary that is not served.
    #[error(
        "its vocabulary is of the kind `{model}`, and only byte-level BPE (`gpt2`) is served; use a model of the qwen2, \
         qwen3, llama 3 or smollm families"
    )]
    Model {
        /// `tokenizer.ggml.model`.
        model: String,
    },
    /// A way of splitting text that is not known.
    #[error(
        "its text is split by the rules `{pre}`, which are unknown, and guessing them would change what the model reads; \
         known are {}",
        pretokenize::known()
    )]
    PreTokenizer {
        /// `tokenizer.ggml.pre`.
        pre: String,
    },
    /// The vocabulary contradicts itself.
    #[error("its vocabulary is damaged: {0}; pull the model again with `halfline models pull`")]
    Vocabulary(String),
}

/// A vocabulary with its merges. Cheap to share, safe to use from any thread.
#[derive(Debug)]
pub struct Tokenizer {
    bpe: BPE,
    pre_tokenizer: PreTokenizer,
    vocabulary: Vocabulary,
    special: SpecialTokens,
}

impl Tokenizer {
    /// The tokenizer of a model file. Text is never normalised: what is decoded is what was encoded.
    pub fn from_gguf(gguf: &Gguf) -> Result<Tokenizer, TokenizerError> {
        let model = gguf.str("tokenizer.ggml.model")?;
        if model != "gpt2" {
            return Err(TokenizerError::Model { model: model.into() });
        }
        let pre_tokenizer = PreTokenizer::named(optional(gguf.str("tokenizer.ggml.pre"))?)?;
        let tokens = gguf.strings("tokenizer.ggml.tokens")?;
        let classes = token_classes(gguf, tokens.len())?;
        let vocabulary = Vocabulary::new(&tokens, &classes)?;
        let special = special_tokens(gguf, &tokens, &classes, &pre_tokenizer)?;
        let bpe = build_bpe(gguf, &tokens, &classes, pre_tokenizer.whole_words())?;
        Ok(Tokenizer { bpe, pre_tokenizer, vocabulary, special })
    }

    /// The ids of `text`, in which nothing is special: `<|im_end|>` in a user's file is several ordinary tokens. A byte
    /// that the vocabulary has no token for, such as a control character in a small one, is left out.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        let mut ids = Vec::with_capacity(text.len() / 3);
        let mut mapped = String::new();
        self.pre_tokenizer.split(text, |word| {
            mapped.clear();
            mapped.extend(word.bytes().map(byte_to_char));
            match self.bpe.tokenize(&mapped) {
                Ok(tokens) => ids.extend(tokens.iter().map(|token| token.id)),
                // Only dropout and unknown-token settings can fail, and neither is set.
                Err(error) => tracing::error!(%error, "a word was left out of the prompt"),
            }
        });
        ids
    }

    /// How many tokens `text` has.
    pub fn count(&self, text: &str) -> usize {
        self.encode(text).len()
    }

    /// The text of `ids`. Special tokens are left out unless `special`; broken UTF-8 becomes U+FFFD.
    pub fn decode(&self, ids: &[u32], special: bool) -> String {
        let mut bytes = Vec::with_capacity(ids.len() * 4);
        for &id in ids {
            bytes.extend_from_slice(self.token_bytes(id, special));
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The bytes that one token stands for, not necessarily whole characters; none if it is special and `special` is
    /// not set, or if there is no such token.
    pub fn token_bytes(&self, id: u32, special: bool) -> &[u8] {
        if !special && self.vocabulary.is_special(id) { &[] } else { self.vocabulary.bytes(id) }
    }

    /// The ordinary tokens that a text beginning with `text` can begin with: those that begin with it, and those that it
    /// begins with.
    pub fn spelling(&self, text: &[u8]) -> Vec<u32> {
        let fits = |id: &u32| {
            let bytes = self.token_bytes(*id, false);
            !bytes.is_empty() && (bytes.starts_with(text) || text.starts_with(bytes))
        };
        (0..self.len() as u32).filter(fits).collect()
    }

    /// The tokens with a meaning of their own.
    pub fn special(&self) -> &SpecialTokens {
        &self.special
    }

    /// Whether both give every id the same text and meaning, so that one model can propose tokens to the other.
    pub fn same_vocabulary(&self, other: &Tokenizer) -> bool {
        self.vocabulary == other.vocabulary && self.special == other.special
    }

    /// Number of tokens in the vocabulary.
    pub fn len(&self) -> usize {
        self.vocabulary.len()
    }

    /// Whether the vocabulary is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn token_classes(gguf: &Gguf, tokens: usize) -> Result<Vec<TokenClass>, TokenizerError> {
    let Some(types) = optional(gguf.i32s("tokenizer.ggml.token_type"))? else {
        return Ok(vec![TokenClass::Text; tokens]);
    };
    if types.len() != tokens {
        return Err(TokenizerError::Vocabulary(format!("{tokens} tokens have {} types", types.len())));
    }
    Ok(types.into_iter().map(TokenClass::from_gguf).collect())
}

fn special_tokens(
    gguf: &Gguf,
    tokens: &[&str],
    classes: &[TokenClass],
    pre_tokenizer: &PreTokenizer,
) -> Result<SpecialTokens, TokenizerError> {
    let marked = tokens.iter().zip(classes).enumerate().filter(|(_, (_, class))| **class != TokenClass::Text);
    let by_text: HashMap<&str, u32> = marked.map(|(id, (&text, _))| (text, id as u32)).collect();
    let named = |text: &str| by_text.get(text).copied();
    let by_key = |key: &str| -> Result<Option<u32>, TokenizerError> {
        match optional(gguf.u32(key))? {
            Some(id) if id as usize >= tokens.len() => {
                Err(TokenizerError::Vocabulary(format!("`{key}` is {id}, and there are {} tokens", tokens.len())))
            }
            id => Ok(id),
        }
    };
    let wants_beginning =
        optional(gguf.bool("tokenizer.ggml.add_bos_token"))?.unwrap_or(pre_tokenizer.wants_beginning_of_text());
    let own = [by_key("tokenizer.ggml.eos_token_id")?, by_key("tokenizer.ggml.eot_token_id")?];
    let mut end_of_text: Vec<u32> =
        own.into_iter().flatten().chain(END_OF_TEXT.iter().filter_map(|text| named(text))).collect();
    end_of_text.sort_unstable();
    end_of_text.dedup();
    Ok(SpecialTokens {
        fim_prefix: named("<|fim_prefix|>"),
        fim_suffix: named("<|fim_suffix|>"),
        fim_middle: named("<|fim_middle|>"),
        fim_pad: named("<|fim_pad|>"),
        repo_name: named("<|repo_name|>"),
        file_sep: named("<|file_sep|>"),
        im_start: named("<|im_start|>"),
        im_end: named("<|im_end|>"),
        beginning_of_text: if wants_beginning { by_key("tokenizer.ggml.bos_token_id")? } else { None },
        end_of_text,
    })
}

/// Only tokens that stand for text take part, so that no text can become a special one.
fn build_bpe(gguf: &Gguf, tokens: &[&str], classes: &[TokenClass], whole_words: bool) -> Result<BPE, TokenizerError> {
    let mut vocabulary = tokenizers::models::bpe::Vocab::default();
    vocabulary.reserve(tokens.len());
    for (id, (&text, &class)) in tokens.iter().zip(classes).enumerate() {
        if class != TokenClass::Special {
            vocabulary.entry(text.into()).or_insert(id as u32);
        }
    }
    let merges = gguf.strings("tokenizer.ggml.merges")?;
    let merges = merges.into_iter().enumerate().map(|(rank, merge)| match merge.split_once(' ') {
        Some((left, right)) => Ok((left.to_owned(), right.to_owned())),
        None => Err(TokenizerError::Vocabulary(format!("merge {rank} is `{merge}`, which is not a pair"))),
    });
    let merges = merges.collect::<Result<Vec<_>, _>>()?;
    let builder = BPE::builder().vocab_and_merges(vocabulary, merges).ignore_merges(whole_words);
    builder.build().map_err(|error| TokenizerError::Vocabulary(format!("a merge makes no token: {error}")))
}

#[cfg(test)]
mod tests;

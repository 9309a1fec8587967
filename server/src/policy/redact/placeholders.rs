//! Words that stand for content, and the way back from them.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

/// Seeded once for each run of the program, so that a placeholder says nothing of what it stands for.
static SEED: OnceLock<RandomState> = OnceLock::new();

/// What stands for what in one conversation.
#[derive(Clone, Debug, Default)]
pub struct Placeholders {
    by_content: HashMap<String, String>,
    /// Placeholder and content.
    pairs: Vec<(String, String)>,
    /// Text that no placeholder may occur in.
    taken: String,
}

impl Placeholders {
    /// Placeholders for the given text. None of them occurs in it already.
    pub fn new(text: &str) -> Placeholders {
        // Only what looks like a placeholder can be taken for one.
        let taken = if text.contains("__") { text.to_owned() } else { String::new() };
        Placeholders { taken, ..Placeholders::default() }
    }

    /// The placeholder for `content`, the same each time.
    pub(super) fn for_content(&mut self, kind: &str, content: &str) -> &str {
        if !self.by_content.contains_key(content) {
            let placeholder = (0u32..)
                .map(|attempt| word(kind, content, attempt))
                .find(|word| !self.taken.contains(word.as_str()) && !self.pairs.iter().any(|(taken, _)| taken == word))
                .unwrap_or_default();
            self.pairs.push((placeholder.clone(), content.to_owned()));
            self.by_content.insert(content.to_owned(), placeholder);
        }
        &self.by_content[content]
    }

    /// Whether nothing was replaced.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// `text` with every placeholder replaced by what it stands for.
    pub fn restore(&self, text: &str) -> String {
        let mut restorer = self.restorer();
        let start = restorer.push(text);
        start + &restorer.finish()
    }

    /// The way back for text that comes in pieces.
    pub fn restorer(&self) -> Restorer {
        Restorer { pairs: self.pairs.clone(), held: String::new() }
    }
}

fn word(kind: &str, content: &str, attempt: u32) -> String {
    let hash = SEED.get_or_init(RandomState::new).hash_one((kind, content, attempt));
    format!("__{}_{:08x}__", kind.to_uppercase(), hash >> 32)
}

/// Puts content back into a text that comes in pieces.
#[derive(Clone, Debug)]
pub struct Restorer {
    pairs: Vec<(String, String)>,
    /// What may be the start of a placeholder.
    held: String,
}

impl Restorer {
    /// What can be said after `piece`: everything but an end that may be the start of a placeholder.
    pub fn push(&mut self, piece: &str) -> String {
        self.held.push_str(piece);
        let mut out = String::new();
        loop {
            let next = self
                .pairs
                .iter()
                .filter_map(|(placeholder, content)| Some((self.held.find(placeholder)?, placeholder, content)))
                .min_by_key(|(at, ..)| *at);
            let Some((at, placeholder, content)) = next else { break };
            out.push_str(&self.held[..at]);
            out.push_str(content);
            let after = at + placeholder.len();
            self.held.drain(..after);
        }
        let keep = self.pairs.iter().map(|(placeholder, _)| overlap(&self.held, placeholder)).max().unwrap_or(0);
        let say = self.held.len() - keep;
        out.push_str(&self.held[..say]);
        self.held.drain(..say);
        out
    }

    /// What was held back, when nothing follows.
    pub fn finish(self) -> String {
        self.held
    }
}

/// Bytes at the end of `text` that are a start of `placeholder`, which is ASCII.
fn overlap(text: &str, placeholder: &str) -> usize {
    let most = text.len().min(placeholder.len() - 1);
    (1..=most).rev().find(|&n| text.as_bytes().ends_with(&placeholder.as_bytes()[..n])).unwrap_or(0)
}

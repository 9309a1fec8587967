//! Answers that were given before, by everything that the answer depends on. White space counts: a tab more is another
//! question.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroUsize;
use std::path::Path;

use lru::LruCache;

use super::{ContextRow, Mode};
use crate::assistant::Route;

/// Answers kept. Each is a few hundred bytes.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(500).expect("not zero");

/// Everything that an answer depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    prefix: u64,
    suffix: u64,
    path: u64,
    model: u64,
    context: u64,
    mode: Mode,
    max_tokens: usize,
}

/// What a [`Key`] is made of.
pub(super) struct KeyParts<'a> {
    pub(super) prefix: &'a str,
    pub(super) suffix: &'a str,
    pub(super) path: Option<&'a Path>,
    pub(super) model: &'a str,
    pub(super) context: u64,
    pub(super) mode: &'a Mode,
    pub(super) max_tokens: usize,
}

/// An answer without what belongs to the moment of asking.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    /// The text, or why there is none.
    pub(super) text: Result<String, String>,
    pub(super) confidence: Option<f32>,
    pub(super) stopped: String,
    pub(super) context: Vec<ContextRow>,
    /// The name of the record of how it was made.
    pub(super) id: Option<String>,
    /// Who wrote it and why, where engines elsewhere finish lines.
    pub(super) route: Option<Route>,
}

/// The most recently used answers.
#[derive(Debug)]
pub(super) struct Cache {
    answers: LruCache<Key, Answer>,
}

impl Default for Cache {
    fn default() -> Self {
        Cache { answers: LruCache::new(CAPACITY) }
    }
}

impl Cache {
    pub(super) fn get(&mut self, key: &Key) -> Option<Answer> {
        self.answers.get(key).cloned()
    }

    pub(super) fn put(&mut self, key: Key, answer: Answer) {
        self.answers.put(key, answer);
    }
}

impl Key {
    pub(super) fn new(parts: &KeyParts<'_>) -> Key {
        Key {
            prefix: hash(parts.prefix),
            suffix: hash(parts.suffix),
            path: hash(&parts.path),
            model: hash(parts.model),
            context: parts.context,
            mode: parts.mode.clone(),
            max_tokens: parts.max_tokens,
        }
    }
}

/// A hash for keys and slots, the same for as long as the process runs.
pub(super) fn hash(value: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_tells_questions_apart() {
        let parts = || KeyParts {
            prefix: "a",
            suffix: "b",
            path: Some(Path::new("/a.rs")),
            model: "m",
            context: 0,
            mode: &Mode::Line,
            max_tokens: 64,
        };
        let block = Mode::Block { indent: 0, is_closed: true };
        let others = [
            KeyParts { prefix: "a ", ..parts() },
            KeyParts { suffix: "\tb", ..parts() },
            KeyParts { path: Some(Path::new("/b.rs")), ..parts() },
            KeyParts { path: None, ..parts() },
            KeyParts { model: "n", ..parts() },
            KeyParts { context: 1, ..parts() },
            KeyParts { mode: &block, ..parts() },
            KeyParts { max_tokens: 8, ..parts() },
        ];
        let mut cache = Cache::default();
        let answer = Answer {
            text: Ok("x".into()),
            confidence: Some(1.0),
            stopped: "newline".into(),
            context: vec![],
            id: None,
            route: None,
        };
        cache.put(Key::new(&parts()), answer.clone());
        assert_eq!(cache.get(&Key::new(&parts())), Some(answer));
        for other in others {
            assert_eq!(cache.get(&Key::new(&other)), None);
        }
    }
}

//! Proposals: the continuation of an earlier occurrence, here or in what was read lately, or a draft model's greedy choices.

use std::collections::HashMap;

use crate::EngineError;
use crate::transformer::{LanguageModel, Logits, Rows, SequenceCache};

/// Lengths of the n-grams indexed, longest first. One token alone predicts too little.
const LENGTHS: [usize; 3] = [4, 3, 2];

/// How many earlier occurrences of the longest n-gram are compared for the longest match.
const MOST_COMPARED: usize = 32;

/// A match that goes back this far is not made better by going back further.
const LONGEST_MATCH: usize = 32;

/// Tokens of a log.
const LOG_TOKENS: usize = 16 << 10;

/// Stands between texts that have nothing to do with each other. No vocabulary is that large.
const SEPARATOR: u32 = u32::MAX - 1;

/// An index of the n-grams of a growing sequence, so that a look-up costs the same however long the sequence is.
#[derive(Debug, Default)]
pub(crate) struct Lookup {
    /// Position after the latest occurrence of an n-gram, by its tokens padded with `u32::MAX`.
    latest: HashMap<[u32; LENGTHS[0]], usize>,
    /// For a position after a longest n-gram, the position after its previous occurrence.
    previous: HashMap<usize, usize>,
    indexed: usize,
}

/// Tokens found by look-up.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Found {
    /// The continuation.
    pub(crate) tokens: Vec<u32>,
    /// How many of the last tokens agree with those before the continuation, at most `LONGEST_MATCH`.
    pub(crate) matched: usize,
}

impl Lookup {
    /// What followed the longest earlier occurrence of the end of `history`, the latest among equals; at most `most`
    /// tokens. `history` must be the one of the last call with tokens appended.
    pub(crate) fn propose(&mut self, history: &[u32], most: usize) -> Option<Found> {
        self.index(history);
        LENGTHS.into_iter().find_map(|length| self.continuation(history, history, length, most))
    }

    /// What followed the best occurrence in `indexed` of the last `length` tokens of `history`.
    fn continuation(&self, indexed: &[u32], history: &[u32], length: usize, most: usize) -> Option<Found> {
        let after = self.occurrence(indexed, history, length)?;
        let tokens: Vec<u32> =
            indexed[after..].iter().copied().take_while(|&token| token != SEPARATOR).take(most).collect();
        (!tokens.is_empty()).then(|| Found { tokens, matched: match_length(&indexed[..after], history) })
    }

    /// Position after that occurrence.
    fn occurrence(&self, indexed: &[u32], history: &[u32], length: usize) -> Option<usize> {
        let start = history.len().checked_sub(length)?;
        let mut candidate = self.latest.get(&key(&history[start..])).copied();
        if length < LENGTHS[0] {
            return candidate;
        }
        let mut best: Option<(usize, usize)> = None;
        for _ in 0..MOST_COMPARED {
            let Some(after) = candidate else { break };
            let matched = match_length(&indexed[..after], history);
            // Where a text of a log ends, nothing follows.
            if indexed[after] != SEPARATOR && best.is_none_or(|(longest, _)| matched > longest) {
                best = Some((matched, after));
            }
            candidate = self.previous.get(&after).copied();
        }
        best.map(|(_, after)| after)
    }

    /// Takes in what was appended, all but the n-grams that end at the end: those have no continuation yet.
    fn index(&mut self, history: &[u32]) {
        for after in self.indexed.max(LENGTHS[LENGTHS.len() - 1])..history.len() {
            for length in LENGTHS {
                let Some(start) = after.checked_sub(length) else { continue };
                let before = self.latest.insert(key(&history[start..after]), after);
                if let Some(before) = before.filter(|_| length == LENGTHS[0]) {
                    self.previous.insert(after, before);
                }
            }
        }
        self.indexed = self.indexed.max(history.len());
    }
}

/// What other requests have read and answered lately: parts of the file that are no longer in the prompt, other files, an
/// answer that was cut off by the next character typed.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    /// Two logs, the older one whole; when the newer one is full, the older one is forgotten.
    older: Log,
    newer: Log,
}

#[derive(Debug, Default)]
struct Log {
    tokens: Vec<u32>,
    lookup: Lookup,
}

impl Recent {
    /// Takes in what a request has read and written beyond what was known; of very much, the end.
    pub(crate) fn add(&mut self, tokens: &[u32]) {
        let tokens = &tokens[tokens.len().saturating_sub(LOG_TOKENS)..];
        if tokens.len() <= LENGTHS[0] {
            return;
        }
        if self.newer.tokens.len() + tokens.len() > LOG_TOKENS {
            self.older = std::mem::take(&mut self.newer);
        }
        let Log { tokens: log, lookup } = &mut self.newer;
        log.extend_from_slice(tokens);
        log.push(SEPARATOR);
        lookup.index(log);
    }

    /// What followed the longest occurrence of the end of `history`, the latest among equals; at most `most` tokens. What
    /// matches in less than the longest n-gram says too little of another text.
    pub(crate) fn propose(&self, history: &[u32], most: usize) -> Option<Found> {
        let logs = [&self.older, &self.newer].into_iter();
        let found = logs.filter_map(|log| log.lookup.continuation(&log.tokens, history, LENGTHS[0], most));
        found.max_by_key(|found| found.matched)
    }
}

/// How many of the last tokens of `before` and `history` agree, at most `LONGEST_MATCH`.
fn match_length(before: &[u32], history: &[u32]) -> usize {
    before.iter().rev().zip(history.iter().rev()).take(LONGEST_MATCH).take_while(|(a, b)| a == b).count()
}

fn key(tokens: &[u32]) -> [u32; LENGTHS[0]] {
    let mut key = [u32::MAX; LENGTHS[0]];
    key[..tokens.len()].copy_from_slice(tokens);
    key
}

/// The draft model's greedy continuation of `history`, at most `most` tokens, fewer once `interrupted` says that
/// something more urgent waits. `cache` holds the start of `history` and is brought up to its end on the way.
pub(crate) fn draft<M: LanguageModel>(
    model: &mut M,
    cache: &mut M::Cache,
    history: &[u32],
    most: usize,
    interrupted: &dyn Fn() -> bool,
) -> Result<Vec<u32>, EngineError> {
    let mut proposals = Vec::with_capacity(most);
    let mut logits = model.forward(&history[cache.len()..], cache, Rows::Last)?;
    while proposals.len() < most {
        let token = logits.argmax(0)?;
        proposals.push(token);
        if proposals.len() == most || interrupted() {
            break;
        }
        logits = model.forward(&[token], cache, Rows::Last)?;
    }
    Ok(proposals)
}

#[cfg(test)]
#[path = "propose_tests.rs"]
mod tests;

//! Scores to tokens: repetition penalty, temperature, top-k, top-p, and the draw.
//!
//! One distribution serves sampling and the verification of proposed tokens, so that the two cannot disagree.

use std::cmp::Ordering;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::kernels::{argmax, probability_of};
use crate::transformer::{Greedy, Logits};
use crate::{EngineError, Sampling};

/// How many of the last tokens the repetition penalty looks at.
const PENALTY_WINDOW: usize = 64;

/// A token that was chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// Its id.
    pub token: u32,
    /// The probability the model gave it, 0 to 1: after the repetition penalty, before temperature, top-k and top-p.
    pub probability: f32,
}

/// Chooses tokens for one request.
#[derive(Debug)]
pub struct Sampler {
    sampling: Sampling,
    random: StdRng,
}

impl Sampler {
    /// A sampler at the start of its pseudo-random numbers.
    pub fn new(sampling: &Sampling) -> Sampler {
        Sampler { sampling: sampling.clone(), random: StdRng::seed_from_u64(sampling.seed) }
    }

    /// Whether the most probable token is always chosen.
    pub fn is_greedy(&self) -> bool {
        self.sampling.temperature <= 0.0
    }

    /// Chooses the next token from row `row` of `logits`, after the tokens in `history`. Where nothing but the most
    /// probable token is asked for, the row stays where it is.
    pub(crate) fn choose<L: Logits>(&mut self, logits: &L, row: usize, history: &[u32]) -> Result<Choice, EngineError> {
        if self.is_greedy() && self.sampling.repetition_penalty == 1.0 {
            let Greedy { token, probability } = logits.greedy(row)?;
            return Ok(Choice { token, probability });
        }
        Ok(self.sample(&mut logits.row(row)?, history))
    }

    /// Chooses the next token from `logits`, shape (vocabulary,), after the tokens in `history`, which may be the whole
    /// sequence. The repetition penalty is applied to `logits` in place.
    pub fn sample(&mut self, logits: &mut [f32], history: &[u32]) -> Choice {
        self.penalise(logits, history);
        let token = if self.is_greedy() {
            argmax(logits)
        } else {
            let candidates = self.candidates(logits);
            self.draw(&candidates)
        };
        Choice { token, probability: probability_of(logits, token) }
    }

    /// The distribution that [`Sampler::sample`] draws from: tokens with their probabilities, which sum to 1, in no
    /// particular order. One token if greedy.
    pub fn distribution(&self, logits: &[f32], history: &[u32]) -> Vec<(u32, f32)> {
        let mut logits = logits.to_vec();
        self.penalise(&mut logits, history);
        if self.is_greedy() { vec![(argmax(&logits), 1.0)] } else { self.candidates(&logits) }
    }

    /// Draws a token from `weights`, which need not sum to 1: each token is as probable as its share. Token 0 if there
    /// is none.
    pub fn draw(&mut self, weights: &[(u32, f32)]) -> u32 {
        let total: f32 = weights.iter().map(|(_, weight)| weight).sum();
        let mut left = self.uniform() * total;
        for &(token, weight) in weights {
            left -= weight;
            if left < 0.0 {
                return token;
            }
        }
        // Rounding may leave a trace after the last one.
        weights.iter().rev().find(|(_, weight)| *weight > 0.0).or(weights.first()).map_or(0, |(token, _)| *token)
    }

    /// A number from 0 up to but not including 1.
    pub fn uniform(&mut self) -> f32 {
        self.random.random()
    }

    fn penalise(&self, logits: &mut [f32], history: &[u32]) {
        let penalty = self.sampling.repetition_penalty;
        if penalty == 1.0 {
            return;
        }
        let window = &history[history.len().saturating_sub(PENALTY_WINDOW)..];
        for (position, &token) in window.iter().enumerate() {
            let seen = window[..position].contains(&token);
            if let (false, Some(logit)) = (seen, logits.get_mut(token as usize)) {
                *logit = if *logit > 0.0 { *logit / penalty } else { *logit * penalty };
            }
        }
    }

    /// Temperature, then top-k, then top-p of what is left.
    fn candidates(&self, logits: &[f32]) -> Vec<(u32, f32)> {
        let highest = logits[argmax(logits) as usize];
        let scale = self.sampling.temperature.recip();
        let weight = |logit: f32| ((logit - highest) * scale).exp();
        let mut candidates: Vec<(u32, f32)> = (0..).zip(logits.iter().map(|&logit| weight(logit))).collect();
        // What is not a number, or so improbable that it is nothing in 32 bits, is no candidate.
        candidates.retain(|(_, weight)| *weight > 0.0);
        let top_k = self.sampling.top_k;
        if top_k > 0 && top_k < candidates.len() {
            candidates.select_nth_unstable_by(top_k - 1, by_rank);
            candidates.truncate(top_k);
        }
        if self.sampling.top_p < 1.0 {
            keep_most_probable(&mut candidates, self.sampling.top_p);
        }
        let total: f32 = candidates.iter().map(|(_, weight)| weight).sum();
        for (_, weight) in &mut candidates {
            *weight /= total;
        }
        if candidates.is_empty() { vec![(argmax(logits), 1.0)] } else { candidates }
    }
}

/// The highest weight first, the lowest id first among equals.
fn by_rank(a: &(u32, f32), b: &(u32, f32)) -> Ordering {
    b.1.total_cmp(&a.1).then(a.0.cmp(&b.0))
}

/// Leaves the fewest candidates that have at least `top_p` of the whole weight.
fn keep_most_probable(candidates: &mut Vec<(u32, f32)>, top_p: f32) {
    let total: f32 = candidates.iter().map(|(_, weight)| weight).sum();
    // All candidates below this together have less than 1 - top_p, so those sought are among the others, and a whole
    // vocabulary need not be sorted to find them.
    let least = (1.0 - top_p) * total / candidates.len() as f32;
    candidates.retain(|(_, weight)| *weight >= least);
    candidates.sort_unstable_by(by_rank);
    let mut sum = 0.0;
    let last = candidates.iter().position(|(_, weight)| {
        sum += weight;
        sum >= top_p * total
    });
    candidates.truncate(last.map_or(candidates.len(), |last| last + 1));
}

#[cfg(test)]
mod tests;

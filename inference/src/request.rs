//! What is asked of an engine and what comes back: plain data, and the stream that carries it.
//!
//! Prompts are token ids; text appears only in what is streamed back and in stop strings.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::mpsc;

use crate::EngineError;

/// Who waits for the answer. A higher priority preempts a lower one between two tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Nobody waits: prefill of what the next request will probably need.
    Idle,
    /// A person reads along as the answer streams.
    Chat,
    /// A person is typing.
    Completion,
}

/// How the next token is chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    /// 0 is greedy: always the most probable token.
    pub temperature: f32,
    /// Only the `top_k` most probable tokens are considered; 0 considers all.
    pub top_k: usize,
    /// Only the smallest set of tokens whose probabilities sum to `top_p` is considered; 1 considers all.
    pub top_p: f32,
    /// Logits of tokens seen in the last 64 positions are divided (multiplied when negative) by this; 1 changes nothing.
    pub repetition_penalty: f32,
    /// Seed of the pseudo-random numbers: the same request with the same seed gives the same answer.
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Sampling { temperature: 0.0, top_k: 0, top_p: 1.0, repetition_penalty: 1.0, seed: 0 }
    }
}

/// Names that exist, where an answer begins with one: the model knows how names are made, not which there are.
#[derive(Clone, Debug, PartialEq)]
pub struct Preference {
    /// The names, or what is left of them after what stands before the answer.
    pub names: Vec<String>,
    /// Added to the logit of each token that goes on with one of them. At 3, what is no name has to be twenty times as
    /// probable to be chosen.
    pub bonus: f32,
}

/// One piece of work for an engine.
#[derive(Clone, Debug)]
pub struct Request {
    /// The whole prompt, special tokens included.
    pub prompt: Vec<u32>,
    /// Names the cache slot that should keep this prompt, for instance a hash of the document's path. Requests without
    /// one use whichever slot shares the longest prefix.
    pub slot: Option<u64>,
    /// Tokens of the prompt, such as those of the text after a cursor, whose cached keys and values may be moved to their
    /// place when only what stands before them has changed, instead of being computed anew. A little is lost: they go
    /// on saying what they said of the text before.
    pub movable: Option<Range<usize>>,
    /// The most tokens to generate; 0 only fills the cache.
    pub max_tokens: usize,
    /// So many tokens at the prompt's end are compared with what the model expected in their places
    /// ([`Finish::scores`]). Nothing can be generated along with that.
    pub scored: usize,
    /// What the answer begins with, and what of it is not returned: a piece of text cut off the prompt's end because
    /// the model would have cut it into other tokens. Tokens that do not spell it are not chosen.
    pub begin_with: String,
    /// Names one of which the answer would do well to have after that.
    pub prefer: Option<Preference>,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// Generation ends before any of these; none of it is returned.
    pub stop_strings: Vec<String>,
    /// Generation ends at any of these, beside the model's own end-of-text tokens.
    pub stop_tokens: Vec<u32>,
    /// Whether the text of special tokens is part of the answer's text. Completion and chat want `false`.
    pub show_special: bool,
    /// Who waits.
    pub priority: Priority,
    /// Generation ends here with what there is.
    pub deadline: Option<Instant>,
    /// Whether tokens may be proposed by look-up or draft and verified together; the result of greedy decoding is the same.
    pub speculate: bool,
}

impl Request {
    /// A greedy request with speculation and nothing else set.
    pub fn new(prompt: Vec<u32>, max_tokens: usize, priority: Priority) -> Self {
        Request {
            prompt,
            slot: None,
            movable: None,
            max_tokens,
            scored: 0,
            begin_with: String::new(),
            prefer: None,
            sampling: Sampling::default(),
            stop_strings: Vec::new(),
            stop_tokens: Vec::new(),
            show_special: false,
            priority,
            deadline: None,
            speculate: true,
        }
    }
}

/// Why a generation ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// This stop string appeared.
    StopString(String),
    /// A stop token or the model's end of text.
    EndOfText,
    /// `max_tokens` were generated, or the context is full.
    Length,
    /// The deadline passed.
    Deadline,
    /// The caller dropped or cancelled the generation.
    Cancelled,
}

/// Tokens of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TokenStats {
    /// Tokens of the prompt.
    pub prompt: usize,
    /// Of those, taken from the cache.
    pub reused: usize,
    /// Tokens generated.
    pub generated: usize,
}

impl std::ops::AddAssign for TokenStats {
    fn add_assign(&mut self, other: TokenStats) {
        self.prompt += other.prompt;
        self.reused += other.reused;
        self.generated += other.generated;
    }
}

/// A token of the prompt, beside the one that the model would have chosen in its place.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Score {
    /// The token that stands there.
    pub token: u32,
    /// The probability the model gave it, 0 to 1.
    pub probability: f32,
    /// The most probable token.
    pub likeliest: u32,
    /// Its probability.
    pub its_probability: f32,
}

/// What speculation did for one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SpeculationStats {
    /// Tokens proposed.
    pub proposed: usize,
    /// Of those, accepted by the target model.
    pub accepted: usize,
    /// Forward passes of the target model after the prompt.
    pub target_forwards: usize,
    /// Accepted tokens that were proposed by look-up in the prompt.
    pub from_lookup: usize,
    /// Accepted tokens that were proposed by the draft model.
    pub from_draft: usize,
}

/// Where the time of one request went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Timings {
    /// Waiting for the engine, including while preempted.
    pub queue: Duration,
    /// Processing the prompt up to the first token.
    pub prefill: Duration,
    /// Generating.
    pub decode: Duration,
}

/// The end of a generation that ran.
#[derive(Clone, Debug, PartialEq)]
pub struct Finish {
    /// The whole text, stop strings removed.
    pub text: String,
    /// Why it ended.
    pub reason: StopReason,
    /// Token counts.
    pub tokens: TokenStats,
    /// What speculation did.
    pub speculation: SpeculationStats,
    /// Where the time went.
    pub timings: Timings,
    /// Geometric mean of the probabilities the model gave its own tokens, 0 to 1; 1 when none was generated.
    pub confidence: f32,
    /// The tokens that were to be scored, in order; fewer when the request was interrupted.
    pub scores: Vec<Score>,
}

/// One item of a generation's stream. The last one is `Done` or `Failed`.
#[derive(Debug)]
pub enum Event {
    /// A piece of text, at least one Unicode scalar value, never part of one.
    Text(String),
    /// The generation ended.
    Done(Finish),
    /// The generation could not run.
    Failed(EngineError),
}

/// A generation under way. Dropping it cancels it, with effect within one token or one prefill chunk.
#[derive(Debug)]
pub struct Generation {
    pub(crate) events: mpsc::UnboundedReceiver<Event>,
    pub(crate) cancelled: Arc<AtomicBool>,
}

impl Generation {
    /// The next event; `None` after the last one.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// The next event, blocking this thread; `None` after the last one. Not for async code.
    pub fn next_blocking(&mut self) -> Option<Event> {
        self.events.blocking_recv()
    }

    /// Waits for the end and returns it.
    pub async fn finish(mut self) -> Result<Finish, EngineError> {
        while let Some(event) = self.next().await {
            match event {
                Event::Text(_) => {}
                Event::Done(finish) => return Ok(finish),
                Event::Failed(error) => return Err(error),
            }
        }
        Err(EngineError::Died)
    }

    /// Waits for the end, blocking this thread. Not for async code.
    pub fn finish_blocking(mut self) -> Result<Finish, EngineError> {
        while let Some(event) = self.next_blocking() {
            match event {
                Event::Text(_) => {}
                Event::Done(finish) => return Ok(finish),
                Event::Failed(error) => return Err(error),
            }
        }
        Err(EngineError::Died)
    }

    /// Asks the engine to stop. The stream still ends with `Done`, its reason `Cancelled`.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }
}

impl Drop for Generation {
    fn drop(&mut self) {
        self.cancel();
    }
}

//! Engines that run elsewhere: a client for servers with an OpenAI-compatible interface.
//!
//! Text in, text out. What may be sent, to whom, and what to do when it fails is the caller's to decide; nothing here reads a
//! configuration. Keys are fetched for each request, kept nowhere and never printed.

mod breaker;
mod client;
mod key;
mod retry;
mod sse;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use breaker::Breaker;
pub use client::{Chat, Fill, Remote, RemoteAnswer};
pub use key::Key;
pub use retry::Retries;

/// Where a remote engine is and how to talk to it.
#[derive(Clone, Debug)]
pub struct RemoteOptions {
    /// Base address up to and including the version, such as `http://127.0.0.1:8080/v1`.
    pub url: String,
    /// The model to ask for.
    pub model: String,
    /// How to be let in.
    pub key: Key,
    /// How long to wait for what.
    pub patience: RemotePatience,
    /// How often to ask again.
    pub retries: Retries,
}

/// How long to wait for what.
#[derive(Clone, Copy, Debug)]
pub struct RemotePatience {
    /// For a connection.
    pub connect: Duration,
    /// For the first byte of an answer.
    pub answer: Duration,
    /// For the next byte of one.
    pub stall: Duration,
    /// For all of it: a server that drips is no better than one that stalls.
    pub whole: Duration,
}

impl Default for RemotePatience {
    fn default() -> RemotePatience {
        RemotePatience {
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(30),
            stall: Duration::from_secs(15),
            whole: Duration::from_secs(180),
        }
    }
}

/// Who says a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Speaker {
    /// The program.
    System,
    /// The person, and all data shown to the model.
    User,
    /// The model.
    Assistant,
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who says it.
    pub role: Speaker,
    /// What.
    pub content: String,
}

/// Tokens as the remote engine counts them; 0 where it does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct RemoteUsage {
    /// Of the prompt.
    pub prompt_tokens: usize,
    /// Of the answer.
    pub completion_tokens: usize,
}

/// Why a remote engine gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RemoteError {
    /// No address that a connection can be made to.
    #[error("`{url}` is no address of an engine: {reason}; write one such as http://127.0.0.1:8080/v1")]
    Address {
        /// As it was given.
        url: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// The key could not be had.
    #[error("there is no key for the remote engine: {0}")]
    Key(String),
    /// Nobody there.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// Nothing came for too long.
    #[error("it did not answer in time")]
    Silent,
    /// It refused.
    #[error("it answered with HTTP status {status}{}", words(.message))]
    Status {
        /// The status.
        status: u16,
        /// The beginning of what it said, on one line.
        message: String,
        /// After how long it wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// The answer broke off.
    #[error("its answer broke off after {0} characters")]
    Cut(usize),
    /// What came was no answer.
    #[error("its answer makes no sense: {0}")]
    Nonsense(String),
    /// It failed so often that it is left alone for a while.
    #[error("it failed {failures} times in a row and is left alone for another {seconds} s")]
    Resting {
        /// How often.
        failures: u32,
        /// How long yet.
        seconds: u64,
    },
    /// Nobody wants the answer any more.
    #[error("it was cancelled")]
    Cancelled,
}

impl RemoteError {
    /// Whether the same request may well succeed in a moment.
    pub fn is_passing(&self) -> bool {
        match self {
            RemoteError::Unreachable(_) | RemoteError::Silent | RemoteError::Cut(_) | RemoteError::Nonsense(_) => true,
            RemoteError::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504),
            RemoteError::Address { .. }
            | RemoteError::Key(_)
            | RemoteError::Resting { .. }
            | RemoteError::Cancelled => false,
        }
    }
}

fn words(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}

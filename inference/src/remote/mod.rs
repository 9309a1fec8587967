//! Engines that run elsewhere: a client for servers with an OpenAI-compatible interface, and one for servers that take and give
//! JSON of any other kind.
//!
//! What may be sent, to whom, and what to do when it fails is the caller's to decide; nothing here reads a
//! configuration. Keys are fetched for each request, kept nowhere and never printed.

mod answer;
mod breaker;
mod client;
mod connection;
mod key;
mod retry;
mod service;
mod sse;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use breaker::Breaker;
pub use client::{Chat, Fill, Remote, RemoteAnswer};
pub use connection::Method;
pub use key::Key;
pub use retry::Retries;
pub use service::{Service, ServiceRequest};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Speaker {
    /// The program.
    System,
    /// The person, and all data shown to the model.
    User,
    /// The model.
    Assistant,
    /// What a tool that the model called came to.
    Tool,
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    /// Who says it.
    pub role: Speaker,
    /// What.
    pub content: String,
    /// The tools that the model calls with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// The call that a tool's message answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<String>,
}

impl Message {
    /// A message of words alone.
    pub fn new(role: Speaker, content: impl Into<String>) -> Message {
        Message { role, content: content.into(), tool_calls: Vec::new(), tool_call_id: None }
    }

    /// The model's own, in which it calls tools.
    pub fn calling(content: impl Into<String>, tool_calls: Vec<ToolCall>) -> Message {
        Message { tool_calls, ..Message::new(Speaker::Assistant, content) }
    }

    /// What the call of that name came to.
    pub fn of_tool(id: impl Into<String>, content: impl Into<String>) -> Message {
        Message { tool_call_id: Some(id.into()), ..Message::new(Speaker::Tool, content) }
    }
}

/// A tool that a model may call.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", content = "function", rename_all = "lowercase")]
pub enum Tool {
    /// A function.
    Function {
        /// Its name.
        name: String,
        /// What it does, for the model.
        description: String,
        /// Its arguments, as a JSON Schema.
        parameters: Value,
    },
}

/// A call of a tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ToolCall {
    /// The call's own name, which the message with its result repeats.
    pub id: String,
    /// Always `function`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// What is called.
    pub function: Called,
}

/// The function that is called, and with what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Called {
    /// Its name.
    pub name: String,
    /// The model's text for its arguments, which should be JSON and may be anything.
    pub arguments: String,
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
    #[error("`{url}` is no address of a server: {reason}; write one such as http://127.0.0.1:8080")]
    Address {
        /// As it was given.
        url: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// The key could not be had.
    #[error("there is no key: {0}")]
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

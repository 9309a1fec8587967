//! One request to a remote engine: connection, stream or whole answer, and another try where that may help.

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::answer::{Collected, Interface, complete};
use super::connection::{Arriving, Connection, Method, Piece, complaint, sleep};
use super::key::Secret;
use super::sse::{Events, Unreadable};
use super::{Message, RemoteError, RemoteOptions, RemoteUsage, Retries, Tool, ToolCall};

/// A conversation to be continued.
#[derive(Clone, Debug)]
pub struct Chat {
    /// From the system's message on.
    pub messages: Vec<Message>,
    /// The most tokens of the answer.
    pub max_tokens: usize,
    /// 0 is greedy.
    pub temperature: f32,
    /// What the model may call; nothing for one that cannot.
    pub tools: Vec<Tool>,
    /// Whether it may call any of that in this answer, or has to say what it has to say.
    pub may_call: bool,
    /// How long to wait for the first byte of the answer, connection included, where that is less than the engine's own patience.
    pub patience: Option<Duration>,
}

/// A gap in a text to be filled.
#[derive(Clone, Debug)]
pub struct Fill {
    /// What stands before the gap; all of the prompt where there is no suffix.
    pub prefix: String,
    /// What stands behind it, for an engine that takes that by itself.
    pub suffix: Option<String>,
    /// The most tokens of the answer.
    pub max_tokens: usize,
    /// The answer ends before any of these.
    pub stop: Vec<String>,
    /// As of [`Chat::patience`].
    pub patience: Option<Duration>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteAnswer {
    /// The whole text.
    pub text: String,
    /// The tools that it wants called before it goes on.
    pub calls: Vec<ToolCall>,
    /// Why the engine ended, in its words.
    pub finish: Option<String>,
    /// Tokens.
    pub usage: RemoteUsage,
    /// Requests that were made for it.
    pub attempts: u32,
}

/// A remote engine. Threads share it; each request blocks the thread that makes it.
#[derive(Debug)]
pub struct Remote {
    connection: Connection,
    model: String,
    retries: Retries,
}

impl Remote {
    /// Nothing is sent yet.
    pub fn new(options: RemoteOptions) -> Result<Remote, RemoteError> {
        let RemoteOptions { url, model, key, patience, retries } = options;
        Ok(Remote { connection: Connection::new(&url, key, patience)?, model, retries })
    }

    /// The model asked for.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The address without its path: enough to say where something went.
    pub fn host(&self) -> &str {
        self.connection.host()
    }

    /// Whether it may be asked now, or is resting after failures.
    pub fn health(&self) -> Result<(), RemoteError> {
        self.connection.health()
    }

    /// Continues a conversation. `text` gets the answer piece by piece; `cancelled` ends the wait for more.
    pub fn chat(
        &self,
        chat: &Chat,
        cancelled: &AtomicBool,
        text: &mut dyn FnMut(&str),
    ) -> Result<RemoteAnswer, RemoteError> {
        let mut body = json!({
            "model": self.model,
            "messages": chat.messages,
            "max_tokens": chat.max_tokens,
            "temperature": chat.temperature,
        });
        if !chat.tools.is_empty() {
            body["tools"] = json!(chat.tools);
            body["tool_choice"] = if chat.may_call { "auto" } else { "none" }.into();
        }
        self.ask(Interface::Chat, body, chat.patience, cancelled, text)
    }

    /// Fills a gap.
    pub fn fill(
        &self,
        fill: &Fill,
        cancelled: &AtomicBool,
        text: &mut dyn FnMut(&str),
    ) -> Result<RemoteAnswer, RemoteError> {
        let mut body = json!({
            "model": self.model,
            "prompt": fill.prefix,
            "max_tokens": fill.max_tokens,
            "temperature": 0,
            "stop": fill.stop,
        });
        if let Some(suffix) = &fill.suffix {
            body["suffix"] = suffix.as_str().into();
        }
        self.ask(Interface::Completion, body, fill.patience, cancelled, text)
    }

    fn ask(
        &self,
        interface: Interface,
        mut body: Value,
        first_byte: Option<Duration>,
        cancelled: &AtomicBool,
        text: &mut dyn FnMut(&str),
    ) -> Result<RemoteAnswer, RemoteError> {
        self.health()?;
        let key = self.connection.key()?;
        let mut stream = true;
        let mut attempt = 0;
        loop {
            attempt += 1;
            body["stream"] = stream.into();
            // A stream tells what it cost only where that is asked for, and nothing but a stream may be asked.
            match body.as_object_mut() {
                Some(fields) if stream => fields.insert("stream_options".to_owned(), json!({ "include_usage": true })),
                Some(fields) => fields.remove("stream_options"),
                None => None,
            };
            let mut shown = 0;
            let began = Instant::now();
            let usual = self.connection.patience.connect + self.connection.patience.answer;
            let first_byte = first_byte.map_or(usual, |own| own.min(usual));
            let outcome = self.attempt(interface, &body, key.as_ref(), first_byte, cancelled, &mut |piece| {
                shown += piece.chars().count();
                text(piece);
            });
            let error = match outcome {
                Ok(answer) => {
                    self.connection.succeeded();
                    return Ok(RemoteAnswer { attempts: attempt, ..answer });
                }
                Err(error) => error,
            };
            // Another try after text was shown would show it again.
            if shown == 0 && stream && refuses_streams(&error) {
                tracing::debug!(%error, "asking for a whole answer instead of a stream");
                stream = false;
                if attempt == 1 && !error.is_passing() {
                    continue;
                }
            }
            // Nor is waited again for a connection that nobody took.
            let took_long = began.elapsed() >= self.connection.patience.connect
                && matches!(error, RemoteError::Unreachable(_) | RemoteError::Cut(0));
            let is_last = shown > 0 || took_long;
            let wait = if is_last { None } else { self.retries.wait(attempt, &error, rand::random()) };
            let Some(wait) = wait else {
                if error != RemoteError::Cancelled {
                    self.connection.failed();
                }
                return Err(error);
            };
            tracing::info!(host = self.host(), %error, ?wait, "the remote engine is asked again");
            sleep(wait, cancelled)?;
        }
    }

    fn attempt(
        &self,
        interface: Interface,
        body: &Value,
        key: Option<&Secret>,
        first_byte: Duration,
        cancelled: &AtomicBool,
        text: &mut dyn FnMut(&str),
    ) -> Result<RemoteAnswer, RemoteError> {
        let path = match interface {
            Interface::Chat => "chat/completions",
            Interface::Completion => "completions",
        };
        let patience = self.connection.patience;
        let mut arriving = Arriving {
            cancelled,
            end: Instant::now() + patience.whole,
            pieces: self.connection.send(Method::Post, path, body, key),
        };
        let first_by = Instant::now() + first_byte;
        let Piece::Head { status, streams, retry_after } = arriving.next(first_byte)? else {
            return Err(RemoteError::Cut(0));
        };
        if status != 200 {
            let message = complaint(&mut arriving, patience.stall, key);
            return Err(RemoteError::Status { status, message, retry_after });
        }
        let mut answer = Collected::default();
        let mut whole = Vec::new();
        let mut events = Events::default();
        let mut begun = false;
        while !answer.done {
            // Headers alone, which some servers send at once, are no beginning of an answer.
            let has_begun = std::mem::replace(&mut begun, true);
            let left = first_by.saturating_duration_since(Instant::now());
            let bytes = match arriving.next(if has_begun { patience.stall } else { patience.stall.min(left) }) {
                Ok(Piece::Bytes(bytes)) => bytes,
                Ok(Piece::Head { .. } | Piece::End) => break,
                Err(RemoteError::Cut(_)) => return Err(RemoteError::Cut(answer.text.chars().count())),
                Err(error) => return Err(error),
            };
            if !streams {
                whole.extend_from_slice(&bytes);
                continue;
            }
            let mut outcome = Ok(());
            let read = events.push(&bytes, |data| {
                if outcome.is_ok() {
                    outcome = answer.event(interface, data, text);
                }
            });
            outcome?;
            read.map_err(|unreadable| {
                RemoteError::Nonsense(match unreadable {
                    Unreadable::TooLarge => "a part of it is endless".to_owned(),
                    Unreadable::NotText => "it is not UTF-8".to_owned(),
                })
            })?;
        }
        if !streams {
            answer.whole(interface, &whole, text)?;
        } else if !answer.done && answer.finish.is_none() {
            return Err(RemoteError::Cut(answer.text.chars().count()));
        }
        let Collected { text, calls, finish, usage, .. } = answer;
        let calls = complete(calls);
        // A gap may be filled by nothing; a person who asked is told something.
        let may_be_empty = interface == Interface::Completion && finish.is_some();
        if text.trim().is_empty() && calls.is_empty() && !may_be_empty {
            return Err(RemoteError::Nonsense("it is empty".to_owned()));
        }
        Ok(RemoteAnswer { text, calls, finish, usage, attempts: 1 })
    }
}

/// Whether a server that failed so may do better when it is not asked to stream.
fn refuses_streams(error: &RemoteError) -> bool {
    match error {
        RemoteError::Cut(0) | RemoteError::Nonsense(_) => true,
        RemoteError::Status { status, .. } => matches!(status, 400 | 415 | 422 | 501),
        _ => false,
    }
}

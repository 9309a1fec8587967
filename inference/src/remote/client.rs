//! One request to a remote engine: connection, stream or whole answer, and another try where that may help.

use std::io::{ErrorKind, Read};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::answer::{Collected, Interface, complete};
use super::key::Secret;
use super::sse::{Events, Unreadable};
use super::{Breaker, Message, RemoteError, RemoteOptions, RemoteUsage, Tool, ToolCall};

/// The most bytes of one answer.
const LARGEST_ANSWER: u64 = 8 << 20;
/// The most characters of a server's complaint that are passed on.
const COMPLAINT: usize = 200;
/// The most bytes of it that are read.
const LONGEST_COMPLAINT: usize = 16 << 10;
/// Pieces of an answer that may wait to be taken.
const PIECES: usize = 64;
/// How often a wait looks whether anyone still wants the answer.
const GLANCE: Duration = Duration::from_millis(50);

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
}

/// A gap in a text to be filled.
#[derive(Clone, Debug)]
pub struct Fill {
    /// What stands before the gap.
    pub prefix: String,
    /// What stands behind it.
    pub suffix: String,
    /// The most tokens of the answer.
    pub max_tokens: usize,
    /// The answer ends before any of these.
    pub stop: Vec<String>,
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
    options: RemoteOptions,
    agent: ureq::Agent,
    breaker: Mutex<Breaker>,
}

impl Remote {
    /// Nothing is sent yet.
    pub fn new(options: RemoteOptions) -> Result<Remote, RemoteError> {
        let bad = |reason| RemoteError::Address { url: options.url.clone(), reason };
        let rest = options.url.strip_prefix("https://").or_else(|| options.url.strip_prefix("http://"));
        let rest = rest.ok_or_else(|| bad("it begins with neither http:// nor https://"))?;
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if host.is_empty() || options.url.contains(char::is_whitespace) {
            return Err(bad("it names no machine"));
        }
        // It would be sent, and shown, with every message about the address.
        if host.contains('@') {
            return Err(bad("it contains a name or password, which belong in a variable or a command"));
        }
        let machine = host.rsplit_once(':').map_or(host, |(machine, _)| machine);
        let mut builder = ureq::Agent::config_builder();
        // What is meant for this machine does not take the way over a proxy.
        if matches!(machine, "localhost" | "[::1]") || machine.starts_with("127.") {
            builder = builder.proxy(None);
        }
        let agent = builder
            .timeout_resolve(Some(options.patience.connect))
            .timeout_connect(Some(options.patience.connect))
            .timeout_recv_response(Some(options.patience.answer))
            // Only so that the thread of a request ends some time: who waits for it looks at the clock himself.
            .timeout_per_read(Some(options.patience.answer.max(options.patience.stall)))
            // What is sent goes where the user said, and nowhere that a server says.
            .max_redirects(0)
            .http_status_as_error(false)
            .user_agent(concat!("halfline/", env!("CARGO_PKG_VERSION")))
            .build()
            .into();
        Ok(Remote { options, agent, breaker: Mutex::default() })
    }

    /// The model asked for.
    pub fn model(&self) -> &str {
        &self.options.model
    }

    /// The address without its path: enough to say where something went.
    pub fn host(&self) -> &str {
        let start = self.options.url.find("://").map_or(0, |at| at + 3);
        let host = &self.options.url[start..];
        host.split(['/', '?', '#']).next().unwrap_or(host)
    }

    /// Whether it may be asked now, or is resting after failures.
    pub fn health(&self) -> Result<(), RemoteError> {
        self.breaker().check(Instant::now())
    }

    /// Continues a conversation. `text` gets the answer piece by piece; `cancelled` ends the wait for more.
    pub fn chat(
        &self,
        chat: &Chat,
        cancelled: &AtomicBool,
        text: &mut dyn FnMut(&str),
    ) -> Result<RemoteAnswer, RemoteError> {
        let mut body = json!({
            "model": self.options.model,
            "messages": chat.messages,
            "max_tokens": chat.max_tokens,
            "temperature": chat.temperature,
        });
        if !chat.tools.is_empty() {
            body["tools"] = json!(chat.tools);
            body["tool_choice"] = if chat.may_call { "auto" } else { "none" }.into();
        }
        self.ask(Interface::Chat, body, cancelled, text)
    }

    /// Fills a gap.
    pub fn fill(
        &self,
        fill: &Fill,
        cancelled: &AtomicBool,
        text: &mut dyn FnMut(&str),
    ) -> Result<RemoteAnswer, RemoteError> {
        let body = json!({
            "model": self.options.model,
            "prompt": fill.prefix,
            "suffix": fill.suffix,
            "max_tokens": fill.max_tokens,
            "temperature": 0,
            "stop": fill.stop,
        });
        self.ask(Interface::Completion, body, cancelled, text)
    }

    fn ask(
        &self,
        interface: Interface,
        mut body: Value,
        cancelled: &AtomicBool,
        text: &mut dyn FnMut(&str),
    ) -> Result<RemoteAnswer, RemoteError> {
        self.health()?;
        let key = self.options.key.fetch()?;
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
            let outcome = self.attempt(interface, &body, key.as_ref(), cancelled, &mut |piece| {
                shown += piece.chars().count();
                text(piece);
            });
            let error = match outcome {
                Ok(answer) => {
                    self.breaker().succeeded();
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
            let wait = if shown > 0 { None } else { self.options.retries.wait(attempt, &error, rand::random()) };
            let Some(wait) = wait else {
                if error != RemoteError::Cancelled {
                    self.breaker().failed(Instant::now());
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
        cancelled: &AtomicBool,
        text: &mut dyn FnMut(&str),
    ) -> Result<RemoteAnswer, RemoteError> {
        let path = match interface {
            Interface::Chat => "chat/completions",
            Interface::Completion => "completions",
        };
        let patience = self.options.patience;
        let mut arriving =
            Arriving { cancelled, end: Instant::now() + patience.whole, pieces: self.send(path, body, key) };
        let Piece::Head { status, streams, retry_after } = arriving.next(patience.connect + patience.answer)? else {
            return Err(RemoteError::Cut(0));
        };
        if status != 200 {
            let message = complaint(&mut arriving, patience.stall, key);
            return Err(RemoteError::Status { status, message, retry_after });
        }
        let mut answer = Collected::default();
        let mut whole = Vec::new();
        let mut events = Events::default();
        while !answer.done {
            let bytes = match arriving.next(patience.stall) {
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
        if text.trim().is_empty() && calls.is_empty() && finish.is_none() {
            return Err(RemoteError::Nonsense("it is empty".to_owned()));
        }
        Ok(RemoteAnswer { text, calls: complete(calls), finish, usage, attempts: 1 })
    }

    /// Sends a request on a thread of its own, so that waiting for the answer can end at any time. The thread ends with the
    /// answer, or when nobody takes its pieces, or by its own timeouts.
    fn send(&self, path: &str, body: &Value, key: Option<&Secret>) -> Receiver<Result<Piece, RemoteError>> {
        let mut request = self
            .agent
            .post(format!("{}/{path}", self.options.url.trim_end_matches('/')))
            .header("Content-Type", "application/json")
            .header("Accept", "text/event-stream, application/json");
        if let Some(key) = key {
            request = request.header("Authorization", key.bearer());
        }
        let body = body.to_string();
        let (sender, receiver) = sync_channel(PIECES);
        std::thread::spawn(move || {
            if let Err(error) = fetch(request, &body, &sender) {
                // Nobody may be waiting any more.
                let _ = sender.send(Err(error));
            }
        });
        receiver
    }

    fn breaker(&self) -> std::sync::MutexGuard<'_, Breaker> {
        // Its few numbers are right whatever another thread died of.
        self.breaker.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// A part of an answer as it arrives.
enum Piece {
    Head { status: u16, streams: bool, retry_after: Option<Duration> },
    Bytes(Vec<u8>),
    End,
}

/// An answer on its way.
struct Arriving<'a> {
    cancelled: &'a AtomicBool,
    /// When all of it has to be there.
    end: Instant,
    pieces: Receiver<Result<Piece, RemoteError>>,
}

impl Arriving<'_> {
    /// The next piece, which may take `patience`.
    fn next(&mut self, patience: Duration) -> Result<Piece, RemoteError> {
        let end = self.end.min(Instant::now() + patience);
        loop {
            if self.cancelled.load(Ordering::Relaxed) {
                return Err(RemoteError::Cancelled);
            }
            let left = end.saturating_duration_since(Instant::now());
            match self.pieces.recv_timeout(left.min(GLANCE)) {
                Ok(piece) => return piece,
                Err(RecvTimeoutError::Disconnected) => return Err(RemoteError::Cut(0)),
                Err(RecvTimeoutError::Timeout) if left.is_zero() => return Err(RemoteError::Silent),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

/// Makes the request and hands on what comes.
fn fetch(
    request: ureq::RequestBuilder<ureq::typestate::WithBody>,
    body: &str,
    pieces: &SyncSender<Result<Piece, RemoteError>>,
) -> Result<(), RemoteError> {
    let response = request.send(body).map_err(|error| failed(&error))?;
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    let head = Piece::Head {
        status: response.status().as_u16(),
        streams: header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream")),
        retry_after: header("retry-after").and_then(|text| text.trim().parse().ok()).map(Duration::from_secs),
    };
    let mut reader = response.into_body().into_reader().take(LARGEST_ANSWER);
    let mut wanted = pieces.send(Ok(head)).is_ok();
    let mut buffer = [0; 8192];
    while wanted {
        let piece = match reader.read(&mut buffer) {
            Ok(0) => Piece::End,
            Ok(count) => Piece::Bytes(buffer[..count].to_vec()),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) if is_timeout(&error) => return Err(RemoteError::Silent),
            Err(_) => return Err(RemoteError::Cut(0)),
        };
        wanted = !matches!(piece, Piece::End);
        wanted &= pieces.send(Ok(piece)).is_ok();
    }
    Ok(())
}

/// Whether a server that failed so may do better when it is not asked to stream.
fn refuses_streams(error: &RemoteError) -> bool {
    match error {
        RemoteError::Cut(0) | RemoteError::Nonsense(_) => true,
        RemoteError::Status { status, .. } => matches!(status, 400 | 415 | 422 | 501),
        _ => false,
    }
}

fn failed(error: &ureq::Error) -> RemoteError {
    match error {
        ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => {
            RemoteError::Unreachable("no connection in time".to_owned())
        }
        ureq::Error::Timeout(_) => RemoteError::Silent,
        ureq::Error::Io(error) if is_timeout(error) => RemoteError::Silent,
        // The connection was made, and ended without an answer.
        ureq::Error::Io(error) if matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) => {
            RemoteError::Cut(0)
        }
        ureq::Error::Protocol(_) => RemoteError::Nonsense("it is not HTTP".to_owned()),
        other => RemoteError::Unreachable(other.to_string()),
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>());
    matches!(inner, Some(ureq::Error::Timeout(_)))
        || matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock)
}

/// The beginning of what a server complains of, without the key.
fn complaint(arriving: &mut Arriving<'_>, patience: Duration, key: Option<&Secret>) -> String {
    let mut bytes = Vec::new();
    // What does not come is left out: the status says the rest.
    while let (true, Ok(Piece::Bytes(more))) = (bytes.len() < LONGEST_COMPLAINT, arriving.next(patience)) {
        bytes.extend_from_slice(&more);
    }
    let text = String::from_utf8_lossy(&bytes);
    let message = serde_json::from_str::<Value>(&text).ok().and_then(|value| {
        let message = value.pointer("/error/message").or(value.get("message")).or(value.get("error"));
        message.and_then(Value::as_str).map(str::to_owned)
    });
    let message = message.unwrap_or_else(|| text.into_owned());
    one_line(&key.map_or_else(|| message.clone(), |key| key.remove_from(&message)))
}

pub(super) fn one_line(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().filter(|ch| !ch.is_control()).take(COMPLAINT).collect()
}

/// Waits, unless nobody wants the answer any more.
fn sleep(time: Duration, cancelled: &AtomicBool) -> Result<(), RemoteError> {
    let end = Instant::now() + time;
    loop {
        if cancelled.load(Ordering::Relaxed) {
            return Err(RemoteError::Cancelled);
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(GLANCE));
    }
}

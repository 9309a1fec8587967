//! A server elsewhere: its address, how to be let in, its health, and one request whose answer arrives in pieces. What the
//! pieces mean is not known here.

use std::io::{ErrorKind, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use ureq::RequestBuilder;

use super::key::Secret;
use super::{Breaker, Key, RemoteError, RemotePatience};

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

/// How a request is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Without a body.
    Get,
    /// To have something done.
    Post,
    /// To put something in the place of what is there.
    Put,
}

/// A server. Threads share it.
#[derive(Debug)]
pub(super) struct Connection {
    url: String,
    key: Key,
    pub(super) patience: RemotePatience,
    agent: ureq::Agent,
    breaker: Mutex<Breaker>,
}

impl Connection {
    /// Nothing is sent yet.
    pub(super) fn new(url: &str, key: Key, patience: RemotePatience) -> Result<Connection, RemoteError> {
        let bad = |reason| RemoteError::Address { url: url.to_owned(), reason };
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        let rest = rest.ok_or_else(|| bad("it begins with neither http:// nor https://"))?;
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if host.is_empty() || url.contains(char::is_whitespace) {
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
            .timeout_resolve(Some(patience.connect))
            .timeout_connect(Some(patience.connect))
            .timeout_recv_response(Some(patience.answer))
            // Only so that the thread of a request ends some time: who waits for it looks at the clock himself.
            .timeout_per_read(Some(patience.answer.max(patience.stall)))
            // What is sent goes where the user said, and nowhere that a server says.
            .max_redirects(0)
            .http_status_as_error(false)
            .user_agent(concat!("halfline/", env!("CARGO_PKG_VERSION")))
            .build()
            .into();
        Ok(Connection { url: url.trim_end_matches('/').to_owned(), key, patience, agent, breaker: Mutex::default() })
    }

    /// The address without its path: enough to say where something went.
    pub(super) fn host(&self) -> &str {
        let start = self.url.find("://").map_or(0, |at| at + 3);
        let host = &self.url[start..];
        host.split(['/', '?', '#']).next().unwrap_or(host)
    }

    /// Whether it may be asked now, or is resting after failures.
    pub(super) fn health(&self) -> Result<(), RemoteError> {
        self.breaker().check(Instant::now())
    }

    /// Takes in that it answered.
    pub(super) fn succeeded(&self) {
        self.breaker().succeeded();
    }

    /// Takes in that it failed.
    pub(super) fn failed(&self) {
        self.breaker().failed(Instant::now());
    }

    /// The key, fetched anew.
    pub(super) fn key(&self) -> Result<Option<Secret>, RemoteError> {
        self.key.fetch()
    }

    /// Sends a request on a thread of its own, so that waiting for the answer can end at any time. The thread ends with the
    /// answer, or when nobody takes its pieces, or by its own timeouts.
    pub(super) fn send(
        &self,
        method: Method,
        path: &str,
        body: &Value,
        key: Option<&Secret>,
    ) -> Receiver<Result<Piece, RemoteError>> {
        let url = format!("{}/{path}", self.url);
        let (agent, bearer, body) = (self.agent.clone(), key.map(Secret::bearer), body.to_string());
        let (sender, receiver) = sync_channel(PIECES);
        std::thread::spawn(move || {
            let bearer = bearer.as_deref();
            let sent = match method {
                Method::Get => with_headers(agent.get(url), bearer).call(),
                Method::Post => with_headers(agent.post(url), bearer).send(&body),
                Method::Put => with_headers(agent.put(url), bearer).send(&body),
            };
            let outcome = sent.map_err(|error| failed(&error)).and_then(|response| hand_on(response, &sender));
            if let Err(error) = outcome {
                // Nobody may be waiting any more.
                let _ = sender.send(Err(error));
            }
        });
        receiver
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        // Its few numbers are right whatever another thread died of.
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn with_headers<B>(request: RequestBuilder<B>, bearer: Option<&str>) -> RequestBuilder<B> {
    let request =
        request.header("Content-Type", "application/json").header("Accept", "text/event-stream, application/json");
    match bearer {
        Some(bearer) => request.header("Authorization", bearer),
        None => request,
    }
}

/// A part of an answer as it arrives.
pub(super) enum Piece {
    Head { status: u16, streams: bool, retry_after: Option<Duration> },
    Bytes(Vec<u8>),
    End,
}

/// An answer on its way.
pub(super) struct Arriving<'a> {
    pub(super) cancelled: &'a AtomicBool,
    /// When all of it has to be there.
    pub(super) end: Instant,
    pub(super) pieces: Receiver<Result<Piece, RemoteError>>,
}

impl Arriving<'_> {
    /// The next piece, which may take `patience`.
    pub(super) fn next(&mut self, patience: Duration) -> Result<Piece, RemoteError> {
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

/// Hands on what comes.
fn hand_on(
    response: ureq::http::Response<ureq::Body>,
    pieces: &SyncSender<Result<Piece, RemoteError>>,
) -> Result<(), RemoteError> {
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
pub(super) fn complaint(arriving: &mut Arriving<'_>, patience: Duration, key: Option<&Secret>) -> String {
    let mut bytes = Vec::new();
    // What does not come is left out: the status says the rest.
    while let (true, Ok(Piece::Bytes(more))) = (bytes.len() < LONGEST_COMPLAINT, arriving.next(patience)) {
        bytes.extend_from_slice(&more);
    }
    let text = String::from_utf8_lossy(&bytes);
    let message = serde_json::from_str::<Value>(&text).ok().and_then(|value| {
        let message = value.pointer("/error/message").or(value.get("message")).or(value.get("error"));
        // The last is Qdrant's.
        let message = message.or(value.pointer("/status/error"));
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
pub(super) fn sleep(time: Duration, cancelled: &AtomicBool) -> Result<(), RemoteError> {
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

//! An engine that runs elsewhere, by script: an HTTP server on this machine that answers each request as it was told to,
//! and keeps what it was sent.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use serde_json::{Value, json};

/// What to do with one request.
#[derive(Clone, Debug)]
pub enum Act {
    /// A stream of these pieces, and its end.
    Stream(Vec<String>),
    /// A whole answer, whatever was asked for.
    Whole(String),
    /// These pieces of a stream, and then the connection is closed.
    Cut(Vec<String>),
    /// These pieces of a stream, and then nothing more comes.
    Stall(Vec<String>),
    /// Nothing at all.
    Mute,
    /// This status with this body.
    Status(u16, String),
    /// This body, as an answer that went well.
    Body(&'static str, String),
    /// A whole answer that repeats what the user's turn contains.
    Echo,
    /// The same as a stream of single characters.
    EchoStream,
    /// What this says to the request.
    By(Handler),
    /// A stream that says this and then calls these tools, each by name and with arguments, in pieces.
    Calls(&'static str, Vec<(&'static str, String)>),
}

type Answering = dyn Fn(&Received) -> (u16, Value) + Send + Sync;

/// Says status and body of the answer to a request.
#[derive(Clone)]
pub struct Handler(Arc<Answering>);

impl Handler {
    /// One that says what `answer` does.
    pub fn new(answer: impl Fn(&Received) -> (u16, Value) + Send + Sync + 'static) -> Handler {
        Handler(Arc::new(answer))
    }
}

impl std::fmt::Debug for Handler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Handler")
    }
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    /// Such as `POST`.
    pub method: String,
    /// Such as `/v1/chat/completions`.
    pub path: String,
    /// The value of the header `Authorization`.
    pub authorization: Option<String>,
    /// The body.
    pub body: Value,
}

/// The server. Ends when it is dropped.
#[derive(Debug)]
pub struct Scripted {
    address: SocketAddr,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct State {
    acts: Mutex<Vec<Act>>,
    received: Mutex<Vec<Received>>,
    /// Connections on which nothing more comes; kept open until the end.
    stalled: Mutex<Vec<TcpStream>>,
    ended: Mutex<bool>,
}

impl Scripted {
    /// Does `acts`, one for each request, and the last one for all that follow.
    pub fn start(acts: impl IntoIterator<Item = Act>) -> Scripted {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port of this machine");
        let address = listener.local_addr().expect("the port that was bound");
        let acts = Mutex::new(acts.into_iter().collect());
        let state =
            Arc::new(State { acts, received: Mutex::default(), stalled: Mutex::default(), ended: Mutex::new(false) });
        let thread = std::thread::spawn({
            let state = Arc::clone(&state);
            move || {
                for stream in listener.incoming() {
                    if *lock(&state.ended) {
                        return;
                    }
                    if let Ok(stream) = stream {
                        // A client that goes away in the middle of an answer is part of the play.
                        let _ = state.serve(stream);
                    }
                }
            }
        });
        Scripted { address, state, thread: Some(thread) }
    }

    /// The base address for `remote.url`.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Machine and port.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// What was sent so far.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.state.received).clone()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        *lock(&self.state.ended) = true;
        lock(&self.state.stalled).clear();
        // Wakes the thread, which then sees the end.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl State {
    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let mut words = line.split(' ').map(str::to_owned);
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let (mut length, mut authorization) = (0, None);
        loop {
            line.clear();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            match name.to_lowercase().as_str() {
                "content-length" => length = value.parse().unwrap_or(0),
                "authorization" => authorization = Some(value.to_owned()),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let said = body["messages"][1]["content"].as_str().unwrap_or_default().to_owned();
        let received = Received { method, path, authorization, body };
        lock(&self.received).push(received.clone());
        let act = {
            let mut acts = lock(&self.acts);
            if acts.len() > 1 { acts.remove(0) } else { acts.first().cloned().unwrap_or(Act::Whole(String::new())) }
        };
        self.act(act, &received, &said, reader.into_inner())
    }

    fn act(&self, act: Act, received: &Received, said: &str, mut out: TcpStream) -> std::io::Result<()> {
        match act {
            Act::Stream(pieces) => {
                head(&mut out, 200, "text/event-stream")?;
                events(&mut out, &pieces)?;
                end(&mut out)
            }
            Act::EchoStream => {
                head(&mut out, 200, "text/event-stream")?;
                events(&mut out, &said.chars().map(String::from).collect::<Vec<_>>())?;
                end(&mut out)
            }
            Act::Calls(said, calls) => {
                head(&mut out, 200, "text/event-stream")?;
                events(&mut out, &[said.to_owned()])?;
                call_events(&mut out, &calls)
            }
            Act::Cut(pieces) => {
                head(&mut out, 200, "text/event-stream")?;
                events(&mut out, &pieces)
            }
            Act::Stall(pieces) => {
                head(&mut out, 200, "text/event-stream")?;
                events(&mut out, &pieces)?;
                lock(&self.stalled).push(out);
                Ok(())
            }
            Act::Mute => {
                lock(&self.stalled).push(out);
                Ok(())
            }
            Act::By(Handler(answer)) => {
                let (status, body) = answer(received);
                head(&mut out, status, "application/json")?;
                out.write_all(body.to_string().as_bytes())
            }
            Act::Whole(text) => whole(&mut out, &text),
            Act::Echo => whole(&mut out, said),
            Act::Status(status, body) => {
                head(&mut out, status, "application/json")?;
                out.write_all(body.as_bytes())
            }
            Act::Body(kind, body) => {
                head(&mut out, 200, kind)?;
                out.write_all(body.as_bytes())
            }
        }
    }
}

fn head(out: &mut TcpStream, status: u16, kind: &str) -> std::io::Result<()> {
    write!(out, "HTTP/1.1 {status} Scripted\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n")
}

fn events(out: &mut TcpStream, pieces: &[String]) -> std::io::Result<()> {
    for piece in pieces {
        let chunk = json!({ "choices": [{ "delta": { "content": piece }, "text": piece, "finish_reason": null }] });
        write!(out, "data: {chunk}\n\n")?;
    }
    out.flush()
}

fn call_events(out: &mut TcpStream, calls: &[(&str, String)]) -> std::io::Result<()> {
    let mut event = |call: Value, finish: Value| {
        let chunk = json!({ "choices": [{ "delta": { "tool_calls": [call] }, "finish_reason": finish }] });
        write!(out, "data: {chunk}\n\n")
    };
    for (index, (name, arguments)) in calls.iter().enumerate() {
        let id = format!("id-{index}");
        event(json!({"index": index, "id": id, "function": {"name": name, "arguments": ""}}), Value::Null)?;
        for piece in arguments.chars().collect::<Vec<_>>().chunks(7) {
            let piece: String = piece.iter().collect();
            event(json!({"index": index, "function": {"arguments": piece}}), Value::Null)?;
        }
    }
    event(json!({"index": 0}), json!("tool_calls"))?;
    write!(out, "data: [DONE]\n\n")
}

fn end(out: &mut TcpStream) -> std::io::Result<()> {
    let last = json!({
        "choices": [{ "delta": {}, "text": "", "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 11, "completion_tokens": 7 },
    });
    write!(out, "data: {last}\n\ndata: [DONE]\n\n")
}

fn whole(out: &mut TcpStream, text: &str) -> std::io::Result<()> {
    head(out, 200, "application/json")?;
    let answer = json!({
        "choices": [{ "message": { "role": "assistant", "content": text }, "text": text, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 11, "completion_tokens": 7 },
    });
    out.write_all(answer.to_string().as_bytes())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

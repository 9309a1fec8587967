//! A language client over the server's standard input and output. It can also misbehave.
//!
//! It keeps count: every request must be answered exactly once, and the check is made when the client is closed.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Home;

/// How long the server may take for anything. Only a server that hangs ever reaches it.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a client says when it initialises.
#[derive(Clone, Debug)]
pub struct Options {
    /// The encodings that it offers.
    pub encodings: Vec<&'static str>,
    /// Whether it draws ghost text.
    pub inline_completion: bool,
    /// Whether it asks for lenses again when it is told to.
    pub lens_refresh: bool,
    /// The process that the server must not outlive; none when `None`.
    pub process_id: Option<u32>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            encodings: Vec::new(),
            inline_completion: true,
            lens_refresh: false,
            process_id: Some(std::process::id()),
        }
    }
}

/// The answer to a request.
pub type Reply = Result<Value, Value>;

/// A running server and the client's side of the conversation.
#[derive(Debug)]
pub struct Client {
    process: Child,
    input: Option<ChildStdin>,
    messages: Receiver<Value>,
    next_id: i64,
    waiting: HashSet<i64>,
    replies: HashMap<i64, Reply>,
    /// Messages of the server's own, in order: notifications and requests.
    pub heard: Vec<Value>,
    /// Errors that answer no request in particular.
    pub errors: Vec<Value>,
    /// What the server's own requests are answered with, by method; with `null` those that are not here.
    pub answers: HashMap<&'static str, Value>,
}

impl Client {
    /// Starts `halfline lsp` and does not speak yet.
    pub fn start(home: &Home) -> Client {
        let mut process = home
            .command()
            .arg("lsp")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary can be started");
        let output = process.stdout.take().expect("standard output is piped");
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            while let Some(message) = read_message(&mut output) {
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        Client {
            input: process.stdin.take(),
            process,
            messages,
            next_id: 1,
            waiting: HashSet::new(),
            replies: HashMap::new(),
            heard: Vec::new(),
            errors: Vec::new(),
            answers: HashMap::new(),
        }
    }

    /// Starts `halfline lsp` and initialises. Returns the capabilities too.
    pub fn initialize(home: &Home, options: &Options) -> (Client, Value) {
        let mut client = Client::start(home);
        let mut capabilities = json!({
            "general": {"positionEncodings": options.encodings},
            "window": {"workDoneProgress": true},
            "textDocument": {},
            "workspace": {"codeLens": {"refreshSupport": options.lens_refresh}},
        });
        if options.inline_completion {
            capabilities["textDocument"]["inlineCompletion"] = json!({});
        }
        let params = json!({
            "processId": options.process_id,
            "clientInfo": {"name": "test"},
            "workspaceFolders": [{"uri": uri(&home.workspace()), "name": "workspace"}],
            "capabilities": capabilities,
        });
        let result = client.call("initialize", params).expect("the server initialises");
        client.notify("initialized", json!({}));
        (client, result["capabilities"].clone())
    }

    /// Writes bytes as they are.
    pub fn write(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().expect("the input is open");
        input.write_all(bytes).and_then(|()| input.flush()).expect("the server reads");
    }

    /// Writes a message with its header.
    pub fn send(&mut self, message: &Value) {
        let body = message.to_string();
        self.write(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    }

    /// Sends a notification.
    pub fn notify(&mut self, method: &str, params: Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    /// Sends a request and returns its id.
    pub fn request(&mut self, method: &str, params: Value) -> i64 {
        let id = self.next_id;
        self.next_id += 1;
        self.waiting.insert(id);
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        id
    }

    /// Sends a request and waits for its answer.
    pub fn call(&mut self, method: &str, params: Value) -> Reply {
        let id = self.request(method, params);
        self.reply(id)
    }

    /// Waits for the answer to a request.
    pub fn reply(&mut self, id: i64) -> Reply {
        loop {
            if let Some(reply) = self.replies.remove(&id) {
                return reply;
            }
            self.wait(PATIENCE);
        }
    }

    /// Whether a request has been answered, as far as messages have been read.
    pub fn is_answered(&self, id: i64) -> bool {
        !self.waiting.contains(&id)
    }

    /// Waits until the server has said something for which `found` holds, and returns it. Looks at what was said before
    /// too.
    pub fn hear(&mut self, found: impl Fn(&Value) -> bool) -> Value {
        let mut looked_at = 0;
        loop {
            if let Some(message) = self.heard[looked_at..].iter().find(|message| found(message)) {
                return message.clone();
            }
            looked_at = self.heard.len();
            self.wait(PATIENCE);
        }
    }

    /// Waits until the status says that the model is there, or why it is not.
    pub fn wait_for_model(&mut self) -> Value {
        let decided =
            |message: &Value| message["method"] == "didChangeStatus" && message["params"]["busy"] == json!(false);
        self.hear(decided)["params"].clone()
    }

    /// Opens a document.
    pub fn open(&mut self, uri: &str, language: &str, text: &str) {
        let document = json!({"uri": uri, "languageId": language, "version": 1, "text": text});
        self.notify("textDocument/didOpen", json!({"textDocument": document}));
    }

    /// The text of a document as the server knows it.
    pub fn document_text(&mut self, uri: &str) -> Option<String> {
        let reply = self.call("halfline/documentText", json!({"textDocument": {"uri": uri}}));
        let value = reply.expect("the text of a document can be asked for");
        value["text"].as_str().map(str::to_owned)
    }

    /// Asks for inline completions and returns the request's id. `kind` is 1 when a person asks, 2 while typing.
    pub fn request_inline(&mut self, uri: &str, line: usize, character: usize, kind: u32) -> i64 {
        let position = json!({"line": line, "character": character});
        let params = json!({"textDocument": {"uri": uri}, "position": position, "context": {"triggerKind": kind}});
        self.request("textDocument/inlineCompletion", params)
    }

    /// The texts of the inline completions at a place that a person asks for.
    pub fn inline(&mut self, uri: &str, line: usize, character: usize) -> Vec<String> {
        let id = self.request_inline(uri, line, character, 1);
        let reply = self.reply(id).expect("inline completion never fails");
        let items = reply["items"].as_array().expect("a list of items");
        items.iter().map(|item| item["insertText"].as_str().expect("a text").to_owned()).collect()
    }

    /// Waits for the answers to everything asked.
    pub fn settle(&mut self) {
        while !self.waiting.is_empty() {
            self.wait(PATIENCE);
        }
    }

    /// Ends the session as a client should; the server must end with success, and must have answered everything.
    pub fn shut_down(mut self) {
        self.settle();
        let _ = self.call("shutdown", Value::Null);
        self.notify("exit", Value::Null);
        let status = self.wait_for_exit();
        assert!(status.success(), "the server ended with {status}");
    }

    /// Closes the server's input.
    pub fn close_input(&mut self) {
        self.input = None;
    }

    /// Waits for the server to end.
    pub fn wait_for_exit(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.process.try_wait().expect("the server's state can be asked for") {
                return status;
            }
            assert!(Instant::now() < deadline, "the server does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Takes in messages that have arrived, without waiting.
    pub fn poll(&mut self) {
        while let Ok(message) = self.messages.try_recv() {
            self.take_in(message);
        }
    }

    fn wait(&mut self, time: Duration) {
        match self.messages.recv_timeout(time) {
            Ok(message) => self.take_in(message),
            Err(RecvTimeoutError::Timeout) => panic!("the server is silent; unanswered: {:?}", self.waiting),
            Err(RecvTimeoutError::Disconnected) => panic!("the server is gone; unanswered: {:?}", self.waiting),
        }
    }

    fn take_in(&mut self, message: Value) {
        let id = message["id"].as_i64();
        match (id, message.get("method")) {
            (_, Some(method)) => {
                if let Some(id) = message.get("id") {
                    let answer = method.as_str().and_then(|method| self.answers.get(method)).unwrap_or(&Value::Null);
                    self.send(&json!({"jsonrpc": "2.0", "id": id, "result": answer}));
                }
                self.heard.push(message);
            }
            (Some(id), None) if self.waiting.remove(&id) => {
                let reply = match message.get("error") {
                    Some(error) => Err(error.clone()),
                    None => Ok(message["result"].clone()),
                };
                self.replies.insert(id, reply);
            }
            (None, None) if message["id"].is_null() => self.errors.push(message["error"].clone()),
            _ => panic!("an answer to nothing that was asked, or a second one: {message}"),
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // It has ended already where a test came to its end.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The URI of a path without characters that need escaping.
fn uri(path: &std::path::Path) -> String {
    let path = path.to_string_lossy().replace('\\', "/");
    if path.starts_with('/') { format!("file://{path}") } else { format!("file:///{path}") }
}

fn read_message(output: &mut impl BufRead) -> Option<Value> {
    let mut length = None;
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end().split_once(": ") {
            Some(("Content-Length", value)) => length = value.parse().ok(),
            None if line.trim_end().is_empty() => break,
            _ => panic!("the server wrote something that is no header: {line:?}"),
        }
    }
    let mut body = vec![0; length.expect("every message has a length")];
    output.read_exact(&mut body).ok()?;
    Some(serde_json::from_slice(&body).expect("the server writes JSON"))
}

//! The loop between the client's bytes and the handlers, and the order in which things happen.
//!
//! It stands in for `tower_lsp::Server`, which ends at the first message it cannot read, starts at most a fixed number of
//! handlers (so that a few slow ones hold up every edit), and runs them all on one thread. Here each message's handler is
//! polled once, in the order of arrival, before the next message is read: what a handler does before its first `await`
//! has happened before the next message counts. Edits are applied there, and requests take their snapshot there. What is
//! not finished by then runs on in a task of its own, as many as there are.

use std::future::poll_fn;
use std::io;
use std::panic::AssertUnwindSafe;
use std::task::Poll;

use futures_util::{FutureExt, SinkExt, StreamExt};
use serde_json::Value;
use tokio::io::{AsyncBufRead, AsyncWrite};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tower_lsp::jsonrpc::{Error, ErrorCode, Id, Request, Response};
use tower_lsp::{ClientSocket, LspService};
use tower_service::Service;

use super::capabilities;
use super::framing::{Frame, FrameReader, write_frame};
use super::message::{self, Message};
use super::server::Server;

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The client asked for `shutdown` and then sent `exit`.
    Clean,
    /// The client sent `exit` alone.
    WithoutShutdown,
    /// The client's stream ended, or its process.
    ClientGone,
}

/// Serves one client until it sends `exit`, its stream ends, or `until` resolves.
pub(super) async fn serve(
    reader: impl AsyncBufRead + Unpin,
    writer: impl AsyncWrite + Unpin + Send + 'static,
    mut service: LspService<Server>,
    socket: ClientSocket,
    until: impl Future<Output = ()>,
) -> io::Result<Ending> {
    let (requests, mut answers) = socket.split();
    let (outgoing, queue) = unbounded_channel();
    let writing = tokio::spawn(write_out(writer, requests, queue));
    let mut running = JoinSet::new();
    let mut frames = FrameReader::new(reader);
    let mut shut_down = false;
    tokio::pin!(until);

    let ending = loop {
        while running.try_join_next().is_some() {}
        let frame = tokio::select! {
            frame = frames.next() => frame?,
            () = &mut until => break Ending::ClientGone,
            () = outgoing.closed() => break Ending::ClientGone,
        };
        let body = match frame {
            None => break Ending::ClientGone,
            Some(Frame::Garbage(reason)) => {
                tracing::warn!("the client sent something that is no message: {reason}");
                let _ = outgoing.send(message::parse_error(reason));
                continue;
            }
            Some(Frame::Body(body)) => body,
        };
        let (message, used) = message::parse(&body);
        if used < body.len() {
            frames.give_back(&body[used..]);
        }
        match message {
            Message::Request(request) if request.method() == "exit" => {
                break if shut_down { Ending::Clean } else { Ending::WithoutShutdown };
            }
            Message::Request(request) => {
                shut_down |= request.method() == "shutdown";
                if poll_fn(|context| service.poll_ready(context)).await.is_err() {
                    break Ending::ClientGone;
                }
                start(&mut service, request, &outgoing, &mut running).await;
            }
            Message::Response(response) => {
                if answers.send(response).await.is_err() {
                    break Ending::ClientGone;
                }
            }
            Message::Invalid(responses) => {
                for response in responses {
                    let _ = outgoing.send(response);
                }
            }
        }
    };

    // Dropping the handlers drops their generations, which stops the engine's work for this client.
    running.shutdown().await;
    drop(outgoing);
    match writing.await {
        Ok(Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(ending),
    }
}

/// Polls the handler of `request` once, and leaves the rest of it to a task.
async fn start(
    service: &mut LspService<Server>,
    request: Request,
    outgoing: &UnboundedSender<Response>,
    running: &mut JoinSet<()>,
) {
    let is_initialize = request.method() == "initialize";
    if is_initialize {
        service.inner().introduce(request.params().unwrap_or(&Value::Null));
    }
    let (method, id, params) = request.into_parts();
    let request = build_request(Server::registered_name(&method).to_owned(), id.clone(), params);
    let mut handler = AssertUnwindSafe(service.call(request)).catch_unwind().map(move |result| match result {
        Ok(Ok(Some(response))) if is_initialize => Some(capabilities::complete_initialize(response)),
        // tower-lsp leaves unknown methods that begin with `$/` unanswered, which is right for notifications only.
        Ok(Ok(None)) => id.map(|id| Response::from_error(id, Error::method_not_found())),
        Ok(Ok(response)) => response,
        Ok(Err(_exited)) => None,
        Err(_panic) => {
            tracing::error!("the handler of {method} panicked");
            let message = format!("{method} failed inside the server; please report this with the server's log");
            id.map(|id| {
                let error = Error { code: ErrorCode::InternalError, message: message.into(), data: None };
                Response::from_error(id, error)
            })
        }
    });
    match poll_fn(|context| Poll::Ready(handler.poll_unpin(context))).await {
        Poll::Ready(Some(response)) => {
            let _ = outgoing.send(response);
        }
        Poll::Ready(None) => {}
        Poll::Pending => {
            let outgoing = outgoing.clone();
            running.spawn(async move {
                if let Some(response) = handler.await {
                    let _ = outgoing.send(response);
                }
            });
        }
    }
}

fn build_request(method: String, id: Option<Id>, params: Option<Value>) -> Request {
    let is_shutdown = method == "shutdown";
    let mut builder = Request::build(method);
    if let Some(id) = id {
        builder = builder.id(id);
    }
    // `shutdown` has no parameters, and tower-lsp refuses it with any; several clients send `null` or `{}`.
    if let Some(params) = params.filter(|params| !params.is_null() && !is_shutdown) {
        builder = builder.params(params);
    }
    builder.finish()
}

/// Writes responses and the server's own messages until the last sender of responses is gone.
async fn write_out(
    mut writer: impl AsyncWrite + Unpin,
    requests: impl StreamExt<Item = Request> + Unpin,
    mut responses: UnboundedReceiver<Response>,
) -> io::Result<()> {
    let mut requests = requests.fuse();
    loop {
        tokio::select! {
            Some(request) = requests.next() => write_json(&mut writer, &request).await?,
            response = responses.recv() => {
                let Some(response) = response else { return Ok(()) };
                // What a handler sent before it answered reaches the client before its answer.
                while let Some(Some(request)) = requests.next().now_or_never() {
                    write_json(&mut writer, &request).await?;
                }
                write_json(&mut writer, &response).await?;
            }
        }
    }
}

async fn write_json(writer: &mut (impl AsyncWrite + Unpin), message: &impl serde::Serialize) -> io::Result<()> {
    write_frame(writer, &serde_json::to_vec(message)?).await
}

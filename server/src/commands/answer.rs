//! What every command that asks the model has in common: the answer is streamed, and returned whole in the end.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use halfline_context::Workspace;
use halfline_inference::Engine;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;
use tower_lsp::jsonrpc::{Error, ErrorCode, Result};
use tower_lsp::lsp_types::NumberOrString;

use crate::allowed::Allowed;
use crate::assistant::{self, Answer, Assistant, Earlier, Limits, Question, Update};
use crate::config;
use crate::lsp::Server;
use crate::lsp::documents::Documents;
use crate::lsp::session::Session;
use crate::lsp::types::{PartialResult, PartialResultParams};

/// LSP's `RequestFailed`: the request was valid, and could not be served.
const REQUEST_FAILED: ErrorCode = ErrorCode::ServerError(-32803);

/// Answers `question`, which is about the document at `path`; checkers run if `may_check` and the settings allow it. Each
/// update goes to `token` as `$/progress`. `in_detail` asks for a long answer.
pub(super) async fn stream(
    server: &Server,
    question: Question,
    path: Option<&Path>,
    may_check: bool,
    in_detail: bool,
    token: Option<NumberOrString>,
) -> Result<Value> {
    let assistant = assistant(server, path, may_check, token.as_ref()).await?;
    let assistant = if in_detail { assistant.in_detail() } else { assistant };
    to_value(&follow_up(server, assistant, Earlier::default(), question, token.as_ref()).await?)
}

/// Answers `question`, which goes on from what was said `earlier`.
pub(super) async fn follow_up(
    server: &Server,
    assistant: Assistant,
    earlier: Earlier,
    question: Question,
    token: Option<&NumberOrString>,
) -> Result<Answer> {
    let answer = forward(server, token, |mut sink| async move {
        assistant::follow_up(&assistant, earlier, question, &mut *sink).await.map_err(|error| error.to_string())
    });
    answer.await
}

/// An assistant for questions about the document at `path`, once the model is there.
pub(super) async fn assistant(
    server: &Server,
    path: Option<&Path>,
    may_check: bool,
    token: Option<&NumberOrString>,
) -> Result<Assistant> {
    let session = server.session()?;
    if session.engine.ready().is_none() {
        let text = "waiting for the model to load".to_owned();
        send(server, token, &Update::Status { text }).await;
    }
    let engine = session.engine.engine().await.map_err(failed)?;
    // Nobody waits for what is read ahead any more.
    server.idle.stop();
    Ok(assistant_of(session, &server.documents, engine, path, may_check))
}

/// The same with an engine that is there.
pub(super) fn assistant_of(
    session: &Session,
    documents: &Arc<Documents>,
    engine: Engine,
    path: Option<&Path>,
    may_check: bool,
) -> Assistant {
    let limits = Limits {
        evidence_tokens: session.config.assistant.prompt_tokens,
        quick: Duration::from_millis(session.config.assistant.quick_ms),
        deep: Duration::from_millis(session.config.assistant.deep_ms),
        answer_tokens: session.config.assistant.max_tokens,
        history_tokens: session.config.assistant.history_tokens,
        may_run_checks: may_check && session.config.assistant.may_run_checks,
        checkers: session.config.assistant.checkers.clone(),
        tools: (&session.config.assistant).into(),
        ..Limits::default()
    };
    let workspace = session.workspace.clone().unwrap_or_else(|| workspace_around(path));
    let documents = documents.clone();
    let open = Arc::new(move |path: &Path| documents.by_path(path));
    let assistant = Assistant::new(engine, workspace, open).with_limits(limits);
    let settings = session.config.assistant.clone();
    let may_check = Arc::new(move |path: &Path| Allowed::of_user().has_checker_of(path, &settings));
    let assistant = assistant.with_router(session.router.clone()).with_checks(may_check);
    assistant.with_recent(session.recent.clone()).with_read_ahead(session.read_ahead.clone())
}

/// What work tells of its steps through.
pub(super) type Sink = Box<dyn FnMut(Update) + Send>;

/// Runs `work`, and sends each update that it tells of to `token` before its result is returned.
pub(super) async fn forward<T, F: Future<Output = std::result::Result<T, String>> + Send>(
    server: &Server,
    token: Option<&NumberOrString>,
    work: impl FnOnce(Sink) -> F,
) -> Result<T> {
    let _busy = server.activity.begin();
    let (sender, mut updates) = unbounded_channel();
    // The sender is moved into the work, so that the channel ends with it.
    let working = work(Box::new(move |update| {
        // The other end is read until this one is dropped.
        let _ = sender.send(update);
    }));
    let forwarding = async {
        while let Some(update) = updates.recv().await {
            send(server, token, &update).await;
        }
    };
    let (result, ()) = tokio::join!(working, forwarding);
    result.map_err(failed)
}

pub(super) async fn send(server: &Server, token: Option<&NumberOrString>, update: &Update) {
    if let Some(token) = token {
        let params = PartialResultParams { token: token.clone(), value: json!(update) };
        server.client.send_notification::<PartialResult>(params).await;
    }
}

/// A result as the protocol carries it.
pub(super) fn to_value(result: &impl Serialize) -> Result<Value> {
    serde_json::to_value(result).map_err(|error| failed(error.to_string()))
}

/// The request was valid, and this is why it could not be served.
pub(super) fn failed(message: String) -> Error {
    Error { code: REQUEST_FAILED, message: message.into(), data: None }
}

/// The workspace of a file that the client opened without a folder. A file that lies in no project has none: what else is
/// in its directory may be anything, and is not read.
fn workspace_around(path: Option<&Path>) -> Arc<Workspace> {
    let root = path.filter(|path| path.is_absolute()).and_then(config::project_root);
    Arc::new(Workspace::new(root.unwrap_or_default()))
}

//! `halfline.fix`: a change that makes the checker accept a file, proved in a scratch copy. One argument: `{"uri",
//! "position"?, "diagnostics"?, "apply"?}`, of the diagnostics the first being what is meant: its source says which checker runs. Answers what `halfline fix --json` prints, and with it `"edit"`, the change as a WorkspaceEdit,
//! and `"text"`, what is to be said of it. With `apply` the user is asked whether the editor should make the change, and
//! `"applied"` says whether it did. Nothing is written here.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use halfline_context::{Snapshot, workspace};
use serde::Deserialize;
use serde_json::{Value, json};
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::lsp_types::{Diagnostic, MessageActionItem, MessageType, NumberOrString, Position, Url, WorkspaceEdit};

use super::{answer, permission, project_of};
use crate::assistant::Toolbox;
use crate::assistant::fix::{self, Author, Extent, Fix, FixLimits, Task, Texts, checks_for};
use crate::lsp::{Server, convert};

#[derive(Deserialize)]
pub(super) struct Argument {
    uri: Url,
    position: Option<Position>,
    #[serde(default)]
    diagnostics: Vec<Diagnostic>,
    #[serde(default)]
    apply: bool,
}

/// What the user answers.
const APPLY: &str = "Apply";
const LEAVE: &str = "Leave it";

pub(super) async fn run(server: &Server, argument: Argument, token: Option<NumberOrString>) -> Result<Value> {
    let path = convert::to_path(&argument.uri)
        .and_then(|path| path.canonicalize().ok())
        .ok_or_else(|| Error::invalid_params(format!("{} is no file on disk; save it first", argument.uri)))?;
    let (root, is_tree) = match project_of(server, &path)? {
        Some(root) => (root, true),
        None => (path.parent().unwrap_or(Path::new("/")).to_owned(), false),
    };
    let below = path.strip_prefix(&root).unwrap_or(&path).to_owned();
    let text = match server.documents.snapshot(&argument.uri) {
        Some(snapshot) => snapshot.rope().to_string(),
        None => workspace::read_text(&path).map_err(|error| answer::failed(format!("{}: {error}", path.display())))?,
    };
    let meant = argument.diagnostics.into_iter().next();
    let source = meant.as_ref().and_then(|diagnostic| diagnostic.source.as_deref());
    let configured = &server.session()?.config.assistant.checkers;
    let mut checks = checks_for(&root, &below, &text, source, configured).into_iter();
    let check = checks.next().ok_or_else(|| answer::failed(format!("no checker is known for {}", below.display())))?;
    let extent = if is_tree { Extent::Tree } else { Extent::Files(fix::files_of(&root, &below)) };
    let position = argument.position.or(meant.as_ref().map(|diagnostic| diagnostic.range.start));
    let line = position.map(|position| position.line as usize);
    let message = meant.map(|diagnostic| diagnostic.message);
    let open = open_files(server, &root);
    let task = Task { root, extent, check, further: checks.collect(), path: Some(below), line, message, open };
    find(server, task, argument.apply, token).await
}

/// Looks for a fix for `task`, if the user lets its check run. With `apply` the user is asked about the change, too.
pub(super) async fn find(server: &Server, task: Task, apply: bool, token: Option<NumberOrString>) -> Result<Value> {
    permission::ask(server, &task.root, &task.command(), permission::Place::Copy).await?;
    let (root, limits, author) = (task.root.clone(), limits(server)?, author(server)?);
    let fix = answer::forward(server, token.as_ref(), |mut sink| async move {
        fix::fix(task, Some(author), &limits, &mut *sink).await.map_err(|error| error.in_words())
    });
    finish(server, &root, &fix.await?, apply).await
}

/// What making a change may take, by the settings.
pub(super) fn limits(server: &Server) -> Result<FixLimits> {
    let (settings, defaults) = (&server.session()?.config.assistant, FixLimits::default());
    Ok(FixLimits {
        prompt_tokens: settings.prompt_tokens.max(defaults.prompt_tokens),
        answer_tokens: settings.max_tokens.max(defaults.answer_tokens),
        ..defaults
    })
}

/// Who writes it.
pub(super) fn author(server: &Server) -> Result<Author> {
    let session = server.session()?;
    let tools = session.workspace.clone().map(|workspace| {
        let documents = server.documents.clone();
        let open = Arc::new(move |path: &Path| documents.by_path(path));
        Toolbox::for_changes(workspace, open, (&session.config.assistant).into())
    });
    Ok(Author { host: session.engine.clone(), router: session.router.clone(), tools, recent: session.recent.clone() })
}

/// The answer for a change to files below `root`. With `apply` the user is asked whether the editor should make it.
pub(super) async fn finish(server: &Server, root: &Path, fix: &Fix, apply: bool) -> Result<Value> {
    let edit = convert::workspace_edit(root, &fix.before, &fix.after, server.session()?.client.encoding);
    let said = fix.in_words();
    let mut value = answer::to_value(fix)?;
    value["edit"] = answer::to_value(&edit)?;
    value["text"] = json!(said);
    if apply && !fix.diff.is_empty() {
        value["applied"] = json!(offer(server, root, fix, edit, &said).await?);
    }
    Ok(value)
}

/// Asks the user whether the editor should make the change, and lets it. Whether it did.
async fn offer(server: &Server, root: &Path, fix: &Fix, edit: WorkspaceEdit, said: &str) -> Result<bool> {
    let item = |title: &str| MessageActionItem { title: title.to_owned(), properties: Default::default() };
    let items = Some([APPLY, LEAVE].map(item).to_vec());
    let question = format!("Halfline: {said} Apply this change?");
    let choice = server.client.show_message_request(MessageType::INFO, question, items).await;
    if choice.ok().flatten().is_none_or(|item| item.title != APPLY) {
        return Ok(false);
    }
    let is_as_before = |path: &PathBuf| {
        let open = open_files(server, root).remove(path);
        open.or_else(|| workspace::read_text(&root.join(path)).ok()).as_ref() == fix.before.get(path)
    };
    if !fix.after.keys().all(is_as_before) {
        return Err(answer::failed("the code has changed meanwhile; ask for a fix again".to_owned()));
    }
    Ok(server.client.apply_edit(edit).await.is_ok_and(|response| response.applied))
}

/// What the client has open below `root`, as it is there.
pub(super) fn open_files(server: &Server, root: &Path) -> Texts {
    let open = server.documents.files().into_iter();
    let below = |(path, snapshot): (PathBuf, Snapshot)| {
        let path = path.canonicalize().ok()?.strip_prefix(root).ok()?.to_owned();
        Some((path, snapshot.rope().to_string()))
    };
    open.filter_map(below).collect()
}

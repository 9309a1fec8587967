//! `halfline.chat.send`: say something in a conversation. One argument: `{"id"?, "message", "uri"?, "range"?}`, a range of the
//! document `uri` that the message is about; without an id a conversation begins. The message points at more with
//! `@path[:line[-line]]`, `#symbol` and !`command`. Answers what `halfline.ask` does, with the `"chat"` and its `"history"`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::lsp_types::{NumberOrString, Range};

use super::folder::{self, Place};
use super::{answer, chat, fix, permission};
use crate::assistant::chat::{References, resolve, send};
use crate::assistant::fix::output_of;
use crate::assistant::{About, FileRange, Update};
use crate::lsp::{Server, convert};

/// How long a command that a message names may run.
const COMMAND_TIME: Duration = Duration::from_secs(120);

#[derive(Deserialize)]
pub(super) struct Argument {
    id: Option<String>,
    message: String,
    range: Option<Range>,
    #[serde(flatten)]
    place: Place,
}

pub(super) async fn run(server: &Server, argument: Argument, token: Option<NumberOrString>) -> Result<Value> {
    if argument.message.trim().is_empty() {
        return Err(Error::invalid_params("the message is empty"));
    }
    let root = folder::root(server, &argument.place)?;
    let store = chat::store(server, &argument.place)?;
    let References { mut files, symbols, commands } = references(server, &argument.message, &root)?;
    let chat = match &argument.id {
        Some(id) => store.load(id).map_err(|error| answer::failed(error.to_string()))?,
        None => store.begin(),
    };
    let path = argument.place.uri.as_ref().map(convert::to_document_path);
    if let (Some(path), Some(range)) = (&path, argument.range) {
        files.insert(0, FileRange { path: path.clone(), lines: Some(convert::lines(range)) });
    }
    let mut about = About { files, symbols, outputs: Vec::new() };
    let root_of_commands = root.clone();
    for command in &commands {
        permission::ask(server, &root, &format!("sh -c \"{command}\""), permission::Place::Copy).await?;
        let (root, open) = (root.clone(), fix::open_files(server, &root));
        let output = answer::forward(server, token.as_ref(), |mut sink| async move {
            sink(Update::Status { text: format!("running {command}") });
            output_of(&root, open, command, COMMAND_TIME).await.map_err(|error| error.to_string())
        });
        let output = output.await?;
        let words = ["sh", "-c", command].map(str::to_owned);
        server.session()?.failures.record(&words, &root_of_commands, &output);
        server.refresh_lenses();
        about.outputs.push(output);
    }

    let assistant = answer::assistant(server, path.as_deref(), false, token.as_ref()).await?;
    let sent = answer::forward(server, token.as_ref(), |mut sink| async move {
        send(&assistant, &store, chat, argument.message, about, &mut *sink).await.map_err(|error| error.to_string())
    });
    answer::to_value(&sent.await?)
}

/// What a message points at, among the open documents and the files below `root`.
fn references(server: &Server, message: &str, root: &Path) -> Result<References> {
    let workspace = server.session()?.workspace.clone();
    let find_file = |path: &Path| -> Option<PathBuf> {
        let whole = root.join(path);
        (whole.is_file() || server.documents.by_path(&whole).is_some()).then_some(whole)
    };
    let is_symbol = |name: &str| workspace.as_ref().is_some_and(|workspace| !workspace.find(name).is_empty());
    resolve(message, &find_file, &is_symbol).map_err(answer::failed)
}

//! `halfline.explain`: what is wrong at a place, and how to mend it. One argument: `{"uri", "position", "diagnostics"?}`,
//! the diagnostics being those of LSP that the editor shows there. Without any a checker is run, where the settings allow
//! that.

use serde::Deserialize;
use serde_json::Value;
use tower_lsp::jsonrpc::Result;
use tower_lsp::lsp_types::{self, NumberOrString, Position, Url};

use super::answer;
use crate::assistant::Question;
use crate::lsp::{Server, convert};

#[derive(Deserialize)]
pub(super) struct Argument {
    uri: Url,
    position: Position,
    #[serde(default)]
    diagnostics: Vec<lsp_types::Diagnostic>,
}

pub(super) async fn run(server: &Server, argument: Argument, token: Option<NumberOrString>) -> Result<Value> {
    let encoding = server.session()?.client.encoding;
    let path = convert::to_document_path(&argument.uri);
    let snapshot = server.documents.snapshot(&argument.uri);
    let diagnostics = argument
        .diagnostics
        .into_iter()
        .map(|diagnostic| convert::diagnostic(diagnostic, &path, snapshot.as_ref(), encoding))
        .collect();
    let question = Question::Explain { path: path.clone(), line: argument.position.line as usize, diagnostics };
    answer::stream(server, question, Some(&path), token).await
}

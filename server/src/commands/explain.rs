//! `halfline.explain`: what is wrong at a place, and how to mend it. One argument: `{"uri", "position"?, "range"?,
//! "diagnostics"?, "detail"?}`, the diagnostics being those of LSP that the editor shows there. Without any, a range is explained as
//! code; at a position a checker is run, where the settings and the user allow that.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::lsp_types::{self, NumberOrString, Position, Range, Url};

use super::permission::{self, Place};
use super::{answer, project_of};
use crate::assistant::{Question, checker_of};
use crate::lsp::{Server, convert};

#[derive(Deserialize)]
pub(super) struct Argument {
    uri: Url,
    position: Option<Position>,
    range: Option<Range>,
    #[serde(default)]
    diagnostics: Vec<lsp_types::Diagnostic>,
    /// Whether the answer is to be a long one.
    #[serde(default)]
    detail: bool,
}

/// The question about `diagnostics` of the document `uri` at `position`.
pub(super) fn question(
    server: &Server,
    uri: &Url,
    position: Position,
    diagnostics: Vec<lsp_types::Diagnostic>,
) -> Result<Question> {
    let encoding = server.session()?.client.encoding;
    let path = convert::to_document_path(uri);
    let snapshot = server.documents.snapshot(uri);
    let to_ours = |diagnostic| convert::diagnostic(diagnostic, &path, snapshot.as_ref(), encoding);
    let diagnostics = diagnostics.into_iter().map(to_ours).collect();
    Ok(Question::Explain { path, line: position.line as usize, diagnostics })
}

pub(super) async fn run(server: &Server, argument: Argument, token: Option<NumberOrString>) -> Result<Value> {
    let path = convert::to_document_path(&argument.uri);
    let Some(position) = argument.position.or(argument.range.map(|range| range.start)) else {
        return Err(Error::invalid_params("the argument of halfline.explain: a position or a range is missing"));
    };
    let has_diagnostics = !argument.diagnostics.is_empty();
    if let (Some(range), false) = (argument.range, has_diagnostics) {
        let question = Question::ExplainSelection { path: path.clone(), lines: convert::lines(range) };
        return answer::stream(server, question, Some(&path), false, argument.detail, token).await;
    }
    // With diagnostics no checker runs; only the compiler's own words on their codes are looked up, outside of the workspace.
    let may_check = has_diagnostics || may_check(server, &path).await?;
    let in_detail = argument.detail;
    let question = question(server, &argument.uri, position, argument.diagnostics)?;
    answer::stream(server, question, Some(&path), may_check, in_detail, token).await
}

/// Whether the checker of the file at `path` may run: the first time in a workspace the user says. A no is no error: then the
/// code is explained as it stands.
async fn may_check(server: &Server, path: &Path) -> Result<bool> {
    let settings = &server.session()?.config.assistant;
    let checker = checker_of(path, &settings.checkers);
    let Some(checker) = checker.filter(|_| settings.may_run_checks && path.is_file()) else { return Ok(false) };
    let root = project_of(server, path)?.unwrap_or_else(|| path.parent().unwrap_or(Path::new("/")).to_owned());
    Ok(permission::ask(server, &root, &checker, Place::Workspace).await.is_ok())
}

//! `halfline.ask`: a question about the code. One argument: `{"question", "uri"?, "range"?, "failure"?,
//! "detail"?}`, a range of LSP in the document `uri` that the question is about, the name of a test that failed in a `halfline.run`, and
//! whether the answer is to be a long one.

use serde::Deserialize;
use serde_json::Value;
use tower_lsp::jsonrpc::Result;
use tower_lsp::lsp_types::{NumberOrString, Range, Url};

use super::answer;
use crate::assistant::{About, FileRange, Question};
use crate::lsp::{Server, convert};

#[derive(Deserialize)]
pub(super) struct Argument {
    question: String,
    uri: Option<Url>,
    range: Option<Range>,
    failure: Option<String>,
    #[serde(default)]
    detail: bool,
}

pub(super) async fn run(server: &Server, argument: Argument, token: Option<NumberOrString>) -> Result<Value> {
    let path = argument.uri.as_ref().map(convert::to_document_path);
    let files = path.iter().map(|path| FileRange { path: path.clone(), lines: argument.range.map(convert::lines) });
    let session = server.session()?;
    let outputs = argument.failure.iter().filter_map(|name| session.failures.output_of(name)).collect();
    let about = About { files: files.collect(), outputs, ..About::default() };
    let question = Question::Ask { question: argument.question, about };
    answer::stream(server, question, path.as_deref(), true, argument.detail, token).await
}

//! `halfline.why`: what a completion or an answer rests on. One argument: `{"id"?, "kind"?: "completion" | "answer"}`, the id
//! being what the completion's item or the answer carries; without one, the last of that kind, or of any.
//!
//! Answers `{"id", "kind", "prompt", "sources": [{"path", "lines", "why"}], "text", "citations", "model", "route", "tokens",
//! "timings_ms", "stopped"}`.

use serde::Deserialize;
use serde_json::Value;
use tower_lsp::jsonrpc::Result;

use super::answer;
use crate::lsp::Server;
use crate::recent::Kind;

#[derive(Deserialize)]
pub(super) struct Argument {
    id: Option<String>,
    kind: Option<Kind>,
}

pub(super) fn run(server: &Server, argument: &Argument) -> Result<Value> {
    let recent = &server.session()?.recent;
    let found = match &argument.id {
        Some(id) => recent.find(id).ok_or_else(|| format!("{id} is not known any more: only the last ones are kept")),
        None => recent.last(argument.kind).ok_or_else(|| "no model was asked yet".to_owned()),
    };
    answer::to_value(&found.map_err(answer::failed)?)
}

//! `halfline.chat.delete`: delete a conversation. One argument: `{"id", "uri"?}`. Answers `{"deleted": id}`.

use serde_json::{Value, json};
use tower_lsp::jsonrpc::Result;

use super::{answer, chat};
use crate::lsp::Server;

pub(super) fn run(server: &Server, argument: &chat::Named) -> Result<Value> {
    let deleted = chat::store(server, &argument.place)?.delete(&argument.id);
    deleted.map_err(|error| answer::failed(error.to_string()))?;
    Ok(json!({"deleted": argument.id}))
}

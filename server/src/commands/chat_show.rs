//! `halfline.chat.show`: what was said in a conversation. One argument: `{"id", "uri"?}`. Answers it with its `"turns"`.

use serde_json::Value;
use tower_lsp::jsonrpc::Result;

use super::{answer, chat};
use crate::lsp::Server;

pub(super) fn run(server: &Server, argument: &chat::Named) -> Result<Value> {
    let chat = chat::store(server, &argument.place)?.load(&argument.id);
    answer::to_value(&chat.map_err(|error| answer::failed(error.to_string()))?)
}

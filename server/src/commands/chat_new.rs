//! `halfline.chat.new`: begin a conversation. One argument: `{"uri"?}`. Answers `{"id", "title", "updated_ms", "turns"}`.

use serde_json::Value;
use tower_lsp::jsonrpc::Result;

use super::folder::Place;
use super::{answer, chat};
use crate::lsp::Server;

pub(super) fn run(server: &Server, place: &Place) -> Result<Value> {
    let chat = chat::store(server, place)?.create();
    answer::to_value(&chat.map_err(|error| answer::failed(error.to_string()))?.summary())
}

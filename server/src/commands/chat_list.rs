//! `halfline.chat.list`: the conversations of the workspace. One argument: `{"uri"?}`. Answers `{"chats": [{"id", "title",
//! "updated_ms", "turns"}], "damaged": [{"path", "reason"}]}`, the last one first.

use serde_json::Value;
use tower_lsp::jsonrpc::Result;

use super::folder::Place;
use super::{answer, chat};
use crate::lsp::Server;

pub(super) fn run(server: &Server, place: &Place) -> Result<Value> {
    let listing = chat::store(server, place)?.list();
    answer::to_value(&listing.map_err(|error| answer::failed(error.to_string()))?)
}

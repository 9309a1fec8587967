//! What the commands about conversations share: where those of a workspace are kept.

use serde::Deserialize;
use tower_lsp::jsonrpc::Result;

use super::answer;
use super::folder::{self, Place};
use crate::assistant::chat::Store;
use crate::lsp::Server;

/// The argument of a command about one conversation: `{"id", "uri"?}`.
#[derive(Deserialize)]
pub(super) struct Named {
    pub(super) id: String,
    #[serde(flatten)]
    pub(super) place: Place,
}

/// The conversations of the workspace that is meant.
pub(super) fn store(server: &Server, place: &Place) -> Result<Store> {
    Store::of_workspace(&folder::root(server, place)?).map_err(|error| answer::failed(error.to_string()))
}

//! `halfline.review`: what is wrong with what has changed. One argument: `{"uri"?, "staged"?}`, a document of the repository,
//! and whether only what is staged is meant. Answers what `halfline.ask` does. git is asked for the changes; nothing of the
//! repository's own is run.

use serde::Deserialize;
use serde_json::Value;
use tower_lsp::jsonrpc::Result;
use tower_lsp::lsp_types::NumberOrString;

use super::answer;
use super::folder::{self, Place};
use crate::assistant::changes::{Which, of_git, review};
use crate::lsp::Server;

#[derive(Deserialize)]
pub(super) struct Argument {
    #[serde(default)]
    staged: bool,
    #[serde(flatten)]
    place: Place,
}

pub(super) async fn run(server: &Server, argument: Argument, token: Option<NumberOrString>) -> Result<Value> {
    let root = folder::root(server, &argument.place)?;
    let which = if argument.staged { Which::Staged } else { Which::Uncommitted };
    let changes = of_git(&root, which).await.map_err(answer::failed)?;
    let assistant = answer::assistant(server, None, false, token.as_ref()).await?;
    let answer = answer::forward(server, token.as_ref(), |mut sink| async move {
        review(&assistant, changes, &mut *sink).await.map_err(|error| error.to_string())
    });
    answer::to_value(&answer.await?)
}

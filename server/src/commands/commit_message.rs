//! `halfline.commitMessage`: a message for what is staged. One argument: `{"uri"?}`, a document of the repository. Answers what
//! `halfline.ask` does, with the `"message"`. Nothing is committed.

use serde_json::{Value, json};
use tower_lsp::jsonrpc::Result;
use tower_lsp::lsp_types::NumberOrString;

use super::answer;
use super::folder::{self, Place};
use crate::assistant::changes::{Which, commit_message, of_git, subjects};
use crate::assistant::{Earlier, Question};
use crate::lsp::Server;

pub(super) async fn run(server: &Server, place: Place, token: Option<NumberOrString>) -> Result<Value> {
    let root = folder::root(server, &place)?;
    let changes = of_git(&root, Which::Staged).await.map_err(answer::failed)?;
    let question = Question::CommitMessage { changes, subjects: subjects(&root).await };
    let assistant = answer::assistant(server, None, false, token.as_ref()).await?;
    let answer = answer::follow_up(server, assistant, Earlier::default(), question, token.as_ref()).await?;
    let mut value = answer::to_value(&answer)?;
    value["message"] = json!(commit_message(&answer.text));
    Ok(value)
}

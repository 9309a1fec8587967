//! `halfline.test`: unit tests for a function, proved by running them on a copy, once the user lets them. One argument: `{"uri",
//! "position", "apply"?}`. Answers what `halfline.fix` does.

use serde_json::Value;
use tower_lsp::jsonrpc::Result;
use tower_lsp::lsp_types::NumberOrString;

use super::{answer, fix, permission, write};
use crate::assistant::Update;
use crate::assistant::fix::{test_command, unit_tests};
use crate::lsp::Server;

pub(super) async fn run(server: &Server, argument: write::Argument, token: Option<NumberOrString>) -> Result<Value> {
    let order = write::order(server, &argument)?;
    let command = test_command(&order).map_err(|error| answer::failed(error.to_string()))?;
    permission::ask(server, &order.root, &command, permission::Place::Copy).await?;
    let (root, limits, author) = (order.root.clone(), fix::limits(server)?, fix::author(server)?);
    let tests = answer::forward(server, token.as_ref(), |mut sink| async move {
        let tests = unit_tests(&order, author, &limits, &mut *sink).await.map_err(|error| error.to_string())?;
        sink(Update::Patch { diff: tests.diff.clone(), verdict: tests.verdict });
        sink(Update::Text { text: tests.in_words() });
        Ok(tests)
    });
    fix::finish(server, &root, &tests.await?, argument.apply).await
}

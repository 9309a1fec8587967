//! `halfline.doc`: documentation for a definition, which leaves its code as it is. One argument: `{"uri", "position",
//! "apply"?}`. Answers what `halfline.fix` does. Nothing is run.

use serde_json::Value;
use tower_lsp::jsonrpc::Result;
use tower_lsp::lsp_types::NumberOrString;

use super::{answer, fix, write};
use crate::assistant::Update;
use crate::assistant::fix::documentation;
use crate::lsp::Server;

pub(super) async fn run(server: &Server, argument: write::Argument, token: Option<NumberOrString>) -> Result<Value> {
    let order = write::order(server, &argument)?;
    let (root, limits, author) = (order.root.clone(), fix::limits(server)?, fix::author(server)?);
    let change = answer::forward(server, token.as_ref(), |mut sink| async move {
        let change = documentation(&order, author, &limits, &mut *sink).await.map_err(|error| error.to_string())?;
        sink(Update::Patch { diff: change.diff.clone(), verdict: change.verdict });
        sink(Update::Text { text: change.in_words() });
        Ok(change)
    });
    fix::finish(server, &root, &change.await?, argument.apply).await
}

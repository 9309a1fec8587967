//! `textDocument/inlineCompletion`: ghost text.

use tower_lsp::jsonrpc::Result;
use tower_lsp::lsp_types::Range;

use crate::completion::{CompletionOutcome, Query, Selected, Trigger};
use crate::engine_host::EngineState;
use crate::lsp::session::Session;
use crate::lsp::types::{InlineCompletionItem, InlineCompletionList, InlineCompletionParams};
use crate::lsp::{Server, convert};

/// Answers with what to show. Empty while there is no model (the status says why), when a newer request has come for the
/// same document, and when the document has changed meanwhile.
pub async fn handle(server: &Server, params: InlineCompletionParams) -> Result<InlineCompletionList> {
    let session = server.session()?;
    let uri = &params.position.text_document.uri;
    let mut claim = server.latest.claim(uri);
    let Some(snapshot) = server.documents.snapshot(uri) else { return Ok(InlineCompletionList::default()) };
    let EngineState::Ready(engine) = session.engine.subscribe().borrow().clone() else {
        return Ok(InlineCompletionList::default());
    };

    let encoding = session.client.encoding;
    let offset = convert::to_char(&snapshot, params.position.position, encoding);
    let mut query = Query::new(snapshot.clone(), offset);
    query.trigger = if params.context.is_invoked() { Trigger::Invoked } else { Trigger::Automatic };
    query.selected = params.context.selected_completion_info.map(|info| Selected {
        start: convert::to_char(&snapshot, info.range.start, encoding),
        end: convert::to_char(&snapshot, info.range.end, encoding),
        text: info.text,
    });
    query.attention = server.documents.attention(uri);
    // Until here the order of messages holds; what follows takes milliseconds, in which the next message can be read.
    tokio::task::yield_now().await;
    let outcome = tokio::select! {
        biased;
        () = claim.superseded() => return Ok(InlineCompletionList::default()),
        outcome = session.completer.complete(&engine, query, || server.activity.begin()) => outcome,
    };
    let is_stale = server.documents.snapshot(uri).is_none_or(|now| now.rope() != snapshot.rope());
    match outcome {
        Ok(outcome) if !is_stale => Ok(InlineCompletionList { items: items(session, &snapshot, outcome) }),
        Ok(_) => Ok(InlineCompletionList::default()),
        Err(error) => {
            // Ghost text that fails must not open a dialog at every key.
            tracing::error!(%uri, "no completion: {error}");
            Ok(InlineCompletionList::default())
        }
    }
}

fn items(
    session: &Session,
    snapshot: &halfline_context::Snapshot,
    outcome: CompletionOutcome,
) -> Vec<InlineCompletionItem> {
    let to_client = |at| convert::scalar_to_client(snapshot, at, session.client.encoding);
    let id = outcome.id;
    outcome
        .items
        .into_iter()
        .map(|item| InlineCompletionItem {
            insert_text: item.text,
            range: Range::new(to_client(item.range.start), to_client(item.range.end)),
            id: id.clone(),
        })
        .collect()
}

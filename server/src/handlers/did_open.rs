//! `textDocument/didOpen`.

use std::path::Path;

use tower_lsp::lsp_types::DidOpenTextDocumentParams;

use crate::lsp::Server;

/// Starts keeping the document.
pub fn handle(server: &Server, params: DidOpenTextDocumentParams) {
    let document = params.text_document;
    server.documents.open(document.uri.clone(), &document.language_id, document.version, &document.text);
    // An editor that comes back opens what was never saved. That a text of the same length is another one shows with the
    // first edit.
    let Some(snapshot) = server.documents.snapshot(&document.uri) else { return };
    // Whoever asks something of it first need not wait for that.
    tokio::task::spawn_blocking({
        let snapshot = snapshot.clone();
        move || {
            snapshot.definitions();
        }
    });
    let is_saved = |path: &Path| path.metadata().is_ok_and(|on_disk| on_disk.len() == document.text.len() as u64);
    if let Ok(session) = server.session()
        && let (Some(workspace), Some(path)) = (&session.workspace, snapshot.path())
        && !is_saved(path)
    {
        workspace.edited(&snapshot);
    }
}

//! `textDocument/didClose`.

use tower_lsp::lsp_types::DidCloseTextDocumentParams;

use crate::lsp::Server;

/// Forgets the document and what was suggested in it.
pub fn handle(server: &Server, params: DidCloseTextDocumentParams) {
    let uri = params.text_document.uri;
    if let (Some(snapshot), Ok(session)) = (server.documents.snapshot(&uri), server.session()) {
        session.completer.forget(&snapshot);
        if let (Some(workspace), Some(path)) = (&session.workspace, snapshot.path()) {
            workspace.closed(path);
        }
    }
    if !server.documents.close(&uri) {
        tracing::warn!(%uri, "the client closed a document that it has not opened");
    }
}

//! `textDocument/didChange`.

use tower_lsp::lsp_types::DidChangeTextDocumentParams;

use crate::lsp::Server;

/// Applies the changes, at once: an edit waits for nothing.
pub fn handle(server: &Server, params: DidChangeTextDocumentParams) {
    let Ok(session) = server.session() else { return };
    server.idle.stop();
    let document = params.text_document;
    let encoding = session.client.encoding;
    if !server.documents.change(&document.uri, document.version, &params.content_changes, encoding) {
        tracing::warn!(uri = %document.uri, "the client changed a document that it has not opened");
    }
    // What is written here is known in other files before it is saved.
    if let (Some(workspace), Some(snapshot)) = (&session.workspace, server.documents.snapshot(&document.uri)) {
        workspace.edited(&snapshot);
    }
}

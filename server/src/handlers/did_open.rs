//! `textDocument/didOpen`.

use tower_lsp::lsp_types::DidOpenTextDocumentParams;

use crate::lsp::Server;

/// Starts keeping the document.
pub fn handle(server: &Server, params: DidOpenTextDocumentParams) {
    let document = params.text_document;
    server.documents.open(document.uri, &document.language_id, document.version, &document.text);
}

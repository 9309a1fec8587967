//! `halfline/documentText`: the text of a document as the server knows it. For tests and bug reports: when a suggestion
//! looks as if it came from another text, this shows whether it did.

use tower_lsp::jsonrpc::Result;

use crate::lsp::Server;
use crate::lsp::types::{DocumentText, DocumentTextParams};

/// The text and its version; `None` when the document is not open.
pub fn handle(server: &Server, params: DocumentTextParams) -> Result<Option<DocumentText>> {
    let snapshot = server.documents.snapshot(&params.text_document.uri);
    Ok(snapshot.map(|snapshot| DocumentText { text: snapshot.rope().to_string(), version: snapshot.version() }))
}

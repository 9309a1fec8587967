//! `textDocument/didSave`.

use tower_lsp::lsp_types::DidSaveTextDocumentParams;

use crate::lsp::{Server, convert};

/// Reads the names that the file now defines, for the prompts of other files.
pub fn handle(server: &Server, params: DidSaveTextDocumentParams) {
    let Ok(session) = server.session() else { return };
    let path = convert::to_path(&params.text_document.uri);
    if let (Some(workspace), Some(path)) = (session.workspace.clone(), path)
        && path.starts_with(workspace.root())
    {
        let snapshot = server.documents.snapshot(&params.text_document.uri);
        tokio::task::spawn_blocking(move || {
            if let Err(reason) = workspace.update(&path) {
                tracing::debug!(path = %path.display(), "not indexed: {reason}");
            }
            if let Some(snapshot) = snapshot {
                workspace.saved(&snapshot);
            }
        });
    }
}

//! `initialize`: the session starts, and the models begin to load.

use tower_lsp::jsonrpc::Result;
use tower_lsp::lsp_types::InitializeResult;

use crate::lsp::{self, Server};

/// Starts the session and says what the server can do.
pub fn handle(server: &Server) -> Result<InitializeResult> {
    let session = server.start_session();
    tracing::info!(client = %session.client.name, encoding = ?session.client.encoding, "a session starts");
    if let Some(process_id) = session.client.process_id {
        let abandoned = server.abandoned.clone();
        tokio::spawn(async move {
            lsp::parent_gone(process_id).await;
            tracing::info!("the client's process {process_id} is gone");
            abandoned.notify_one();
        });
    }
    Ok(lsp::initialize_result(&session.client))
}

//! `initialized`: from now on the server may speak unasked.

use tower_lsp::lsp_types::MessageType;

use crate::lsp::{self, Server};

/// Tells the client what is wrong with the settings, and from now on what the engine is doing.
pub async fn handle(server: &Server) {
    let Ok(session) = server.session() else { return };
    let (client, activity) = (server.client.clone(), server.activity.clone());
    tokio::spawn(lsp::status::report(client.clone(), session.clone(), activity));
    tokio::spawn(lsp::report_loading(client.clone(), session.clone()));
    tokio::spawn(lsp::report_indexing(client.clone(), session.clone()));
    for problem in &session.config_problems {
        client.show_message(MessageType::WARNING, format!("Halfline's settings: {problem}")).await;
    }
}

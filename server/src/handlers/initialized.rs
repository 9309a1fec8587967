//! `initialized`: from now on the server may speak unasked.

use std::sync::Arc;

use tower_lsp::lsp_types::MessageType;

use crate::assistant;
use crate::engine_host::EngineHost;
use crate::lsp::{self, Server};

/// Tells the client what is wrong with the settings, and from now on what the engine is doing.
pub async fn handle(server: &Server) {
    let Ok(session) = server.session() else { return };
    let (client, activity) = (server.client.clone(), server.activity.clone());
    tokio::spawn(lsp::status::report(client.clone(), session.clone(), activity));
    tokio::spawn(lsp::report_loading(client.clone(), session.clone()));
    tokio::spawn(lsp::report_indexing(client.clone(), session.clone()));
    if session.config.engine.read_ahead {
        tokio::spawn(warm_up(session.engine.clone()));
    }
    for problem in &session.config_problems {
        client.show_message(MessageType::WARNING, format!("Halfline's settings: {problem}")).await;
    }
}

/// Once there is a model, has it read what every question begins with. That there is none is said elsewhere.
async fn warm_up(host: Arc<EngineHost>) {
    let Ok(engine) = host.engine().await else { return };
    if let Err(error) = assistant::warm_up(&engine).await {
        tracing::warn!("the model could not read a first prompt: {error}");
    }
}

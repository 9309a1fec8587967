//! `halfline.status`: what the server is doing, and with which model. No arguments.
//!
//! Answers `{"version", "engine": {"state": "loading" | "ready" | "failed", "message", ..}, "documents", "workspace",
//! "positionEncoding", "completion": {"enabled"}, "readAhead": "path:line" | null}`, the last being the diagnostic whose question
//! the model has read.

use serde_json::{Value, json};
use tower_lsp::jsonrpc::Result;

use crate::engine_host::EngineState;
use crate::lsp::{Server, convert};

pub(super) fn run(server: &Server) -> Result<Value> {
    let session = server.session()?;
    let engine = match &*session.engine.subscribe().borrow() {
        EngineState::Loading { message, percent } => {
            json!({"state": "loading", "message": message, "percent": percent})
        }
        EngineState::Failed(message) => json!({"state": "failed", "message": message}),
        EngineState::Ready(engine) => {
            let info = engine.info();
            json!({
                "state": "ready",
                "message": format!("{} on {}", info.target, info.device),
                "model": info.target,
                "draft": info.draft,
                "family": info.family,
                "device": info.device,
                "threads": info.threads,
                "contextTokens": info.context_tokens,
            })
        }
    };
    Ok(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "engine": engine,
        "documents": server.documents.len(),
        "workspace": session.workspace.as_ref().map(|workspace| workspace.root()),
        "positionEncoding": convert::encoding_kind(session.client.encoding),
        "completion": {"enabled": session.config.completion.enabled},
        "readAhead": session.read_ahead.place(),
    }))
}

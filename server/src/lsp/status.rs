//! What the server tells the client about itself without being asked: `didChangeStatus` for a status line.

use std::sync::Arc;

use tokio::sync::watch;
use tower_lsp::Client;
use tower_lsp::lsp_types::MessageType;

use super::session::Session;
use super::types::{DidChangeStatus, StatusKind, StatusParams};
use crate::engine_host::EngineState;

/// Counts the requests that the engine works on.
#[derive(Clone, Debug)]
pub struct Activity {
    running: Arc<watch::Sender<usize>>,
}

/// While it lives, the server counts as busy.
#[derive(Debug)]
pub struct Busy {
    activity: Activity,
}

impl Activity {
    /// Nothing runs yet.
    pub fn new() -> Self {
        Activity { running: Arc::new(watch::Sender::new(0)) }
    }

    /// Something starts that ends when the guard is dropped.
    pub fn begin(&self) -> Busy {
        self.running.send_modify(|running| *running += 1);
        Busy { activity: self.clone() }
    }
}

impl Default for Activity {
    fn default() -> Self {
        Activity::new()
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.activity.running.send_modify(|running| *running -= 1);
    }
}

/// Tells the client each change of what the engine is doing, for as long as the session lasts.
pub async fn report(client: Client, session: Arc<Session>, activity: Activity) {
    let mut engine = session.engine.subscribe();
    let mut running = activity.running.subscribe();
    let mut told = None;
    loop {
        let mut status = of_engine(&engine.borrow_and_update());
        status.busy |= *running.borrow_and_update() > 0;
        if told.as_ref() != Some(&status) {
            client.send_notification::<DidChangeStatus>(status.clone()).await;
            if status.kind == StatusKind::Error {
                // A client without a status line would never know why there are no suggestions.
                client.show_message(MessageType::WARNING, format!("Halfline: {}", status.message)).await;
            }
            told = Some(status);
        }
        tokio::select! {
            Ok(()) = engine.changed() => {}
            Ok(()) = running.changed() => {}
            else => return,
        }
    }
}

/// The status that goes with a state of the engine.
pub fn of_engine(state: &EngineState) -> StatusParams {
    let (busy, message, kind) = match state {
        EngineState::Loading { message, percent: None } => (true, message.clone(), StatusKind::Normal),
        EngineState::Loading { message, percent: Some(percent) } => {
            (true, format!("{message} ({percent} %)"), StatusKind::Normal)
        }
        EngineState::Ready(engine) => (false, engine.info().target.clone(), StatusKind::Normal),
        EngineState::Failed(reason) => (false, reason.clone(), StatusKind::Error),
    };
    StatusParams { busy, message, kind, command: None }
}

//! Work-done progress while the models load.

use std::sync::Arc;

use tower_lsp::Client;
use tower_lsp::lsp_types::notification::Progress;
use tower_lsp::lsp_types::request::WorkDoneProgressCreate;
use tower_lsp::lsp_types::{
    NumberOrString, ProgressParams, ProgressParamsValue, WorkDoneProgress, WorkDoneProgressBegin,
    WorkDoneProgressCreateParams, WorkDoneProgressEnd, WorkDoneProgressReport,
};

use super::session::Session;
use crate::engine_host::EngineState;

/// Shows the loading of the models as progress, to its end. Does nothing when it has already ended.
pub(crate) async fn report_loading(client: Client, session: Arc<Session>) {
    let mut states = session.engine.subscribe();
    if !session.client.work_done_progress || !matches!(*states.borrow(), EngineState::Loading { .. }) {
        return;
    }
    let token = NumberOrString::String("halfline/load".to_owned());
    let create = WorkDoneProgressCreateParams { token: token.clone() };
    if client.send_request::<WorkDoneProgressCreate>(create).await.is_err() {
        return;
    }
    let send = async |value| {
        let params = ProgressParams { token: token.clone(), value: ProgressParamsValue::WorkDone(value) };
        client.send_notification::<Progress>(params).await;
    };
    let begin = WorkDoneProgressBegin {
        title: "Halfline: loading the model".to_owned(),
        cancellable: Some(false),
        message: None,
        percentage: Some(0),
    };
    send(WorkDoneProgress::Begin(begin)).await;
    let end = loop {
        let state = states.borrow_and_update().clone();
        match state {
            EngineState::Loading { message, percent } => {
                let percentage = percent.map(u32::from);
                let report = WorkDoneProgressReport { cancellable: Some(false), message: Some(message), percentage };
                send(WorkDoneProgress::Report(report)).await;
            }
            EngineState::Ready(engine) => break format!("{} is ready", engine.info().target),
            EngineState::Failed(_) => break "no model could be loaded".to_owned(),
        }
        if states.changed().await.is_err() {
            break "stopped".to_owned();
        }
    };
    send(WorkDoneProgress::End(WorkDoneProgressEnd { message: Some(end) })).await;
}

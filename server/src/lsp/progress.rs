//! Work-done progress while the models load and while the workspace is read.

use std::sync::Arc;

use tower_lsp::Client;
use tower_lsp::lsp_types::notification::Progress;
use tower_lsp::lsp_types::request::WorkDoneProgressCreate;
use tower_lsp::lsp_types::{
    NumberOrString, ProgressParams, ProgressParamsValue, WorkDoneProgress, WorkDoneProgressBegin,
    WorkDoneProgressCreateParams, WorkDoneProgressEnd, WorkDoneProgressReport,
};

use super::indexing::IndexState;
use super::session::Session;
use crate::engine_host::EngineState;

/// Shows the loading of the models as progress, to its end. Does nothing when it has already ended.
pub(crate) async fn report_loading(client: Client, session: Arc<Session>) {
    let mut states = session.engine.subscribe();
    if !session.client.work_done_progress || !matches!(*states.borrow(), EngineState::Loading { .. }) {
        return;
    }
    let Some(progress) = Progressing::begin(client, "halfline/load", "Halfline: loading the model").await else {
        return;
    };
    let end = loop {
        let state = states.borrow_and_update().clone();
        match state {
            EngineState::Loading { message, percent } => progress.report(message, percent.map(u32::from)).await,
            EngineState::Ready(engine) => break format!("{} is ready", engine.info().target),
            EngineState::Failed(_) => break "no model could be loaded".to_owned(),
        }
        if states.changed().await.is_err() {
            break "stopped".to_owned();
        }
    };
    progress.end(end).await;
}

/// Shows the reading of the workspace as progress, to its end. Does nothing when there is no workspace, or nothing to
/// read any more.
pub(crate) async fn report_indexing(client: Client, session: Arc<Session>) {
    let Some(mut states) = session.indexing.as_ref().map(|indexing| indexing.subscribe()) else { return };
    if !session.client.work_done_progress || matches!(*states.borrow(), IndexState::Done(_)) {
        return;
    }
    let Some(progress) = Progressing::begin(client, "halfline/index", "Halfline: reading the workspace").await else {
        return;
    };
    let mut told = None;
    let end = loop {
        let state = *states.borrow_and_update();
        match state {
            IndexState::Reading(done, all) => {
                let percent = (done * 100).checked_div(all).and_then(|percent| u32::try_from(percent).ok());
                if percent != told {
                    told = percent;
                    progress.report(format!("{done} of {all} files"), percent).await;
                }
            }
            IndexState::Done(files) => break format!("{files} files"),
        }
        if states.changed().await.is_err() {
            break "stopped".to_owned();
        }
    };
    progress.end(end).await;
}

/// A report that the client has agreed to.
struct Progressing {
    client: Client,
    token: NumberOrString,
}

impl Progressing {
    async fn begin(client: Client, token: &str, title: &str) -> Option<Progressing> {
        let token = NumberOrString::String(token.to_owned());
        let create = WorkDoneProgressCreateParams { token: token.clone() };
        client.send_request::<WorkDoneProgressCreate>(create).await.ok()?;
        let progress = Progressing { client, token };
        let begin = WorkDoneProgressBegin {
            title: title.to_owned(),
            cancellable: Some(false),
            message: None,
            percentage: Some(0),
        };
        progress.send(WorkDoneProgress::Begin(begin)).await;
        Some(progress)
    }

    async fn report(&self, message: String, percentage: Option<u32>) {
        let report = WorkDoneProgressReport { cancellable: Some(false), message: Some(message), percentage };
        self.send(WorkDoneProgress::Report(report)).await;
    }

    async fn end(self, message: String) {
        self.send(WorkDoneProgress::End(WorkDoneProgressEnd { message: Some(message) })).await;
    }

    async fn send(&self, value: WorkDoneProgress) {
        let params = ProgressParams { token: self.token.clone(), value: ProgressParamsValue::WorkDone(value) };
        self.client.send_notification::<Progress>(params).await;
    }
}

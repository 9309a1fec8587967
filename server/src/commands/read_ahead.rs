//! What an editor's cursor says of the next question: when it comes to rest, the model reads the code there, and what would be
//! asked about the diagnostic there.

use tower_lsp::lsp_types::{self, CodeActionParams, DiagnosticSeverity};

use super::{answer, explain};
use crate::assistant;
use crate::completion::Query;
use crate::lsp::{Server, convert};

/// Plans that for the place where the editor asks for code actions, which it does where the cursor is.
pub fn plan(server: &Server, params: &CodeActionParams) {
    let Ok(session) = server.session() else { return };
    let Some(engine) = session.engine.ready().filter(|_| session.config.engine.read_ahead) else { return };
    let uri = &params.text_document.uri;
    let Some(snapshot) = server.documents.snapshot(uri) else { return };
    let worst = worst(&params.context.diagnostics);
    let question = worst.and_then(|one| explain::question(server, uri, one.range.start, vec![one.clone()]).ok());
    let is_cursor = params.range.start == params.range.end;
    let query = is_cursor.then(|| {
        let offset = convert::to_char(&snapshot, params.range.start, session.client.encoding);
        Query { attention: server.documents.attention(uri), ..Query::new(snapshot, offset) }
    });
    let (session, documents) = (session.clone(), server.documents.clone());
    let path = convert::to_document_path(uri);
    server.idle.plan(async move {
        // Who looks at an error asks about it before anything is written.
        if let Some(question) = question {
            // As in `halfline.explain`: with a diagnostic, no checker runs.
            let assistant = answer::assistant_of(&session, &documents, engine.clone(), Some(&path), true);
            if let Err(error) = assistant::read_ahead(&assistant, question).await {
                tracing::debug!("the question about the diagnostic was not read: {error}");
            }
        }
        if let Some(query) = query
            && let Err(error) = session.completer.read_ahead(&engine, query).await
        {
            tracing::debug!("the code at the cursor was not read: {error}");
        }
    });
}

/// The one that a person would ask about.
fn worst(diagnostics: &[lsp_types::Diagnostic]) -> Option<&lsp_types::Diagnostic> {
    // What has no severity is an error to most editors.
    diagnostics.iter().min_by_key(|one| match one.severity {
        None | Some(DiagnosticSeverity::ERROR) => 0,
        Some(DiagnosticSeverity::WARNING) => 1,
        Some(_) => 2,
    })
}

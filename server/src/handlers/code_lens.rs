//! `textDocument/codeLens`: on a test that failed when it was last run here, "Why does this fail?" and "Fix".

use serde_json::json;
use tower_lsp::jsonrpc::Result;
use tower_lsp::lsp_types::{self, CodeLens, CodeLensParams, Position, Range};

use crate::assistant::failures::Spot;
use crate::commands::Command;
use crate::lsp::Server;

/// Characters of a failure's message that a tooltip-less client shows with the question.
const MESSAGE_CHARS: usize = 60;

/// The lenses of a document.
pub fn handle(server: &Server, params: &CodeLensParams) -> Result<Option<Vec<CodeLens>>> {
    let uri = &params.text_document.uri;
    let Some(snapshot) = server.documents.snapshot(uri) else { return Ok(Some(Vec::new())) };
    let spots = server.session()?.failures.of_document(&snapshot);
    Ok(Some(spots.iter().flat_map(|spot| lenses(uri, spot)).collect()))
}

fn lenses(uri: &lsp_types::Url, spot: &Spot) -> [CodeLens; 2] {
    let line = |line: usize| Position::new(u32::try_from(line).unwrap_or(u32::MAX), 0);
    let at = Range::new(line(spot.lines.0), line(spot.lines.0));
    let lens = |title: String, command: Command, argument| CodeLens {
        range: at,
        command: Some(lsp_types::Command::new(title, command.name().to_owned(), Some(vec![argument]))),
        data: None,
    };
    let said: String = spot.test.message.lines().next().unwrap_or_default().chars().take(MESSAGE_CHARS).collect();
    let title = match said.trim() {
        "" => "Halfline: why does this fail?".to_owned(),
        said => format!("Halfline: why does this fail? ({said})"),
    };
    let why = json!({
        "question": format!("Why does the test `{}` fail, and how do I fix it?", spot.test.name),
        "uri": uri,
        "range": Range::new(line(spot.lines.0), line(spot.lines.1 + 1)),
        "failure": spot.test.name,
    });
    let fix = json!({"command": spot.command, "directory": spot.directory, "uri": uri, "apply": true});
    [lens(title, Command::Ask, why), lens("Fix".to_owned(), Command::DebugCommand, fix)]
}

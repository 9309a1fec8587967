//! `textDocument/codeAction`: "Explain" and "Fix (verified)" on every diagnostic, whichever server it came from; "Explain" on a
//! selection; "Write tests" and "Document" where a definition starts.

use halfline_context::Snapshot;
use serde_json::{Value, json};
use tower_lsp::jsonrpc::Result;
use tower_lsp::lsp_types::{
    CodeAction, CodeActionKind, CodeActionOrCommand, CodeActionParams, CodeActionResponse, Diagnostic,
    DiagnosticSeverity,
};

use crate::assistant::fix::definition_at;
use crate::commands::{Command, read_ahead};
use crate::lsp::Server;

/// Characters of a diagnostic's message that the menu shows.
const MESSAGE_CHARS: usize = 60;

/// The actions for each diagnostic in the request, and for the code that it is about.
pub fn handle(server: &Server, params: &CodeActionParams) -> Result<Option<CodeActionResponse>> {
    let problem = |one: &Diagnostic| (one.range.start.line as usize, one.message.clone());
    server.documents.note_problems(&params.text_document.uri, params.context.diagnostics.iter().map(problem).collect());
    read_ahead::plan(server, params);
    let wants = |kind: CodeActionKind| params.context.only.as_ref().is_none_or(|kinds| kinds.contains(&kind));
    let mut actions = if wants(CodeActionKind::QUICKFIX) { of_diagnostics(params) } else { Vec::new() };
    if wants(CodeActionKind::REFACTOR)
        && let Some(snapshot) = server.documents.snapshot(&params.text_document.uri)
    {
        actions.extend(of_code(params, &snapshot));
    }
    Ok(Some(actions))
}

/// What can be done with a selection, and with the definition whose first line the cursor is on.
fn of_code(params: &CodeActionParams, snapshot: &Snapshot) -> CodeActionResponse {
    let (uri, range) = (&params.text_document.uri, params.range);
    let action = |title: String, command: Command, argument: Value| {
        CodeActionOrCommand::CodeAction(CodeAction {
            title: title.clone(),
            kind: Some(CodeActionKind::REFACTOR),
            command: Some(tower_lsp::lsp_types::Command::new(title, command.name().to_owned(), Some(vec![argument]))),
            ..CodeAction::default()
        })
    };
    let mut actions = Vec::new();
    if range.start != range.end {
        let explain = json!({"uri": uri, "range": range});
        actions.push(action("Explain the selection with Halfline".to_owned(), Command::Explain, explain));
    }
    let definition = definition_at(snapshot, range.start.line as usize).filter(|_| uri.scheme() == "file");
    if let Some((name, is_function)) = definition {
        let argument = json!({"uri": uri, "position": range.start, "apply": true});
        if is_function {
            actions.push(action(format!("Write tests of {name} with Halfline"), Command::Test, argument.clone()));
        }
        actions.push(action(format!("Document {name} with Halfline"), Command::Doc, argument));
    }
    actions
}

fn of_diagnostics(params: &CodeActionParams) -> CodeActionResponse {
    let uri = &params.text_document.uri;
    let is_only_one = params.context.diagnostics.len() == 1;
    let mut actions = Vec::new();
    for diagnostic in &params.context.diagnostics {
        let position = diagnostic.range.start;
        let explain = json!({"uri": uri, "position": position, "diagnostics": [diagnostic]});
        actions.push(action("Explain with Halfline", Command::Explain, explain, diagnostic, is_only_one));
        let is_problem =
            !matches!(diagnostic.severity, Some(DiagnosticSeverity::INFORMATION | DiagnosticSeverity::HINT));
        if is_problem && uri.scheme() == "file" {
            let fix = json!({"uri": uri, "position": position, "diagnostics": [diagnostic], "apply": true});
            actions.push(action("Fix (verified) with Halfline", Command::Fix, fix, diagnostic, is_only_one));
        }
    }
    actions
}

/// An action on `diagnostic`, whose message is shown where it is not the only one.
fn action(
    title: &str,
    command: Command,
    argument: Value,
    diagnostic: &Diagnostic,
    is_only_one: bool,
) -> CodeActionOrCommand {
    let message: String = diagnostic.message.lines().next().unwrap_or_default().chars().take(MESSAGE_CHARS).collect();
    let title = if is_only_one { title.to_owned() } else { format!("{title}: {message}") };
    CodeActionOrCommand::CodeAction(CodeAction {
        title: title.clone(),
        kind: Some(CodeActionKind::QUICKFIX),
        diagnostics: Some(vec![diagnostic.clone()]),
        command: Some(tower_lsp::lsp_types::Command::new(title, command.name().to_owned(), Some(vec![argument]))),
        ..CodeAction::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_diagnostic_can_be_explained_and_fixed() {
        let diagnostic = |line: u32, message: &str| {
            json!({"range": {"start": {"line": line, "character": 4}, "end": {"line": line, "character": 5}},
                   "message": message, "source": "rustc"})
        };
        let titles = |diagnostics: Value| -> Vec<String> {
            let params = json!({"textDocument": {"uri": "file:///a.rs"},
                                "range": {"start": {"line": 1, "character": 0}, "end": {"line": 1, "character": 0}},
                                "context": {"diagnostics": diagnostics}});
            let actions = of_diagnostics(&serde_json::from_value(params).unwrap());
            let actions = actions.into_iter().map(|action| serde_json::to_value(action).unwrap());
            actions
                .map(|action| format!("{} {}", action["title"], action["command"]["arguments"][0]["position"]))
                .collect()
        };
        let one = titles(json!([diagnostic(1, "no")]));
        assert_eq!(
            one,
            [
                r#""Explain with Halfline" {"character":4,"line":1}"#,
                r#""Fix (verified) with Halfline" {"character":4,"line":1}"#,
            ]
        );
        let two = titles(json!([diagnostic(1, "no\nmore"), diagnostic(2, "never")]));
        assert_eq!(
            two,
            [
                r#""Explain with Halfline: no" {"character":4,"line":1}"#,
                r#""Fix (verified) with Halfline: no" {"character":4,"line":1}"#,
                r#""Explain with Halfline: never" {"character":4,"line":2}"#,
                r#""Fix (verified) with Halfline: never" {"character":4,"line":2}"#,
            ]
        );
        assert!(titles(json!([])).is_empty());
    }

    #[test]
    fn a_definition_can_be_tested_and_documented_and_a_selection_explained() {
        let snapshot = Snapshot::of_text(Some("/a.rs".into()), "struct A;\n\n/// Adds.\nfn add() {\n    1;\n}\n");
        let titles = |from: u32, to: u32| -> Vec<String> {
            let params = json!({"textDocument": {"uri": "file:///a.rs"},
                                "range": {"start": {"line": from, "character": 0}, "end": {"line": to, "character": 0}},
                                "context": {"diagnostics": []}});
            let actions = of_code(&serde_json::from_value(params).unwrap(), &snapshot);
            actions
                .into_iter()
                .map(|action| serde_json::to_value(action).unwrap()["title"].as_str().unwrap().to_owned())
                .collect()
        };
        assert_eq!(titles(3, 3), ["Write tests of add with Halfline", "Document add with Halfline"]);
        assert_eq!(titles(0, 0), ["Document A with Halfline"]);
        assert_eq!(titles(4, 4), Vec::<String>::new());
        assert_eq!(titles(4, 5), ["Explain the selection with Halfline"]);
    }
}

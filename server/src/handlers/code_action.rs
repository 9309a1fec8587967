//! `textDocument/codeAction`: "Explain" and "Fix (verified)" on every diagnostic, whichever server it came from.

use serde_json::{Value, json};
use tower_lsp::jsonrpc::Result;
use tower_lsp::lsp_types::{
    CodeAction, CodeActionKind, CodeActionOrCommand, CodeActionParams, CodeActionResponse, Diagnostic,
    DiagnosticSeverity,
};

use crate::commands::Command;

/// Characters of a diagnostic's message that the menu shows.
const MESSAGE_CHARS: usize = 60;

/// The actions for each diagnostic in the request.
pub fn handle(params: CodeActionParams) -> Result<Option<CodeActionResponse>> {
    let wanted = params.context.only.as_ref().is_none_or(|kinds| kinds.contains(&CodeActionKind::QUICKFIX));
    if !wanted {
        return Ok(None);
    }
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
            let fix = json!({"uri": uri, "position": position, "apply": true});
            actions.push(action("Fix (verified) with Halfline", Command::Fix, fix, diagnostic, is_only_one));
        }
    }
    Ok(Some(actions))
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
        let titles = |diagnostics: Value, only: Value| -> Vec<String> {
            let params = json!({"textDocument": {"uri": "file:///a.rs"},
                                "range": {"start": {"line": 1, "character": 0}, "end": {"line": 1, "character": 0}},
                                "context": {"diagnostics": diagnostics, "only": only}});
            let actions = handle(serde_json::from_value(params).unwrap()).unwrap().unwrap_or_default();
            let actions = actions.into_iter().map(|action| serde_json::to_value(action).unwrap());
            actions
                .map(|action| format!("{} {}", action["title"], action["command"]["arguments"][0]["position"]))
                .collect()
        };
        let one = titles(json!([diagnostic(1, "no")]), json!(null));
        assert_eq!(
            one,
            [
                r#""Explain with Halfline" {"character":4,"line":1}"#,
                r#""Fix (verified) with Halfline" {"character":4,"line":1}"#,
            ]
        );
        let two = titles(json!([diagnostic(1, "no\nmore"), diagnostic(2, "never")]), json!(["quickfix"]));
        assert_eq!(
            two,
            [
                r#""Explain with Halfline: no" {"character":4,"line":1}"#,
                r#""Fix (verified) with Halfline: no" {"character":4,"line":1}"#,
                r#""Explain with Halfline: never" {"character":4,"line":2}"#,
                r#""Fix (verified) with Halfline: never" {"character":4,"line":2}"#,
            ]
        );
        assert!(titles(json!([diagnostic(1, "no")]), json!(["refactor"])).is_empty());
        assert!(titles(json!([]), json!(null)).is_empty());
    }
}

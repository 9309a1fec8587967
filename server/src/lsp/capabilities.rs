//! What the server says it can do.

use serde_json::json;
use tower_lsp::jsonrpc::Response;
use tower_lsp::lsp_types::{
    CodeActionKind, CodeActionOptions, CodeActionProviderCapability, CodeLensOptions, CompletionOptions,
    ExecuteCommandOptions, InitializeResult, SaveOptions, ServerCapabilities, ServerInfo, TextDocumentSyncCapability,
    TextDocumentSyncKind, TextDocumentSyncOptions, TextDocumentSyncSaveOptions,
};

use super::convert;
use super::session::ClientInfo;
use crate::commands::Command;

/// The result of `initialize` for this client, without what lsp-types cannot say: [`complete_initialize`] adds it.
pub(crate) fn initialize_result(client: &ClientInfo) -> InitializeResult {
    // A client with ghost text needs no second copy of each suggestion in its completion menu.
    let completion_provider = (!client.inline_completion).then(CompletionOptions::default);
    let capabilities = ServerCapabilities {
        position_encoding: Some(convert::encoding_kind(client.encoding)),
        text_document_sync: Some(TextDocumentSyncCapability::Options(TextDocumentSyncOptions {
            open_close: Some(true),
            change: Some(TextDocumentSyncKind::INCREMENTAL),
            save: Some(TextDocumentSyncSaveOptions::SaveOptions(SaveOptions { include_text: Some(false) })),
            ..TextDocumentSyncOptions::default()
        })),
        completion_provider,
        code_action_provider: Some(CodeActionProviderCapability::Options(CodeActionOptions {
            code_action_kinds: Some(vec![CodeActionKind::QUICKFIX, CodeActionKind::REFACTOR]),
            ..CodeActionOptions::default()
        })),
        code_lens_provider: Some(CodeLensOptions { resolve_provider: Some(false) }),
        execute_command_provider: Some(ExecuteCommandOptions {
            commands: Command::ALL.iter().map(|command| command.name().to_owned()).collect(),
            ..ExecuteCommandOptions::default()
        }),
        ..ServerCapabilities::default()
    };
    let server_info = ServerInfo { name: "halfline".to_owned(), version: Some(env!("CARGO_PKG_VERSION").to_owned()) };
    InitializeResult { capabilities, server_info: Some(server_info) }
}

/// Adds the capabilities of LSP 3.18. They have to be in this answer: Neovim registers nothing later.
pub(crate) fn complete_initialize(response: Response) -> Response {
    let (id, mut body) = response.into_parts();
    if let Ok(result) = &mut body
        && let Some(capabilities) = result.get_mut("capabilities").and_then(|value| value.as_object_mut())
    {
        capabilities.insert("inlineCompletionProvider".to_owned(), json!({}));
    }
    Response::from_parts(id, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_menu_serves_only_clients_without_ghost_text() {
        for inline_completion in [true, false] {
            let client = ClientInfo { inline_completion, ..ClientInfo::default() };
            let result = serde_json::to_value(initialize_result(&client)).unwrap();
            let (_, body) = complete_initialize(Response::from_ok(1.into(), result)).into_parts();
            let body = body.unwrap();
            assert_eq!(body["capabilities"]["inlineCompletionProvider"], json!({}));
            assert_eq!(body["capabilities"].get("completionProvider").is_none(), inline_completion);
        }
    }
}

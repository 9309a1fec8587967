//! `textDocument/completion`: the same suggestions in the completion menu, for editors without ghost text.

use tower_lsp::jsonrpc::Result;
use tower_lsp::lsp_types::{
    CompletionItem, CompletionItemKind, CompletionList, CompletionParams, CompletionResponse, CompletionTextEdit,
    CompletionTriggerKind, TextEdit,
};

use super::inline_completion;
use crate::lsp::Server;
use crate::lsp::types::{InlineCompletionContext, InlineCompletionItem, InlineCompletionParams};

/// Characters of a suggestion that the menu shows.
const LABEL_CHARS: usize = 60;

/// Answers with at most a few entries, marked incomplete so that the editor asks again as the text changes.
pub async fn handle(server: &Server, params: CompletionParams) -> Result<Option<CompletionResponse>> {
    let is_invoked = params.context.is_none_or(|context| context.trigger_kind == CompletionTriggerKind::INVOKED);
    let position = params.text_document_position;
    let context =
        InlineCompletionContext { trigger_kind: if is_invoked { 1 } else { 2 }, selected_completion_info: None };
    let list = inline_completion::handle(server, InlineCompletionParams { position, context }).await?;
    let items = list.items.into_iter().map(menu_item).collect();
    Ok(Some(CompletionResponse::List(CompletionList { is_incomplete: true, items })))
}

fn menu_item(item: InlineCompletionItem) -> CompletionItem {
    let mut label: String =
        item.insert_text.trim().lines().next().unwrap_or_default().chars().take(LABEL_CHARS).collect();
    if label.len() < item.insert_text.trim().len() {
        label.push('…');
    }
    CompletionItem {
        label,
        kind: Some(CompletionItemKind::TEXT),
        detail: Some("Halfline".to_owned()),
        text_edit: Some(CompletionTextEdit::Edit(TextEdit { range: item.range, new_text: item.insert_text })),
        ..CompletionItem::default()
    }
}

//! What LSP 3.18 and Copilot's clients add to the protocol that lsp-types 0.94 does not know.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tower_lsp::lsp_types::notification::Notification;
use tower_lsp::lsp_types::{NumberOrString, Range, TextDocumentIdentifier, TextDocumentPositionParams};

/// Name of the request for inline completions (LSP 3.18).
pub const INLINE_COMPLETION: &str = "textDocument/inlineCompletion";

/// Parameters of `textDocument/inlineCompletion`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InlineCompletionParams {
    /// Where the cursor is.
    #[serde(flatten)]
    pub position: TextDocumentPositionParams,
    /// Why the client asks.
    pub context: InlineCompletionContext,
}

/// Why the client asks for inline completions.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InlineCompletionContext {
    /// 1 when a person asked for it, 2 while typing.
    pub trigger_kind: u32,
    /// The entry that is selected in the editor's completion menu.
    pub selected_completion_info: Option<SelectedCompletionInfo>,
}

impl InlineCompletionContext {
    /// Whether a person asked, by a key or a command.
    pub fn is_invoked(&self) -> bool {
        self.trigger_kind == 1
    }
}

/// What would be inserted by the selected entry of the completion menu; an inline completion has to extend it.
#[derive(Clone, Debug, Deserialize)]
pub struct SelectedCompletionInfo {
    /// What the entry replaces.
    pub range: Range,
    /// What it inserts.
    pub text: String,
}

/// The answer to `textDocument/inlineCompletion`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct InlineCompletionList {
    /// The best first; empty when there is nothing to offer.
    pub items: Vec<InlineCompletionItem>,
}

/// One inline completion.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InlineCompletionItem {
    /// What is inserted, literally.
    pub insert_text: String,
    /// What it replaces.
    pub range: Range,
    /// What `halfline.why` knows it by. No part of LSP; clients ignore it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// Parameters of `workspace/executeCommand` with the token that lsp-types leaves out.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecuteCommandParams {
    /// Name of the command.
    pub command: String,
    /// Its arguments.
    #[serde(default)]
    pub arguments: Vec<Value>,
    /// Where parts of the answer are to be sent as they come.
    pub partial_result_token: Option<NumberOrString>,
}

/// Parameters of `halfline/documentText`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DocumentTextParams {
    /// The document.
    pub text_document: TextDocumentIdentifier,
}

/// The answer to `halfline/documentText`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DocumentText {
    /// The text as the server knows it.
    pub text: String,
    /// The version the client gave it.
    pub version: i32,
}

/// Severity of a status, in the words of Copilot's clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StatusKind {
    /// All is well.
    Normal,
    /// Something needs attention; the rest works.
    Warning,
    /// Nothing works until the message is heeded.
    Error,
    /// Switched off.
    Inactive,
}

/// What the server is doing, for a status line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatusParams {
    /// Whether something is under way.
    pub busy: bool,
    /// One line for a person.
    pub message: String,
    /// How serious it is.
    pub kind: StatusKind,
    /// What a click on the status should run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<tower_lsp::lsp_types::Command>,
}

/// The notification `didChangeStatus`.
#[derive(Debug)]
pub enum DidChangeStatus {}

impl Notification for DidChangeStatus {
    type Params = StatusParams;
    const METHOD: &'static str = "didChangeStatus";
}

/// `$/progress` with any value, as partial results have it.
#[derive(Debug)]
pub enum PartialResult {}

impl Notification for PartialResult {
    type Params = PartialResultParams;
    const METHOD: &'static str = "$/progress";
}

/// One part of an answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PartialResultParams {
    /// The request's `partialResultToken`.
    pub token: NumberOrString,
    /// The part.
    pub value: Value,
}

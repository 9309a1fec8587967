//! The object that tower-lsp calls: one method for each LSP method, each handing over to its file in `handlers`.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde_json::Value;
use tokio::sync::Notify;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::lsp_types::{
    CodeActionParams, CodeActionResponse, CodeLens, CodeLensParams, CompletionParams, CompletionResponse,
    DidChangeConfigurationParams, DidChangeTextDocumentParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams,
    DidSaveTextDocumentParams, InitializeParams, InitializeResult, InitializedParams,
};
use tower_lsp::{Client, ClientSocket, LanguageServer, LspService};

use super::documents::Documents;
use super::idle::Idle;
use super::latest::Latest;
use super::session::{ClientInfo, Session};
use super::status::Activity;
use super::types::{
    DocumentText, DocumentTextParams, ExecuteCommandParams, INLINE_COMPLETION, InlineCompletionList,
    InlineCompletionParams,
};
use crate::handlers;

/// Name under which `workspace/executeCommand` is registered: lsp-types 0.94 would lose its `partialResultToken`.
const EXECUTE_COMMAND: &str = "halfline/executeCommand";

/// One client's server.
pub struct Server {
    /// The way back to the client.
    pub client: Client,
    /// What is open.
    pub documents: Arc<Documents>,
    /// The latest inline completion request of each document.
    pub latest: Latest,
    /// What the engine is doing for this client.
    pub activity: Activity,
    /// What is done while nobody asks.
    pub idle: Idle,
    /// Resolves when the client's process is gone.
    pub abandoned: Arc<Notify>,
    flags: Vec<(String, String)>,
    introduced: Mutex<ClientInfo>,
    session: OnceLock<Arc<Session>>,
}

impl Server {
    /// A service for one client. `flags` are settings given on the command line.
    pub fn service(flags: Vec<(String, String)>) -> (LspService<Server>, ClientSocket) {
        let build = |client: Client| Server {
            client,
            documents: Arc::default(),
            latest: Latest::default(),
            activity: Activity::new(),
            idle: Idle::default(),
            abandoned: Arc::default(),
            flags,
            introduced: Mutex::default(),
            session: OnceLock::new(),
        };
        LspService::build(build)
            .custom_method(INLINE_COMPLETION, Server::inline_completion)
            .custom_method(EXECUTE_COMMAND, Server::execute)
            .custom_method("halfline/documentText", Server::document_text)
            .custom_method("textDocument/didShowCompletion", Server::did_show_completion)
            .custom_method("textDocument/didPartiallyAcceptCompletion", Server::did_partially_accept_completion)
            .custom_method("textDocument/didFocus", Server::did_focus)
            .finish()
    }

    /// The name under which a method is registered here.
    pub fn registered_name(method: &str) -> &str {
        if method == "workspace/executeCommand" { EXECUTE_COMMAND } else { method }
    }

    /// Keeps what the client said about itself until `initialize` runs.
    pub fn introduce(&self, params: &Value) {
        *self.introduced.lock().unwrap_or_else(PoisonError::into_inner) = ClientInfo::read(params);
    }

    /// Starts the session with the client that introduced itself.
    pub fn start_session(&self) -> Arc<Session> {
        let start = || {
            let client = self.introduced.lock().unwrap_or_else(PoisonError::into_inner).clone();
            Arc::new(Session::start(client, &self.flags))
        };
        self.session.get_or_init(start).clone()
    }

    /// The session. tower-lsp lets no request through before `initialize`, so the error is for bugs.
    pub fn session(&self) -> Result<&Arc<Session>> {
        self.session.get().ok_or_else(Error::internal_error)
    }

    /// Tells the client that other tests have failed now. Nobody waits for its answer.
    pub fn refresh_lenses(&self) {
        if self.session().is_ok_and(|session| session.client.lens_refresh) {
            let client = self.client.clone();
            tokio::spawn(async move {
                if let Err(error) = client.code_lens_refresh().await {
                    tracing::debug!("the client does not renew its lenses: {error}");
                }
            });
        }
    }

    async fn inline_completion(&self, params: InlineCompletionParams) -> Result<InlineCompletionList> {
        handlers::inline_completion::handle(self, params).await
    }

    async fn execute(&self, params: ExecuteCommandParams) -> Result<Value> {
        handlers::execute_command::handle(self, params).await
    }

    async fn document_text(&self, params: DocumentTextParams) -> Result<Option<DocumentText>> {
        handlers::document_text::handle(self, params)
    }

    async fn did_show_completion(&self, params: Value) {
        handlers::feedback::handle("shown", &params);
    }

    async fn did_partially_accept_completion(&self, params: Value) {
        handlers::feedback::handle("accepted in part", &params);
    }

    async fn did_focus(&self, params: Value) {
        handlers::feedback::handle("focused", &params);
    }
}

#[tower_lsp::async_trait]
impl LanguageServer for Server {
    async fn initialize(&self, _params: InitializeParams) -> Result<InitializeResult> {
        handlers::initialize::handle(self)
    }

    async fn initialized(&self, _params: InitializedParams) {
        handlers::initialized::handle(self).await;
    }

    async fn shutdown(&self) -> Result<()> {
        Ok(())
    }

    async fn did_open(&self, params: DidOpenTextDocumentParams) {
        handlers::did_open::handle(self, params);
    }

    async fn did_change(&self, params: DidChangeTextDocumentParams) {
        handlers::did_change::handle(self, params);
    }

    async fn did_close(&self, params: DidCloseTextDocumentParams) {
        handlers::did_close::handle(self, params);
    }

    async fn did_save(&self, params: DidSaveTextDocumentParams) {
        handlers::did_save::handle(self, params);
    }

    async fn did_change_configuration(&self, _params: DidChangeConfigurationParams) {
        handlers::did_change_configuration::handle();
    }

    async fn completion(&self, params: CompletionParams) -> Result<Option<CompletionResponse>> {
        handlers::completion::handle(self, params).await
    }

    async fn code_action(&self, params: CodeActionParams) -> Result<Option<CodeActionResponse>> {
        handlers::code_action::handle(self, &params)
    }

    async fn code_lens(&self, params: CodeLensParams) -> Result<Option<Vec<CodeLens>>> {
        handlers::code_lens::handle(self, &params)
    }
}

//! `workspace/executeCommand`.

use serde_json::Value;
use tower_lsp::jsonrpc::{Error, Result};

use crate::commands::{self, Command};
use crate::lsp::Server;
use crate::lsp::types::ExecuteCommandParams;

/// Runs the command of that name.
pub async fn handle(server: &Server, params: ExecuteCommandParams) -> Result<Value> {
    let Some(command) = Command::from_name(&params.command) else {
        let known: Vec<&str> = Command::ALL.iter().map(|command| command.name()).collect();
        let message = format!("there is no command {:?}; there are {}", params.command, known.join(", "));
        return Err(Error::invalid_params(message));
    };
    commands::run(server, command, params.arguments, params.partial_result_token).await
}

//! Workspace commands, one file each.

mod status;

use serde_json::Value;
use tower_lsp::jsonrpc::Result;
use tower_lsp::lsp_types::NumberOrString;

use crate::lsp::Server;

/// The commands of `workspace/executeCommand`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// What the server is doing, and with which model.
    Status,
}

impl Command {
    /// Every command.
    pub const ALL: &[Command] = &[Command::Status];

    /// The command's name in the protocol.
    pub fn name(self) -> &'static str {
        match self {
            Command::Status => "halfline.status",
        }
    }

    /// The command of that name.
    pub fn from_name(name: &str) -> Option<Command> {
        Command::ALL.iter().copied().find(|command| command.name() == name)
    }
}

/// Runs a command. `token` is where parts of the answer go as they come; the returned value is the whole answer.
pub async fn run(
    server: &Server,
    command: Command,
    _arguments: Vec<Value>,
    _token: Option<NumberOrString>,
) -> Result<Value> {
    match command {
        Command::Status => status::run(server),
    }
}

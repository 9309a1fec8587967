//! Workspace commands, one file each: their arguments and what they answer.

mod answer;
mod ask;
mod debug_command;
mod explain;
mod fix;
mod permission;
mod status;

use serde::de::DeserializeOwned;
use serde_json::Value;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::lsp_types::NumberOrString;

use crate::lsp::Server;

/// The commands of `workspace/executeCommand`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// A question about the code.
    Ask,
    /// What is wrong at a place, and how to mend it.
    Explain,
    /// A change that makes the checker accept a file.
    Fix,
    /// A change that makes a failing command pass.
    DebugCommand,
    /// What the server is doing, and with which model.
    Status,
}

impl Command {
    /// Every command.
    pub const ALL: &[Command] = &[Command::Ask, Command::Explain, Command::Fix, Command::DebugCommand, Command::Status];

    /// The command's name in the protocol.
    pub fn name(self) -> &'static str {
        match self {
            Command::Ask => "halfline.ask",
            Command::Explain => "halfline.explain",
            Command::Fix => "halfline.fix",
            Command::DebugCommand => "halfline.debugCommand",
            Command::Status => "halfline.status",
        }
    }

    /// The command of that name.
    pub fn from_name(name: &str) -> Option<Command> {
        Command::ALL.iter().copied().find(|command| command.name() == name)
    }
}

/// Runs a command. Parts of the answer go to `token` as they come; the returned value is the whole answer.
pub async fn run(
    server: &Server,
    command: Command,
    arguments: Vec<Value>,
    token: Option<NumberOrString>,
) -> Result<Value> {
    match command {
        Command::Ask => ask::run(server, only_argument(command, arguments)?, token).await,
        Command::Explain => explain::run(server, only_argument(command, arguments)?, token).await,
        Command::Fix => fix::run(server, only_argument(command, arguments)?, token).await,
        Command::DebugCommand => debug_command::run(server, only_argument(command, arguments)?, token).await,
        Command::Status => status::run(server),
    }
}

/// The one object that a command takes.
fn only_argument<T: DeserializeOwned>(command: Command, arguments: Vec<Value>) -> Result<T> {
    let name = command.name();
    let Ok([argument]) = <[Value; 1]>::try_from(arguments) else {
        return Err(Error::invalid_params(format!("{name} takes one argument, an object")));
    };
    serde_json::from_value(argument).map_err(|error| Error::invalid_params(format!("the argument of {name}: {error}")))
}

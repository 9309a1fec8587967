//! Workspace commands, one file each: their arguments and what they answer.

mod answer;
mod ask;
mod chat;
mod chat_delete;
mod chat_list;
mod chat_new;
mod chat_send;
mod chat_show;
mod commit_message;
mod debug_command;
mod doc;
mod explain;
mod fix;
mod folder;
mod permission;
pub mod read_ahead;
mod review;
mod run;
mod status;
mod test;
mod why;
mod write;

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::Value;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::lsp_types::NumberOrString;

use crate::config;
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
    /// Run a command, and remember which tests failed.
    Run,
    /// Unit tests for a function.
    Test,
    /// Documentation for a definition.
    Doc,
    /// What is wrong with what has changed.
    Review,
    /// A message for what is staged.
    CommitMessage,
    /// Begin a conversation.
    ChatNew,
    /// Say something in one.
    ChatSend,
    /// The conversations of the workspace.
    ChatList,
    /// What was said in one.
    ChatShow,
    /// Delete one.
    ChatDelete,
    /// What a completion or an answer rests on.
    Why,
    /// What the server is doing, and with which model.
    Status,
}

impl Command {
    /// Every command.
    pub const ALL: &[Command] = &[
        Command::Ask,
        Command::Explain,
        Command::Fix,
        Command::DebugCommand,
        Command::Run,
        Command::Test,
        Command::Doc,
        Command::Review,
        Command::CommitMessage,
        Command::ChatNew,
        Command::ChatSend,
        Command::ChatList,
        Command::ChatShow,
        Command::ChatDelete,
        Command::Why,
        Command::Status,
    ];

    /// The command's name in the protocol.
    pub fn name(self) -> &'static str {
        match self {
            Command::Ask => "halfline.ask",
            Command::Explain => "halfline.explain",
            Command::Fix => "halfline.fix",
            Command::DebugCommand => "halfline.debugCommand",
            Command::Run => "halfline.run",
            Command::Test => "halfline.test",
            Command::Doc => "halfline.doc",
            Command::Review => "halfline.review",
            Command::CommitMessage => "halfline.commitMessage",
            Command::ChatNew => "halfline.chat.new",
            Command::ChatSend => "halfline.chat.send",
            Command::ChatList => "halfline.chat.list",
            Command::ChatShow => "halfline.chat.show",
            Command::ChatDelete => "halfline.chat.delete",
            Command::Why => "halfline.why",
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
        Command::Run => run::run(server, only_argument(command, arguments)?, token).await,
        Command::Test => test::run(server, only_argument(command, arguments)?, token).await,
        Command::Doc => doc::run(server, only_argument(command, arguments)?, token).await,
        Command::Review => review::run(server, only_argument(command, arguments)?, token).await,
        Command::CommitMessage => commit_message::run(server, only_argument(command, arguments)?, token).await,
        Command::ChatNew => chat_new::run(server, &only_argument(command, arguments)?),
        Command::ChatSend => chat_send::run(server, only_argument(command, arguments)?, token).await,
        Command::ChatList => chat_list::run(server, &only_argument(command, arguments)?),
        Command::ChatShow => chat_show::run(server, &only_argument(command, arguments)?),
        Command::ChatDelete => chat_delete::run(server, &only_argument(command, arguments)?),
        Command::Why => why::run(server, &only_argument(command, arguments)?),
        Command::Status => status::run(server),
    }
}

/// The root of the project that the file at `path` belongs to; `None` for a file on its own.
fn project_of(server: &Server, path: &Path) -> Result<Option<PathBuf>> {
    let folder = server.session()?.client.root.clone().filter(|root| path.starts_with(root));
    Ok(config::project_root(path).or(folder).and_then(|root| root.canonicalize().ok()))
}

/// The one object that a command takes.
fn only_argument<T: DeserializeOwned>(command: Command, arguments: Vec<Value>) -> Result<T> {
    let name = command.name();
    let Ok([argument]) = <[Value; 1]>::try_from(arguments) else {
        return Err(Error::invalid_params(format!("{name} takes one argument, an object")));
    };
    serde_json::from_value(argument).map_err(|error| Error::invalid_params(format!("the argument of {name}: {error}")))
}

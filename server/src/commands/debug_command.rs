//! `halfline.debugCommand`: run a failing command, and find the change that makes it pass. One argument: `{"command":
//! [program, arguments..], "directory"?, "uri"?, "apply"?}`, the directory absolute; without one, the workspace's root. Answers what
//! `halfline.fix` does.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::lsp_types::{NumberOrString, Url};

use super::fix;
use crate::assistant::fix::{Check, Extent, Task};
use crate::config;
use crate::lsp::{Server, convert};

#[derive(Deserialize)]
pub(super) struct Argument {
    command: Vec<String>,
    directory: Option<PathBuf>,
    uri: Option<Url>,
    #[serde(default)]
    apply: bool,
}

pub(super) async fn run(server: &Server, argument: Argument, token: Option<NumberOrString>) -> Result<Value> {
    if argument.command.first().is_none_or(|program| program.is_empty()) {
        return Err(Error::invalid_params("the command is empty"));
    }
    let folder = server.session()?.client.root.clone();
    let around = argument.uri.as_ref().and_then(convert::to_path).map(|path| config::workspace_root(&path));
    let directory = argument.directory.or(folder).or(around).and_then(|directory| directory.canonicalize().ok());
    let Some(directory) = directory.filter(|directory| directory.is_dir()) else {
        return Err(Error::invalid_params("there is no directory to run the command in; open a folder, or name one"));
    };
    let root = config::project_root(&directory).and_then(|root| root.canonicalize().ok()).unwrap_or(directory.clone());
    let below = directory.strip_prefix(&root).unwrap_or(&directory).to_owned();
    let open = fix::open_files(server, &root);
    let check = Check::new(argument.command, below);
    let command = check.argv.clone();
    let (extent, further) = (Extent::Tree, Vec::new());
    let task = Task { root, extent, check, further, path: None, line: None, message: None, open };
    let value = fix::find(server, task, argument.apply, token).await?;
    if value["applied"] == true && value["verified"] == true {
        server.session()?.failures.forget(&command);
        server.refresh_lenses();
    }
    Ok(value)
}

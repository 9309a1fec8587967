//! Whether a command may run. The first time in a workspace the user is asked; what they said for good is kept beside the
//! program's own data, where no workspace can write it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tower_lsp::jsonrpc::Result;
use tower_lsp::lsp_types::{MessageActionItem, MessageType};

use super::answer;
use crate::assistant::checker_of;
use crate::config::{self, AssistantConfig};
use crate::lsp::Server;

const ALWAYS: &str = "Always in this workspace";
const ONCE: &str = "Once";
const NO: &str = "No";

/// Where a command would run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// On a copy of the workspace.
    Copy,
    /// In the workspace itself.
    Workspace,
}

/// Commands that may run, by workspace.
type Allowed = BTreeMap<PathBuf, BTreeSet<String>>;

/// Lets the user decide whether `command` may run on `root`, unless they have. The error says who refused.
pub(super) async fn ask(server: &Server, root: &Path, command: &str, place: Place) -> Result<()> {
    if !server.session()?.config.assistant.may_run_checks {
        return Err(answer::failed(
            "no command may run here: the setting `assistant.may_run_checks` is off".to_owned(),
        ));
    }
    let (allowed, place) = match place {
        Place::Copy => (command.to_owned(), "on a copy of"),
        Place::Workspace => (in_place(command), "in"),
    };
    if read().get(root).is_some_and(|commands| commands.contains(&allowed)) {
        return Ok(());
    }
    let question = format!(
        "Halfline wants to run `{command}` {place} {}. It can run code of the project. Your files stay as they are.",
        root.display()
    );
    let item = |title: &str| MessageActionItem { title: title.to_owned(), properties: Default::default() };
    let items = [ALWAYS, ONCE, NO].map(item).to_vec();
    let answer = server.client.show_message_request(MessageType::INFO, question, Some(items)).await;
    match answer.ok().flatten().map(|item| item.title).as_deref() {
        Some(ALWAYS) => {
            remember(root, allowed);
            Ok(())
        }
        Some(ONCE) => Ok(()),
        _ => Err(answer::failed(format!("`{command}` was not run: you did not allow it"))),
    }
}

/// Whether the user has said for good that the checker of the file at `path` may run there, as `halfline.explain` runs it.
/// Nobody is asked.
pub(super) fn is_given_for_checker(path: &Path, settings: &AssistantConfig) -> std::result::Result<(), String> {
    if !settings.may_run_checks {
        return Err("no command may run here (assistant.may_run_checks)".to_owned());
    }
    let checker = checker_of(path, &settings.checkers).ok_or("no checker is known for it")?;
    let root = config::project_root(path).unwrap_or_else(|| path.parent().unwrap_or(Path::new("/")).to_owned());
    let root = root.canonicalize().map_err(|error| error.to_string())?;
    match read().get(&root).is_some_and(|commands| commands.contains(&in_place(&checker))) {
        true => Ok(()),
        false => Err(format!("the user has not allowed `{checker}` in this workspace")),
    }
}

/// What may run on a copy need not be welcome among the files themselves.
fn in_place(command: &str) -> String {
    format!("in place: {command}")
}

fn read() -> Allowed {
    let text = file().and_then(|path| fs::read_to_string(path).ok());
    // What cannot be read is forgotten: then the user is asked again.
    text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}

fn remember(root: &Path, command: String) {
    static WRITING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(path) = file() else { return };
    let mut allowed = read();
    allowed.entry(root.to_owned()).or_default().insert(command);
    if let Err(error) = write(&path, &allowed) {
        tracing::warn!("cannot remember that a command may run: {}: {error}", path.display());
    }
}

fn write(path: &Path, allowed: &Allowed) -> std::io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let file = tempfile::NamedTempFile::new_in(directory)?;
    serde_json::to_writer_pretty(&file, allowed)?;
    file.persist(path)?;
    Ok(())
}

fn file() -> Option<PathBuf> {
    directories::ProjectDirs::from("", "", "halfline").map(|dirs| dirs.data_local_dir().join("allowed-commands.json"))
}

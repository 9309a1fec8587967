//! The commands that the user has allowed for good, by workspace. They are kept beside the program's own data, where no
//! workspace can write, and count for editors and the command line alike. Who asks the user, and how, is not known here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::assistant::checker_of;
use crate::config::{self, AssistantConfig};

/// Where a command would run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// On a copy of the workspace.
    Copy,
    /// In the workspace itself.
    Workspace,
}

/// What the user has allowed.
#[derive(Clone, Debug)]
pub(crate) struct Allowed {
    /// `None` where the platform has no place for it; then nothing is remembered.
    file: Option<PathBuf>,
}

/// Commands by the workspace's root.
type Commands = BTreeMap<PathBuf, BTreeSet<String>>;

impl Allowed {
    /// That of the user who runs this program.
    pub(crate) fn of_user() -> Allowed {
        let directories = directories::ProjectDirs::from("", "", "halfline");
        Allowed { file: directories.map(|dirs| dirs.data_local_dir().join("allowed-commands.json")) }
    }

    /// Whether `command` may run there without a question. `root` is a real path.
    pub(crate) fn has(&self, root: &Path, command: &str, place: Place) -> bool {
        self.read().get(root).is_some_and(|commands| commands.contains(&entry(command, place)))
    }

    /// Remembers that it may.
    pub(crate) fn add(&self, root: &Path, command: &str, place: Place) {
        static WRITING: Mutex<()> = Mutex::new(());
        let _one_at_a_time = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(path) = &self.file else { return };
        let mut commands = self.read();
        commands.entry(root.to_owned()).or_default().insert(entry(command, place));
        if let Err(error) = write(path, &commands) {
            tracing::warn!("cannot remember that a command may run: {}: {error}", path.display());
        }
    }

    /// Whether the checker of the file at `path` may run there, as `explain` runs it. The error says why it may not.
    pub(crate) fn has_checker_of(&self, path: &Path, settings: &AssistantConfig) -> Result<(), String> {
        if !settings.may_run_checks {
            return Err("no command may run here (assistant.may_run_checks)".to_owned());
        }
        let checker = checker_of(path, &settings.checkers).ok_or("no checker is known for it")?;
        let root = project_of(path).map_err(|error| error.to_string())?;
        match self.has(&root, &checker, Place::Workspace) {
            true => Ok(()),
            false => Err(format!("the user has not allowed `{checker}` in this workspace")),
        }
    }

    fn read(&self) -> Commands {
        let text = self.file.as_ref().and_then(|path| fs::read_to_string(path).ok());
        // What cannot be read is forgotten: then the user is asked again.
        text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }
}

/// The workspace that the file at `path` counts to: its project, or the directory of a file on its own.
pub(crate) fn project_of(path: &Path) -> std::io::Result<PathBuf> {
    config::project_root(path).unwrap_or_else(|| path.parent().unwrap_or(Path::new("/")).to_owned()).canonicalize()
}

/// What the user is asked.
pub(crate) fn question(root: &Path, command: &str, place: Place) -> String {
    let place = match place {
        Place::Copy => "on a copy of",
        Place::Workspace => "in",
    };
    format!(
        "Halfline wants to run `{command}` {place} {}. It can run code of the project. Your files stay as they are.",
        root.display()
    )
}

/// What may run on a copy need not be welcome among the files themselves.
fn entry(command: &str, place: Place) -> String {
    match place {
        Place::Copy => command.to_owned(),
        Place::Workspace => format!("in place: {command}"),
    }
}

fn write(path: &Path, commands: &Commands) -> std::io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let file = tempfile::NamedTempFile::new_in(directory)?;
    serde_json::to_writer_pretty(&file, commands)?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
impl Allowed {
    /// One that is kept in `file`.
    pub(crate) fn at(file: PathBuf) -> Allowed {
        Allowed { file: Some(file) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_yes_counts_for_one_command_in_one_workspace_and_place() {
        let dir = tempfile::tempdir().unwrap();
        let allowed = Allowed::at(dir.path().join("deep/allowed.json"));
        let (root, other) = (Path::new("/a"), Path::new("/b"));
        assert!(!allowed.has(root, "cargo check", Place::Copy));
        allowed.add(root, "cargo check", Place::Copy);
        allowed.add(root, "pytest", Place::Copy);
        assert!(allowed.has(root, "cargo check", Place::Copy) && allowed.has(root, "pytest", Place::Copy));
        assert!(!allowed.has(root, "cargo check", Place::Workspace));
        assert!(!allowed.has(other, "cargo check", Place::Copy));
        assert!(!allowed.has(root, "cargo", Place::Copy));
    }

    #[test]
    fn a_checker_runs_only_where_it_was_allowed() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let path = root.join("a.rs");
        std::fs::write(&path, "fn main() {}\n").unwrap();
        let allowed = Allowed::at(dir.path().join("allowed.json"));
        let settings = AssistantConfig::default();
        let refused = allowed.has_checker_of(&path, &settings).unwrap_err();
        assert_eq!(refused, "the user has not allowed `rustc a.rs` in this workspace");
        allowed.add(&project_of(&path).unwrap(), "rustc a.rs", Place::Workspace);
        assert_eq!(allowed.has_checker_of(&path, &settings), Ok(()));
        let off = AssistantConfig { may_run_checks: false, ..settings };
        assert!(allowed.has_checker_of(&path, &off).unwrap_err().contains("assistant.may_run_checks"));
    }
}

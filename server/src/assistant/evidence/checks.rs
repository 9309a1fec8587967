//! Which checker a file needs.

use std::path::Path;
use std::time::Duration;

use halfline_context::Snapshot;

use super::super::{Diagnostic, Evidence, Update};
use super::{Item, checkers, python, rust};
use crate::config::CheckerEntry;

/// What checkers said.
#[derive(Debug, Default)]
pub(in super::super) struct Checked {
    /// About any file.
    pub(in super::super) diagnostics: Vec<Diagnostic>,
    /// Why a checker could not say anything.
    pub(in super::super) notes: Vec<Item>,
}

impl Checked {
    /// Nothing but the reason why `checker` has nothing to say.
    pub(super) fn failed(checker: &str, reason: &str) -> Checked {
        let evidence =
            Evidence { path: checker.to_owned(), lines: (1, 1), why: "the checker could not run".to_owned() };
        let note = Item { evidence, text: reason.trim().to_owned(), fence: "text".to_owned(), found: false };
        Checked { diagnostics: Vec::new(), notes: vec![note] }
    }
}

/// What [`run`] would run for the file at `path`, in words. `None` for a language without a checker.
pub fn checker_of(path: &Path, configured: &[CheckerEntry]) -> Option<String> {
    let own = checkers::for_file(configured, path);
    if !own.is_empty() {
        return Some(own.iter().map(|entry| checkers::in_words(entry, path)).collect::<Vec<_>>().join(" and "));
    }
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let of_project: Vec<String> =
        checkers::of_project(path).into_iter().map(|entry| format!(", {}", entry.name)).collect();
    match halfline_grammars::by_path(path)?.name() {
        "rust" if rust::package_of(path).is_some() => Some("cargo check".to_owned()),
        "rust" => Some(format!("rustc {name}")),
        "python" if of_project.is_empty() => Some(format!("python3 (its parser, pyflakes) and ruff on {name}")),
        "python" => Some(format!("python3 (its parser, pyflakes), ruff{} on {name}", of_project.concat())),
        _ => None,
    }
}

/// Runs the checker for the file at `path`: those that the user `configured` for its language, one after the other until one
/// has something to say, else the built-in one, then what the project is checked with. A language without one gives nothing.
pub(in super::super) async fn run(
    snapshot: &Snapshot,
    path: &Path,
    configured: &[CheckerEntry],
    time: Duration,
    sink: &mut (dyn FnMut(Update) + Send),
) -> Checked {
    let own = checkers::for_file(configured, path);
    if !own.is_empty() {
        return first_to_speak(own, path, time, sink).await;
    }
    match snapshot.language().map(|language| language.name()) {
        Some("rust") => rust::check(path, time, sink).await,
        Some("python") => {
            let mut checked = python::check(path, time, sink).await;
            if checked.diagnostics.is_empty() {
                let types = first_to_speak(checkers::of_project(path).iter(), path, time, sink).await;
                checked.diagnostics = types.diagnostics;
            }
            checked
        }
        _ => Checked::default(),
    }
}

/// What the first of `entries` says that has something to say; else why some could not.
async fn first_to_speak<'a>(
    entries: impl IntoIterator<Item = &'a CheckerEntry>,
    path: &Path,
    time: Duration,
    sink: &mut (dyn FnMut(Update) + Send),
) -> Checked {
    let mut silent = Checked::default();
    for entry in entries {
        let checked = checkers::run(entry, path, time, sink).await;
        if !checked.diagnostics.is_empty() {
            return checked;
        }
        silent.notes.extend(checked.notes);
    }
    silent
}

//! Which checker a file needs.

use std::path::Path;
use std::time::Duration;

use halfline_context::Snapshot;

use super::super::{Diagnostic, Evidence, Update};
use super::{Item, python, rust};

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
pub fn checker_of(path: &Path) -> Option<String> {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    match halfline_grammars::by_path(path)?.name() {
        "rust" if rust::package_of(path).is_some() => Some("cargo check".to_owned()),
        "rust" => Some(format!("rustc {name}")),
        "python" => Some(format!("python3 (its parser, pyflakes) and ruff on {name}")),
        _ => None,
    }
}

/// Runs the checker for the file at `path`. A language without one gives nothing.
pub(in super::super) async fn run(
    snapshot: &Snapshot,
    path: &Path,
    time: Duration,
    sink: &mut (dyn FnMut(Update) + Send),
) -> Checked {
    match snapshot.language().map(|language| language.name()) {
        Some("rust") => rust::check(path, time, sink).await,
        Some("python") => python::check(path, time, sink).await,
        _ => Checked::default(),
    }
}

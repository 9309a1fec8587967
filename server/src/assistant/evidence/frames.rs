//! The code that a stack trace in a question leads through.

use std::path::{Path, PathBuf};

use halfline_context::Focus;

use super::super::Sources;
use super::super::output;

/// Frames that are looked at: the innermost, which say most.
const MOST_FRAMES: usize = 3;

/// The places of the workspace that the traces and messages in `question` name, the innermost first.
pub(super) fn of(sources: &Sources, question: &str) -> Vec<Focus> {
    let findings = output::read(question, "");
    let mut places: Vec<(PathBuf, usize)> = Vec::new();
    let frames = findings.failures.iter().flat_map(|failure| failure.frames.iter().rev());
    let frames = frames.map(|frame| (frame.path.as_path(), frame.line));
    let messages = findings.diagnostics.iter().map(|one| (one.path.as_path(), one.start.line as usize + 1));
    for (path, line) in frames.chain(messages) {
        if let Some(path) = in_workspace(sources, path)
            && !places.contains(&(path.clone(), line))
        {
            places.push((path, line));
        }
    }
    let focus = |(path, line): (PathBuf, usize)| {
        let snapshot = sources.read(&path).ok()?;
        let line = line.saturating_sub(1);
        Some(Focus { snapshot, lines: line..=line, message: question.to_owned() })
    };
    places.into_iter().take(MOST_FRAMES).filter_map(focus).collect()
}

/// The file of the workspace that a trace means: traces come from other machines and other directories, so the longest
/// end of the path that is one file's decides.
fn in_workspace(sources: &Sources, path: &Path) -> Option<PathBuf> {
    let workspace = &sources.workspace;
    let absolute = sources.absolute(path);
    if workspace.file(&absolute).is_some() {
        return Some(absolute);
    }
    let files = workspace.files();
    let names: Vec<_> = path.components().collect();
    (0..names.len()).find_map(|start| {
        let end: PathBuf = names[start..].iter().collect();
        let mut fitting = files.iter().filter(|file| file.path.ends_with(&end));
        match (fitting.next(), fitting.next()) {
            (Some(file), None) => Some(file.path.clone()),
            _ => None,
        }
    })
}

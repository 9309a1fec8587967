//! Files that a model may read: those of the workspace that the index would read, and none that have to stay.

use std::path::{Path, PathBuf};

use halfline_context::debugging::numbered;
use halfline_context::workspace::is_secret;

use super::super::Sources;
use super::{Denied, Fetched};
use crate::policy::privacy::Privacy;

/// Lines that one call gives at most.
const MOST_LINES: usize = 300;

/// The file that a model names, and its path in the workspace. A path that leads out of it, by dots or by a link, one that
/// git ignores or that tends to hold secrets, and one that the user keeps is refused.
pub(super) fn find_file(sources: &Sources, privacy: &Privacy, path: &str) -> Result<(PathBuf, String), Denied> {
    let workspace = &sources.workspace;
    let refuse = |why: &str| Err(Denied::Refused(why.to_owned()));
    if path.trim().is_empty() || path.contains('\0') {
        return Err(Denied::Failed("the path is empty, or no path".to_owned()));
    }
    let named = workspace.root().join(path.trim());
    if is_secret(&named) {
        return refuse("files of that name tend to hold secrets");
    }
    if let Some(why) = privacy.keeps(named.strip_prefix(workspace.root()).unwrap_or(&named)) {
        return Err(Denied::Refused(why));
    }
    let root = workspace.root().canonicalize().map_err(|error| Denied::Failed(format!("no workspace: {error}")))?;
    let Ok(real) = named.canonicalize() else {
        // Whether there is something outside is nobody's business.
        let is_inside = !path.contains("..") && !Path::new(path.trim()).is_absolute();
        return if is_inside { Err(Denied::Failed("there is no such file".to_owned())) } else { refuse(OUTSIDE) };
    };
    let Ok(below) = real.strip_prefix(&root) else { return refuse(OUTSIDE) };
    if let Some(why) = privacy.keeps(below) {
        return Err(Denied::Refused(why));
    }
    let file = workspace.root().join(below);
    if is_secret(&real) {
        return refuse("files of that name tend to hold secrets");
    }
    if workspace.file(&file).is_none() && !workspace.would_read(&file) {
        return refuse("it is hidden, ignored by git, or no plain file");
    }
    let shown = workspace.display_path(&file);
    Ok((file, shown))
}

const OUTSIDE: &str = "it lies outside of the workspace";

/// Lines of a file, from 1, with their numbers.
pub(super) fn lines(
    sources: &Sources,
    privacy: &Privacy,
    path: &str,
    (first, last): (Option<usize>, Option<usize>),
) -> Result<Fetched, Denied> {
    let (file, shown) = find_file(sources, privacy, path)?;
    let snapshot = sources.read(&file).map_err(|error| Denied::Failed(error.to_string()))?;
    let count = snapshot.rope().len_lines();
    let first = first.unwrap_or(1).max(1);
    if first > count {
        return Err(Denied::Failed(format!("{shown} has {count} lines")));
    }
    let last = last.unwrap_or(usize::MAX).clamp(first, count.min(first + MOST_LINES - 1));
    let text = numbered(&snapshot, &(first - 1..=last - 1), None);
    Ok(Fetched { text: format!("{shown}, lines {first}-{last} of {count}:\n{text}"), files: vec![shown] })
}

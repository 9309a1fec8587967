//! Following the disk: files that change are read again a moment later.
//!
//! The directories that a scan looks into are watched, each by itself: a recursive watch would take one handle for every
//! directory of a build's output. What happens in a directory before it is watched is looked for afterwards.

use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::{ScanLimits, Workspace};

/// Changes that follow each other within this time are taken together.
const QUIET: Duration = Duration::from_millis(200);
/// No change waits longer than this for the others to end.
const PATIENCE: Duration = Duration::from_secs(2);
/// After more changes than this at once, everything is looked at.
const MOST_PATHS: usize = 64;
/// Directories beyond this many are not watched; the next scan sees their changes.
const MOST_DIRECTORIES: usize = 20_000;

/// Keeps a workspace up to date while it lives.
#[derive(Debug)]
pub struct Watching {
    stopped: Arc<AtomicBool>,
}

/// Follows the changes of `workspace` on disk from now on, in a thread of its own, until the result is dropped. What
/// changed before is the next scan's matter.
pub fn watch(workspace: Arc<Workspace>) -> notify::Result<Watching> {
    let (sender, events) = channel();
    let mut watcher = notify::recommended_watcher(sender)?;
    let mut watched = HashSet::new();
    watch_directories(&workspace, &mut watcher, &mut watched);
    let stopped = Arc::new(AtomicBool::new(false));
    let watching = Watching { stopped: stopped.clone() };
    let follow = move || {
        workspace.scan(&ScanLimits::default(), &stopped);
        let look = |watcher: &mut RecommendedWatcher, watched: &mut HashSet<PathBuf>| {
            while watch_directories(&workspace, watcher, watched) {
                workspace.scan(&ScanLimits::default(), &stopped);
            }
        };
        look(&mut watcher, &mut watched);
        while let Some(paths) = next_changes(&events, &stopped) {
            if needs_scan(&workspace, &paths) {
                // A directory that was replaced took its watch with it.
                watched.retain(|directory| !paths.contains(directory));
                workspace.scan(&ScanLimits::default(), &stopped);
                look(&mut watcher, &mut watched);
                continue;
            }
            let paths: Vec<PathBuf> = paths.into_iter().collect();
            for (path, outcome) in paths.iter().zip(workspace.update_all(&paths)) {
                if let Err(why) = outcome {
                    tracing::debug!(path = %path.display(), "not indexed: {why}");
                }
            }
        }
    };
    std::thread::Builder::new().name("watch".to_owned()).spawn(follow)?;
    Ok(watching)
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

/// Watches what is not watched yet; returns whether there was anything.
fn watch_directories(workspace: &Workspace, watcher: &mut RecommendedWatcher, watched: &mut HashSet<PathBuf>) -> bool {
    let directories: BTreeSet<PathBuf> = workspace.directories().into_iter().collect();
    watched.retain(|directory| directories.contains(directory));
    let before = watched.len();
    for directory in directories.into_iter().take(MOST_DIRECTORIES) {
        if watched.contains(&directory) {
            continue;
        }
        match watcher.watch(&directory, RecursiveMode::NonRecursive) {
            Ok(()) => {
                watched.insert(directory);
            }
            Err(error) => tracing::debug!(directory = %directory.display(), "changes here are not noticed: {error}"),
        }
    }
    watched.len() > before
}

/// Waits for a change and for quiet after it; `None` once the watching has ended.
fn next_changes(events: &Receiver<notify::Result<Event>>, stopped: &AtomicBool) -> Option<BTreeSet<PathBuf>> {
    let mut paths = BTreeSet::new();
    let mut first: Option<Instant> = None;
    loop {
        match events.recv_timeout(QUIET) {
            Ok(Ok(event)) if !matches!(event.kind, EventKind::Access(_)) => {
                paths.extend(event.paths);
                first.get_or_insert_with(Instant::now);
            }
            Ok(Ok(_)) => {}
            // Events were lost: the path that is no file makes the caller look at everything.
            Ok(Err(error)) => {
                tracing::debug!("watching: {error}");
                paths.insert(PathBuf::new());
                first.get_or_insert_with(Instant::now);
            }
            Err(RecvTimeoutError::Timeout) if stopped.load(Ordering::Relaxed) => return None,
            Err(RecvTimeoutError::Timeout) if !paths.is_empty() => return Some(paths),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return None,
        }
        if first.is_some_and(|first| first.elapsed() > PATIENCE) {
            return Some(paths);
        }
    }
}

/// Whether changes may concern files that are not named: directories that come or go, and rules of what is ignored.
fn needs_scan(workspace: &Workspace, paths: &BTreeSet<PathBuf>) -> bool {
    let is_wide = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let is_rule = matches!(name, ".gitignore" | ".ignore" | "Cargo.toml" | "");
        // What came and went between two scans leaves nothing behind: editors try out with a file (Vim's `4913`)
        // whether they may write in a directory.
        is_rule || path.is_dir() || workspace.knows_directory(path)
    };
    paths.len() > MOST_PATHS || paths.iter().any(is_wide)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_what_may_concern_other_files_needs_a_scan() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        fs::create_dir(root.join("lib.d")).unwrap();
        fs::write(root.join("lib.d/a.rs"), "fn one() {}").unwrap();
        let workspace = Workspace::new(&root);
        workspace.scan(&ScanLimits::default(), &AtomicBool::new(false));
        let needs = |path: &str| needs_scan(&workspace, &BTreeSet::from([root.join(path)]));
        assert!(!needs("4913"), "Vim asks whether it may write");
        assert!(!needs("lib.d/a.rs") && !needs("Makefile"));
        assert!(needs(".gitignore") && needs("lib.d"));
        fs::remove_dir_all(root.join("lib.d")).unwrap();
        assert!(needs("lib.d"), "a directory that is gone");
    }

    #[test]
    fn changes_on_disk_arrive() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        fs::write(root.join("a.rs"), "fn one() {}").unwrap();
        let workspace = Arc::new(Workspace::new(&root));
        workspace.scan(&ScanLimits::default(), &AtomicBool::new(false));
        let watching = watch(workspace.clone()).unwrap();
        let until = |what: &str, done: &dyn Fn() -> bool| {
            let start = Instant::now();
            while !done() {
                assert!(start.elapsed() < Duration::from_secs(60), "{what} is not noticed");
                std::thread::sleep(Duration::from_millis(20));
            }
        };
        let known = |name: &str| !workspace.find(name).is_empty();
        fs::write(root.join("a.rs"), "fn changed() {}").unwrap();
        until("a change", &|| known("changed") && !known("one"));
        fs::create_dir(root.join("empty")).unwrap();
        until("an empty directory", &|| workspace.directories().contains(&root.join("empty")));
        fs::write(root.join("empty/c.rs"), "fn four() {}").unwrap();
        until("a file in it", &|| known("four"));
        fs::create_dir_all(root.join("new/inner")).unwrap();
        fs::write(root.join("new/inner/b.rs"), "fn two() {}").unwrap();
        until("a new directory", &|| known("two"));
        fs::write(root.join("new/inner/b.rs"), "fn three() {}").unwrap();
        until("a change in it", &|| known("three"));
        fs::remove_dir_all(root.join("new")).unwrap();
        until("a removal", &|| !known("three"));
        drop(watching);
    }
}

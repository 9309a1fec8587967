//! Files as an editor has them, saved or not: wherever names are looked up they stand in front of what was read from disk.
//! The index on disk and the search know nothing of them.
//!
//! Noting an edit costs a few pointers. What a text defines is read when somebody looks a name up, once for each text.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use super::file::{FileSymbols, Stamp};
use super::{Workspace, walk};
use crate::document::Snapshot;
use crate::symbols;

/// The files that are being edited, by path.
#[derive(Debug, Default)]
pub(super) struct OpenFiles(RwLock<HashMap<PathBuf, Arc<Open>>>);

/// One text of a file.
#[derive(Debug)]
pub(super) struct Open {
    snapshot: Snapshot,
    file: OnceLock<Arc<FileSymbols>>,
    /// Whether the index would read such a file; the same for all texts of it.
    is_wanted: Arc<OnceLock<bool>>,
}

impl OpenFiles {
    fn get(&self, path: &Path) -> Option<Arc<Open>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(path).cloned()
    }

    fn all(&self) -> Vec<Arc<Open>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

impl Workspace {
    /// Notes the text that a file has in an editor. It counts until that is [`saved`](Workspace::saved)
    /// or the file is [`closed`](Workspace::closed).
    pub fn edited(&self, snapshot: &Snapshot) {
        let Some(path) = snapshot.path().filter(|path| path.starts_with(&self.root)) else { return };
        let mut open = self.open.0.write().unwrap_or_else(PoisonError::into_inner);
        let is_wanted = open.get(path).map(|known| known.is_wanted.clone()).unwrap_or_default();
        let text = Open { snapshot: snapshot.clone(), file: OnceLock::new(), is_wanted };
        open.insert(path.to_owned(), Arc::new(text));
    }

    /// Notes that this text was written to disk, where it can be read again from now on.
    pub fn saved(&self, snapshot: &Snapshot) {
        let Some(path) = snapshot.path() else { return };
        let mut open = self.open.0.write().unwrap_or_else(PoisonError::into_inner);
        // Someone may have typed on meanwhile.
        if open.get(path).is_some_and(|open| open.snapshot.version() == snapshot.version()) {
            open.remove(path);
        }
    }

    /// Notes that no editor has the file any more.
    pub fn closed(&self, path: &Path) {
        self.open.0.write().unwrap_or_else(PoisonError::into_inner).remove(path);
    }

    /// The text of a file in the editor, where that is not known to be what is on disk.
    pub(crate) fn open_text(&self, path: &Path) -> Option<Snapshot> {
        let open = self.open.get(path)?;
        self.is_wanted(&open).then(|| open.snapshot.clone())
    }

    /// What is known of a file by its text in the editor.
    pub(super) fn open_file(&self, path: &Path) -> Option<Arc<FileSymbols>> {
        let open = self.open.get(path)?;
        self.is_wanted(&open).then(|| self.symbols_of_open(&open))
    }

    /// The files in the editor that count, whether or not they define anything.
    pub(super) fn open_files(&self) -> Vec<Arc<Open>> {
        let mut open = self.open.all();
        open.retain(|open| self.is_wanted(open));
        open
    }

    pub(super) fn symbols_of_open(&self, open: &Open) -> Arc<FileSymbols> {
        let read = || {
            let snapshot = &open.snapshot;
            let path = snapshot.path().unwrap_or(Path::new(""));
            // Which words stand in a text is counted from what was saved: it need not be exact.
            let names = self.known().get(path).map(|known| known.names.clone()).unwrap_or_default();
            Arc::new(FileSymbols {
                path: path.to_owned(),
                definitions: snapshot.definitions().to_vec(),
                imports: symbols::imports(snapshot),
                lines: snapshot.rope().len_lines(),
                chunks: 0,
                names,
                stamp: Stamp::default(),
            })
        };
        open.file.get_or_init(read).clone()
    }

    /// Where lines (from 0) of a file as it was read for the index are in the editor, with the text there; `None` where
    /// the file on disk counts.
    pub fn lines_in_editor(&self, path: &Path, lines: (usize, usize)) -> Option<(Snapshot, (usize, usize))> {
        let snapshot = self.open_text(path)?;
        let lines = match walk::read_text(path) {
            Ok(saved) => moved(&saved, &snapshot.rope().to_string(), lines),
            Err(_) => lines,
        };
        Some((snapshot, lines))
    }

    /// Whether what the text defines may be told: no secrets, nothing that is ignored, and only where there is a tree.
    fn is_wanted(&self, open: &Open) -> bool {
        let is_source = || {
            let Some(path) = open.snapshot.path() else { return false };
            // A file that was not saved yet is no file of a walk.
            !walk::is_secret(path)
                && !path.components().any(|part| part == Component::ParentDir)
                && open.snapshot.language().is_some()
                && (!path.exists() || walk::comes_by(&self.root, path))
        };
        *open.is_wanted.get_or_init(is_source) && open.snapshot.tree().is_some()
    }
}

impl Open {
    pub(super) fn path(&self) -> &Path {
        self.snapshot.path().unwrap_or(Path::new(""))
    }

    pub(super) fn defines(&self, name: &str) -> bool {
        self.snapshot.definitions().iter().any(|definition| definition.name == name)
    }
}

/// Where lines of `old` are in `new`: as far from the start above what has changed, as far from the end below it. Lines
/// within are taken for all of what is there now.
fn moved(old: &str, new: &str, (first, last): (usize, usize)) -> (usize, usize) {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let same_above = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let most = old.len().min(new.len()) - same_above;
    let same_below = old.iter().rev().zip(new.iter().rev()).take(most).take_while(|(a, b)| a == b).count();
    let below = old.len() - same_below;
    let end = new.len().saturating_sub(1);
    let place = |line: usize, within: usize| match line {
        line if line < same_above => line,
        line if line >= below => line + new.len() - old.len(),
        _ => within,
    };
    let start = place(first, same_above).min(end);
    (start, place(last, (new.len() - same_below).saturating_sub(1)).clamp(start, end.max(start)))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::atomic::AtomicBool;

    use super::super::ScanLimits;
    use super::*;

    #[test]
    fn what_is_written_and_not_saved_is_known() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::write(root.join("a.rs"), "fn saved() {}\n\nfn stays() {}\n").unwrap();
        fs::write(root.join(".gitignore"), "ignored.rs\n").unwrap();
        fs::write(root.join("ignored.rs"), "").unwrap();
        let workspace = Workspace::new(root);
        workspace.scan(&ScanLimits::default(), &AtomicBool::new(false));
        let places = |name: &str| -> Vec<String> {
            let found = workspace.find(name);
            let show = |found: &super::super::Found| {
                format!("{}:{}", workspace.display_path(&found.file.path), found.definition().lines.0 + 1)
            };
            found.iter().map(show).collect()
        };
        let edit = |path: &str, text: &str| workspace.edited(&Snapshot::of_text(Some(root.join(path)), text));
        edit("a.rs", "use b::thing;\nfn typed() {}\nfn stays() {}\n");
        edit("new.rs", "fn typed() {}\n");
        edit("ignored.rs", "fn typed() {}\n");
        edit(".env", "typed=1");
        edit("../outside.rs", "fn typed() {}\n");
        assert_eq!(places("typed"), ["a.rs:2", "new.rs:1"]);
        assert_eq!((places("saved"), places("stays")), (vec![], vec!["a.rs:3".to_owned()]));
        assert_eq!(workspace.file(&root.join("a.rs")).unwrap().imports[0].name, "thing");
        edit("a.rs", "fn later() {}\n");
        assert_eq!((places("later"), places("typed")), (vec!["a.rs:1".to_owned()], vec!["new.rs:1".to_owned()]));
        workspace.closed(&root.join("a.rs"));
        workspace.closed(&root.join("new.rs"));
        assert_eq!((places("saved"), places("typed")), (vec!["a.rs:1".to_owned()], vec![]));
    }

    #[test]
    fn lines_move_with_what_was_typed() {
        let old = "a\nb\nc\nd\n";
        for (new, lines, expected) in [
            (old, (1, 2), (1, 2)),
            ("x\ny\na\nb\nc\nd\n", (1, 2), (3, 4)),
            ("a\nb\nd\n", (3, 3), (2, 2)),
            ("a\nb\nx\ny\nd\n", (1, 2), (1, 3)),
            ("a\nb\nx\ny\nd\n", (2, 3), (2, 4)),
            ("", (1, 2), (0, 0)),
            ("a\n", (2, 9), (0, 0)),
        ] {
            assert_eq!(moved(old, new, lines), expected, "{new:?} {lines:?}");
        }
    }
}

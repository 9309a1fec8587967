//! The documents that the client has open, by URI, with where they were edited last. Closing one forgets it.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use dashmap::DashMap;
use halfline_context::{Attention, Document, Encoding, Snapshot};
use tower_lsp::lsp_types::{TextDocumentContentChangeEvent, Url};

use super::convert;

/// Edits of one document so many lines apart are one place.
const ONE_PLACE: usize = 8;
/// Places of edits that are remembered.
const MOST_EDITS: usize = 8;
/// An edit older than this is none of a moment ago.
const MOMENT: Duration = Duration::from_mins(30);

/// The open documents. An edit locks one document for as long as the edit takes; readers work on snapshots.
#[derive(Debug, Default)]
pub struct Documents {
    open: DashMap<Url, Document>,
    /// The last places that were edited, the latest first.
    edits: Mutex<VecDeque<Edit>>,
    /// What the client said is wrong where it last asked for actions, and how many lines the text had then.
    problems: DashMap<Url, (usize, Vec<(usize, String)>)>,
}

/// A line of a document that was edited.
#[derive(Debug)]
struct Edit {
    uri: Url,
    line: usize,
    at: Instant,
}

impl Documents {
    /// Starts keeping a document.
    pub fn open(&self, uri: Url, language_id: &str, version: i32, text: &str) {
        let document = Document::new(convert::to_path(&uri), language_id, version, text);
        self.open.insert(uri, document);
    }

    /// Applies a client's changes in their order. `false` when the document is not open.
    pub fn change(
        &self,
        uri: &Url,
        version: i32,
        changes: &[TextDocumentContentChangeEvent],
        encoding: Encoding,
    ) -> bool {
        let Some(mut document) = self.open.get_mut(uri) else { return false };
        for change in changes {
            let range = change.range.map(|range| (convert::position(range.start), convert::position(range.end)));
            document.apply(range, &change.text, encoding);
            if let Some(range) = change.range {
                let removed = range.end.line.saturating_sub(range.start.line) as usize;
                self.note_edit(uri, range.start.line as usize, removed, change.text.matches('\n').count());
            }
        }
        document.set_version(version);
        true
    }

    /// Remembers that from `line` on so many lines gave way to so many others.
    fn note_edit(&self, uri: &Url, line: usize, removed: usize, added: usize) {
        let mut edits = self.edits.lock().unwrap_or_else(PoisonError::into_inner);
        for edit in edits.iter_mut().filter(|edit| edit.uri == *uri && edit.line > line) {
            edit.line = (edit.line + added).saturating_sub(removed).max(line);
        }
        let line = line + added;
        edits.retain(|edit| edit.uri != *uri || edit.line.abs_diff(line) > ONE_PLACE);
        edits.push_front(Edit { uri: uri.clone(), line, at: Instant::now() });
        edits.truncate(MOST_EDITS);
    }

    /// Remembers what the client says is wrong with a document.
    pub fn note_problems(&self, uri: &Url, problems: Vec<(usize, String)>) {
        if let Some(document) = self.open.get(uri) {
            self.problems.insert(uri.clone(), (document.snapshot().rope().len_lines(), problems));
        }
    }

    /// What someone who writes in this document has just been busy with.
    pub fn attention(&self, uri: &Url) -> Attention {
        // The lock is not held while a document is asked for: an edit takes the two the other way round.
        let recent: Vec<(Url, usize)> = {
            let edits = self.edits.lock().unwrap_or_else(PoisonError::into_inner);
            let recent = edits.iter().filter(|edit| edit.at.elapsed() < MOMENT);
            recent.map(|edit| (edit.uri.clone(), edit.line)).collect()
        };
        let edits = recent.into_iter().filter_map(|(uri, line)| Some((self.snapshot(&uri)?, line))).collect();
        let lines = self.snapshot(uri).map(|snapshot| snapshot.rope().len_lines());
        // Where lines have come or gone, nobody knows where the problems are now.
        let problems = self.problems.get(uri).filter(|known| Some(known.0) == lines);
        Attention { edits, problems: problems.map(|known| known.1.clone()).unwrap_or_default() }
    }

    /// Forgets a document. `false` when it was not open.
    pub fn close(&self, uri: &Url) -> bool {
        self.problems.remove(uri);
        self.open.remove(uri).is_some()
    }

    /// The document as it is now.
    pub fn snapshot(&self, uri: &Url) -> Option<Snapshot> {
        self.open.get(uri).map(|document| document.snapshot())
    }

    /// The document at a path that [`convert::to_document_path`] made, perhaps with a directory put in front.
    pub fn by_path(&self, path: &Path) -> Option<Snapshot> {
        let mut open = self.open.iter().map(|entry| (convert::to_document_path(entry.key()), entry.snapshot()));
        open.find(|(known, _)| known == path || (known.is_relative() && path.ends_with(known))).map(|(_, found)| found)
    }

    /// The open documents that are files, by path.
    pub fn files(&self) -> Vec<(PathBuf, Snapshot)> {
        let open = self.open.iter();
        open.filter_map(|entry| Some((convert::to_path(entry.key())?, entry.snapshot()))).collect()
    }

    /// How many are open.
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether none is open.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn edits_move_with_the_lines_and_are_told_the_latest_first() {
        let documents = Documents::default();
        let [a, b] = ["file:///a.rs", "file:///b.rs"].map(|uri| Url::parse(uri).unwrap());
        for uri in [&a, &b] {
            documents.open(uri.clone(), "rust", 1, &"x\n".repeat(100));
        }
        let edit = |uri: &Url, start: usize, end: usize, text: &str| {
            let change = json!({"range": {"start": {"line": start, "character": 0}, "end": {"line": end, "character": 0}}, "text": text});
            assert!(documents.change(uri, 2, &[serde_json::from_value(change).unwrap()], Encoding::Utf16));
        };
        let shown = || -> Vec<(String, usize)> {
            let name =
                |snapshot: &Snapshot| snapshot.path().unwrap().file_name().unwrap().to_string_lossy().into_owned();
            documents.attention(&a).edits.iter().map(|(snapshot, line)| (name(snapshot), *line)).collect()
        };
        edit(&a, 50, 50, "y");
        edit(&a, 52, 52, "y");
        assert_eq!(shown(), [("a.rs".to_owned(), 52)]);
        edit(&b, 7, 7, "y\ny\n");
        edit(&a, 10, 13, "");
        assert_eq!(shown(), [("a.rs".to_owned(), 10), ("b.rs".to_owned(), 9), ("a.rs".to_owned(), 49)]);
        documents.close(&b);
        assert_eq!(shown(), [("a.rs".to_owned(), 10), ("a.rs".to_owned(), 49)]);

        documents.note_problems(&a, vec![(3, "no".to_owned())]);
        assert_eq!(documents.attention(&a).problems, [(3, "no".to_owned())]);
        edit(&a, 1, 1, "in the line");
        assert_eq!(documents.attention(&a).problems.len(), 1);
        edit(&a, 1, 1, "a line\n");
        assert!(documents.attention(&a).problems.is_empty());
    }
}

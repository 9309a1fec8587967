//! The documents that the client has open, by URI. Closing one forgets it.

use std::path::{Path, PathBuf};

use dashmap::DashMap;
use halfline_context::{Document, Encoding, Snapshot};
use tower_lsp::lsp_types::{TextDocumentContentChangeEvent, Url};

use super::convert;

/// The open documents. An edit locks one document for as long as the edit takes; readers work on snapshots.
#[derive(Debug, Default)]
pub struct Documents {
    open: DashMap<Url, Document>,
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
        }
        document.set_version(version);
        true
    }

    /// Forgets a document. `false` when it was not open.
    pub fn close(&self, uri: &Url) -> bool {
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

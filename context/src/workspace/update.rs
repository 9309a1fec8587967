//! Reading single files again that have changed, without looking at the others.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::file::{FileSymbols, Stamp};
use super::{ScanLimits, Workspace, read_file, walk};
use crate::retrieval::chunk::Chunk;

impl Workspace {
    /// Reads one file again, if it has changed; returns the bytes read. A file that cannot be read is forgotten, and the
    /// error says why in words.
    pub fn update(&self, path: &Path) -> Result<u64, String> {
        self.update_all(&[path.to_owned()]).pop().unwrap_or(Ok(0))
    }

    /// The same for several files, with one outcome for each. The index is written once, and only if something changed.
    pub fn update_all(&self, paths: &[PathBuf]) -> Vec<Result<u64, String>> {
        let read: Vec<_> = paths.iter().map(|path| (path, self.read_again(path))).collect();
        let is_news = |(path, read): &(&PathBuf, Result<Option<_>, String>)| match read {
            Ok(read) => read.is_some(),
            Err(_) => self.known().get(path).is_some(),
        };
        if !read.iter().any(is_news) {
            return read.into_iter().map(|(_, read)| read.map(|_| 0)).collect();
        }
        let writing = self.writing();
        if writing.is_some() && self.kept.as_ref().is_some_and(|kept| !kept.agrees()) {
            // What else is missing from the words on disk only a scan can tell.
            drop(writing);
            self.scan(&ScanLimits::default(), &AtomicBool::new(false));
            return read.into_iter().map(|(_, read)| Ok(read?.map_or(0, |(file, _)| file.stamp.bytes))).collect();
        }
        let outcomes = read.into_iter().map(|(path, read)| match read {
            Ok(None) => Ok(0),
            Ok(Some((file, chunks))) => {
                let bytes = file.stamp.bytes;
                self.learn(file, chunks, writing.as_ref());
                Ok(bytes)
            }
            Err(why) => {
                self.forget(path, writing.as_ref());
                Err(why)
            }
        });
        let outcomes = outcomes.collect();
        self.keep(writing);
        outcomes
    }

    /// What a file holds now; `None` if it has not changed.
    fn read_again(&self, path: &Path) -> Result<Option<(FileSymbols, Vec<Chunk>)>, String> {
        halfline_grammars::by_path(path).ok_or("in a language that is not known")?;
        let stamp = Stamp::of(&std::fs::metadata(path).map_err(|error| error.to_string())?);
        if self.known().get(path).is_some_and(|file| file.stamp == stamp) {
            return Ok(None);
        }
        match walk::comes_by(&self.root, path) {
            true => read_file(path, stamp).map(Some),
            false => Err("ignored, or outside the workspace".to_owned()),
        }
    }
}

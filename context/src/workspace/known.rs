//! The tables of a workspace: files, the names that they define, and what was refused. Nothing here touches the disk.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustc_hash::FxBuildHasher;

use super::file::{FileSymbols, Stamp, hash, path_hash};

/// The files and where their names are.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The directory that they are in.
    root: PathBuf,
    /// By path.
    pub(super) ids: HashMap<PathBuf, u32>,
    /// By the hash of their path.
    pub(super) by_hash: HashMap<u64, u32, FxBuildHasher>,
    pub(super) files: Vec<Option<Arc<FileSymbols>>>,
    pub(super) free: Vec<u32>,
    /// Files by the hash of a name that they define.
    pub(super) names: HashMap<u64, Vec<u32>, FxBuildHasher>,
    /// Files that were not read, as they were then, and why.
    pub(super) refused: HashMap<PathBuf, (Stamp, String)>,
    /// Directories that the last scan looked into.
    pub(super) directories: Vec<PathBuf>,
    /// The root files of the workspace's own crates, by name.
    pub(super) crates: HashMap<String, PathBuf>,
}

impl Known {
    /// Nothing is known yet of the files under `root`.
    pub(super) fn of(root: PathBuf) -> Known {
        Known { root, ..Known::default() }
    }

    pub(super) fn get(&self, path: &Path) -> Option<&Arc<FileSymbols>> {
        self.files.get(*self.ids.get(path)? as usize)?.as_ref()
    }

    /// How a file was when it was read, or refused.
    pub(super) fn stamp(&self, path: &Path) -> Option<Stamp> {
        self.get(path).map(|file| file.stamp).or_else(|| Some(self.refused.get(path)?.0))
    }

    pub(super) fn put(&mut self, file: Arc<FileSymbols>) {
        self.remove(&file.path);
        self.refused.remove(&file.path);
        let id = self.free.pop().unwrap_or_else(|| {
            self.files.push(None);
            u32::try_from(self.files.len() - 1).unwrap_or(u32::MAX)
        });
        self.ids.insert(file.path.clone(), id);
        self.by_hash.insert(path_hash(&self.root, &file.path), id);
        for definition in &file.definitions {
            let ids = self.names.entry(hash(&definition.name)).or_default();
            // A file's definitions come one after the other, so the last entry tells.
            if ids.last() != Some(&id) {
                ids.push(id);
            }
        }
        self.files[id as usize] = Some(file);
    }

    /// Forgets a file; says whether it was known.
    pub(super) fn remove(&mut self, path: &Path) -> bool {
        let Some(id) = self.ids.remove(path) else { return false };
        self.by_hash.remove(&path_hash(&self.root, path));
        let Some(file) = self.files[id as usize].take() else { return false };
        for definition in &file.definitions {
            let name = hash(&definition.name);
            if let Some(ids) = self.names.get_mut(&name) {
                ids.retain(|known| *known != id);
                if ids.is_empty() {
                    self.names.remove(&name);
                }
            }
        }
        self.free.push(id);
        true
    }

    pub(super) fn fill(&mut self, files: Vec<FileSymbols>, refused: HashMap<PathBuf, (Stamp, String)>) {
        self.refused = refused;
        self.names.reserve(files.iter().map(|file| file.definitions.len()).sum());
        files.into_iter().for_each(|file| self.put(Arc::new(file)));
    }

    /// Forgets every file; where to look for them stays.
    pub(super) fn forget_files(&mut self) {
        let Known { root, directories, crates, .. } = std::mem::take(self);
        *self = Known { root, directories, crates, ..Known::default() };
    }
}

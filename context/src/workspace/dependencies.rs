//! Sources outside the workspace that its files are built with: where they lie, and what was read of them.
//!
//! What a lock file, a manifest or a virtual environment says is looked at again after a while, so that what is installed
//! meanwhile is found without a restart.

mod cargo;
mod files;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::Known;
use super::file::{FileSymbols, Stamp};
use cargo::Manifests;
use files::Files;

pub(crate) use files::{is_late, within};

/// What was looked up on disk is believed for so long.
const BELIEVED: Duration = Duration::from_secs(3);

/// Where dependencies are, and what was read of them.
#[derive(Debug, Default)]
pub(super) struct Dependencies {
    manifests: Manifests,
    site_packages: Mutex<Option<(Instant, Arc<[PathBuf]>)>>,
    registries: OnceLock<Vec<PathBuf>>,
    files: Files,
}

impl Dependencies {
    /// A dependency's file. Who has said how long it may take gets nothing where reading takes longer; see [`within`].
    pub(super) fn file(&self, root: &Path, path: &Path) -> Option<Arc<FileSymbols>> {
        let site_packages = self.site_packages(root);
        let is_dependency =
            self.registries().iter().chain(site_packages.iter()).any(|directory| path.starts_with(directory));
        if is_dependency { self.files.get(path) } else { None }
    }

    /// What the manifest of the crate around the file `from` calls `name`: the package's own name.
    pub(super) fn package(&self, root: &Path, from: &Path, name: &str) -> Option<String> {
        Some(self.manifests.asked(root, from, name)?.package)
    }

    /// The root file of the crate that the file `from` calls `name`.
    pub(super) fn crate_root(&self, root: &Path, from: &Path, name: &str) -> Option<PathBuf> {
        let directory = self.manifests.locked(root, from, name)?;
        let found = self.registries().iter().map(|registry| registry.join(&directory)).find(|path| path.is_dir())?;
        Some(self.manifests.library(&found)?.1)
    }

    /// The directories of installed Python packages.
    pub(super) fn site_packages(&self, root: &Path) -> Arc<[PathBuf]> {
        let mut known = self.site_packages.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, found)) = known.as_ref().filter(|(at, _)| at.elapsed() < BELIEVED) {
            return found.clone();
        }
        let found: Arc<[PathBuf]> = installed(root).into();
        *known = Some((Instant::now(), found.clone()));
        found
    }

    /// The path of a dependency's file from its package on.
    pub(super) fn display_path<'a>(&self, path: &'a Path) -> Option<&'a Path> {
        let known = self.site_packages.lock().unwrap_or_else(PoisonError::into_inner);
        let site_packages = known.iter().flat_map(|(_, found)| found.iter());
        let mut known = self.registries.get().into_iter().flatten().chain(site_packages);
        known.find_map(|directory| path.strip_prefix(directory).ok())
    }

    fn registries(&self) -> &[PathBuf] {
        self.registries.get_or_init(|| {
            let home = std::env::var_os("HOME").or_else(|| std::env::var_os("USERPROFILE")).map(PathBuf::from);
            let cargo = std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(home?.join(".cargo")));
            cargo.map(|cargo| subdirectories(&cargo.join("registry").join("src"))).unwrap_or_default()
        })
    }
}

/// The crates of a workspace by name, with their root files: of every known manifest the library, if that is known too.
pub(super) fn members(known: &Known) -> HashMap<String, PathBuf> {
    let manifests = known.ids.keys().filter(|path| path.file_name().is_some_and(|name| name == "Cargo.toml"));
    let libraries = manifests.filter_map(|path| cargo::library(path.parent()?));
    libraries.filter(|(_, root)| known.ids.contains_key(root)).collect()
}

/// Where packages are installed that the workspace at `root` may use: its own environments, then those that are active.
fn installed(root: &Path) -> Vec<PathBuf> {
    let active = ["VIRTUAL_ENV", "CONDA_PREFIX"].into_iter().filter_map(std::env::var_os).map(PathBuf::from);
    let environments = [".venv", "venv", "env"].map(|name| root.join(name)).into_iter().chain(active);
    environments.flat_map(|environment| packages_of(&environment)).collect()
}

/// Where one environment of Python has its packages: by version, or on Windows directly.
fn packages_of(environment: &Path) -> Vec<PathBuf> {
    let by_version = subdirectories(&environment.join("lib")).into_iter();
    let all = by_version.chain([environment.join("Lib")]).map(|python| python.join("site-packages"));
    all.filter(|path| path.is_dir()).collect()
}

fn subdirectories(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    found.sort_unstable();
    found
}

fn stamp(path: &Path) -> Option<Stamp> {
    std::fs::metadata(path).ok().map(|metadata| Stamp::of(&metadata))
}

#[cfg(test)]
mod tests;

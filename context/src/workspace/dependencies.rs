//! Sources outside the workspace that its files are built with, read when a name leads there.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde::Deserialize;

use super::file::{FileSymbols, Stamp};
use super::{Known, walk};

/// Files of dependencies that are kept; beyond this no more are read.
const MOST_FILES: usize = 2_000;

/// Where dependencies are, and what was read of them.
#[derive(Debug, Default)]
pub(super) struct Dependencies {
    /// What `Cargo.lock` names: crate, version.
    locked: OnceLock<HashMap<String, String>>,
    site_packages: OnceLock<Vec<PathBuf>>,
    registries: OnceLock<Vec<PathBuf>>,
    /// What was read, or could not be.
    read: Mutex<HashMap<PathBuf, Option<Arc<FileSymbols>>>>,
}

#[derive(Deserialize)]
struct LockFile {
    #[serde(default)]
    package: Vec<LockedPackage>,
}

#[derive(Deserialize)]
struct LockedPackage {
    name: String,
    version: String,
}

#[derive(Deserialize)]
struct CargoManifest {
    package: Option<CargoPackage>,
    lib: Option<CargoLibrary>,
}

#[derive(Deserialize)]
struct CargoPackage {
    name: String,
}

#[derive(Deserialize)]
struct CargoLibrary {
    name: Option<String>,
    path: Option<PathBuf>,
}

impl Dependencies {
    /// A dependency's file.
    pub(super) fn file(&self, root: &Path, path: &Path) -> Option<Arc<FileSymbols>> {
        let is_dependency =
            self.registries().iter().chain(self.site_packages(root)).any(|directory| path.starts_with(directory));
        if !is_dependency {
            return None;
        }
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = read.get(path) {
            return known.clone();
        }
        if read.len() >= MOST_FILES {
            return None;
        }
        let stamp = std::fs::metadata(path).ok().map(|metadata| Stamp::of(&metadata));
        let file = stamp.and_then(|stamp| {
            let text = walk::read_text(path).ok()?;
            Some(Arc::new(FileSymbols::read(path.to_owned(), stamp, &text).ok()?.0))
        });
        read.insert(path.to_owned(), file.clone());
        file
    }

    /// The root file of the crate that the workspace at `root` calls `name`.
    pub(super) fn crate_root(&self, root: &Path, name: &str) -> Option<PathBuf> {
        let locked = self.locked.get_or_init(|| locked(root));
        let dashed = name.replace('_', "-");
        let (package, version) = locked.get_key_value(name).or_else(|| locked.get_key_value(&dashed))?;
        let directory = format!("{package}-{version}");
        let found = self.registries().iter().map(|registry| registry.join(&directory)).find(|path| path.is_dir())?;
        Some(library(&found)?.1)
    }

    /// The directories of installed Python packages.
    pub(super) fn site_packages(&self, root: &Path) -> &[PathBuf] {
        self.site_packages.get_or_init(|| {
            let chosen = std::env::var_os("VIRTUAL_ENV").map(PathBuf::from);
            let environments = [".venv", "venv", "env"].map(|name| root.join(name)).into_iter().chain(chosen);
            let found = environments.flat_map(|environment| subdirectories(&environment.join("lib")));
            found.map(|python| python.join("site-packages")).filter(|path| path.is_dir()).collect()
        })
    }

    /// The path of a dependency's file from its package on.
    pub(super) fn display_path<'a>(&self, path: &'a Path) -> Option<&'a Path> {
        let known = self.registries.get().into_iter().chain(self.site_packages.get()).flatten();
        known.into_iter().find_map(|directory| path.strip_prefix(directory).ok())
    }

    fn registries(&self) -> &[PathBuf] {
        self.registries.get_or_init(|| {
            let home = std::env::var_os("HOME").or_else(|| std::env::var_os("USERPROFILE")).map(PathBuf::from);
            let cargo = std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(home?.join(".cargo")));
            cargo.map(|cargo| subdirectories(&cargo.join("registry").join("src"))).unwrap_or_default()
        })
    }
}

/// The crates of a workspace by name, with their root files: every known `src/lib.rs` whose directory has a manifest.
pub(super) fn members(known: &Known) -> HashMap<String, PathBuf> {
    let roots = known.ids.keys().filter(|path| path.ends_with("src/lib.rs"));
    roots.filter_map(|path| library(path.parent()?.parent()?)).collect()
}

/// The name of the library whose manifest lies in `directory`, as code calls it, and its root file.
fn library(directory: &Path) -> Option<(String, PathBuf)> {
    let manifest = std::fs::read_to_string(directory.join("Cargo.toml")).ok()?;
    let manifest: CargoManifest = toml::from_str(&manifest).ok()?;
    let (name, path) = manifest.lib.map_or((None, None), |lib| (lib.name, lib.path));
    let name = name.or_else(|| Some(manifest.package?.name))?.replace('-', "_");
    Some((name, directory.join(path.unwrap_or_else(|| "src/lib.rs".into()))))
}

fn locked(root: &Path) -> HashMap<String, String> {
    let text = root.ancestors().find_map(|directory| std::fs::read_to_string(directory.join("Cargo.lock")).ok());
    let lock: Option<LockFile> = text.and_then(|text| toml::from_str(&text).ok());
    let packages = lock.map(|lock| lock.package).unwrap_or_default();
    packages.into_iter().map(|package| (package.name, package.version)).collect()
}

fn subdirectories(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    found.sort_unstable();
    found
}

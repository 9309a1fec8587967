//! What Cargo's manifests and lock files say: which package a crate's name means, and in which version.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::super::file::Stamp;
use super::{BELIEVED, stamp};

/// Manifests and lock files, each read again when it has changed.
#[derive(Debug, Default)]
pub(super) struct Manifests {
    manifests: Kept<Manifest>,
    locks: Kept<Lock>,
}

/// A dependency as a manifest asks for it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// The package's own name.
    pub(super) package: String,
    version: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Manifest {
    package: Option<Package>,
    lib: Option<Library>,
    #[serde(flatten)]
    tables: Tables,
    #[serde(default)]
    target: HashMap<String, Tables>,
    workspace: Option<Shared>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
}

#[derive(Debug, Deserialize)]
struct Library {
    name: Option<String>,
    path: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
struct Shared {
    #[serde(default)]
    dependencies: HashMap<String, Dependency>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Tables {
    #[serde(default)]
    dependencies: HashMap<String, Dependency>,
    #[serde(default)]
    dev_dependencies: HashMap<String, Dependency>,
    #[serde(default)]
    build_dependencies: HashMap<String, Dependency>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Dependency {
    Version(String),
    Described {
        version: Option<String>,
        package: Option<String>,
        #[serde(default)]
        workspace: bool,
    },
}

/// The versions that a lock file has of each package.
#[derive(Debug, Default, Deserialize)]
struct Lock {
    #[serde(default)]
    package: Vec<Locked>,
}

#[derive(Debug, Deserialize)]
struct Locked {
    name: String,
    version: String,
}

impl Manifests {
    /// What the manifest of the crate around the file `from` means by `name`.
    pub(super) fn asked(&self, root: &Path, from: &Path, name: &str) -> Option<Asked> {
        let manifest =
            from.ancestors().skip(1).find_map(|directory| self.manifests.get(&directory.join("Cargo.toml")))?;
        let (key, dependency) = manifest.dependency(name)?;
        let Dependency::Described { workspace: true, .. } = dependency else { return Some(dependency.asked(key)) };
        let above = from.ancestors().skip(1).take_while(|directory| directory.starts_with(root));
        let shared = above.filter_map(|directory| self.manifests.get(&directory.join("Cargo.toml")));
        let asked = |manifest: Arc<Manifest>| {
            let (key, dependency) = named(&manifest.workspace.as_ref()?.dependencies, name)?;
            Some(dependency.asked(key))
        };
        shared.into_iter().find_map(asked).or_else(|| Some(dependency.asked(key)))
    }

    /// The package and version, as a registry's directory is called, that the file `from` means by `name`.
    pub(super) fn locked(&self, root: &Path, from: &Path, name: &str) -> Option<String> {
        let lock = root.ancestors().find_map(|directory| self.locks.get(&directory.join("Cargo.lock")))?;
        let asked = self.asked(root, from, name);
        let package = asked.as_ref().map_or(name, |asked| &asked.package);
        let versions = lock.package.iter().filter(|locked| is_called(&locked.name, package));
        let wanted = asked.as_ref().and_then(|asked| asked.version.as_deref()).map(significant).unwrap_or_default();
        // Cargo locks one version at most of those that are compatible, so that the first numbers decide.
        let chosen = versions.max_by_key(|locked| {
            let numbers = numbers(&locked.version);
            (numbers.starts_with(&wanted), numbers)
        })?;
        Some(format!("{}-{}", chosen.name, chosen.version))
    }

    /// [`library`], of a directory whose manifest is kept.
    pub(super) fn library(&self, directory: &Path) -> Option<(String, PathBuf)> {
        self.manifests.get(&directory.join("Cargo.toml"))?.library(directory)
    }
}

/// The name of the library whose manifest lies in `directory`, as code calls it, and its root file.
pub(super) fn library(directory: &Path) -> Option<(String, PathBuf)> {
    read::<Manifest>(&directory.join("Cargo.toml"))?.library(directory)
}

impl Manifest {
    fn library(&self, directory: &Path) -> Option<(String, PathBuf)> {
        let (name, path) = self.lib.as_ref().map_or((None, None), |lib| (lib.name.as_ref(), lib.path.as_deref()));
        let name = name.or_else(|| Some(&self.package.as_ref()?.name))?.replace('-', "_");
        Some((name, directory.join(path.unwrap_or(Path::new("src/lib.rs")))))
    }

    fn dependency(&self, name: &str) -> Option<(&str, &Dependency)> {
        let tables = std::iter::once(&self.tables).chain(self.target.values());
        let mut all =
            tables.flat_map(|table| [&table.dependencies, &table.dev_dependencies, &table.build_dependencies]);
        all.find_map(|dependencies| named(dependencies, name))
    }
}

impl Dependency {
    /// What is asked for under the key of a table.
    fn asked(&self, key: &str) -> Asked {
        match self {
            Dependency::Version(version) => Asked { package: key.to_owned(), version: Some(version.clone()) },
            Dependency::Described { version, package, .. } => {
                Asked { package: package.clone().unwrap_or_else(|| key.to_owned()), version: version.clone() }
            }
        }
    }
}

/// The entry that code calls `name`.
fn named<'a>(dependencies: &'a HashMap<String, Dependency>, name: &str) -> Option<(&'a str, &'a Dependency)> {
    dependencies.iter().find(|(key, _)| is_called(key, name)).map(|(key, found)| (key.as_str(), found))
}

/// Whether `name` is how a package is called, or how code calls it.
fn is_called(package: &str, name: &str) -> bool {
    let same = |(a, b): (u8, u8)| a == b || a == b'-' && b == b'_';
    package.len() == name.len() && package.bytes().zip(name.bytes()).all(same)
}

/// The numbers of a version or of the first version that a requirement names.
fn numbers(version: &str) -> Vec<u64> {
    let start = version.find(|ch: char| ch.is_ascii_digit()).unwrap_or(version.len());
    let end =
        version[start..].find(|ch: char| ch != '.' && !ch.is_ascii_digit()).map_or(version.len(), |at| start + at);
    version[start..end].split('.').map_while(|number| number.parse().ok()).collect()
}

/// The numbers that compatible versions share: up to the first that is not zero.
pub(super) fn significant(requirement: &str) -> Vec<u64> {
    let mut numbers = numbers(requirement);
    let end = numbers.iter().position(|number| *number != 0).map_or(numbers.len(), |at| at + 1);
    numbers.truncate(end);
    numbers
}

/// Files that were read, with what they said and when that was last true.
#[derive(Debug)]
struct Kept<T>(Mutex<HashMap<PathBuf, Reading<T>>>);

#[derive(Debug)]
struct Reading<T> {
    at: Instant,
    stamp: Option<Stamp>,
    found: Option<Arc<T>>,
}

impl<T> Default for Kept<T> {
    fn default() -> Kept<T> {
        Kept(Mutex::default())
    }
}

impl<T: DeserializeOwned> Kept<T> {
    /// What the file at `path` says, if it is there and can be read.
    fn get(&self, path: &Path) -> Option<Arc<T>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.get_mut(path);
        if let Some(known) = known.as_ref().filter(|known| known.at.elapsed() < BELIEVED) {
            return known.found.clone();
        }
        let stamp = stamp(path);
        if let Some(known) = known.filter(|known| known.stamp == stamp) {
            known.at = Instant::now();
            return known.found.clone();
        }
        let found = stamp.and_then(|_| read(path)).map(Arc::new);
        kept.insert(path.to_owned(), Reading { at: Instant::now(), stamp, found: found.clone() });
        found
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    toml::from_str(&std::fs::read_to_string(path).ok()?).ok()
}

//! Which files of a directory define which names.
//!
//! A scan walks the directory and keeps the definitions of every source file in memory; look-ups never touch the disk.
//! What git ignores, hidden files, binaries, large files and files that tend to hold secrets are never read.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use dashmap::DashMap;
use ignore::WalkBuilder;
use serde::Serialize;

use crate::document::Snapshot;
use crate::symbols::Definition;

/// Files over this many bytes are not read.
pub const MAX_FILE_BYTES: u64 = 1 << 20;

/// What one scan may take.
#[derive(Clone, Debug)]
pub struct ScanLimits {
    /// Source files read.
    pub files: usize,
    /// Bytes of source read.
    pub bytes: u64,
    /// Time.
    pub time: Duration,
}

impl Default for ScanLimits {
    fn default() -> Self {
        ScanLimits { files: 20_000, bytes: 200 << 20, time: Duration::from_secs(30) }
    }
}

/// What a scan found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ScanReport {
    /// Source files known after the scan.
    pub files: usize,
    /// Definitions known after the scan.
    pub symbols: usize,
    /// Whether every file was seen: no limit was hit, nobody cancelled.
    pub complete: bool,
    /// Source files that were left out, and what could not be entered.
    pub skipped: Vec<Skipped>,
}

/// A path that a scan left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Where.
    pub path: PathBuf,
    /// Why, in words.
    pub why: String,
}

/// The definitions of one file as it was on disk at its last scan.
#[derive(Debug)]
pub struct FileSymbols {
    /// The file.
    pub path: PathBuf,
    /// What it defines, in order.
    pub definitions: Vec<Definition>,
    stamp: Stamp,
}

/// What tells that a file has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
}

/// A definition found by name.
#[derive(Clone, Debug)]
pub struct Found {
    /// The file that it is in.
    pub file: Arc<FileSymbols>,
    /// Its place in `file.definitions`.
    pub index: usize,
}

impl Found {
    /// The definition.
    pub fn definition(&self) -> &Definition {
        &self.file.definitions[self.index]
    }
}

/// A directory and the names defined under it. Safe to use from any thread, also during a scan.
#[derive(Debug)]
pub struct Workspace {
    root: PathBuf,
    files: DashMap<PathBuf, Arc<FileSymbols>>,
    names: DashMap<String, Vec<PathBuf>>,
}

impl Workspace {
    /// The workspace at `root`, with nothing read yet.
    pub fn new(root: impl Into<PathBuf>) -> Workspace {
        Workspace { root: root.into(), files: DashMap::new(), names: DashMap::new() }
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Walks the directory and reads what is new or changed; files that are gone are forgotten if the walk completes.
    /// Blocks for up to `limits.time`; ends early once `cancelled` is set.
    pub fn scan(&self, limits: &ScanLimits, cancelled: &AtomicBool) -> ScanReport {
        let deadline = Instant::now() + limits.time;
        let mut report = ScanReport { complete: true, ..ScanReport::default() };
        let mut seen = std::collections::HashSet::new();
        let mut bytes = 0;
        for entry in WalkBuilder::new(&self.root).follow_links(false).require_git(false).build() {
            if cancelled.load(Ordering::Relaxed)
                || Instant::now() > deadline
                || seen.len() >= limits.files
                || bytes >= limits.bytes
            {
                report.complete = false;
                break;
            }
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    report.skipped.push(skipped_by_walk(&self.root, &error));
                    continue;
                }
            };
            let is_file = entry.file_type().is_some_and(|kind| kind.is_file());
            if !is_file || halfline_grammars::by_path(entry.path()).is_none() {
                continue;
            }
            match self.update(entry.path()) {
                Ok(read) => bytes += read,
                Err(why) => {
                    report.skipped.push(Skipped { path: entry.path().to_owned(), why });
                    continue;
                }
            }
            seen.insert(entry.into_path());
        }
        if report.complete {
            let gone: Vec<PathBuf> =
                self.files.iter().map(|file| file.key().clone()).filter(|path| !seen.contains(path)).collect();
            gone.iter().for_each(|path| self.forget(path));
        }
        report.files = self.files.len();
        report.symbols = self.files.iter().map(|file| file.definitions.len()).sum();
        report
    }

    /// Reads one file again, if it has changed; returns the bytes read. A file that cannot be read is forgotten, and the
    /// error says why in words.
    pub fn update(&self, path: &Path) -> Result<u64, String> {
        let outcome = self.read_changed(path);
        if outcome.is_err() {
            self.forget(path);
        }
        outcome
    }

    /// The definitions with exactly this name, ordered by path and place.
    pub fn find(&self, name: &str) -> Vec<Found> {
        let mut paths = self.names.get(name).map(|paths| paths.clone()).unwrap_or_default();
        paths.sort_unstable();
        let files = paths.iter().filter_map(|path| self.files.get(path).map(|file| file.clone()));
        files
            .flat_map(|file| {
                let matching = file.definitions.iter().enumerate().filter(|(_, definition)| definition.name == name);
                matching.map(|(index, _)| Found { file: file.clone(), index }).collect::<Vec<_>>()
            })
            .collect()
    }

    /// Every file known, ordered by path.
    pub fn files(&self) -> Vec<Arc<FileSymbols>> {
        let mut files: Vec<_> = self.files.iter().map(|file| file.clone()).collect();
        files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        files
    }

    /// The path of `path` as a reader wants it: relative to the workspace where it is inside, with `/`.
    pub fn display_path(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).to_string_lossy().replace('\\', "/")
    }

    fn read_changed(&self, path: &Path) -> Result<u64, String> {
        if is_secret(path) {
            return Err("files like this tend to hold secrets".to_owned());
        }
        let metadata = fs::metadata(path).map_err(|error| error.to_string())?;
        let stamp = Stamp::of(&metadata);
        if self.files.get(path).is_some_and(|file| file.stamp == stamp) {
            return Ok(0);
        }
        let text = read_text(path).map_err(|error| error.to_string())?;
        let snapshot = Snapshot::of_text(Some(path.to_owned()), &text);
        let definitions = snapshot.definitions().to_vec();
        self.forget(path);
        for definition in &definitions {
            let mut paths = self.names.entry(definition.name.clone()).or_default();
            if !paths.iter().any(|known| known == path) {
                paths.push(path.to_owned());
            }
        }
        self.files.insert(path.to_owned(), Arc::new(FileSymbols { path: path.to_owned(), definitions, stamp }));
        Ok(stamp.bytes)
    }

    fn forget(&self, path: &Path) {
        let Some((_, file)) = self.files.remove(path) else { return };
        for definition in &file.definitions {
            if let Some(mut paths) = self.names.get_mut(&definition.name) {
                paths.retain(|known| known != path);
            }
            self.names.remove_if(&definition.name, |_, paths| paths.is_empty());
        }
    }
}

impl Stamp {
    fn of(metadata: &Metadata) -> Stamp {
        Stamp { modified: metadata.modified().ok(), bytes: metadata.len() }
    }
}

/// Reads a source file of the user's. Refuses what is not a plain file, is over [`MAX_FILE_BYTES`], binary or not UTF-8,
/// in words that say so.
pub fn read_text(path: &Path) -> io::Result<String> {
    let refuse = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(refuse("not a plain file".to_owned()));
    }
    // The size is checked while reading: files can grow, and some report none.
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(refuse(format!(
            "{} bytes, over the limit of {MAX_FILE_BYTES}",
            metadata.len().max(MAX_FILE_BYTES + 1)
        )));
    }
    if bytes.contains(&0) {
        return Err(refuse("binary, not text".to_owned()));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        refuse(format!("not UTF-8 (the first bad byte is at offset {at}); convert the file to UTF-8 to use it"))
    })
}

/// Whether a file by its name tends to hold passwords, keys or tokens. Such files are never read.
pub fn is_secret(path: &Path) -> bool {
    let Some(name) = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()) else { return false };
    const NAMES: [&str; 12] = [
        ".env",
        ".envrc",
        ".netrc",
        ".npmrc",
        ".pypirc",
        ".htpasswd",
        ".pgpass",
        "credentials",
        "credentials.json",
        "secrets.toml",
        "secrets.yaml",
        "secrets.json",
    ];
    const ENDINGS: [&str; 8] = [".pem", ".key", ".p12", ".pfx", ".jks", ".keystore", ".kdbx", ".asc"];
    const STARTS: [&str; 4] = [".env.", "id_rsa", "id_ed25519", "id_ecdsa"];
    NAMES.contains(&name.as_str())
        || ENDINGS.iter().any(|ending| name.ends_with(ending))
        || STARTS.iter().any(|start| name.starts_with(start))
}

fn skipped_by_walk(root: &Path, error: &ignore::Error) -> Skipped {
    let path = match error {
        ignore::Error::WithPath { path, .. } => path.clone(),
        ignore::Error::WithDepth { err, .. } => return skipped_by_walk(root, err),
        _ => root.to_owned(),
    };
    Skipped { path, why: error.to_string() }
}

#[cfg(test)]
mod tests;

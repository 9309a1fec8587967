//! The directory of model files: what lies in it, whether that is what it should be, and how a file gets in or out.
//!
//! A file under its final name is complete. Beside it may lie `.FILE.json`, the record of a verification, and
//! `FILE.part` and `FILE.parts/`, a pull that has not ended.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::{StoreError, failed};
use super::manifest::{Manifest, Model};
use crate::gguf::Gguf;

/// What is on disk of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum State {
    /// Nothing.
    Absent,
    /// A pull that has not ended: so many bytes are there.
    Partial {
        /// Bytes of the file so far.
        have: u64,
    },
    /// The file has the right size, and nobody has looked further.
    Unverified,
    /// The file's SHA-256 was compared, and the file has not changed since.
    Verified,
    /// The file is not what it should be.
    Damaged {
        /// What differs.
        what: String,
    },
}

impl State {
    /// Whether the file can be loaded.
    pub fn usable(&self) -> bool {
        matches!(self, State::Unverified | State::Verified)
    }
}

/// A model with what is on disk of it.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// Size that the file has, or would have.
    pub bytes: u64,
    /// What is on disk.
    #[serde(flatten)]
    pub state: State,
    /// What the manifest says of it; nothing for an imported file.
    pub model: Option<Model>,
    /// SHA-256 found when it was last verified or imported.
    pub sha256: Option<String>,
}

impl Entry {
    /// What to do about a damaged file.
    fn remedy(&self) -> String {
        match self.model {
            Some(_) => format!("get it again with `halfline models pull {}`", self.name),
            None => format!("remove it with `halfline models remove {}` and import it again", self.name),
        }
    }
}

/// What is remembered of a verification.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Record {
    sha256: String,
    bytes: u64,
    modified_ns: u64,
}

impl Record {
    /// Whether the file is as it was when this was written.
    fn fresh(&self, path: &Path) -> bool {
        stamp(path) == Some((self.bytes, self.modified_ns))
    }
}

/// The directory.
#[derive(Clone, Debug)]
pub struct Store {
    directory: PathBuf,
}

impl Store {
    /// Where `HALFLINE_MODELS` says, else `models` in the platform's data directory. It need not exist yet.
    pub fn open() -> Result<Store, StoreError> {
        if let Some(path) = std::env::var_os("HALFLINE_MODELS").filter(|path| !path.is_empty()) {
            return Ok(Store::at(path));
        }
        let directories = directories::ProjectDirs::from("", "", "halfline").ok_or(StoreError::NoDirectory)?;
        Ok(Store::at(directories.data_dir().join("models")))
    }

    /// In this directory.
    pub fn at(directory: impl Into<PathBuf>) -> Store {
        Store { directory: directory.into() }
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where the file of `model` is, or would be.
    pub fn path(&self, model: &Model) -> PathBuf {
        self.directory.join(&model.file)
    }

    /// Every model of the manifest and every other GGUF file in the directory.
    pub fn list(&self, manifest: &Manifest) -> Result<Vec<Entry>, StoreError> {
        let mut entries: Vec<Entry> = manifest.models.iter().map(|model| self.entry(model)).collect();
        let mut imported = Vec::new();
        let reader = match fs::read_dir(&self.directory) {
            Ok(reader) => reader,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(entries),
            Err(error) => return Err(failed("read the directory", &self.directory)(error)),
        };
        for file in reader.flatten() {
            let name = file.file_name().to_string_lossy().into_owned();
            let known = manifest.models.iter().any(|model| model.file == name);
            if known || name.starts_with('.') || !name.ends_with(".gguf") {
                continue;
            }
            let Ok(metadata) = fs::metadata(file.path()) else { continue };
            let record = self.record(&file.path());
            let verified = record.as_ref().is_some_and(|record| record.fresh(&file.path()));
            imported.push(Entry {
                name: name.trim_end_matches(".gguf").to_owned(),
                path: file.path(),
                bytes: metadata.len(),
                state: if verified { State::Verified } else { State::Unverified },
                model: None,
                sha256: record.map(|record| record.sha256),
            });
        }
        imported.sort_by(|a, b| a.name.cmp(&b.name));
        entries.append(&mut imported);
        Ok(entries)
    }

    /// What is on disk of one model of the manifest.
    pub fn entry(&self, model: &Model) -> Entry {
        let path = self.path(model);
        let record = self.record(&path);
        let state = match (fs::metadata(&path), &record) {
            (Err(_), _) => match fs::metadata(self.part(model)) {
                Ok(part) => State::Partial { have: part.len() },
                Err(_) => State::Absent,
            },
            (Ok(file), _) if file.len() != model.bytes => {
                State::Damaged { what: format!("it has {} bytes, and {} are right", file.len(), model.bytes) }
            }
            (Ok(_), Some(record)) if !record.fresh(&path) => State::Unverified,
            (Ok(_), Some(record)) if record.sha256 == model.sha256 => State::Verified,
            (Ok(_), Some(record)) => State::Damaged { what: wrong_hash(&record.sha256, &model.sha256) },
            (Ok(_), None) => State::Unverified,
        };
        Entry {
            name: model.name.clone(),
            path,
            bytes: model.bytes,
            state,
            model: Some(model.clone()),
            sha256: record.map(|record| record.sha256),
        }
    }

    /// The entry that `name` means: a model of the manifest, or a file in the directory.
    pub fn find(&self, manifest: &Manifest, name: &str) -> Result<Entry, StoreError> {
        if let Some(model) = manifest.find(name) {
            return Ok(self.entry(model));
        }
        let stem = name.strip_suffix(".gguf").unwrap_or(name);
        let entries = self.list(manifest)?;
        let known = entries.iter().map(|entry| format!("`{}`", entry.name)).collect::<Vec<_>>().join(", ");
        let found = entries.into_iter().find(|entry| entry.name.eq_ignore_ascii_case(stem));
        found.ok_or_else(|| StoreError::Unknown { name: name.to_owned(), known })
    }

    /// The file to load for `name`: a name, or the path of a file (anything with a separator, or that ends in `.gguf`
    /// and is there).
    pub fn resolve(&self, manifest: &Manifest, name: &str) -> Result<PathBuf, StoreError> {
        let path = Path::new(name);
        if path.components().count() > 1 || (name.ends_with(".gguf") && path.is_file()) {
            return match fs::metadata(path) {
                Ok(_) => Ok(path.to_path_buf()),
                Err(error) => Err(failed("open the model", path)(error)),
            };
        }
        let entry = self.find(manifest, name)?;
        match entry.state {
            State::Unverified | State::Verified => Ok(entry.path),
            State::Absent | State::Partial { .. } => Err(StoreError::Absent { name: entry.name }),
            State::Damaged { ref what } => {
                Err(StoreError::Damaged { remedy: entry.remedy(), what: what.clone(), path: entry.path })
            }
        }
    }

    /// Reads the whole file and compares its SHA-256, or records it if nobody knows what it should be. `progress`
    /// gets bytes read.
    pub fn verify(&self, entry: &Entry, progress: impl FnMut(u64)) -> Result<String, StoreError> {
        let sha256 = hash(&entry.path, progress)?;
        let expected = match &entry.model {
            Some(model) => Some(model.sha256.as_str()),
            None => entry.sha256.as_deref(),
        };
        let right = expected.is_none_or(|expected| expected == sha256);
        // The hash of an import is all that is known of it, so a wrong one must not take its place.
        if right || entry.model.is_some() {
            self.remember(&entry.path, &sha256);
        }
        match expected {
            Some(expected) if !right => Err(StoreError::Damaged {
                path: entry.path.clone(),
                what: wrong_hash(&sha256, expected),
                remedy: entry.remedy(),
            }),
            _ => Ok(sha256),
        }
    }

    /// Deletes a model with all that a pull left of it; returns the bytes that became free.
    pub fn remove(&self, entry: &Entry) -> Result<u64, StoreError> {
        let mut freed = 0;
        let part = beside(&entry.path, "", ".part");
        for path in [&entry.path, &part] {
            match fs::metadata(path) {
                Ok(metadata) => {
                    fs::remove_file(path).map_err(failed("remove", path))?;
                    freed += metadata.len();
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed("remove", path)(error)),
            }
        }
        // What is left beside is small, and absent as a rule.
        let _ = fs::remove_dir_all(beside(&entry.path, "", ".parts"));
        let _ = fs::remove_file(record_path(&entry.path));
        Ok(freed)
    }

    /// Takes a GGUF file in under `name`, or its own: linked where the file system allows it, else copied. The name of a
    /// model of the manifest is for that very file.
    pub fn import(
        &self,
        manifest: &Manifest,
        file: &Path,
        name: Option<&str>,
        progress: impl FnMut(u64),
    ) -> Result<(PathBuf, String), StoreError> {
        let refuse = |reason: String| StoreError::Import { path: file.to_path_buf(), reason };
        let metadata = fs::metadata(file).map_err(failed("open", file))?;
        if !metadata.is_file() {
            return Err(refuse("it is not a file".to_owned()));
        }
        Gguf::open(file).map_err(|error| refuse(error.to_string()))?;
        let own_name = || file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let stem = name.map_or_else(own_name, str::to_owned);
        let stem = stem.strip_suffix(".gguf").unwrap_or(&stem);
        if stem.is_empty() || stem.starts_with('.') || stem.contains(['/', '\\']) {
            return Err(refuse(format!("`{stem}` cannot be the name of a model; give another with --name")));
        }
        let known = manifest.find(stem);
        let target = self.directory.join(known.map_or_else(|| format!("{stem}.gguf"), |model| model.file.clone()));
        if target.exists() {
            return Err(refuse(format!(
                "there is a model `{stem}` already; remove it with `halfline models remove {stem}`, or give another name with --name"
            )));
        }
        let sha256 = hash(file, progress)?;
        if let Some(model) = known.filter(|model| model.sha256 != sha256) {
            return Err(refuse(format!(
                "it is not the {} of the manifest: {}; give it another name with --name",
                model.name,
                wrong_hash(&sha256, &model.sha256)
            )));
        }
        fs::create_dir_all(&self.directory).map_err(failed("create the directory", &self.directory))?;
        // A hard link to a symbolic link would follow it nowhere good.
        let source = fs::canonicalize(file).map_err(failed("open", file))?;
        if fs::hard_link(&source, &target).is_err() {
            let part = beside(&target, ".", ".import");
            fs::copy(&source, &part).and_then(|_| fs::rename(&part, &target)).map_err(|error| {
                let _ = fs::remove_file(&part);
                failed("copy the model to", &target)(error)
            })?;
        }
        self.remember(&target, &sha256);
        Ok((target, sha256))
    }

    /// Where a pull collects the file of `model`.
    pub(super) fn part(&self, model: &Model) -> PathBuf {
        beside(&self.path(model), "", ".part")
    }

    /// Remembers that the file had this hash.
    pub(super) fn remember(&self, path: &Path, sha256: &str) {
        let Some((bytes, modified_ns)) = stamp(path) else { return };
        let record = Record { sha256: sha256.to_owned(), bytes, modified_ns };
        // Only a hint that saves a second verification; a directory that cannot be written to does without.
        if let Ok(text) = serde_json::to_string(&record) {
            let _ = fs::write(record_path(path), text);
        }
    }

    fn record(&self, path: &Path) -> Option<Record> {
        serde_json::from_str(&fs::read_to_string(record_path(path)).ok()?).ok()
    }
}

/// SHA-256 of a file, lower-case hexadecimal. `progress` gets bytes read so far.
pub fn hash(path: &Path, mut progress: impl FnMut(u64)) -> Result<String, StoreError> {
    let mut file = File::open(path).map_err(failed("open", path))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let mut done = 0;
    loop {
        let count = file.read(&mut buffer).map_err(failed("read", path))?;
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
        done += count as u64;
        progress(done);
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

pub(super) fn wrong_hash(found: &str, right: &str) -> String {
    format!("its SHA-256 is {found}, and {right} is right")
}

/// The path with `prefix` and `suffix` around its file name.
pub(super) fn beside(path: &Path, prefix: &str, suffix: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{prefix}{name}{suffix}"))
}

fn record_path(path: &Path) -> PathBuf {
    beside(path, ".", ".json")
}

fn stamp(path: &Path) -> Option<(u64, u64)> {
    let metadata = fs::metadata(path).ok()?;
    let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some((metadata.len(), u64::try_from(modified.as_nanos()).ok()?))
}

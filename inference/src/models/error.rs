//! What goes wrong with model files, in words that say what to do.

use std::io;
use std::path::{Path, PathBuf};

/// Something went wrong with a model file.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The platform has no directory for data.
    #[error("this account has no data directory; set HALFLINE_MODELS to the directory for models")]
    NoDirectory,
    /// A file or directory could not be used.
    #[error("cannot {action} {path}: {reason}", path = path.display(), reason = reason(cause))]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        cause: io::Error,
    },
    /// The manifest that the user named is not one.
    #[error("{path} (HALFLINE_MANIFEST) is no manifest of models: {reason}", path = path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Nobody knows a model of that name.
    #[error(
        "there is no model `{name}` on disk or in the manifest; known are {known}, and any GGUF file can be imported with `halfline models import FILE`"
    )]
    Unknown {
        /// What was asked for.
        name: String,
        /// Names that are known.
        known: String,
    },
    /// A known model that is not on disk.
    #[error("the model `{name}` is not on disk; get it with `halfline models pull {name}`")]
    Absent {
        /// Its name.
        name: String,
    },
    /// A file is not what it should be.
    #[error("{path} is damaged: {what}; {remedy}", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What differs.
        what: String,
        /// What the user can do.
        remedy: String,
    },
    /// There is no model at all.
    #[error("there is no model on disk; get what suits this machine with `halfline models pull`")]
    Nothing,
    /// A file that cannot be taken in.
    #[error("cannot import {path}: {reason}", path = path.display())]
    Import {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
}

/// Turns an error of the operating system into one that says on what.
pub(super) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_path_buf();
    move |cause| StoreError::Io { action, path, cause }
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "the disk is full; free some space, or set HALFLINE_MODELS to a directory on another disk".to_owned()
        }
        io::ErrorKind::PermissionDenied => {
            "permission denied; change the permissions, or set HALFLINE_MODELS to a directory of yours".to_owned()
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "the file system is read-only; set HALFLINE_MODELS to a directory that can be written to".to_owned()
        }
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        _ => error.to_string(),
    }
}

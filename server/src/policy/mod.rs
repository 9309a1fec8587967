//! What may leave the machine, in what shape, how much of it, and what is written down about it.
//!
//! Plain rules over text and paths; nothing here talks to an engine or knows LSP.

pub mod audit;
pub mod privacy;
pub mod quarantine;
pub mod quota;
pub mod redact;

use std::path::PathBuf;

/// Where this program keeps what is neither settings nor models. `None` where the platform has no such place.
pub(crate) fn state_directory() -> Option<PathBuf> {
    let directories = directories::ProjectDirs::from("", "", "halfline")?;
    Some(directories.state_dir().unwrap_or(directories.data_local_dir()).to_path_buf())
}

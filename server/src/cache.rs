//! Where Halfline keeps what it can make again, and how what belongs to a workspace is named.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// The directory of the indexes of workspaces: what `HALFLINE_CACHE` says, else the platform's cache directory.
pub fn cache_directory() -> PathBuf {
    let chosen = std::env::var_os("HALFLINE_CACHE").filter(|path| !path.is_empty()).map(PathBuf::from);
    let platform = || directories::ProjectDirs::from("", "", "halfline").map(|dirs| dirs.cache_dir().to_owned());
    chosen.or_else(platform).unwrap_or_else(|| std::env::temp_dir().join("halfline")).join("index")
}

/// A directory name for what belongs to the workspace at `root`: what people can read, and what keeps roots apart.
pub(crate) fn workspace_name(root: &Path) -> String {
    let hash = Sha256::digest(root.as_os_str().as_encoded_bytes());
    let hash: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let name = root.file_name().unwrap_or_default().to_string_lossy();
    let name: String = name.chars().map(|ch| if ch.is_ascii_alphanumeric() { ch } else { '-' }).take(40).collect();
    format!("{name}-{hash}")
}

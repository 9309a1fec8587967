//! Where Halfline keeps what it can make again.

use std::path::PathBuf;

/// The directory of the indexes of workspaces: what `HALFLINE_CACHE` says, else the platform's cache directory.
pub fn cache_directory() -> PathBuf {
    let chosen = std::env::var_os("HALFLINE_CACHE").filter(|path| !path.is_empty()).map(PathBuf::from);
    let platform = || directories::ProjectDirs::from("", "", "halfline").map(|dirs| dirs.cache_dir().to_owned());
    chosen.or_else(platform).unwrap_or_else(|| std::env::temp_dir().join("halfline")).join("index")
}

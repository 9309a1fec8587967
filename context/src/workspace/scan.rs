//! What a scan of a workspace may take, and what it found.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::Skipped;

/// What one scan may take.
#[derive(Clone, Debug)]
pub struct ScanLimits {
    /// Source files known in the end.
    pub files: usize,
    /// Bytes of source read.
    pub bytes: u64,
    /// Time.
    pub time: Duration,
}

impl Default for ScanLimits {
    fn default() -> Self {
        ScanLimits { files: 50_000, bytes: 1 << 30, time: Duration::from_secs(300) }
    }
}

/// What a scan found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ScanReport {
    /// Source files known after the scan.
    pub files: usize,
    /// Bytes of them.
    pub bytes: u64,
    /// Definitions known after the scan.
    pub symbols: usize,
    /// Chunks that a search can find.
    pub chunks: usize,
    /// Files that were new or had changed, and were read.
    pub read: usize,
    /// Whether every file was seen: no limit was hit, nobody cancelled.
    pub complete: bool,
    /// Source files that were left out and why, and what could not be entered; by path.
    pub skipped: Vec<Skipped>,
    /// Files by language.
    pub languages: BTreeMap<String, usize>,
}

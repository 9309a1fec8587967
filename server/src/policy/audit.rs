//! The audit log: what left the machine, where to, and what became of it. One JSON document a line, one file for each
//! workspace, never the content itself.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::state_directory;
use crate::config::AuditConfig;

/// Numbers the requests of this process.
static REQUESTS: AtomicU64 = AtomicU64::new(1);

/// Files that are kept: the one that grows, and older ones.
const KEPT: usize = 4;

/// One line.
#[derive(Clone, Debug, Serialize)]
pub struct Record<'a> {
    /// Milliseconds since 1970.
    pub time_ms: u64,
    /// The same for all lines of one request.
    pub request: u64,
    /// What happened: `sending`, `answered`, `failed`, `kept`.
    pub event: &'static str,
    /// The workspace's root.
    pub workspace: &'a str,
    /// What the user calls the engine, or `qdrant`.
    pub engine: &'a str,
    /// Where to, without names or keys.
    pub host: &'a str,
    /// The model asked for.
    pub model: &'a str,
    /// The shape of what is sent.
    pub template: &'static str,
    /// Why it went there, or stayed.
    pub route: &'a str,
    /// Files that it quotes.
    pub files: &'a [String],
    /// Bytes of content that were sent, or that came.
    pub bytes: usize,
    /// Tokens of the prompt, as counted here.
    pub prompt_tokens: usize,
    /// Tokens of the answer; 0 until there is one.
    pub answer_tokens: usize,
    /// What was replaced before it was sent, and how often.
    pub redacted: &'a BTreeMap<&'static str, usize>,
    /// Pieces that were left out because they have to stay.
    pub withheld: usize,
    /// Results of tools that it contains.
    pub tool_results: usize,
    /// Whether something in it reads like an instruction to a model.
    pub suspicious: bool,
    /// How it ended.
    pub verdict: &'a str,
}

/// Where the lines go.
#[derive(Clone, Debug)]
pub struct Audit {
    file: PathBuf,
    limit: u64,
}

impl Audit {
    /// A log in `directory` for the workspace at `root`; a file of more than `limit` bytes is set aside.
    pub fn new(directory: &Path, root: &Path, limit: u64) -> Audit {
        let mut hasher = DefaultHasher::new();
        root.hash(&mut hasher);
        let name = root.file_name().map_or("workspace".to_owned(), |name| name.to_string_lossy().into_owned());
        let name: String = name.chars().map(|ch| if ch.is_alphanumeric() { ch } else { '_' }).collect();
        Audit { file: directory.join(format!("{name}-{:08x}.jsonl", hasher.finish() >> 32)), limit }
    }

    /// The log that the settings ask for; none where they want none.
    pub fn configured(settings: &AuditConfig, root: &Path) -> Result<Option<Audit>, String> {
        if !settings.enabled {
            return Ok(None);
        }
        let directory = match settings.directory.as_str() {
            "" => state_directory().ok_or("this platform has no directory for the audit log")?.join("audit"),
            directory => PathBuf::from(directory),
        };
        Ok(Some(Audit::new(&directory, root, settings.file_mib << 20)))
    }

    /// The file that grows.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Writes a line. Nothing may be sent of which this could not be written.
    pub fn write(&self, record: &Record<'_>) -> Result<(), String> {
        let failed =
            |error: std::io::Error| format!("the audit log {} cannot be written: {error}", self.file.display());
        let mut line = serde_json::to_string(record).map_err(|error| failed(error.into()))?;
        line.push('\n');
        self.rotate(line.len() as u64);
        // One write of one line: processes that write at once do not cut into each other's.
        open(&self.file).and_then(|mut file| file.write_all(line.as_bytes())).map_err(failed)
    }

    fn rotate(&self, more: u64) {
        let full = std::fs::metadata(&self.file)
            .is_ok_and(|file| file.is_file() && file.len() > 0 && file.len() + more > self.limit);
        if !full {
            return;
        }
        let numbered = |n: usize| self.file.with_extension(format!("{n}.jsonl"));
        for n in (1..KEPT - 1).rev() {
            // There need not be as many yet.
            let _ = std::fs::rename(numbered(n), numbered(n + 1));
        }
        if let Err(error) = std::fs::rename(&self.file, numbered(1)) {
            tracing::warn!(%error, "the audit log could not be set aside and grows on");
        }
    }
}

/// A number that no other request of this process has.
pub fn next_request() -> u64 {
    REQUESTS.fetch_add(1, Ordering::Relaxed)
}

/// Milliseconds since 1970.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Opens for appending; what is new is its owner's alone.
fn open(path: &Path) -> std::io::Result<File> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record<'a>(request: u64, redacted: &'a BTreeMap<&'static str, usize>) -> Record<'a> {
        Record {
            time_ms: now_ms(),
            request,
            event: "sending",
            workspace: "/w",
            engine: "e",
            host: "h:1",
            model: "m",
            template: "openai-chat",
            route: "why",
            files: &[],
            bytes: 10,
            prompt_tokens: 3,
            answer_tokens: 0,
            redacted,
            withheld: 0,
            tool_results: 0,
            suspicious: false,
            verdict: "",
        }
    }

    #[test]
    fn lines_are_whole_and_old_files_are_kept_for_a_while() {
        let directory = tempfile::tempdir().unwrap();
        let audit = Audit::new(&directory.path().join("audit"), Path::new("/home/ada/my project"), 900);
        let redacted = BTreeMap::from([("email", 2)]);
        for request in 0..40 {
            audit.write(&record(request, &redacted)).unwrap();
        }
        assert!(audit.file().file_name().unwrap().to_string_lossy().starts_with("my_project-"));
        let files: Vec<PathBuf> =
            std::fs::read_dir(directory.path().join("audit")).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(files.len(), KEPT);
        let mut requests = Vec::new();
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            assert!(text.len() <= 900);
            for line in text.lines() {
                let value: serde_json::Value = serde_json::from_str(line).unwrap();
                assert_eq!(value["redacted"]["email"], 2);
                requests.push(value["request"].as_u64().unwrap());
            }
        }
        requests.sort_unstable();
        let latest: Vec<u64> = (40 - requests.len() as u64..40).collect();
        assert_eq!(requests, latest, "the newest, and all of them");
    }

    #[test]
    fn other_workspaces_have_other_files_and_what_cannot_be_written_is_said() {
        let directory = tempfile::tempdir().unwrap();
        let audit = |root: &str| Audit::new(directory.path(), Path::new(root), 900);
        assert_ne!(audit("/a/x").file(), audit("/b/x").file());
        std::fs::create_dir(audit("/a/x").file()).unwrap();
        assert!(audit("/a/x").write(&record(1, &BTreeMap::new())).unwrap_err().contains("cannot be written"));
    }
}

//! Which files of a directory are read, and which are not, with the reason.
//!
//! Never read: what git ignores, hidden files, symbolic links, files that tend to hold secrets (the list is
//! [`is_secret`]), binaries, generated and minified files, and files over [`MAX_FILE_BYTES`].

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;

use ignore::{WalkBuilder, WalkState};
use serde::Serialize;

use super::file::Stamp;

/// Files over this many bytes are not read.
pub const MAX_FILE_BYTES: u64 = 1 << 20;
/// How far into a file a mark of its being generated is looked for, in bytes.
const MARK_BYTES: usize = 1024;
/// Text with lines of more bytes than this on average is not written by people.
const MINIFIED_LINE_BYTES: usize = 400;

/// A path that a scan left out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Skipped {
    /// Where.
    pub path: PathBuf,
    /// Why, in words.
    pub why: String,
}

/// A file that a walk came by.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) path: PathBuf,
    pub(super) stamp: Stamp,
}

/// What a walk came by, in no order.
#[derive(Debug, Default)]
pub(super) struct Walked {
    /// Source files that may be read.
    pub(super) files: Vec<Seen>,
    /// Directories that were looked into, the root among them.
    pub(super) directories: Vec<PathBuf>,
    /// What was left out.
    pub(super) skipped: Vec<Skipped>,
}

/// Walks `root`. `go_on` is asked at each entry; once it says no, the walk ends.
pub(super) fn walk(root: &Path, go_on: impl Fn() -> bool + Sync) -> Walked {
    let found = Mutex::new(Walked::default());
    let walk = WalkBuilder::new(root).follow_links(false).require_git(false).threads(threads()).build_parallel();
    walk.run(|| {
        Box::new(|entry| {
            if !go_on() {
                return WalkState::Quit;
            }
            let is_directory = entry.as_ref().is_ok_and(|entry| entry.file_type().is_some_and(|kind| kind.is_dir()));
            let judged = match &entry {
                Err(error) => Some(Err(skipped_by_walk(root, error))),
                Ok(entry) => judge(entry),
            };
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            match judged {
                Some(Ok(seen)) => found.files.push(seen),
                Some(Err(skipped)) => found.skipped.push(skipped),
                None if is_directory => found.directories.extend(entry.ok().map(ignore::DirEntry::into_path)),
                None => {}
            }
            WalkState::Continue
        })
    });
    found.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a walk of `root` would come by the file at `path`: it lies inside, and nothing on the way ignores it.
pub(super) fn comes_by(root: &Path, path: &Path) -> bool {
    let wanted = path.to_owned();
    let mut walk = WalkBuilder::new(root);
    walk.follow_links(false).require_git(false).filter_entry(move |entry| wanted.starts_with(entry.path()));
    walk.build().flatten().any(|entry| entry.path() == path && entry.file_type().is_some_and(|kind| kind.is_file()))
}

/// How many threads reading a workspace takes.
pub(super) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(8)
}

/// What becomes of one entry of a walk; nothing of what is no source file.
fn judge(entry: &ignore::DirEntry) -> Option<Result<Seen, Skipped>> {
    let path = entry.path();
    let kind = entry.file_type()?;
    let skip = |why: &str| Some(Err(Skipped { path: path.to_owned(), why: why.to_owned() }));
    if kind.is_symlink() {
        return skip("a symbolic link, which is not followed");
    }
    if !kind.is_file() {
        return None;
    }
    if is_secret(path) {
        return skip(SECRET);
    }
    halfline_grammars::by_path(path)?;
    match entry.metadata() {
        Ok(metadata) => Some(Ok(Seen { path: path.to_owned(), stamp: Stamp::of(&metadata) })),
        Err(error) => skip(&error.to_string()),
    }
}

const SECRET: &str = "files like this tend to hold secrets";

/// The text of a source file for the index, or why it is not read.
pub(super) fn read_source(path: &Path) -> Result<String, String> {
    if is_secret(path) {
        return Err(SECRET.to_owned());
    }
    let text = read_text(path).map_err(|error| error.to_string())?;
    match machine_made(path, &text) {
        Some(why) => Err(why.to_owned()),
        None => Ok(text),
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
    let mut bytes = Vec::new();
    if metadata.len() <= MAX_FILE_BYTES {
        bytes.reserve(metadata.len() as usize + 1);
    }
    // The size is checked while reading as well: files can grow, and some report none.
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

/// Why a text counts as made by a machine, if it does.
fn machine_made(path: &Path, text: &str) -> Option<&'static str> {
    const LOCK_FILES: [&str; 8] = [
        "Cargo.lock",
        "package-lock.json",
        "npm-shrinkwrap.json",
        "pnpm-lock.yaml",
        "poetry.lock",
        "uv.lock",
        "composer.lock",
        "Gemfile.lock",
    ];
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let start = &text.as_bytes()[..text.len().min(MARK_BYTES)];
    let marked = |mark: &str| start.windows(mark.len()).any(|window| window == mark.as_bytes());
    if LOCK_FILES.contains(&name) || marked(concat!("@", "generated")) || marked(concat!("DO NOT", " EDIT")) {
        return Some("generated");
    }
    let lines = text.as_bytes().iter().filter(|&&byte| byte == b'\n').count() + 1;
    let is_minified = name.contains(".min.") || (text.len() > 4096 && text.len() / lines > MINIFIED_LINE_BYTES);
    is_minified.then_some("minified")
}

/// Whether a file by its name tends to hold passwords, keys or tokens. Such files are never read.
pub fn is_secret(path: &Path) -> bool {
    let Some(name) = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()) else { return false };
    const NAMES: [&str; 16] = [
        ".env",
        ".envrc",
        ".netrc",
        ".npmrc",
        ".pypirc",
        ".htpasswd",
        ".pgpass",
        ".git-credentials",
        "credentials",
        "credentials.json",
        "credentials.toml",
        "secrets.toml",
        "secrets.yaml",
        "secrets.yml",
        "secrets.json",
        "service-account.json",
    ];
    const ENDINGS: [&str; 8] = [".pem", ".key", ".p12", ".pfx", ".jks", ".keystore", ".kdbx", ".asc"];
    const STARTS: [&str; 5] = [".env.", "id_rsa", "id_dsa", "id_ed25519", "id_ecdsa"];
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

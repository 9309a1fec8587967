//! The symbols of a workspace on disk: one file, replaced whole, believed only when its checksum is right.
//!
//! Layout: eight bytes that name the format, its version (u32), the CRC-32 of the rest (u32), then the records. Every
//! number is little-endian. Whatever is damaged, of another version or of another directory counts as absent.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::file::{FileSymbols, Stamp};

/// Raised whenever what is stored, or what is extracted from a file, changes.
const VERSION: u32 = 5;
const MAGIC: &[u8; 8] = b"HLSYMBOL";
const HEADER_BYTES: usize = 16;
const FILE_NAME: &str = "symbols";
/// Parts that the records are cut into, so that several threads can read them.
const PARTS: usize = 16;

/// What is stored.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Stored {
    /// Which commit of the word index these symbols belong to; 0 for none.
    pub(super) generation: u64,
    pub(super) files: Vec<FileSymbols>,
    /// Files that were not read, as they were then, and why.
    pub(super) refused: HashMap<PathBuf, (Stamp, String)>,
}

/// The parts before they are read.
#[derive(Serialize, Deserialize)]
struct Envelope {
    root: PathBuf,
    generation: u64,
    parts: Vec<Vec<u8>>,
    refused: HashMap<PathBuf, (Stamp, String)>,
}

/// Reads what is stored in `directory` about the workspace at `root`; `None` when nothing can be used.
pub(super) fn load(directory: &Path, root: &Path) -> Option<Stored> {
    let path = directory.join(FILE_NAME);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::warn!(path = %path.display(), "the stored index cannot be read and is made anew: {error}");
            return None;
        }
    };
    let stored = decode(&bytes, root);
    if stored.is_none() {
        tracing::info!(path = %path.display(), "the stored index is of another version or damaged; it is made anew");
    }
    stored
}

/// Puts `files` in the place of what is stored in `directory`: whole, or not at all.
pub(super) fn save(
    directory: &Path,
    root: &Path,
    generation: u64,
    files: &[&FileSymbols],
    refused: &HashMap<PathBuf, (Stamp, String)>,
) -> io::Result<()> {
    let part_len = files.len().div_ceil(PARTS).max(1);
    let parts: Result<Vec<Vec<u8>>, _> = files.chunks(part_len).map(postcard::to_stdvec).collect();
    let parts = parts.map_err(io::Error::other)?;
    let envelope = Envelope { root: root.to_owned(), generation, parts, refused: refused.clone() };
    let body = postcard::to_stdvec(&envelope).map_err(io::Error::other)?;
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(MAGIC)?;
    file.write_all(&VERSION.to_le_bytes())?;
    file.write_all(&crc32fast::hash(&body).to_le_bytes())?;
    file.write_all(&body)?;
    file.persist(directory.join(FILE_NAME))?;
    Ok(())
}

fn decode(bytes: &[u8], root: &Path) -> Option<Stored> {
    let (header, body) = bytes.split_at_checked(HEADER_BYTES)?;
    let number = |at: usize| header.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes);
    if !header.starts_with(MAGIC) || number(8)? != VERSION || number(12)? != crc32fast::hash(body) {
        return None;
    }
    let envelope: Envelope = postcard::from_bytes(body).ok()?;
    if envelope.root != root {
        return None;
    }
    let threads = super::walk::threads();
    let share = envelope.parts.len().div_ceil(threads).max(1);
    let read = |parts: &[Vec<u8>]| -> Option<Vec<FileSymbols>> {
        let lists: Result<Vec<Vec<FileSymbols>>, _> = parts.iter().map(|part| postcard::from_bytes(part)).collect();
        Some(lists.ok()?.into_iter().flatten().collect())
    };
    let files = std::thread::scope(|scope| {
        let readers: Vec<_> = envelope.parts.chunks(share).map(|parts| scope.spawn(move || read(parts))).collect();
        let lists: Option<Vec<_>> = readers.into_iter().map(|reader| reader.join().ok()?).collect();
        Some(lists?.into_iter().flatten().collect())
    })?;
    Some(Stored { generation: envelope.generation, files, refused: envelope.refused })
}

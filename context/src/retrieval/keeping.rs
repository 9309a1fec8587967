//! What search by meaning knows of a workspace, on disk: eight bytes that name the format, its version (u32), the CRC-32 of
//! the rest (u32), then the records; whatever is damaged, of another version or another model counts as absent.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::SystemTime;

use serde::Deserialize;

use super::places::Places;
use super::vectors::Vectors;
use crate::workspace::hash;

/// Raised whenever what is stored, or what a chunk is made of, changes.
const VERSION: u32 = 1;
const MAGIC: &[u8; 8] = b"HLVECTOR";
const HEADER_BYTES: usize = 16;
/// A file of more bytes is not read.
const MOST_BYTES: u64 = 1 << 30;

/// Where this lies for one workspace, one model and one store of vectors.
#[derive(Debug)]
pub(super) struct Keeping {
    path: PathBuf,
    id: String,
    dimension: usize,
    /// When the file was changed that was read or written last.
    seen: Mutex<Option<SystemTime>>,
}

#[derive(Deserialize)]
struct Stored {
    id: String,
    dimension: usize,
    places: Places,
    vectors: Vectors,
}

/// The chunks of every file, and the vectors of their texts.
pub(super) type Known = (Places, Vectors);

impl Keeping {
    pub(super) fn new(directory: &Path, id: &str, dimension: usize) -> Keeping {
        let path = directory.join(format!("vectors-{:016x}", hash(id)));
        Keeping { path, id: id.to_owned(), dimension, seen: Mutex::default() }
    }

    pub(super) fn path(&self) -> &PathBuf {
        &self.path
    }

    /// The right to compute, which one process has at a time; the system takes it back when that ends.
    pub(super) fn lock(&self) -> Option<File> {
        let path = self.path.with_extension("lock");
        let file = File::options().create(true).truncate(false).write(true).open(path).ok()?;
        match file.try_lock() {
            Ok(()) => Some(file),
            // Two that compute at once do the same work twice, and the last one's file stands.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Some(file),
            Err(_) => None,
        }
    }

    /// What is kept; `None` where that cannot be used.
    pub(super) fn load(&self) -> Option<Known> {
        let metadata = fs::metadata(&self.path).ok().filter(|metadata| metadata.len() <= MOST_BYTES)?;
        self.note(metadata.modified().ok());
        let known = decode(&fs::read(&self.path).ok()?, &self.id, self.dimension);
        if known.is_none() {
            tracing::info!(path = %self.path.display(), "the vectors are of another version or damaged; they are made anew");
        }
        known
    }

    /// The same, if the file is another than the one seen last.
    pub(super) fn load_newer(&self) -> Option<Known> {
        let modified = fs::metadata(&self.path).ok()?.modified().ok();
        let seen = *self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        (modified != seen).then(|| self.load())?
    }

    /// Puts this in the place of what is kept: whole, or not at all.
    pub(super) fn save(&self, places: &Places, vectors: &Vectors) -> io::Result<()> {
        let body = postcard::to_stdvec(&(&self.id, self.dimension, places, vectors)).map_err(io::Error::other)?;
        let mut file = tempfile::NamedTempFile::new_in(self.path.parent().unwrap_or(Path::new(".")))?;
        file.write_all(MAGIC)?;
        file.write_all(&VERSION.to_le_bytes())?;
        file.write_all(&crc32fast::hash(&body).to_le_bytes())?;
        file.write_all(&body)?;
        file.persist(&self.path)?;
        self.note(fs::metadata(&self.path)?.modified().ok());
        Ok(())
    }

    fn note(&self, modified: Option<SystemTime>) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = modified;
    }
}

fn decode(bytes: &[u8], id: &str, dimension: usize) -> Option<Known> {
    let (header, body) = bytes.split_at_checked(HEADER_BYTES)?;
    let number = |at: usize| header.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes);
    if !header.starts_with(MAGIC) || number(8)? != VERSION || number(12)? != crc32fast::hash(body) {
        return None;
    }
    let stored: Stored = postcard::from_bytes(body).ok()?;
    if stored.id != id || stored.dimension != dimension {
        return None;
    }
    Some((stored.places, stored.vectors.of_dimension(dimension)?))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::retrieval::places::Place;
    use crate::workspace::Stamp;

    fn known() -> Known {
        let (mut places, mut vectors) = (Places::default(), Vectors::new(2));
        for content in 0..5u64 {
            vectors.put(content, &[content as f32 / 5.0, 1.0 - content as f32 / 5.0]);
            places.put(content % 3, Stamp::default(), vec![Place { lines: (0, 9), content }]);
        }
        (places, vectors)
    }

    #[test]
    fn what_is_kept_is_believed_only_whole_and_of_its_model() {
        let dir = tempfile::tempdir().unwrap();
        let (places, vectors) = known();
        let keeping = Keeping::new(dir.path(), "model", 2);
        assert_eq!(keeping.load(), None);
        keeping.save(&places, &vectors).unwrap();
        assert_eq!(keeping.load(), Some(known()));
        assert!(keeping.load_newer().is_none(), "this process has seen it");
        assert_eq!(Keeping::new(dir.path(), "model", 2).load_newer(), Some(known()));
        assert!(Keeping::new(dir.path(), "model", 1).load().is_none(), "of another length");
        fs::copy(keeping.path(), Keeping::new(dir.path(), "other", 2).path()).unwrap();
        assert!(Keeping::new(dir.path(), "other", 2).load().is_none(), "of another model");

        let right = fs::read(keeping.path()).unwrap();
        for at in 0..right.len() {
            let mut bytes = right.clone();
            bytes[at] ^= 1;
            assert!(decode(&bytes, "model", 2).is_none(), "byte {at}");
            assert!(decode(&right[..at], "model", 2).is_none(), "cut at {at}");
        }
    }

    #[test]
    fn the_records_are_those_of_the_first_version() {
        let (mut places, mut vectors) = (Places::default(), Vectors::new(2));
        places.put(1, Stamp::default(), vec![Place { lines: (0, 9), content: 5 }]);
        vectors.put(5, &[1.0, -1.0]);
        let files = BTreeMap::from([(1u64, ((0u64, 0u64), vec![((0u32, 9u32), 5u64)]))]);
        let rows = BTreeMap::from([(5u64, 0u32)]);
        let expected = ("model", 2usize, files, rows, vec![127u8, 129], vec![1f32 / 127.0]);
        let dir = tempfile::tempdir().unwrap();
        let keeping = Keeping::new(dir.path(), "model", 2);
        keeping.save(&places, &vectors).unwrap();
        let written = fs::read(keeping.path()).unwrap();
        assert_eq!(written[HEADER_BYTES..], postcard::to_stdvec(&expected).unwrap());
    }

    #[test]
    fn one_computes_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (Keeping::new(dir.path(), "model", 64), Keeping::new(dir.path(), "model", 64));
        let lock = one.lock();
        assert!(lock.is_some() && other.lock().is_none());
        drop(lock);
        assert!(other.lock().is_some());
    }
}

//! The table of vectors: which chunks a file has, what text each of them is, and the vector of every such text.
//!
//! A vector is kept as one byte a number with one factor, and found by the hash of its text, so that what moves, or
//! stands in two places, has one. On disk: eight bytes that name the format, its version (u32), the CRC-32 of the rest
//! (u32), then the records; whatever is damaged, of another version or another model counts as absent.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::SystemTime;

use rustc_hash::{FxBuildHasher, FxHashSet};
use serde::{Deserialize, Serialize};

use crate::workspace::{Stamp, hash};

/// Raised whenever what is stored, or what a chunk is made of, changes.
const VERSION: u32 = 1;
const MAGIC: &[u8; 8] = b"HLVECTOR";
const HEADER_BYTES: usize = 16;
/// A file of more bytes is not read.
const MOST_BYTES: u64 = 1 << 30;

/// Lines of a file and the hash of what the model saw of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// First and last, from 0.
    pub(super) lines: (u32, u32),
    pub(super) content: u64,
}

/// How alike the chunks of each file are to a question, best first: lines from 0, and -1 to 1.
pub(super) type Likeness = HashMap<u64, Vec<((usize, usize), f32)>, FxBuildHasher>;

/// See the module.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Vectors {
    dimension: usize,
    files: HashMap<u64, (Stamp, Vec<Place>), FxBuildHasher>,
    /// Where the vector of a text is in `bytes` and `factors`.
    rows: HashMap<u64, u32, FxBuildHasher>,
    bytes: Bytes,
    factors: Vec<f32>,
}

impl Vectors {
    pub(super) fn new(dimension: usize) -> Vectors {
        Vectors {
            dimension,
            files: HashMap::default(),
            rows: HashMap::default(),
            bytes: Bytes::default(),
            factors: Vec::new(),
        }
    }

    /// How a file was when its chunks got their places.
    pub(super) fn stamp(&self, file: u64) -> Option<Stamp> {
        self.files.get(&file).map(|(stamp, _)| *stamp)
    }

    /// Whether the text of this hash has a vector.
    pub(super) fn has(&self, content: u64) -> bool {
        self.rows.contains_key(&content)
    }

    /// Chunks that have a place.
    pub(super) fn places(&self) -> usize {
        self.files.values().map(|(_, places)| places.len()).sum()
    }

    /// Keeps the vector of a text. One of another length than the others is not taken.
    pub(super) fn put(&mut self, content: u64, vector: &[f32]) {
        let Ok(row) = u32::try_from(self.factors.len()) else { return };
        if vector.len() != self.dimension || self.has(content) {
            return;
        }
        let (bytes, factor) = pack(vector);
        self.bytes.0.extend(bytes);
        self.factors.push(factor);
        self.rows.insert(content, row);
    }

    /// Says what chunks a file has, in the place of what was known.
    pub(super) fn place(&mut self, file: u64, stamp: Stamp, places: Vec<Place>) {
        self.files.insert(file, (stamp, places));
    }

    /// Forgets every file but these; says whether there was one to forget.
    pub(super) fn retain(&mut self, files: impl Iterator<Item = u64>) -> bool {
        let (kept, before): (FxHashSet<u64>, usize) = (files.collect(), self.files.len());
        self.files.retain(|file, _| kept.contains(file));
        self.files.len() < before
    }

    /// Forgets the vectors of texts that no file has.
    pub(super) fn sweep(&mut self) {
        let used: HashSet<u64, FxBuildHasher> =
            self.files.values().flat_map(|(_, places)| places.iter().map(|place| place.content)).collect();
        if used.len() == self.rows.len() && self.rows.keys().all(|content| used.contains(content)) {
            return;
        }
        let mut swept = Vectors::new(self.dimension);
        for (content, row) in self.rows.iter().filter(|(content, _)| used.contains(content)) {
            let row = *row as usize;
            swept.rows.insert(*content, swept.factors.len() as u32);
            swept.bytes.0.extend_from_slice(self.row(row));
            swept.factors.push(self.factors[row]);
        }
        swept.files = std::mem::take(&mut self.files);
        *self = swept;
    }

    /// Compares `query`, of length one, with every vector.
    pub(super) fn score(&self, query: &[f32]) -> Likeness {
        let mut likeness = Likeness::default();
        if query.len() != self.dimension {
            return likeness;
        }
        let (query, factor) = pack(query);
        let scores: Vec<f32> =
            (0..self.factors.len()).map(|row| dot(&query, self.row(row)) as f32 * factor * self.factors[row]).collect();
        for (file, (_, places)) in &self.files {
            let score = |place: &Place| {
                let row = *self.rows.get(&place.content)? as usize;
                Some(((place.lines.0 as usize, place.lines.1 as usize), *scores.get(row)?))
            };
            let mut chunks: Vec<_> = places.iter().filter_map(score).collect();
            chunks.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            likeness.insert(*file, chunks);
        }
        likeness
    }

    fn row(&self, row: usize) -> &[i8] {
        &self.bytes.0[row * self.dimension..(row + 1) * self.dimension]
    }

    /// Whether the tables fit each other: what is read from disk need not.
    fn is_sound(&self, dimension: usize) -> bool {
        self.dimension == dimension
            && self.bytes.0.len() == self.factors.len() * dimension
            && self.rows.values().all(|&row| (row as usize) < self.factors.len())
    }
}

/// Numbers of one byte, stored as bytes and not as a list of numbers.
#[derive(Debug, Default, PartialEq)]
struct Bytes(Vec<i8>);

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = self.0.iter().map(|number| number.to_le_bytes()[0]).collect();
        serializer.serialize_bytes(&bytes)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Bytes;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.iter().map(|byte| i8::from_le_bytes([*byte])).collect()))
            }
        }
        deserializer.deserialize_bytes(Visitor)
    }
}

/// A vector as bytes, and what they have to be multiplied with.
fn pack(vector: &[f32]) -> (Vec<i8>, f32) {
    let largest = vector.iter().fold(0.0f32, |largest, number| largest.max(number.abs()));
    let factor = largest / 127.0;
    let scale = if factor > 0.0 { 1.0 / factor } else { 0.0 };
    (vector.iter().map(|number| (number * scale).round() as i8).collect(), factor)
}

/// The product of two vectors of one length. Sixteen-bit products in blocks are what compilers make vector code of.
fn dot(a: &[i8], b: &[i8]) -> i32 {
    a.iter().zip(b).map(|(&a, &b)| i32::from(i16::from(a) * i16::from(b))).sum()
}

/// Where the vectors of one workspace by one model lie.
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
    vectors: Vectors,
}

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
    pub(super) fn load(&self) -> Option<Vectors> {
        let metadata = fs::metadata(&self.path).ok().filter(|metadata| metadata.len() <= MOST_BYTES)?;
        self.note(metadata.modified().ok());
        let vectors = decode(&fs::read(&self.path).ok()?, &self.id, self.dimension);
        if vectors.is_none() {
            tracing::info!(path = %self.path.display(), "the vectors are of another version or damaged; they are made anew");
        }
        vectors
    }

    /// The same, if the file is another than the one seen last.
    pub(super) fn load_newer(&self) -> Option<Vectors> {
        let modified = fs::metadata(&self.path).ok()?.modified().ok();
        let seen = *self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        (modified != seen).then(|| self.load())?
    }

    /// Puts `vectors` in the place of what is kept: whole, or not at all.
    pub(super) fn save(&self, vectors: &Vectors) -> io::Result<()> {
        let body = postcard::to_stdvec(&(&self.id, vectors)).map_err(io::Error::other)?;
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

fn decode(bytes: &[u8], id: &str, dimension: usize) -> Option<Vectors> {
    let (header, body) = bytes.split_at_checked(HEADER_BYTES)?;
    let number = |at: usize| header.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes);
    if !header.starts_with(MAGIC) || number(8)? != VERSION || number(12)? != crc32fast::hash(body) {
        return None;
    }
    let stored: Stored = postcard::from_bytes(body).ok()?;
    (stored.id == id && stored.vectors.is_sound(dimension)).then_some(stored.vectors)
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    fn unit(rng: &mut StdRng, dimension: usize) -> Vec<f32> {
        let vector: Vec<f32> = (0..dimension).map(|_| rng.random_range(-1.0..1.0)).collect();
        let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
        vector.iter().map(|number| number / length).collect()
    }

    /// Three files, the first two of which share a text.
    fn table(rng: &mut StdRng) -> (Vectors, Vec<Vec<f32>>) {
        let mut vectors = Vectors::new(64);
        let plain: Vec<Vec<f32>> = (0..5).map(|_| unit(rng, 64)).collect();
        for (content, vector) in plain.iter().enumerate() {
            vectors.put(content as u64, vector);
        }
        for (file, contents) in [(7, vec![0, 1]), (8, vec![1, 2]), (9, vec![3, 4])] {
            let place = |content: u64| Place { lines: (content as u32 * 10, content as u32 * 10 + 9), content };
            vectors.place(file, Stamp::default(), contents.into_iter().map(place).collect());
        }
        (vectors, plain)
    }

    #[test]
    fn packed_products_are_close_to_exact_ones() {
        let mut rng = StdRng::seed_from_u64(5);
        for _ in 0..50 {
            let (vectors, plain) = table(&mut rng);
            let query = unit(&mut rng, 64);
            let likeness = vectors.score(&query);
            for (file, chunks) in &likeness {
                assert_eq!(chunks.len(), 2, "{file}");
                assert!(chunks[0].1 >= chunks[1].1);
                for &((first, _), score) in chunks {
                    let exact: f32 = plain[first / 10].iter().zip(&query).map(|(a, b)| a * b).sum();
                    assert!((exact - score).abs() < 0.02, "{exact} {score}");
                }
            }
        }
    }

    #[test]
    fn vectors_stay_while_a_file_has_their_text() {
        let (mut vectors, _) = table(&mut StdRng::seed_from_u64(1));
        let before = vectors.score(&unit(&mut StdRng::seed_from_u64(2), 64));
        assert!(vectors.retain([8, 9].into_iter()));
        vectors.sweep();
        assert_eq!((0..5).filter(|&content| vectors.has(content)).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!(vectors.bytes.0.len(), 4 * 64);
        let after = vectors.score(&unit(&mut StdRng::seed_from_u64(2), 64));
        assert_eq!((after.get(&8), after.get(&9), after.get(&7)), (before.get(&8), before.get(&9), None));
        assert!(!vectors.retain([8, 9].into_iter()));
    }

    #[test]
    fn what_is_kept_is_believed_only_whole_and_of_its_model() {
        let dir = tempfile::tempdir().unwrap();
        let (vectors, _) = table(&mut StdRng::seed_from_u64(3));
        let keeping = Keeping::new(dir.path(), "model", 64);
        assert_eq!(keeping.load(), None);
        keeping.save(&vectors).unwrap();
        assert_eq!(keeping.load().as_ref(), Some(&vectors));
        assert!(keeping.load_newer().is_none(), "this process has seen it");
        assert_eq!(Keeping::new(dir.path(), "model", 64).load_newer().as_ref(), Some(&vectors));
        assert!(Keeping::new(dir.path(), "model", 32).load().is_none(), "of another length");
        fs::copy(keeping.path(), Keeping::new(dir.path(), "other", 64).path()).unwrap();
        assert!(Keeping::new(dir.path(), "other", 64).load().is_none(), "of another model");

        let right = fs::read(keeping.path()).unwrap();
        for at in (0..right.len()).step_by(7) {
            let mut bytes = right.clone();
            bytes[at] ^= 1;
            assert!(decode(&bytes, "model", 64).is_none(), "byte {at}");
            assert!(decode(&right[..at], "model", 64).is_none(), "cut at {at}");
        }
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

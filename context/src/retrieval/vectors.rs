//! The table of vectors: for every text that has one, found by the text's hash, so that what moves, or stands in two
//! places, has one. A vector is kept as one byte a number with one factor.

use std::collections::{HashMap, HashSet};

use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};

/// See the module.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Vectors {
    /// Numbers in a vector. Stored apart from the rest.
    #[serde(skip)]
    dimension: usize,
    /// Where the vector of a text is in `bytes` and `factors`.
    rows: HashMap<u64, u32, FxBuildHasher>,
    bytes: Bytes,
    factors: Vec<f32>,
}

impl Vectors {
    pub(super) fn new(dimension: usize) -> Vectors {
        Vectors { dimension, rows: HashMap::default(), bytes: Bytes::default(), factors: Vec::new() }
    }

    /// What was read from disk, as vectors of so many numbers, if it can be that.
    pub(super) fn of_dimension(self, dimension: usize) -> Option<Vectors> {
        let is_sound = self.bytes.0.len() == self.factors.len() * dimension
            && self.rows.values().all(|&row| (row as usize) < self.factors.len());
        is_sound.then_some(Vectors { dimension, ..self })
    }

    /// Texts that have a vector.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether the text of this hash has a vector.
    pub(super) fn has(&self, content: u64) -> bool {
        self.rows.contains_key(&content)
    }

    /// Where the score of this text is in what [`Vectors::score`] gives.
    pub(super) fn row_of(&self, content: u64) -> Option<usize> {
        self.rows.get(&content).map(|&row| row as usize)
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

    /// Forgets the vectors of all texts but these.
    pub(super) fn sweep(&mut self, used: &HashSet<u64, FxBuildHasher>) {
        if self.rows.keys().all(|content| used.contains(content)) {
            return;
        }
        let mut swept = Vectors::new(self.dimension);
        for (content, row) in self.rows.iter().filter(|(content, _)| used.contains(content)) {
            let row = *row as usize;
            swept.rows.insert(*content, swept.factors.len() as u32);
            swept.bytes.0.extend_from_slice(self.row(row));
            swept.factors.push(self.factors[row]);
        }
        *self = swept;
    }

    /// Compares `query`, of length one, with every vector. Shape (rows,); nothing where the length is another.
    pub(super) fn score(&self, query: &[f32]) -> Vec<f32> {
        if query.len() != self.dimension {
            return Vec::new();
        }
        let (query, factor) = pack(query);
        (0..self.factors.len()).map(|row| dot(&query, self.row(row)) as f32 * factor * self.factors[row]).collect()
    }

    fn row(&self, row: usize) -> &[i8] {
        &self.bytes.0[row * self.dimension..(row + 1) * self.dimension]
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

    /// Five texts.
    fn table(rng: &mut StdRng) -> (Vectors, Vec<Vec<f32>>) {
        let mut vectors = Vectors::new(64);
        let plain: Vec<Vec<f32>> = (0..5).map(|_| unit(rng, 64)).collect();
        for (content, vector) in plain.iter().enumerate() {
            vectors.put(content as u64, vector);
        }
        (vectors, plain)
    }

    fn scores(vectors: &Vectors, query: &[f32]) -> Vec<Option<f32>> {
        let scores = vectors.score(query);
        (0..5).map(|content| scores.get(vectors.row_of(content)?).copied()).collect()
    }

    #[test]
    fn packed_products_are_close_to_exact_ones() {
        let mut rng = StdRng::seed_from_u64(5);
        for _ in 0..50 {
            let (vectors, plain) = table(&mut rng);
            let query = unit(&mut rng, 64);
            for (plain, score) in plain.iter().zip(scores(&vectors, &query)) {
                let exact: f32 = plain.iter().zip(&query).map(|(a, b)| a * b).sum();
                assert!((exact - score.unwrap()).abs() < 0.02, "{exact} {score:?}");
            }
        }
    }

    #[test]
    fn vectors_stay_while_their_text_is_used() {
        let (mut vectors, _) = table(&mut StdRng::seed_from_u64(1));
        let query = unit(&mut StdRng::seed_from_u64(2), 64);
        let before = scores(&vectors, &query);
        vectors.sweep(&HashSet::from_iter([1, 2, 3, 4, 9]));
        assert_eq!((vectors.len(), vectors.bytes.0.len()), (4, 4 * 64));
        assert_eq!(scores(&vectors, &query), [&[None], &before[1..]].concat());
        assert!(vectors.score(&query[1..]).is_empty(), "a question of another length");
    }
}

//! Keys and values of one sequence, as half floats, in memory that is reserved whole and taken as it is used.
//!
//! The length is a number beside the buffers: forgetting positions is setting it. Keys lie in blocks of sixteen positions,
//! `(head_dim, 16)` each, as the attention kernel wants them; values lie as `(position, head_dim)`.

use std::ops::Range;

use memmap2::MmapMut;

use crate::kernels::{KEY_BLOCK, Pool, Shared};
use crate::transformer::SequenceCache;

/// The cache of one sequence.
#[derive(Debug)]
pub struct KvCache {
    layers: Vec<LayerCache>,
    len: usize,
    shape: Shape,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shape {
    kv_heads: usize,
    head_dim: usize,
    /// A multiple of 16.
    capacity: usize,
}

impl Shape {
    /// Half floats of one head.
    fn head(self) -> usize {
        self.capacity * self.head_dim
    }
}

/// Keys and values of one layer.
#[derive(Debug)]
pub(crate) struct LayerCache {
    keys: MmapMut,
    values: MmapMut,
    shape: Shape,
}

impl KvCache {
    /// An empty cache with room for at least `capacity` positions.
    pub fn new(layers: usize, kv_heads: usize, head_dim: usize, capacity: usize) -> std::io::Result<KvCache> {
        let shape = Shape { kv_heads, head_dim, capacity: capacity.next_multiple_of(KEY_BLOCK).max(KEY_BLOCK) };
        let bytes = kv_heads * shape.head() * size_of::<u16>();
        let layers = (0..layers)
            .map(|_| {
                let (keys, values) = (MmapMut::map_anon(bytes)?, MmapMut::map_anon(bytes)?);
                Ok(LayerCache { keys, values, shape })
            })
            .collect::<std::io::Result<_>>()?;
        Ok(KvCache { layers, len: 0, shape })
    }

    /// The cache of one layer, to read all that was written.
    pub(crate) fn layer(&self, layer: usize) -> &LayerCache {
        &self.layers[layer]
    }

    /// The cache of one layer, to write the positions that come next.
    pub(crate) fn layer_mut(&mut self, layer: usize) -> &mut LayerCache {
        &mut self.layers[layer]
    }

    /// Copies what `from` holds to the positions from `to` on, each key changed by `rotate`.
    pub(crate) fn shift(&mut self, pool: &mut Pool, from: Range<usize>, to: usize, rotate: impl Fn(&mut [u16]) + Sync) {
        let capacity = self.shape.capacity;
        assert!(from.end <= capacity && to + from.len() <= capacity, "positions of the cache");
        let count = self.layers.len();
        let layers = Shared(self.layers.as_mut_ptr());
        pool.run(count, |layer| {
            // SAFETY: one of `count` layers, and each is handed to one thread only.
            let layer = unsafe { &mut *layers.get().add(layer) };
            layer.shift(from.clone(), to, &rotate);
        });
    }

    /// Counts `positions` more, which were written in every layer.
    pub(crate) fn advance(&mut self, positions: usize) {
        self.len += positions;
        debug_assert!(self.len <= self.shape.capacity);
    }
}

impl LayerCache {
    /// Keys of one head: blocks of sixteen positions, shape (blocks, head_dim, 16).
    pub(crate) fn keys(&self, head: usize) -> *const u16 {
        self.keys[head * self.shape.head() * 2..].as_ptr().cast()
    }

    /// Values of one head, shape (capacity, head_dim).
    pub(crate) fn values(&self, head: usize) -> *const u16 {
        self.values[head * self.shape.head() * 2..].as_ptr().cast()
    }

    /// Writes the key and the value of one position of one head, `head_dim` half floats each.
    pub(crate) fn write(&mut self, head: usize, position: usize, key: &[u16], value: &[u16]) {
        let Shape { head_dim, capacity, .. } = self.shape;
        assert!(position < capacity && key.len() == head_dim && value.len() == head_dim, "a position of the cache");
        self.write_key(head, position, key);
        let values = self.values_range(head, position..position + 1);
        for (to, value) in self.values[values].chunks_exact_mut(2).zip(value) {
            to.copy_from_slice(&value.to_ne_bytes());
        }
    }

    /// Key and value of one position of one head, `head_dim` each.
    #[cfg(test)]
    pub(crate) fn read(&self, head: usize, position: usize) -> (Vec<f32>, Vec<f32>) {
        let float = |bytes: &[u8], at: usize| half::f16::from_ne_bytes([bytes[at], bytes[at + 1]]).to_f32();
        let start = self.key_at(head, position);
        let key = (0..self.shape.head_dim).map(|d| float(&self.keys, start + d * KEY_BLOCK * 2)).collect();
        let values = self.values_range(head, position..position + 1);
        (key, values.step_by(2).map(|at| float(&self.values, at)).collect())
    }

    fn shift(&mut self, from: Range<usize>, to: usize, rotate: &dyn Fn(&mut [u16])) {
        let Shape { kv_heads, head_dim, .. } = self.shape;
        let mut keys = vec![0u16; from.len() * head_dim];
        for head in 0..kv_heads {
            // All are read before any is written, because the two places may overlap.
            for (position, key) in from.clone().zip(keys.chunks_exact_mut(head_dim)) {
                let at = self.key_at(head, position);
                for (d, key) in key.iter_mut().enumerate() {
                    let at = at + d * KEY_BLOCK * 2;
                    *key = u16::from_ne_bytes([self.keys[at], self.keys[at + 1]]);
                }
            }
            for (position, key) in (to..).zip(keys.chunks_exact_mut(head_dim)) {
                rotate(key);
                self.write_key(head, position, key);
            }
            let (values, start) = (self.values_range(head, from.clone()), self.values_range(head, to..to).start);
            self.values.copy_within(values, start);
        }
    }

    fn write_key(&mut self, head: usize, position: usize, key: &[u16]) {
        let start = self.key_at(head, position);
        for (d, key) in key.iter().enumerate() {
            let at = start + d * KEY_BLOCK * 2;
            self.keys[at..at + 2].copy_from_slice(&key.to_ne_bytes());
        }
    }

    /// The byte at which the key of a position begins; its other half floats follow a block apart.
    fn key_at(&self, head: usize, position: usize) -> usize {
        let block = position / KEY_BLOCK * KEY_BLOCK * self.shape.head_dim;
        (head * self.shape.head() + block + position % KEY_BLOCK) * 2
    }

    /// The bytes of some positions' values.
    fn values_range(&self, head: usize, positions: Range<usize>) -> Range<usize> {
        let at = |position: usize| (head * self.shape.head() + position * self.shape.head_dim) * 2;
        at(positions.start)..at(positions.end)
    }
}

impl SequenceCache for KvCache {
    fn len(&self) -> usize {
        self.len
    }

    fn capacity(&self) -> usize {
        self.shape.capacity
    }

    fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    fn extend(&mut self, len: usize) {
        assert!(len <= self.shape.capacity, "{len} positions of {}", self.shape.capacity);
        self.len = self.len.max(len);
    }

    /// # Panics
    /// When `other` belongs to a model of another shape, holds fewer than `len` positions, or does not fit.
    fn copy_prefix(&mut self, other: &Self, len: usize) {
        let same = (self.shape.kv_heads, self.shape.head_dim) == (other.shape.kv_heads, other.shape.head_dim);
        assert!(same && len <= other.len && len <= self.shape.capacity, "a prefix of a cache of the same model");
        let used = len.next_multiple_of(KEY_BLOCK) * self.shape.head_dim * 2;
        for (to, from) in self.layers.iter_mut().zip(&other.layers) {
            for head in 0..self.shape.kv_heads {
                let (to_at, from_at) = (head * to.shape.head() * 2, head * from.shape.head() * 2);
                to.keys[to_at..to_at + used].copy_from_slice(&from.keys[from_at..from_at + used]);
                to.values[to_at..to_at + used].copy_from_slice(&from.values[from_at..from_at + used]);
            }
        }
        self.len = len;
    }

    fn bytes(&self) -> usize {
        self.len * self.bytes_per_position()
    }

    fn bytes_per_position(&self) -> usize {
        self.layers.len() * self.shape.kv_heads * self.shape.head_dim * 2 * size_of::<u16>()
    }
}

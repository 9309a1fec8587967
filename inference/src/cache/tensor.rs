//! Keys and values of one sequence as candle tensors on a device, half floats, shape (kv_heads, positions, head_dim).
//!
//! Positions are appended in place and forgotten by setting the length. The tensors hold more positions than are used and
//! are replaced by larger ones when those run out: a card's memory cannot be reserved without being taken.

use candle_core::{DType, Device, Result, Tensor};

use crate::transformer::SequenceCache;

/// Positions are reserved in steps of so many.
const STEP: usize = 1024;

/// The cache of one sequence.
#[derive(Debug)]
pub struct TensorCache {
    device: Device,
    /// Keys and values of each layer, shape (kv_heads, reserved, head_dim); none while nothing is reserved.
    layers: Vec<[Tensor; 2]>,
    /// Layers, key-value heads, floats of a head.
    shape: [usize; 3],
    len: usize,
    reserved: usize,
    capacity: usize,
    most: usize,
    /// What went wrong where no error could be returned. The cache is of no more use.
    broken: Option<String>,
}

impl TensorCache {
    /// An empty cache for `capacity` positions, of `shape` (layers, key-value heads, floats of a head). The tensors may be
    /// asked for up to `most` positions.
    pub(crate) fn new(device: &Device, shape: [usize; 3], capacity: usize, most: usize) -> TensorCache {
        let layers = Vec::new();
        TensorCache { device: device.clone(), layers, shape, len: 0, reserved: 0, capacity, most, broken: None }
    }

    /// Makes room for the first `positions` positions, keeping those that are held.
    pub(crate) fn reserve(&mut self, positions: usize) -> Result<()> {
        if let Some(broken) = &self.broken {
            candle_core::bail!("the cache was lost earlier: {broken}");
        }
        if positions <= self.reserved {
            return Ok(());
        }
        let [layers, kv_heads, head_dim] = self.shape;
        let grown = (self.reserved * 2).max(positions).next_multiple_of(STEP).min(self.most.max(positions));
        for layer in 0..layers {
            let new = || Tensor::zeros((kv_heads, grown, head_dim), DType::F16, &self.device);
            let larger = [new()?, new()?];
            match self.layers.get_mut(layer) {
                Some(old) => {
                    for (larger, old) in larger.iter().zip(old.iter()).filter(|_| self.len > 0) {
                        larger.slice_set(&old.narrow(1, 0, self.len)?.contiguous()?, 1, 0)?;
                    }
                    *old = larger;
                }
                None => self.layers.push(larger),
            }
        }
        self.reserved = grown;
        Ok(())
    }

    /// Writes keys and values, shape (kv_heads, rows, head_dim), of the positions from `start` on, which were reserved.
    pub(crate) fn write(&mut self, layer: usize, start: usize, keys: &Tensor, values: &Tensor) -> Result<()> {
        let [to_keys, to_values] = &self.layers[layer];
        to_keys.slice_set(&keys.to_dtype(DType::F16)?.contiguous()?, 1, start)?;
        to_values.slice_set(&values.to_dtype(DType::F16)?.contiguous()?, 1, start)
    }

    /// The first `positions` keys and values, 32-bit floats, shape (kv_heads, positions, head_dim).
    pub(crate) fn read(&self, layer: usize, positions: usize) -> Result<(Tensor, Tensor)> {
        let [keys, values] = &self.layers[layer];
        let first = |x: &Tensor| x.narrow(1, 0, positions)?.to_dtype(DType::F32)?.contiguous();
        Ok((first(keys)?, first(values)?))
    }

    /// Counts `positions` more, which were written in every layer.
    pub(crate) fn advance(&mut self, positions: usize) {
        self.len += positions;
    }

    fn copy(&mut self, other: &TensorCache, len: usize) -> Result<()> {
        self.len = 0;
        self.reserve(len)?;
        for (to, from) in self.layers.iter().zip(&other.layers).filter(|_| len > 0) {
            for (to, from) in to.iter().zip(from) {
                to.slice_set(&from.narrow(1, 0, len)?.contiguous()?, 1, 0)?;
            }
        }
        self.len = len;
        Ok(())
    }
}

impl SequenceCache for TensorCache {
    fn len(&self) -> usize {
        self.len
    }

    fn capacity(&self) -> usize {
        self.capacity
    }

    fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    fn extend(&mut self, len: usize) {
        assert!(len <= self.reserved, "{len} positions of {}", self.reserved);
        self.len = self.len.max(len);
    }

    /// Should the device refuse, the next forward with this cache says so.
    ///
    /// # Panics
    /// When `other` belongs to a model of another shape, holds fewer than `len` positions, or does not fit.
    fn copy_prefix(&mut self, other: &Self, len: usize) {
        let fits = self.shape == other.shape && len <= other.len && len <= self.capacity;
        assert!(fits, "a prefix of a cache of the same model");
        if let Err(error) = self.copy(other, len) {
            self.broken = Some(error.to_string());
            self.len = len;
        }
    }

    fn bytes(&self) -> usize {
        self.reserved * self.bytes_per_position()
    }

    fn bytes_per_position(&self) -> usize {
        self.shape.iter().product::<usize>() * 2 * DType::F16.size_in_bytes()
    }
}

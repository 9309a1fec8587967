//! The steps of the forward pass as candle's own tensor operations, on whatever device candle has: a CUDA card, or the
//! processor, where tests compare it with our kernels.
//!
//! Quantised matrices stay quantised (`QMatMul`). Up to eight rows a card multiplies with kernels made for few rows and
//! past that with others, whose sums go in another order: so fewer rows are filled up to eight, and no more are verified.

use std::ops::Range;

use candle_core::quantized::{QMatMul, QStorage, QTensor};
use candle_core::{DType, Device, Module, Result, Tensor};
use candle_nn::ops::{rms_norm, silu, softmax_last_dim};
use candle_nn::rotary_emb::rope as rotate;

use super::backend::Backend;
use super::config::Config;
use super::device_logits::DeviceLogits;
use super::rope::Rope;
use super::weights::{Layer, Linear, Stored, WeightsError};
use crate::cache::tensor::TensorCache;
use crate::{EngineError, TokenCost};

/// Rows that the kernels for few rows take at most.
const FEW_ROWS: usize = 8;

/// Keys are read in steps of so many positions, so that most passes have the shapes of the one before.
const WINDOW: usize = 256;

/// Query rows whose scores are in memory at once.
const QUERY_ROWS: usize = 128;

/// Added to scores that a row must not see: `exp` of it is 0, and unlike infinity it survives being multiplied by 0.
const HIDDEN: f64 = 1e30;

/// A device of candle's.
#[derive(Debug)]
pub struct Tensors {
    device: Device,
    name: String,
}

/// What all layers of one pass share.
pub struct TensorPass {
    /// Shape (rows, head_dim / 2).
    cos: Tensor,
    sin: Tensor,
    /// 0 for what a row may see and hugely negative for the rest, shape (rows, window).
    mask: Tensor,
    start: usize,
    window: usize,
}

impl Tensors {
    /// Computes on `device`, which people know by `name`.
    pub fn new(device: Device, name: impl Into<String>) -> Tensors {
        Tensors { device, name: name.into() }
    }

    fn linear(&self, h: &Tensor, linear: &Linear<Tensors>) -> Result<Tensor> {
        let y = linear.matrix.forward(h)?;
        match &linear.bias {
            Some(bias) => y.broadcast_add(bias),
            None => Ok(y),
        }
    }
}

impl Backend for Tensors {
    const LEAST_ROWS: usize = FEW_ROWS;
    const MOST_ALIKE: usize = FEW_ROWS;

    type Vector = Tensor;
    type Matrix = QMatMul;
    type Pass = TensorPass;
    type Heads = Tensor;
    type Cache = TensorCache;
    type Logits = DeviceLogits;

    fn describe(&self) -> String {
        self.name.clone()
    }

    fn vector(&mut self, values: Vec<f32>) -> Result<Tensor> {
        let n = values.len();
        Tensor::from_vec(values, n, &self.device)
    }

    fn matrix(&mut self, stored: &Stored<'_>) -> std::result::Result<QMatMul, WeightsError> {
        let dtype = stored.kind.to_candle().ok_or_else(|| stored.unknown_type())?;
        let make = || {
            let storage = QStorage::from_data(stored.rows_in_order(), &self.device, dtype)?;
            QMatMul::from_qtensor(QTensor::new(storage, (stored.outputs, stored.inputs))?)
        };
        make().map_err(|source| WeightsError::Candle { tensor: stored.name.to_owned(), source })
    }

    fn cost(matrix: &QMatMul) -> TokenCost {
        let (bytes, elements) = match matrix {
            QMatMul::QTensor(tensor) => (tensor.storage_size_in_bytes(), tensor.shape().elem_count()),
            QMatMul::Tensor(tensor) | QMatMul::TensorF16(tensor) => {
                (tensor.elem_count() * tensor.dtype().size_in_bytes(), tensor.elem_count())
            }
        };
        TokenCost { bytes, operations: 2 * elements }
    }

    fn settle(&mut self) -> Result<()> {
        self.device.synchronize()
    }

    fn new_cache(&self, config: &Config, capacity: usize) -> std::result::Result<TensorCache, EngineError> {
        // Rows that only fill a pass up are written behind the last position.
        let most = (capacity + FEW_ROWS).next_multiple_of(WINDOW);
        Ok(TensorCache::new(&self.device, [config.layers, config.kv_heads, config.head_dim], capacity, most))
    }

    fn begin(&mut self, rope: &Rope, cache: &mut TensorCache, start: usize, rows: usize) -> Result<TensorPass> {
        let (end, half) = (start + rows, rope.half());
        let window = end.next_multiple_of(WINDOW);
        cache.reserve(window)?;
        let (mut cos, mut sin) = (Vec::with_capacity(rows * half), Vec::with_capacity(rows * half));
        for position in start..end {
            let angles = rope.at(position);
            cos.extend_from_slice(angles.0);
            sin.extend_from_slice(angles.1);
        }
        let keys = Tensor::arange(0, window as u32, &self.device)?.reshape((1, window))?;
        let queries = Tensor::arange(start as u32, end as u32, &self.device)?.reshape((rows, 1))?;
        let seen = keys.broadcast_le(&queries)?.to_dtype(DType::F32)?; // (rows, window)
        Ok(TensorPass {
            cos: Tensor::from_vec(cos, (rows, half), &self.device)?,
            sin: Tensor::from_vec(sin, (rows, half), &self.device)?,
            mask: seen.affine(HIDDEN, -HIDDEN)?,
            start,
            window,
        })
    }

    fn place(&mut self, x: Tensor) -> Result<Tensor> {
        x.to_device(&self.device)
    }

    fn rms_norm(&mut self, x: &Tensor, weight: &Tensor, epsilon: f32) -> Result<Tensor> {
        rms_norm(x, weight, epsilon)
    }

    fn project(&mut self, h: &Tensor, layer: &Layer<Tensors>) -> Result<[Tensor; 3]> {
        Ok([self.linear(h, &layer.query)?, self.linear(h, &layer.key)?, self.linear(h, &layer.value)?])
    }

    fn position(
        &mut self,
        config: &Config,
        layer: &Layer<Tensors>,
        _rope: &Rope,
        pass: &TensorPass,
        [q, k]: [Tensor; 2],
    ) -> Result<[Tensor; 2]> {
        let turned = |x: Tensor, norm: &Option<Tensor>| -> Result<Tensor> {
            let x = heads_first(&x, config.head_dim)?; // (heads, rows, head_dim)
            let x = match norm {
                Some(weight) => rms_norm(&x, weight, config.norm_epsilon)?,
                None => x,
            };
            rotate(&x.unsqueeze(0)?, &pass.cos, &pass.sin)?.squeeze(0)
        };
        let scale = 1.0 / (config.head_dim as f64).sqrt();
        Ok([turned(q, &layer.query_norm)?.affine(scale, 0.0)?, turned(k, &layer.key_norm)?])
    }

    fn remember(
        &mut self,
        config: &Config,
        cache: &mut TensorCache,
        layer: usize,
        pass: &TensorPass,
        [k, v]: [&Tensor; 2],
    ) -> Result<()> {
        cache.write(layer, pass.start, k, &heads_first(v, config.head_dim)?)
    }

    fn attend(
        &mut self,
        config: &Config,
        q: &Tensor,
        cache: &TensorCache,
        layer: usize,
        pass: &TensorPass,
    ) -> Result<Tensor> {
        let Config { heads, kv_heads, head_dim: dim, .. } = *config;
        let (group, window, rows) = (heads / kv_heads, pass.window, q.dims()[1]);
        let (keys, values) = cache.read(layer, window)?; // (kv_heads, window, head_dim)
        let keys = keys.transpose(1, 2)?;
        let q = q.reshape((kv_heads, group, rows, dim))?;
        let mut out = Vec::with_capacity(rows.div_ceil(QUERY_ROWS));
        for first in (0..rows).step_by(QUERY_ROWS) {
            let n = QUERY_ROWS.min(rows - first);
            let queries = q.narrow(2, first, n)?.contiguous()?.reshape((kv_heads, group * n, dim))?;
            let scores = queries.matmul(&keys)?.reshape((kv_heads, group, n, window))?;
            let weights = softmax_last_dim(&scores.broadcast_add(&pass.mask.narrow(0, first, n)?)?)?;
            let mixed = weights.reshape((kv_heads, group * n, window))?.matmul(&values)?;
            out.push(mixed.reshape((heads, n, dim))?.transpose(0, 1)?.reshape((n, heads * dim))?);
        }
        Tensor::cat(&out, 0)
    }

    fn add_linear(&mut self, x: Tensor, h: &Tensor, linear: &Linear<Tensors>) -> Result<Tensor> {
        x + self.linear(h, linear)?
    }

    fn feed_forward(&mut self, x: Tensor, h: &Tensor, layer: &Layer<Tensors>) -> Result<Tensor> {
        let gated = (silu(&self.linear(h, &layer.gate)?)? * self.linear(h, &layer.up)?)?;
        x + self.linear(&gated, &layer.down)?
    }

    fn logits(&mut self, h: &Tensor, output: &QMatMul) -> Result<Tensor> {
        output.forward(h)
    }

    /// Not here: passes are filled up with rows that are written after the sequence's end, over what would be kept.
    fn shift(&mut self, _: &Rope, _: &mut Self::Cache, _: Range<usize>, _: usize) -> bool {
        false
    }

    fn advance(&mut self, cache: &mut TensorCache, positions: usize) {
        cache.advance(positions);
    }
}

/// From shape (rows, heads * head_dim) to (heads, rows, head_dim).
fn heads_first(x: &Tensor, head_dim: usize) -> Result<Tensor> {
    let (rows, width) = x.dims2()?;
    x.reshape((rows, width / head_dim, head_dim))?.transpose(0, 1)?.contiguous()
}

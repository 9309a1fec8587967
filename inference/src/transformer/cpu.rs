//! The steps of the forward pass on the processor: candle tensors in and out, our kernels in between.
//!
//! Tensors are contiguous 32-bit floats, shape (tokens, width). Each step says in its first line what the paper calls it.

use std::ops::Range;

use candle_core::{DType, Device, Result, Storage, Tensor};

use super::TensorLogits;
use super::backend::Backend;
use super::config::Config;
use super::rope::Rope;
use super::weights::{Layer, Linear, Stored, WeightsError};
use half::slice::HalfBitsSliceExt;

use crate::cache::kv::KvCache;
use crate::gguf::GgmlType;
use crate::kernels::{
    ATTEND_ROWS, Activations, Arena, AttendArgs, Finish, KEY_BLOCK, Layout, Matrix, Pool, Shared, Table, best, isa,
    multiply, multiply_gated,
};
use crate::{EngineError, TokenCost};

/// Threads, the kernels they run, and buffers that are kept from step to step.
#[derive(Debug)]
pub struct Cpu {
    table: &'static Table,
    pool: Pool,
    arena: Arena,
    activations: Activations,
    gated: Vec<f32>,
}

/// Rows that one thread takes at a time in steps that go row by row.
const ROWS_PER_PIECE: usize = 4;

impl Cpu {
    /// A processor with this many threads.
    pub(crate) fn new(threads: usize) -> Cpu {
        let (arena, activations) = (Arena::default(), Activations::default());
        Cpu { table: best(), pool: Pool::new(threads), arena, activations, gated: Vec::new() }
    }
}

impl Backend for Cpu {
    const LEAST_ROWS: usize = 1;
    const MOST_ALIKE: usize = usize::MAX;

    type Vector = Vec<f32>;
    type Matrix = Matrix;
    /// The first position.
    type Pass = usize;
    type Heads = Vec<f32>;
    type Cache = KvCache;
    type Logits = TensorLogits;

    fn describe(&self) -> String {
        format!("cpu {}", isa())
    }

    fn vector(&mut self, values: Vec<f32>) -> Result<Vec<f32>> {
        Ok(values)
    }

    fn matrix(&mut self, stored: &Stored<'_>) -> std::result::Result<Matrix, WeightsError> {
        let layout = layout_of(stored.kind).ok_or_else(|| stored.unknown_type())?;
        let Stored { outputs, inputs, bytes, .. } = *stored;
        let order = |row| stored.order.source(row);
        Matrix::pack(&mut self.pool, &mut self.arena, layout, outputs, inputs, bytes, &order)
            .map_err(|source| WeightsError::Pack { tensor: stored.name.to_owned(), source })
    }

    fn cost(matrix: &Matrix) -> TokenCost {
        TokenCost { bytes: matrix.bytes(), operations: 2 * matrix.outputs() * matrix.inputs() }
    }

    fn settle(&mut self) -> Result<()> {
        Ok(())
    }

    fn new_cache(&self, config: &Config, capacity: usize) -> std::result::Result<KvCache, EngineError> {
        let Config { layers, kv_heads, head_dim, .. } = *config;
        KvCache::new(layers, kv_heads, head_dim, capacity)
            .map_err(|e| EngineError::Compute(format!("no memory for a cache of {capacity} tokens: {e}")))
    }

    fn begin(&mut self, _rope: &Rope, _cache: &mut KvCache, start: usize, _rows: usize) -> Result<usize> {
        Ok(start)
    }

    fn place(&mut self, x: Tensor) -> Result<Tensor> {
        Ok(x)
    }

    fn rms_norm(&mut self, x: &Tensor, weight: &Vec<f32>, epsilon: f32) -> Result<Tensor> {
        let (rows, width) = x.dims2()?;
        let mut out = vec![0.0; rows * width];
        let to = Shared(out.as_mut_ptr());
        let table = self.table;
        assert_eq!(weight.len(), width, "one weight for each float");
        on_slice(x, |x| {
            self.pool.run(rows.div_ceil(ROWS_PER_PIECE), |piece| {
                for row in piece * ROWS_PER_PIECE..rows.min((piece + 1) * ROWS_PER_PIECE) {
                    // SAFETY: `x` and `out` hold `rows` rows of `width`; each row is written by one thread.
                    unsafe {
                        let (from, to) = (x.as_ptr().add(row * width), to.get().add(row * width));
                        (table.rms_norm)(from, weight.as_ptr(), width, epsilon, to);
                    }
                }
            });
        })?;
        Tensor::from_vec(out, (rows, width), &Device::Cpu)
    }

    fn project(&mut self, h: &Tensor, layer: &Layer<Cpu>) -> Result<[Vec<f32>; 3]> {
        let (rows, width) = h.dims2()?;
        let linears = [&layer.query, &layer.key, &layer.value];
        let mut out = linears.map(|linear| vec![0.0; rows * linear.matrix.outputs()]);
        let matrices = linears.map(|linear| &linear.matrix);
        on_slice(h, |h| {
            self.activations.set(self.table, &mut self.pool, h, width, &matrices);
            let [q, k, v] = &mut out;
            let mut parts = [part(&layer.query, q), part(&layer.key, k), part(&layer.value, v)];
            multiply(self.table, &mut self.pool, &mut parts, h, &self.activations);
        })?;
        Ok(out)
    }

    fn position(
        &mut self,
        config: &Config,
        layer: &Layer<Cpu>,
        rope: &Rope,
        &start: &usize,
        mut qk: [Vec<f32>; 2],
    ) -> Result<[Vec<f32>; 2]> {
        let dim = config.head_dim;
        let table = self.table;
        let scales = [1.0 / (dim as f32).sqrt(), 1.0];
        for ((x, norm), scale) in qk.iter_mut().zip([&layer.query_norm, &layer.key_norm]).zip(scales) {
            let rows = x.len() / dim;
            let heads = if scale == 1.0 { config.kv_heads } else { config.heads };
            let x = Shared(x.as_mut_ptr());
            const PIECE: usize = 64;
            self.pool.run(rows.div_ceil(PIECE), |piece| {
                for row in piece * PIECE..rows.min((piece + 1) * PIECE) {
                    let (cos, sin) = rope.at(start + row / heads);
                    // SAFETY: `x` holds `rows` heads of `dim`, each touched by one thread; angles are half as many.
                    unsafe {
                        let head = x.get().add(row * dim);
                        if let Some(weight) = norm {
                            (table.rms_norm)(head, weight.as_ptr(), dim, config.norm_epsilon, head);
                        }
                        (table.rotate)(head, cos.as_ptr(), sin.as_ptr(), rope.half(), scale);
                    }
                }
            });
        }
        Ok(qk)
    }

    fn remember(
        &mut self,
        config: &Config,
        cache: &mut KvCache,
        layer: usize,
        &start: &usize,
        [keys, values]: [&Vec<f32>; 2],
    ) -> Result<()> {
        let cache = cache.layer_mut(layer);
        let (dim, heads) = (config.head_dim, config.kv_heads);
        let (mut key, mut value) = (vec![0u16; dim], vec![0u16; dim]);
        for (i, (k, v)) in keys.chunks_exact(dim).zip(values.chunks_exact(dim)).enumerate() {
            // SAFETY: `dim` floats and as many halves.
            unsafe {
                (self.table.to_f16)(k.as_ptr(), dim, key.as_mut_ptr());
                (self.table.to_f16)(v.as_ptr(), dim, value.as_mut_ptr());
            }
            cache.write(i % heads, start + i / heads, &key, &value);
        }
        Ok(())
    }

    fn attend(
        &mut self,
        config: &Config,
        q: &Vec<f32>,
        cache: &KvCache,
        layer: usize,
        &start: &usize,
    ) -> Result<Tensor> {
        let cache = cache.layer(layer);
        let (dim, group) = (config.head_dim, config.heads / config.kv_heads);
        let width = config.heads * dim;
        let tokens = q.len() / width;
        let mut out = vec![0.0f32; q.len()];
        let to = Shared(out.as_mut_ptr());
        let table = self.table;
        // Rows of a head: token by token, the query heads of its group side by side. Few rows are cut finer, so that each
        // thread gets some.
        let rows = tokens * group;
        let per_piece = (rows * config.kv_heads).div_ceil(self.pool.threads()).clamp(1, ATTEND_ROWS);
        let per_head = rows.div_ceil(per_piece);
        let stride = (start + tokens).next_multiple_of(KEY_BLOCK);
        self.pool.run(config.kv_heads * per_head, |piece| {
            // The last rows see the most: they come first, so that no thread is left with a long piece at the end.
            let (head, first) = (piece % config.kv_heads, (per_head - 1 - piece / config.kv_heads) * per_piece);
            let count = per_piece.min(rows - first);
            let mut queries = [std::ptr::null(); ATTEND_ROWS];
            let mut visible = [0; ATTEND_ROWS];
            let mut outs = [std::ptr::null_mut(); ATTEND_ROWS];
            for i in 0..count {
                let (token, member) = ((first + i) / group, (first + i) % group);
                let at = token * width + (head * group + member) * dim;
                queries[i] = q[at..at + dim].as_ptr();
                visible[i] = start + token + 1;
                // SAFETY: `out` is as long as `q`.
                outs[i] = unsafe { to.get().add(at) };
            }
            let mut scores = vec![0.0f32; count * stride];
            let args = AttendArgs {
                queries: &queries[..count],
                visible: &visible[..count],
                keys: cache.keys(head),
                values: cache.values(head),
                head_dim: dim,
                scores: scores.as_mut_ptr(),
                score_stride: stride,
                out: &outs[..count],
            };
            // SAFETY: the cache holds `start + tokens` positions of this head, everything else was made to fit above.
            unsafe { (table.attend)(&args) };
        });
        Tensor::from_vec(out, (tokens, width), &Device::Cpu)
    }

    fn add_linear(&mut self, x: Tensor, h: &Tensor, linear: &Linear<Cpu>) -> Result<Tensor> {
        let shape = x.dims2()?;
        let mut out = x.flatten_all()?.to_vec1::<f32>()?;
        let width = linear.matrix.inputs();
        on_slice(h, |h| {
            self.activations.set(self.table, &mut self.pool, h, width, &[&linear.matrix]);
            let mut parts = [(&linear.matrix, Finish::Add, &mut out[..])];
            multiply(self.table, &mut self.pool, &mut parts, h, &self.activations);
        })?;
        Tensor::from_vec(out, shape, &Device::Cpu)
    }

    fn feed_forward(&mut self, x: Tensor, h: &Tensor, layer: &Layer<Cpu>) -> Result<Tensor> {
        let (rows, width) = x.dims2()?;
        let (gate, up, down) = (&layer.gate.matrix, &layer.up.matrix, &layer.down.matrix);
        let mut out = x.flatten_all()?.to_vec1::<f32>()?;
        self.gated.resize(rows * gate.outputs(), 0.0);
        on_slice(h, |h| {
            self.activations.set(self.table, &mut self.pool, h, width, &[gate, up]);
            multiply_gated(self.table, &mut self.pool, (gate, up), h, &self.activations, &mut self.gated);
            self.activations.set(self.table, &mut self.pool, &self.gated, gate.outputs(), &[down]);
            let mut parts = [(down, Finish::Add, &mut out[..])];
            multiply(self.table, &mut self.pool, &mut parts, &self.gated, &self.activations);
        })?;
        Tensor::from_vec(out, (rows, width), &Device::Cpu)
    }

    fn logits(&mut self, h: &Tensor, output: &Matrix) -> Result<Tensor> {
        let (rows, width) = h.dims2()?;
        let mut out = vec![0.0; rows * output.outputs()];
        on_slice(h, |h| {
            self.activations.set(self.table, &mut self.pool, h, width, &[output]);
            let mut parts = [(output, Finish::Store { bias: None }, &mut out[..])];
            multiply(self.table, &mut self.pool, &mut parts, h, &self.activations);
        })?;
        Tensor::from_vec(out, (rows, output.outputs()), &Device::Cpu)
    }

    fn shift(&mut self, rope: &Rope, cache: &mut KvCache, from: Range<usize>, to: usize) -> bool {
        let (cos, sin) = rope.at(from.start.abs_diff(to));
        let backwards = to < from.start;
        let sin: Vec<f32> = sin.iter().map(|&sin| if backwards { -sin } else { sin }).collect();
        let table = self.table;
        cache.shift(&mut self.pool, from, to, |key| {
            let mut floats = vec![0.0; key.len()];
            half::slice::HalfFloatSliceExt::convert_to_f32_slice(key.reinterpret_cast::<half::f16>(), &mut floats);
            // SAFETY: a key is a head of twice as many floats as there are angles, and of a multiple of 16.
            unsafe {
                (table.rotate)(floats.as_mut_ptr(), cos.as_ptr(), sin.as_ptr(), rope.half(), 1.0);
                (table.to_f16)(floats.as_ptr(), floats.len(), key.as_mut_ptr());
            }
        });
        true
    }

    fn advance(&mut self, cache: &mut KvCache, positions: usize) {
        cache.advance(positions);
    }
}

fn part<'a>(linear: &'a Linear<Cpu>, out: &'a mut [f32]) -> (&'a Matrix, Finish<'a>, &'a mut [f32]) {
    (&linear.matrix, Finish::Store { bias: linear.bias.as_deref() }, out)
}

/// Calls `f` with the floats of a contiguous tensor in main memory.
pub(crate) fn on_slice<R>(tensor: &Tensor, f: impl FnOnce(&[f32]) -> R) -> Result<R> {
    let (storage, layout) = tensor.storage_and_layout();
    let Some((start, end)) = layout.contiguous_offsets() else {
        candle_core::bail!("a tensor of shape {:?} is not contiguous", tensor.shape());
    };
    match &*storage {
        Storage::Cpu(cpu) => Ok(f(&cpu.as_slice::<f32>()?[start..end])),
        _ => candle_core::bail!("a tensor of type {:?} is not in main memory", DType::F32),
    }
}

/// The layout for a type of the file, if the kernels have one.
fn layout_of(kind: GgmlType) -> Option<Layout> {
    Some(match kind {
        GgmlType::F32 => Layout::F32,
        GgmlType::F16 => Layout::F16,
        GgmlType::BF16 => Layout::BF16,
        GgmlType::Q4_0 => Layout::Q4_0,
        GgmlType::Q4_1 => Layout::Q4_1,
        GgmlType::Q5_0 => Layout::Q5_0,
        GgmlType::Q5_1 => Layout::Q5_1,
        GgmlType::Q8_0 => Layout::Q8_0,
        GgmlType::Q4K => Layout::Q4K,
        GgmlType::Q5K => Layout::Q5K,
        GgmlType::Q6K => Layout::Q6K,
        _ => return None,
    })
}

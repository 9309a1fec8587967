//! The forward pass, in the order of the paper.

use candle_core::{Result, Tensor};

use super::config::Config;
use super::cpu::{Cpu, on_slice};
use super::weights::{Layer, Weights, WeightsError};
use super::{LanguageModel, Logits, Rows, SequenceCache};
use crate::cache::kv::KvCache;
use crate::gguf::Gguf;
use crate::kernels::isa;
use crate::{EngineError, TokenCost};

/// A decoder of the llama, qwen2 or qwen3 family.
#[derive(Debug)]
pub struct Model {
    config: Config,
    weights: Weights,
    cpu: Cpu,
}

impl Model {
    /// Takes the model out of its file; `progress` is told tensors done, of tensors in all.
    pub fn load(
        gguf: &Gguf,
        threads: usize,
        progress: &mut dyn FnMut(usize, usize),
    ) -> std::result::Result<Model, WeightsError> {
        let config = Config::from_gguf(gguf)?;
        let mut cpu = Cpu::new(threads);
        let weights = Weights::load(gguf, &config, cpu.pool(), progress)?;
        Ok(Model { config, weights, cpu })
    }

    /// Shape and constants.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What it computes on, for people.
    pub fn device(&self) -> String {
        format!("cpu {}", isa())
    }

    /// What a forward pass of one token costs.
    pub fn cost(&self) -> TokenCost {
        let layers = self.weights.layers.iter().flat_map(Layer::linears).map(|linear| &linear.matrix);
        let matrices = layers.chain([&self.weights.output]);
        matrices.fold(TokenCost { bytes: 0, operations: 0 }, |cost, matrix| TokenCost {
            bytes: cost.bytes + matrix.bytes(),
            operations: cost.operations + 2 * matrix.outputs() * matrix.inputs(),
        })
    }

    fn run(&mut self, tokens: &[u32], cache: &mut KvCache, rows: Rows) -> Result<Option<Tensor>> {
        let Model { config, weights, cpu } = self;
        let start = cache.len();
        weights.rope.reserve(start + tokens.len());
        let epsilon = config.norm_epsilon;

        let mut x = weights.embedding.rows(tokens)?; // (tokens, hidden)
        for (i, layer) in weights.layers.iter().enumerate() {
            let h = cpu.rms_norm(&x, &layer.attention_norm, epsilon)?; // (tokens, hidden)
            let [mut q, mut k, v] = cpu.project(&h, layer)?; // (tokens, heads * head_dim), k and v: kv_heads
            cpu.position(config, layer, &weights.rope, start, [&mut q, &mut k]);
            let cache = cache.layer_mut(i);
            cpu.remember(config, cache, start, &k, &v);
            let h = cpu.attend(config, &q, cache, start)?; // (tokens, heads * head_dim)
            x = cpu.add_linear(x, &h, &layer.output)?; // (tokens, hidden)
            let h = cpu.rms_norm(&x, &layer.feed_forward_norm, epsilon)?;
            x = cpu.feed_forward(x, &h, layer)?; // (tokens, hidden)
        }
        cache.advance(tokens.len());

        let wanted = match rows {
            Rows::None => return Ok(None),
            Rows::Last => x.narrow(0, tokens.len() - 1, 1)?.contiguous()?,
            Rows::All => x,
        };
        let h = cpu.rms_norm(&wanted, &weights.output_norm, epsilon)?; // (rows, hidden)
        cpu.logits(&h, &weights.output).map(Some) // (rows, vocabulary)
    }
}

impl LanguageModel for Model {
    type Cache = KvCache;
    type Logits = TensorLogits;

    fn new_cache(&self, capacity: usize) -> std::result::Result<KvCache, EngineError> {
        let Config { layers, kv_heads, head_dim, .. } = self.config;
        KvCache::new(layers, kv_heads, head_dim, capacity)
            .map_err(|e| EngineError::Compute(format!("no memory for a cache of {capacity} tokens: {e}")))
    }

    fn forward(
        &mut self,
        tokens: &[u32],
        cache: &mut KvCache,
        rows: Rows,
    ) -> std::result::Result<TensorLogits, EngineError> {
        if tokens.is_empty() || cache.len() + tokens.len() > cache.capacity() {
            return Err(EngineError::Request(format!(
                "{} tokens after {} do not fit a cache of {}",
                tokens.len(),
                cache.len(),
                cache.capacity()
            )));
        }
        if let Some(token) = tokens.iter().find(|&&token| token as usize >= self.weights.embedding.vocabulary) {
            return Err(EngineError::Request(format!(
                "token {token} is outside of the vocabulary of {}",
                self.weights.embedding.vocabulary
            )));
        }
        self.run(tokens, cache, rows).map(|rows| TensorLogits { rows }).map_err(compute_error)
    }

    fn vocabulary(&self) -> usize {
        self.weights.embedding.vocabulary
    }

    fn context_limit(&self) -> usize {
        self.config.context_limit
    }
}

/// Logits as a tensor of shape (rows, vocabulary).
#[derive(Debug)]
pub struct TensorLogits {
    rows: Option<Tensor>,
}

impl TensorLogits {
    fn on_row<R>(&self, row: usize, f: impl FnOnce(&[f32]) -> R) -> std::result::Result<R, EngineError> {
        let Some(rows) = self.rows.as_ref().filter(|_| row < self.rows()) else {
            return Err(EngineError::Compute(format!("row {row} of {} rows of logits", self.rows())));
        };
        rows.get(row).and_then(|row| on_slice(&row, f)).map_err(compute_error)
    }
}

impl Logits for TensorLogits {
    fn rows(&self) -> usize {
        self.rows.as_ref().map_or(0, |rows| rows.dims()[0])
    }

    fn argmax(&self, row: usize) -> std::result::Result<u32, EngineError> {
        self.on_row(row, |logits| {
            // The largest value first, in chunks that the compiler turns into vectors; then where it stands.
            let mut largest = [f32::NEG_INFINITY; 32];
            let chunks = logits.chunks_exact(32);
            let rest = chunks.remainder().iter().copied().fold(f32::NEG_INFINITY, f32::max);
            for chunk in chunks {
                for (largest, &value) in largest.iter_mut().zip(chunk) {
                    *largest = if value > *largest { value } else { *largest };
                }
            }
            let largest = largest.into_iter().fold(rest, f32::max);
            logits.iter().position(|&value| value == largest).unwrap_or(0) as u32
        })
    }

    fn row(&self, row: usize) -> std::result::Result<Vec<f32>, EngineError> {
        self.on_row(row, <[f32]>::to_vec)
    }
}

fn compute_error(error: candle_core::Error) -> EngineError {
    EngineError::Compute(error.to_string())
}

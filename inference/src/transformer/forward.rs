//! The forward pass, in the order of the paper.

use std::ops::Range;

use candle_core::{Result, Tensor};

use super::backend::Backend;
use super::config::Config;
use super::cpu::{Cpu, on_slice};
use super::weights::{Layer, Weights, WeightsError};
use super::{Greedy, LanguageModel, Logits, Rows, SequenceCache};
use crate::gguf::Gguf;
use crate::kernels::{argmax, probability_of};
use crate::{EngineError, TokenCost};

/// A decoder of the llama, qwen2 or qwen3 family, on the processor unless another backend is named.
#[derive(Debug)]
pub struct Model<B: Backend = Cpu> {
    config: Config,
    weights: Weights<B>,
    backend: B,
}

impl Model<Cpu> {
    /// Takes the model out of its file, for the processor; `progress` is told tensors done, of tensors in all.
    pub fn load(
        gguf: &Gguf,
        threads: usize,
        progress: &mut dyn FnMut(usize, usize),
    ) -> std::result::Result<Model, WeightsError> {
        Model::load_on(Cpu::new(threads), gguf, progress)
    }
}

impl<B: Backend> Model<B> {
    /// Takes the model out of its file; `progress` is told tensors done, of tensors in all.
    pub fn load_on(
        mut backend: B,
        gguf: &Gguf,
        progress: &mut dyn FnMut(usize, usize),
    ) -> std::result::Result<Model<B>, WeightsError> {
        let config = Config::from_gguf(gguf)?;
        let weights = Weights::load(gguf, &config, &mut backend, progress)?;
        Ok(Model { config, weights, backend })
    }

    /// Shape and constants.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What it computes on, for people.
    pub fn device(&self) -> String {
        self.backend.describe()
    }

    /// What a forward pass of one token costs.
    pub fn cost(&self) -> TokenCost {
        let layers = self.weights.layers.iter().flat_map(Layer::linears).map(|linear| &linear.matrix);
        let matrices = layers.chain([&self.weights.output]).map(B::cost);
        matrices.fold(TokenCost { bytes: 0, operations: 0 }, |sum, cost| TokenCost {
            bytes: sum.bytes + cost.bytes,
            operations: sum.operations + cost.operations,
        })
    }

    fn run(&mut self, tokens: &[u32], cache: &mut B::Cache, rows: Rows) -> Result<Option<Tensor>> {
        let Model { config, weights, backend } = self;
        let start = cache.len();
        let epsilon = config.norm_epsilon;
        // Rows that only fill the pass up come last: no other row sees them, and the next pass writes over them.
        let mut filled = tokens.to_vec();
        filled.resize(tokens.len().max(B::LEAST_ROWS), 0);
        weights.rope.reserve(start + filled.len());
        let pass = backend.begin(&weights.rope, cache, start, filled.len())?;

        let mut x = backend.place(weights.embedding.rows(&filled)?)?; // (tokens, hidden)
        for (i, layer) in weights.layers.iter().enumerate() {
            let h = backend.rms_norm(&x, &layer.attention_norm, epsilon)?; // (tokens, hidden)
            let [q, k, v] = backend.project(&h, layer)?; // heads * head_dim a token, k and v: kv_heads
            let [q, k] = backend.position(config, layer, &weights.rope, &pass, [q, k])?;
            backend.remember(config, cache, i, &pass, [&k, &v])?;
            let h = backend.attend(config, &q, cache, i, &pass)?; // (tokens, heads * head_dim)
            x = backend.add_linear(x, &h, &layer.output)?; // (tokens, hidden)
            let h = backend.rms_norm(&x, &layer.feed_forward_norm, epsilon)?;
            x = backend.feed_forward(x, &h, layer)?; // (tokens, hidden)
        }
        backend.advance(cache, tokens.len());

        let last = tokens.len() - 1;
        let (first, count) = match rows {
            Rows::None => return Ok(None),
            Rows::Last => (last, 1),
            Rows::All => (0, tokens.len()),
        };
        // Of a pass that has to keep its shape all rows are computed, and those that nobody wants left out afterwards.
        let keep = filled.len() <= B::LEAST_ROWS;
        let wanted = if keep { x } else { x.narrow(0, first, count)?.contiguous()? };
        let h = backend.rms_norm(&wanted, &weights.output_norm, epsilon)?; // (rows, hidden)
        let logits = backend.logits(&h, &weights.output)?; // (rows, vocabulary)
        if keep { logits.narrow(0, first, count).map(Some) } else { Ok(Some(logits)) }
    }
}

impl<B: Backend> LanguageModel for Model<B> {
    type Cache = B::Cache;
    type Logits = B::Logits;

    fn new_cache(&self, capacity: usize) -> std::result::Result<B::Cache, EngineError> {
        self.backend.new_cache(&self.config, capacity)
    }

    fn forward(
        &mut self,
        tokens: &[u32],
        cache: &mut B::Cache,
        rows: Rows,
    ) -> std::result::Result<B::Logits, EngineError> {
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
        self.run(tokens, cache, rows).map(B::Logits::from).map_err(compute_error)
    }

    fn shift(&mut self, cache: &mut B::Cache, from: Range<usize>, to: usize) -> std::result::Result<bool, EngineError> {
        self.weights.rope.reserve(from.start.abs_diff(to) + 1);
        Ok(self.backend.shift(&self.weights.rope, cache, from, to))
    }

    fn most_alike(&self) -> usize {
        B::MOST_ALIKE
    }

    fn vocabulary(&self) -> usize {
        self.weights.embedding.vocabulary
    }

    fn context_limit(&self) -> usize {
        self.config.context_limit
    }
}

/// Logits as a tensor of shape (rows, vocabulary) in main memory.
#[derive(Debug)]
pub struct TensorLogits {
    rows: Option<Tensor>,
}

impl From<Option<Tensor>> for TensorLogits {
    fn from(rows: Option<Tensor>) -> TensorLogits {
        TensorLogits { rows }
    }
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

    fn greedy(&self, row: usize) -> std::result::Result<Greedy, EngineError> {
        self.on_row(row, |logits| {
            let token = argmax(logits);
            Greedy { token, probability: probability_of(logits, token) }
        })
    }

    fn argmax(&self, row: usize) -> std::result::Result<u32, EngineError> {
        self.on_row(row, argmax)
    }

    fn row(&self, row: usize) -> std::result::Result<Vec<f32>, EngineError> {
        self.on_row(row, <[f32]>::to_vec)
    }
}

fn compute_error(error: candle_core::Error) -> EngineError {
    EngineError::Compute(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::kv::KvCache;
    use crate::testing::{TinyFamily, TinySpec, tiny_model};

    /// Keys and values of the first layer depend on nothing but a token and its place, so there what was moved has to be
    /// what is computed at the new place, but for the rounding to half floats.
    #[test]
    fn moved_keys_and_values_are_those_of_their_new_place() {
        for family in [TinyFamily::Qwen2, TinyFamily::Llama] {
            let file = Gguf::from_bytes(tiny_model(&TinySpec::new(family)).unwrap()).unwrap();
            let mut model = Model::load(&file, 2, &mut |_, _| ()).unwrap();
            let tail: Vec<u32> = (20..45).collect();
            for (before, after) in [(3, 40), (40, 3), (7, 8), (30, 21)] {
                let mut run = |head: usize| -> KvCache {
                    let mut cache = model.new_cache(100).unwrap();
                    let tokens: Vec<u32> = (0..head as u32).chain(tail.iter().copied()).collect();
                    model.forward(&tokens, &mut cache, Rows::None).unwrap();
                    cache
                };
                let (mut moved, computed) = (run(before), run(after));
                assert!(model.shift(&mut moved, before..before + tail.len(), after).unwrap());
                for position in after..after + tail.len() {
                    for head in 0..model.config.kv_heads {
                        let (key, value) = moved.layer(0).read(head, position);
                        let (expected_key, expected_value) = computed.layer(0).read(head, position);
                        assert_eq!(value, expected_value, "{family:?}, {before} to {after}");
                        for (key, expected) in key.iter().zip(&expected_key) {
                            let close = (key - expected).abs() <= 2e-3 * expected.abs().max(1.0);
                            assert!(close, "{family:?}, {before} to {after}: {key} for {expected}");
                        }
                    }
                }
            }
        }
    }
}

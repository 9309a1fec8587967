//! What the forward pass asks of the place it runs on, so that it is written once.
//!
//! Activations are candle tensors of 32-bit floats, shape (tokens, width). Each step says in its first line what the paper
//! calls it. Nothing here computes.

use std::fmt::Debug;
use std::ops::Range;

use candle_core::{Result, Tensor};

use super::config::Config;
use super::rope::Rope;
use super::weights::{Layer, Linear, Stored, WeightsError};
use super::{Logits, SequenceCache};
use crate::{EngineError, TokenCost};

/// A place that computes the steps of the forward pass.
pub trait Backend: Debug + Send + Sized {
    /// Shorter passes are filled up to this many rows, so that a row is computed by the same kernels in the same order
    /// however many rows stand beside it.
    const LEAST_ROWS: usize;
    /// The most rows of one pass in which no row depends on how many others there are.
    const MOST_ALIKE: usize;

    /// A vector of weights.
    type Vector: Debug + Send;
    /// A matrix of weights, shape (outputs, inputs).
    type Matrix: Debug + Send;
    /// What all layers of one pass share: angles, masks.
    type Pass;
    /// Queries, keys or values of all rows.
    type Heads;
    /// Keys and values of one sequence.
    type Cache: SequenceCache + Send;
    /// What comes out.
    type Logits: Logits + From<Option<Tensor>>;

    /// What it is, for people.
    fn describe(&self) -> String;

    /// Takes in a vector.
    fn vector(&mut self, values: Vec<f32>) -> Result<Self::Vector>;

    /// Takes in a matrix of the file.
    fn matrix(&mut self, stored: &Stored<'_>) -> std::result::Result<Self::Matrix, WeightsError>;

    /// What it costs to multiply one row with a matrix.
    fn cost(matrix: &Self::Matrix) -> TokenCost;

    /// Waits until everything taken in has arrived.
    fn settle(&mut self) -> Result<()>;

    /// An empty cache with room for `capacity` positions.
    fn new_cache(&self, config: &Config, capacity: usize) -> std::result::Result<Self::Cache, EngineError>;

    /// Gets ready for `rows` positions from `start` on, whose angles are in `rope`.
    fn begin(&mut self, rope: &Rope, cache: &mut Self::Cache, start: usize, rows: usize) -> Result<Self::Pass>;

    /// Brings embeddings to where the backend computes.
    fn place(&mut self, x: Tensor) -> Result<Tensor>;

    /// Root mean square normalisation, shape unchanged.
    fn rms_norm(&mut self, x: &Tensor, weight: &Self::Vector, epsilon: f32) -> Result<Tensor>;

    /// Queries, keys and values of `h`: `heads * head_dim` floats a row, and twice `kv_heads * head_dim`.
    fn project(&mut self, h: &Tensor, layer: &Layer<Self>) -> Result<[Self::Heads; 3]>;

    /// Normalises single heads where the family does, then rotates them by their position; queries are divided by the root
    /// of the head's size on the way.
    fn position(
        &mut self,
        config: &Config,
        layer: &Layer<Self>,
        rope: &Rope,
        pass: &Self::Pass,
        qk: [Self::Heads; 2],
    ) -> Result<[Self::Heads; 2]>;

    /// Writes keys and values of this pass into layer `layer` of the cache.
    fn remember(
        &mut self,
        config: &Config,
        cache: &mut Self::Cache,
        layer: usize,
        pass: &Self::Pass,
        kv: [&Self::Heads; 2],
    ) -> Result<()>;

    /// Attention of the queries over all positions up to their own, shape (tokens, heads * head_dim).
    fn attend(
        &mut self,
        config: &Config,
        q: &Self::Heads,
        cache: &Self::Cache,
        layer: usize,
        pass: &Self::Pass,
    ) -> Result<Tensor>;

    /// `x + linear(h)`: the way back into the residual stream.
    fn add_linear(&mut self, x: Tensor, h: &Tensor, linear: &Linear<Self>) -> Result<Tensor>;

    /// `x + down(silu(gate(h)) * up(h))`: the feed-forward network and the way back.
    fn feed_forward(&mut self, x: Tensor, h: &Tensor, layer: &Layer<Self>) -> Result<Tensor>;

    /// Logits of each row of `h`, shape (rows, vocabulary).
    fn logits(&mut self, h: &Tensor, output: &Self::Matrix) -> Result<Tensor>;

    /// Copies keys and values of `from` to the positions from `to` on, the keys rotated to them; angles of the distance
    /// are in `rope`. Returns whether it can.
    fn shift(&mut self, rope: &Rope, cache: &mut Self::Cache, from: Range<usize>, to: usize) -> bool;

    /// Counts `positions` more in the cache, which were written in every layer.
    fn advance(&mut self, cache: &mut Self::Cache, positions: usize);
}

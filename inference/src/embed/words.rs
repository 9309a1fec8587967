//! Static vectors: one for each token, and a text's is their mean. No network, so it costs microseconds.

use std::path::Path;

use candle_core::{DType, Device, Tensor, safetensors};

use super::tokens::Tokens;
use super::{EmbedError, compute, normalise};

/// The one tensor of such a file, shape (tokens, dimension).
const TENSOR: &str = "embedding.weight";

/// Vectors by token.
pub(super) struct WordVectors {
    tokens: Tokens,
    unknown: Option<u32>,
    /// Shape (tokens, dimension).
    vectors: Tensor,
    dimension: usize,
}

impl WordVectors {
    pub(super) fn load(weights: &Path, tokenizer: &Path) -> Result<WordVectors, EmbedError> {
        let unusable = |reason: String| EmbedError::File { path: weights.to_path_buf(), reason };
        let mut tensors = safetensors::load(weights, &Device::Cpu).map_err(|error| unusable(error.to_string()))?;
        let vectors = tensors.remove(TENSOR).ok_or_else(|| unusable(format!("it has no tensor `{TENSOR}`")))?;
        let (rows, dimension) = vectors.dims2().map_err(|error| unusable(error.to_string()))?;
        if rows == 0 || dimension == 0 {
            return Err(unusable(format!("its tensor is empty: {rows} by {dimension}")));
        }
        let vectors = vectors.to_dtype(DType::F32).map_err(|error| unusable(error.to_string()))?;
        let tokens = Tokens::load(tokenizer, false, rows)?;
        Ok(WordVectors { unknown: tokens.id("<unk>"), tokens, vectors, dimension })
    }

    pub(super) fn dimension(&self) -> usize {
        self.dimension
    }

    pub(super) fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        texts.iter().map(|text| self.embed_one(text)).collect()
    }

    fn embed_one(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        let mut ids = self.tokens.ids(text)?;
        ids.retain(|id| Some(*id) != self.unknown);
        if ids.is_empty() {
            return Ok(vec![0.0; self.dimension]);
        }
        let ids = Tensor::new(ids, &Device::Cpu).map_err(compute)?;
        // (ids, dimension) to (dimension)
        let mean = self.vectors.index_select(&ids, 0).and_then(|rows| rows.mean(0)).map_err(compute)?;
        let mut vector: Vec<f32> = mean.to_vec1().map_err(compute)?;
        normalise(&mut vector);
        Ok(vector)
    }
}

//! all-MiniLM-L6-v2: a BERT of six layers, whose last states are averaged over the tokens of a text.

use std::path::Path;

use candle_core::{DType, Device, Tensor, safetensors};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config, HiddenAct, PositionEmbeddingType};

use super::tokens::Tokens;
use super::{EmbedError, compute, normalise};

/// Numbers in a vector.
pub(super) const DIMENSION: usize = 384;
const VOCABULARY: usize = 30_522;
/// Tokens of a text that are read: the model was trained on no longer ones.
const MOST_TOKENS: usize = 256;
/// Texts that go through the network together, the longest of which sets the cost of all.
const TOGETHER: usize = 8;

/// The network with its tokenizer.
pub(super) struct MiniLm {
    tokens: Tokens,
    /// Closes a text that was cut.
    end: u32,
    network: BertModel,
}

impl MiniLm {
    pub(super) fn load(weights: &Path, tokenizer: &Path) -> Result<MiniLm, EmbedError> {
        let unusable = |reason: String| EmbedError::File { path: weights.to_path_buf(), reason };
        let tensors = safetensors::load(weights, &Device::Cpu).map_err(|error| unusable(error.to_string()))?;
        let variables = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
        let network = BertModel::load(variables, &config()).map_err(|error| unusable(error.to_string()))?;
        let tokens = Tokens::load(tokenizer, true, VOCABULARY)?;
        let end = tokens.id("[SEP]").ok_or_else(|| EmbedError::File {
            path: tokenizer.to_path_buf(),
            reason: "it has no token `[SEP]`".to_owned(),
        })?;
        Ok(MiniLm { tokens, end, network })
    }

    pub(super) fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let mut read: Vec<(usize, Vec<u32>)> = texts
            .iter()
            .enumerate()
            .map(|(index, text)| Ok((index, self.read(text)?)))
            .collect::<Result<_, EmbedError>>()?;
        read.sort_by_key(|(_, ids)| ids.len());
        let mut vectors = vec![Vec::new(); texts.len()];
        for batch in read.chunks(TOGETHER) {
            let computed = self.forward(batch).map_err(compute)?;
            for ((index, _), vector) in batch.iter().zip(computed) {
                vectors[*index] = vector;
            }
        }
        Ok(vectors)
    }

    fn read(&self, text: &str) -> Result<Vec<u32>, EmbedError> {
        let mut ids = self.tokens.ids(text)?;
        if ids.len() > MOST_TOKENS {
            ids.truncate(MOST_TOKENS - 1);
            ids.push(self.end);
        }
        Ok(ids)
    }

    fn forward(&self, batch: &[(usize, Vec<u32>)]) -> candle_core::Result<Vec<Vec<f32>>> {
        let (rows, longest) = (batch.len(), batch.iter().map(|(_, ids)| ids.len()).max().unwrap_or_default());
        let (mut ids, mut mask) = (Vec::with_capacity(rows * longest), Vec::with_capacity(rows * longest));
        for (_, own) in batch {
            let padding = longest - own.len();
            ids.extend(own.iter().copied().chain(std::iter::repeat_n(0, padding)));
            mask.extend(std::iter::repeat_n(1f32, own.len()).chain(std::iter::repeat_n(0f32, padding)));
        }
        let ids = Tensor::from_vec(ids, (rows, longest), &Device::Cpu)?;
        let mask = Tensor::from_vec(mask, (rows, longest), &Device::Cpu)?;
        let states = self.network.forward(&ids, &ids.zeros_like()?, Some(&mask))?; // (rows, longest, dimension)
        let sums = states.broadcast_mul(&mask.unsqueeze(2)?)?.sum(1)?; // (rows, dimension)
        // Normalising makes the mean of the sum.
        let mut vectors: Vec<Vec<f32>> = sums.to_vec2()?;
        vectors.iter_mut().for_each(|vector| normalise(vector));
        Ok(vectors)
    }
}

/// What the publisher's `config.json` says.
fn config() -> Config {
    Config {
        vocab_size: VOCABULARY,
        hidden_size: DIMENSION,
        num_hidden_layers: 6,
        num_attention_heads: 12,
        intermediate_size: 1536,
        hidden_act: HiddenAct::Gelu,
        hidden_dropout_prob: 0.1,
        max_position_embeddings: 512,
        type_vocab_size: 2,
        initializer_range: 0.02,
        layer_norm_eps: 1e-12,
        pad_token_id: 0,
        position_embedding_type: PositionEmbeddingType::Absolute,
        use_cache: true,
        classifier_dropout: None,
        model_type: Some("bert".to_owned()),
    }
}

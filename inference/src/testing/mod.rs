//! Tiny but complete models, so that tests drive the whole engine without a download.
//!
//! The files have the metadata, the tensors and the kind of vocabulary of the real ones; only the numbers are drawn at
//! random, or made to say a given text. For tests only; nothing in the program may use this.

mod vocabulary;

use std::path::Path;

use candle_core::quantized::QTensor;
use candle_core::{Device, Tensor};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use self::vocabulary::TinyVocabulary;
use crate::gguf::{GgmlType, MetadataValue, Writer};

/// Embeddings are small beside what the layers add, or a random model with tied output would repeat its last token.
const EMBEDDING_SPREAD: f32 = 0.1;

/// Family of a tiny model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TinyFamily {
    /// Biases on queries, keys and values; halves rotated.
    Qwen2,
    /// No biases; neighbours rotated.
    Llama,
}

/// What a model says after one token: the pieces, each of them one token, then the end of text.
#[derive(Clone, Debug)]
pub struct Script {
    /// Text of the token, such as `<|fim_middle|>`, or the newline that ends a chat prompt. It has to be one token.
    pub after: String,
    /// The tokens of the answer. They are added to the vocabulary for this purpose and no text encodes to them.
    pub pieces: Vec<String>,
}

/// What a tiny model looks like.
#[derive(Clone, Debug)]
pub struct TinySpec {
    /// Family.
    pub family: TinyFamily,
    /// Seed of the weights: the same specification gives the same file.
    pub seed: u64,
    /// Layers.
    pub layers: usize,
    /// Width; a multiple of 32, and of 256 where a type with blocks of 256 is used.
    pub hidden: usize,
    /// Heads of queries; the width of a head is `hidden / heads`.
    pub heads: usize,
    /// Heads of keys and values.
    pub kv_heads: usize,
    /// Inner width of the feed-forward layers; a multiple as `hidden` is.
    pub feed_forward: usize,
    /// Positions the model claims to be made for.
    pub context: usize,
    /// Type of the attention and feed-forward matrices.
    pub weights: GgmlType,
    /// Type of the token embedding.
    pub embedding: GgmlType,
    /// Type of the output matrix; none ties it to the embedding.
    pub output: Option<GgmlType>,
    /// Answers the model is made to give. With any, the layers add nothing and the output matrix has to be untied.
    pub scripts: Vec<Script>,
}

impl TinySpec {
    /// Two layers of width 128 with four heads over two, everything in 32 bits, output tied.
    pub fn new(family: TinyFamily) -> TinySpec {
        TinySpec {
            family,
            seed: 1,
            layers: 2,
            hidden: 128,
            heads: 4,
            kv_heads: 2,
            feed_forward: 256,
            context: 2048,
            weights: GgmlType::F32,
            embedding: GgmlType::F32,
            output: None,
            scripts: Vec::new(),
        }
    }

    /// A qwen2 model that answers `pieces` after the token `after`. See [`Script`].
    pub fn saying<'a>(after: &str, pieces: impl IntoIterator<Item = &'a str>) -> TinySpec {
        let script = Script { after: after.into(), pieces: pieces.into_iter().map(Into::into).collect() };
        TinySpec { output: Some(GgmlType::F32), scripts: vec![script], ..TinySpec::new(TinyFamily::Qwen2) }
    }
}

/// Why a tiny model could not be made.
#[derive(Debug, thiserror::Error)]
pub enum TinyModelError {
    /// candle cannot make tensors of this type and shape.
    #[error("a tensor cannot be made: {0}")]
    Tensor(#[from] candle_core::Error),
    /// candle does not know this type.
    #[error("no tensor of type {0} can be made")]
    Type(GgmlType),
    /// The script asks for something impossible.
    #[error("the script cannot be followed: {0}")]
    Script(String),
    /// The file cannot be written.
    #[error("the file cannot be written: {0}")]
    Write(#[from] std::io::Error),
}

/// Writes a model file.
pub fn write_tiny_model(path: &Path, spec: &TinySpec) -> Result<(), TinyModelError> {
    Ok(std::fs::write(path, tiny_model(spec)?)?)
}

/// A model file in memory.
pub fn tiny_model(spec: &TinySpec) -> Result<Vec<u8>, TinyModelError> {
    let vocabulary = TinyVocabulary::new(&spec.scripts)?;
    let mut writer = Writer::new();
    write_hyperparameters(&mut writer, spec, vocabulary.len());
    vocabulary.write(&mut writer);
    let mut weights = Weights { random: StdRng::seed_from_u64(spec.seed), writer: &mut writer };
    weights.write_embeddings(spec, &vocabulary)?;
    for layer in 0..spec.layers {
        weights.write_layer(spec, layer)?;
    }
    Ok(writer.to_bytes())
}

fn write_hyperparameters(writer: &mut Writer, spec: &TinySpec, tokens: usize) {
    let architecture = match spec.family {
        TinyFamily::Qwen2 => "qwen2",
        TinyFamily::Llama => "llama",
    };
    writer.metadata("general.architecture", MetadataValue::String(architecture.into()));
    writer.metadata("general.name", MetadataValue::String("Tiny".into()));
    let mut count = |key: &str, value: usize| {
        writer.metadata(&format!("{architecture}.{key}"), MetadataValue::U32(value as u32));
    };
    count("block_count", spec.layers);
    count("context_length", spec.context);
    count("embedding_length", spec.hidden);
    count("feed_forward_length", spec.feed_forward);
    count("attention.head_count", spec.heads);
    count("attention.head_count_kv", spec.kv_heads);
    if spec.family == TinyFamily::Llama {
        count("vocab_size", tokens);
        count("rope.dimension_count", spec.hidden / spec.heads);
    }
    writer.metadata(&format!("{architecture}.rope.freq_base"), MetadataValue::F32(1e6));
    writer.metadata(&format!("{architecture}.attention.layer_norm_rms_epsilon"), MetadataValue::F32(1e-6));
    writer.metadata("general.quantization_version", MetadataValue::U32(2));
}

struct Weights<'a> {
    random: StdRng,
    writer: &'a mut Writer,
}

impl Weights<'_> {
    fn write_embeddings(&mut self, spec: &TinySpec, vocabulary: &TinyVocabulary) -> Result<(), TinyModelError> {
        let shape = [vocabulary.len(), spec.hidden];
        let embedding = self.uniform(vocabulary.len() * spec.hidden, 0.0, EMBEDDING_SPREAD);
        match (spec.output, spec.scripts.is_empty()) {
            (None, true) => {}
            (Some(kind), true) => {
                let output = self.uniform(embedding.len(), 0.0, 1.0);
                self.write("output.weight", &shape, kind, output)?;
            }
            (Some(kind), false) => {
                // The row of a token is the embedding of the one before it: random vectors are nearly orthogonal, so
                // that token gets by far the highest score.
                let mut output = self.uniform(embedding.len(), 0.0, 0.01);
                for (before, after) in vocabulary.successors() {
                    let (from, to) = (before * spec.hidden, after * spec.hidden);
                    for column in 0..spec.hidden {
                        output[to + column] += embedding[from + column] / EMBEDDING_SPREAD;
                    }
                }
                self.write("output.weight", &shape, kind, output)?;
            }
            (None, false) => return Err(TinyModelError::Script("the output matrix is tied".into())),
        }
        self.write("token_embd.weight", &shape, spec.embedding, embedding)?;
        self.write_norm("output_norm.weight", spec)
    }

    fn write_layer(&mut self, spec: &TinySpec, layer: usize) -> Result<(), TinyModelError> {
        let name = |tensor: &str| format!("blk.{layer}.{tensor}");
        let kv = spec.hidden / spec.heads * spec.kv_heads;
        // What a scripted model says depends on the last token alone.
        let contribution = if spec.scripts.is_empty() { 1.0 } else { 0.0 };
        self.write_norm(&name("attn_norm.weight"), spec)?;
        // Queries and keys are large, so that attention picks out single positions and answers do not settle on a token.
        for (tensor, out, gain) in [("attn_q", spec.hidden, 2.0), ("attn_k", kv, 2.0), ("attn_v", kv, 1.0)] {
            self.write_matrix(&name(&format!("{tensor}.weight")), out, spec.hidden, spec.weights, gain)?;
            if spec.family == TinyFamily::Qwen2 {
                let bias = self.uniform(out, 0.0, 0.1);
                self.write(&name(&format!("{tensor}.bias")), &[out], GgmlType::F32, bias)?;
            }
        }
        self.write_matrix(&name("attn_output.weight"), spec.hidden, spec.hidden, spec.weights, contribution)?;
        self.write_norm(&name("ffn_norm.weight"), spec)?;
        self.write_matrix(&name("ffn_gate.weight"), spec.feed_forward, spec.hidden, spec.weights, 1.0)?;
        self.write_matrix(&name("ffn_up.weight"), spec.feed_forward, spec.hidden, spec.weights, 1.0)?;
        self.write_matrix(&name("ffn_down.weight"), spec.hidden, spec.feed_forward, spec.weights, contribution)
    }

    fn write_norm(&mut self, name: &str, spec: &TinySpec) -> Result<(), TinyModelError> {
        let spread = if spec.scripts.is_empty() { 0.1 } else { 0.0 };
        let weights = self.uniform(spec.hidden, 1.0, spread);
        self.write(name, &[spec.hidden], GgmlType::F32, weights)
    }

    /// A matrix (out, in) that keeps the variance of what it is applied to, times `gain`.
    fn write_matrix(
        &mut self,
        name: &str,
        out: usize,
        inputs: usize,
        kind: GgmlType,
        gain: f32,
    ) -> Result<(), TinyModelError> {
        let weights = self.uniform(out * inputs, 0.0, gain * (3.0 / inputs as f32).sqrt());
        self.write(name, &[out, inputs], kind, weights)
    }

    fn write(&mut self, name: &str, shape: &[usize], kind: GgmlType, numbers: Vec<f32>) -> Result<(), TinyModelError> {
        let candle = kind.to_candle().ok_or(TinyModelError::Type(kind))?;
        let tensor = Tensor::from_vec(numbers, shape, &Device::Cpu)?;
        let bytes = QTensor::quantize(&tensor, candle)?.data()?.into_owned();
        self.writer.tensor(name, shape, kind, bytes);
        Ok(())
    }

    fn uniform(&mut self, count: usize, center: f32, spread: f32) -> Vec<f32> {
        (0..count).map(|_| center + spread * (self.random.random::<f32>() * 2.0 - 1.0)).collect()
    }
}

#[cfg(test)]
mod tests;

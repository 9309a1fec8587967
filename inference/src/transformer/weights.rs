//! The weights of a model, taken from its file and packed for the kernels.

use std::ops::Range;
use std::sync::Arc;

use candle_core::quantized::{QStorage, QTensor};
use candle_core::{Device, Tensor};

use super::config::{Config, ConfigError, Family};
use super::rope::Rope;
use crate::gguf::{GgmlType, Gguf, GgufError, Mapping};
use crate::kernels::{Layout, Matrix, PackError, Pool};

/// One layer.
#[derive(Debug)]
pub(crate) struct Layer {
    pub attention_norm: Vec<f32>,
    pub query: Linear,
    pub key: Linear,
    pub value: Linear,
    /// Norms of single heads, for families that have them.
    pub query_norm: Option<Vec<f32>>,
    pub key_norm: Option<Vec<f32>>,
    pub output: Linear,
    pub feed_forward_norm: Vec<f32>,
    pub gate: Linear,
    pub up: Linear,
    pub down: Linear,
}

impl Layer {
    /// All linear maps.
    pub(crate) fn linears(&self) -> [&Linear; 7] {
        [&self.query, &self.key, &self.value, &self.output, &self.gate, &self.up, &self.down]
    }
}

/// A linear map with or without bias.
#[derive(Debug)]
pub(crate) struct Linear {
    pub matrix: Matrix,
    /// One for each output.
    pub bias: Option<Vec<f32>>,
}

/// Everything but the cache.
#[derive(Debug)]
pub(crate) struct Weights {
    pub embedding: Embedding,
    pub layers: Vec<Layer>,
    pub output_norm: Vec<f32>,
    pub output: Matrix,
    pub rope: Rope,
}

/// Why weights cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The file's own description is broken.
    #[error(transparent)]
    File(#[from] GgufError),
    /// The model's description is broken or of another kind.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A tensor of a type that the kernels do not know.
    #[error(
        "{tensor} is stored as {kind}, which the kernels cannot multiply; use a file in Q4_K_M, Q5_K_M, Q6_K or Q8_0"
    )]
    Type {
        /// Its name.
        tensor: String,
        /// Its type.
        kind: &'static str,
    },
    /// A tensor of a shape that does not fit.
    #[error("{tensor} has the shape {found:?}, and {expected:?} is needed")]
    Shape {
        /// Its name.
        tensor: String,
        /// Its shape.
        found: Vec<usize>,
        /// What would fit.
        expected: Vec<usize>,
    },
    /// A matrix cannot be packed.
    #[error("{tensor}: {source}")]
    Pack {
        /// Its name.
        tensor: String,
        /// Why.
        source: PackError,
    },
    /// candle refused.
    #[error("{tensor}: {source}")]
    Candle {
        /// The tensor's name.
        tensor: String,
        /// candle's words.
        source: candle_core::Error,
    },
}

/// The table of token embeddings: it stays in the file, and rows are read as they are needed.
#[derive(Debug)]
pub(crate) struct Embedding {
    mapping: Arc<Mapping>,
    kind: GgmlType,
    range: Range<usize>,
    /// Tokens.
    pub vocabulary: usize,
    hidden: usize,
}

const EMBEDDING: &str = "token_embd.weight";

impl Embedding {
    /// Embeddings of `tokens`, shape (tokens, hidden), 32-bit floats. All tokens are below `vocabulary`.
    pub(crate) fn rows(&self, tokens: &[u32]) -> Result<Tensor, candle_core::Error> {
        let row = self.range.len() / self.vocabulary;
        let table = &self.mapping.bytes()[self.range.clone()];
        let mut bytes = Vec::with_capacity(tokens.len() * row);
        for &token in tokens {
            bytes.extend_from_slice(&table[token as usize * row..][..row]);
        }
        let dtype = self.kind.to_candle().ok_or_else(|| {
            candle_core::Error::msg(format!("{EMBEDDING} is stored as {}, which cannot be read", self.kind.name()))
        })?;
        let storage = QStorage::from_data(bytes.into(), &Device::Cpu, dtype)?;
        QTensor::new(storage, (tokens.len(), self.hidden))?.dequantize(&Device::Cpu)
    }
}

impl Weights {
    /// Packs all tensors, releasing the file's pages as it goes; `progress` is told tensors done, of tensors in all.
    pub(crate) fn load(
        gguf: &Gguf,
        config: &Config,
        pool: &mut Pool,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Weights, WeightsError> {
        let mut reader = Reader { gguf, pool, done: 0, progress };
        let (hidden, heads, kv) = (config.hidden, config.heads * config.head_dim, config.kv_heads * config.head_dim);
        let whole = Order::AsStored;
        let rotated = match config.family {
            Family::Llama => Order::Interleaved(config.head_dim),
            Family::Qwen2 | Family::Qwen3 => Order::AsStored,
        };
        let head_norms = config.family == Family::Qwen3;
        let mut layers = Vec::with_capacity(config.layers);
        for i in 0..config.layers {
            let name = |part: &str| format!("blk.{i}.{part}");
            let head_norm = |reader: &mut Reader<'_>, part: &str| {
                head_norms.then(|| reader.vector(&name(part), config.head_dim)).transpose()
            };
            layers.push(Layer {
                attention_norm: reader.vector(&name("attn_norm.weight"), hidden)?,
                query: reader.linear(&name("attn_q"), heads, hidden, rotated)?,
                key: reader.linear(&name("attn_k"), kv, hidden, rotated)?,
                value: reader.linear(&name("attn_v"), kv, hidden, whole)?,
                query_norm: head_norm(&mut reader, "attn_q_norm.weight")?,
                key_norm: head_norm(&mut reader, "attn_k_norm.weight")?,
                output: reader.linear(&name("attn_output"), hidden, heads, whole)?,
                feed_forward_norm: reader.vector(&name("ffn_norm.weight"), hidden)?,
                gate: reader.linear(&name("ffn_gate"), config.feed_forward, hidden, whole)?,
                up: reader.linear(&name("ffn_up"), config.feed_forward, hidden, whole)?,
                down: reader.linear(&name("ffn_down"), hidden, config.feed_forward, whole)?,
            });
        }
        let output_norm = reader.vector("output_norm.weight", hidden)?;
        let table = gguf.tensor(EMBEDDING)?.clone();
        let &[vocabulary, width] = &table.shape[..] else {
            return Err(shape_error(EMBEDDING, &table.shape, vec![0, hidden]));
        };
        if width != hidden || vocabulary == 0 || table.kind.to_candle().is_none() {
            return Err(shape_error(EMBEDDING, &table.shape, vec![vocabulary, hidden]));
        }
        // Without a matrix of its own, the output reads the embeddings backwards.
        let output = if gguf.tensor("output.weight").is_ok() { "output.weight" } else { EMBEDDING };
        let output = reader.matrix(output, vocabulary, hidden, whole)?;
        let factors = match gguf.tensor("rope_freqs.weight") {
            Ok(_) => Some(reader.vector("rope_freqs.weight", config.head_dim / 2)?),
            Err(_) => None,
        };
        let rope = Rope::new(config, factors.as_deref());
        let mapping = Arc::clone(gguf.mapping());
        let embedding = Embedding { mapping, kind: table.kind, range: table.range, vocabulary, hidden };
        Ok(Weights { embedding, layers, output_norm, output, rope })
    }
}

/// In which order the rows of a matrix are taken.
#[derive(Clone, Copy)]
enum Order {
    AsStored,
    /// The file rotates neighbours, `(2i, 2i + 1)`, within heads of this size; the kernels rotate `(i, i + half)`.
    Interleaved(usize),
}

impl Order {
    fn source(self, row: usize) -> usize {
        match self {
            Order::AsStored => row,
            Order::Interleaved(head) => {
                let (start, i, half) = (row / head * head, row % head, head / 2);
                start + if i < half { 2 * i } else { 2 * (i - half) + 1 }
            }
        }
    }
}

struct Reader<'a> {
    gguf: &'a Gguf,
    pool: &'a mut Pool,
    done: usize,
    progress: &'a mut dyn FnMut(usize, usize),
}

impl Reader<'_> {
    fn linear(&mut self, name: &str, outputs: usize, inputs: usize, order: Order) -> Result<Linear, WeightsError> {
        let matrix = self.matrix(&format!("{name}.weight"), outputs, inputs, order)?;
        let bias = format!("{name}.bias");
        let bias = match self.gguf.tensor(&bias) {
            Ok(_) => {
                let stored = self.vector(&bias, outputs)?;
                Some((0..outputs).map(|i| stored[order.source(i)]).collect())
            }
            Err(_) => None,
        };
        Ok(Linear { matrix, bias })
    }

    /// A matrix, shape (outputs, inputs).
    fn matrix(&mut self, name: &str, outputs: usize, inputs: usize, order: Order) -> Result<Matrix, WeightsError> {
        let info = self.gguf.tensor(name)?;
        if info.shape != [outputs, inputs] {
            return Err(shape_error(name, &info.shape, vec![outputs, inputs]));
        }
        let layout = layout_of(info.kind)
            .ok_or_else(|| WeightsError::Type { tensor: name.to_owned(), kind: info.kind.name() })?;
        let bytes = self.gguf.tensor_bytes(name)?;
        let order: &(dyn Fn(usize) -> usize + Sync) = &|row| order.source(row);
        let matrix = Matrix::pack(self.pool, layout, outputs, inputs, bytes, order)
            .map_err(|source| WeightsError::Pack { tensor: name.to_owned(), source })?;
        self.gguf.release(info.range.clone());
        self.advance();
        Ok(matrix)
    }

    /// A vector of `n` floats, whatever they are stored as.
    fn vector(&mut self, name: &str, n: usize) -> Result<Vec<f32>, WeightsError> {
        let info = self.gguf.tensor(name)?;
        if info.shape != [n] {
            return Err(shape_error(name, &info.shape, vec![n]));
        }
        let dtype = info
            .kind
            .to_candle()
            .ok_or_else(|| WeightsError::Type { tensor: name.to_owned(), kind: info.kind.name() })?;
        let bytes = self.gguf.tensor_bytes(name)?;
        let read = || {
            QTensor::new(QStorage::from_data(bytes.into(), &Device::Cpu, dtype)?, n)?
                .dequantize(&Device::Cpu)?
                .to_vec1()
        };
        let values = read().map_err(|source| WeightsError::Candle { tensor: name.to_owned(), source })?;
        self.advance();
        Ok(values)
    }

    fn advance(&mut self) {
        self.done += 1;
        (self.progress)(self.done, self.gguf.tensors().len());
    }
}

fn shape_error(tensor: &str, found: &[usize], expected: Vec<usize>) -> WeightsError {
    WeightsError::Shape { tensor: tensor.to_owned(), found: found.to_vec(), expected }
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

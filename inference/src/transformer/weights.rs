//! The weights of a model, taken from its file and packed for the kernels.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use candle_core::quantized::{QStorage, QTensor};
use candle_core::{Device, Tensor};

use super::backend::Backend;
use super::config::{Config, ConfigError, Family};
use super::rope::Rope;
use crate::gguf::{GgmlType, Gguf, GgufError, Mapping};
use crate::kernels::PackError;

/// One layer.
#[derive(Debug)]
pub struct Layer<B: Backend> {
    pub attention_norm: B::Vector,
    pub query: Linear<B>,
    pub key: Linear<B>,
    pub value: Linear<B>,
    /// Norms of single heads, for families that have them.
    pub query_norm: Option<B::Vector>,
    pub key_norm: Option<B::Vector>,
    pub output: Linear<B>,
    pub feed_forward_norm: B::Vector,
    pub gate: Linear<B>,
    pub up: Linear<B>,
    pub down: Linear<B>,
}

impl<B: Backend> Layer<B> {
    /// All linear maps.
    pub(crate) fn linears(&self) -> [&Linear<B>; 7] {
        [&self.query, &self.key, &self.value, &self.output, &self.gate, &self.up, &self.down]
    }
}

/// A linear map with or without bias.
#[derive(Debug)]
pub struct Linear<B: Backend> {
    pub matrix: B::Matrix,
    /// One for each output.
    pub bias: Option<B::Vector>,
}

/// Everything but the cache.
#[derive(Debug)]
pub(crate) struct Weights<B: Backend> {
    pub embedding: Embedding,
    pub layers: Vec<Layer<B>>,
    pub output_norm: B::Vector,
    pub output: B::Matrix,
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

impl<B: Backend> Weights<B> {
    /// Hands all tensors to `backend`, releasing the file's pages as it goes; `progress` is told tensors done, of tensors in
    /// all.
    pub(crate) fn load(
        gguf: &Gguf,
        config: &Config,
        backend: &mut B,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Weights<B>, WeightsError> {
        let mut reader = Reader { gguf, backend, done: 0, progress };
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
            let head_norm = |reader: &mut Reader<'_, B>, part: &str| {
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
            Ok(_) => Some(reader.floats("rope_freqs.weight", config.head_dim / 2)?),
            Err(_) => None,
        };
        let rope = Rope::new(config, factors.as_deref());
        reader
            .backend
            .settle()
            .map_err(|source| WeightsError::Candle { tensor: "the last tensor".to_owned(), source })?;
        let mapping = Arc::clone(gguf.mapping());
        let embedding = Embedding { mapping, kind: table.kind, range: table.range, vocabulary, hidden };
        Ok(Weights { embedding, layers, output_norm, output, rope })
    }
}

/// A matrix as it lies in the file.
pub struct Stored<'a> {
    /// The tensor's name.
    pub name: &'a str,
    pub kind: GgmlType,
    pub outputs: usize,
    pub inputs: usize,
    pub bytes: &'a [u8],
    pub order: Order,
}

impl<'a> Stored<'a> {
    /// The rows, in the order in which they are to be taken.
    pub(crate) fn rows_in_order(&self) -> Cow<'a, [u8]> {
        if matches!(self.order, Order::AsStored) {
            return Cow::Borrowed(self.bytes);
        }
        let row = self.bytes.len() / self.outputs;
        let rows = (0..self.outputs).map(|i| &self.bytes[self.order.source(i) * row..][..row]);
        Cow::Owned(rows.collect::<Vec<_>>().concat())
    }

    /// What to say where the backend cannot multiply such a matrix.
    pub(crate) fn unknown_type(&self) -> WeightsError {
        WeightsError::Type { tensor: self.name.to_owned(), kind: self.kind.name() }
    }
}

/// In which order the rows of a matrix are taken.
#[derive(Clone, Copy)]
pub enum Order {
    AsStored,
    /// The file rotates neighbours, `(2i, 2i + 1)`, within heads of this size; the kernels rotate `(i, i + half)`.
    Interleaved(usize),
}

impl Order {
    /// Which row of the file comes as row `row`.
    pub(crate) fn source(self, row: usize) -> usize {
        match self {
            Order::AsStored => row,
            Order::Interleaved(head) => {
                let (start, i, half) = (row / head * head, row % head, head / 2);
                start + if i < half { 2 * i } else { 2 * (i - half) + 1 }
            }
        }
    }
}

struct Reader<'a, B> {
    gguf: &'a Gguf,
    backend: &'a mut B,
    done: usize,
    progress: &'a mut dyn FnMut(usize, usize),
}

impl<B: Backend> Reader<'_, B> {
    fn linear(&mut self, name: &str, outputs: usize, inputs: usize, order: Order) -> Result<Linear<B>, WeightsError> {
        let matrix = self.matrix(&format!("{name}.weight"), outputs, inputs, order)?;
        let bias = format!("{name}.bias");
        let bias = match self.gguf.tensor(&bias) {
            Ok(_) => {
                let stored = self.floats(&bias, outputs)?;
                Some(self.taken(&bias, (0..outputs).map(|i| stored[order.source(i)]).collect())?)
            }
            Err(_) => None,
        };
        Ok(Linear { matrix, bias })
    }

    /// A matrix, shape (outputs, inputs).
    fn matrix(&mut self, name: &str, outputs: usize, inputs: usize, order: Order) -> Result<B::Matrix, WeightsError> {
        let info = self.gguf.tensor(name)?;
        if info.shape != [outputs, inputs] {
            return Err(shape_error(name, &info.shape, vec![outputs, inputs]));
        }
        let bytes = self.gguf.tensor_bytes(name)?;
        let matrix = self.backend.matrix(&Stored { name, kind: info.kind, outputs, inputs, bytes, order })?;
        self.gguf.release(info.range.clone());
        self.advance();
        Ok(matrix)
    }

    /// A vector of `n` floats, where the backend wants it.
    fn vector(&mut self, name: &str, n: usize) -> Result<B::Vector, WeightsError> {
        let values = self.floats(name, n)?;
        self.taken(name, values)
    }

    fn taken(&mut self, name: &str, values: Vec<f32>) -> Result<B::Vector, WeightsError> {
        self.backend.vector(values).map_err(|source| WeightsError::Candle { tensor: name.to_owned(), source })
    }

    /// `n` floats, whatever they are stored as.
    fn floats(&mut self, name: &str, n: usize) -> Result<Vec<f32>, WeightsError> {
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

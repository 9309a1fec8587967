//! Models that turn a text into a vector, so that texts that mean something alike have vectors that point alike.
//!
//! Vectors have length one: the product of two is how alike their texts are. What is compared with what, and where
//! vectors are kept, is the caller's business.

mod minilm;
mod tokens;
mod words;

use std::path::{Path, PathBuf};

use crate::models::{Manifest, Model, Store, StoreError};
use minilm::MiniLm;
use words::WordVectors;

/// A model that is loaded. Cheap to share behind an `Arc`, safe to use from any thread.
pub struct TextEmbedder {
    id: String,
    dimension: usize,
    network: Network,
}

/// The kinds of models that are known; the manifest's `family` says which one a model is.
enum Network {
    /// `static`: one vector for each token, averaged.
    Words(Box<WordVectors>),
    /// `minilm`: a small transformer.
    MiniLm(Box<MiniLm>),
}

/// Why there are no vectors.
#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
    /// The files on disk.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The manifest says too little, or something unknown.
    #[error("the manifest's entry for `{model}` cannot be used: {reason}")]
    Manifest {
        /// The model.
        model: String,
        /// What is wrong.
        reason: String,
    },
    /// A file is not what it should be.
    #[error("{path} cannot be used: {reason}; get it again with `halfline models remove` and `halfline models pull`", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Computing failed.
    #[error("computing vectors failed: {0}; please report this")]
    Compute(String),
}

impl TextEmbedder {
    /// Loads `model` and the files it needs from the store.
    pub fn load(store: &Store, manifest: &Manifest, model: &Model) -> Result<TextEmbedder, EmbedError> {
        let unusable = |reason: &str| EmbedError::Manifest { model: model.name.clone(), reason: reason.to_owned() };
        let weights = store.resolve(manifest, &model.name)?;
        let [tokenizer] = model.needs.as_slice() else { return Err(unusable("it needs one tokenizer")) };
        let tokenizer = store.resolve(manifest, tokenizer)?;
        TextEmbedder::from_files(&model.name, &model.family, &weights, &tokenizer)?
            .ok_or_else(|| unusable(&format!("the family `{}` makes no vectors", model.family)))
    }

    /// The same from two files: `family` says what they are, and nothing comes back where it is unknown.
    pub fn from_files(
        id: &str,
        family: &str,
        weights: &Path,
        tokenizer: &Path,
    ) -> Result<Option<TextEmbedder>, EmbedError> {
        let network = match family {
            "static" => Network::Words(Box::new(WordVectors::load(weights, tokenizer)?)),
            "minilm" => Network::MiniLm(Box::new(MiniLm::load(weights, tokenizer)?)),
            _ => return Ok(None),
        };
        let dimension = match &network {
            Network::Words(words) => words.dimension(),
            Network::MiniLm(_) => minilm::DIMENSION,
        };
        Ok(Some(TextEmbedder { id: id.to_owned(), dimension, network }))
    }

    /// The model's name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Numbers in a vector.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// One vector of length one for each of `texts`, shape (texts, dimension). A text without a token that the model
    /// knows has the vector of zeros, which is like nothing.
    pub fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        match &self.network {
            Network::Words(words) => words.embed(texts),
            Network::MiniLm(network) => network.embed(texts),
        }
    }
}

impl std::fmt::Debug for TextEmbedder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextEmbedder").field("id", &self.id).field("dimension", &self.dimension).finish_non_exhaustive()
    }
}

fn compute(error: impl std::fmt::Display) -> EmbedError {
    EmbedError::Compute(error.to_string())
}

/// Makes a vector's length one; zeros stay.
fn normalise(vector: &mut [f32]) {
    let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|number| *number /= length);
    }
}

#[cfg(test)]
mod tests;

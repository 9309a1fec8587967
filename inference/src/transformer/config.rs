//! The shape of a model, read from its file and checked.

use crate::gguf::{Gguf, GgufError, optional};

/// Families of models that the forward pass knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Llama and what copies it.
    Llama,
    /// Qwen2 and Qwen2.5: biases on queries, keys and values.
    Qwen2,
    /// Qwen3: queries and keys are normalised in each head.
    Qwen3,
}

impl Family {
    /// The name that model files use.
    pub fn name(self) -> &'static str {
        match self {
            Family::Llama => "llama",
            Family::Qwen2 => "qwen2",
            Family::Qwen3 => "qwen3",
        }
    }
}

/// Shape and constants of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Which family.
    pub family: Family,
    /// Layers.
    pub layers: usize,
    /// Floats of a position between layers.
    pub hidden: usize,
    /// Floats inside the feed-forward network.
    pub feed_forward: usize,
    /// Query heads.
    pub heads: usize,
    /// Key-value heads; each serves `heads / kv_heads` query heads.
    pub kv_heads: usize,
    /// Floats of a head.
    pub head_dim: usize,
    /// Added to the mean square before normalising.
    pub norm_epsilon: f32,
    /// Base of the rotary frequencies.
    pub rope_base: f32,
    /// Positions are divided by this before they are rotated.
    pub rope_scale: f32,
    /// Positions the model was made for.
    pub context_limit: usize,
}

/// Why a file's model cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file's own description is broken.
    #[error(transparent)]
    File(#[from] GgufError),
    /// A family that the forward pass does not know.
    #[error("models of the family {0:?} are not supported; llama, qwen2 and qwen3 are")]
    Family(String),
    /// A number that cannot be.
    #[error("{key} is {value}, and {expected}")]
    Value {
        /// The metadata key, or what was derived.
        key: String,
        /// What it is.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
}

impl Config {
    /// Reads and checks the metadata.
    pub fn from_gguf(gguf: &Gguf) -> Result<Config, ConfigError> {
        let family = match gguf.str("general.architecture")? {
            "llama" => Family::Llama,
            "qwen2" => Family::Qwen2,
            "qwen3" => Family::Qwen3,
            other => return Err(ConfigError::Family(other.to_owned())),
        };
        let key = |name: &str| format!("{}.{name}", family.name());
        let size = |name: &str, most: usize| -> Result<usize, ConfigError> {
            within(&key(name), gguf.usize(&key(name))?, most)
        };
        let hidden = size("embedding_length", 1 << 16)?;
        let heads = size("attention.head_count", 1 << 10)?;
        let kv_heads = match optional(gguf.usize(&key("attention.head_count_kv")))? {
            Some(n) => within(&key("attention.head_count_kv"), n, heads)?,
            None => heads,
        };
        let head_dim = match optional(gguf.usize(&key("attention.key_length")))? {
            Some(n) => within(&key("attention.key_length"), n, 1 << 10)?,
            None => hidden / heads,
        };
        let (rope_scale, context_limit) = rope_scaling(gguf, family, size("context_length", 1 << 24)?)?;
        let config = Config {
            family,
            layers: size("block_count", 1 << 10)?,
            hidden,
            feed_forward: size("feed_forward_length", 1 << 20)?,
            heads,
            kv_heads,
            head_dim,
            norm_epsilon: gguf.f32(&key("attention.layer_norm_rms_epsilon"))?,
            rope_base: optional(gguf.f32(&key("rope.freq_base")))?.unwrap_or(10_000.0),
            rope_scale,
            context_limit,
        };
        config.check(gguf)?;
        Ok(config)
    }

    fn check(&self, gguf: &Gguf) -> Result<(), ConfigError> {
        let multiples = [
            ("hidden size", self.hidden, 32, "it has to be a multiple of 32"),
            ("feed-forward size", self.feed_forward, 32, "it has to be a multiple of 32"),
            ("head size", self.head_dim, 32, "it has to be a multiple of 32"),
            ("number of heads", self.heads, self.kv_heads, "it has to be a multiple of the key-value heads"),
        ];
        for (what, value, multiple, expected) in multiples {
            if !value.is_multiple_of(multiple) {
                return Err(ConfigError::Value { key: what.to_owned(), value: value.to_string(), expected });
            }
        }
        let rotated = format!("{}.rope.dimension_count", self.family.name());
        if let Some(n) = optional(gguf.usize(&rotated))?
            && n != self.head_dim
        {
            let expected = "only heads that are rotated whole are supported";
            return Err(ConfigError::Value { key: rotated, value: n.to_string(), expected });
        }
        let floats = [("the norm's epsilon", self.norm_epsilon), ("the rotary base", self.rope_base)];
        for (what, value) in floats {
            if !(value.is_finite() && value > 0.0) {
                let expected = "it has to be a positive number";
                return Err(ConfigError::Value { key: what.to_owned(), value: value.to_string(), expected });
            }
        }
        Ok(())
    }
}

/// What positions are divided by, and how many there can be. YaRN is not applied: without it a model is what it was trained
/// as, for the positions it was trained on.
fn rope_scaling(gguf: &Gguf, family: Family, context: usize) -> Result<(f32, usize), ConfigError> {
    let key = |name: &str| format!("{}.rope.scaling.{name}", family.name());
    let factor = optional(gguf.f32(&key("factor")))?.unwrap_or(1.0);
    match optional(gguf.str(&key("type")))? {
        None | Some("none") => Ok((1.0, context)),
        Some("linear") if factor.is_finite() && factor >= 1.0 => Ok((factor, context)),
        Some("yarn") => {
            let original = optional(gguf.usize(&key("original_context_length")))?.unwrap_or(context);
            tracing::info!("YaRN is not applied; the context is limited to {original} tokens");
            Ok((1.0, original.min(context)))
        }
        Some(other) => Err(ConfigError::Value {
            key: key("type"),
            value: format!("{other} with factor {factor}"),
            expected: "none, linear (factor of at least 1) and yarn are known",
        }),
    }
}

fn within(key: &str, value: usize, most: usize) -> Result<usize, ConfigError> {
    if value == 0 || value > most {
        let expected = "that is outside of what a model can have";
        return Err(ConfigError::Value { key: key.to_owned(), value: value.to_string(), expected });
    }
    Ok(value)
}

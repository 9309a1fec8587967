//! The engine: a worker thread that owns the models, and the handle through which everything else talks to it.

use std::path::PathBuf;
use std::sync::Arc;

use crate::request::{Generation, Request};
use crate::tokenizer::Tokenizer;

/// What to load and how.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// The model file (GGUF) whose answers are returned.
    pub target: PathBuf,
    /// A smaller model file with the same vocabulary that proposes tokens, or none.
    pub draft: Option<PathBuf>,
    /// Threads for the kernels; 0 takes one for each physical core.
    pub threads: usize,
    /// Bytes that cached keys and values of all slots may take.
    pub cache_bytes: usize,
    /// The most tokens (prompt and answer) one request may have; bounded by the model's own limit.
    pub context_tokens: usize,
}

/// What is known of a loaded engine.
#[derive(Clone, Debug)]
pub struct EngineInfo {
    /// File name of the target without its ending.
    pub target: String,
    /// File name of the draft without its ending.
    pub draft: Option<String>,
    /// Family of the target: `qwen2`, `llama`, `qwen3`.
    pub family: String,
    /// The most tokens (prompt and answer) one request may have.
    pub context_tokens: usize,
    /// `cpu` with its instruction set (`cpu avx512-vnni`), or `cuda` with the card's name.
    pub device: String,
    /// Kernel threads.
    pub threads: usize,
}

/// What happens while an engine loads, in order.
#[derive(Clone, Debug)]
pub enum LoadEvent {
    /// A file is being opened and checked.
    Opening(PathBuf),
    /// Weights of this file are being prepared: tensors done, of tensors in all.
    Preparing(PathBuf, usize, usize),
    /// Ready for requests.
    Ready,
}

/// Why an engine could not be loaded or a request not run.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EngineError {
    /// The model file could not be used.
    #[error("cannot load the model {path}: {reason}")]
    Load {
        /// The file.
        path: PathBuf,
        /// What was wrong and what to do.
        reason: String,
    },
    /// Draft and target do not fit together.
    #[error("the draft model {draft} cannot serve the target {target}: {reason}")]
    Pair {
        /// The draft's file.
        draft: PathBuf,
        /// The target's file.
        target: PathBuf,
        /// What differs.
        reason: String,
    },
    /// The prompt is longer than the context.
    #[error(
        "the prompt has {tokens} tokens, and the context holds {limit}; shorten the prompt or raise `engine.context_tokens`"
    )]
    PromptTooLong {
        /// Tokens of the prompt.
        tokens: usize,
        /// Tokens of the context.
        limit: usize,
    },
    /// A request that makes no sense, such as an empty prompt.
    #[error("the request cannot run: {0}")]
    Request(String),
    /// A computation failed.
    #[error("the engine failed: {0}")]
    Compute(String),
    /// The worker thread is gone.
    #[error("the engine has stopped; restart the server, and report this with its log")]
    Died,
}

/// A handle to a running engine. Clones share it; the worker ends when the last one is dropped.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    tokenizer: Arc<Tokenizer>,
    info: EngineInfo,
}

impl Engine {
    /// Opens the files, prepares the weights and starts the worker. Blocks; `progress` is called on this thread.
    pub fn load(options: &EngineOptions, progress: impl FnMut(LoadEvent)) -> Result<Engine, EngineError> {
        let _ = (options, progress);
        Err(EngineError::Died)
    }

    /// The target's tokenizer (the draft's is the same).
    pub fn tokenizer(&self) -> &Arc<Tokenizer> {
        &self.inner.tokenizer
    }

    /// What is known of this engine.
    pub fn info(&self) -> &EngineInfo {
        &self.inner.info
    }

    /// Queues a request and returns its stream at once.
    pub fn generate(&self, request: Request) -> Generation {
        let (sender, events) = tokio::sync::mpsc::unbounded_channel();
        let _ = sender.send(crate::Event::Failed(EngineError::Request(format!("{} tokens", request.prompt.len()))));
        Generation { events, cancelled: Arc::default() }
    }
}

//! The engine: a worker thread that owns the models, and the handle through which everything else talks to it.

mod load;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::Instant;

use crate::decode::sequence::Models;
use crate::device::Place;
use crate::request::{Event, Generation, Request};
use crate::scheduler::board::Board;
use crate::scheduler::job::Ticket;
use crate::scheduler::{Message, Worker};
use crate::tokenizer::Tokenizer;
use crate::transformer::LanguageModel;

/// What to load and how.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// The model file (GGUF) whose answers are returned.
    pub target: PathBuf,
    /// A smaller model file with the same vocabulary that proposes tokens, or none.
    pub draft: Option<PathBuf>,
    /// Where both run.
    pub place: Place,
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
    /// What one token costs the target.
    pub cost: TokenCost,
}

/// What a forward pass of one token costs, attention apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenCost {
    /// Bytes of weights that are read.
    pub bytes: usize,
    /// Multiplications and additions, each counted as one.
    pub operations: usize,
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

/// What an engine is doing, for a status line; a sketch of a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EngineStatus {
    /// Whether a request is running.
    pub busy: bool,
    /// Requests that wait or are preempted.
    pub waiting: usize,
    /// Bytes of cached keys and values.
    pub cache_bytes: usize,
    /// Cached sequences that no request uses.
    pub slots: usize,
    /// Whether the draft model serves. It is loaded after the target, and given up if it fails.
    pub draft_ready: bool,
    /// Tokens of a prompt that are processed in a second, as measured of late; `None` before the first prompt.
    pub prefill_speed: Option<f64>,
}

/// A handle to a running engine. Clones share it; the worker ends when the last one is dropped.
#[derive(Clone, Debug)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    tokenizer: Arc<Tokenizer>,
    info: EngineInfo,
    vocabulary: usize,
    board: Arc<Board>,
    /// Hands a ticket to the worker, or only wakes it. A closure, because the handle does not know the model's type.
    send: Box<dyn Fn(Option<Ticket>) -> Result<(), EngineError> + Send + Sync>,
    worker: Option<JoinHandle<()>>,
}

impl Engine {
    /// Opens the files, prepares the weights and starts the worker. Blocks; `progress` is called on this thread.
    pub fn load(options: &EngineOptions, progress: impl FnMut(LoadEvent)) -> Result<Engine, EngineError> {
        load::load(options, progress)
    }

    /// Starts the worker on models that are loaded. A draft can follow through the sender.
    pub(crate) fn start<M: LanguageModel + 'static>(
        models: Models<M>,
        tokenizer: Arc<Tokenizer>,
        info: EngineInfo,
        cache_bytes: usize,
    ) -> Result<(Engine, Sender<Message<M>>), EngineError>
    where
        M::Cache: 'static,
    {
        let (sender, inbox) = std::sync::mpsc::channel();
        let board = Arc::new(Board::default());
        let vocabulary = models.target.vocabulary();
        let worker =
            Worker::new(models, Arc::clone(&tokenizer), info.context_tokens, cache_bytes, inbox, Arc::clone(&board));
        let worker = std::thread::Builder::new()
            .name("engine".to_owned())
            .spawn(move || worker.run())
            .map_err(|error| EngineError::Compute(format!("cannot start a thread: {error}")))?;
        let outbox = sender.clone();
        let send = Box::new(move |ticket: Option<Ticket>| {
            outbox
                .send(ticket.map_or(Message::Wake, |ticket| Message::Job(Box::new(ticket))))
                .map_err(|_| EngineError::Died)
        });
        let inner = Inner { tokenizer, info, vocabulary, board, send, worker: Some(worker) };
        Ok((Engine { inner: Arc::new(inner) }, sender))
    }

    /// Kernel threads that `wanted` comes to: 0 takes one for each physical core.
    pub fn threads(wanted: usize) -> usize {
        if wanted == 0 { load::physical_cores() } else { wanted }
    }

    /// The target's tokenizer (the draft's is the same).
    pub fn tokenizer(&self) -> &Arc<Tokenizer> {
        &self.inner.tokenizer
    }

    /// What is known of this engine.
    pub fn info(&self) -> &EngineInfo {
        &self.inner.info
    }

    /// What this engine is doing.
    pub fn status(&self) -> EngineStatus {
        let board = &self.inner.board;
        EngineStatus {
            busy: board.is_busy(),
            waiting: board.waiting(),
            cache_bytes: board.cache_bytes(),
            slots: board.slots(),
            draft_ready: board.draft_ready(),
            prefill_speed: board.prefill_speed(),
        }
    }

    /// Queues a request and returns its stream at once.
    pub fn generate(&self, request: Request) -> Generation {
        let (events, receiver) = tokio::sync::mpsc::unbounded_channel();
        let cancelled = Arc::default();
        let generation = Generation { events: receiver, cancelled: Arc::clone(&cancelled) };
        let priority = request.priority;
        let queued = self.inner.check(&request).and_then(|()| {
            let ticket = Ticket { request, events: events.clone(), cancelled, arrived: Instant::now() };
            (self.inner.send)(Some(ticket))
        });
        match queued {
            Ok(()) => self.inner.board.announce(priority),
            Err(error) => {
                // The receiver is in this function's hands, so this cannot fail.
                let _ = events.send(Event::Failed(error));
            }
        }
        generation
    }
}

impl Inner {
    /// Refuses what cannot run before it takes a place in the queue.
    fn check(&self, request: &Request) -> Result<(), EngineError> {
        let limit = self.info.context_tokens;
        let Request { prompt, sampling, .. } = request;
        if prompt.is_empty() {
            return Err(EngineError::Request("the prompt is empty".to_owned()));
        }
        if prompt.len() > limit {
            return Err(EngineError::PromptTooLong { tokens: prompt.len(), limit });
        }
        if let Some(position) = prompt.iter().position(|&token| token as usize >= self.vocabulary) {
            return Err(EngineError::Request(format!(
                "token {} of the prompt is {}, and the vocabulary ends before {}",
                position, prompt[position], self.vocabulary
            )));
        }
        if request.scored >= prompt.len() || (request.scored > 0 && request.max_tokens > 0) {
            return Err(EngineError::Request(format!(
                "{} tokens of {} cannot be scored; one must stand before them, and nothing be generated after",
                request.scored,
                prompt.len()
            )));
        }
        let positive = |value: f32| value.is_finite() && value > 0.0;
        if !sampling.temperature.is_finite() || sampling.temperature < 0.0 {
            return Err(EngineError::Request(format!(
                "the temperature is {}; it must be 0 or more",
                sampling.temperature
            )));
        }
        if !positive(sampling.top_p) || sampling.top_p > 1.0 {
            return Err(EngineError::Request(format!("top_p is {}; it must be above 0 and at most 1", sampling.top_p)));
        }
        if !positive(sampling.repetition_penalty) {
            return Err(EngineError::Request(format!(
                "the repetition penalty is {}; it must be above 0",
                sampling.repetition_penalty
            )));
        }
        Ok(())
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.board.stop();
        // A worker that is gone already needs no waking.
        let _ = (self.send)(None);
        if let Some(worker) = self.worker.take()
            && worker.join().is_err()
        {
            tracing::error!("the engine's worker had panicked");
        }
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Engine").field("info", &self.info).finish_non_exhaustive()
    }
}

//! From model files to a running engine.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use super::{Engine, EngineError, EngineInfo, EngineOptions, LoadEvent};
use crate::decode::sequence::Models;
use crate::device::Place;
use crate::gguf::Gguf;
use crate::scheduler::Message;
use crate::scheduler::board::Board;
use crate::tokenizer::Tokenizer;
use crate::transformer::{Backend, Cpu, LanguageModel, Model, SequenceCache};

/// A context below this serves nobody.
const LEAST_CONTEXT: usize = 64;

/// How long the loading of the draft pauses before it looks again whether a completion still runs.
const PAUSE: Duration = Duration::from_millis(2);

/// See [`Engine::load`]. The target is ready when this returns; the draft is loaded by a thread of its own, so that
/// the first completion waits for neither its reading nor its packing.
pub(super) fn load(options: &EngineOptions, progress: impl FnMut(LoadEvent)) -> Result<Engine, EngineError> {
    let threads = Engine::threads(options.threads);
    match &options.place {
        Place::Cpu => load_on(move || Cpu::new(threads), threads, options, progress),
        Place::Card(card) => {
            let card = card.clone();
            load_on(move || card.backend(), threads, options, progress)
        }
    }
}

/// Loads for the backends that `backend` makes, one for each model.
fn load_on<B: Backend + 'static>(
    backend: impl Fn() -> B + Send + 'static,
    threads: usize,
    options: &EngineOptions,
    mut progress: impl FnMut(LoadEvent),
) -> Result<Engine, EngineError> {
    progress(LoadEvent::Opening(options.target.clone()));
    let target_file = open(&options.target)?;
    let draft_file = match &options.draft {
        Some(path) => {
            progress(LoadEvent::Opening(path.clone()));
            let file = open(path)?;
            check_pair(path, &file, &options.target, &target_file)?;
            Some((path.clone(), file))
        }
        None => None,
    };
    let tokenizer = Tokenizer::from_gguf(&target_file).map_err(|error| load_error(&options.target, error))?;

    let mut prepared = |done, all| progress(LoadEvent::Preparing(options.target.clone(), done, all));
    let target = Model::load_on(backend(), &target_file, &mut prepared).map_err(|e| load_error(&options.target, e))?;
    let info = EngineInfo {
        target: name(&options.target),
        draft: options.draft.as_deref().map(name),
        family: target.config().family.name().to_owned(),
        context_tokens: context_tokens(options, &target)?,
        device: target.device(),
        threads,
        cost: target.cost(),
    };
    let models = Models { target, draft: None };
    let (engine, sender) = Engine::start(models, Arc::new(tokenizer), info, options.cache_bytes)?;
    if let Some((path, file)) = draft_file {
        let board = Arc::clone(&engine.inner.board);
        let loader = std::thread::Builder::new().name("draft loader".to_owned());
        if let Err(error) = loader.spawn(move || load_draft(&path, &file, backend(), &sender, &board)) {
            tracing::warn!(%error, "no thread to load the draft model in; answers will come without it");
        }
    }
    progress(LoadEvent::Ready);
    Ok(engine)
}

/// Loads the draft and hands it to the worker. Steps aside, tensor by tensor, while a completion runs.
fn load_draft<B: Backend>(path: &Path, file: &Gguf, backend: B, worker: &Sender<Message<Model<B>>>, board: &Board) {
    let mut step_aside = |_, _| {
        while board.completes() {
            std::thread::sleep(PAUSE);
        }
    };
    match Model::load_on(backend, file, &mut step_aside) {
        // The worker may have ended meanwhile, and then nobody needs the draft.
        Ok(model) => drop(worker.send(Message::Draft(model))),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "the draft model cannot be loaded; answers come without it");
        }
    }
}

/// Checks that a token means the same to both models. One vocabulary may have more padding at its end.
fn check_pair(draft_path: &Path, draft: &Gguf, target_path: &Path, target: &Gguf) -> Result<(), EngineError> {
    const TOKENS: &str = "tokenizer.ggml.tokens";
    let ours = draft.strings(TOKENS).map_err(|error| load_error(draft_path, error))?;
    let theirs = target.strings(TOKENS).map_err(|error| load_error(target_path, error))?;
    let Some(id) = ours.iter().zip(&theirs).position(|(ours, theirs)| ours != theirs) else { return Ok(()) };
    Err(EngineError::Pair {
        draft: draft_path.to_owned(),
        target: target_path.to_owned(),
        reason: format!(
            "their vocabularies differ, token {id} is {:?} in the draft and {:?} in the target; use a smaller model of \
             the target's own series, or none",
            ours[id], theirs[id]
        ),
    })
}

/// The most tokens of one request: as wanted, but no more than the model was made for or the cache has room for.
fn context_tokens<B: Backend>(options: &EngineOptions, target: &Model<B>) -> Result<usize, EngineError> {
    let per_token = target.new_cache(1)?.bytes_per_position().max(1);
    let context = options.context_tokens.min(target.context_limit()).min(options.cache_bytes / per_token);
    if context < LEAST_CONTEXT {
        let reason = format!(
            "{context} tokens of context are too few: {} are wanted, the model was made for {}, and {} bytes of cache \
             hold {}; raise what is lowest",
            options.context_tokens,
            target.context_limit(),
            options.cache_bytes,
            options.cache_bytes / per_token
        );
        return Err(load_error(&options.target, reason));
    }
    Ok(context)
}

fn open(path: &Path) -> Result<Gguf, EngineError> {
    Gguf::open(path).map_err(|error| load_error(path, error))
}

fn load_error(path: &Path, reason: impl ToString) -> EngineError {
    EngineError::Load { path: path.to_owned(), reason: reason.to_string() }
}

/// The file's name without its ending.
fn name(path: &Path) -> String {
    path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// Cores that do arithmetic of their own: two threads on one core share its multipliers.
pub(super) fn physical_cores() -> usize {
    let available = std::thread::available_parallelism().map_or(1, usize::from);
    sysinfo::System::physical_core_count().unwrap_or(available).clamp(1, available)
}

//! Questions that will probably be asked, read while nobody asks: evidence is gathered, and the local model's cache filled
//! with the prompt, so that the first words of the answer come at once.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use halfline_context::Snapshot;
use halfline_inference::{Engine, EngineError, Priority, Request};

use super::evidence::{self, Gathered, ModelTokens};
use super::{Assistant, AssistantError, Class, Question, Sources, prompt};

/// How long the model reads for a question that nobody has asked. A person looks at a message for some seconds.
const READING: Duration = Duration::from_secs(4);
/// For how long what was gathered counts as true: what changes in an editor is noticed, and what changes on disk only once it
/// is indexed.
const KEPT: Duration = Duration::from_secs(300);

/// The question that was read last, with its evidence.
#[derive(Debug, Default)]
pub struct ReadAhead {
    last: Mutex<Option<Read>>,
}

#[derive(Debug)]
struct Read {
    question: Question,
    gathered: Gathered,
    /// The files that it is about, as they were.
    files: Vec<(PathBuf, Snapshot)>,
    generation: u64,
    at: Instant,
    /// When the model will have read it, or `None` once it has.
    ready: Option<Instant>,
}

impl ReadAhead {
    /// The evidence for `question`, if that is still true and the model has read it, or will have in no more than `patience`.
    pub(super) fn of(&self, question: &Question, sources: &Sources, patience: Duration) -> Option<Gathered> {
        let last = self.last();
        let read = last.as_ref().filter(|read| read.question == *question && read.at.elapsed() < KEPT)?;
        // What is long overdue was given up.
        let now = Instant::now();
        if read.ready.is_some_and(|ready| ready > now + patience || now > ready + READING) {
            return None;
        }
        let is_same =
            |(path, then): &(PathBuf, Snapshot)| sources.read(path).is_ok_and(|now| now.rope() == then.rope());
        let is_true = read.generation == sources.workspace.generation() && read.files.iter().all(is_same);
        is_true.then(|| read.gathered.clone())
    }

    /// The place that the question is about, as `path:line`, where one is known.
    pub fn place(&self) -> Option<String> {
        match &self.last().as_ref().filter(|read| read.ready.is_none())?.question {
            Question::Explain { path, line, .. } => Some(format!("{}:{}", path.display(), line + 1)),
            _ => None,
        }
    }

    fn last(&self) -> MutexGuard<'_, Option<Read>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Has the model read what every prompt about code begins with, which also says how fast it reads.
pub async fn warm_up(engine: &Engine) -> Result<(), EngineError> {
    match prompt::beginning(engine.tokenizer()) {
        Some(prompt) => engine.generate(Request::new(prompt, 0, Priority::Idle)).finish().await.map(drop),
        None => Ok(()),
    }
}

/// Gathers evidence for `question` and has the model read it, unless another engine would be asked. Dropping the future ends
/// that; a request of anybody comes before it.
pub async fn read_ahead(assistant: &Assistant, question: Question) -> Result<(), AssistantError> {
    let Assistant { engine, sources, router, known, .. } = assistant;
    if !router.is_local(Class::Quick) || known.of(&question, sources, Duration::ZERO).is_some() {
        return Ok(());
    }
    let generation = sources.workspace.generation();
    let counter = ModelTokens(engine.tokenizer().clone());
    let new = assistant.readable_in(READING);
    let limits = assistant.limits_for(&question, new);
    let mut gathered = evidence::gather(sources, &limits, counter, question.clone(), true, &mut |_| {}).await?;
    let prompt = assistant.prompt(&[], &gathered, new)?;
    // With more evidence it would be another prompt.
    gathered.items.truncate(prompt.shown);
    let files = gathered.files.iter().filter_map(|file| Some((file.path()?.to_owned(), file.clone()))).collect();
    let at = Instant::now();
    *known.last() = Some(Read { question, gathered, files, generation, at, ready: Some(at + READING) });
    let finish = engine.generate(Request::new(prompt.tokens, 0, Priority::Idle)).finish().await?;
    tracing::debug!(tokens = ?finish.tokens, timings = ?finish.timings, "read ahead");
    if let Some(read) = known.last().as_mut().filter(|read| read.at == at) {
        read.ready = None;
    }
    Ok(())
}

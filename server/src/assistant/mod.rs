//! Answers questions about code: gathers evidence, asks the model, checks what its answer cites.
//!
//! Plain data in and out, for the command line and the language server alike; nothing here knows LSP types, prints, or
//! chooses models.

mod answer;
pub mod changes;
pub mod chat;
mod cite;
mod command;
mod confidence;
mod diagnostic;
mod evidence;
pub mod failures;
pub mod fix;
mod output;
pub(crate) mod prompt;
mod question;
mod read_ahead;
mod reading;
mod router;
mod tools;
mod unlikely;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use halfline_context::workspace::{self, ScanLimits};
use halfline_context::{Dense, Snapshot, Workspace};
use halfline_inference::{Engine, EngineError};
use serde_json::json;

use crate::config::CheckerEntry;
use crate::recent::{Entry, Kind, Recent};

pub use answer::{Answer, AnswerTimings, Evidence, Update};
pub use cite::Citation;
pub(crate) use command::end_all as end_commands;
pub(crate) use command::guard::{end_left as end_commands_of, start_first as guard_commands};
pub use confidence::Level;
pub use diagnostic::{Diagnostic, Severity};
pub use evidence::checker_of;
pub use prompt::{Exchange, Extra};
pub use question::{About, CommandOutput, Earlier, FileRange, Question};
pub use read_ahead::{ReadAhead, read_ahead, warm_up};
pub use router::{Class, Conversation, Decoding, Failed, PassedOver, Reply, Route, Router, Withheld, converse};
pub(crate) use router::{Filled, Gap, Rules, fill};
pub use tools::{MayCheck, Outcome, ToolLimits, ToolUse, Toolbox};

/// How long an answer may look for files that are new since the last one.
const SCAN_TIME: Duration = Duration::from_secs(1);

/// Looks up what an editor has open and not saved yet.
pub type OpenDocuments = Arc<dyn Fn(&Path) -> Option<Snapshot> + Send + Sync>;

/// What answering needs.
#[derive(Clone)]
pub struct Assistant {
    engine: Engine,
    sources: Sources,
    limits: Limits,
    router: Router,
    may_check: Option<MayCheck>,
    recent: Arc<Recent>,
    known: Arc<ReadAhead>,
}

/// What whoever reads a local model's review should know. Of six obvious bugs the 1.5B one named none.
const OVERLOOKED: &str =
    "small local models overlook most mistakes in a change: what is not named here may be wrong all the same";

/// Where code is read from.
#[derive(Clone)]
struct Sources {
    workspace: Arc<Workspace>,
    open: OpenDocuments,
}

/// A user's turn, and the evidence in it.
struct Turn {
    gathered: evidence::Gathered,
    prompt: prompt::Prompt,
}

/// What an answer may take.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Tokens of evidence in the prompt.
    pub evidence_tokens: usize,
    /// When the first words of a short answer are wanted: evidence is cut to what the local model reads until then.
    /// Zero reads all of it.
    pub quick: Duration,
    /// The same of a long one.
    pub deep: Duration,
    /// Tokens of the answer.
    pub answer_tokens: usize,
    /// Whether a long answer is wanted.
    pub in_detail: bool,
    /// Tokens of what was said before.
    pub history_tokens: usize,
    /// How long a checker may run.
    pub check_time: Duration,
    /// Whether checkers (`cargo check`, `python3`) may run. They can run code of the project (build scripts), so only
    /// the user can say.
    pub may_run_checks: bool,
    /// Checkers that take the place of the built-in ones.
    pub checkers: Vec<CheckerEntry>,
    /// What a model may call by itself.
    pub tools: ToolLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            evidence_tokens: 800,
            quick: Duration::ZERO,
            deep: Duration::ZERO,
            answer_tokens: 400,
            in_detail: false,
            history_tokens: 3072,
            check_time: Duration::from_secs(120),
            may_run_checks: false,
            checkers: Vec::new(),
            tools: ToolLimits::default(),
        }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AssistantError {
    /// A file that the question names could not be read.
    #[error("cannot read {path}: {reason}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What was wrong.
        reason: String,
    },
    /// The model at hand cannot converse.
    #[error("the model {0} was not made for conversation; choose an instruct model with `engine.model`")]
    NotForChat(String),
    /// The engine could not answer.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A review of nothing.
    #[error("there is nothing to review: the diff has no changes of text")]
    NothingToReview,
    /// A thread that gathered evidence died.
    #[error("gathering evidence failed: {0}; please report this")]
    Gathering(String),
}

impl Assistant {
    /// An assistant for one workspace. `open` says what an editor has open; files that it does not know are read from
    /// disk.
    pub fn new(engine: Engine, workspace: Arc<Workspace>, open: OpenDocuments) -> Assistant {
        let (limits, router, recent) = (Limits::default(), Router::default(), Arc::default());
        let sources = Sources { workspace, open };
        Assistant { engine, sources, limits, router, may_check: None, recent, known: Arc::default() }
    }

    /// The same assistant within other limits.
    pub fn with_limits(self, limits: Limits) -> Assistant {
        Assistant { limits, ..self }
    }

    /// The same assistant with engines that run elsewhere.
    pub fn with_router(self, router: Router) -> Assistant {
        Assistant { router, ..self }
    }

    /// The same assistant, whose model may have those checkers run that `may_check` allows. Without it, the limits decide.
    pub fn with_checks(self, may_check: MayCheck) -> Assistant {
        Assistant { may_check: Some(may_check), ..self }
    }

    /// The same assistant for whoever wants to know more: answers may be twice as long, and take the time of long questions.
    pub fn in_detail(mut self) -> Assistant {
        self.limits.in_detail = true;
        self.limits.answer_tokens *= 2;
        self
    }

    /// How soon the answer to `question` is wanted.
    fn class_of(&self, question: &Question) -> Class {
        if self.limits.in_detail { Class::Deep } else { question.class() }
    }

    /// The prompt of `gathered` after what was said `earlier`, with a new turn of `new` tokens.
    fn prompt(
        &self,
        earlier: &[Exchange],
        gathered: &evidence::Gathered,
        new: usize,
    ) -> Result<prompt::Prompt, AssistantError> {
        let info = self.engine.info();
        let room = prompt::Room { all: info.context_tokens.saturating_sub(self.limits.answer_tokens), new };
        prompt::build(self.engine.tokenizer(), earlier, gathered, room, self.limits.in_detail)
            .ok_or_else(|| AssistantError::NotForChat(info.target.clone()))
    }

    /// The new turn that `gathered` makes, with so many tokens at most.
    fn turn(&self, earlier: &[Exchange], mut gathered: evidence::Gathered, new: usize) -> Result<Turn, AssistantError> {
        let prompt = self.prompt(earlier, &gathered, new)?;
        gathered.items.truncate(prompt.shown);
        Ok(Turn { gathered, prompt })
    }

    /// What a model elsewhere may call.
    fn toolbox(&self) -> Toolbox {
        let allowed = self.limits.may_run_checks;
        let by_limits: MayCheck = Arc::new(move |_: &Path| match allowed {
            true => Ok(()),
            false => Err("no checker may run here".to_owned()),
        });
        let may_check = self.may_check.clone().unwrap_or(by_limits);
        Toolbox {
            sources: self.sources.clone(),
            limits: self.limits.tools,
            checkers: self.limits.checkers.clone(),
            may_check,
        }
    }

    /// The same assistant, which keeps there what its answers rest on.
    pub fn with_recent(self, recent: Arc<Recent>) -> Assistant {
        Assistant { recent, ..self }
    }

    /// The same assistant, which answers from what was read ahead where that was asked for.
    pub fn with_read_ahead(self, known: Arc<ReadAhead>) -> Assistant {
        Assistant { known, ..self }
    }
}

impl Sources {
    /// The file as the editor has it, or as it is on disk.
    fn read(&self, path: &Path) -> Result<Snapshot, AssistantError> {
        let path = self.absolute(path);
        if let Some(snapshot) = (self.open)(&path) {
            return Ok(snapshot);
        }
        match workspace::read_text(&path) {
            Ok(text) => Ok(Snapshot::of_text(Some(path), &text)),
            Err(error) => Err(AssistantError::Read { path, reason: error.to_string() }),
        }
    }

    fn absolute(&self, path: &Path) -> PathBuf {
        if path.is_absolute() { path.to_owned() } else { self.workspace.root().join(path) }
    }

    /// Brings the symbols of the workspace up to date, as far as that goes in a moment.
    fn refresh(&self) {
        self.workspace.scan(&ScanLimits { time: SCAN_TIME, ..ScanLimits::default() }, &AtomicBool::new(false));
    }
}

/// Answers `question`; `sink` hears of every step and every piece of text. Dropping the future stops the engine and the
/// checkers.
pub async fn answer(
    assistant: &Assistant,
    question: Question,
    sink: &mut (dyn FnMut(Update) + Send),
) -> Result<Answer, AssistantError> {
    follow_up(assistant, Earlier::default(), question, sink).await
}

/// The same for a question that goes on from what was said before.
pub async fn follow_up(
    assistant: &Assistant,
    earlier: Earlier,
    question: Question,
    sink: &mut (dyn FnMut(Update) + Send),
) -> Result<Answer, AssistantError> {
    let started = Instant::now();
    let engine = &assistant.engine;
    let class = assistant.class_of(&question);
    let is_review = matches!(question, Question::Review { .. });
    let is_first = earlier.exchanges.is_empty();
    let known = || assistant.known.of(&question, &assistant.sources, assistant.limits.quick);
    let (gathered, new) = match (is_first && !assistant.limits.in_detail).then(known).flatten() {
        Some(gathered) => {
            evidence::show(&gathered.items, sink);
            (gathered, usize::MAX)
        }
        None => {
            let new = assistant.readable(class);
            let limits = assistant.limits_for(&question, new);
            let counter = evidence::ModelTokens(engine.tokenizer().clone());
            let gathering = evidence::gather(&assistant.sources, &limits, counter, question.clone(), is_first, sink);
            (gathering.await?, new)
        }
    };
    let uncut = assistant.uncut(question, &gathered, is_first).await?;
    let mut turn = assistant.turn(&earlier.exchanges, gathered, new)?;
    let uncut = uncut.map(|uncut| assistant.turn(&earlier.exchanges, uncut, usize::MAX)).transpose()?;
    let evidence_time = started.elapsed();

    sink(Update::Status { text: "the model is reading".to_owned() });
    let root = assistant.sources.workspace.root();
    let Turn { gathered, prompt } = uncut.as_ref().unwrap_or(&turn);
    let conversation = Conversation {
        class,
        files: gathered.paths(root).iter().chain(&earlier.files).cloned().collect(),
        answer_tokens: assistant.limits.answer_tokens,
        failed_attempts: 0,
        prompt: turn.prompt.tokens.clone(),
        system: prompt.system.clone(),
        earlier: earlier.exchanges,
        user: prompt.user.clone(),
        extras: prompt.extras.clone(),
        opening: String::new(),
        decoding: Decoding::default(),
        tools: Some(assistant.toolbox()),
    };
    let reply = router::converse(&assistant.router, engine, conversation, sink).await?;
    if let Some(uncut) = uncut.filter(|_| reply.route.engine == "remote") {
        let shown = &turn.gathered.items;
        let more = uncut.gathered.items.iter().filter(|item| !shown.iter().any(|one| one.evidence == item.evidence));
        more.for_each(|item| sink(Update::Evidence(item.evidence.clone())));
        turn = uncut;
    }
    let Turn { gathered, prompt } = turn;
    let files = gathered.paths(root);

    let citations = cite::check(&assistant.sources, &gathered.files, &reply.text, &prompt.user);
    for citation in &citations {
        sink(Update::Citation(citation.clone()));
    }
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let mut extras = prompt.extras;
    for extra in &mut extras {
        extra.seen = !reply.route.withheld.iter().any(|withheld| withheld.place == extra.place);
    }
    let mut notes = reply.route.notes();
    if is_review && reply.route.engine == "local" {
        notes.push(OVERLOOKED.to_owned());
    }
    let trouble = assistant.sources.workspace.dense().and_then(Dense::trouble);
    notes.extend(trouble.map(|why| format!("related code was looked for by words alone: {why}")));
    let confidence = confidence::of(reply.confidence, gathered.items.len(), &citations, &reply.stopped);
    let mut answer = Answer {
        id: String::new(),
        text: reply.text,
        citations,
        confidence,
        confidence_level: confidence.map(Level::of),
        evidence: gathered.items.into_iter().map(|item| item.evidence).collect(),
        tokens: reply.tokens,
        timings_ms: AnswerTimings {
            evidence: ms(evidence_time),
            queue: ms(reply.queue),
            prefill: ms(reply.prefill),
            decode: ms(reply.decode),
            total: ms(started.elapsed()),
        },
        model: reply.route.model.clone(),
        notes,
        route: reply.route,
        tools: reply.tools,
        stopped: reply.stopped,
        user: prompt.user,
        extras,
        files,
    };
    answer.id = assistant.recent.keep(Entry {
        kind: Kind::Answer,
        prompt: reply.prompt,
        sources: answer.evidence.clone(),
        text: answer.text.clone(),
        citations: answer.citations.clone(),
        model: answer.model.clone(),
        route: Some(answer.route.clone()),
        notes: answer.notes.clone(),
        tokens: answer.tokens,
        timings_ms: json!(answer.timings_ms),
        stopped: json!(answer.stopped),
    });
    Ok(answer)
}

#[cfg(test)]
mod tests;

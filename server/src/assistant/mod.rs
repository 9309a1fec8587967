//! Answers questions about code: gathers evidence, asks the model, checks what its answer cites.
//!
//! Plain data in and out, for the command line and the language server alike; nothing here knows LSP types, prints, or
//! chooses models.

mod cite;
mod command;
mod diagnostic;
mod evidence;
pub mod fix;
mod output;
pub(crate) mod prompt;
mod router;

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use halfline_context::workspace::{self, ScanLimits};
use halfline_context::{Snapshot, Workspace};
use halfline_inference::{Engine, EngineError, StopReason, TokenStats};
use serde::Serialize;

pub use cite::Citation;
pub use diagnostic::{Diagnostic, Severity};
pub use router::{Class, Conversation, Failed, Reply, Route, Router, converse};

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
}

/// Where code is read from.
#[derive(Clone)]
struct Sources {
    workspace: Arc<Workspace>,
    open: OpenDocuments,
}

/// What an answer may take.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Tokens of evidence in the prompt.
    pub evidence_tokens: usize,
    /// Tokens of the answer.
    pub answer_tokens: usize,
    /// How long a checker may run.
    pub check_time: Duration,
    /// Whether checkers (`cargo check`, `python3`) may run. They can run code of the project (build scripts), so only
    /// the user can say.
    pub may_run_checks: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { evidence_tokens: 800, answer_tokens: 400, check_time: Duration::from_secs(120), may_run_checks: false }
    }
}

/// Lines of a file that a question names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRange {
    /// The file, absolute or relative to the workspace.
    pub path: PathBuf,
    /// The lines, from 0; the whole file when `None`.
    pub lines: Option<RangeInclusive<usize>>,
}

/// What is asked.
#[derive(Clone, Debug)]
pub enum Question {
    /// What is wrong at this place, and how to mend it.
    Explain {
        /// The file, absolute or relative to the workspace.
        path: PathBuf,
        /// The line, from 0.
        line: usize,
        /// What a checker said of it. When empty, a checker is run if that is allowed.
        diagnostics: Vec<Diagnostic>,
    },
    /// Anything about the code.
    Ask {
        /// In the user's words.
        question: String,
        /// What the user points at.
        files: Vec<FileRange>,
    },
}

/// Something that happens while an answer is made.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Update {
    /// What is being done, for a status line.
    Status {
        /// In words.
        text: String,
    },
    /// Lines that the answer rests on.
    Evidence(Evidence),
    /// The next piece of the answer.
    Text {
        /// To be appended to what came before.
        text: String,
    },
    /// A place that the answer names, checked.
    Citation(Citation),
    /// A change to the code, as far as it is proved.
    Patch {
        /// As a unified diff.
        diff: String,
        /// How far it is proved.
        verdict: fix::Verdict,
    },
}

/// Lines that were put in front of the model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// The file, relative to the workspace where possible; for what a tool said, the tool.
    pub path: String,
    /// First and last line, from 1.
    pub lines: (usize, usize),
    /// Why it is there.
    pub why: String,
}

/// Where the time of an answer went, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct AnswerTimings {
    /// Reading files, running checkers.
    pub evidence: f64,
    /// Waiting for the engine.
    pub queue: f64,
    /// Processing the prompt.
    pub prefill: f64,
    /// Generating the answer.
    pub decode: f64,
    /// From the question to the last word.
    pub total: f64,
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answer {
    /// In Markdown.
    pub text: String,
    /// The places it names, checked.
    pub citations: Vec<Citation>,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
    /// Token counts.
    pub tokens: TokenStats,
    /// Where the time went.
    pub timings_ms: AnswerTimings,
    /// The model that wrote it.
    pub model: String,
    /// Where that runs, and why it was asked.
    pub route: Route,
    /// Why the model stopped.
    pub stopped: StopReason,
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
    /// A thread that gathered evidence died.
    #[error("gathering evidence failed: {0}; please report this")]
    Gathering(String),
}

impl Assistant {
    /// An assistant for one workspace. `open` says what an editor has open; files that it does not know are read from
    /// disk.
    pub fn new(engine: Engine, workspace: Arc<Workspace>, open: OpenDocuments) -> Assistant {
        let (limits, router) = (Limits::default(), Router::default());
        Assistant { engine, sources: Sources { workspace, open }, limits, router }
    }

    /// The same assistant within other limits.
    pub fn with_limits(self, limits: Limits) -> Assistant {
        Assistant { limits, ..self }
    }

    /// The same assistant with engines that run elsewhere.
    pub fn with_router(self, router: Router) -> Assistant {
        Assistant { router, ..self }
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
    let started = Instant::now();
    let engine = &assistant.engine;
    let counter = evidence::ModelTokens(engine.tokenizer().clone());
    let gathered = evidence::gather(&assistant.sources, &assistant.limits, counter, question, sink).await?;
    let room = engine.info().context_tokens.saturating_sub(assistant.limits.answer_tokens);
    let prompt = prompt::build(engine.tokenizer(), &gathered, room)
        .ok_or_else(|| AssistantError::NotForChat(engine.info().target.clone()))?;
    for item in &gathered.items {
        sink(Update::Evidence(item.evidence.clone()));
    }
    let evidence_time = started.elapsed();

    sink(Update::Status { text: "the model is reading".to_owned() });
    let conversation = Conversation {
        class: gathered.class(),
        files: gathered.paths(assistant.sources.workspace.root()),
        answer_tokens: assistant.limits.answer_tokens,
        failed_attempts: 0,
        prompt: prompt.tokens,
        system: prompt.system,
        user: prompt.user,
    };
    let reply = router::converse(&assistant.router, engine, conversation, sink).await?;

    let citations = cite::check(&assistant.sources, &gathered.files, &reply.text);
    for citation in &citations {
        sink(Update::Citation(citation.clone()));
    }
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    Ok(Answer {
        text: reply.text,
        citations,
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
        route: reply.route,
        stopped: reply.stopped,
    })
}

#[cfg(test)]
mod tests;

//! Inline completion: from a place in a text to what to show there.
//!
//! Knows no LSP: the language server and `halfline complete` both call [`Completer::complete`]. Offsets count characters.

mod cache;
pub mod filters;
mod mode;
mod pipeline;
mod prompt;
mod same_line;
mod type_through;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use halfline_context::{Attention, Piece, Position, Snapshot, Workspace};
use halfline_inference::{SpeculationStats, TokenStats};
use serde::Serialize;

use crate::assistant::{Evidence, Route, Router};
use crate::config::{CompletionConfig, Config};
use crate::recent::Recent;
use cache::Cache;
use same_line::SameLine;
use type_through::Shown;

pub use mode::Mode;
pub(crate) use prompt::{fim, stop_tokens};

/// Why a completion is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// A person asked: no waiting, and even one character is offered.
    Invoked,
    /// Someone is typing.
    Automatic,
}

/// The entry that is selected in the editor's completion menu: what is offered must begin with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selected {
    /// Where the text that it replaces starts, in characters.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// What it inserts.
    pub text: String,
}

/// A place for which a completion is wanted.
#[derive(Clone, Debug)]
pub struct Query {
    /// The text.
    pub snapshot: Snapshot,
    /// The cursor, in characters.
    pub offset: usize,
    /// Why.
    pub trigger: Trigger,
    /// What the completion menu has selected.
    pub selected: Option<Selected>,
    /// Whether other places of the workspace may be part of the prompt.
    pub use_context: bool,
    /// The most tokens to generate; the setting when `None`.
    pub max_tokens: Option<usize>,
    /// What the person has just been busy with.
    pub attention: Attention,
}

impl Query {
    /// A query of someone who types.
    pub fn new(snapshot: Snapshot, offset: usize) -> Self {
        Query {
            snapshot,
            offset,
            trigger: Trigger::Automatic,
            selected: None,
            use_context: true,
            max_tokens: None,
            attention: Attention::default(),
        }
    }
}

/// What a query came to. Serialises to what `halfline complete --json` prints.
#[derive(Clone, Debug, Serialize)]
pub struct CompletionOutcome {
    /// The name under which [`Recent`] has what it rests on; absent when the engine was never asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What to show, the best first; empty when there is nothing to offer.
    pub items: Vec<Item>,
    /// Tokens of the engine's work for this query; zeros when it was not asked.
    pub tokens: TokenStats,
    /// What speculation did.
    pub speculation: Speculation,
    /// Where the time went.
    pub timings_ms: TimingsMs,
    /// The places of the workspace that were part of the prompt.
    pub context: Vec<ContextRow>,
    /// Why the text ends where it does: `newline`, `block_end`, `end_of_text`, `length`, `deadline`, or `not_asked`.
    pub stopped: String,
    /// Where the answer came from.
    pub cache: Source,
    /// The model, its file's name without the ending.
    pub model: String,
    /// Who answered and why, where engines elsewhere finish lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<Route>,
    /// Why there is nothing to offer; absent when there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silent: Option<String>,
}

/// One suggestion.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Item {
    /// What to insert.
    pub text: String,
    /// What it replaces; positions count Unicode scalar values.
    pub range: ItemRange,
    /// Geometric mean of the probabilities of its tokens, 0 to 1; absent where the engine says nothing of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f32>,
}

/// A range of a text, lines and characters from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ItemRange {
    /// Where it starts.
    pub start: Position,
    /// Where it ends.
    pub end: Position,
}

/// A place of the workspace that was part of a prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ContextRow {
    /// The file, relative to the workspace where it lies in it.
    pub path: String,
    /// First and last line, from 1.
    pub lines: (usize, usize),
    /// Why it was chosen.
    pub why: String,
}

/// What speculation did for one query.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Speculation {
    /// Tokens proposed.
    pub proposed: usize,
    /// Of those, accepted.
    pub accepted: usize,
    /// Forward passes of the target model after the prompt.
    pub target_forwards: usize,
    /// Accepted tokens by who proposed them.
    pub source: SpeculationSource,
}

/// Accepted tokens by who proposed them.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct SpeculationSource {
    /// Found in the prompt.
    pub lookup: usize,
    /// Proposed by the draft model.
    pub draft: usize,
}

impl From<Piece> for ContextRow {
    fn from(piece: Piece) -> Self {
        ContextRow { path: piece.path, lines: piece.lines, why: piece.why }
    }
}

impl From<&ContextRow> for Evidence {
    fn from(row: &ContextRow) -> Self {
        Evidence { path: row.path.clone(), lines: row.lines, why: row.why.clone() }
    }
}

impl From<SpeculationStats> for Speculation {
    fn from(stats: SpeculationStats) -> Self {
        Speculation {
            proposed: stats.proposed,
            accepted: stats.accepted,
            target_forwards: stats.target_forwards,
            source: SpeculationSource { lookup: stats.from_lookup, draft: stats.from_draft },
        }
    }
}

/// Where the time of a query went, in milliseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct TimingsMs {
    /// Waiting for more typing.
    pub debounce: f64,
    /// Gathering context and making the prompt.
    pub context: f64,
    /// Waiting for the engine.
    pub queue: f64,
    /// Processing the prompt.
    pub prefill: f64,
    /// Generating.
    pub decode: f64,
    /// Judging and trimming what was generated.
    pub filters: f64,
    /// From the query to the answer.
    pub total: f64,
}

/// Where an answer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The rest of the suggestion shown before, as typed into.
    TypeThrough,
    /// The same question was answered before.
    Hit,
    /// The engine.
    Miss,
}

/// Answers queries, and remembers answers. One for each client.
#[derive(Debug)]
pub struct Completer {
    config: CompletionConfig,
    disabled_languages: Vec<String>,
    speculate: bool,
    workspace: Option<Arc<Workspace>>,
    cache: Mutex<Cache>,
    shown: Mutex<Shown>,
    counts: prompt::LineCounts,
    same_line: SameLine,
    recent: Arc<Recent>,
    router: Router,
}

impl Completer {
    /// A completer that has answered nothing yet. Without a workspace prompts hold only the
    /// file itself.
    pub fn new(config: &Config, workspace: Option<Arc<Workspace>>) -> Self {
        Completer {
            config: config.completion.clone(),
            disabled_languages: config.languages.disabled.clone(),
            speculate: config.engine.speculate,
            workspace,
            cache: Mutex::default(),
            shown: Mutex::default(),
            counts: prompt::LineCounts::default(),
            same_line: SameLine::default(),
            recent: Arc::default(),
            router: Router::default(),
        }
    }

    /// The same completer, which keeps there what its completions rest on.
    pub fn with_recent(self, recent: Arc<Recent>) -> Self {
        Completer { recent, ..self }
    }

    /// The same completer, which may ask the engines elsewhere that the user has finish lines.
    pub fn with_router(self, router: Router) -> Self {
        Completer { router, ..self }
    }

    /// Forgets what was shown in a document that is closed.
    pub fn forget(&self, snapshot: &Snapshot) {
        self.shown().forget(snapshot);
    }

    // A panic elsewhere leaves both consistent: every change is one call.
    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

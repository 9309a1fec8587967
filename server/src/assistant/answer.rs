//! What an answer is, and what is told while it is made: the shapes that editors and scripts see. Nothing is decided here.

use std::path::PathBuf;

use halfline_inference::{StopReason, TokenStats};
use serde::Serialize;

use super::fix::Verdict;
use super::{Citation, Extra, Level, Route, ToolUse};

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
    /// A tool that the model has called.
    Tool(ToolUse),
    /// A change to the code, as far as it is proved.
    Patch {
        /// As a unified diff.
        diff: String,
        /// How far it is proved.
        verdict: Verdict,
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
    /// The name under which [`Recent`] has what it rests on.
    pub id: String,
    /// In Markdown.
    pub text: String,
    /// The places it names, checked.
    pub citations: Vec<Citation>,
    /// How far it can be relied on, from 0 to 1; nothing where the engine does not say how probable its words were.
    pub confidence: Option<f64>,
    /// The same in a word.
    pub confidence_level: Option<Level>,
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
    /// The tools that the model called.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolUse>,
    /// What a person should know about how it came to be, a line each: engines that failed, pieces that were not sent.
    pub notes: Vec<String>,
    /// Why the model stopped.
    pub stopped: StopReason,
    /// The user's turn as the model was shown it, for a follow-up.
    #[serde(skip)]
    pub user: String,
    /// What of that nobody asked for.
    #[serde(skip)]
    pub extras: Vec<Extra>,
    /// The files that the question was about, relative to the workspace where they lie in it.
    #[serde(skip)]
    pub files: Vec<PathBuf>,
}

//! What can be asked, and what a question points at. Plain data; what becomes of it is decided elsewhere.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use super::changes::Change;
use super::{Class, Diagnostic, Exchange};

/// Lines of a file that a question names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRange {
    /// The file, absolute or relative to the workspace.
    pub path: PathBuf,
    /// The lines, from 0; the whole file when `None`.
    pub lines: Option<RangeInclusive<usize>>,
}

/// From so many characters on a question is more than a quick one.
const LONG_QUESTION: usize = 240;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// What selected code does. No checker runs.
    ExplainSelection {
        /// The file, absolute or relative to the workspace.
        path: PathBuf,
        /// The lines, from 0.
        lines: RangeInclusive<usize>,
    },
    /// What is wrong with a change.
    Review {
        /// What changes, as much as fits into a prompt.
        changes: Vec<Change>,
    },
    /// How a commit of these changes is to be described.
    CommitMessage {
        /// What changes.
        changes: Vec<Change>,
        /// How earlier commits were.
        subjects: Vec<String>,
    },
    /// Anything about the code.
    Ask {
        /// In the user's words.
        question: String,
        /// What the user points at.
        about: About,
    },
}

impl Question {
    /// How soon an answer is wanted: an explanation at once, a long question and a review when it is good.
    pub fn class(&self) -> Class {
        match self {
            Question::Review { .. } => Class::Deep,
            Question::Ask { question, .. } if question.chars().count() > LONG_QUESTION => Class::Deep,
            _ => Class::Quick,
        }
    }
}

/// What a question points at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Files, or lines of them.
    pub files: Vec<FileRange>,
    /// Names that the workspace defines.
    pub symbols: Vec<String>,
    /// What commands printed.
    pub outputs: Vec<CommandOutput>,
}

/// What a command printed that the user let run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandOutput {
    /// The command, as the user wrote it.
    pub command: String,
    /// What it printed.
    pub text: String,
    /// Whether it exited with 0.
    pub passed: bool,
}

/// What was said before in the same conversation.
#[derive(Clone, Debug, Default)]
pub struct Earlier {
    /// Questions and answers, oldest first.
    pub exchanges: Vec<Exchange>,
    /// The files that they quote, relative to the workspace where they lie in it.
    pub files: Vec<PathBuf>,
}

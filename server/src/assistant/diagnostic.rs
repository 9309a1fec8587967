//! What a checker said about a place, whoever ran it.

use std::path::PathBuf;

use halfline_context::Position;
use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Nothing works until it is mended.
    Error,
    /// Worth a look.
    Warning,
    /// Said in passing.
    Note,
}

/// One message of a checker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// The file, absolute or relative to the workspace.
    pub path: PathBuf,
    /// Where it starts: line and character from 0, characters counted as Unicode scalar values.
    pub start: Position,
    /// Where it ends.
    pub end: Position,
    /// How bad it is.
    pub severity: Severity,
    /// The checker's code for it, such as `E0382`.
    pub code: Option<String>,
    /// The checker, such as `rustc`.
    pub source: Option<String>,
    /// What is wrong.
    pub message: String,
    /// The whole message as the checker prints it, with notes and help, where there is one.
    pub rendered: Option<String>,
}

impl Diagnostic {
    /// The message as a reader wants it: the checker's own rendering, or one line.
    pub fn text(&self) -> String {
        if let Some(rendered) = &self.rendered {
            return rendered.trim_end().to_owned();
        }
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        let code = self.code.as_ref().map(|code| format!("[{code}]")).unwrap_or_default();
        format!("{severity}{code} on line {}: {}", self.start.line + 1, self.message)
    }

    /// Whether it touches `line` (from 0).
    pub fn touches(&self, line: usize) -> bool {
        (self.start.line as usize..=self.end.line as usize).contains(&line)
    }
}

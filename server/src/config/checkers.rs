//! Checkers of the user's own: `[[assistant.checkers]]`.

use serde::{Deserialize, Serialize};

/// `[[assistant.checkers]]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CheckerEntry {
    /// What it is called; empty for the program's name.
    pub name: String,
    /// Program and arguments; `{file}` stands for the file.
    pub command: Vec<String>,
    /// The languages that it is for.
    pub languages: Vec<String>,
    /// How its output is read.
    pub parser: Parser,
}

/// How a checker's output is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Parser {
    /// As that of a compiler or test runner that is known, else as lines.
    #[default]
    Auto,
    /// `path:line:column: severity: message [code]`, as mypy, gcc and flake8 print.
    Lines,
    /// Pyright's report in JSON.
    Pyright,
    /// Ruff's report in JSON.
    Ruff,
}

impl Parser {
    /// The words for the choices.
    pub const NAMES: &'static [&'static str] = &["auto", "lines", "pyright", "ruff"];
}

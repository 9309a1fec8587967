//! What compilers, interpreters and test runners print, as diagnostics, failed tests and frames. All by reading the text;
//! nothing here runs anything.
//!
//! Paths are kept as they were printed; whoever asked knows what they are relative to.

mod python;
mod rust;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use super::diagnostic::Diagnostic;

pub(super) use rust::message_of_line;

/// A place on the way to a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// The file, as printed.
    pub(super) path: PathBuf,
    /// The line, from 1.
    pub(super) line: usize,
    /// The function, where that is known.
    pub(super) function: Option<String>,
}

/// A test that failed, or a program that did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// The test's name; empty for a program that is no test.
    pub(super) name: String,
    /// What was wrong: the assertion with its values, the exception, the panic.
    pub(super) message: String,
    /// Where, the failing place last.
    pub(super) frames: Vec<Frame>,
}

/// One way in which a compiler would change the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Suggestion {
    /// What it says about it.
    pub(super) message: String,
    /// Whether the compiler is sure.
    pub(super) is_sure: bool,
    /// What to replace, by file: bytes of the file and the new text.
    pub(super) edits: BTreeMap<PathBuf, Vec<(Range<usize>, String)>>,
}

/// What an output says.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings {
    /// What compilers said.
    pub(super) diagnostics: Vec<Diagnostic>,
    /// What they would change, in the order of the diagnostics: the index of a diagnostic with a suggestion.
    pub(super) suggestions: Vec<(usize, Suggestion)>,
    /// What the code of each diagnostic means, by code.
    pub(super) explanations: BTreeMap<String, String>,
    /// Places that each diagnostic points to beside its own.
    pub(super) places: Vec<Vec<(PathBuf, usize)>>,
    /// The tests that failed.
    pub(super) failures: Vec<Failure>,
    /// The output as a person reads it: compilers' messages rendered.
    pub(super) text: String,
}

/// Reads what a command printed.
pub(super) fn read(stdout: &str, stderr: &str) -> Findings {
    let mut findings = Findings::default();
    // Tests print to both, and runners sort the streams as they like: each is read alone.
    for stream in [stderr, stdout] {
        let rest = rust::take_messages(stream, &mut findings);
        rust::read_text(&rest, &mut findings);
        rust::read_tests(&rest, &mut findings);
        python::read(&rest, &mut findings);
        findings.text += &rest;
    }
    let rendered: Vec<&str> = findings.diagnostics.iter().filter_map(|one| one.rendered.as_deref()).collect();
    findings.text = format!("{}{}", rendered.concat(), findings.text);
    findings
}

#[cfg(test)]
mod tests;

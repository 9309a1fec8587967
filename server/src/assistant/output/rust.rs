//! rustc's messages, in JSON and as text, and what tests and panics print.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use halfline_context::Position;
use serde::Deserialize;

use super::super::diagnostic::{Diagnostic, Severity};
use super::{Failure, Findings, Frame, Suggestion};

/// Ways to replace the same code that are tried.
const MOST_ALTERNATIVES: usize = 4;

/// A message of rustc with what it would change.
pub(in super::super) struct RustMessage {
    /// The message.
    pub(in super::super) diagnostic: Diagnostic,
    suggestions: Vec<Suggestion>,
    explanation: Option<String>,
    places: Vec<(PathBuf, usize)>,
}

/// The message on a line of rustc's or cargo's JSON. `None` for other lines, and for summaries.
pub(in super::super) fn message_of_line(line: &str) -> Option<RustMessage> {
    if !line.starts_with('{') {
        return None;
    }
    let message = match serde_json::from_str::<CargoLine>(line) {
        Ok(CargoLine { message: Some(message) }) => message,
        _ => serde_json::from_str::<Message>(line).ok()?,
    };
    message.into_message()
}

/// Adds the JSON messages of `stream`, and returns the lines that are none.
pub(super) fn take_messages(stream: &str, findings: &mut Findings) -> String {
    let mut rest = String::new();
    for line in stream.lines() {
        if let Some(message) = message_of_line(line) {
            add(message, findings);
        } else if !is_tool_line(line) {
            rest += line;
            rest.push('\n');
        }
    }
    rest
}

/// Adds the messages that rustc prints as text: `error[E0308]: mismatched types`, then ` --> src/main.rs:6:18`.
pub(super) fn read_text(stream: &str, findings: &mut Findings) {
    let lines: Vec<&str> = stream.lines().collect();
    for (i, line) in lines.iter().enumerate() {
        let Some((severity, code, message)) = head_of(line) else { continue };
        let Some((path, at)) = lines.get(i + 1).and_then(|line| place_of(line)) else { continue };
        let end = lines[i..].iter().position(|line| line.trim().is_empty()).map_or(lines.len(), |length| i + length);
        findings.diagnostics.push(Diagnostic {
            path,
            start: at,
            end: at,
            severity,
            code,
            source: Some("rustc".to_owned()),
            message: message.to_owned(),
            // The text is shown as it is; to render it again would show it twice.
            rendered: None,
        });
        let others = lines[i + 2..end].iter().filter_map(|line| place_of(line));
        findings.places.push(others.map(|(path, at)| (path, at.line as usize)).collect());
    }
}

/// Adds failed tests and panics.
pub(super) fn read_tests(stream: &str, findings: &mut Findings) {
    let lines: Vec<&str> = stream.lines().collect();
    let mut current: Option<Failure> = None;
    let mut named: Vec<String> = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        if let Some(name) = line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED")) {
            named.push(name.to_owned());
        }
        let Some((thread, frame)) = panic_of(line) else { continue };
        let told = lines[i + 1..].iter().take_while(|line| !ends_panic(line)).take(12).copied().collect::<Vec<_>>();
        let message = told.join("\n").trim_end().to_owned();
        let frames = backtrace_of(&lines[i + 1..], frame);
        let is_test = named.contains(&thread) || lines.iter().any(|line| *line == format!("---- {thread} stdout ----"));
        let name = if is_test { thread } else { String::new() };
        findings.failures.extend(current.take());
        current = Some(Failure { name, message, frames });
    }
    findings.failures.extend(current);
    for name in named {
        if !findings.failures.iter().any(|failure| failure.name == name) {
            findings.failures.push(Failure { name, message: String::new(), frames: Vec::new() });
        }
    }
}

/// `thread 'tests::adds' panicked at src/lib.rs:12:9:`; newer versions put the thread's number before `panicked`.
fn panic_of(line: &str) -> Option<(String, Frame)> {
    let rest = line.strip_prefix("thread '")?;
    let (thread, rest) = rest.split_once('\'')?;
    let (_, place) = rest.split_once("panicked at ")?;
    let mut parts = place.trim_end_matches(':').rsplitn(3, ':');
    let _column = parts.next()?;
    let line = parts.next()?.parse().ok()?;
    Some((thread.to_owned(), Frame { path: parts.next()?.into(), line, function: None }))
}

fn ends_panic(line: &&&str) -> bool {
    let line = line.trim();
    line.starts_with("note: ") || line.starts_with("stack backtrace:") || line.starts_with("----") || line.is_empty()
}

/// The frames of `   4: sample::parse` and `             at ./src/parse.rs:12:5`, outermost first; `place` alone where
/// there is no backtrace.
fn backtrace_of(lines: &[&str], place: Frame) -> Vec<Frame> {
    let mut frames = Vec::new();
    let mut function = None;
    let Some(start) = lines.iter().take(20).position(|line| line.trim() == "stack backtrace:") else {
        return vec![place];
    };
    for line in &lines[start + 1..] {
        let line = line.trim();
        if let Some(at) = line.strip_prefix("at ") {
            let mut parts = at.rsplitn(3, ':');
            let (_column, number, path) = (parts.next(), parts.next(), parts.next());
            if let (Some(Ok(number)), Some(path)) = (number.map(str::parse), path) {
                let path = PathBuf::from(path.strip_prefix("./").unwrap_or(path));
                let is_own = path.is_relative();
                let known = frames.iter().any(|frame: &Frame| frame.path == path && frame.line == number);
                if is_own && !known {
                    frames.push(Frame { path, line: number, function: function.take() });
                }
            }
        } else if let Some((number, name)) = line.split_once(": ")
            && number.bytes().all(|byte| byte.is_ascii_digit())
        {
            function = name.rsplit("::").find(|part| !part.starts_with("{{")).map(str::to_owned);
        } else {
            break;
        }
    }
    frames.reverse();
    if !frames.iter().any(|frame| frame.path == place.path && frame.line == place.line) {
        frames.push(place);
    }
    frames
}

fn head_of(line: &str) -> Option<(Severity, Option<String>, &str)> {
    let (severity, rest) = if let Some(rest) = line.strip_prefix("error") {
        (Severity::Error, rest)
    } else {
        (Severity::Warning, line.strip_prefix("warning")?)
    };
    if let Some(message) = rest.strip_prefix(": ") {
        return Some((severity, None, message));
    }
    let (code, message) = rest.strip_prefix('[')?.split_once("]: ")?;
    Some((severity, Some(code.to_owned()), message))
}

/// ` --> src/main.rs:6:18`, also `::: src/main.rs:6:18`.
fn place_of(line: &str) -> Option<(PathBuf, Position)> {
    let line = line.trim_start();
    let place = line.strip_prefix("--> ").or_else(|| line.strip_prefix("::: "))?;
    let mut parts = place.rsplitn(3, ':');
    let column: u32 = parts.next()?.trim().parse().ok()?;
    let line: u32 = parts.next()?.parse().ok()?;
    Some((parts.next()?.into(), Position::new(line.saturating_sub(1), column.saturating_sub(1))))
}

/// Whether a line of JSON is only for tools: cargo's artifacts, rustc's summaries.
fn is_tool_line(line: &str) -> bool {
    line.starts_with("{\"reason\":") || line.starts_with("{\"$message_type\":")
}

fn add(message: RustMessage, findings: &mut Findings) {
    let RustMessage { diagnostic, suggestions, explanation, places } = message;
    // cargo says the same of a library and of its tests.
    if findings.diagnostics.contains(&diagnostic) {
        return;
    }
    let index = findings.diagnostics.len();
    if let (Some(code), Some(explanation)) = (&diagnostic.code, explanation) {
        findings.explanations.insert(code.clone(), explanation);
    }
    findings.diagnostics.push(diagnostic);
    findings.places.push(places);
    findings.suggestions.extend(suggestions.into_iter().map(|suggestion| (index, suggestion)));
}

/// A line of cargo's JSON output; only those with a compiler's message matter.
#[derive(Deserialize)]
struct CargoLine {
    message: Option<Message>,
}

/// A message of rustc in JSON.
#[derive(Deserialize)]
struct Message {
    message: String,
    level: String,
    code: Option<Code>,
    spans: Vec<Span>,
    #[serde(default)]
    children: Vec<Message>,
    rendered: Option<String>,
}

#[derive(Deserialize)]
struct Code {
    code: String,
    explanation: Option<String>,
}

#[derive(Clone, Deserialize)]
struct Span {
    file_name: PathBuf,
    byte_start: usize,
    byte_end: usize,
    is_primary: bool,
    line_start: u32,
    line_end: u32,
    column_start: u32,
    column_end: u32,
    suggested_replacement: Option<String>,
    suggestion_applicability: Option<String>,
}

impl Message {
    fn into_message(self) -> Option<RustMessage> {
        let severity = match self.level.as_str() {
            "error" | "error: internal compiler error" => Severity::Error,
            "warning" => Severity::Warning,
            _ => Severity::Note,
        };
        let span = self.spans.iter().find(|span| span.is_primary);
        let is_summary = span.is_none() && (severity != Severity::Error || is_summary(&self.message));
        if is_summary || span.is_some_and(|span| span.file_name.starts_with("<")) {
            return None;
        }
        let place = |line: u32, column: u32| Position::new(line.saturating_sub(1), column.saturating_sub(1));
        let whole = self.spans.iter().chain(self.children.iter().flat_map(|child| &child.spans));
        let mut places: Vec<(PathBuf, usize)> = Vec::new();
        for span in whole {
            let at = (span.file_name.clone(), span.line_start.saturating_sub(1) as usize);
            if !places.contains(&at) && Path::new(&span.file_name).is_relative() {
                places.push(at);
            }
        }
        let diagnostic = Diagnostic {
            start: span.map_or(Position::new(0, 0), |span| place(span.line_start, span.column_start)),
            end: span.map_or(Position::new(0, 0), |span| place(span.line_end, span.column_end)),
            path: span.map(|span| span.file_name.clone()).unwrap_or_default(),
            severity,
            code: self.code.as_ref().map(|code| code.code.clone()),
            source: Some("rustc".to_owned()),
            message: self.message.clone(),
            rendered: self.rendered.clone(),
        };
        let suggestions = suggestions_of(&self);
        Some(RustMessage { diagnostic, suggestions, explanation: self.code.and_then(|code| code.explanation), places })
    }
}

fn is_summary(message: &str) -> bool {
    message.starts_with("aborting due to") || message.starts_with("could not compile")
}

fn suggestions_of(message: &Message) -> Vec<Suggestion> {
    let mut found = Vec::new();
    for child in std::iter::once(message).chain(&message.children) {
        let spans: Vec<&Span> = child.spans.iter().filter(|span| span.suggested_replacement.is_some()).collect();
        if spans.is_empty() || spans.iter().any(|span| has_placeholders(span)) {
            continue;
        }
        let is_sure = spans.iter().all(|span| span.suggestion_applicability.as_deref() == Some("MachineApplicable"));
        let same_place = |a: &Span, b: &Span| a.file_name == b.file_name && a.byte_start == b.byte_start;
        let are_alternatives = spans.len() > 1 && spans.iter().all(|span| same_place(span, spans[0]));
        let groups: Vec<Vec<&Span>> = if are_alternatives {
            spans.into_iter().take(MOST_ALTERNATIVES).map(|span| vec![span]).collect()
        } else {
            vec![spans]
        };
        for group in groups {
            let mut edits: BTreeMap<PathBuf, Vec<(std::ops::Range<usize>, String)>> = BTreeMap::new();
            for span in group {
                let text = span.suggested_replacement.clone().unwrap_or_default();
                edits.entry(span.file_name.clone()).or_default().push((span.byte_start..span.byte_end, text));
            }
            let suggestion = Suggestion { message: child.message.clone(), is_sure, edits };
            if !found.contains(&suggestion) {
                found.push(suggestion);
            }
        }
    }
    found
}

/// Whether a suggestion is only a form to fill in: `/* value */`, `_`, `todo!()`.
fn has_placeholders(span: &Span) -> bool {
    span.suggestion_applicability.as_deref() == Some("HasPlaceholders")
}

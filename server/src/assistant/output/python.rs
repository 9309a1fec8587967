//! Tracebacks, and what pytest, unittest and the interpreter's handler for fatal errors print.

use std::path::PathBuf;

use halfline_context::Position;

use super::super::diagnostic::{Diagnostic, Severity};
use super::{Failure, Findings, Frame};

/// Lines of a failure's message that are kept.
const MESSAGE_LINES: usize = 14;

/// Adds what `stream` says of Python programs.
pub(super) fn read(stream: &str, findings: &mut Findings) {
    let lines: Vec<&str> = stream.lines().collect();
    read_tracebacks(&lines, findings);
    read_pytest(&lines, findings);
}

fn read_tracebacks(lines: &[&str], findings: &mut Findings) {
    let mut at = 0;
    let mut unittest: Option<String> = None;
    while at < lines.len() {
        let line = lines[at].trim_start();
        at += 1;
        if let Some(name) = line.strip_prefix("FAIL: ").or_else(|| line.strip_prefix("ERROR: ")) {
            // `test_a (module.Class.test_a)`; pytest's and logging's lines have no such place.
            unittest = name.split_once(" (").map(|(name, _)| name.to_owned());
            continue;
        }
        if line.starts_with("File \"") && !lines[..at - 1].last().is_some_and(|line| line.contains("Traceback")) {
            // A syntax error without a traceback, as py_compile prints it.
            let Some(frame) = frame_of(line) else { continue };
            let (message, length) = message_after(&lines[at..]);
            if let Some(message) = message.filter(|message| is_syntax_error(message)) {
                findings.diagnostics.push(syntax_error(&frame, &message));
                findings.places.push(Vec::new());
                at += length;
            }
            continue;
        }
        let is_fatal = line.starts_with("Current thread") || line.starts_with("Thread 0x");
        if !(line.starts_with("Traceback (most recent call last)") || is_fatal && line.contains("most recent call")) {
            continue;
        }
        let mut frames = Vec::new();
        let mut message = None;
        while at < lines.len() {
            let text = lines[at].trim_start();
            if let Some(frame) = frame_of(text) {
                frames.push(frame);
                at += 1;
            } else if lines[at].starts_with(' ')
                || text.is_empty() && message.is_none() && !frames.is_empty() && !is_fatal
            {
                at += 1;
                if text.is_empty() {
                    break;
                }
            } else {
                if !is_fatal && !text.is_empty() {
                    let rest = &lines[at..];
                    let told = rest.iter().take_while(|line| !ends_message(line)).take(MESSAGE_LINES);
                    message = Some(told.copied().collect::<Vec<_>>().join("\n"));
                }
                break;
            }
        }
        if is_fatal {
            frames.reverse();
            message = Some("it did not end, and was stopped here".to_owned());
        }
        let Some(message) = message else { continue };
        let Some(last) = frames.last() else { continue };
        if is_syntax_error(&message) {
            findings.diagnostics.push(syntax_error(last, message.lines().next().unwrap_or_default()));
            findings.places.push(Vec::new());
        } else {
            findings.failures.push(Failure { name: unittest.take().unwrap_or_default(), message, frames });
        }
    }
}

/// pytest's reports: a header `____ test_name ____`, the source, `E   message` lines, `path:12: AssertionError`.
fn read_pytest(lines: &[&str], findings: &mut Findings) {
    let mut name: Option<String> = None;
    let mut message: Vec<&str> = Vec::new();
    let mut frames: Vec<Frame> = Vec::new();
    let mut reported = Vec::new();
    let mut finish = |name: &mut Option<String>, message: &mut Vec<&str>, frames: &mut Vec<Frame>| {
        let (name, frames) = (name.take(), std::mem::take(frames));
        let text = std::mem::take(message).join("\n");
        if let Some(name) = name.filter(|_| !text.is_empty() || !frames.is_empty()) {
            reported.push(Failure { name, message: text, frames });
        }
    };
    let mut summary = Vec::new();
    for line in lines {
        let bare = line.trim_matches('_').trim();
        if line.starts_with("__") && line.ends_with("__") && !bare.is_empty() {
            finish(&mut name, &mut message, &mut frames);
            name = Some(bare.to_owned());
        } else if line.starts_with("====") {
            finish(&mut name, &mut message, &mut frames);
        } else if let Some(text) = line.strip_prefix("E  ").filter(|_| name.is_some()) {
            if message.len() < MESSAGE_LINES {
                message.push(text.trim_end());
            }
        } else if let Some(frame) = place_of(line).filter(|_| name.is_some()) {
            frames.push(frame);
        } else if let Some(failed) = line.strip_prefix("FAILED ").or_else(|| line.strip_prefix("ERROR ")) {
            let (test, said) = failed.split_once(" - ").unwrap_or((failed, ""));
            if test.contains(".py") {
                summary.push((test.trim().to_owned(), said.to_owned()));
            }
        }
    }
    finish(&mut name, &mut message, &mut frames);
    let known = reported.len();
    findings.failures.extend(reported);
    // With `--tb=no` or `-q` the summary is all there is.
    for (test, said) in summary.into_iter().skip(known) {
        findings.failures.push(Failure { name: test, message: said, frames: Vec::new() });
    }
}

/// `File "a.py", line 3, in f` or, of a syntax error, without the function.
fn frame_of(line: &str) -> Option<Frame> {
    let (path, rest) = line.strip_prefix("File \"")?.split_once("\", line ")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let function = rest.split_once(" in ").map(|(_, name)| name.trim().to_owned());
    Some(Frame { path: PathBuf::from(path), line: digits.parse().ok()?, function })
}

/// `path.py:12: AssertionError`, or `path.py:12:` of an outer frame.
fn place_of(line: &str) -> Option<Frame> {
    let (path, rest) = line.split_once(".py:")?;
    if path.contains(char::is_whitespace) {
        return None;
    }
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let after = &rest[digits.len()..];
    after
        .starts_with(':')
        .then(|| Some(Frame { path: format!("{path}.py").into(), line: digits.parse().ok()?, function: None }))?
}

/// The message that follows a syntax error's place, and how many lines on it stands.
fn message_after(lines: &[&str]) -> (Option<String>, usize) {
    for (i, line) in lines.iter().enumerate().take(6) {
        if !line.starts_with(' ') && !line.is_empty() {
            return (Some((*line).to_owned()), i + 1);
        }
    }
    (None, 0)
}

fn is_syntax_error(message: &str) -> bool {
    let message = message.strip_prefix("Sorry: ").unwrap_or(message);
    ["SyntaxError", "IndentationError", "TabError"].iter().any(|kind| message.starts_with(kind))
}

fn ends_message(line: &&&str) -> bool {
    line.is_empty() || line.starts_with("----") || line.starts_with("====") || line.starts_with("During handling of")
}

fn syntax_error(frame: &Frame, message: &str) -> Diagnostic {
    let (kind, text) = message.split_once(": ").unwrap_or(("SyntaxError", message));
    let at = Position::new((frame.line as u32).saturating_sub(1), 0);
    Diagnostic {
        path: frame.path.clone(),
        start: at,
        end: at,
        severity: Severity::Error,
        code: Some(kind.to_owned()),
        source: Some("python".to_owned()),
        message: text.to_owned(),
        rendered: None,
    }
}

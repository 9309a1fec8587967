//! Repairs that a message makes plain, for checkers that do not offer any themselves: Python's, mostly.

use std::path::{Path, PathBuf};

use super::Texts;
use super::check::Outcome;

/// Modules of Python's library whose missing import is worth a try.
const MODULES: [&str; 24] = [
    "math",
    "os",
    "sys",
    "re",
    "json",
    "time",
    "random",
    "itertools",
    "functools",
    "collections",
    "datetime",
    "string",
    "copy",
    "heapq",
    "bisect",
    "logging",
    "pathlib",
    "subprocess",
    "typing",
    "dataclasses",
    "operator",
    "statistics",
    "shutil",
    "hashlib",
];
/// Names of Python's library that are imported from a module.
const NAMES: [(&str, &str); 16] = [
    ("List", "typing"),
    ("Dict", "typing"),
    ("Optional", "typing"),
    ("Tuple", "typing"),
    ("Set", "typing"),
    ("Any", "typing"),
    ("Union", "typing"),
    ("Callable", "typing"),
    ("Iterable", "typing"),
    ("defaultdict", "collections"),
    ("Counter", "collections"),
    ("deque", "collections"),
    ("Path", "pathlib"),
    ("dataclass", "dataclasses"),
    ("reduce", "functools"),
    ("datetime", "datetime"),
];

/// New texts worth a check for what `outcome` complains of, with what was done. `read` gives a file's present text.
pub(super) fn repairs(outcome: &Outcome, read: &dyn Fn(&Path) -> Option<String>) -> Vec<(Texts, String)> {
    let mut found = Vec::new();
    for error in outcome.errors() {
        let Some(text) = read(&error.path) else { continue };
        let line = error.start.line as usize;
        let is_python = error.source.as_deref() == Some("python");
        let edits = if is_python { syntax(&text, line, &error.message) } else { delimiter(&text, &error.message) };
        for (new, done) in edits {
            found.push((Texts::from([(error.path.clone(), new)]), done));
        }
    }
    for failure in &outcome.findings.failures {
        let known = failure.frames.iter().rev().find_map(|frame| Some((frame, read(&frame.path)?)));
        let Some((frame, text)) = known else { continue };
        let last = failure.message.lines().next().unwrap_or_default();
        for (new, done) in names(&text, frame.line.saturating_sub(1), last) {
            found.push((Texts::from([(PathBuf::from(&frame.path), new)]), done));
        }
    }
    found
}

/// A Python syntax error whose message says what is missing.
fn syntax(text: &str, line: usize, message: &str) -> Vec<(String, String)> {
    let at_end = |mark: &str| {
        replace_line(text, line, |old| {
            let (code, comment) = split_comment(old);
            Some(format!("{}{mark}{comment}", code.trim_end()))
        })
    };
    let mut found = Vec::new();
    let mut add = |new: Option<String>, done: &str| found.extend(new.map(|new| (new, done.to_owned())));
    if message.contains("expected ':'") {
        add(at_end(":"), "adds the missing `:`");
    } else if message.contains("was never closed") {
        let closer = match message.chars().nth(1) {
            Some('[') => "]",
            Some('{') => "}",
            _ => ")",
        };
        add(at_end(closer), "closes the bracket at the end of its line");
        let colon = replace_line(text, line, |old| Some(format!("{}{closer}:", old.trim_end().strip_suffix(':')?)));
        add(colon, "closes the bracket before the `:`");
    } else if message.contains("unmatched") {
        let bracket = message.chars().find(|ch| ")]}".contains(*ch)).unwrap_or(')');
        let without = replace_line(text, line, |old| {
            let at = old.rfind(bracket)?;
            Some(format!("{}{}", &old[..at], &old[at + 1..]))
        });
        add(without, "removes the bracket that nothing opens");
    } else if message.contains("unterminated string literal") {
        for quote in ["\"", "'"] {
            add(at_end(quote), "ends the string at the end of its line");
            let inside = replace_line(text, line, |old| Some(format!("{}{quote})", old.trim_end().strip_suffix(')')?)));
            add(inside, "ends the string before the bracket");
        }
    } else if message.contains("Missing parentheses in call to") {
        let called = replace_line(text, line, |old| {
            let indent = old.len() - old.trim_start().len();
            let (name, rest) = old.trim().split_once(' ')?;
            Some(format!("{}{name}({rest})", &old[..indent]))
        });
        add(called, "calls it with parentheses");
    } else if message.contains("Maybe you meant '=='") {
        let compared = replace_line(text, line, |old| old.contains(" = ").then(|| old.replacen(" = ", " == ", 1)));
        add(compared, "compares with `==`");
    } else if message.contains("unexpected indent") || message.contains("unindent does not match") {
        let above = text.lines().take(line).filter(|line| !line.trim().is_empty()).last().unwrap_or_default();
        let indent: String = above.chars().take_while(|ch| ch.is_whitespace()).collect();
        add(
            replace_line(text, line, |old| Some(format!("{indent}{}", old.trim_start()))),
            "indents it as the line above",
        );
    } else if message.contains("expected an indented block") {
        let head = text.lines().take(line).filter(|line| !line.trim().is_empty()).last().unwrap_or_default();
        let indent: String = head.chars().take_while(|ch| ch.is_whitespace()).collect();
        add(replace_line(text, line, |old| Some(format!("{indent}    {}", old.trim_start()))), "indents the block");
    }
    found
}

/// A Rust file with a bracket too few.
fn delimiter(text: &str, message: &str) -> Vec<(String, String)> {
    if !message.contains("unclosed delimiter") {
        return Vec::new();
    }
    [("}\n", "`}`"), (")\n", "`)`"), ("}\n}\n", "`}}`")]
        .map(|(closer, name)| (format!("{}\n{closer}", text.trim_end()), format!("adds {name} at the end")))
        .into()
}

/// An unknown name or attribute for which Python, or its library, knows a likely one.
fn names(text: &str, line: usize, message: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let quoted: Vec<&str> = message.split('\'').skip(1).step_by(2).collect();
    let Some(unknown) = quoted.first() else { return found };
    if let Some((_, guess)) = message.split_once("Did you mean: '") {
        let guess = guess.split('\'').next().unwrap_or_default();
        let wrong = if message.starts_with("AttributeError") { quoted.get(1).unwrap_or(unknown) } else { unknown };
        if let Some(new) = replace_line(text, line, |old| replace_word(old, wrong, guess)) {
            found.push((new, format!("writes `{guess}` for `{wrong}`")));
        }
    }
    if message.starts_with("NameError") {
        let import = if MODULES.contains(unknown) {
            Some(format!("import {unknown}\n"))
        } else {
            NAMES
                .iter()
                .find(|(name, _)| name == unknown)
                .map(|(name, module)| format!("from {module} import {name}\n"))
        };
        if let Some(import) = import {
            found.push((with_import(text, &import), format!("adds `{}`", import.trim())));
        }
    }
    found
}

/// `text` with an import below its docstring, its `from __future__` lines and the comments at its start.
fn with_import(text: &str, import: &str) -> String {
    let first = text.lines().position(|line| line.starts_with("import ") || line.starts_with("from "));
    let is_future = |line: &str| line.starts_with("from __future__");
    let after_future = text.lines().collect::<Vec<_>>().iter().rposition(|line| is_future(line)).map(|at| at + 1);
    let comments = text.lines().take_while(|line| line.starts_with('#')).count();
    let at = after_future.or(first).unwrap_or(comments);
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    lines.insert(at.min(lines.len()), import);
    lines.concat()
}

fn replace_line(text: &str, line: usize, change: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    let old = lines.get(line)?.clone();
    let (body, end) = old.strip_suffix('\n').map_or((old.as_str(), ""), |body| (body, "\n"));
    lines[line] = format!("{}{end}", change(body)?);
    Some(lines.concat())
}

fn replace_word(line: &str, from: &str, to: &str) -> Option<String> {
    let is_word = |ch: char| ch == '_' || ch.is_alphanumeric();
    let at = line.match_indices(from).map(|(at, _)| at).find(|&at| {
        let before = line[..at].chars().next_back();
        let after = line[at + from.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })?;
    Some(format!("{}{to}{}", &line[..at], &line[at + from.len()..]))
}

/// The code of a line, and the comment after it. A `#` in a string is taken for one too, and then nothing is lost but a try.
fn split_comment(line: &str) -> (&str, &str) {
    line.find(" #").map_or((line, ""), |at| line.split_at(at))
}

#[cfg(test)]
mod tests;

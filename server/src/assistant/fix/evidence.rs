//! What the model is shown: of which file, and what else is known of the problem. All deterministic.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use halfline_context::Snapshot;

use super::super::diagnostic::{Diagnostic, Severity};
use super::super::output::{Findings, Frame};
use super::check::{Outcome, Probed};
use super::items;
use super::prompt::Problem;

/// Errors that one prompt shows.
const MOST_ERRORS: usize = 3;
/// Lines of one error that are shown.
const ERROR_LINES: usize = 24;
/// Characters of the general explanation that are shown.
const HELP_CHARS: usize = 1800;
/// Places that a failed test is said to have gone through, the innermost ones.
const MOST_FRAMES: usize = 8;
/// Lines of a program's output that are shown where nothing in it is understood.
const OUTPUT_LINES: usize = 30;
/// Functions of one file that a failing test may lead to.
const MOST_FUNCTIONS: usize = 8;
/// Files of a project that are searched for what a failing test names.
const MOST_SEARCHED: usize = 1000;
/// A statement with more lines is a block, and only its first line is looked at.
const STATEMENT_LINES: usize = 30;
/// Lines of a failing test that are shown.
const TEST_LINES: usize = 25;

/// A place where the mistake may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Suspect {
    /// The file, relative to the root.
    pub(super) path: PathBuf,
    /// Lines of it, from 0, the first one the likeliest.
    pub(super) lines: Vec<usize>,
}

/// Reads a file as it is at present; `None` for what is no file of the project.
pub(super) type Read<'a> = &'a dyn Fn(&Path) -> Option<String>;

/// Where the mistake may be that makes a compiler reject the code, the likeliest file first.
pub(super) fn suspects_of_errors(outcome: &Outcome, first: &Diagnostic, read: Read<'_>) -> Vec<Suspect> {
    let findings = &outcome.findings;
    let mut suspects: Vec<Suspect> = Vec::new();
    let mut add = |path: &Path, line: usize| {
        if read(path).is_none() {
            return;
        }
        match suspects.iter_mut().find(|suspect| suspect.path == path) {
            Some(suspect) if !suspect.lines.contains(&line) => suspect.lines.push(line),
            Some(_) => {}
            None => suspects.push(Suspect { path: path.to_owned(), lines: vec![line] }),
        }
    };
    add(&first.path, first.start.line as usize);
    let at = findings.diagnostics.iter().position(|one| one == first);
    for (path, line) in at.and_then(|at| findings.places.get(at)).into_iter().flatten() {
        add(path, *line);
    }
    for other in outcome.errors().filter(|one| one.path == first.path).take(MOST_ERRORS) {
        add(&other.path, other.start.line as usize);
    }
    suspects
}

/// Where the mistake may be that makes a test fail: the frames that are no tests, the innermost first; what the failing
/// line names, in the same file or else in one of `others`; what ran.
pub(super) fn suspects_of_failures(
    outcome: &Outcome,
    probed: &Probed,
    others: &[PathBuf],
    is_code: &dyn Fn(&Path) -> bool,
    read: Read<'_>,
) -> Vec<Suspect> {
    let mut suspects: Vec<Suspect> = Vec::new();
    let mut add = |path: &Path, line: usize| {
        let same = suspects.iter_mut().find(|suspect| suspect.path == path);
        match same {
            Some(suspect) if !suspect.lines.contains(&line) => suspect.lines.push(line),
            Some(_) => {}
            None => suspects.push(Suspect { path: path.to_owned(), lines: vec![line] }),
        }
    };
    let in_test = |path: &Path, line: usize| {
        let Some(text) = read(path) else { return true };
        let snapshot = Snapshot::of_text(Some(path.to_owned()), &text);
        items::at_line(&items::items(&snapshot), line)
            .is_some_and(|(item, member)| item.is_test || member.is_some_and(|one| one.is_test))
    };
    for failure in &outcome.findings.failures {
        for frame in failure.frames.iter().rev().filter(|frame| is_code(&frame.path)) {
            let line = frame.line.saturating_sub(1);
            if !in_test(&frame.path, line) {
                add(&frame.path, line);
            }
        }
    }
    // The names on the failing lines, and what of the project they are.
    let names: BTreeSet<String> =
        outcome.findings.failures.iter().flat_map(|failure| words_at(&failure.frames, read)).collect();
    let is_named = |frame: &&Frame| frame.function.as_ref().is_some_and(|name| names.contains(name));
    let ran: Vec<&Frame> = probed.functions.iter().filter(|frame| is_code(&frame.path)).collect();
    for frame in ran.iter().copied().filter(is_named).chain(ran.iter().copied()) {
        add(&frame.path, frame.line.saturating_sub(1));
    }
    let mut files: Vec<PathBuf> =
        outcome.findings.failures.iter().flat_map(|failure| &failure.frames).map(|frame| frame.path.clone()).collect();
    files.dedup();
    for path in files.iter().filter(|path| is_code(path)) {
        for line in functions_named(path, names.clone(), read) {
            add(path, line);
        }
    }
    if !suspects.is_empty() {
        return suspects;
    }
    // A test in a file of its own: what it names is somewhere else.
    let elsewhere = others.iter().filter(|path| is_code(path) && !files.contains(path)).take(MOST_SEARCHED);
    let mut found: Vec<Suspect> = elsewhere
        .map(|path| Suspect { path: path.clone(), lines: functions_named(path, names.clone(), read) })
        .filter(|suspect| !suspect.lines.is_empty())
        .collect();
    // Where more of the names are, it is likelier to be.
    found.sort_by_key(|suspect| std::cmp::Reverse(suspect.lines.len()));
    found
}

/// Where the functions of `path` begin that `names` has, and those that they call themselves in the same file: lines from 0,
/// what was named first, what it calls after it.
fn functions_named(path: &Path, names: BTreeSet<String>, read: Read<'_>) -> Vec<usize> {
    // Where a function is defined or called, these follow its name; most files are not worth parsing.
    let has =
        |text: &str| names.iter().any(|name| ["(", "<"].iter().any(|next| text.contains(&format!("{name}{next}"))));
    let Some(text) = read(path).filter(|text| has(text)) else { return Vec::new() };
    let snapshot = Snapshot::of_text(Some(path.to_owned()), &text);
    let items = items::items(&snapshot);
    let all = items.iter().flat_map(|item| std::iter::once(item).chain(&item.members));
    let functions: Vec<_> = all.filter(|item| item.is_function() && !item.is_test).collect();
    let mut lines = Vec::new();
    let mut next = names;
    while !next.is_empty() && lines.len() < MOST_FUNCTIONS {
        let mut called = BTreeSet::new();
        for function in functions.iter().filter(|function| next.contains(&function.name)) {
            if !lines.contains(&function.lines.0) {
                lines.push(function.lines.0);
                called.extend(words(text.get(function.bytes.clone()).unwrap_or_default()));
            }
        }
        next = called;
    }
    lines.truncate(MOST_FUNCTIONS);
    lines
}

/// What is known of the errors in `path`.
pub(super) fn problem_of_errors(outcome: &Outcome, first: &Diagnostic, path: &Path) -> Problem {
    let others = outcome.errors().filter(|one| *one != first && one.path == path);
    let errors: Vec<&Diagnostic> = std::iter::once(first).chain(others).take(MOST_ERRORS).collect();
    let told = errors.iter().map(|error| told(error, &outcome.findings));
    let message = told.collect::<Vec<_>>().join("\n");
    let help = first.code.as_ref().and_then(|code| outcome.findings.explanations.get(code)).map(|text| condensed(text));
    Problem { message, help, others: Vec::new(), is_test: false }
}

/// What is known of the failed tests.
pub(super) fn problem_of_failures(outcome: &Outcome, probed: &Probed, command: &[String], read: Read<'_>) -> Problem {
    let findings = &outcome.findings;
    let mut message = format!("$ {}\n", command.join(" "));
    for failure in findings.failures.iter().take(2) {
        if !failure.name.is_empty() {
            message += &format!("test {} failed\n", failure.name);
        }
        // What calls itself is there again and again.
        let mut frames: Vec<&Frame> = Vec::new();
        for frame in failure.frames.iter().rev() {
            if !frames.iter().any(|known| (&known.path, known.line) == (&frame.path, frame.line)) {
                frames.push(frame);
            }
        }
        for frame in frames.into_iter().take(MOST_FRAMES).rev() {
            let line = read(&frame.path)
                .and_then(|text| text.lines().nth(frame.line.saturating_sub(1)).map(|line| line.trim().to_owned()));
            if let Some(line) = line {
                message += &format!("{}:{}: {}\n", frame.path.display(), frame.line, cut(&line, 300));
            }
        }
        message += &format!("{}\n", cut(&failure.message, 1200));
    }
    if findings.failures.is_empty() {
        let lines: Vec<&str> = findings.text.lines().filter(|line| !line.trim().is_empty()).collect();
        message += &lines[lines.len().saturating_sub(OUTPUT_LINES)..].join("\n");
    }
    if outcome.timed_out {
        message += "\nIt did not end in time: something in it loops for ever.";
    }
    if let Some(values) = &probed.values {
        message += &format!("{values}\n");
    }
    Problem { message, help: None, others: test_source(findings, read).into_iter().collect(), is_test: true }
}

/// The code of the first failing test around the place where it fails.
fn test_source(findings: &Findings, read: Read<'_>) -> Option<(String, String)> {
    let failure = findings.failures.first()?;
    let frame = failure.frames.iter().find(|frame| read(&frame.path).is_some())?;
    let text = read(&frame.path)?;
    let line = frame.line.saturating_sub(1);
    let snapshot = Snapshot::of_text(Some(frame.path.clone()), &text);
    let items = items::items(&snapshot);
    let (first, last) = match items::at_line(&items, line) {
        Some((item, member)) if item.is_test || member.is_some_and(|one| one.is_test) => member.unwrap_or(item).lines,
        _ => return None,
    };
    let first = first.max(line.saturating_sub(TEST_LINES / 2));
    let kept: Vec<&str> = text.lines().skip(first).take((last + 1 - first).min(TEST_LINES)).collect();
    Some((format!("The test, {}", frame.path.display()), kept.join("\n")))
}

/// The words of the statements at `frames`.
fn words_at(frames: &[Frame], read: Read<'_>) -> BTreeSet<String> {
    let statements = frames.iter().filter_map(|frame| {
        let snapshot = Snapshot::of_text(Some(frame.path.clone()), &read(&frame.path)?);
        Some(statement_at(&snapshot, frame.line.saturating_sub(1)))
    });
    statements.flat_map(|statement| words(&statement)).collect()
}

/// The text of what begins on `line` (from 0), to its end as far as that is no block of many lines.
fn statement_at(snapshot: &Snapshot, line: usize) -> String {
    let text = snapshot.rope().to_string();
    let Some(own) = text.lines().nth(line) else { return String::new() };
    let column = own.len() - own.trim_start().len();
    let at = tree_sitter::Point::new(line, column);
    let Some(tree) = snapshot.tree() else { return own.to_owned() };
    let mut node = tree.root_node().descendant_for_point_range(at, at);
    while let Some(parent) = node.and_then(|node| node.parent()).filter(|parent| parent.start_position().row == line) {
        node = Some(parent);
    }
    let whole = node.and_then(|node| text.get(node.byte_range())).unwrap_or_default();
    if whole.lines().count() > STATEMENT_LINES { own.to_owned() } else { format!("{own}\n{whole}") }
}

/// What can be a name in `text`.
fn words(text: &str) -> BTreeSet<String> {
    let all = text.split(|ch: char| ch != '_' && !ch.is_alphanumeric());
    all.filter(|word| word.starts_with(|ch: char| ch == '_' || ch.is_alphabetic())).map(str::to_owned).collect()
}

/// An error as its compiler prints it. Of one that was printed as text, what was printed.
fn told(error: &Diagnostic, findings: &Findings) -> String {
    let text = match &error.rendered {
        Some(rendered) => rendered.clone(),
        None => {
            let lines: Vec<&str> = findings.text.lines().collect();
            let at = lines.iter().position(|line| line.contains(&error.message) && line.starts_with("error"));
            let end = at.map(|at| {
                lines[at..].iter().position(|line| line.trim().is_empty()).map_or(lines.len(), |length| at + length)
            });
            match (at, end) {
                (Some(at), Some(end)) => lines[at..end].join("\n"),
                _ => error.text(),
            }
        }
    };
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).take(ERROR_LINES).collect();
    lines.join("\n")
}

/// The compiler's explanation of a code without its first example, which shows the mistake that is known, and without
/// what is over the limit.
fn condensed(explanation: &str) -> String {
    let mut kept = String::new();
    let mut fences = 0;
    let mut in_wrong = false;
    for line in explanation.lines() {
        if line.starts_with("```") {
            fences += 1;
            if fences % 2 == 1 {
                in_wrong = line.contains("compile_fail");
            } else if in_wrong {
                in_wrong = false;
                continue;
            }
        }
        if in_wrong || line.starts_with("Erroneous code example") {
            continue;
        }
        if kept.len() + line.len() > HELP_CHARS {
            break;
        }
        kept += line;
        kept.push('\n');
    }
    kept
}

fn cut(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// The diagnostics of `outcome` that are meant by a question about `line` of `path`: the errors there, else the warnings
/// there, else the first error of the file, else the first error. Where `message` is said of the file, it is what is meant.
pub(super) fn meant<'a>(
    outcome: &'a Outcome,
    path: Option<&Path>,
    line: Option<usize>,
    message: Option<&str>,
) -> Option<&'a Diagnostic> {
    let all = &outcome.findings.diagnostics;
    let in_file = |one: &&Diagnostic| path.is_some_and(|path| one.path == path);
    let here = |severity: Severity| {
        let line = line?;
        all.iter().filter(in_file).find(|one| one.severity == severity && one.touches(line))
    };
    // Editors show the notes below a message as lines of it.
    let head = message.and_then(|message| message.lines().next());
    let is_said = |one: &&Diagnostic| head.is_some() && one.message.lines().next() == head;
    let said = || all.iter().filter(in_file).filter(is_said);
    said()
        .find(|one| line.is_none_or(|line| one.touches(line)))
        .or_else(|| said().next())
        .or_else(|| here(Severity::Error))
        .or_else(|| here(Severity::Warning))
        .or_else(|| outcome.errors().find(in_file))
        .or_else(|| outcome.errors().next())
}

//! The result: the change as a diff, how far it is proved, and what it cost.

use std::path::Path;
use std::time::Duration;

use halfline_inference::TokenStats;
use serde::Serialize;
use similar::TextDiff;

use super::super::cite::Citation;
use super::check::Outcome;
use super::search::{Candidate, Search, Source};
use super::{Spent, Texts};
use crate::assistant::{self, Failed, ToolUse};

/// How far a fix is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The check that failed passes, nothing new fails, and nothing about the change is suspicious.
    Verified,
    /// Less is wrong than before and nothing new is, or the check passes by a change that is suspicious.
    PartlyVerified,
    /// It was not shown to help.
    Unverified,
}

/// What was wrong at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Errors of compilers.
    pub errors: usize,
    /// Tests, or programs, that failed.
    pub failures: usize,
    /// Whether the command exited with 0.
    pub passed: bool,
}

/// One command, before and after.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CheckReport {
    /// The command.
    pub command: Vec<String>,
    /// What it said of the user's files; where tests are written, of the code with the function's body taken out.
    pub before: Count,
    /// What it said of the changed copy.
    pub after: Count,
    /// How long the last run took, in seconds.
    pub seconds: f64,
}

/// Who wrote the fix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Route {
    /// The model; `null` where none was needed.
    pub model: Option<String>,
    /// `local` or `remote`; `null` where none was needed.
    pub engine: Option<&'static str>,
    /// Where it runs, when that is elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Why, in words.
    pub why: String,
    /// Engines that were asked first and failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<Failed>,
}

impl Route {
    /// No model was needed, and why.
    pub(super) fn without_model(why: String) -> Route {
        Route { model: None, engine: None, host: None, why, failed: Vec::new() }
    }

    /// The model that `route` leads to; `reason` says why one was asked at all, the route why that one.
    pub(super) fn of(route: Option<assistant::Route>, reason: &str) -> Route {
        let Some(route) = route else { return Route::without_model(reason.to_owned()) };
        let why = if reason.is_empty() { route.why } else { format!("{reason}; {}", route.why) };
        Route { model: Some(route.model), engine: Some(route.engine), host: route.host, why, failed: route.failed }
    }
}

/// Where the time went, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct FixTimings {
    /// Copying, and the first run of the check.
    pub evidence: f64,
    /// The model.
    pub model: f64,
    /// The checks of candidates.
    pub checks: f64,
    /// All of it.
    pub total: f64,
}

/// A fix, or the best that was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fix {
    /// The change as a unified diff, paths relative to the root.
    pub diff: String,
    /// Whether it is proved without reservation.
    pub verified: bool,
    /// How far it is proved.
    pub verdict: Verdict,
    /// What is suspicious about it.
    pub marks: Vec<String>,
    /// The commands that were run.
    pub checks: Vec<CheckReport>,
    /// What was wrong and what the change does, in a few sentences.
    pub explanation: String,
    /// The places it names.
    pub citations: Vec<Citation>,
    /// Times that the model was asked.
    pub attempts: usize,
    /// Who wrote it.
    pub route: Route,
    /// The tools that its model called, in all attempts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolUse>,
    /// Tokens, all attempts together.
    pub tokens: TokenStats,
    /// Where the time went.
    pub timings_ms: FixTimings,
    /// The texts it starts from.
    #[serde(skip)]
    pub before: Texts,
    /// The new texts.
    #[serde(skip)]
    pub after: Texts,
}

impl Fix {
    /// How far it is proved, as a sentence for people.
    pub fn verdict_in_words(&self) -> String {
        let verdict = match self.verdict {
            Verdict::Verified => "Verified",
            Verdict::PartlyVerified => "Partly verified",
            Verdict::Unverified => "Unverified",
        };
        if self.marks.is_empty() { format!("{verdict}.") } else { format!("{verdict} ({}).", self.marks.join(", ")) }
    }
}

/// The report on `candidate`, which `search` found.
pub(super) fn report(search: &Search, candidate: Candidate, spent: Spent, evidence: Duration, total: Duration) -> Fix {
    let before: Texts =
        candidate.texts.keys().filter_map(|path| Some((path.clone(), search.original(path)?))).collect();
    let diff = unified(&before, &candidate.texts);
    let verdict = search.verdict(&candidate);
    let (explanation, citations) = explain(search, &candidate, verdict, &before);
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let route = match &candidate.source {
        Source::Compiler(message) => Route::without_model(format!("the compiler suggests it: {message}")),
        Source::Repair(done) => Route::without_model(format!("the message makes it plain: {done}")),
        Source::Slip(done) => Route::without_model(format!("one small change makes the test pass: {done}")),
        Source::Model(route) => Route::of(Some(route.clone()), "nothing simpler passed the check"),
    };
    Fix {
        diff,
        verified: verdict == Verdict::Verified,
        verdict,
        marks: candidate.marks.clone(),
        checks: vec![CheckReport {
            command: search.task().check.argv.clone(),
            before: count(search.baseline()),
            after: count(&candidate.outcome),
            seconds: candidate.outcome.time.as_secs_f64(),
        }],
        explanation,
        citations,
        attempts: spent.attempts,
        route,
        tools: spent.tools,
        tokens: spent.tokens,
        timings_ms: FixTimings {
            evidence: ms(evidence),
            model: ms(spent.model_time),
            checks: ms(spent.check_time),
            total: ms(total),
        },
        before,
        after: candidate.texts,
    }
}

/// The change from `before` to `after` as a unified diff that `git apply` and `patch -p1` take.
pub(super) fn unified(before: &Texts, after: &Texts) -> String {
    let mut all = String::new();
    for (path, new) in after {
        let old = before.get(path).map_or("", String::as_str);
        if old != new {
            // A file that is new comes from nowhere.
            let is_new = !before.contains_key(path);
            let path = path.to_string_lossy().replace('\\', "/");
            let from = if is_new { "/dev/null".to_owned() } else { format!("a/{path}") };
            let diff = TextDiff::from_lines(old, new);
            all += &diff.unified_diff().context_radius(3).header(&from, &format!("b/{path}")).to_string();
        }
    }
    all
}

/// What was wrong in `outcome`.
pub(super) fn count(outcome: &Outcome) -> Count {
    Count { errors: outcome.errors().count(), failures: outcome.findings.failures.len(), passed: outcome.passed }
}

/// What was wrong, what changed, and what the check says now; and the places that this names, all of them read from the
/// files themselves.
fn explain(search: &Search, candidate: &Candidate, verdict: Verdict, before: &Texts) -> (String, Vec<Citation>) {
    let mut citations: Vec<Citation> = Vec::new();
    let mut cite = |path: &Path, line: usize| {
        let path = path.to_string_lossy().replace('\\', "/");
        let citation = Citation { path: path.clone(), line, symbol: None, ok: true };
        if !citations.contains(&citation) {
            citations.push(citation);
        }
        format!("`{path}:{line}`")
    };
    let baseline = search.baseline();
    let mut text = match (search.target(), baseline.findings.failures.first()) {
        (Some(error), _) => {
            let place = if error.path.as_os_str().is_empty() {
                String::new()
            } else {
                format!("{}: ", cite(&error.path, error.start.line as usize + 1))
            };
            let code = error.code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
            format!("{place}{}{code}.", error.message.trim_end_matches('.'))
        }
        (None, Some(failure)) => {
            let own = failure.frames.iter().rev().find(|frame| search.original(&frame.path).is_some());
            let place = own.map(|frame| format!("{}: ", cite(&frame.path, frame.line))).unwrap_or_default();
            let message: Vec<&str> =
                failure.message.lines().map(str::trim).filter(|line| !line.is_empty()).take(3).collect();
            format!("{place}{}.", message.join("; ").trim_end_matches('.'))
        }
        (None, None) => format!("`{}` fails.", search.task().check.argv.join(" ")),
    };
    for (path, new) in &candidate.texts {
        let old = before.get(path).map_or("", String::as_str);
        let diff = TextDiff::from_lines(old, new);
        // Beyond a few changes the diff itself says it better.
        for group in diff.grouped_ops(0).iter().take(4) {
            let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
            let lines = first.old_range().start..last.old_range().end;
            let end = old.lines().count().max(1);
            let place = cite(path, (lines.start + 1).min(end));
            text += &match lines.len() {
                0 => format!(" Adds lines at {place}."),
                1 => format!(" Changes {place}."),
                many => format!(" Changes {many} lines from {place}."),
            };
        }
    }
    let command = search.task().check.argv.join(" ");
    text += &match verdict {
        Verdict::Verified if candidate.outcome.passed => format!(" With this `{command}` passes."),
        Verdict::Verified => format!(
            " With this the error is gone; `{command}` still reports {} that were there before.",
            candidate.outcome.count()
        ),
        Verdict::PartlyVerified if candidate.outcome.passed => {
            format!(" With this `{command}` passes, but look closely: it {}.", candidate.marks.join(", "))
        }
        Verdict::PartlyVerified => {
            format!(" With this `{command}` reports {} instead of {}.", candidate.outcome.count(), baseline.count())
        }
        Verdict::Unverified => format!(" `{command}` still fails with this: it is a guess."),
    };
    (text, citations)
}

//! The result: the change as a diff, how far it is proved, and what it cost.

use std::path::Path;
use std::time::Duration;

use halfline_inference::TokenStats;
use serde::Serialize;
use serde_json::{Value, json};
use similar::TextDiff;

use super::super::cite::Citation;
use super::super::prompt::fence_for;
use super::check::Outcome;
use super::search::{Candidate, Finding, Search, Source, Touched, Written};
use super::{Texts, unable};
use crate::assistant::{self, Evidence, Failed, ToolUse};
use crate::recent::{Entry, Kind};

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
    /// What it said of the user's files; where tests are written, of the code with the function's body taken out. `null` where it ran
    /// only afterwards, and passed.
    pub before: Option<Count>,
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
    /// The name under which [`Recent`](crate::recent::Recent) has what it rests on.
    pub id: String,
    /// The change as a unified diff, paths relative to the root; empty where none was found.
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
    /// The end of what the check prints, where no change makes it pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
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

    /// What is to be said of it, in Markdown.
    pub fn in_words(&self) -> String {
        let mut words = if self.diff.is_empty() { String::new() } else { format!("{} ", self.verdict_in_words()) };
        words += &self.explanation;
        if let Some(output) = &self.output {
            let mark = fence_for(output);
            words += &format!("\n\n{mark}text\n{output}\n{mark}");
        }
        words
    }
}

/// The report on what `search` found.
pub(super) fn report(search: &Search, evidence: Duration, total: Duration) -> Fix {
    let best = search.best();
    let after = best.map(|candidate| candidate.texts.clone()).unwrap_or_default();
    let before: Texts = after.keys().filter_map(|path| Some((path.clone(), search.original(path)?))).collect();
    let verdict = best.map_or(Verdict::Unverified, |candidate| search.verdict(candidate));
    let (explanation, citations) = explain(search, verdict, &before, total);
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let route = match best.map(|candidate| &candidate.source) {
        None => Route::without_model(format!("no fix found: {}", search.reason())),
        Some(Source::Compiler(message)) => Route::without_model(format!("the compiler suggests it: {message}")),
        Some(Source::Repair(done)) => Route::without_model(format!("the message makes it plain: {done}")),
        Some(Source::Slip(done)) => Route::without_model(format!("one small change makes the test pass: {done}")),
        Some(Source::Model(written)) => Route::of(Some(written.route.clone()), "nothing simpler passed the check"),
    };
    let spent = search.spent();
    Fix {
        id: String::new(),
        diff: unified(&before, &after),
        verified: verdict == Verdict::Verified,
        verdict,
        marks: best.map(|candidate| candidate.marks.clone()).unwrap_or_default(),
        checks: checks(search),
        explanation,
        output: (verdict == Verdict::Unverified).then(|| unable::tail(search.baseline())),
        citations,
        attempts: spent.attempts,
        route,
        tools: spent.tools.clone(),
        tokens: spent.tokens,
        timings_ms: FixTimings {
            evidence: ms(evidence),
            model: ms(spent.model_time),
            checks: ms(spent.check_time),
            total: ms(total),
        },
        before,
        after,
    }
}

/// What `fix` rests on, for whoever asks why: what a model `written` has, and the places that it was shown.
pub(super) fn entry(fix: &Fix, written: Option<&Written>, sources: Vec<Evidence>) -> Entry {
    Entry {
        kind: Kind::Answer,
        prompt: written.map(|written| written.prompt.clone()).unwrap_or_default(),
        sources,
        text: written.map_or_else(|| fix.diff.clone(), |written| written.answer.clone()),
        citations: fix.citations.clone(),
        model: written.map(|written| written.route.model.clone()).unwrap_or_default(),
        route: written.map(|written| written.route.clone()),
        notes: vec![fix.route.why.clone(), fix.verdict_in_words()],
        tokens: fix.tokens,
        timings_ms: json!(fix.timings_ms),
        stopped: Value::Null,
    }
}

/// The commands that were run, with what they said.
fn checks(search: &Search) -> Vec<CheckReport> {
    let (best, baseline) = (search.best(), search.baseline());
    let last = best.map_or(baseline, |candidate| &candidate.outcome);
    let first = CheckReport {
        command: search.task().check.argv.clone(),
        before: Some(count(baseline)),
        after: count(last),
        seconds: last.time.as_secs_f64(),
    };
    let wider = best.and_then(|candidate| candidate.touched.as_ref());
    let wider = wider.filter(|touched| touched.finding != Finding::Unknown).map(|touched| CheckReport {
        command: touched.check.argv.clone(),
        before: touched.before.as_ref().map(count),
        after: count(&touched.after),
        seconds: touched.after.time.as_secs_f64(),
    });
    std::iter::once(first).chain(wider).collect()
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

/// What was wrong, what changed, and what the check says now, or what was tried in vain; and the places that this names, all of
/// them read from the files themselves.
fn explain(search: &Search, verdict: Verdict, before: &Texts, total: Duration) -> (String, Vec<Citation>) {
    let mut cited = Cited::default();
    let mut text = problem(search, &mut cited);
    match search.best() {
        Some(candidate) => {
            text += &changes(&candidate.texts, before, &mut cited);
            text += &outcome(search, candidate, verdict);
            text += &candidate.touched.as_ref().map(around).unwrap_or_default();
        }
        None => {
            let (seconds, tried) = (total.as_secs_f64(), search.tried_in_words());
            text += &format!(" No fix found in {seconds:.0} s: {}. Tried in vain: {tried}.", search.reason());
        }
    }
    (text, cited.0)
}

/// Places that a text names.
#[derive(Default)]
struct Cited(Vec<Citation>);

impl Cited {
    /// A place as the text has it.
    fn place(&mut self, path: &Path, line: usize) -> String {
        let path = path.to_string_lossy().replace('\\', "/");
        let citation = Citation { path: path.clone(), line, symbol: None, ok: true };
        if !self.0.contains(&citation) {
            self.0.push(citation);
        }
        format!("`{path}:{line}`")
    }
}

/// What was wrong.
fn problem(search: &Search, cited: &mut Cited) -> String {
    match (search.target(), search.baseline().findings.failures.first()) {
        (Some(error), _) => {
            let place = if error.path.as_os_str().is_empty() {
                String::new()
            } else {
                format!("{}: ", cited.place(&error.path, error.start.line as usize + 1))
            };
            let code = error.code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
            format!("{place}{}{code}.", error.message.trim_end_matches('.'))
        }
        (None, Some(failure)) => {
            let own = failure.frames.iter().rev().find(|frame| search.original(&frame.path).is_some());
            let place = own.map(|frame| format!("{}: ", cited.place(&frame.path, frame.line))).unwrap_or_default();
            let message: Vec<&str> =
                failure.message.lines().map(str::trim).filter(|line| !line.is_empty()).take(3).collect();
            format!("{place}{}.", message.join("; ").trim_end_matches('.'))
        }
        (None, None) => format!("`{}` fails.", search.task().check.in_words()),
    }
}

/// Where `after` differs from `before`.
fn changes(after: &Texts, before: &Texts, cited: &mut Cited) -> String {
    let mut text = String::new();
    for (path, new) in after {
        let old = before.get(path).map_or("", String::as_str);
        let diff = TextDiff::from_lines(old, new);
        // Beyond a few changes the diff itself says it better.
        for group in diff.grouped_ops(0).iter().take(4) {
            let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
            let lines = first.old_range().start..last.old_range().end;
            let end = old.lines().count().max(1);
            let place = cited.place(path, (lines.start + 1).min(end));
            text += &match lines.len() {
                0 => format!(" Adds lines at {place}."),
                1 => format!(" Changes {place}."),
                many => format!(" Changes {many} lines from {place}."),
            };
        }
    }
    text
}

/// What the check says of `candidate`.
fn outcome(search: &Search, candidate: &Candidate, verdict: Verdict) -> String {
    let (command, baseline) = (search.task().check.in_words(), search.baseline());
    match verdict {
        Verdict::Verified if !candidate.outcome.passed => format!(
            " With this the error is gone; `{command}` still reports {} that were there before.",
            candidate.outcome.count()
        ),
        Verdict::Verified => format!(" With this `{command}` passes."),
        Verdict::PartlyVerified if candidate.outcome.passed && candidate.marks.is_empty() => {
            format!(" With this `{command}` passes.")
        }
        Verdict::PartlyVerified if candidate.outcome.passed => {
            format!(" With this `{command}` passes, but look closely: it {}.", candidate.marks.join(", "))
        }
        Verdict::PartlyVerified => {
            format!(" With this `{command}` reports {} instead of {}.", candidate.outcome.count(), baseline.count())
        }
        Verdict::Unverified => {
            let tried = search.tried_in_words();
            format!(" `{command}` still fails with this: it is a guess, the best of what was tried ({tried}).")
        }
    }
}

/// What was found about the code around a change.
fn around(touched: &Touched) -> String {
    let command = touched.check.in_words();
    match &touched.finding {
        Finding::Fine if touched.after.passed => format!(" So does `{command}`."),
        Finding::Fine => format!(" `{command}` fails as it did before."),
        Finding::Broken(_) => format!(" `{command}` did not fail so before."),
        Finding::Unclear => format!(
            " `{command}` reports {} with it; whether they were there before is not known, since it did not come so far.",
            touched.after.count()
        ),
        Finding::Unknown => format!(" `{command}` did not come to an end that says more."),
    }
}

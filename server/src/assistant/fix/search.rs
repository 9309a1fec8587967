//! The search: candidates, best first, each tried in the scratch copy, until one is proved or the time is over.

mod first;
mod model;
mod simple;
mod touched;
mod trial;
mod why;

use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, Instant};

use halfline_context::Snapshot;

use super::super::diagnostic::{Diagnostic, Severity};
use super::super::{Evidence, Update};
use super::check::{Outcome, error_key};
use super::report::Verdict;
use super::scratch::Scratch;
use super::{Author, FixError, FixLimits, Spent, Task, Texts, items, judge, slips};
use first::First;
use model::Models;
pub(super) use model::Written;
pub(super) use touched::{Finding, Touched};
use why::Tried;

/// How long the check of a candidate may take where the first one took almost nothing.
const LEAST_CHECK: Duration = Duration::from_secs(5);
/// How much slower than the first check one of a candidate may be.
const CHECK_FACTOR: u32 = 4;

/// Of the time, what trying the likeliest small changes may take before a model is asked: one over this.
const LIKELY_SHARE: u32 = 4;

/// A first run of a compiler that takes longer has built other people's code.
const LONG_BUILD: Duration = Duration::from_secs(5);

/// Who wrote a candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The compiler, which says this of it.
    Compiler(String),
    /// A plain repair, which does this.
    Repair(String),
    /// One small change of code that ran, this one.
    Slip(String),
    /// A model.
    Model(Box<Written>),
}

/// A change that was tried.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    /// The new texts.
    pub(super) texts: Texts,
    /// What the check said of them.
    pub(super) outcome: Outcome,
    /// What is suspicious about them.
    pub(super) marks: Vec<String>,
    /// Who wrote them.
    pub(super) source: Source,
    /// What they do to the code around, where they pass the check and there is more to check.
    pub(super) touched: Option<Touched>,
}

impl Candidate {
    /// What the model wrote that made it.
    pub(super) fn written(&self) -> Option<&Written> {
        match &self.source {
            Source::Model(written) => Some(written),
            Source::Compiler(_) | Source::Repair(_) | Source::Slip(_) => None,
        }
    }
}

/// A search under way.
pub(super) struct Search {
    task: Task,
    limits: FixLimits,
    scratch: Scratch,
    baseline: Outcome,
    /// The problem that is meant, of a compiler's.
    target: Option<Diagnostic>,
    deadline: Instant,
    seen: HashSet<Texts>,
    best: Option<Candidate>,
    spent: Spent,
    tried: Tried,
    /// What the check of the code around said in the beginning, once that was of interest.
    wider_before: Option<Outcome>,
    /// The models, once they were needed.
    models: Option<Models>,
    /// Why there is no more than was found, in words.
    reason: String,
}

impl Search {
    /// Copies the files and runs the check as they are.
    pub(super) async fn begin(
        task: Task,
        limits: &FixLimits,
        sink: &mut (dyn FnMut(Update) + Send),
    ) -> Result<Search, FixError> {
        let failed = |error: std::io::Error| FixError::Copy { root: task.root.clone(), reason: error.to_string() };
        let copy = {
            let (root, extent, open, cache) =
                (task.root.clone(), task.extent.clone(), task.open.clone(), limits.cache.clone());
            tokio::task::spawn_blocking(move || Scratch::new(&root, extent, open, &cache))
        };
        let scratch = copy.await.map_err(|error| failed(std::io::Error::other(error)))?.map_err(failed)?;
        let mut task = task;
        let First { check, baseline, used, target } = First::of(&task, limits, &scratch, sink).await?;
        task.check = check;
        // Building what others wrote is nobody's search.
        let is_build = task.check.is_compile_only() && baseline.time > LONG_BUILD;
        let used = if is_build { Duration::ZERO } else { used };
        let deadline = Instant::now() + limits.time.saturating_sub(used);
        let search = Search {
            task,
            limits: limits.clone(),
            scratch,
            baseline,
            target,
            deadline,
            seen: HashSet::new(),
            best: None,
            spent: Spent::default(),
            tried: Tried::default(),
            wider_before: None,
            models: None,
            reason: "no model was asked".to_owned(),
        };
        search.show_evidence(sink);
        Ok(search)
    }

    /// Looks for a fix, and keeps the best that is found.
    pub(super) async fn run(
        &mut self,
        author: Option<Author>,
        sink: &mut (dyn FnMut(Update) + Send),
    ) -> Result<(), FixError> {
        if self.limits.plain {
            if let Some(models) = models(author, sink, &mut self.reason).await {
                self.ask_plainly(&models, sink).await?;
            }
        } else if !self.try_simple(sink).await? {
            let probed = self.probe(sink).await;
            let until = Instant::now() + self.left() / LIKELY_SHARE;
            self.try_slips(&probed, slips::LIKELY, until, sink).await?;
            if !self.is_proved()
                && let Some(models) = models(author, sink, &mut self.reason).await
            {
                self.try_unlikely(&models, &probed, sink).await?;
                self.try_missing(&models, &probed, sink).await?;
                self.ask_model(&models, &probed, sink).await?;
                self.models = Some(models);
            }
            // What time the models have left, or where there is none, all of it.
            self.try_slips(&probed, u8::MAX, self.deadline, sink).await?;
        }
        Ok(())
    }

    /// The best that was found.
    pub(super) fn best(&self) -> Option<&Candidate> {
        self.best.as_ref()
    }

    /// What the search has cost.
    pub(super) fn spent(&self) -> &Spent {
        &self.spent
    }

    /// Why there is no more than was found, in words.
    pub(super) fn reason(&self) -> &str {
        &self.reason
    }

    /// What is being mended.
    pub(super) fn task(&self) -> &Task {
        &self.task
    }

    /// What the check said in the beginning.
    pub(super) fn baseline(&self) -> &Outcome {
        &self.baseline
    }

    /// The compiler's message that is meant, where it is one.
    pub(super) fn target(&self) -> Option<&Diagnostic> {
        self.target.as_ref()
    }

    /// The text that a file of the project has; `None` for other files.
    pub(super) fn original(&self, path: &Path) -> Option<String> {
        let is_inside =
            path.is_relative() && !path.components().any(|part| matches!(part, std::path::Component::ParentDir));
        is_inside.then(|| self.scratch.original(path).ok()).flatten()
    }

    /// How far `candidate` is proved.
    pub(super) fn verdict(&self, candidate: &Candidate) -> Verdict {
        let (before, after) = (self.baseline.keys(), candidate.outcome.keys());
        let has_new = after.iter().any(|(key, count)| before.get(key).is_none_or(|known| known < count));
        // A compiler that crashed no longer reports the error either.
        let is_comparable = candidate.outcome.is_comparable();
        let is_gone = |error: &Diagnostic| {
            let count = |outcome: &Outcome| {
                outcome.findings.diagnostics.iter().filter(|one| error_key(one) == error_key(error)).count()
            };
            count(&candidate.outcome) < count(&self.baseline)
        };
        let target_gone = self.target.as_ref().filter(|_| self.task.line.is_some()).is_some_and(is_gone);
        let is_warning = self.target.as_ref().is_some_and(|one| one.severity != Severity::Error);
        let is_done = if is_warning {
            candidate.outcome.passed && target_gone
        } else {
            candidate.outcome.passed || target_gone && !has_new && is_comparable
        };
        if is_done {
            let is_sure = candidate.marks.is_empty() && !is_unclear(candidate);
            if is_sure { Verdict::Verified } else { Verdict::PartlyVerified }
        } else if !has_new && is_comparable && candidate.outcome.count() < self.baseline.count() {
            Verdict::PartlyVerified
        } else {
            Verdict::Unverified
        }
    }

    /// The places that the check names.
    pub(super) fn evidence(&self) -> Vec<Evidence> {
        let mut found = Vec::new();
        for error in self.baseline.errors().take(3) {
            let lines = (error.start.line as usize + 1, error.end.line as usize + 1);
            let path = error.path.to_string_lossy().into_owned();
            found.push(Evidence { path, lines, why: error.message.clone() });
        }
        for failure in self.baseline.findings.failures.iter().take(3) {
            let Some(frame) = failure.frames.last() else { continue };
            let message = failure.message.lines().next().unwrap_or_default();
            let why = if failure.name.is_empty() { message.to_owned() } else { format!("{}: {message}", failure.name) };
            let (path, lines) = (frame.path.to_string_lossy().into_owned(), (frame.line, frame.line));
            found.push(Evidence { path, lines, why });
        }
        found
    }

    fn show_evidence(&self, sink: &mut (dyn FnMut(Update) + Send)) {
        let command = self.task.check.in_words();
        self.evidence().into_iter().for_each(|one| sink(Update::Evidence(one)));
        let (errors, failures) = (self.baseline.errors().count(), self.baseline.findings.failures.len());
        sink(Update::Status { text: format!("{command}: {errors} errors, {failures} failures") });
    }

    fn is_over(&self) -> bool {
        Instant::now() >= self.deadline
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Tries `texts`, unless that was done before. Keeps the best candidate of all.
    async fn try_texts(
        &mut self,
        texts: Texts,
        source: Source,
        sink: &mut (dyn FnMut(Update) + Send),
    ) -> Result<Option<Candidate>, FixError> {
        let time = (self.baseline.time * CHECK_FACTOR).max(LEAST_CHECK).min(self.left().max(LEAST_CHECK));
        self.try_for(texts, source, time, sink).await
    }

    /// The same, with a limit of its own for the check.
    async fn try_for(
        &mut self,
        texts: Texts,
        source: Source,
        time: Duration,
        sink: &mut (dyn FnMut(Update) + Send),
    ) -> Result<Option<Candidate>, FixError> {
        let originals: Texts = texts.keys().filter_map(|path| Some((path.clone(), self.original(path)?))).collect();
        if texts == originals || !self.seen.insert(texts.clone()) || self.is_over() {
            return Ok(None);
        }
        let failed = |error: std::io::Error| FixError::Copy { root: self.task.root.clone(), reason: error.to_string() };
        self.scratch.put(&texts).map_err(failed)?;
        let outcome = self.task.check.run(&self.task.root, &self.scratch, time).await.map_err(FixError::Check)?;
        self.spent.check_time += outcome.time;
        *match &source {
            Source::Compiler(_) => &mut self.tried.suggestions,
            Source::Repair(_) => &mut self.tried.repairs,
            Source::Slip(_) => &mut self.tried.slips,
            Source::Model(_) => &mut self.tried.answers,
        } += 1;
        if matches!(source, Source::Slip(_)) && !outcome.passed {
            // That one change makes fewer tests fail says little of it.
            return Ok(None);
        }
        let told = &self.baseline.findings.text;
        let in_tests = self.target.as_ref().is_some_and(|error| items::is_test_file(Some(&error.path)));
        let mut marks = judge::marks(&originals, &texts, told, in_tests || self.target_is_in_test());
        if self.target.is_none() {
            marks.extend(judge::assertions_changed(&originals, &texts));
        }
        if matches!(source, Source::Compiler(_)) {
            // What the compiler is sure about may be code that is one word too many.
            marks.retain(|mark| !mark.starts_with("removes the line"));
        }
        let mut candidate = Candidate { texts, outcome, marks, source, touched: None };
        if candidate.outcome.passed && candidate.marks.is_empty() {
            candidate.touched = self.touched(&originals, &candidate.texts, sink).await?;
            if let Some(Touched { finding: Finding::Broken(what), .. }) = &candidate.touched {
                candidate.marks.push(what.clone());
            }
        }
        if self.best.as_ref().is_none_or(|best| self.rank(&candidate) > self.rank(best)) {
            self.best = Some(candidate.clone());
        }
        Ok(Some(candidate))
    }

    /// Whether the compiler's message is about a test.
    fn target_is_in_test(&self) -> bool {
        let Some(target) = &self.target else { return false };
        let Some(text) = self.original(&target.path) else { return false };
        let items = items::items(&Snapshot::of_text(Some(target.path.clone()), &text));
        let found = items::at_line(&items, target.start.line as usize);
        found.is_some_and(|(item, member)| item.is_test || member.is_some_and(|one| one.is_test))
    }

    /// What makes a candidate better than another, most important first.
    fn rank(&self, candidate: &Candidate) -> (u8, bool, bool, usize, usize) {
        let verdict = match self.verdict(candidate) {
            Verdict::Verified => 3,
            Verdict::PartlyVerified if candidate.outcome.passed => 2,
            Verdict::PartlyVerified => 1,
            Verdict::Unverified => 0,
        };
        (
            verdict,
            candidate.marks.is_empty(),
            candidate.outcome.is_comparable(),
            usize::MAX - candidate.outcome.count(),
            usize::MAX - candidate.marks.len(),
        )
    }

    fn is_proved(&self) -> bool {
        // Where nobody can know what was broken before, another change will not tell either.
        let is_enough = |best: &Candidate| {
            self.verdict(best) == Verdict::Verified || best.marks.is_empty() && is_unclear(best) && best.outcome.passed
        };
        self.best.as_ref().is_some_and(is_enough)
    }
}

/// Whether the code around `candidate` fails, and nobody knows whether it did before.
fn is_unclear(candidate: &Candidate) -> bool {
    candidate.touched.as_ref().is_some_and(|touched| touched.finding == Finding::Unclear)
}

/// The models to ask. `None` where there are none, with the reason why.
async fn models(author: Option<Author>, sink: &mut (dyn FnMut(Update) + Send), reason: &mut String) -> Option<Models> {
    let Author { host, router, tools, recent: _ } = author?;
    if host.ready().is_none() {
        sink(Update::Status { text: "waiting for the model to load".to_owned() });
    }
    match host.engine().await {
        Ok(engine) => {
            *reason = "the model wrote nothing that changes the code".to_owned();
            Some(Models { engine, router, tools })
        }
        Err(error) => {
            *reason = error;
            None
        }
    }
}

/// Whether `after` is worth going on from: less is wrong than in `before`, or something else is.
fn is_progress(before: &Outcome, after: &Outcome) -> bool {
    if after.passed || !after.is_comparable() {
        return false;
    }
    let first = |outcome: &Outcome| outcome.errors().next().map(error_key);
    after.count() < before.count() || first(before).is_some_and(|key| !after.keys().contains_key(&key))
}

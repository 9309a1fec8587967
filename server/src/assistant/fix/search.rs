//! The search: candidates, best first, each tried in the scratch copy, until one is proved or the time is over.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use halfline_context::Snapshot;
use halfline_inference::{Engine, Priority, Request, Sampling};

use super::super::diagnostic::{Diagnostic, Severity};
use super::super::evidence::ModelTokens;
use super::super::{Evidence, Update};
use super::check::{Outcome, Probed, error_key};
use super::evidence::{self, Suspect};
use super::prompt::{self, Problem, Style, View};
use super::report::Verdict;
use super::scratch::Scratch;
use super::{FixError, FixLimits, Spent, Task, Texts, items, judge, repair, reply};
use crate::engine_host::EngineHost;

/// Of the time, what compilers' suggestions and plain repairs may take: one over this.
const SIMPLE_SHARE: u32 = 3;
/// Changes that compilers' suggestions and plain repairs may add up to.
const SIMPLE_CHECKS: usize = 40;
/// Checks of suggestions that follow an attempt of the model.
const FOLLOW_UP_CHECKS: usize = 4;
/// How long the check of a candidate may take where the first one took almost nothing.
const LEAST_CHECK: Duration = Duration::from_secs(5);
/// How much slower than the first check one of a candidate may be.
const CHECK_FACTOR: u32 = 4;
/// Temperatures of the attempts at one prompt, in order; the last one again from there on.
const TEMPERATURES: [f32; 6] = [0.0, 0.5, 0.7, 0.8, 0.9, 1.0];
/// How long the first run of a test may take, for a test that never ends.
const FIRST_TEST: u32 = 4;

/// A first run of a compiler that takes longer has built other people's code.
const LONG_BUILD: Duration = Duration::from_secs(5);
/// Files that may be at fault where nothing points to any.
const MOST_UNNAMED: usize = 3;

/// Who wrote a candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The compiler, which says this of it.
    Compiler(String),
    /// A plain repair, which does this.
    Repair(String),
    /// The model.
    Model,
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
        sink(Update::Status { text: format!("running {}", task.check.argv.join(" ")) });
        let first = if task.check.is_compile_only() { limits.first_check } else { limits.time / FIRST_TEST };
        let baseline = task.check.run(&task.root, &scratch, first).await.map_err(FixError::Check)?;
        let target = evidence::meant(&baseline, task.path.as_deref(), task.line).cloned();
        let is_warning = target.as_ref().is_some_and(|one| one.severity != Severity::Error);
        if baseline.passed && !is_warning {
            return Err(FixError::NothingToFix(task.check.argv.join(" ")));
        }
        // Building what others wrote is nobody's search.
        let is_build = task.check.is_compile_only() && baseline.time > LONG_BUILD;
        let used = if is_build { Duration::ZERO } else { baseline.time };
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
        };
        search.show_evidence(sink);
        Ok(search)
    }

    /// Looks for a fix. Returns the best that was found, and what that has cost.
    pub(super) async fn run(
        &mut self,
        model: Option<Arc<EngineHost>>,
        sink: &mut (dyn FnMut(Update) + Send),
    ) -> Result<(Candidate, Spent), FixError> {
        let started = Instant::now();
        let mut reason = "the model wrote nothing that changes the code".to_owned();
        if self.limits.plain || !self.try_simple(sink).await? {
            match model {
                None => reason = "no model was asked".to_owned(),
                Some(host) => {
                    if host.ready().is_none() {
                        sink(Update::Status { text: "waiting for the model to load".to_owned() });
                    }
                    match host.engine().await {
                        Err(error) => reason = error,
                        Ok(engine) if self.limits.plain => self.ask_plainly(&engine).await?,
                        Ok(engine) => self.ask_model(&engine, sink).await?,
                    }
                }
            }
        }
        let spent = std::mem::take(&mut self.spent);
        match self.best.take() {
            Some(best) => Ok((best, spent)),
            None => {
                Err(FixError::NotFound { seconds: started.elapsed().as_secs_f64(), attempts: spent.attempts, reason })
            }
        }
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
            candidate.outcome.passed || target_gone && !has_new
        };
        if is_done {
            if candidate.marks.is_empty() { Verdict::Verified } else { Verdict::PartlyVerified }
        } else if !has_new && candidate.outcome.count() < self.baseline.count() {
            Verdict::PartlyVerified
        } else {
            Verdict::Unverified
        }
    }

    fn show_evidence(&self, sink: &mut (dyn FnMut(Update) + Send)) {
        let command = self.task.check.argv.join(" ");
        for error in self.baseline.errors().take(3) {
            let lines = (error.start.line as usize + 1, error.end.line as usize + 1);
            let path = error.path.to_string_lossy().into_owned();
            sink(Update::Evidence(Evidence { path, lines, why: error.message.clone() }));
        }
        for failure in self.baseline.findings.failures.iter().take(3) {
            let Some(frame) = failure.frames.last() else { continue };
            let message = failure.message.lines().next().unwrap_or_default();
            let why = if failure.name.is_empty() { message.to_owned() } else { format!("{}: {message}", failure.name) };
            sink(Update::Evidence(Evidence {
                path: frame.path.to_string_lossy().into_owned(),
                lines: (frame.line, frame.line),
                why,
            }));
        }
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
    async fn try_texts(&mut self, texts: Texts, source: Source) -> Result<Option<Candidate>, FixError> {
        let originals: Texts = texts.keys().filter_map(|path| Some((path.clone(), self.original(path)?))).collect();
        if texts == originals || !self.seen.insert(texts.clone()) || self.is_over() {
            return Ok(None);
        }
        let failed = |error: std::io::Error| FixError::Copy { root: self.task.root.clone(), reason: error.to_string() };
        self.scratch.put(&texts).map_err(failed)?;
        let time = (self.baseline.time * CHECK_FACTOR).max(LEAST_CHECK).min(self.left().max(LEAST_CHECK));
        let outcome = self.task.check.run(&self.task.root, &self.scratch, time).await.map_err(FixError::Check)?;
        self.spent.check_time += outcome.time;
        let told = &self.baseline.findings.text;
        let in_tests = self.target.as_ref().is_some_and(|error| items::is_test_file(Some(&error.path)));
        let mut marks = judge::marks(&originals, &texts, told, in_tests || self.target_is_in_test());
        if matches!(source, Source::Compiler(_)) {
            // What the compiler is sure about may be code that is one word too many.
            marks.retain(|mark| !mark.starts_with("removes the line"));
        }
        let candidate = Candidate { texts, outcome, marks, source };
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
    fn rank(&self, candidate: &Candidate) -> (u8, bool, usize, usize) {
        let verdict = match self.verdict(candidate) {
            Verdict::Verified => 3,
            Verdict::PartlyVerified if candidate.outcome.passed => 2,
            Verdict::PartlyVerified => 1,
            Verdict::Unverified => 0,
        };
        (
            verdict,
            candidate.marks.is_empty(),
            usize::MAX - candidate.outcome.count(),
            usize::MAX - candidate.marks.len(),
        )
    }

    fn is_proved(&self) -> bool {
        self.best.as_ref().is_some_and(|best| self.verdict(best) == Verdict::Verified)
    }

    /// Tries what compilers suggest and messages make plain, and what follows from that. Whether a fix is proved.
    async fn try_simple(&mut self, sink: &mut (dyn FnMut(Update) + Send)) -> Result<bool, FixError> {
        let until = Instant::now() + self.limits.time / SIMPLE_SHARE;
        self.follow(Texts::new(), self.baseline.clone(), SIMPLE_CHECKS, until, sink).await?;
        Ok(self.is_proved())
    }

    /// Tries what the check's own messages on `texts` offer, then what they offer on the best of these, and so on.
    async fn follow(
        &mut self,
        texts: Texts,
        outcome: Outcome,
        most_checks: usize,
        until: Instant,
        sink: &mut (dyn FnMut(Update) + Send),
    ) -> Result<(), FixError> {
        let mut frontier = vec![(texts, outcome)];
        let mut checks = 0;
        while let Some((texts, outcome)) = take_best(&mut frontier) {
            for (next, source) in self.simple_changes(&texts, &outcome) {
                if checks >= most_checks || Instant::now() > until || self.is_proved() {
                    return Ok(());
                }
                let Some(candidate) = self.try_texts(next, source).await? else { continue };
                checks += 1;
                if checks == 1 {
                    sink(Update::Status { text: "trying what the checker suggests".to_owned() });
                }
                if is_progress(&outcome, &candidate.outcome) {
                    frontier.push((candidate.texts, candidate.outcome));
                }
            }
        }
        Ok(())
    }

    /// The changes that the messages of `outcome`, which is about `texts`, offer: the surest first.
    fn simple_changes(&self, texts: &Texts, outcome: &Outcome) -> Vec<(Texts, Source)> {
        let read = |path: &Path| texts.get(path).cloned().or_else(|| self.original(path));
        let findings = &outcome.findings;
        let wanted = |index: &usize| {
            let diagnostic = &findings.diagnostics[*index];
            let is_target = self.target.as_ref().is_some_and(|target| error_key(target) == error_key(diagnostic));
            diagnostic.severity == Severity::Error || is_target
        };
        let mut offered: Vec<_> = findings.suggestions.iter().filter(|(index, _)| wanted(index)).collect();
        offered.sort_by_key(|(_, suggestion)| !suggestion.is_sure);
        let mut changes = Vec::new();
        let sure = offered.iter().filter(|(_, suggestion)| suggestion.is_sure).map(|(_, suggestion)| &suggestion.edits);
        let all: Vec<_> = sure.collect();
        if all.len() > 1
            && let Some(new) = apply(&all, texts, &read)
        {
            changes.push((new, Source::Compiler("all that it is sure of".to_owned())));
        }
        for (_, suggestion) in offered {
            if let Some(new) = apply(&[&suggestion.edits], texts, &read) {
                changes.push((new, Source::Compiler(suggestion.message.clone())));
            }
        }
        for (new, done) in repair::repairs(outcome, &read) {
            let mut all = texts.clone();
            all.extend(new);
            changes.push((all, Source::Repair(done)));
        }
        changes
    }

    /// Asks the model, again and again, for the problem as it is and as the best attempt left it.
    async fn ask_model(&mut self, engine: &Engine, sink: &mut (dyn FnMut(Update) + Send)) -> Result<(), FixError> {
        self.spent.model = Some(engine.info().target.clone());
        let probed = self.probe(sink).await;
        let first = self.questions(engine, &Texts::new(), &self.baseline.clone(), &probed);
        if first.is_empty() {
            return Ok(());
        }
        // What an attempt has changed for the better is worth going on from.
        let mut better: Option<(Texts, Outcome)> = self
            .best
            .clone()
            .filter(|best| is_progress(&self.baseline, &best.outcome))
            .map(|best| (best.texts, best.outcome));
        let mut asked: BTreeMap<(bool, usize), usize> = BTreeMap::new();
        for attempt in 0..self.limits.attempts {
            if self.is_over() || self.is_proved() {
                break;
            }
            // Every third attempt goes on from what is better already.
            let second = (attempt % 3 == 2).then_some(()).and(better.clone());
            let goes_on = second.is_some();
            let (texts, questions) = match second {
                Some((texts, outcome)) => {
                    let questions = self.questions(engine, &texts, &outcome, &Probed::default());
                    (texts, questions)
                }
                None => (Texts::new(), first.clone()),
            };
            let which = if questions.is_empty() { continue } else { (attempt / 2) % questions.len() };
            let (view, problem) = &questions[which];
            let times = asked.entry((goes_on, which)).or_insert(0);
            let temperature = TEMPERATURES[(*times).min(TEMPERATURES.len() - 1)];
            *times += 1;
            let style = if attempt % 4 == 3 { Style::Reasoned } else { Style::Code };
            sink(Update::Status { text: format!("the model is writing, attempt {}", attempt + 1) });
            let Some(answer) = self.generate(engine, view, problem, style, temperature, attempt as u64).await? else {
                continue;
            };
            let present = texts.get(&view.path).cloned().or_else(|| self.original(&view.path)).unwrap_or_default();
            let snapshot = Snapshot::of_text(Some(view.path.clone()), &present);
            for new in reply::candidates(&snapshot, view.line, &answer).into_iter().take(2) {
                let mut all = texts.clone();
                all.insert(view.path.clone(), as_before(&present, new));
                let Some(candidate) = self.try_texts(all, Source::Model).await? else { continue };
                tracing::debug!(attempt, temperature, count = candidate.outcome.count(), marks = ?candidate.marks, "tried");
                if self.is_proved() {
                    return Ok(());
                }
                if !candidate.outcome.passed {
                    let until = self.deadline;
                    self.follow(candidate.texts.clone(), candidate.outcome.clone(), FOLLOW_UP_CHECKS, until, sink)
                        .await?;
                }
                let known = better.as_ref().map_or(&self.baseline, |(_, outcome)| outcome);
                if !candidate.outcome.passed && candidate.marks.is_empty() && is_progress(known, &candidate.outcome) {
                    better = Some((candidate.texts, candidate.outcome));
                }
            }
        }
        Ok(())
    }

    /// Asks once, as anyone would, and tries the answer.
    async fn ask_plainly(&mut self, engine: &Engine) -> Result<(), FixError> {
        self.spent.model = Some(engine.info().target.clone());
        let path = self.task.path.clone().or_else(|| self.target.as_ref().map(|target| target.path.clone()));
        let Some((path, text)) = path.and_then(|path| Some((path.clone(), self.original(&path)?))) else {
            return Ok(());
        };
        let snapshot = Snapshot::of_text(Some(path.clone()), &text);
        let language = snapshot.language().map_or("", |language| language.name()).to_owned();
        let view = View { path: path.clone(), code: text.clone(), is_whole: true, line: 0, language };
        let lines: Vec<&str> = self.baseline.findings.text.lines().collect();
        let message = lines[lines.len().saturating_sub(60)..].join("\n");
        let problem = Problem { message, help: None, others: Vec::new(), is_test: !self.task.check.is_compile_only() };
        if let Some(answer) = self.generate(engine, &view, &problem, Style::Code, 0.0, 0).await? {
            for new in reply::candidates(&snapshot, 0, &answer).into_iter().take(1) {
                self.try_texts(Texts::from([(path.clone(), as_before(&text, new))]), Source::Model).await?;
            }
        }
        Ok(())
    }

    async fn probe(&mut self, sink: &mut (dyn FnMut(Update) + Send)) -> Probed {
        let is_python = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "py");
        let frames = self.baseline.findings.failures.iter().flat_map(|failure| &failure.frames);
        if self.target.is_some() || !frames.map(|frame| &frame.path).any(is_python) {
            return Probed::default();
        }
        sink(Update::Status { text: "watching what the test runs".to_owned() });
        if self.scratch.put(&Texts::new()).is_err() {
            return Probed::default();
        }
        let time = (self.baseline.time * CHECK_FACTOR).max(LEAST_CHECK).min(self.left() / 4);
        self.task.check.probe(&self.task.root, &self.scratch, time).await
    }

    /// What to ask about `texts`, of which the check says `outcome`: one question for each file that may be at fault.
    fn questions(&self, engine: &Engine, texts: &Texts, outcome: &Outcome, probed: &Probed) -> Vec<(View, Problem)> {
        let read = |path: &Path| texts.get(path).cloned().or_else(|| self.original(path));
        let is_source = |path: &Path| {
            read(path).is_some() && halfline_grammars::by_path(path).is_some() && !items::is_test_file(Some(path))
        };
        // A file that the command names is a test script, unless there is nothing else.
        let is_code = |path: &Path| is_source(path) && !self.task.check.names(path);
        let key = self.target.as_ref().map(error_key);
        let same = |one: &&Diagnostic| key.as_ref().is_some_and(|key| *key == error_key(one));
        let all = || outcome.findings.diagnostics.iter();
        let first = all().find(same).or_else(|| outcome.errors().next());
        let is_test = first.is_none();
        let mut suspects = match first {
            Some(first) => evidence::suspects_of_errors(outcome, first, &read),
            None => evidence::suspects_of_failures(outcome, probed, &is_code, &read),
        };
        if is_test && suspects.is_empty() {
            suspects = evidence::suspects_of_failures(outcome, probed, &is_source, &read);
        }
        if is_test && suspects.is_empty() && self.task.path.is_none() {
            let all: Vec<PathBuf> = self.scratch.files().into_iter().filter(|path| is_code(path)).collect();
            let few = if all.len() <= MOST_UNNAMED { all } else { Vec::new() };
            suspects.extend(few.into_iter().map(|path| Suspect { path, lines: vec![0] }));
        }
        if let Some(path) = &self.task.path
            && read(path).is_some()
            && (suspects.is_empty()
                || is_test && is_code(path) && !suspects.iter().any(|suspect| suspect.path == *path))
        {
            suspects.insert(0, Suspect { path: path.clone(), lines: vec![self.task.line.unwrap_or(0)] });
        }
        let counter = ModelTokens(engine.tokenizer().clone());
        suspects
            .into_iter()
            .take(3)
            .filter_map(|suspect| {
                let snapshot = Snapshot::of_text(Some(suspect.path.clone()), &read(&suspect.path)?);
                let hide_tests = first.is_none_or(|_| !self.target_is_in_test());
                let view = prompt::view(&snapshot, suspect.path.clone(), &suspect.lines, hide_tests, &counter);
                let problem = match first {
                    Some(first) => evidence::problem_of_errors(outcome, first, &suspect.path),
                    None => evidence::problem_of_failures(outcome, probed, &self.task.check.argv, &read),
                };
                Some((view, problem))
            })
            .collect()
    }

    async fn generate(
        &mut self,
        engine: &Engine,
        view: &View,
        problem: &Problem,
        style: Style,
        temperature: f32,
        seed: u64,
    ) -> Result<Option<String>, FixError> {
        let tokenizer = engine.tokenizer();
        let answer_tokens = (tokenizer.count(&view.code) * 3 / 2 + 128).min(self.limits.answer_tokens);
        let room = self.limits.prompt_tokens.min(engine.info().context_tokens.saturating_sub(answer_tokens));
        let Some(prompt) = prompt::build(tokenizer, view, problem, style, room) else { return Ok(None) };
        let mut request = Request::new(prompt, answer_tokens, Priority::Chat);
        request.stop_tokens.extend(tokenizer.special().im_end);
        if style == Style::Code {
            request.stop_strings.push("\n```".to_owned());
        }
        // What is written last has to be checked, too.
        let check = (self.baseline.time * 2).min(LEAST_CHECK);
        request.deadline = Some(self.deadline.checked_sub(check).unwrap_or(self.deadline));
        request.sampling =
            Sampling { temperature, top_p: if temperature > 0.0 { 0.95 } else { 1.0 }, seed, ..Sampling::default() };
        let started = Instant::now();
        let finish = engine.generate(request).finish().await?;
        self.spent.model_time += started.elapsed();
        self.spent.attempts += 1;
        self.spent.tokens.prompt += finish.tokens.prompt;
        self.spent.tokens.reused += finish.tokens.reused;
        self.spent.tokens.generated += finish.tokens.generated;
        tracing::debug!(?finish.tokens, ?finish.timings, temperature, "the model wrote:\n{}", finish.text);
        let fence = if style == Style::Code { "```\n" } else { "" };
        Ok(Some(format!("{fence}{}", finish.text)))
    }
}

/// Whether `after` is worth going on from: less is wrong than in `before`, or something else is.
fn is_progress(before: &Outcome, after: &Outcome) -> bool {
    if after.passed || after.timed_out {
        return false;
    }
    let first = |outcome: &Outcome| outcome.errors().next().map(error_key);
    after.count() < before.count() || first(before).is_some_and(|key| !after.keys().contains_key(&key))
}

fn take_best(frontier: &mut Vec<(Texts, Outcome)>) -> Option<(Texts, Outcome)> {
    let best = (0..frontier.len()).min_by_key(|&at| frontier[at].1.count())?;
    Some(frontier.remove(best))
}

/// Bytes of a file, and what takes their place.
type Replacement = (std::ops::Range<usize>, String);

/// `texts` with all of `edits` made. `None` where they overlap, or do not fit the files.
fn apply(
    edits: &[&BTreeMap<PathBuf, Vec<Replacement>>],
    texts: &Texts,
    read: &dyn Fn(&Path) -> Option<String>,
) -> Option<Texts> {
    let mut by_file: BTreeMap<&Path, Vec<&Replacement>> = BTreeMap::new();
    for (path, edits) in edits.iter().copied().flatten() {
        by_file.entry(path).or_default().extend(edits);
    }
    let mut all = texts.clone();
    for (path, mut edits) in by_file {
        let mut text = read(path)?;
        edits.sort_by_key(|(range, _)| std::cmp::Reverse((range.start, range.end)));
        edits.dedup();
        let mut start = text.len();
        for (range, new) in edits {
            if range.end > start || text.get(range.clone()).is_none() {
                return None;
            }
            start = range.start;
            text.replace_range(range.clone(), new);
        }
        all.insert(path.to_owned(), text);
    }
    Some(all)
}

/// `new` with the line breaks of `old`.
fn as_before(old: &str, new: String) -> String {
    let has_returns = old.contains("\r\n");
    match (has_returns, new.contains("\r\n")) {
        (true, false) => new.replace('\n', "\r\n"),
        (false, true) => new.replace("\r\n", "\n"),
        _ => new,
    }
}

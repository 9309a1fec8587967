//! What is asked of the model, and what becomes of its answers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use halfline_context::Snapshot;
use halfline_inference::{Engine, Sampling};

use super::super::check::{Outcome, Probed, error_key};
use super::super::evidence::{self, Suspect};
use super::super::prompt::{self, Problem, Style, View};
use super::super::{FixError, Texts, items, reply};
use super::{CHECK_FACTOR, LEAST_CHECK, Search, Source, is_progress};
use crate::assistant::diagnostic::Diagnostic;
use crate::assistant::evidence::ModelTokens;
use crate::assistant::{self, Class, Conversation, Decoding, Router, Toolbox, Update};

/// Checks of suggestions that follow an attempt of the model.
const FOLLOW_UP_CHECKS: usize = 4;
/// Temperatures of the attempts at one prompt, in order; the last one again from there on.
const TEMPERATURES: [f32; 6] = [0.0, 0.5, 0.7, 0.8, 0.9, 1.0];
/// Files that may be at fault where nothing points to any.
const MOST_UNNAMED: usize = 3;
/// The most tokens of an explanation.
const WORDS_TOKENS: usize = 200;
/// Of the time left after the first attempt, what trying small changes may take: one over this.
const SLIPS_SHARE: u32 = 2;

/// The models at hand: those of this process, and the way to others.
pub(super) struct Models {
    pub(super) engine: Engine,
    pub(super) router: Router,
    pub(super) tools: Option<Toolbox>,
}

/// What a model wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Written {
    /// The way to the model.
    pub(in super::super) route: assistant::Route,
    /// What it was given, word for word; empty where it only rewrote a line.
    pub(in super::super) prompt: String,
    /// What it answered.
    pub(in super::super) answer: String,
}

impl Search {
    /// Asks the model, again and again, for the problem as it is and as the best attempt left it.
    pub(super) async fn ask_model(
        &mut self,
        models: &Models,
        probed: &Probed,
        sink: &mut (dyn FnMut(Update) + Send),
    ) -> Result<(), FixError> {
        let engine = &models.engine;
        let first = self.questions(engine, &Texts::new(), &self.baseline, probed);
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
            if self.left() <= self.last_check() || self.is_proved() {
                break;
            }
            if attempt == 1 {
                let until = Instant::now() + self.left() / SLIPS_SHARE;
                self.try_slips(probed, u8::MAX, until, sink).await?;
                if self.is_proved() {
                    break;
                }
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
            let Some(written) = self.generate(models, view, problem, (style, temperature), sink).await? else {
                continue;
            };
            let present = texts.get(&view.path).cloned().or_else(|| self.original(&view.path)).unwrap_or_default();
            let snapshot = Snapshot::of_text(Some(view.path.clone()), &present);
            for new in reply::candidates(&snapshot, view.line, &written.answer).into_iter().take(2) {
                let mut all = texts.clone();
                all.insert(view.path.clone(), as_before(&present, new));
                let source = Source::Model(Box::new(written.clone()));
                let Some(candidate) = self.try_texts(all, source, sink).await? else { continue };
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
    pub(super) async fn ask_plainly(
        &mut self,
        models: &Models,
        sink: &mut (dyn FnMut(Update) + Send),
    ) -> Result<(), FixError> {
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
        if let Some(written) = self.generate(models, &view, &problem, (Style::Code, 0.0), sink).await? {
            for new in reply::candidates(&snapshot, 0, &written.answer).into_iter().take(1) {
                let texts = Texts::from([(path.clone(), as_before(&text, new))]);
                self.try_texts(texts, Source::Model(Box::new(written.clone())), sink).await?;
            }
        }
        Ok(())
    }

    /// Watches what the failing test runs, where that is possible.
    pub(super) async fn probe(&mut self, sink: &mut (dyn FnMut(Update) + Send)) -> Probed {
        let is_python = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "py");
        let frames = self.baseline.findings.failures.iter().flat_map(|failure| &failure.frames);
        if self.target.is_some() || !frames.map(|frame| &frame.path).any(is_python) {
            return Probed::default();
        }
        sink(Update::Status { text: "watching what the test runs".to_owned() });
        if self.scratch.put(&Texts::new()).is_err() {
            return Probed::default();
        }
        // What never ends has been through most of what it goes through soon.
        let time = (self.baseline.time * CHECK_FACTOR).max(LEAST_CHECK).min(self.left() / 8);
        self.task.check.probe(&self.task.root, &self.scratch, time).await
    }

    /// Where the mistake may be that `outcome`, which is about `texts`, shows: the likeliest file first.
    pub(super) fn suspects(&self, texts: &Texts, outcome: &Outcome, probed: &Probed) -> Vec<Suspect> {
        let read = |path: &Path| texts.get(path).cloned().or_else(|| self.original(path));
        let is_source = |path: &Path| {
            read(path).is_some() && halfline_grammars::by_path(path).is_some() && !items::is_test_file(Some(path))
        };
        // A file that the command names is a test script, unless there is nothing else.
        let is_code = |path: &Path| is_source(path) && !self.task.check.names(path);
        let first = self.first_error(outcome);
        let is_test = first.is_none();
        let mut suspects = match first {
            Some(first) => evidence::suspects_of_errors(outcome, first, &read),
            None => evidence::suspects_of_failures(outcome, probed, &self.scratch.files(), &is_code, &read),
        };
        if is_test && suspects.is_empty() {
            suspects = evidence::suspects_of_failures(outcome, probed, &[], &is_source, &read);
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
        suspects
    }

    /// The error of `outcome` that is meant, where it is a compiler's.
    fn first_error<'a>(&self, outcome: &'a Outcome) -> Option<&'a Diagnostic> {
        let key = self.target.as_ref().map(error_key);
        let same = |one: &&Diagnostic| key.as_ref().is_some_and(|key| *key == error_key(one));
        outcome.findings.diagnostics.iter().find(same).or_else(|| outcome.errors().next())
    }

    /// What to ask about `texts`, of which the check says `outcome`: one question for each file that may be at fault.
    pub(super) fn questions(
        &self,
        engine: &Engine,
        texts: &Texts,
        outcome: &Outcome,
        probed: &Probed,
    ) -> Vec<(View, Problem)> {
        let read = |path: &Path| texts.get(path).cloned().or_else(|| self.original(path));
        let first = self.first_error(outcome);
        let suspects = self.suspects(texts, outcome, probed);
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

    /// What is kept of the time: what is written last has to be checked, too.
    fn last_check(&self) -> Duration {
        (self.baseline.time * 2).min(LEAST_CHECK)
    }

    /// One answer. `None` where the code does not fit into a prompt, or no answer came in time. Words are told as they come.
    pub(super) async fn generate(
        &mut self,
        Models { engine, router, tools }: &Models,
        view: &View,
        problem: &Problem,
        (style, temperature): (Style, f32),
        sink: &mut (dyn FnMut(Update) + Send),
    ) -> Result<Option<Written>, FixError> {
        let tokenizer = engine.tokenizer();
        let is_code = style != Style::Words;
        let answer_tokens = if is_code { tokenizer.count(&view.code) * 3 / 2 + 128 } else { WORDS_TOKENS };
        let answer_tokens = answer_tokens.min(self.limits.answer_tokens);
        let room = self.limits.prompt_tokens.min(engine.info().context_tokens.saturating_sub(answer_tokens));
        let Some(prompt) = prompt::build(tokenizer, view, problem, style, room) else { return Ok(None) };
        let check = if is_code { self.last_check() } else { Duration::ZERO };
        let top_p = if temperature > 0.0 { 0.95 } else { 1.0 };
        let seed = self.spent.attempts as u64;
        let conversation = Conversation {
            prompt: prompt.tokens,
            system: prompt.system,
            earlier: Vec::new(),
            user: prompt.user,
            extras: Vec::new(),
            opening: prompt.opening,
            files: vec![view.path.clone()],
            answer_tokens,
            class: Class::Quick,
            failed_attempts: self.spent.attempts,
            decoding: Decoding {
                sampling: Sampling { temperature, top_p, seed, ..Sampling::default() },
                stop_strings: (style == Style::Code).then(|| "\n```".to_owned()).into_iter().collect(),
                deadline: Some(self.deadline.checked_sub(check).unwrap_or(self.deadline)),
            },
            tools: tools.as_ref().and_then(|tools| tools.after(&self.spent.tools)),
        };
        let started = Instant::now();
        // What the model writes is no answer yet: only what is being done, and what it calls, is told.
        let mut told = |update: Update| {
            if matches!(update, Update::Status { .. } | Update::Tool(_)) || !is_code {
                sink(update);
            }
        };
        let reply = assistant::converse(router, engine, conversation, &mut told).await?;
        self.spent.model_time += started.elapsed();
        self.spent.attempts += usize::from(is_code);
        self.spent.tokens += reply.tokens;
        self.spent.tools.extend(reply.tools);
        tracing::debug!(path = %view.path.display(), ?reply.tokens, ?reply.decode, temperature, "the model wrote:\n{}", crate::policy::redact::for_log(&reply.text));
        let written = Written { route: reply.route, prompt: reply.prompt, answer: reply.text };
        self.spent.last = Some(written.clone());
        Ok(Some(written))
    }
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

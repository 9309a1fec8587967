//! Small changes of the code that a failing test runs, tried one after the other as far as the test is quick enough, and
//! lines of it that the model would have written otherwise.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use halfline_context::Snapshot;
use halfline_inference::Engine;

use super::super::check::Probed;
use super::super::{FixError, Texts, items, slips};
use super::model::{Models, Written};
use super::{Search, Source};
use crate::assistant::unlikely::{self, Unlikely};
use crate::assistant::{AssistantError, Route, Update};

/// How long a check of such a change may take where the first one took almost nothing.
const LEAST: Duration = Duration::from_secs(1);
/// How long it may take at most: many changes make a loop endless.
const MOST: Duration = Duration::from_millis(2000);
/// How much slower than the first check it may be.
const FACTOR: u32 = 3;
/// Files in which it is tried.
const FILES: usize = 2;
/// Lines that the model is asked about.
const MOST_LINES: usize = 60;
/// Of those, how many it writes anew: the ones that surprise it most,
const MOST_REWRITTEN: usize = 6;
/// if what it expected there is so much more probable (a logarithm).
const LEAST_SURPRISE: f32 = 1.5;
/// Of the time that is left, what asking about lines may take, and again what trying the new ones may: one over this.
const UNLIKELY_SHARE: u32 = 5;

impl Search {
    /// Undoes what may be a slip of the pen where a test fails, of all classes up to `class`, until one is proved or
    /// `until` is past.
    pub(super) async fn try_slips(
        &mut self,
        probed: &Probed,
        class: u8,
        until: Instant,
        sink: &mut (dyn FnMut(Update) + Send),
    ) -> Result<(), FixError> {
        if self.baseline.errors().next().is_some() || self.is_proved() {
            return Ok(());
        }
        let time = (self.baseline.time * FACTOR).clamp(LEAST, MOST);
        if self.baseline.time > MOST && !self.baseline.timed_out {
            return Ok(());
        }
        let mut all = Vec::new();
        for Region { path, snapshot, rank, lines } in self.regions(probed) {
            let found = slips::slips(&snapshot, lines);
            all.extend(found.into_iter().map(|slip| (slip.class, rank, path.clone(), slip)));
        }
        // The likeliest slips of every place come before the unlikely ones of any.
        all.retain(|(found, ..)| *found <= class);
        all.sort_by_key(|(class, rank, ..)| (*class, *rank));
        if !all.is_empty() {
            sink(Update::Status { text: "trying small changes of the code that ran".to_owned() });
        }
        let count = all.len();
        for (tried, (.., path, slip)) in all.into_iter().enumerate() {
            if Instant::now() > until || self.is_proved() {
                tracing::debug!(tried, count, "slips");
                break;
            }
            self.try_for(Texts::from([(path, slip.text)]), Source::Slip(slip.done), time, sink).await?;
        }
        Ok(())
    }

    /// Has the model write those lines anew that it finds least likely as they stand, and tries each.
    pub(super) async fn try_unlikely(
        &mut self,
        models: &Models,
        probed: &Probed,
        sink: &mut (dyn FnMut(Update) + Send),
    ) -> Result<(), FixError> {
        if self.baseline.errors().next().is_some() || self.is_proved() {
            return Ok(());
        }
        let (engine, started, checked) = (&models.engine, Instant::now(), self.spent.check_time);
        if !unlikely::can_look(engine) {
            return Ok(());
        }
        sink(Update::Status { text: "reading the code that ran for lines that are unlikely".to_owned() });
        let mut found = self.unlikely_lines(engine, probed).await?;
        found.retain(|(.., one)| one.surprise >= LEAST_SURPRISE);
        found.sort_by(|(.., a), (.., b)| b.surprise.total_cmp(&a.surprise));
        let until = Instant::now() + self.left() / UNLIKELY_SHARE;
        for (path, text, one) in found.into_iter().take(MOST_REWRITTEN) {
            if Instant::now() > until || self.is_proved() {
                break;
            }
            let lines: Vec<&str> = text.split('\n').collect();
            let rewritten = one.rewritten(engine, &lines, until, &mut self.spent.tokens);
            let Some(new) = rewritten.await.map_err(AssistantError::from)? else { continue };
            tracing::debug!(line = one.line + 1, surprise = one.surprise, new, "unlikely");
            let (line, old, expected) = (one.line + 1, one.found.trim(), one.expected.trim());
            let why = format!("line {line} surprised it: `{old}` where it expected `{expected}`");
            self.try_line(models, path, &text, one.line..one.line + 1, new, why, sink).await?;
        }
        self.spent.model_time += started.elapsed().saturating_sub(self.spent.check_time - checked);
        Ok(())
    }

    /// Has the model write lines where it is most surprised that there are none, and tries each.
    pub(super) async fn try_missing(
        &mut self,
        models: &Models,
        probed: &Probed,
        sink: &mut (dyn FnMut(Update) + Send),
    ) -> Result<(), FixError> {
        let engine = &models.engine;
        if self.baseline.errors().next().is_some() || self.is_proved() || !unlikely::can_look(engine) {
            return Ok(());
        }
        let (started, checked) = (Instant::now(), self.spent.check_time);
        sink(Update::Status { text: "reading the code that ran for lines that are missing".to_owned() });
        let looks_until = started + self.left() / UNLIKELY_SHARE;
        let mut found = Vec::new();
        let code = self.code_that_ran(probed);
        for CodeLine { path, text, shown, at } in code.into_iter().filter(|line| line.at > line.shown.start) {
            if Instant::now() > looks_until {
                break;
            }
            let lines: Vec<&str> = text.split('\n').collect();
            let look = unlikely::look_before(engine, &lines, shown, at, looks_until, &mut self.spent.tokens);
            let one = look.await.map_err(AssistantError::from)?;
            found.extend(one.map(|one| (path, Arc::clone(&text), one)));
        }
        found.sort_by(|(.., a), (.., b)| b.surprise.total_cmp(&a.surprise));
        let until = Instant::now() + self.left() / UNLIKELY_SHARE;
        for (path, text, one) in found.into_iter().take(MOST_REWRITTEN) {
            if Instant::now() > until || self.is_proved() {
                break;
            }
            let lines: Vec<&str> = text.split('\n').collect();
            let written = one.written(engine, &lines, until, &mut self.spent.tokens);
            let Some(new) = written.await.map_err(AssistantError::from)? else { continue };
            tracing::debug!(before = one.before + 1, surprise = one.surprise, new, "missing");
            let why = format!("it expected another line before line {}", one.before + 1);
            self.try_line(models, path, &text, one.before..one.before, new, why, sink).await?;
        }
        self.spent.model_time += started.elapsed().saturating_sub(self.spent.check_time - checked);
        Ok(())
    }

    /// Tries `new`, which the model wrote, in the place of the lines `out` of `text`. No attempt of those that the user allows,
    /// and that lead to other engines when they fail: nobody was asked a question.
    async fn try_line(
        &mut self,
        models: &Models,
        path: PathBuf,
        text: &str,
        out: Range<usize>,
        mut new: String,
        why: String,
        sink: &mut (dyn FnMut(Update) + Send),
    ) -> Result<(), FixError> {
        let mut lines: Vec<&str> = text.split('\n').collect();
        if lines[out.start].ends_with('\r') {
            new.push('\r');
        }
        lines.splice(out, [new.as_str()]);
        let route = Route { engine: "local", model: models.engine.info().target.clone(), why, ..Route::default() };
        let source = Source::Model(Box::new(Written { route, prompt: String::new(), answer: new.clone() }));
        self.try_texts(Texts::from([(path, lines.join("\n"))]), source, sink).await?;
        Ok(())
    }

    /// Where the model is surprised by the code that ran: file, its text, and place.
    async fn unlikely_lines(
        &mut self,
        engine: &Engine,
        probed: &Probed,
    ) -> Result<Vec<(PathBuf, Arc<str>, Unlikely)>, FixError> {
        let until = Instant::now() + self.left() / UNLIKELY_SHARE;
        let mut found = Vec::new();
        for CodeLine { path, text, shown, at } in self.code_that_ran(probed) {
            if Instant::now() > until {
                break;
            }
            let lines: Vec<&str> = text.split('\n').collect();
            let look = unlikely::look_at(engine, &lines, shown, at, until, &mut self.spent.tokens);
            let one = look.await.map_err(AssistantError::from)?;
            found.extend(one.map(|one| (path, Arc::clone(&text), one)));
        }
        Ok(found)
    }

    /// The lines of code that the failing test points at, each once, the likeliest place first.
    fn code_that_ran(&self, probed: &Probed) -> Vec<CodeLine> {
        let mut found: Vec<CodeLine> = Vec::new();
        let mut known = BTreeSet::new();
        for Region { path, snapshot, lines: (first, last), .. } in self.regions(probed) {
            let text: Arc<str> = snapshot.rope().to_string().into();
            let lines: Vec<&str> = text.split('\n').collect();
            let shown = first..lines.len().min(last + 1);
            let code = shown.clone().filter(|at| slips::is_code(&snapshot, *at, lines[*at]));
            let new = code.filter(|at| known.insert((path.clone(), *at)));
            found.extend(new.map(|at| CodeLine { path: path.clone(), text: text.clone(), shown: shown.clone(), at }));
        }
        found.truncate(MOST_LINES);
        found
    }

    /// The definitions in which the failing test points at something, the likeliest file first.
    fn regions(&self, probed: &Probed) -> Vec<Region> {
        let mut regions = Vec::new();
        for suspect in self.suspects(&Texts::new(), &self.baseline, probed).into_iter().take(FILES) {
            let Some(text) = self.original(&suspect.path) else { continue };
            let snapshot = Snapshot::of_text(Some(suspect.path.clone()), &text);
            let items = items::items(&snapshot);
            for (rank, line) in suspect.lines.iter().enumerate() {
                let Some((item, member)) = items::at_line(&items, *line) else { continue };
                let lines = member.unwrap_or(item).lines;
                regions.push(Region { path: suspect.path.clone(), snapshot: snapshot.clone(), rank, lines });
            }
        }
        regions
    }
}

/// A line that ran.
struct CodeLine {
    path: PathBuf,
    text: Arc<str>,
    /// The lines of the definition that it is in.
    shown: Range<usize>,
    at: usize,
}

/// A definition in which the mistake may be.
struct Region {
    path: PathBuf,
    snapshot: Snapshot,
    /// Its place among those of the file, the likeliest first.
    rank: usize,
    /// First and last line, from 0.
    lines: (usize, usize),
}

//! Small changes of the code that a failing test runs, tried one after the other as far as the test is quick enough, and
//! lines of it that the model would have written otherwise.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use halfline_context::Snapshot;

use super::super::check::Probed;
use super::super::{FixError, Texts, items, slips};
use super::model::Models;
use super::{Search, Source};
use crate::assistant::{AssistantError, Route, Update, unlikely};

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
        for suspect in self.suspects(&Texts::new(), &self.baseline, probed).into_iter().take(FILES) {
            let Some(text) = self.original(&suspect.path) else { continue };
            let snapshot = Snapshot::of_text(Some(suspect.path.clone()), &text);
            let items = items::items(&snapshot);
            for (rank, line) in suspect.lines.iter().enumerate() {
                let Some((item, member)) = items::at_line(&items, *line) else { continue };
                let found = slips::slips(&snapshot, member.unwrap_or(item).lines);
                all.extend(found.into_iter().map(|slip| (slip.class, rank, suspect.path.clone(), slip)));
            }
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
            self.try_for(Texts::from([(path, slip.text)]), Source::Slip(slip.done), time).await?;
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
        let until = started + self.left() / UNLIKELY_SHARE;
        sink(Update::Status { text: "reading the code that ran for lines that are unlikely".to_owned() });
        let mut texts = Vec::new();
        let mut found = Vec::new();
        let mut looked_at = BTreeSet::new();
        for suspect in self.suspects(&Texts::new(), &self.baseline, probed).into_iter().take(FILES) {
            let Some(text) = self.original(&suspect.path) else { continue };
            let snapshot = Snapshot::of_text(Some(suspect.path.clone()), &text);
            let items = items::items(&snapshot);
            let lines: Vec<&str> = text.split('\n').collect();
            for line in &suspect.lines {
                let Some((item, member)) = items::at_line(&items, *line) else { continue };
                let (first, last) = member.unwrap_or(item).lines;
                for at in (first..=last.min(lines.len() - 1)).filter(|at| slips::is_code(&snapshot, *at)) {
                    if looked_at.len() == MOST_LINES || Instant::now() > until || !looked_at.insert((texts.len(), at)) {
                        continue;
                    }
                    let look = unlikely::look_at(engine, &lines, first..last + 1, at, until, &mut self.spent.tokens);
                    found.extend(look.await.map_err(AssistantError::from)?.map(|one| (texts.len(), one)));
                }
            }
            texts.push((suspect.path, text));
        }
        found.retain(|(_, one)| one.surprise() >= LEAST_SURPRISE);
        found.sort_by(|(_, a), (_, b)| b.surprise().total_cmp(&a.surprise()));
        let until = Instant::now() + self.left() / UNLIKELY_SHARE;
        for (file, one) in found.into_iter().take(MOST_REWRITTEN) {
            if Instant::now() > until || self.is_proved() {
                break;
            }
            let (path, text) = &texts[file];
            let mut lines: Vec<&str> = text.split('\n').collect();
            let new =
                one.rewritten(engine, &lines, until, &mut self.spent.tokens).await.map_err(AssistantError::from)?;
            tracing::debug!(line = one.line + 1, surprise = one.surprise(), ?new, "unlikely");
            let Some(mut new) = new else { continue };
            if lines[one.line].ends_with('\r') {
                new.push('\r');
            }
            lines[one.line] = &new;
            let why = format!(
                "line {} surprised it: `{}` where it expected `{}`",
                one.line + 1,
                one.found.0.trim(),
                one.expected.0.trim()
            );
            let route = Route { engine: "local", model: engine.info().target.clone(), why, ..Route::default() };
            self.spent.attempts += 1;
            self.try_texts(Texts::from([(path.clone(), lines.join("\n"))]), Source::Model(route)).await?;
        }
        self.spent.model_time += started.elapsed().saturating_sub(self.spent.check_time - checked);
        Ok(())
    }
}

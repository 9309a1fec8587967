//! Small changes of the code that a failing test runs, tried one after the other as far as the test is quick enough.

use std::time::{Duration, Instant};

use halfline_context::Snapshot;

use super::super::check::Probed;
use super::super::{FixError, Texts, items, slips};
use super::{Search, Source};
use crate::assistant::Update;

/// How long a check of such a change may take where the first one took almost nothing.
const LEAST: Duration = Duration::from_secs(1);
/// How long it may take at most: many changes make a loop endless.
const MOST: Duration = Duration::from_millis(2000);
/// How much slower than the first check it may be.
const FACTOR: u32 = 3;
/// Files in which it is tried.
const FILES: usize = 2;

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
}

//! What is wrong in the beginning: the checks are run on the files as they are, until one has something to say.

use std::time::Duration;

use super::super::check::{Check, Outcome};
use super::super::scratch::Scratch;
use super::super::{FixError, FixLimits, Task, evidence, unable};
use crate::assistant::Update;
use crate::assistant::diagnostic::{Diagnostic, Severity};

/// How long the first run of a test may take, for a test that never ends.
const FIRST_TEST: u32 = 6;

/// What the first run of the checks says.
pub(super) struct First {
    /// The check that has something to say.
    pub(super) check: Check,
    /// What it said.
    pub(super) baseline: Outcome,
    /// How long that took.
    pub(super) used: Duration,
    /// The problem that is meant, of a compiler's.
    pub(super) target: Option<Diagnostic>,
}

impl First {
    /// Runs the checks of `task` until one complains about the place that is meant, else the first one that complains at all.
    pub(super) async fn of(
        task: &Task,
        limits: &FixLimits,
        scratch: &Scratch,
        sink: &mut (dyn FnMut(Update) + Send),
    ) -> Result<First, FixError> {
        let (mut elsewhere, mut silent) = (None, None);
        for check in std::iter::once(&task.check).chain(&task.further) {
            sink(Update::Status { text: format!("running {}", check.in_words()) });
            let (check, baseline, used) = First::run(task, check, limits, scratch).await?;
            if let Some(why) = unable::reason(&check, &baseline) {
                let (command, output) = (check.in_words(), unable::tail(&baseline));
                silent.get_or_insert(FixError::CouldNotRun { command, why, output });
                continue;
            }
            let target = evidence::meant(&baseline, task.path.as_deref(), task.line, task.message.as_deref()).cloned();
            let is_warning = target.as_ref().is_some_and(|one| one.severity != Severity::Error);
            if baseline.passed && !is_warning {
                continue;
            }
            let is_at = |line: usize| {
                target.as_ref().is_some_and(|one| task.path.as_ref() == Some(&one.path) && one.touches(line))
            };
            let is_meant = task.line.is_none_or(is_at);
            let first = First { check, baseline, used, target };
            if is_meant || task.further.is_empty() {
                return Ok(first);
            }
            elsewhere.get_or_insert(first);
        }
        let nothing = || FixError::NothingToFix { command: task.command(), message: task.message.clone() };
        elsewhere.ok_or_else(|| silent.unwrap_or_else(nothing))
    }

    async fn run(
        task: &Task,
        check: &Check,
        limits: &FixLimits,
        scratch: &Scratch,
    ) -> Result<(Check, Outcome, Duration), FixError> {
        let first = if check.is_compile_only() { limits.first_check } else { limits.time / FIRST_TEST };
        let baseline = check.run(&task.root, scratch, first).await.map_err(FixError::Check)?;
        let used = baseline.time;
        let Some(brief) = check.until_first_failure().filter(|_| baseline.timed_out) else {
            return Ok((check.clone(), baseline, used));
        };
        // What was ended has not said what failed.
        let again = brief.run(&task.root, scratch, first * 3 / 4).await.map_err(FixError::Check)?;
        let used = used + again.time;
        let is_better = !again.findings.failures.is_empty();
        Ok(if is_better { (brief, again, used) } else { (check.clone(), baseline, used) })
    }
}

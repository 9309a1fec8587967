//! Unit tests for a function, proved in a scratch copy: those that are kept parse, compile and pass, and fail when the
//! function's body is taken out. What a test expects is the model's guess; one that fails shows that the test or the code is
//! wrong, and nobody here knows which.

use std::time::{Duration, Instant};

use halfline_inference::Sampling;

use super::layout::{Layout, Written};
use super::{Author, Fix, FixError, FixLimits, Order, Site, Texts, Update, Verdict, Work};
use crate::assistant::Decoding;
use crate::assistant::fix::check::Outcome;
use crate::assistant::fix::report::{CheckReport, count};
use crate::assistant::fix::scratch::Scratch;

/// Temperatures of the attempts.
const TEMPERATURES: [f32; 4] = [0.0, 0.5, 0.8, 1.0];
/// Proved tests that are enough.
const ENOUGH: usize = 2;
/// Tests of one answer that are tried one by one.
const MOST_ALONE: usize = 4;

/// What running the tests for `order` would run, in words.
pub fn command(order: &Order) -> Result<String, FixError> {
    Ok(Layout::of(order, &Site::find(order)?)?.command_in_words())
}

/// Writes tests for the function that `order` names.
pub async fn unit_tests(
    order: &Order,
    author: Author,
    limits: &FixLimits,
    sink: &mut (dyn FnMut(Update) + Send),
) -> Result<Fix, FixError> {
    let site = Site::find(order)?;
    let name = site.item.name.clone();
    if !site.item.is_function() || site.item.is_test {
        let what = if site.item.is_test { "a test" } else { "no function" };
        return Err(FixError::NotPossible(format!("{}: `{name}` is {what}", order.path.display())));
    }
    let layout = Layout::of(order, &site)?.choose_runner().await;
    let mut work = Work::begin(author, order, limits, sink).await?;
    let mut trial = Trial { scratch: copy(order, limits).await?, site: &site, layout: &layout };
    let user = format!(
        "{}Write three short unit tests of `{name}`: one with ordinary input, two with edge cases. Work out what each should \
         give from the code above. Answer with the tests in one code block, and nothing else.",
        site.shown(&order.path, &work.engine)
    );
    let mut proved: Vec<Written> = Vec::new();
    let mut unproved: Vec<Written> = Vec::new();
    for temperature in TEMPERATURES.into_iter().take(limits.attempts.max(1)) {
        if proved.len() >= ENOUGH || Instant::now() >= work.deadline() {
            break;
        }
        sink(Update::Status { text: format!("the model is writing, attempt {}", work.attempts + 1) });
        let sampling = Sampling { temperature, ..Sampling::default() };
        let decoding = Decoding { sampling, stop_strings: vec!["\n```".to_owned()], deadline: None };
        let reply = work.ask(user.clone(), &layout.opening(), decoding, sink).await?;
        let mut written = layout.tests_in(&reply, &site);
        written.retain(|test| proved.iter().all(|known| known.name != test.name && known.text != test.text));
        if written.is_empty() {
            continue;
        }
        sink(Update::Status { text: format!("running {}", layout.command_in_words()) });
        let kept = trial.prove(&mut work, &proved, &written).await?;
        unproved.extend(written.into_iter().filter(|test| !kept.contains(test)));
        proved.extend(kept);
    }
    report(work, trial, proved, unproved).await
}

/// The tests on a copy.
struct Trial<'a> {
    scratch: Scratch,
    site: &'a Site,
    layout: &'a Layout,
}

impl Trial<'_> {
    /// Of `written`, the tests that pass beside those `proved` before, and fail without the function's body.
    async fn prove(
        &mut self,
        work: &mut Work<'_>,
        proved: &[Written],
        written: &[Written],
    ) -> Result<Vec<Written>, FixError> {
        let mut kept = written.to_vec();
        let outcome = self.run(work, &[proved, &kept].concat(), false).await?;
        if !outcome.passed {
            let failed = failed_of(&outcome, &kept);
            if failed.is_empty() {
                // It was not even compiled: one of them is to blame.
                kept = self.alone(work, proved, written).await?;
            } else {
                kept.retain(|test| !failed.contains(&test.name));
            }
            if kept.is_empty() || !self.run(work, &[proved, &kept].concat(), false).await?.passed {
                return Ok(Vec::new());
            }
        }
        // A test that passes whatever the function does says nothing.
        let hollow = self.run(work, &[proved, &kept].concat(), true).await?;
        let failed = failed_of(&hollow, &kept);
        kept.retain(|test| failed.contains(&test.name));
        Ok(kept)
    }

    async fn alone(
        &mut self,
        work: &mut Work<'_>,
        proved: &[Written],
        written: &[Written],
    ) -> Result<Vec<Written>, FixError> {
        let mut kept = Vec::new();
        for test in written.iter().take(MOST_ALONE) {
            if written.len() > 1
                && Instant::now() < work.deadline()
                && self.run(work, &[proved, std::slice::from_ref(test)].concat(), false).await?.passed
            {
                kept.push(test.clone());
            }
        }
        Ok(kept)
    }

    /// Runs `tests`; if `hollow`, with the function's body taken out.
    async fn run(&mut self, work: &mut Work<'_>, tests: &[Written], hollow: bool) -> Result<Outcome, FixError> {
        let (_, mut texts) = self.layout.with_tests(self.site, tests);
        if hollow {
            self.layout.take_body_out(self.site, &mut texts);
        }
        let failed =
            |error: std::io::Error| FixError::Copy { root: work.order.root.clone(), reason: error.to_string() };
        self.scratch.put(&texts).map_err(failed)?;
        let check = self.layout.check(tests);
        let left = work.deadline().saturating_duration_since(Instant::now());
        // The first run may have to build the project.
        let time = if work.check_time.is_zero() { work.limits.first_check } else { left.max(LEAST_TIME) };
        let outcome = check.run(&work.order.root, &self.scratch, time).await.map_err(FixError::Check)?;
        work.check_time += outcome.time;
        Ok(outcome)
    }
}

/// How long tests may run at least.
const LEAST_TIME: Duration = Duration::from_secs(20);

async fn copy(order: &Order, limits: &FixLimits) -> Result<Scratch, FixError> {
    let failed = |reason: String| FixError::Copy { root: order.root.clone(), reason };
    let (root, extent, open, cache) =
        (order.root.clone(), order.extent.clone(), order.open.clone(), limits.cache.clone());
    let copying = tokio::task::spawn_blocking(move || Scratch::new(&root, extent, open, &cache));
    copying.await.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))
}

/// The names of `tests` that failed.
fn failed_of(outcome: &Outcome, tests: &[Written]) -> Vec<String> {
    let failed =
        outcome.findings.failures.iter().map(|failure| failure.name.rsplit([':', '.']).next().unwrap_or_default());
    let failed: Vec<&str> = failed.collect();
    tests.iter().map(|test| &test.name).filter(|name| failed.contains(&name.as_str())).cloned().collect()
}

async fn report(
    mut work: Work<'_>,
    mut trial: Trial<'_>,
    proved: Vec<Written>,
    unproved: Vec<Written>,
) -> Result<Fix, FixError> {
    let (site, layout) = (trial.site, trial.layout);
    let name = &site.item.name;
    let names = |tests: &[Written]| tests.iter().map(|test| format!("`{}`", test.name)).collect::<Vec<_>>().join(", ");
    if proved.is_empty() && unproved.is_empty() {
        return Err(FixError::NotFound {
            seconds: work.started.elapsed().as_secs_f64(),
            attempts: work.attempts,
            reason: format!("the model wrote no test that calls `{name}` and asserts something"),
        });
    }
    let is_proved = !proved.is_empty();
    let tests: Vec<Written> = if is_proved { proved } else { unproved.iter().take(MOST_ALONE).cloned().collect() };
    let hollow = trial.run(&mut work, &tests, true).await?;
    let outcome = trial.run(&mut work, &tests, false).await?;
    work.checks.push(CheckReport {
        command: layout.check(&tests).argv,
        before: Some(count(&hollow)),
        after: count(&outcome),
        seconds: outcome.time.as_secs_f64(),
    });
    let (before, after): (Texts, Texts) = layout.with_tests(site, &tests);
    // All of them together is what the user gets.
    let is_verified = is_proved && outcome.passed && !hollow.passed;
    let explanation = if is_verified {
        let mut text =
            format!("Tests `{name}` with {}: they pass, and fail when its body is taken out.", names(&tests));
        if !unproved.is_empty() {
            let left_out = names(&unproved);
            text += &format!(" Left out, since they do not compile, fail, or test nothing: {left_out}.");
        }
        text
    } else if outcome.passed {
        format!("{} would pass whatever `{name}` does: they test nothing.", names(&tests))
    } else {
        format!("{} of `{name}` do not all pass: the tests are wrong, or the code is.", names(&tests))
    };
    let verdict = if is_verified { Verdict::Verified } else { Verdict::Unverified };
    Ok(work.finish((before, after), verdict, Vec::new(), explanation, site))
}

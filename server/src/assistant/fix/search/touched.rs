//! What else a change touches: whether the tests around it still compile and pass, once the check that was asked for passes.

use std::path::Path;
use std::time::{Duration, Instant};

use super::super::check::{Check, Outcome};
use super::super::{FixError, Texts, items, wider};
use super::Search;
use crate::assistant::Update;

/// Of the time that is left, what this may take: one over this. The change is proved already by what the user asked for.
const SHARE: u32 = 3;
/// With less than this there is no point in beginning.
const LEAST: Duration = Duration::from_secs(1);

/// What a wider check says of a change.
#[derive(Clone, Debug)]
pub(in super::super) struct Touched {
    /// The check.
    pub(in super::super) check: Check,
    /// What it said without the change; `None` where that did not matter, or could not be had.
    pub(in super::super) before: Option<Outcome>,
    /// What it says with it.
    pub(in super::super) after: Outcome,
    /// What follows from the two.
    pub(in super::super) finding: Finding,
}

/// What follows from a check with a change and without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Finding {
    /// Nothing fails that did not fail before.
    Fine,
    /// This fails that did not.
    Broken(String),
    /// Something fails, and nobody knows whether it did before: the check did not come so far.
    Unclear,
    /// It did not run to its end.
    Unknown,
}

impl Search {
    /// Runs what is wider than the check on `texts`, which pass that, and, where something fails, on the files as they were.
    /// `None` where the check is all there is, or no time is left.
    pub(super) async fn touched(
        &mut self,
        originals: &Texts,
        texts: &Texts,
        sink: &mut (dyn FnMut(Update) + Send),
    ) -> Result<Option<Touched>, FixError> {
        let place = self.scratch.tree().join(&self.task.check.directory);
        let until = Instant::now() + self.left() / SHARE;
        let found = wider::wider(&self.task.check, &|path: &Path| place.join(path).is_file());
        let Some(check) = found.filter(|_| self.left() / SHARE >= LEAST && !self.limits.plain) else { return Ok(None) };
        sink(Update::Status { text: format!("it passes; running {}", check.in_words()) });
        let after = self.run_until(&check, until).await?;
        if after.passed || !after.is_comparable() {
            let finding = if after.passed { Finding::Fine } else { Finding::Unknown };
            return Ok(Some(Touched { check, before: None, after, finding }));
        }
        if self.wider_before.is_none() && until > Instant::now() {
            let failed =
                |error: std::io::Error| FixError::Copy { root: self.task.root.clone(), reason: error.to_string() };
            self.scratch.put(&Texts::new()).map_err(failed)?;
            let before = self.run_until(&check, until).await?;
            self.wider_before = before.is_comparable().then_some(before);
        }
        let before = self.wider_before.clone();
        let finding = finding(&check, before.as_ref(), &after, is_inside_functions(originals, texts));
        Ok(Some(Touched { check, before, after, finding }))
    }

    async fn run_until(&mut self, check: &Check, until: Instant) -> Result<Outcome, FixError> {
        let time = until.saturating_duration_since(Instant::now());
        let outcome = check.run(&self.task.root, &self.scratch, time).await.map_err(FixError::Check)?;
        self.spent.check_time += outcome.time;
        Ok(outcome)
    }
}

/// What follows from `after`, which fails. `is_inside` says whether only the insides of functions changed.
fn finding(check: &Check, before: Option<&Outcome>, after: &Outcome, is_inside: bool) -> Finding {
    let does_not_compile = after.errors().next().is_some();
    let Some(before) = before else { return Finding::Unclear };
    let known = before.keys();
    let is_new = |(key, count): (&String, &usize)| known.get(key).is_none_or(|known| known < count);
    let new: Vec<String> = after.keys().iter().filter(|one| is_new(*one)).map(|(key, _)| key.clone()).collect();
    // Other code is compiled against what a function looks like from outside.
    if new.is_empty() || does_not_compile && is_inside {
        return Finding::Fine;
    }
    // What did not compile has told nothing of what comes after it.
    if before.errors().next().is_some() {
        return Finding::Unclear;
    }
    let tests: Vec<String> =
        new.iter().filter_map(|key| key.strip_prefix("test: ")).take(3).map(|name| format!("`{name}`")).collect();
    Finding::Broken(match tests.as_slice() {
        [] => format!("makes `{}` fail", check.in_words()),
        [..] => format!("makes {} fail", tests.join(", ")),
    })
}

/// Whether `after` differs from `before` in the bodies of functions only.
fn is_inside_functions(before: &Texts, after: &Texts) -> bool {
    after.iter().all(|(path, new)| {
        before.get(path).is_some_and(|old| items::without_bodies(path, old) == items::without_bodies(path, new))
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::assistant::output;

    #[test]
    fn what_was_wrong_before_is_no_fault_of_the_change() {
        let outcome = |text: &str| Outcome {
            passed: text.is_empty(),
            timed_out: false,
            exit: Some(i32::from(!text.is_empty())),
            findings: output::read(text, ""),
            time: Duration::ZERO,
        };
        let error = "error[E0308]: mismatched types\n --> src/lib.rs:1:1\n\n";
        let other = "error[E0061]: this function takes 1 argument\n --> tests/all.rs:1:1\n\n";
        let (one, two) = ("test one ... FAILED\n", "test one ... FAILED\ntest two ... FAILED\n");
        let broken = |what: &str| Finding::Broken(what.to_owned());
        for (before, after, is_inside, expected) in [
            (Some(one), one, true, Finding::Fine),
            (Some(one), two, true, broken("makes `two` fail")),
            (Some(""), one, true, broken("makes `one` fail")),
            (Some(""), other, false, broken("makes `cargo check` fail")),
            (Some(error), one, true, Finding::Unclear),
            (Some(error), other, false, Finding::Unclear),
            (Some(error), other, true, Finding::Fine),
            (None, one, true, Finding::Unclear),
        ] {
            let check = Check::new(vec!["cargo".to_owned(), "check".to_owned()], PathBuf::new());
            let found = finding(&check, before.map(outcome).as_ref(), &outcome(after), is_inside);
            assert_eq!(found, expected, "{before:?} {after}");
        }
    }

    #[test]
    fn the_inside_of_a_function() {
        let is_inside = |old: &str, new: &str| {
            let texts = |text: &str| Texts::from([("a.rs".into(), text.to_owned())]);
            is_inside_functions(&texts(old), &texts(new))
        };
        let old = "struct A(u8);\n\nimpl A {\n    fn f(&self) -> u8 {\n        1\n    }\n}\n";
        assert!(is_inside(old, &old.replace("1\n", "2 + {\n            3\n        }\n")));
        assert!(!is_inside(old, &old.replace("-> u8", "-> u16")));
        assert!(!is_inside(old, &old.replace("A(u8)", "A(u16)")));
    }
}

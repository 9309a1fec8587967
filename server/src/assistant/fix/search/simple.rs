//! What compilers suggest and messages make plain, tried before any model is asked and after each of its attempts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::super::check::{Outcome, error_key};
use super::super::{FixError, Texts, repair};
use super::{Search, Source, is_progress};
use crate::assistant::Update;
use crate::assistant::diagnostic::Severity;

/// Of the time, what compilers' suggestions and plain repairs may take: one over this.
const SIMPLE_SHARE: u32 = 3;
/// Changes that compilers' suggestions and plain repairs may add up to.
const SIMPLE_CHECKS: usize = 40;

impl Search {
    /// Tries what compilers suggest and messages make plain, and what follows from that. Whether a fix is proved.
    pub(super) async fn try_simple(&mut self, sink: &mut (dyn FnMut(Update) + Send)) -> Result<bool, FixError> {
        let until = Instant::now() + self.limits.time / SIMPLE_SHARE;
        self.follow(Texts::new(), self.baseline.clone(), SIMPLE_CHECKS, until, sink).await?;
        Ok(self.is_proved())
    }

    /// Tries what the check's own messages on `texts` offer, then what they offer on the best of these, and so on.
    pub(super) async fn follow(
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
                let Some(candidate) = self.try_texts(next, source, sink).await? else { continue };
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

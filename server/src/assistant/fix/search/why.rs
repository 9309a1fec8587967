//! Why nothing was found: what the check said, what was tried, and what a model makes of it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use halfline_context::{Snapshot, Workspace};

use super::super::FixError;
use super::super::check::Probed;
use super::super::prompt::Style;
use super::Search;
use crate::assistant::{Citation, Sources, Update, cite};

/// What an explanation may take when the time is over: nobody who waited in vain wants to have waited for nothing,
const MOST: Duration = Duration::from_secs(10);
/// but no more than this share of the time; one over this.
const SHARE: u32 = 6;
/// With less than this, no sentence would come to its end.
const LEAST: Duration = Duration::from_secs(4);

/// How much was tried.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tried {
    pub(super) suggestions: usize,
    pub(super) repairs: usize,
    pub(super) slips: usize,
    pub(super) answers: usize,
}

impl Search {
    /// What was tried in vain, in words.
    pub(in super::super) fn tried_in_words(&self) -> String {
        let Tried { suggestions, repairs, slips, answers } = self.tried;
        let counted = [
            (suggestions, "of the checker's suggestions", "suggestions of the checker"),
            (repairs, "plain repair", "plain repairs"),
            (slips, "small change of the code that ran", "small changes of the code that ran"),
            (answers, "change that the model wrote", "changes that the model wrote"),
        ];
        let words: Vec<String> = counted
            .into_iter()
            .filter(|(count, ..)| *count > 0)
            .map(|(count, one, many)| format!("{count} {}", if count == 1 { one } else { many }))
            .collect();
        if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
    }

    /// Has the model say why the check fails, and checks the places that it names. `None` where there is none, or no time.
    pub(in super::super) async fn explain(
        &mut self,
        sink: &mut (dyn FnMut(Update) + Send),
    ) -> Result<Option<(String, Vec<Citation>)>, FixError> {
        let until = self.deadline.max(Instant::now()) + MOST.min(self.limits.time / SHARE);
        if until < Instant::now() + LEAST || !self.limits.explains {
            return Ok(None);
        }
        let Some(models) = self.models.take() else { return Ok(None) };
        let questions = self.questions(&models.engine, &Default::default(), &self.baseline, &Probed::default());
        let Some((view, problem)) = questions.first() else { return Ok(None) };
        sink(Update::Status { text: "the model explains what it sees".to_owned() });
        self.deadline = until;
        let Some(written) = self.generate(&models, view, problem, (Style::Words, 0.0), sink).await? else {
            return Ok(None);
        };
        let answer = written.answer.trim();
        let path = self.task.root.join(&view.path);
        let files: Vec<Snapshot> =
            self.original(&view.path).map(|text| Snapshot::of_text(Some(path), &text)).into_iter().collect();
        let code = problem.others.iter().map(|(_, code)| code.as_str());
        let shown = code.chain([problem.message.as_str()]).collect::<Vec<_>>().join("\n");
        let citations = cite::check(&self.sources(), &files, answer, &shown);
        citations.iter().for_each(|citation| sink(Update::Citation(citation.clone())));
        Ok(Some((answer.to_owned(), citations)))
    }

    /// The files below the root, as an editor has them.
    fn sources(&self) -> Sources {
        let (root, open) = (self.task.root.clone(), self.task.open.clone());
        let read = move |path: &Path| {
            let text = open.get(path.strip_prefix(&root).ok()?)?;
            Some(Snapshot::of_text(Some(path.to_owned()), text))
        };
        Sources { workspace: Arc::new(Workspace::new(self.task.root.clone())), open: Arc::new(read) }
    }
}

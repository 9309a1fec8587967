//! How much of a question the local model reads in the time in which somebody waits for the first words of its answer.

use std::time::Duration;

use super::evidence::{self, Gathered, ModelTokens};
use super::{Assistant, AssistantError, Class, Limits, Question};

/// Of the time until the first words, what goes into reading. The rest is for finding what there is to read, for the words, and for
/// long prompts, which are read more slowly than short ones.
const READING_SHARE: f64 = 0.8;
/// Tokens of a user's turn beside evidence and question: what is to be done, and what stands above each piece.
const OTHER_TOKENS: usize = 80;
/// Evidence is never cut to less: a message and the lines it is about.
const LEAST_EVIDENCE: usize = 80;

impl Assistant {
    /// Tokens of a new turn that the local model reads until the first words of an answer are wanted; as many as there are
    /// where another engine answers, or nobody waits.
    pub(super) fn readable(&self, class: Class) -> usize {
        let wanted = if class == Class::Quick { self.limits.quick } else { self.limits.deep };
        if wanted.is_zero() || !self.router.is_local(class) {
            return usize::MAX;
        }
        self.readable_in(wanted.mul_f64(READING_SHARE))
    }

    /// What is found for `question` where no time limits it. The route of a question rests on that, and an engine elsewhere is
    /// shown it. `None` where `cut` is that already, or no other engine may be asked.
    pub(super) async fn uncut(
        &self,
        question: Question,
        cut: &Gathered,
        is_first: bool,
    ) -> Result<Option<Gathered>, AssistantError> {
        let class = self.class_of(&question);
        let is_cut = self.limits_for(&question, self.readable(class)).evidence_tokens < self.limits.evidence_tokens;
        if !is_cut || self.router.is_local(Class::Deep) {
            return Ok(None);
        }
        let mut limits = self.limits.clone();
        let question = match question {
            // What a checker has said it need not say again.
            Question::Explain { path, line, diagnostics } if diagnostics.is_empty() => {
                limits.may_run_checks &= !cut.diagnostics.is_empty();
                Question::Explain { path, line, diagnostics: cut.diagnostics.clone() }
            }
            question => question,
        };
        let counter = ModelTokens(self.engine.tokenizer().clone());
        evidence::gather(&self.sources, &limits, counter, question, is_first, &mut |_| {}).await.map(Some)
    }

    /// Tokens that the local model reads in this time, as far as its speed is known.
    pub(super) fn readable_in(&self, time: Duration) -> usize {
        let speed = self.engine.status().prefill_speed;
        speed.map_or(usize::MAX, |speed| (speed * time.as_secs_f64()) as usize)
    }

    /// The limits with no more evidence than fits into a turn of `new` tokens beside `question`.
    pub(super) fn limits_for(&self, question: &Question, new: usize) -> Limits {
        let asked = match question {
            Question::Ask { question, .. } => self.engine.tokenizer().count(question),
            _ => 0,
        };
        let room = new.saturating_sub(OTHER_TOKENS + asked).max(LEAST_EVIDENCE);
        Limits { evidence_tokens: self.limits.evidence_tokens.min(room), ..self.limits.clone() }
    }
}

//! One running request, step by step: a chunk of its prompt, or the next tokens of its answer.
//!
//! Which request runs, and what becomes of a slot afterwards, is the scheduler's business.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::answer::Answer;
use super::chunk::ChunkSize;
use super::sampler::Sampler;
use super::speculative::policy::{Offer, Plan, Policy};
use super::speculative::propose::{Found, Lookup, Recent, draft};
use super::speculative::verify::{Verified, verify};
use super::speculative::{MOST_PROPOSED, Source};
use crate::EngineError;
use crate::cache::prefix::Slot;
use crate::kernels::probability_of;
use crate::request::{Request, Score, SpeculationStats, StopReason};
use crate::transformer::{Greedy, LanguageModel, Logits, Rows, SequenceCache};

/// Tokens that are scored at once: a row of logits is as long as the vocabulary.
const SCORED_AT_ONCE: usize = 32;

/// From this many matching tokens on, a look-up counts as long.
const LONG_MATCH: usize = 4;

/// The models that serve requests.
#[derive(Debug)]
pub(crate) struct Models<M> {
    /// Whose answers are returned.
    pub(crate) target: M,
    /// Who proposes.
    pub(crate) draft: Option<M>,
}

/// What all requests share while one of them steps.
#[derive(Debug)]
pub(crate) struct Runner<M> {
    /// The models.
    pub(crate) models: Models<M>,
    /// What was learnt of proposals.
    pub(crate) policy: Policy,
    /// How much of a prompt runs at once.
    pub(crate) chunk: ChunkSize,
    /// What was read and written lately, to be looked up.
    pub(crate) recent: Recent,
}

impl<M> Runner<M> {
    /// Nothing measured and nothing read yet.
    pub(crate) fn new(models: Models<M>) -> Self {
        Runner { models, policy: Policy::new(), chunk: ChunkSize::new(), recent: Recent::default() }
    }
}

/// The tokens of a running request and its slot.
///
/// While the prompt is processed, the slot holds its start. Then it holds all tokens but the last, which is the next
/// one to run.
#[derive(Debug)]
pub(crate) struct Sequence<C> {
    slot: Slot<C>,
    /// Prompt and answer.
    tokens: Vec<u32>,
    prompt: usize,
    /// The part of the prompt that may be moved for the next request.
    movable: Option<Range<usize>>,
    /// Up to here the prompt is read and nothing more; what each token from here on says of the next is scored.
    unscored: usize,
    scores: Vec<Score>,
    reused: usize,
    sampler: Sampler,
    lookup: Lookup,
    speculate: bool,
    /// Tokens that such an answer usually has.
    usual_length: f64,
    stats: SpeculationStats,
    prefill: Duration,
    decode: Duration,
}

impl<C: SequenceCache> Sequence<C> {
    /// Continues from what `slot` has of the prompt.
    pub(crate) fn new<M: LanguageModel<Cache = C>>(
        mut slot: Slot<C>,
        models: &mut Models<M>,
        request: &Request,
        most: usize,
        usual_length: f64,
    ) -> Result<Self, EngineError> {
        let prompt = request.prompt.len();
        // Something has to be computed before what is moved, and after it.
        let movable = request.movable.clone().filter(|range| 0 < range.start && range.end < prompt);
        let mut reused = slot.reuse(models, &request.prompt, movable.as_ref(), most > 0)?;
        let unscored = if request.scored > 0 { prompt.saturating_sub(request.scored + 1) } else { prompt };
        if reused > unscored {
            slot.truncate(unscored);
            reused = slot.len();
        }
        Ok(Sequence {
            slot,
            tokens: request.prompt.clone(),
            prompt,
            movable,
            unscored,
            scores: Vec::new(),
            reused,
            sampler: Sampler::new(&request.sampling),
            lookup: Lookup::default(),
            speculate: request.speculate,
            usual_length,
            stats: SpeculationStats::default(),
            prefill: Duration::ZERO,
            decode: Duration::ZERO,
        })
    }

    /// Does one piece of work, as short as one can be interrupted after: a chunk of the prompt, or one forward of the
    /// target with the proposals for it. Returns why the answer ended, if it did. After an error, or a panic, the
    /// sequence and its slot are of no more use.
    pub(crate) fn step<M: LanguageModel<Cache = C>>(
        &mut self,
        runner: &mut Runner<M>,
        answer: &mut Answer,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Option<StopReason>, EngineError> {
        let start = Instant::now();
        if self.tokens.len() == self.prompt {
            let stopped = self.prefill(runner, answer);
            self.prefill += start.elapsed();
            stopped
        } else {
            let stopped = self.decode(runner, answer, interrupted);
            self.decode += start.elapsed();
            stopped
        }
    }

    /// Tokens of the prompt that were in the slot already.
    pub(crate) fn reused(&self) -> usize {
        self.reused
    }

    /// What speculation did.
    pub(crate) fn stats(&self) -> SpeculationStats {
        self.stats
    }

    /// Time spent on the prompt, and on the answer.
    pub(crate) fn times(&self) -> (Duration, Duration) {
        (self.prefill, self.decode)
    }

    /// What was found of the tokens to be scored.
    pub(crate) fn take_scores(&mut self) -> Vec<Score> {
        std::mem::take(&mut self.scores)
    }

    /// Bytes of the slot once the sequence has `more` tokens than now.
    pub(crate) fn bytes_with(&self, more: usize) -> usize {
        self.slot.bytes_at(self.tokens.len() + more)
    }

    /// Bytes of the slot.
    pub(crate) fn bytes(&self) -> usize {
        self.slot.bytes()
    }

    /// What this has read that was in no slot, and written.
    pub(crate) fn fresh(&self) -> &[u32] {
        let known = self.reused.min(self.tokens.len());
        // Of a prompt that was not read to its end nothing was written.
        let end = if self.tokens.len() == self.prompt {
            self.slot.len().clamp(known, self.prompt)
        } else {
            self.tokens.len()
        };
        &self.tokens[known..end]
    }

    /// Gives up the slot, with all of the sequence that was computed.
    pub(crate) fn into_slot(self) -> Slot<C> {
        self.slot
    }

    fn prefill<M: LanguageModel<Cache = C>>(
        &mut self,
        runner: &mut Runner<M>,
        answer: &mut Answer,
    ) -> Result<Option<StopReason>, EngineError> {
        let done = self.slot.len().min(self.prompt);
        let end = self.prompt.min(done + runner.chunk.tokens()).min(self.slot.gap_end().unwrap_or(usize::MAX));
        if done >= self.unscored {
            return self.score(runner, done..end.min(done + SCORED_AT_ONCE));
        }
        let end = end.min(self.unscored);
        let answers = answer.room() > 0;
        if done < end {
            let rows = if end == self.prompt && answers { Rows::Last } else { Rows::None };
            let start = Instant::now();
            let logits = self.slot.forward(&mut runner.models.target, &self.tokens[done..end], rows)?;
            runner.chunk.took(end - done, start.elapsed());
            if let Some(movable) = self.movable.as_ref().filter(|_| end == self.prompt) {
                self.slot.set_movable(movable);
            }
            if rows == Rows::Last && !answer.has_begun() {
                return self.begin(&logits, answer);
            }
            if rows == Rows::Last {
                let first = verify(&logits, &[], &mut self.sampler, &mut self.tokens, |choice| answer.push(choice))?;
                return Ok(first.stopped);
            }
        }
        Ok((end == self.prompt).then_some(StopReason::Length))
    }

    /// Reads a part of the prompt and says of each token after one of these what the model thought of it.
    fn score<M: LanguageModel<Cache = C>>(
        &mut self,
        runner: &mut Runner<M>,
        part: Range<usize>,
    ) -> Result<Option<StopReason>, EngineError> {
        if !part.is_empty() {
            let logits = self.slot.forward(&mut runner.models.target, &self.tokens[part.clone()], Rows::All)?;
            for (row, &token) in self.tokens[part.start + 1..self.prompt.min(part.end + 1)].iter().enumerate() {
                let Greedy { token: likeliest, probability: its_probability } = logits.greedy(row)?;
                let probability =
                    if token == likeliest { its_probability } else { probability_of(&logits.row(row)?, token) };
                self.scores.push(Score { token, probability, likeliest, its_probability });
            }
        }
        Ok((part.end == self.prompt).then_some(StopReason::Length))
    }

    /// Chooses a token that goes on spelling the beginning that was asked for.
    fn begin<L: Logits>(&mut self, logits: &L, answer: &mut Answer) -> Result<Option<StopReason>, EngineError> {
        let mut row = logits.row(0)?;
        let choice = answer.begin(&mut row, &mut self.sampler, &self.tokens)?;
        self.tokens.push(choice.token);
        Ok(answer.push(choice))
    }

    fn decode<M: LanguageModel<Cache = C>>(
        &mut self,
        runner: &mut Runner<M>,
        answer: &mut Answer,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Option<StopReason>, EngineError> {
        if !answer.has_begun() {
            let input = self.tokens[self.slot.len()..].to_vec();
            let logits = self.slot.forward(&mut runner.models.target, &input, Rows::Last)?;
            self.stats.target_forwards += 1;
            return self.begin(&logits, answer);
        }
        let Some((source, proposals)) = self.propose(runner, answer, interrupted) else { return Ok(None) };

        let base = self.slot.len();
        let mut input = self.tokens[base..].to_vec();
        input.extend_from_slice(&proposals);
        let rows = if proposals.is_empty() { Rows::Last } else { Rows::All };
        let start = Instant::now();
        let logits = self.slot.forward(&mut runner.models.target, &input, rows)?;
        let verified = verify(&logits, &proposals, &mut self.sampler, &mut self.tokens, |choice| answer.push(choice))?;
        runner.policy.target_took(input.len(), start.elapsed().as_secs_f64());
        self.slot.truncate(base + 1 + verified.accepted);

        self.count(source, proposals.len(), &verified);
        if let Some(source) = source {
            runner.policy.verified(source, verified.accepted, verified.rejected);
        }
        Ok(verified.stopped)
    }

    /// Proposals and where they are from, possibly none; or `None` when the step went into bringing the draft up to
    /// date.
    fn propose<M: LanguageModel<Cache = C>>(
        &mut self,
        runner: &mut Runner<M>,
        answer: &Answer,
        interrupted: &dyn Fn() -> bool,
    ) -> Option<(Option<Source>, Vec<u32>)> {
        // The token before the proposals is verified along with them.
        let most = MOST_PROPOSED.min(runner.models.target.most_alike() - 1).min(answer.room().saturating_sub(1));
        if !self.speculate || most == 0 {
            return Some((None, Vec::new()));
        }
        // What stands in this very text is the likelier of two that match as far.
        let (own, recent) = (self.lookup.propose(&self.tokens, most), runner.recent.propose(&self.tokens, most));
        let found = match (own, recent) {
            (Some(own), Some(recent)) if recent.matched > own.matched => Some(recent),
            (own, recent) => own.or(recent),
        };
        let mut offers = Vec::with_capacity(2);
        if let Some(found) = &found {
            offers.push(Offer { source: lookup_source(found), most: found.tokens.len(), catch_up: 0 });
        }
        if let Some(draft) = &runner.models.draft {
            let room = draft.context_limit().saturating_sub(self.tokens.len());
            let moved = self.slot.draft_gap().map_or(0, |gap| gap.len());
            let catch_up = (self.tokens.len() - 1).saturating_sub(self.slot.drafted() + moved);
            offers.push(Offer { source: Source::Draft, most: most.min(room), catch_up });
        }
        // Half of the usual length always lies ahead: an answer that is long already tends to go on.
        let usually_left = (self.usual_length - answer.generated() as f64).max(self.usual_length / 2.0);
        let remaining = usually_left.min(answer.room() as f64).max(1.0);
        match (runner.policy.choose(&offers, remaining), found) {
            (None, _) => Some((None, Vec::new())),
            (Some(Plan { source: Source::Draft, length }), _) => self.propose_by_draft(runner, length, interrupted),
            (Some(Plan { source, length }), found) => {
                let mut tokens = found.map_or_else(Vec::new, |found| found.tokens);
                tokens.truncate(length);
                Some((Some(source), tokens))
            }
        }
    }

    fn propose_by_draft<M: LanguageModel<Cache = C>>(
        &mut self,
        runner: &mut Runner<M>,
        length: usize,
        interrupted: &dyn Fn() -> bool,
    ) -> Option<(Option<Source>, Vec<u32>)> {
        let known = self.tokens.len() - 1;
        match catch_up(&mut self.slot, runner, &self.tokens[..known], FEW) {
            Ok(true) => return None,
            Ok(false) => {}
            Err(error) => return Some(self.lose_draft(runner, error)),
        }
        let start = Instant::now();
        let model = runner.models.draft.as_mut()?;
        let drafted = match self.slot.draft_cache(model) {
            Ok(cache) => draft(model, cache, &self.tokens, length, interrupted),
            Err(error) => Err(error),
        };
        match drafted {
            Ok(mut tokens) => {
                // The draft's vocabulary may have more padding than the target's, and a bad draft may propose that.
                let vocabulary = runner.models.target.vocabulary();
                let known = tokens.iter().take_while(|&&token| (token as usize) < vocabulary).count();
                tokens.truncate(known);
                runner.policy.draft_took(tokens.len(), start.elapsed().as_secs_f64());
                Some((Some(Source::Draft), tokens))
            }
            Err(error) => Some(self.lose_draft(runner, error)),
        }
    }

    /// Goes on without a draft: it only makes answers faster, so its failure must not cost one.
    fn lose_draft<M>(&mut self, runner: &mut Runner<M>, error: EngineError) -> (Option<Source>, Vec<u32>) {
        tracing::warn!(%error, "the draft model failed and is not used any more");
        runner.models.draft = None;
        self.slot.forget_draft();
        (None, Vec::new())
    }

    fn count(&mut self, source: Option<Source>, proposed: usize, verified: &Verified) {
        self.stats.target_forwards += 1;
        self.stats.proposed += proposed;
        self.stats.accepted += verified.accepted;
        match source {
            Some(Source::Draft) => self.stats.from_draft += verified.accepted,
            Some(Source::ShortLookup | Source::LongLookup) => self.stats.from_lookup += verified.accepted,
            None => {}
        }
    }
}

/// Tokens that the draft may lack when it is asked for proposals: they run along with the last one for nearly nothing.
const FEW: usize = 8;

/// Runs one chunk of what the draft lacks of `tokens`, the first ones of the slot. Returns whether it did, which it
/// does not when at most `few` tokens are lacking.
pub(crate) fn catch_up<M: LanguageModel>(
    slot: &mut Slot<M::Cache>,
    runner: &mut Runner<M>,
    tokens: &[u32],
    few: usize,
) -> Result<bool, EngineError> {
    let (drafted, gap) = (slot.drafted(), slot.draft_gap());
    let Some(model) = &mut runner.models.draft else { return Ok(false) };
    let known = tokens.len().min(model.context_limit());
    // Proposals cannot be made across a gap, however few tokens are lacking before and after it.
    if known <= drafted + few && gap.is_none() {
        return Ok(false);
    }
    let end = known.min(drafted + runner.chunk.tokens()).min(gap.map_or(usize::MAX, |gap| gap.start));
    if end <= drafted {
        return Ok(false);
    }
    let start = Instant::now();
    slot.forward_draft(model, &tokens[drafted..end])?;
    runner.policy.catch_up_took(end - drafted, start.elapsed().as_secs_f64());
    Ok(true)
}

fn lookup_source(found: &Found) -> Source {
    if found.matched >= LONG_MATCH { Source::LongLookup } else { Source::ShortLookup }
}

#[cfg(test)]
#[path = "sequence_tests.rs"]
mod tests;

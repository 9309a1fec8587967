//! How many tokens to propose, and from where: whatever should give the most tokens a second by what was measured.
//!
//! No clock is read here. Costs come in seconds from the caller, so the same measurements give the same decisions.

use super::{MOST_PROPOSED, Source};

/// Weight of the newest measurement of a cost.
const COST_WEIGHT: f64 = 0.2;

/// Weight of the newest proposal in a source's acceptance: about the last thirty count.
const ACCEPTANCE_WEIGHT: f64 = 0.03;

/// Proposals that the guess at a source's acceptance counts for.
const GUESS_COUNT: f64 = 8.0;

/// The guesses, for the sources in their order. The draft's is high so that it is tried early and judged by what it does:
/// a small model of the target's own series foresees most of its tokens in code.
const ACCEPTANCE_GUESS: [f64; Source::ALL.len()] = [0.4, 0.7, 0.85];

/// What one more row of verification is thought to cost, in forwards of one row, before it was measured.
const ROW_GUESS: f64 = 0.1;

/// What one forward of the draft is thought to cost, in forwards of the target, before it was measured.
const DRAFT_GUESS: f64 = 0.4;

/// What running one known token through the draft is thought to cost, in forwards of the target, before it was measured.
const CATCH_UP_GUESS: f64 = 0.1;

/// A source that does not pay is tried again after this many steps, and after twice as many each time in vain.
const FIRST_RETRY: u32 = 32;

/// The most steps between two tries.
const LAST_RETRY: u32 = 1024;

/// Tokens proposed in each step of such a try.
const RETRY_LENGTH: usize = 3;

/// Steps of such a try: one alone says too little.
const RETRY_STEPS: u32 = 4;

/// The most tokens the draft may have to catch up with for such a try.
const RETRY_CATCH_UP: usize = 64;

/// A measured cost of a target forward is forgotten after so many steps without another. A length that once was slow
/// for a reason of that moment is then judged by its neighbours, and used and measured again.
const FORGET_AFTER: u32 = 512;

/// Every so many steps nothing is proposed, so that the price of a plain step stays known.
const PLAIN_EVERY: u32 = 64;

/// A running mean whose first values count alike, so that none of them sticks.
#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    value: f64,
    count: u32,
}

impl Mean {
    fn add(&mut self, value: f64, weight: f64) {
        self.count = self.count.saturating_add(1);
        self.value += (value - self.value) * weight.max(1.0 / f64::from(self.count));
    }

    fn known(&self) -> Option<f64> {
        (self.count > 0).then_some(self.value)
    }
}

/// What is known of one source.
#[derive(Clone, Copy, Debug)]
struct Record {
    /// Probability that a proposal is accepted when those before it were.
    acceptance: f64,
    /// Proposals that were right or wrong.
    judged: f64,
    /// Steps since the source was last used although it was available.
    passed_over: u32,
    retry_after: u32,
    /// Steps left of a try.
    trying: u32,
}

/// A source that could propose now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Offer {
    /// The source.
    pub(crate) source: Source,
    /// The most tokens it can propose.
    pub(crate) most: usize,
    /// Tokens that the draft has to run before it can propose; 0 for look-ups.
    pub(crate) catch_up: usize,
}

/// What to propose in one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// From where.
    pub(crate) source: Source,
    /// How many tokens, 1 to `MOST_PROPOSED`.
    pub(crate) length: usize,
}

/// Measured costs and acceptance, and the choice that follows from them.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    records: [Record; Source::ALL.len()],
    /// Seconds of a target forward, by rows; 0 is unused.
    target: [Mean; MOST_PROPOSED + 2],
    /// The step in which each of them was measured last.
    measured: [u32; MOST_PROPOSED + 2],
    /// Seconds of a draft forward of one token.
    draft: Mean,
    /// Seconds for each of many tokens run through the draft at once.
    catch_up: Mean,
    steps: u32,
}

impl Policy {
    /// Nothing measured, and a cautious guess at each source.
    pub(crate) fn new() -> Self {
        let record =
            |acceptance| Record { acceptance, judged: 0.0, passed_over: 0, retry_after: FIRST_RETRY, trying: 0 };
        Policy {
            records: ACCEPTANCE_GUESS.map(record),
            target: [Mean::default(); MOST_PROPOSED + 2],
            measured: [0; MOST_PROPOSED + 2],
            draft: Mean::default(),
            catch_up: Mean::default(),
            steps: 0,
        }
    }

    /// The best of `offers` for a sequence that will probably grow by `remaining` tokens, or none if none pays.
    pub(crate) fn choose(&mut self, offers: &[Offer], remaining: f64) -> Option<Plan> {
        self.steps = self.steps.wrapping_add(1);
        if self.steps.is_multiple_of(PLAIN_EVERY) {
            return None;
        }
        let mut best_seconds = remaining * self.seconds_per_token(None, 0);
        let mut best = None;
        for offer in offers {
            for length in 1..=offer.most.min(MOST_PROPOSED) {
                let seconds = self.catch_up_seconds(offer.catch_up)
                    + remaining * self.seconds_per_token(Some(offer.source), length);
                if seconds < best_seconds {
                    best_seconds = seconds;
                    best = Some(Plan { source: offer.source, length });
                }
            }
        }
        if best.is_none() {
            best = self.retry(offers);
        }
        for offer in offers {
            let record = &mut self.records[offer.source as usize];
            let chosen = best.is_some_and(|plan| plan.source == offer.source);
            record.passed_over = if chosen { 0 } else { record.passed_over.saturating_add(1) };
        }
        best
    }

    /// Takes in that of a source's proposals `accepted` were right, and whether the next one was wrong.
    pub(crate) fn verified(&mut self, source: Source, accepted: usize, rejected: bool) {
        let record = &mut self.records[source as usize];
        for outcome in std::iter::repeat_n(1.0, accepted).chain(rejected.then_some(0.0)) {
            record.judged += 1.0;
            let weight = ACCEPTANCE_WEIGHT.max(1.0 / (record.judged + GUESS_COUNT));
            record.acceptance += (outcome - record.acceptance) * weight;
        }
        let tried = record.trying == 1;
        record.trying = record.trying.saturating_sub(1);
        if self.pays(source) {
            self.records[source as usize].retry_after = FIRST_RETRY;
        } else if tried {
            let record = &mut self.records[source as usize];
            record.retry_after = (record.retry_after * 2).min(LAST_RETRY);
        }
    }

    /// Takes in that the target ran `rows` tokens of one sequence in `seconds`.
    pub(crate) fn target_took(&mut self, rows: usize, seconds: f64) {
        if rows < self.target.len() {
            if self.measured_seconds(rows).is_none() {
                self.target[rows] = Mean::default();
            }
            self.target[rows].add(seconds, COST_WEIGHT);
            self.measured[rows] = self.steps;
        }
    }

    /// Takes in that the draft proposed `tokens` tokens in `seconds`.
    pub(crate) fn draft_took(&mut self, tokens: usize, seconds: f64) {
        if tokens > 0 {
            self.draft.add(seconds / tokens as f64, COST_WEIGHT);
        }
    }

    /// Takes in that the draft ran `tokens` known tokens in `seconds`.
    pub(crate) fn catch_up_took(&mut self, tokens: usize, seconds: f64) {
        if tokens > 0 {
            self.catch_up.add(seconds / tokens as f64, COST_WEIGHT);
        }
    }

    /// Whether proposals from `source` pay where it has nothing to catch up with.
    pub(crate) fn pays(&self, source: Source) -> bool {
        let plain = self.seconds_per_token(None, 0);
        (1..=MOST_PROPOSED).any(|length| self.seconds_per_token(Some(source), length) < plain)
    }

    /// A step of a try of a source, under way or due because it was passed over for long enough.
    fn retry(&mut self, offers: &[Offer]) -> Option<Plan> {
        for offer in offers.iter().filter(|offer| offer.most > 0 && offer.catch_up <= RETRY_CATCH_UP) {
            let record = &mut self.records[offer.source as usize];
            if record.trying == 0 && record.passed_over >= record.retry_after {
                record.trying = RETRY_STEPS;
            }
            if record.trying > 0 {
                return Some(Plan { source: offer.source, length: offer.most.min(RETRY_LENGTH) });
            }
        }
        None
    }

    /// Expected seconds for each token when `length` tokens from `source` are proposed in each step.
    fn seconds_per_token(&self, source: Option<Source>, length: usize) -> f64 {
        let (acceptance, draft_seconds) = match source {
            Some(Source::Draft) => (self.records[Source::Draft as usize].acceptance, self.draft_seconds()),
            Some(source) => (self.records[source as usize].acceptance, 0.0),
            None => (0.0, 0.0),
        };
        let accepted: f64 = (1..=length).map(|position| acceptance.powi(position as i32)).sum();
        (draft_seconds * length as f64 + self.target_seconds(length + 1)) / (accepted + 1.0)
    }

    /// Seconds of a target forward of `rows` rows: measured, or in proportion between or past what was measured.
    fn target_seconds(&self, rows: usize) -> f64 {
        let measured = |rows: usize| self.measured_seconds(rows).map(|seconds| (rows, seconds));
        let below = (1..=rows).rev().find_map(measured);
        let above = (rows..self.target.len()).find_map(measured);
        match (below, above) {
            (Some((low, seconds)), _) if low == rows => seconds,
            (Some((low, a)), Some((high, b))) => a + (b - a) * (rows - low) as f64 / (high - low) as f64,
            (Some((low, seconds)), None) => seconds * relative_cost(rows) / relative_cost(low),
            (None, Some((high, seconds))) => seconds * relative_cost(rows) / relative_cost(high),
            (None, None) => relative_cost(rows),
        }
    }

    /// The measured cost, unless it was forgotten.
    fn measured_seconds(&self, rows: usize) -> Option<f64> {
        let age = self.steps.wrapping_sub(self.measured[rows]);
        self.target[rows].known().filter(|_| age < FORGET_AFTER)
    }

    fn draft_seconds(&self) -> f64 {
        self.draft.known().unwrap_or_else(|| DRAFT_GUESS * self.target_seconds(1))
    }

    fn catch_up_seconds(&self, tokens: usize) -> f64 {
        tokens as f64 * self.catch_up.known().unwrap_or_else(|| CATCH_UP_GUESS * self.target_seconds(1))
    }
}

/// The guess at the cost of `rows` rows, in forwards of one row.
fn relative_cost(rows: usize) -> f64 {
    1.0 + ROW_GUESS * (rows as f64 - 1.0)
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;

//! Verification: the target's own choices, row by row, for as long as the proposals foresaw them.
//!
//! A proposal is a point mass, and for one the rule of speculative sampling (accept x with probability p(x), else
//! draw from p without x; Leviathan et al. 2023) comes to: draw y from p, and accept x if y = x. So the sampler
//! draws as it would without proposals, from the same rows with the same random numbers. The answer is then not
//! just distributed as the target's: for one seed it is the target's, token for token. Greedy is the special case.

use crate::EngineError;
use crate::decode::sampler::{Choice, Sampler};
use crate::request::StopReason;
use crate::transformer::Logits;

/// What came out of one verification.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Verified {
    /// How many proposals, from the first on, are what the target chose.
    pub(crate) accepted: usize,
    /// Whether the proposal after those is not.
    pub(crate) rejected: bool,
    /// Why the answer ended, if it did.
    pub(crate) stopped: Option<StopReason>,
}

/// Chooses a token from each row of `logits` while `proposals` foresaw the one before. Row `i` follows `history` and
/// the first `i` proposals. Every choice is appended to `history` and handed to `emit`, which says whether to stop.
pub(crate) fn verify<L: Logits>(
    logits: &L,
    proposals: &[u32],
    sampler: &mut Sampler,
    history: &mut Vec<u32>,
    mut emit: impl FnMut(Choice) -> Option<StopReason>,
) -> Result<Verified, EngineError> {
    let mut verified = Verified { accepted: 0, rejected: false, stopped: None };
    for row in 0..=proposals.len() {
        let choice = sampler.choose(logits, row, history)?;
        let token = choice.token;
        history.push(token);
        verified.stopped = emit(choice);
        match proposals.get(row) {
            Some(&proposed) if proposed == token => verified.accepted += 1,
            Some(_) => verified.rejected = true,
            None => {}
        }
        if verified.rejected || verified.stopped.is_some() {
            break;
        }
    }
    Ok(verified)
}

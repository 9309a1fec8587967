//! Slots: sequences kept after their request ended, and the choice of the one that serves the next request best.
//!
//! A running request owns its slot, so what is here is idle and may be evicted. Nothing here computes.

use crate::EngineError;
use crate::transformer::{LanguageModel, Rows, SequenceCache};

/// The most idle slots. Each reserves address space for a whole context, and more documents than this are not
/// edited at once.
const MOST_SLOTS: usize = 16;

/// A keyed slot is filled from another one when that shares this many tokens more. Copying a position costs
/// thousands of times less than computing it, so the margin only keeps trivial copies out.
const WORTH_COPYING: usize = 16;

/// A sequence of tokens with their keys and values in the target, and of a part of them in the draft.
///
/// The draft's cache holds the same tokens from the start on, but often fewer: it is filled only when drafting pays.
#[derive(Debug)]
pub(crate) struct Slot<C> {
    key: Option<u64>,
    tokens: Vec<u32>,
    target: C,
    draft: Option<C>,
    used: u64,
}

impl<C: SequenceCache> Slot<C> {
    fn new(key: Option<u64>, target: C) -> Self {
        Slot { key, tokens: Vec::new(), target, draft: None, used: 0 }
    }

    /// Tokens held.
    pub(crate) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// The tokens held.
    pub(crate) fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    /// Appends `tokens`. After an error the slot holds nothing one can rely on.
    pub(crate) fn forward<M: LanguageModel<Cache = C>>(
        &mut self,
        model: &mut M,
        tokens: &[u32],
        rows: Rows,
    ) -> Result<M::Logits, EngineError> {
        let logits = model.forward(tokens, &mut self.target, rows)?;
        self.tokens.extend_from_slice(tokens);
        Ok(logits)
    }

    /// Forgets everything from token `len` on, in both caches; what the draft ran ahead goes too.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.tokens.truncate(len);
        self.target.truncate(self.tokens.len());
        if let Some(draft) = &mut self.draft
            && draft.len() > self.tokens.len()
        {
            draft.truncate(self.tokens.len());
        }
    }

    /// The draft's cache, made on first use. It may run ahead of the tokens until the next `truncate`.
    pub(crate) fn draft_cache<M: LanguageModel<Cache = C>>(&mut self, model: &M) -> Result<&mut C, EngineError> {
        if self.draft.is_none() {
            self.draft = Some(model.new_cache(self.target.capacity().min(model.context_limit()))?);
        }
        self.draft.as_mut().ok_or(EngineError::Died)
    }

    /// Tokens that the draft's cache holds.
    pub(crate) fn drafted(&self) -> usize {
        self.draft.as_ref().map_or(0, SequenceCache::len)
    }

    /// Drops the draft's cache, for when there is no draft any more.
    pub(crate) fn forget_draft(&mut self) {
        self.draft = None;
    }

    /// Bytes of both caches.
    pub(crate) fn bytes(&self) -> usize {
        self.target.bytes() + self.draft.as_ref().map_or(0, SequenceCache::bytes)
    }

    /// Bytes of both caches when they hold `positions`.
    pub(crate) fn bytes_at(&self, positions: usize) -> usize {
        let draft = self.draft.as_ref().map_or(0, SequenceCache::bytes_per_position);
        positions * (self.target.bytes_per_position() + draft)
    }

    /// Makes this slot hold the first `len` tokens of `other`.
    fn copy_prefix(&mut self, other: &Self, len: usize) {
        self.tokens.clear();
        self.tokens.extend_from_slice(&other.tokens[..len]);
        self.target.copy_prefix(&other.target, len);
        match (&mut self.draft, &other.draft) {
            (Some(draft), Some(source)) => draft.copy_prefix(source, len.min(source.len())),
            (Some(draft), None) => draft.truncate(0),
            (None, _) => {}
        }
    }
}

/// The idle slots, within a bound of memory.
#[derive(Debug)]
pub(crate) struct Slots<C> {
    idle: Vec<Slot<C>>,
    limit: usize,
    clock: u64,
}

impl<C: SequenceCache> Slots<C> {
    /// No slots, and room for `limit` bytes of them.
    pub(crate) fn new(limit: usize) -> Self {
        Slots { idle: Vec::new(), limit, clock: 0 }
    }

    /// Idle slots.
    pub(crate) fn len(&self) -> usize {
        self.idle.len()
    }

    /// Bytes of all idle slots.
    pub(crate) fn bytes(&self) -> usize {
        self.idle.iter().map(Slot::bytes).sum()
    }

    /// The slot given back last.
    pub(crate) fn latest(&mut self) -> Option<&mut Slot<C>> {
        self.idle.iter_mut().max_by_key(|slot| slot.used)
    }

    /// Takes the slot that serves `prompt` best; what it holds may go on differently than the prompt does.
    ///
    /// The slot of the same `key` comes first, filled from another one if that shares much more. Without one, an
    /// unkeyed slot is taken over if it shares more than it would lose; otherwise the longest shared prefix is
    /// copied into a new slot. Slots are evicted, least recently used first, until `positions` tokens of this
    /// request fit beside `busy` bytes of other requests' slots; those of running requests are not here and stay.
    pub(crate) fn take(
        &mut self,
        key: Option<u64>,
        prompt: &[u32],
        positions: usize,
        busy: usize,
        new_cache: impl FnOnce() -> Result<C, EngineError>,
    ) -> Result<Slot<C>, EngineError> {
        let shared: Vec<usize> = self.idle.iter().map(|slot| common_prefix(&slot.tokens, prompt)).collect();
        let best = (0..self.idle.len()).max_by_key(|&index| (shared[index], self.idle[index].used));
        let keyed = key.and_then(|key| self.idle.iter().position(|slot| slot.key == Some(key)));
        let own = keyed.or_else(|| best.filter(|&best| key.is_none() && self.may_take_over(best, shared[best])));

        let have = own.map_or(0, |own| shared[own]);
        let source = best.filter(|&best| Some(best) != own && shared[best] >= have + WORTH_COPYING);
        let mut slot = match own {
            Some(_) => None,
            None => Some(Slot::new(key, new_cache()?)),
        };
        if let Some(source) = source {
            match (&mut slot, own) {
                (Some(slot), _) => slot.copy_prefix(&self.idle[source], shared[source]),
                (None, Some(own)) => {
                    let [own, source_slot] =
                        self.idle.get_disjoint_mut([own, source]).map_err(|_| EngineError::Died)?;
                    own.copy_prefix(source_slot, shared[source]);
                }
                (None, None) => {}
            }
        }
        let mut slot = match (slot, own) {
            (Some(slot), _) => slot,
            (None, Some(own)) => self.idle.swap_remove(own),
            (None, None) => return Err(EngineError::Died),
        };
        if key.is_some() {
            slot.key = key;
        }
        let needed = slot.bytes_at(positions.max(slot.len()));
        self.evict(busy + needed, MOST_SLOTS - 1);
        Ok(slot)
    }

    /// Keeps `slot` for later requests, and evicts others until all fit beside `busy` bytes.
    pub(crate) fn give_back(&mut self, mut slot: Slot<C>, busy: usize) {
        self.clock += 1;
        slot.used = self.clock;
        // Two requests with one key can run at once when one preempts the other: the later slot keeps the name.
        for other in &mut self.idle {
            if slot.key.is_some() && other.key == slot.key {
                other.key = None;
            }
        }
        self.idle.push(slot);
        self.evict(busy, MOST_SLOTS);
    }

    /// Whether what is here could take twice the memory.
    pub(crate) fn could_double(&self) -> bool {
        self.bytes() * 2 <= self.limit
    }

    /// Drops every draft cache, for when there is no draft any more.
    pub(crate) fn forget_drafts(&mut self) {
        self.idle.iter_mut().for_each(Slot::forget_draft);
    }

    fn may_take_over(&self, index: usize, shared: usize) -> bool {
        let slot = &self.idle[index];
        slot.key.is_none() && shared > 0 && slot.len() - shared <= shared
    }

    fn evict(&mut self, busy: usize, most: usize) {
        while self.idle.len() > most || (!self.idle.is_empty() && self.bytes() + busy > self.limit) {
            let oldest = (0..self.idle.len()).min_by_key(|&index| self.idle[index].used).unwrap_or(0);
            self.idle.swap_remove(oldest);
        }
    }
}

/// How many tokens two sequences share from their start.
pub(crate) fn common_prefix(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests;

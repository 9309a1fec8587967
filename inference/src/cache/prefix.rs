//! Slots: sequences kept after their request ended, and the choice of the one that serves the next request best.
//!
//! A running request owns its slot, so what is here is idle and may be evicted. Nothing here computes.

use std::ops::Range;

use crate::EngineError;
use crate::decode::sequence::Models;
use crate::transformer::{LanguageModel, Rows, SequenceCache};

/// The most idle slots. Each reserves address space for a whole context, and more documents than this are not
/// edited at once.
const MOST_SLOTS: usize = 16;

/// A keyed slot is filled from another one when that shares this many tokens more. Copying a position costs
/// thousands of times less than computing it, so the margin only keeps trivial copies out.
const WORTH_COPYING: usize = 16;

/// Fewer tokens are computed as fast as they are moved.
const WORTH_MOVING: usize = 8;

/// How often the same keys are moved before they are computed anew: they are rounded to half floats each time, and what
/// they say of the text before them grows old.
const MOST_MOVES: usize = 32;

/// A sequence of tokens with their keys and values in the target, and of a part of them in the draft.
///
/// The draft's cache holds the same tokens from the start on, but often fewer: it is filled only when drafting pays.
#[derive(Debug)]
pub(crate) struct Slot<C> {
    key: Option<u64>,
    tokens: Vec<u32>,
    target: C,
    draft: Option<C>,
    island: Option<Island>,
    used: u64,
}

/// Tokens whose keys and values can be moved when only the text before them changes, as the text after a cursor does.
///
/// After a move the island lies ahead of the slot's tokens until these have grown up to it; then it joins them.
#[derive(Debug)]
struct Island {
    start: usize,
    tokens: Vec<u32>,
    /// Moves since it was computed.
    moves: usize,
    /// Where computing it anew has come to.
    refreshed: usize,
    /// Whether the draft's cache has it too although it is shorter.
    ahead_of_draft: bool,
}

impl Island {
    fn end(&self) -> usize {
        self.start + self.tokens.len()
    }
}

impl<C: SequenceCache> Slot<C> {
    fn new(key: Option<u64>, target: C) -> Self {
        Slot { key, tokens: Vec::new(), target, draft: None, island: None, used: 0 }
    }

    /// Gets ready for a prompt: keeps what it shares with the tokens held, and moves its part `movable` to its place
    /// where only the text before that has changed. Returns how many tokens of the prompt need not be computed. At
    /// least the last one needs to be where an answer is wanted, because its logits were not kept.
    pub(crate) fn reuse<M: LanguageModel<Cache = C>>(
        &mut self,
        models: &mut Models<M>,
        prompt: &[u32],
        movable: Option<&Range<usize>>,
        answers: bool,
    ) -> Result<usize, EngineError> {
        let mut shared = common_prefix(&self.tokens, prompt).min(prompt.len() - usize::from(answers));
        // What was moved, and what was computed after it, is good enough only for a request that would move the same.
        let would_move = |island: &Island| movable == Some(&(island.start..island.end())) && shared >= island.end();
        if !self.island.as_ref().is_some_and(would_move) {
            shared = shared.min(self.exact());
        }
        if let Some(range) = movable
            && shared < range.start
            && self.move_island(models, prompt, range)?
        {
            self.cut(shared);
            return Ok(shared + range.len());
        }
        // A request that only fills the cache must not cut off what the slot knows beyond its prompt.
        if shared < prompt.len() {
            self.truncate(shared);
        }
        Ok(shared)
    }

    /// Moves the island to `range` of the prompt, if it is what stands there.
    fn move_island<M: LanguageModel<Cache = C>>(
        &mut self,
        models: &mut Models<M>,
        prompt: &[u32],
        range: &Range<usize>,
    ) -> Result<bool, EngineError> {
        let Some(island) = &mut self.island else { return Ok(false) };
        let worth = range.len() >= WORTH_MOVING && range.end <= self.target.capacity();
        if !worth || island.moves >= MOST_MOVES || island.tokens != prompt[range.clone()] {
            return Ok(false);
        }
        let from = island.start..island.end();
        if !models.target.shift(&mut self.target, from.clone(), range.start)? {
            return Ok(false);
        }
        let drafted = self.draft.as_ref().map_or(0, SequenceCache::len);
        let draft_has_it = drafted >= from.end || (island.ahead_of_draft && drafted <= from.start);
        island.ahead_of_draft = match (&mut models.draft, &mut self.draft) {
            (Some(model), Some(cache)) if draft_has_it && range.end <= cache.capacity() => {
                model.shift(cache, from, range.start)?
            }
            _ => false,
        };
        island.start = range.start;
        island.refreshed = range.start;
        island.moves += 1;
        Ok(true)
    }

    /// Remembers that `range` of the tokens can be moved from now on.
    pub(crate) fn set_movable(&mut self, range: &Range<usize>) {
        if self.island.as_ref().is_some_and(|island| (island.start..island.end()) == *range) {
            return;
        }
        let tokens = self.tokens[range.clone()].to_vec();
        let (start, refreshed) = (range.start, range.start);
        self.island = Some(Island { start, tokens, moves: 0, refreshed, ahead_of_draft: false });
    }

    /// Where the island begins that the tokens have still to grow up to. Nothing may be computed across this place.
    pub(crate) fn gap_end(&self) -> Option<usize> {
        self.island.as_ref().map(|island| island.start).filter(|&start| self.len() <= start)
    }

    /// The island that the draft's tokens have still to grow up to.
    pub(crate) fn draft_gap(&self) -> Option<Range<usize>> {
        let island = self.island.as_ref().filter(|island| island.ahead_of_draft && self.drafted() <= island.start)?;
        Some(island.start..island.end())
    }

    /// Appends `tokens` to the draft's cache. After an error it holds nothing one can rely on.
    pub(crate) fn forward_draft<M: LanguageModel<Cache = C>>(
        &mut self,
        model: &mut M,
        tokens: &[u32],
    ) -> Result<(), EngineError> {
        let gap = self.draft_gap();
        let cache = self.draft_cache(model)?;
        model.forward(tokens, cache, Rows::None)?;
        if let Some(gap) = gap.filter(|gap| cache.len() == gap.start) {
            cache.extend(gap.end);
        }
        Ok(())
    }

    /// Whether a part of what was moved waits to be computed anew.
    pub(crate) fn is_stale(&self) -> bool {
        self.island.as_ref().is_some_and(|island| island.moves > 0 && self.len() >= island.end())
    }

    /// Computes up to `most` moved tokens anew. After an error the slot holds nothing one can rely on.
    pub(crate) fn refresh<M: LanguageModel<Cache = C>>(
        &mut self,
        model: &mut M,
        most: usize,
    ) -> Result<(), EngineError> {
        let Some(island) = self.island.as_mut() else { return Ok(()) };
        let (from, end, len) = (island.refreshed, island.end(), self.target.len());
        let to = end.min(from + most);
        self.target.truncate(from);
        model.forward(&self.tokens[from..to], &mut self.target, Rows::None)?;
        self.target.extend(len);
        island.refreshed = to;
        if to == end {
            island.moves = 0;
            // What follows was computed from the keys as they were.
            self.cut(end);
        }
        Ok(())
    }

    /// Tokens from the start on whose keys and values are what an empty cache would get.
    fn exact(&self) -> usize {
        let moved = self.island.as_ref().filter(|island| island.moves > 0);
        moved.map_or(usize::MAX, |island| island.start).min(self.len())
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
        let gap_end = self.gap_end();
        self.tokens.extend_from_slice(tokens);
        if let Some(island) = self.island.as_ref().filter(|_| gap_end == Some(self.tokens.len())) {
            self.tokens.extend_from_slice(&island.tokens);
            self.target.extend(self.tokens.len());
        }
        Ok(logits)
    }

    /// Forgets everything from token `len` on, in both caches; what the draft ran ahead goes too.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.cut(len);
        // What comes next is written over it.
        self.island.take_if(|island| island.end() > self.tokens.len());
    }

    /// Forgets tokens, and keeps the island.
    fn cut(&mut self, len: usize) {
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
        self.island = None;
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
        let shared: Vec<usize> =
            self.idle.iter().map(|slot| common_prefix(&slot.tokens, prompt).min(slot.exact())).collect();
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

    /// Drops the slot given back last.
    pub(crate) fn drop_latest(&mut self) {
        if let Some(latest) = (0..self.idle.len()).max_by_key(|&index| self.idle[index].used) {
            self.idle.swap_remove(latest);
        }
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

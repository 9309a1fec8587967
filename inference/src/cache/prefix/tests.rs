//! Slots: which one a prompt gets, what is reused and what is evicted.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::decode::sequence::{Models, Runner, catch_up};
use crate::toy::{Toy, ToyCache};

const KEY: Option<u64> = Some(1);
const OTHER: Option<u64> = Some(2);

struct Fixture {
    toy: Toy,
    slots: Slots<ToyCache>,
}

impl Fixture {
    fn new(limit: usize) -> Self {
        Fixture { toy: Toy::new(50, 3), slots: Slots::new(limit) }
    }

    fn take(&mut self, key: Option<u64>, prompt: &[u32]) -> Slot<ToyCache> {
        let toy = &self.toy;
        self.slots.take(key, prompt, prompt.len(), 0, || toy.new_cache(200)).unwrap()
    }

    /// Runs a prompt through a slot and gives it back; returns how much of it was cached.
    fn serve(&mut self, key: Option<u64>, prompt: &[u32]) -> usize {
        let mut slot = self.take(key, prompt);
        let shared = common_prefix(slot.tokens(), prompt);
        slot.truncate(shared);
        if shared < prompt.len() {
            slot.forward(&mut self.toy, &prompt[shared..], Rows::None).unwrap();
        }
        self.slots.give_back(slot, 0);
        shared
    }
}

fn text(seed: u32, len: u32) -> Vec<u32> {
    (0..len).map(|position| (seed * 31 + position * 7) % 50).collect()
}

#[test]
fn a_keyed_slot_serves_its_key_and_no_other_loses_by_it() {
    let mut fixture = Fixture::new(100_000);
    assert_eq!(fixture.serve(KEY, &text(1, 100)), 0);
    assert_eq!(fixture.serve(KEY, &text(1, 110)), 100);
    assert_eq!(fixture.serve(OTHER, &text(1, 90)), 90, "copied");
    assert_eq!(fixture.serve(KEY, &text(1, 120)), 110, "and still there");
    assert_eq!(fixture.slots.len(), 2);
}

#[test]
fn a_keyed_slot_is_filled_from_one_that_shares_much_more() {
    let mut fixture = Fixture::new(100_000);
    fixture.serve(KEY, &text(1, 100));
    fixture.serve(OTHER, &text(2, 100));
    assert_eq!(fixture.serve(OTHER, &text(1, 60)), 60);
    assert_eq!(fixture.serve(KEY, &text(1, 100)), 100);
    assert_eq!(fixture.slots.len(), 2);
}

#[test]
fn an_unkeyed_slot_is_taken_over_only_if_little_is_lost() {
    let mut fixture = Fixture::new(100_000);
    fixture.serve(None, &text(1, 100));
    assert_eq!(fixture.serve(None, &text(1, 120)), 100);
    assert_eq!(fixture.slots.len(), 1);
    let mut other = text(1, 40);
    other.extend(text(3, 40));
    assert_eq!(fixture.serve(None, &other), 40);
    assert_eq!(fixture.slots.len(), 2, "the long conversation stays");
    assert_eq!(fixture.serve(None, &text(1, 120)), 120);
}

#[test]
fn the_least_recently_used_are_evicted_beyond_the_bound() {
    let mut fixture = Fixture::new(2500);
    fixture.serve(KEY, &text(1, 100));
    fixture.serve(OTHER, &text(2, 100));
    fixture.serve(KEY, &text(1, 100));
    let third = fixture.take(Some(3), &text(3, 100));
    assert_eq!(fixture.slots.len(), 1);
    assert_eq!(fixture.slots.latest().and_then(|slot| slot.key), KEY);
    fixture.slots.give_back(third, 0);
    let evicting = fixture.take(KEY, &text(1, 100));
    fixture.slots.give_back(evicting, 2000);
    assert_eq!(fixture.slots.len(), 0, "a running request leaves no room for idle ones");
}

#[test]
fn the_number_of_slots_is_bounded() {
    let mut fixture = Fixture::new(1_000_000);
    for key in 0..40 {
        fixture.serve(Some(key), &text(key as u32, 10));
    }
    assert_eq!(fixture.slots.len(), MOST_SLOTS);
}

#[test]
fn the_later_of_two_slots_with_one_key_keeps_it() {
    let mut fixture = Fixture::new(100_000);
    let mut first = fixture.take(KEY, &text(1, 50));
    let second = fixture.take(KEY, &text(1, 50));
    first.forward(&mut fixture.toy, &text(1, 50), Rows::None).unwrap();
    fixture.slots.give_back(first, 0);
    fixture.slots.give_back(second, 0);
    let keys: Vec<_> = fixture.slots.idle.iter().map(|slot| (slot.key, slot.len())).collect();
    assert_eq!(keys, [(None, 50), (KEY, 0)]);
}

#[test]
fn the_draft_follows_truncation_and_copies() {
    let mut fixture = Fixture::new(100_000);
    let prompt = text(1, 60);
    let mut slot = fixture.take(KEY, &prompt);
    slot.forward(&mut fixture.toy, &prompt, Rows::None).unwrap();
    let mut draft = fixture.toy.draft(0.5);
    let cache = slot.draft_cache(&draft).unwrap();
    draft.forward(&prompt[..50], cache, Rows::None).unwrap();
    assert_eq!((slot.drafted(), slot.bytes()), (50, 1100));
    slot.truncate(55);
    assert_eq!(slot.drafted(), 50);
    slot.truncate(30);
    assert_eq!((slot.drafted(), slot.len()), (30, 30));
    fixture.slots.give_back(slot, 0);
    let copy = fixture.take(OTHER, &text(1, 25));
    assert_eq!((copy.drafted(), copy.len()), (0, 25), "a new slot has no draft cache to copy to");
    fixture.slots.forget_drafts();
    assert_eq!(fixture.slots.bytes(), 300);
}

/// One editing session: a head that changes, a tail that rarely does, now and then a request that ends early, and one of
/// another document that begins in the same way. What is held lies where the tokens say, and a request that names
/// nothing movable finds only what an empty cache would hold.
#[test]
fn what_is_moved_is_in_its_place_and_never_passes_for_computed() {
    let mut random = StdRng::seed_from_u64(4);
    let (mut moved, mut refreshed, mut after_a_move) = (0, 0, 0);
    for session in 0..60 {
        let toy = Toy::new(50, 3);
        let draft = (session % 3 > 0).then(|| toy.draft(0.5));
        let mut runner = Runner::new(Models { target: toy, draft });
        let mut slots: Slots<ToyCache> = Slots::new(1 << 20);
        let mut token = |count: usize| -> Vec<u32> { (0..count).map(|_| random.random_range(0..9)).collect() };
        let (mut head, mut tail) = (token(40), token(20));
        for step in 0..60 {
            match token(1)[0] {
                0 => tail = token(20),
                // The tail's end is edited, and its start stays.
                3 => {
                    tail.truncate(12);
                    tail.extend(token(8));
                }
                1 => head.truncate(head.len() - 5),
                2 => head = token(30),
                _ => head.extend(token(3)),
            }
            let prompt = [&head[..], &[40], &tail, &[41]].concat();
            // At times only the tail's end may be moved.
            let range = head.len() + 1 + 8 * usize::from(step % 11 == 0)..prompt.len() - 1;
            let movable = (step % 7 > 0).then_some(&range);
            let key = if step % 13 == 0 { OTHER } else { KEY };
            let models = &mut runner.models;
            let mut slot = slots.take(key, &prompt, 300, 0, || models.target.new_cache(300)).unwrap();
            let was_moved = slot.island.as_ref().is_some_and(|island| island.moves > 0);
            let reused = slot.reuse(models, &prompt, movable, true).unwrap();
            assert!(reused < prompt.len());
            if movable.is_none() {
                assert_eq!((slot.len(), slot.target.exact()), (reused, reused), "session {session}, step {step}");
                after_a_move += usize::from(was_moved);
            }
            moved += usize::from(slot.gap_end().is_some());
            let ends_early = token(1)[0] == 3;
            while slot.len() < prompt.len() {
                let end = (slot.len() + 7).min(prompt.len()).min(slot.gap_end().unwrap_or(usize::MAX));
                slot.forward(&mut runner.models.target, &prompt[slot.len()..end], Rows::None).unwrap();
                if ends_early {
                    break;
                }
            }
            if slot.len() == prompt.len()
                && let Some(range) = movable
            {
                slot.set_movable(range);
            }
            let tokens = slot.tokens().to_vec();
            if step % 4 > 0 {
                while catch_up(&mut slot, &mut runner, &tokens, 0).unwrap() {}
            }
            while slot.is_stale() && step % 5 < 2 {
                refreshed += 1;
                slot.refresh(&mut runner.models.target, 9).unwrap();
                if step % 5 == 1 {
                    break;
                }
            }
            assert_eq!(slot.tokens(), &prompt[..slot.len()]);
            assert_eq!(slot.target.held(), slot.tokens());
            if let Some(draft) = &slot.draft {
                assert_eq!(draft.held(), &slot.tokens()[..draft.len()]);
            }
            slots.give_back(slot, 0);
        }
    }
    assert!(moved > 500 && refreshed > 50 && after_a_move > 50, "{moved}, {refreshed}, {after_a_move}");
}

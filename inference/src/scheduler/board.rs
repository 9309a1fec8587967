//! What the worker and the handles see of each other without waiting: a few numbers.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};

use crate::request::Priority;

/// Shared numbers. Each is right by itself; together they are a sketch, good for a status line.
#[derive(Debug, Default)]
pub(crate) struct Board {
    /// 1 + the highest priority handed in since the worker last looked, 0 when there is none.
    arrived: AtomicU8,
    /// 1 + the priority of the running job, 0 when there is none.
    running: AtomicU8,
    waiting: AtomicUsize,
    cache_bytes: AtomicUsize,
    slots: AtomicUsize,
    draft: AtomicBool,
    /// Tokens of a prompt per second, as the bits of a float; 0 while that is unknown.
    prefill_speed: AtomicU64,
    stopping: AtomicBool,
}

impl Board {
    /// Says that a job was handed in.
    pub(crate) fn announce(&self, priority: Priority) {
        self.arrived.fetch_max(priority as u8 + 1, Ordering::Relaxed);
    }

    /// Forgets announcements; to be called before the inbox is emptied, so that none is lost.
    pub(super) fn clear_announcements(&self) {
        self.arrived.store(0, Ordering::Relaxed);
    }

    /// Whether anything was handed in that is more urgent than `priority`.
    pub(super) fn announced_above(&self, priority: Priority) -> bool {
        self.arrived.load(Ordering::Relaxed) > priority as u8 + 1
    }

    /// Whether the worker should end.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Asks the worker to end.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Takes down what the worker does.
    pub(super) fn update(&self, running: Option<Priority>, waiting: usize, cache_bytes: usize, slots: usize) {
        self.running.store(running.map_or(0, |priority| priority as u8 + 1), Ordering::Relaxed);
        self.waiting.store(waiting, Ordering::Relaxed);
        self.cache_bytes.store(cache_bytes, Ordering::Relaxed);
        self.slots.store(slots, Ordering::Relaxed);
    }

    /// Takes down whether there is a draft model.
    pub(super) fn set_draft(&self, ready: bool) {
        self.draft.store(ready, Ordering::Relaxed);
    }

    /// Takes down how many tokens of a prompt are processed in a second.
    pub(super) fn set_prefill_speed(&self, speed: Option<f64>) {
        self.prefill_speed.store(speed.map_or(0, f64::to_bits), Ordering::Relaxed);
    }

    /// Tokens of a prompt that are processed in a second, once that is known.
    pub(crate) fn prefill_speed(&self) -> Option<f64> {
        Some(f64::from_bits(self.prefill_speed.load(Ordering::Relaxed))).filter(|speed| *speed > 0.0)
    }

    /// Whether the draft model serves.
    pub(crate) fn draft_ready(&self) -> bool {
        self.draft.load(Ordering::Relaxed)
    }

    /// Whether a completion is running.
    pub(crate) fn completes(&self) -> bool {
        self.running.load(Ordering::Relaxed) == Priority::Completion as u8 + 1
    }

    /// Whether any job is running.
    pub(crate) fn is_busy(&self) -> bool {
        self.running.load(Ordering::Relaxed) > 0
    }

    /// Jobs that wait or are preempted.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Bytes of cached keys and values.
    pub(crate) fn cache_bytes(&self) -> usize {
        self.cache_bytes.load(Ordering::Relaxed)
    }

    /// Cached sequences that no job uses.
    pub(crate) fn slots(&self) -> usize {
        self.slots.load(Ordering::Relaxed)
    }
}

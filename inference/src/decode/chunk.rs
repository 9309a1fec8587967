//! How much of a prompt is processed between two looks at what else waits.

use std::time::Duration;

/// How long one chunk should take: the longest that a more urgent request, or a cancellation, waits for a prefill.
const CHUNK_TIME: Duration = Duration::from_millis(150);

/// Below this, the weights are read so often that prefill gets slower.
const SMALLEST: usize = 32;

/// Above this, nothing gets faster on any device.
const LARGEST: usize = 512;

/// The size of prefill chunks, from the measured speed. What is computed does not depend on it.
#[derive(Clone, Debug)]
pub(crate) struct ChunkSize {
    tokens: usize,
}

impl ChunkSize {
    /// A size that suits a slow machine.
    pub(crate) fn new() -> Self {
        ChunkSize { tokens: 64 }
    }

    /// Tokens to process at once.
    pub(crate) fn tokens(&self) -> usize {
        self.tokens
    }

    /// Takes in that a chunk of `tokens` took `time`. Steps by no more than a factor of two, because one measurement
    /// may be off; small chunks say nothing and are passed over.
    pub(crate) fn took(&mut self, tokens: usize, time: Duration) {
        if tokens < SMALLEST {
            return;
        }
        let fitting = tokens as f64 * CHUNK_TIME.as_secs_f64() / time.as_secs_f64().max(1e-6);
        let bounded = (fitting as usize).clamp(self.tokens / 2, self.tokens * 2);
        self.tokens = (bounded / SMALLEST * SMALLEST).clamp(SMALLEST, LARGEST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_follow_the_measured_speed_within_bounds() {
        let mut size = ChunkSize::new();
        for _ in 0..8 {
            size.took(64, Duration::from_millis(320));
        }
        assert_eq!(size.tokens(), SMALLEST);
        for _ in 0..8 {
            size.took(64, Duration::from_millis(75));
        }
        assert_eq!(size.tokens(), 128);
        size.took(3, Duration::from_secs(9));
        assert_eq!(size.tokens(), 128);
        for _ in 0..8 {
            size.took(64, Duration::ZERO);
        }
        assert_eq!(size.tokens(), LARGEST);
    }
}

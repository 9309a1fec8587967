//! How much of a prompt is processed between two looks at what else waits.

use std::time::Duration;

/// How long one chunk should take: the longest that a more urgent request, or a cancellation, waits for a prefill.
const CHUNK_TIME: Duration = Duration::from_millis(150);

/// Below this, the weights are read so often that prefill gets slower.
const SMALLEST: usize = 32;

/// Above this, nothing gets faster on any device.
const LARGEST: usize = 512;

/// A chunk that says how fast prompts are processed has so many tokens at least.
const TELLING: usize = 16;

/// The size of prefill chunks, from the measured speed. What is computed does not depend on it.
#[derive(Clone, Debug)]
pub(crate) struct ChunkSize {
    tokens: usize,
    speed: Option<f64>,
}

impl ChunkSize {
    /// A size that suits a slow machine.
    pub(crate) fn new() -> Self {
        ChunkSize { tokens: 64, speed: None }
    }

    /// Tokens to process at once.
    pub(crate) fn tokens(&self) -> usize {
        self.tokens
    }

    /// Tokens of a prompt that are processed in a second, once that is known.
    pub(crate) fn speed(&self) -> Option<f64> {
        self.speed
    }

    /// Takes in that a chunk of `tokens` took `time`. Steps by no more than a factor of two, because one measurement
    /// may be off; small chunks say nothing and are passed over.
    pub(crate) fn took(&mut self, tokens: usize, time: Duration) {
        let speed = tokens as f64 / time.as_secs_f64().max(1e-6);
        if tokens >= TELLING {
            self.speed = Some(self.speed.map_or(speed, |known| f64::midpoint(known, speed)));
        }
        if tokens < SMALLEST {
            return;
        }
        let fitting = speed * CHUNK_TIME.as_secs_f64();
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
        size.took(15, Duration::from_millis(1));
        assert_eq!(size.speed(), None);
        for _ in 0..8 {
            size.took(64, Duration::from_millis(320));
        }
        assert_eq!((size.tokens(), size.speed()), (SMALLEST, Some(200.0)));
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

//! The circuit breaker: an engine that keeps failing is left alone for a while, so that nobody waits for it in vain.

use std::time::{Duration, Instant};

use super::RemoteError;

/// Failures in a row after which it opens.
const FAILURES: u32 = 3;
/// How long it stays open the first time; twice as long each further time.
const REST: Duration = Duration::from_secs(30);
/// The longest rest.
const LONGEST: Duration = Duration::from_secs(600);

/// What is known of an engine's health.
#[derive(Clone, Debug, Default)]
pub struct Breaker {
    failures: u32,
    rests: u32,
    until: Option<Instant>,
}

impl Breaker {
    /// Whether the engine may be asked now. After a rest it may be asked once, and one more failure is the next rest.
    pub fn check(&self, now: Instant) -> Result<(), RemoteError> {
        match self.until {
            Some(until) if now < until => {
                let seconds = (until - now).as_secs() + 1;
                Err(RemoteError::Resting { failures: self.failures, seconds })
            }
            _ => Ok(()),
        }
    }

    /// Takes in an answer.
    pub fn succeeded(&mut self) {
        *self = Breaker::default();
    }

    /// Takes in a failure.
    pub fn failed(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES {
            self.until = Some(now + REST.saturating_mul(1 << self.rests.min(8)).min(LONGEST));
            self.rests = self.rests.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_failures_are_a_rest_and_each_further_one_a_longer_rest() {
        let (mut breaker, start) = (Breaker::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        breaker.failed(at(0));
        breaker.failed(at(1));
        assert_eq!(breaker.check(at(1)), Ok(()));
        breaker.failed(at(2));
        assert_eq!(breaker.check(at(2)), Err(RemoteError::Resting { failures: 3, seconds: 31 }));
        assert_eq!(breaker.check(at(31)), Err(RemoteError::Resting { failures: 3, seconds: 2 }));
        assert_eq!(breaker.check(at(32)), Ok(()), "one try");
        breaker.failed(at(33));
        assert_eq!(breaker.check(at(92)), Err(RemoteError::Resting { failures: 4, seconds: 2 }));
        for _ in 0..40 {
            breaker.failed(at(100));
        }
        assert_eq!(breaker.check(at(700)), Ok(()), "ten minutes are the most");
        breaker.succeeded();
        breaker.failed(at(701));
        assert_eq!(breaker.check(at(701)), Ok(()), "an answer wipes the slate");
    }
}

//! How long to wait before asking again: longer each time, and never all at the same moment.

use std::time::Duration;

use super::RemoteError;

/// The longest that a server may make us wait.
const LONGEST: Duration = Duration::from_secs(20);

/// How often to ask again, and how long to wait before.
#[derive(Clone, Copy, Debug)]
pub struct Retries {
    /// Attempts after the first.
    pub most: u32,
    /// The wait before the first of them, on average; twice as long before each further one.
    pub first: Duration,
}

impl Default for Retries {
    fn default() -> Retries {
        Retries { most: 2, first: Duration::from_millis(300) }
    }
}

impl Retries {
    /// The wait before attempt `attempt` (from 1), after `error`; none when there shall be no further attempt. `random` is
    /// from 0 up to 1 and spreads clients that failed together.
    pub fn wait(&self, attempt: u32, error: &RemoteError, random: f64) -> Option<Duration> {
        if attempt > self.most || !error.is_passing() {
            return None;
        }
        let grown = self.first.saturating_mul(1 << (attempt - 1).min(10));
        let wait = grown.mul_f64(0.5 + random.clamp(0.0, 1.0)).min(LONGEST);
        match error {
            // Who was silent for as long as one waits has taken all the time there is.
            RemoteError::Silent => None,
            // Who asks for more patience than a person has is not asked again.
            RemoteError::Status { retry_after: Some(after), .. } if *after > LONGEST => None,
            RemoteError::Status { retry_after: Some(after), .. } => Some(wait.max(*after)),
            _ => Some(wait),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_stay_within_bounds() {
        let retries = Retries { most: 3, first: Duration::from_millis(100) };
        let ms = |attempt, error: &RemoteError, random| retries.wait(attempt, error, random).map(|w| w.as_millis());
        let cut = RemoteError::Cut(0);
        assert_eq!([ms(1, &cut, 0.0), ms(1, &cut, 1.0)], [Some(50), Some(150)]);
        assert_eq!([ms(2, &cut, 0.5), ms(3, &cut, 0.5), ms(4, &cut, 0.5)], [Some(200), Some(400), None]);
        assert_eq!(ms(1, &RemoteError::Silent, 0.5), None, "the time is over");
        let status = |status, seconds: Option<u64>| {
            let retry_after = seconds.map(Duration::from_secs);
            RemoteError::Status { status, message: String::new(), retry_after }
        };
        assert_eq!(ms(1, &status(429, Some(3)), 0.5), Some(3000), "the server's own wish");
        assert_eq!(ms(1, &status(429, Some(3600)), 0.5), None, "an hour is no wait");
        assert_eq!(ms(1, &status(401, None), 0.5), None, "a wrong key stays wrong");
        assert_eq!(ms(1, &status(503, None), 0.5), Some(100));
        let many = Retries { most: 99, first: Duration::from_secs(1) };
        assert_eq!(many.wait(90, &cut, 1.0), Some(LONGEST));
    }
}

//! How much may leave: requests and tokens for each day, and tokens for each request. Counted in a file that all processes
//! of the user share.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

const DAY: Duration = Duration::from_secs(86_400);

/// What may leave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Allowance {
    /// Requests a day (UTC).
    pub requests_per_day: u64,
    /// Tokens a day, of prompts and answers.
    pub tokens_per_day: u64,
    /// Tokens of one prompt and its answer.
    pub tokens_per_request: u64,
    /// What the requests of a day may cost; 0 for no limit.
    pub cost_per_day: f64,
    /// What one of them may cost; 0 for no limit.
    pub cost_per_request: f64,
}

/// What a request takes of it at most, or what it turns out to have left.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Amount {
    /// Tokens, of prompt and answer.
    pub tokens: u64,
    /// What they cost.
    pub cost: f64,
}

/// The allowance and where it is counted.
#[derive(Clone, Debug)]
pub struct Quota {
    allowance: Allowance,
    file: PathBuf,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Used {
    /// Days since 1970.
    day: u64,
    requests: u64,
    tokens: u64,
    cost: f64,
}

impl Quota {
    /// Counts in `file`.
    pub fn new(allowance: Allowance, file: PathBuf) -> Quota {
        Quota { allowance, file }
    }

    /// Takes a request of up to `amount`, or says why there is none left. What cannot be counted is not taken.
    pub fn take(&self, amount: Amount, now: SystemTime) -> Result<(), String> {
        let Amount { tokens, cost } = amount;
        let Allowance { requests_per_day, tokens_per_day, tokens_per_request, cost_per_day, cost_per_request } =
            self.allowance;
        if cost_per_request > 0.0 && cost > cost_per_request {
            return Err(format!("it may cost {cost:.4}, and {cost_per_request} is allowed for one request"));
        }
        if tokens > tokens_per_request {
            return Err(format!("it may take {tokens} tokens, and {tokens_per_request} are allowed for one request"));
        }
        self.change(now, |used| {
            if used.requests >= requests_per_day {
                return Err(format!("all {requests_per_day} requests of the day are used"));
            }
            if used.tokens + tokens > tokens_per_day {
                return Err(format!("{} of the day's {tokens_per_day} tokens are used", used.tokens));
            }
            if cost_per_day > 0.0 && used.cost + cost > cost_per_day {
                return Err(format!("{:.4} of the day's {cost_per_day} is spent", used.cost));
            }
            used.requests += 1;
            used.tokens += tokens;
            used.cost += cost;
            Ok(())
        })
    }

    /// Gives back what a request took and did not use.
    pub fn give_back(&self, amount: Amount, now: SystemTime) {
        let given = self.change(now, |used| {
            used.tokens = used.tokens.saturating_sub(amount.tokens);
            used.cost = (used.cost - amount.cost).max(0.0);
            Ok(())
        });
        if let Err(error) = given {
            tracing::warn!("{error}");
        }
    }

    fn change(&self, now: SystemTime, change: impl FnOnce(&mut Used) -> Result<(), String>) -> Result<(), String> {
        let failed = |error: std::io::Error| format!("the quota cannot be counted in {}: {error}", self.file.display());
        let mut file = open(&self.file).map_err(failed)?;
        file.lock().map_err(failed)?;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(failed)?;
        let today = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() / DAY.as_secs();
        // A file that was damaged counts as that of another day.
        let mut used: Used = serde_json::from_str(&text).unwrap_or_default();
        if used.day != today {
            used = Used { day: today, ..Used::default() };
        }
        change(&mut used)?;
        let text = serde_json::to_string(&used).map_err(|error| failed(error.into()))?;
        file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(text.as_bytes())).map_err(failed)
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_so_many_requests_and_tokens() {
        let directory = tempfile::tempdir().unwrap();
        let allowance = Allowance {
            requests_per_day: 3,
            tokens_per_day: 1000,
            tokens_per_request: 600,
            cost_per_day: 0.0,
            cost_per_request: 0.0,
        };
        let of_tokens = |tokens| Amount { tokens, cost: 0.0 };
        let quota = Quota::new(allowance, directory.path().join("state/quota.json"));
        let at = |hours: u64| UNIX_EPOCH + Duration::from_secs(20_000 * 86_400 + hours * 3600);
        let take = |tokens, hours| quota.take(of_tokens(tokens), at(hours));
        assert_eq!(take(601, 0), Err("it may take 601 tokens, and 600 are allowed for one request".to_owned()));
        assert_eq!(take(600, 0), Ok(()));
        assert_eq!(take(600, 1), Err("600 of the day's 1000 tokens are used".to_owned()));
        quota.give_back(of_tokens(500), at(1));
        assert_eq!(take(600, 2), Ok(()));
        assert_eq!(take(1, 3), Ok(()));
        assert_eq!(take(1, 23), Err("all 3 requests of the day are used".to_owned()));
        assert_eq!(take(600, 24), Ok(()), "a new day");
        let elsewhere = Quota::new(allowance, directory.path().to_path_buf());
        assert!(elsewhere.take(of_tokens(1), at(0)).unwrap_err().starts_with("the quota cannot be counted in"));
    }

    #[test]
    fn money_is_counted_where_the_user_set_a_limit() {
        let directory = tempfile::tempdir().unwrap();
        let allowance = Allowance {
            requests_per_day: 100,
            tokens_per_day: 1000,
            tokens_per_request: 600,
            cost_per_day: 1.0,
            cost_per_request: 0.6,
        };
        let quota = Quota::new(allowance, directory.path().join("quota.json"));
        let take = |cost| quota.take(Amount { tokens: 1, cost }, UNIX_EPOCH);
        assert_eq!(take(0.75), Err("it may cost 0.7500, and 0.6 is allowed for one request".to_owned()));
        assert_eq!(take(0.5), Ok(()));
        assert_eq!(take(0.5), Ok(()));
        assert_eq!(take(0.25), Err("1.0000 of the day's 1 is spent".to_owned()));
        quota.give_back(Amount { tokens: 0, cost: 0.5 }, UNIX_EPOCH);
        assert_eq!(take(0.25), Ok(()));
    }
}

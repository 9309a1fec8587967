//! Reads the lines of an access log and says how long visitors waited.

mod summary;

use summary::Summary;

/// One line of the log.
pub struct Visit {
    /// The page that was asked for.
    pub page: String,
    /// How long the answer took, in milliseconds.
    pub ms: u64,
}

impl Visit {
    /// Reads a line such as `/search 240`.
    fn parse(line: &str) -> Option<Visit> {
        let (page, ms) = line.split_once(' ')?;
        Some(Visit { page: page.to_string(), ms: ms.parse().ok()? })
    }
}

/// Adds up what visitors waited.
fn summarize(visits: Vec<Visit>) -> Summary {
    let mut summary = Summary::default();
    for visit in &visits {
        summary.add(visit);
    }
    summary
}

fn main() {
    let log = "/index.html 12\n/search 240\n/login 35\n/search 310";
    let visits: Vec<Visit> = log.lines().filter_map(Visit::parse).collect();
    let summary = summarize(visits);
    println!("{} visits, {:.1} ms on average", visits.len(), summary.mean_ms());
}

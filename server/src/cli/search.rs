//! `halfline search`: places of a workspace that fit a question.

use std::path::PathBuf;
use std::time::Instant;

use halfline_context::{Hit, SearchOptions, Workspace};
use serde::Serialize;

use super::{Invocation, index, output, root_of};
use crate::cache_directory;

/// Find the places of a workspace that fit a question
#[derive(clap::Args)]
#[command(
    about = "Find the places of a workspace that fit a question, an error message or a name",
    after_help = "The index is brought up to date first.\n\nExample: halfline search 'where are redirects followed' --root . --limit 5"
)]
pub(super) struct Args {
    /// What to look for
    query: String,
    /// The workspace [default: the one around the current directory]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// The most places to return
    #[arg(long, value_name = "N", default_value_t = 10)]
    limit: usize,
    /// Only files in this language, as in `rust`
    #[arg(long, value_name = "NAME")]
    language: Option<String>,
    /// Only files whose path in the workspace starts with this
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Found {
    hits: Vec<Hit>,
    timings_ms: Timings,
}

/// Where the time went, in milliseconds.
#[derive(Serialize)]
struct Timings {
    /// Opening what is kept.
    open: f64,
    /// Reading what has changed.
    scan: f64,
    /// Searching.
    search: f64,
}

pub(super) fn run(args: Args, invocation: &Invocation) -> anyhow::Result<()> {
    let root = root_of(args.root.as_deref(), &std::env::current_dir()?)?;
    invocation.config(&root)?;
    let started = Instant::now();
    let workspace = Workspace::open(&root, &cache_directory());
    let opened = Instant::now();
    index::scan(&workspace);
    let scanned = Instant::now();
    let options =
        SearchOptions { limit: args.limit, language: args.language, path: args.path, ..SearchOptions::default() };
    let hits = halfline_context::search(&workspace, &args.query, &options);
    let timings_ms = Timings {
        open: milliseconds(started, opened),
        scan: milliseconds(opened, scanned),
        search: milliseconds(scanned, Instant::now()),
    };
    if args.json {
        return output::json(&Found { hits, timings_ms });
    }
    for hit in &hits {
        let symbol = hit.symbol.as_ref().map(|symbol| format!("  {symbol}")).unwrap_or_default();
        output::line(&format!("{:6.3}  {}:{}-{}{symbol}", hit.score, hit.path, hit.lines.0, hit.lines.1))?;
    }
    if hits.is_empty() {
        output::note("nothing was found");
    }
    Ok(())
}

/// From one moment to another, to a tenth of a millisecond.
fn milliseconds(from: Instant, to: Instant) -> f64 {
    ((to - from).as_secs_f64() * 10_000.0).round() / 10.0
}

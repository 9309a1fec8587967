//! `halfline search`: places of a workspace that fit a question.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use halfline_context::retrieval::Retriever;
use halfline_context::{Hit, PathFilter, Results, SearchOptions, Workspace};
use serde::Serialize;

use super::{Invocation, index, output, root_of, vectors};
use crate::cache_directory;

/// Find the places of a workspace that fit a question
#[derive(clap::Args)]
#[command(
    about = "Find the places of a workspace that fit a question, an error message or a name",
    after_help = "The index is brought up to date first. Vectors for searching by meaning are computed for a few seconds; the next search, an editor, or `halfline index --vectors` computes the rest.\n\nExample: halfline search 'where are redirects followed' --root . --limit 5"
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
    /// Only files whose path in the workspace fits this glob, or starts with it where it has no wildcard
    #[arg(long, value_name = "GLOB")]
    path: Option<String>,
    /// Compare words, meaning, or both
    #[arg(long, value_enum, value_name = "WHAT", default_value_t)]
    by: vectors::By,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// How long a search may compute vectors before it goes on with those that are there.
const VECTORS_TIME: Duration = Duration::from_secs(3);

#[derive(Serialize)]
struct Found {
    hits: Vec<Hit>,
    /// What took part in finding them, and what did not and why.
    retrievers: Vec<Retriever>,
    timings_ms: Timings,
}

/// Where the time went, in milliseconds.
#[derive(Serialize)]
struct Timings {
    /// Opening what is kept.
    open: f64,
    /// Reading what has changed.
    scan: f64,
    /// Computing vectors.
    vectors: f64,
    /// Searching.
    search: f64,
}

pub(super) fn run(args: Args, invocation: &Invocation) -> anyhow::Result<()> {
    let root = root_of(args.root.as_deref(), &std::env::current_dir()?)?;
    let config = invocation.config(&root)?;
    let path = args.path.as_deref().map(PathFilter::new).transpose().context("--path")?;
    if let Some(language) = args.language.as_deref().filter(|name| halfline_grammars::by_name(name).is_none()) {
        let known: Vec<&str> = halfline_grammars::all().iter().map(halfline_grammars::Language::name).collect();
        anyhow::bail!("--language: `{language}` is not known; known are {}", known.join(", "));
    }
    let started = Instant::now();
    let workspace = Workspace::open(&root, &cache_directory());
    let opened = Instant::now();
    index::scan(&workspace);
    let scanned = Instant::now();
    let by = args.by.into();
    let options = SearchOptions { limit: args.limit, language: args.language, path, by, ..SearchOptions::default() };
    let (found, vectors) = vectors::search(&config, &workspace, &args.query, &options, Some(VECTORS_TIME));
    let timings_ms = Timings {
        open: milliseconds(started, opened),
        scan: milliseconds(opened, scanned),
        vectors: milliseconds(scanned, scanned + vectors),
        search: milliseconds(scanned + vectors, Instant::now()),
    };
    let Results { hits, retrievers } = found;
    if args.json {
        return output::json(&Found { hits, retrievers, timings_ms });
    }
    for Retriever { name, chunks, of, why, .. } in &retrievers {
        if let Some(why) = why {
            output::note(&format!("{name}: {chunks} of {of} chunks: {why}"));
        }
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

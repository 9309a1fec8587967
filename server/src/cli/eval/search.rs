//! `halfline eval search`: how far up the places that a question means are found, beside plain BM25 of whole files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use halfline_context::retrieval::PlainSearch;
use halfline_context::{Hit, SearchOptions, Workspace};
use serde::{Deserialize, Serialize};

use super::{Common, Invocation, mean, root};
use crate::cache_directory;
use crate::cli::{index, output, vectors};

/// Places looked at for each case.
const DEPTH: usize = 10;

/// Score searches: recall, mean reciprocal rank and NDCG
#[derive(clap::Args)]
#[command(
    about = "Score searches: recall at 1, 5 and 10, mean reciprocal rank, NDCG at 10, beside plain BM25 of whole files",
    after_help = "A case is {\"id\", \"query\", \"root\", \"relevant\": [\"path\" or \"path:symbol\"]}.\n\nExample: halfline eval search cases.jsonl --json"
)]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
    /// Compare words, meaning, or both
    #[arg(long, value_enum, value_name = "WHAT", default_value_t)]
    by: vectors::By,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    query: String,
    root: PathBuf,
    relevant: Vec<String>,
}

#[derive(Serialize)]
struct Row {
    id: String,
    /// Ranks of the relevant places that were found, from 1.
    ranks: Vec<usize>,
    relevant: usize,
    ndcg_at_10: f64,
    found: Vec<String>,
    search_ms: f64,
    /// What plain BM25 of whole files came to.
    baseline: Ranks,
}

/// Where the relevant places of a case were found.
#[derive(Serialize)]
struct Ranks {
    /// From 1; nothing for those that were not found.
    ranks: Vec<usize>,
    ndcg_at_10: f64,
}

#[derive(Serialize)]
struct Report {
    cases: usize,
    /// What was compared.
    by: vectors::By,
    /// Cases in which all that should be compared was there to compare.
    complete: usize,
    #[serde(flatten)]
    scores: Scores,
    search_ms: f64,
    /// What plain BM25 of whole files (k1 1.2, b .75) scores on the same cases.
    baseline: Scores,
}

#[derive(Debug, PartialEq, Serialize)]
struct Scores {
    recall_at_1: f64,
    recall_at_5: f64,
    recall_at_10: f64,
    mean_reciprocal_rank: f64,
    ndcg_at_10: f64,
}

/// A workspace, and the plain search in it.
struct Searched {
    workspace: Arc<Workspace>,
    plain: PlainSearch,
}

pub(super) fn run(args: &Args, invocation: &Invocation) -> anyhow::Result<()> {
    let cases: Vec<Case> = args.common.cases()?;
    let config = invocation.config(&std::env::current_dir()?)?;
    let mut rows = args.common.rows()?;
    let mut workspaces: BTreeMap<PathBuf, Searched> = BTreeMap::new();
    let mut done = Vec::new();
    let mut whole = 0;
    for (number, case) in cases.iter().enumerate() {
        let root = root(&args.common.dataset, &case.root)?;
        let Searched { workspace, plain } = workspaces.entry(root).or_insert_with_key(|root| {
            let workspace = Workspace::open(root, &cache_directory());
            index::scan(&workspace);
            if args.by != vectors::By::Words
                && let Err(why) = vectors::compute(&config, &workspace, None)
            {
                output::note(&format!("{}: no vectors: {why}", root.display()));
            }
            Searched { plain: PlainSearch::read(&workspace), workspace: Arc::new(workspace) }
        });
        let started = Instant::now();
        // A file that is relevant as a whole is found by its best place; more of the same say nothing new.
        let per_file = if case.relevant.iter().any(|relevant| relevant.contains(':')) { 2 } else { 1 };
        let options = SearchOptions { limit: DEPTH, per_file, by: args.by.into(), ..SearchOptions::default() };
        let results = halfline_context::search(workspace, &case.query, &options);
        if results.retrievers.iter().all(|retriever| retriever.chunks > 0) {
            whole += 1;
        }
        let search_ms = started.elapsed().as_secs_f64() * 1e3;
        let row = judge(workspace, case, &results.hits, &plain.best(&case.query, DEPTH), search_ms);
        output::note(&format!("{}/{} {}: {:.2}", number + 1, cases.len(), case.id, row.ndcg_at_10));
        rows.write(&row)?;
        done.push(row);
    }
    let report = Report { by: args.by, complete: whole, ..report(&done) };
    if args.common.json {
        return output::json(&report);
    }
    output::line(&format!("{} cases: {}", report.cases, told(&report.scores)))?;
    Ok(output::line(&format!("plain BM25 of whole files: {}", told(&report.baseline)))?)
}

fn told(scores: &Scores) -> String {
    format!(
        "recall at 1 {:.3}, at 5 {:.3}, at 10 {:.3}; mean reciprocal rank {:.3}; NDCG at 10 {:.3}",
        scores.recall_at_1, scores.recall_at_5, scores.recall_at_10, scores.mean_reciprocal_rank, scores.ndcg_at_10
    )
}

fn judge(workspace: &Workspace, case: &Case, hits: &[Hit], plain: &[&str], search_ms: f64) -> Row {
    let fits = |hit: &Hit, relevant: &str| match relevant.rsplit_once(':') {
        Some((path, symbol)) => hit.path == path && shows(workspace, hit, symbol),
        None => hit.path == relevant,
    };
    let found = ranked(case, |relevant| hits.iter().position(|hit| fits(hit, relevant)));
    // It knows files only: it need not find the symbol in one.
    let file = |relevant: &str| relevant.rsplit_once(':').map_or(relevant.to_owned(), |(path, _)| path.to_owned());
    let baseline = ranked(case, |relevant| plain.iter().position(|path| *path == file(relevant)));
    Row {
        id: case.id.clone(),
        ranks: found.ranks,
        relevant: case.relevant.len(),
        ndcg_at_10: found.ndcg_at_10,
        found: hits.iter().map(|hit| format!("{}:{}", hit.path, hit.symbol.as_deref().unwrap_or_default())).collect(),
        search_ms,
        baseline,
    }
}

/// Whether the lines of a hit show the definition of `symbol`, or lie in it: a chunk joins short definitions, and the hit
/// names only one of them.
fn shows(workspace: &Workspace, hit: &Hit, symbol: &str) -> bool {
    if hit.symbol.as_deref() == Some(symbol) {
        return true;
    }
    let Some(file) = workspace.file(&workspace.root().join(Path::new(&hit.path))) else { return false };
    let (first, last) = (hit.lines.0.saturating_sub(1), hit.lines.1.saturating_sub(1));
    file.definitions.iter().filter(|one| one.name == symbol).any(|one| {
        let starts_in_hit = first <= one.lines.0 && one.lines.0 <= last;
        starts_in_hit || (one.lines.0 <= first && last <= one.lines.1)
    })
}

/// The ranks at which `find` (from 0) comes upon what is relevant, and their gain beside that of the ideal order.
fn ranked(case: &Case, find: impl Fn(&str) -> Option<usize>) -> Ranks {
    let mut ranks: Vec<usize> = case.relevant.iter().filter_map(|relevant| find(relevant)).map(|at| at + 1).collect();
    ranks.sort_unstable();
    let gain = |rank: usize| 1.0 / ((rank + 1) as f64).log2();
    let ideal: f64 = (1..=case.relevant.len().min(DEPTH)).map(gain).sum();
    let gained: f64 = ranks.iter().map(|&rank| gain(rank)).sum();
    // One place can be all that is relevant, which no order of several places would be.
    Ranks { ndcg_at_10: (gained / ideal.max(f64::MIN_POSITIVE)).min(1.0), ranks }
}

fn report(rows: &[Row]) -> Report {
    let own = rows.iter().map(|row| (row.relevant, row.ranks.as_slice(), row.ndcg_at_10));
    let plain = rows.iter().map(|row| (row.relevant, row.baseline.ranks.as_slice(), row.baseline.ndcg_at_10));
    Report {
        cases: rows.len(),
        by: vectors::By::default(),
        complete: 0,
        scores: scores(own),
        search_ms: mean(rows.iter().map(|row| row.search_ms)),
        baseline: scores(plain),
    }
}

/// The means over cases: how much is relevant, the ranks of what was found, and NDCG at 10.
fn scores<'a>(cases: impl Iterator<Item = (usize, &'a [usize], f64)> + Clone) -> Scores {
    let recall = |depth: usize| {
        let found = |ranks: &[usize]| ranks.iter().filter(|&&rank| rank <= depth).count() as f64;
        mean(cases.clone().map(|(relevant, ranks, _)| found(ranks) / relevant.max(1) as f64))
    };
    Scores {
        recall_at_1: recall(1),
        recall_at_5: recall(5),
        recall_at_10: recall(10),
        mean_reciprocal_rank: mean(
            cases.clone().map(|(_, ranks, _)| ranks.first().map_or(0.0, |&rank| 1.0 / rank as f64)),
        ),
        ndcg_at_10: mean(cases.clone().map(|(.., ndcg)| ndcg)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_become_scores() {
        let hit = |path: &str, symbol: &str| Hit {
            path: path.to_owned(),
            lines: (1, 2),
            symbol: Some(symbol.to_owned()),
            score: 1.0,
            bm25: 1.0,
            dense: None,
            stale: false,
        };
        let case = |relevant: &[&str]| Case {
            id: "one".to_owned(),
            query: String::new(),
            root: PathBuf::new(),
            relevant: relevant.iter().map(|path| (*path).to_owned()).collect(),
        };
        let workspace = Workspace::new("nowhere");
        let hits = [hit("a.rs", "f"), hit("b.rs", "g"), hit("b.rs", "h")];
        let judged = |relevant: &[&str], ms: f64| judge(&workspace, &case(relevant), &hits, &["b.rs", "a.rs"], ms);
        let ranks = |relevant: &[&str]| judged(relevant, 0.0).ranks;
        assert_eq!(ranks(&["b.rs"]), [2]);
        assert_eq!(ranks(&["b.rs:h"]), [3]);
        assert_eq!(ranks(&["b.rs:f", "c.rs"]), [0; 0]);
        let Report { scores, search_ms, baseline, .. } =
            report(&[judged(&["a.rs"], 1.0), judged(&["b.rs:z", "c.rs"], 3.0)]);
        assert_eq!((scores.recall_at_1, scores.recall_at_5, scores.mean_reciprocal_rank), (0.5, 0.5, 0.5));
        assert_eq!((baseline.recall_at_1, baseline.recall_at_5, baseline.mean_reciprocal_rank), (0.25, 0.75, 0.75));
        assert_eq!(search_ms, 2.0);
        let Report { scores, .. } = report(&[judged(&["a.rs"], 1.0), judged(&["b.rs", "c.rs"], 3.0)]);
        assert_eq!(scores.ndcg_at_10, 0.6934, "1 and .631 of 1.631");
    }

    #[test]
    fn every_definition_that_a_hit_shows_counts() {
        let dir = tempfile::tempdir().unwrap();
        let text = format!("fn one() {{}}\nfn two() {{}}\nfn long() {{\n{}}}\n", "    step();\n".repeat(90));
        std::fs::write(dir.path().join("a.rs"), text).unwrap();
        let workspace = Workspace::new(dir.path());
        index::scan(&workspace);
        let hit = |lines| Hit {
            path: "a.rs".to_owned(),
            lines,
            symbol: Some("one".to_owned()),
            score: 1.0,
            bm25: 1.0,
            dense: None,
            stale: false,
        };
        assert!(["one", "two"].iter().all(|name| shows(&workspace, &hit((1, 2)), name)));
        assert!(!shows(&workspace, &hit((1, 2)), "long"));
        assert!(shows(&workspace, &hit((40, 60)), "long"), "a window of it");
        assert!(!shows(&workspace, &hit((40, 60)), "two"));
    }
}

//! `halfline eval search`: how far up the places that a question means are found.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

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
    about = "Score searches: recall at 1, 5 and 10, mean reciprocal rank, NDCG at 10",
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
}

#[derive(Serialize)]
struct Report {
    cases: usize,
    /// What was compared.
    by: vectors::By,
    /// Cases in which all that should be compared was there to compare.
    complete: usize,
    recall_at_1: f64,
    recall_at_5: f64,
    recall_at_10: f64,
    mean_reciprocal_rank: f64,
    ndcg_at_10: f64,
    search_ms: f64,
}

pub(super) fn run(args: &Args, invocation: &Invocation) -> anyhow::Result<()> {
    let cases: Vec<Case> = args.common.cases()?;
    let config = invocation.config(&std::env::current_dir()?)?;
    let mut rows = args.common.rows()?;
    let mut workspaces: BTreeMap<PathBuf, Arc<Workspace>> = BTreeMap::new();
    let mut done = Vec::new();
    let mut whole = 0;
    for (number, case) in cases.iter().enumerate() {
        let root = root(&args.common.dataset, &case.root)?;
        let workspace = workspaces.entry(root).or_insert_with_key(|root| {
            let workspace = Workspace::open(root, &cache_directory());
            index::scan(&workspace);
            if args.by != vectors::By::Words
                && let Err(why) = vectors::compute(&config, &workspace, None)
            {
                output::note(&format!("{}: no vectors: {why}", root.display()));
            }
            Arc::new(workspace)
        });
        let started = Instant::now();
        // A file that is relevant as a whole is found by its best place; more of the same say nothing new.
        let per_file = if case.relevant.iter().any(|relevant| relevant.contains(':')) { 2 } else { 1 };
        let options = SearchOptions { limit: DEPTH, per_file, by: args.by.into(), ..SearchOptions::default() };
        let results = halfline_context::search(workspace, &case.query, &options);
        if results.retrievers.iter().all(|retriever| retriever.chunks > 0) {
            whole += 1;
        }
        let row = judge(case, &results.hits, started.elapsed().as_secs_f64() * 1e3);
        output::note(&format!("{}/{} {}: {:.2}", number + 1, cases.len(), case.id, row.ndcg_at_10));
        rows.write(&row)?;
        done.push(row);
    }
    let report = Report { by: args.by, complete: whole, ..report(&done) };
    if args.common.json {
        return output::json(&report);
    }
    Ok(output::line(&format!(
        "{} cases: recall at 1 {:.3}, at 5 {:.3}, at 10 {:.3}; mean reciprocal rank {:.3}; NDCG at 10 {:.3}",
        report.cases,
        report.recall_at_1,
        report.recall_at_5,
        report.recall_at_10,
        report.mean_reciprocal_rank,
        report.ndcg_at_10
    ))?)
}

fn judge(case: &Case, hits: &[Hit], search_ms: f64) -> Row {
    let fits = |hit: &Hit, relevant: &str| match relevant.rsplit_once(':') {
        Some((path, symbol)) => hit.path == path && hit.symbol.as_deref() == Some(symbol),
        None => hit.path == relevant,
    };
    let rank = |relevant: &String| hits.iter().position(|hit| fits(hit, relevant)).map(|index| index + 1);
    let mut ranks: Vec<usize> = case.relevant.iter().filter_map(rank).collect();
    ranks.sort_unstable();
    let gain = |rank: usize| 1.0 / ((rank + 1) as f64).log2();
    let ideal: f64 = (1..=case.relevant.len().min(DEPTH)).map(gain).sum();
    let ndcg = ranks.iter().map(|&rank| gain(rank)).sum::<f64>() / ideal.max(f64::MIN_POSITIVE);
    Row {
        id: case.id.clone(),
        ranks,
        relevant: case.relevant.len(),
        ndcg_at_10: ndcg,
        found: hits.iter().map(|hit| format!("{}:{}", hit.path, hit.symbol.as_deref().unwrap_or_default())).collect(),
        search_ms,
    }
}

fn report(rows: &[Row]) -> Report {
    let recall = |depth: usize| {
        mean(
            rows.iter()
                .map(|row| row.ranks.iter().filter(|&&rank| rank <= depth).count() as f64 / row.relevant.max(1) as f64),
        )
    };
    Report {
        cases: rows.len(),
        by: vectors::By::default(),
        complete: 0,
        recall_at_1: recall(1),
        recall_at_5: recall(5),
        recall_at_10: recall(10),
        mean_reciprocal_rank: mean(rows.iter().map(|row| row.ranks.first().map_or(0.0, |&rank| 1.0 / rank as f64))),
        ndcg_at_10: mean(rows.iter().map(|row| row.ndcg_at_10)),
        search_ms: mean(rows.iter().map(|row| row.search_ms)),
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
        let hits = [hit("a.rs", "f"), hit("b.rs", "g"), hit("b.rs", "h")];
        let ranks = |relevant: &[&str]| judge(&case(relevant), &hits, 0.0).ranks;
        assert_eq!(ranks(&["b.rs"]), [2]);
        assert_eq!(ranks(&["b.rs:h"]), [3]);
        assert_eq!(ranks(&["b.rs:f", "c.rs"]), [0; 0]);
        let rows = [judge(&case(&["a.rs"]), &hits, 1.0), judge(&case(&["b.rs", "c.rs"]), &hits, 3.0)];
        let report = report(&rows);
        assert_eq!((report.recall_at_1, report.recall_at_5, report.mean_reciprocal_rank), (0.5, 0.75, 0.75));
        assert_eq!(report.ndcg_at_10, 0.6934, "1 and .631 of 1.631");
        assert_eq!(report.search_ms, 2.0);
    }
}

//! What is retrieved on small projects with known answers, and at which rank, as a listing: a change shows what it moved.
//!
//! The cases are data sets as `halfline eval` takes them, so that the same ones can be scored with a model. In `fim.jsonl`
//! a case is a line of a file with `$0` at the cursor, and the pieces that a completion there needs; in `search.jsonl` a
//! question and the files that answer it.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use expect_test::expect_file;
use halfline_context::budget::RoughCounter;
use halfline_context::workspace::ScanLimits;
use halfline_context::{Attention, Beside, Budget, SearchOptions, Snapshot, Workspace, gather_completion, search};
use serde_json::Value;

/// Tokens for pieces: fewer than all candidates would take, so that rank decides.
const PIECE_TOKENS: usize = 200;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/evaluation")
}

fn cases(name: &str) -> Vec<Value> {
    let text = fs::read_to_string(directory().join(name)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn text<'a>(case: &'a Value, key: &str) -> &'a str {
    case[key].as_str().unwrap_or_else(|| panic!("{case}: no {key}"))
}

fn list<'a>(case: &'a Value, key: &str) -> Vec<&'a str> {
    case[key].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect()
}

/// The workspaces, read once.
struct Projects {
    cache: tempfile::TempDir,
    open: Vec<(String, Workspace)>,
}

impl Projects {
    fn new() -> Projects {
        Projects { cache: tempfile::tempdir().unwrap(), open: Vec::new() }
    }

    fn workspace(&mut self, root: &str) -> &Workspace {
        if let Some(at) = self.open.iter().position(|(name, _)| name == root) {
            return &self.open[at].1;
        }
        let workspace = Workspace::open(directory().join(root).canonicalize().unwrap(), self.cache.path());
        assert!(workspace.scan(&ScanLimits::default(), &AtomicBool::new(false)).complete);
        self.open.push((root.to_owned(), workspace));
        &self.open[self.open.len() - 1].1
    }
}

/// Sums of reciprocal ranks and of what was found at all.
#[derive(Default)]
struct Score {
    wanted: usize,
    found: usize,
    reciprocal: f64,
}

impl Score {
    fn note(&mut self, rank: Option<usize>) -> String {
        self.wanted += 1;
        self.found += usize::from(rank.is_some());
        self.reciprocal += rank.map_or(0.0, |rank| 1.0 / rank as f64);
        rank.map_or("missing".to_owned(), |rank| rank.to_string())
    }

    fn line(&self) -> String {
        let mean = self.reciprocal / self.wanted as f64;
        format!("{} of {} found, mean reciprocal rank {mean:.3}\n", self.found, self.wanted)
    }
}

#[test]
fn what_a_completion_is_shown() {
    let mut projects = Projects::new();
    let (mut listing, mut score) = (String::new(), Score::default());
    for case in cases("fim.jsonl") {
        let workspace = projects.workspace(text(&case, "root"));
        let path = workspace.root().join(text(&case, "path"));
        let file = fs::read_to_string(&path).unwrap();
        let (before, reference) = text(&case, "marked").split_once("$0").unwrap();
        let at: Vec<usize> = file.match_indices(&format!("{before}{reference}")).map(|(at, _)| at).collect();
        let [at] = at[..] else { panic!("{}: its line stands in the file {} times", case["id"], at.len()) };
        let cursor = at + before.len();
        let edited = format!("{}{}", &file[..cursor], &file[cursor + reference.len()..]);
        let snapshot = Snapshot::of_text(Some(path), &edited);
        let budget = Budget {
            prefix_tokens: 400,
            suffix_tokens: 100,
            piece_tokens: PIECE_TOKENS,
            time: Duration::from_secs(60),
        };
        let chars = edited[..cursor].chars().count();
        let context = gather_completion(
            &snapshot,
            chars,
            &budget,
            &RoughCounter,
            Some(workspace),
            Beside::Fresh(&Attention::default()),
        );
        assert!(context.prefix.ends_with(before), "{}", case["id"]);
        listing += &format!("{} ({} pieces)\n", text(&case, "id"), context.pieces.len());
        for wanted in list(&case, "wanted") {
            let (path, name) = wanted.split_once(' ').unwrap();
            let is_it = |why: &str| {
                let what = why.split(',').next().unwrap_or_default();
                ["definition of", "members of"].iter().any(|kind| what == format!("{kind} {name}"))
            };
            let rank =
                context.pieces.iter().zip(&context.ranks).find(|(piece, _)| piece.path == path && is_it(&piece.why));
            listing += &format!("    {wanted}: {}\n", score.note(rank.map(|(_, rank)| *rank)));
        }
    }
    listing += &score.line();
    expect_file!["evaluation/fim.expected"].assert_eq(&listing);
}

#[test]
fn what_a_search_finds() {
    let mut projects = Projects::new();
    let (mut listing, mut score) = (String::new(), Score::default());
    for case in cases("search.jsonl") {
        let workspace = projects.workspace(text(&case, "root"));
        let hits = search(workspace, text(&case, "query"), &SearchOptions { per_file: 1, ..Default::default() }).hits;
        listing += &format!("{}\n", text(&case, "id"));
        for wanted in list(&case, "relevant") {
            let rank = hits.iter().position(|hit| hit.path == wanted).map(|at| at + 1);
            listing += &format!("    {wanted}: {}\n", score.note(rank));
        }
    }
    listing += &score.line();
    expect_file!["evaluation/search.expected"].assert_eq(&listing);
}

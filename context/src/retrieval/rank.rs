//! From a query to places, best first.
//!
//! A file is as good as its words (BM25 over the whole file and over its best chunk), and better when the query names its
//! path, its own name, or something that it defines. The places shown are the best chunks of the best files.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use rustc_hash::FxBuildHasher;
use serde::Serialize;

use super::query::Query;
use super::tokens;
use super::words::{FileScore, FileScores};
use crate::symbols::Definition;
use crate::workspace::{FileSymbols, Workspace, path_hash};

/// What the parts of a file's score count, found by trying on questions of several projects.
const CHUNK_SHARE: f32 = 0.6;
const PATH_SHARE: f32 = 1.0;
const STEM_SHARE: f32 = 0.35;
const NAME_SHARE: f32 = 0.5;
/// What is left of the score of a test where nobody asked for one.
const TEST_SHARE: f32 = 0.6;

/// What to look for and how much to return.
#[derive(Clone, Debug)]
pub struct SearchOptions {
    /// The most places.
    pub limit: usize,
    /// The most places of one file.
    pub per_file: usize,
    /// Only files in this language, by its name in the table.
    pub language: Option<String>,
    /// Only files whose path in the workspace starts with this.
    pub path: Option<String>,
}

impl Default for SearchOptions {
    fn default() -> Self {
        SearchOptions { limit: 10, per_file: 2, language: None, path: None }
    }
}

/// A place that was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hit {
    /// The file, relative to the workspace.
    pub path: String,
    /// First and last line, from 1.
    pub lines: (usize, usize),
    /// What is defined there, if one definition stands out.
    pub symbol: Option<String>,
    /// How good it is, compared with the other hits of this search only.
    pub score: f32,
    /// BM25 of these lines.
    pub bm25: f32,
    /// Similarity of the meaning, where vectors are computed.
    pub dense: Option<f32>,
    /// Whether the file has changed since it was read.
    pub stale: bool,
}

/// The places of `workspace` that fit `query`, best first; nothing where no words are kept.
pub fn search(workspace: &Workspace, query: &str, options: &SearchOptions) -> Vec<Hit> {
    let query = Query::new(query);
    let Some(words) = workspace.words() else { return Vec::new() };
    let scores = match words.score(&query.terms) {
        Ok(scores) => scores,
        Err(error) => {
            tracing::warn!("the word index cannot be searched: {error}");
            return Vec::new();
        }
    };
    let files: Vec<Arc<FileSymbols>> =
        workspace.files().into_iter().filter(|file| wanted(workspace, file, options)).collect();
    let mut ranked = rank(workspace, &query, &files, &scores);
    ranked.truncate(options.limit);
    hits(workspace, &query, &ranked, options)
}

/// A file with its score and its words' score.
struct Ranked<'a> {
    file: &'a Arc<FileSymbols>,
    words: &'a FileScore,
    score: f32,
}

fn wanted(workspace: &Workspace, file: &FileSymbols, options: &SearchOptions) -> bool {
    let language = || file.language().map(halfline_grammars::Language::name);
    options.language.as_deref().is_none_or(|wanted| language() == Some(wanted))
        && options.path.as_deref().is_none_or(|path| workspace.display_path(&file.path).starts_with(path))
}

fn rank<'a>(
    workspace: &Workspace,
    query: &Query,
    files: &'a [Arc<FileSymbols>],
    scores: &'a FileScores,
) -> Vec<Ranked<'a>> {
    static NOTHING: FileScore = FileScore { score: 0.0, chunks: Vec::new() };
    let best_file = scores.values().map(|file| file.score).fold(f32::MIN_POSITIVE, f32::max);
    let best_chunk = scores.values().filter_map(|file| Some(file.chunks.first()?.1)).fold(f32::MIN_POSITIVE, f32::max);
    let named = named_definitions(workspace, query);
    let stems = stems(query, files);
    let mut ranked: Vec<Ranked<'a>> = files
        .iter()
        .filter_map(|file| {
            let id = path_hash(workspace.root(), &file.path);
            let words = scores.get(&id).unwrap_or(&NOTHING);
            let path = workspace.display_path(&file.path);
            let chunk = words.chunks.first().map_or(0.0, |chunk| chunk.1);
            let mut score = words.score / best_file + CHUNK_SHARE * chunk / best_chunk;
            score += PATH_SHARE * path_match(query, &path);
            score += STEM_SHARE * stem(&path).and_then(|stem| stems.get(&stem)).copied().unwrap_or_default();
            score += NAME_SHARE * named.get(&file.path).copied().unwrap_or_default().min(2.0);
            if is_test(&path) && !query.about_tests {
                score *= TEST_SHARE;
            }
            (score > 0.0).then_some(Ranked { file, words, score })
        })
        .collect();
    ranked.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.file.path.cmp(&b.file.path)));
    ranked
}

/// How much each file defines of what the query names: a name that many files define says little of each.
fn named_definitions(workspace: &Workspace, query: &Query) -> HashMap<std::path::PathBuf, f32> {
    let mut named: HashMap<std::path::PathBuf, f32> = HashMap::new();
    for name in &query.names {
        let mut paths: Vec<_> = workspace.find(name).into_iter().map(|found| found.file.path.clone()).collect();
        paths.dedup();
        let share = 1.0 / paths.len().max(1) as f32;
        for path in paths {
            *named.entry(path).or_default() += share;
        }
    }
    named
}

/// The part of a path that the query writes out: 1 when a file's whole path, or all but a prefix of two, is there.
fn path_match(query: &Query, path: &str) -> f32 {
    let Some((path, _)) = path.rsplit_once('.') else { return 0.0 };
    let own: Vec<&str> = path.split('/').collect();
    let best = query.paths.iter().map(|mentioned| {
        // A dotted name may go on into the file: the longest run of its segments that ends the path counts.
        let longest = (1..=mentioned.len()).rev().find_map(|end| {
            let head = &mentioned[..end];
            (1..=end.min(own.len())).rev().find(|&len| {
                let tail = own[own.len() - len..].iter();
                tail.eq(head[end - len..].iter())
            })
        });
        match longest.unwrap_or_default() {
            0 => 0.0,
            1 if own.len() == 1 => 1.0,
            1 => 0.1,
            _ => 1.0,
        }
    });
    best.fold(0.0, f32::max)
}

/// The names of files that are words of the query, and how much that says: less where many files have that name.
fn stems(query: &Query, files: &[Arc<FileSymbols>]) -> HashMap<String, f32, FxBuildHasher> {
    let mut counts: HashMap<String, f32, FxBuildHasher> = HashMap::default();
    for file in files {
        if let Some(stem) = file.path.to_str().and_then(stem) {
            *counts.entry(stem).or_default() += 1.0;
        }
    }
    let words: std::collections::HashSet<&str> = query.terms.iter().map(|(word, _)| word.as_str()).collect();
    counts.retain(|stem, _| words.contains(stem.as_str()));
    counts.values_mut().for_each(|count| *count = 1.0 / *count);
    counts
}

/// The name of a file without its ending, as a word of the index.
fn stem(path: &str) -> Option<String> {
    let stem = Path::new(path).file_stem()?.to_str()?;
    tokens::words(stem).into_iter().next()
}

/// Whether a path is that of a test.
pub(crate) fn is_test(path: &str) -> bool {
    let is_test_name = |part: &str| {
        let part = part.split('.').next().unwrap_or_default();
        matches!(part, "test" | "tests" | "testing" | "__tests__" | "spec" | "conftest")
            || part.starts_with("test_")
            || part.ends_with("_test")
    };
    path.split('/').any(is_test_name)
}

/// The best places of the ranked files.
fn hits(workspace: &Workspace, query: &Query, ranked: &[Ranked<'_>], options: &SearchOptions) -> Vec<Hit> {
    let mut found = Vec::new();
    for one in ranked {
        let best = one.words.chunks.first().map_or(f32::MIN_POSITIVE, |chunk| chunk.1);
        let mut chunks: Vec<((usize, usize), f32)> = one.words.chunks.iter().take(options.per_file).copied().collect();
        if chunks.is_empty() {
            chunks.push(((0, one.file.lines.saturating_sub(1).min(40)), 0.0));
        }
        let stale = Workspace::is_stale(one.file);
        for (lines, bm25) in chunks {
            let symbol = symbol(query, &one.file.definitions, lines);
            found.push(Hit {
                path: workspace.display_path(&one.file.path),
                lines: (lines.0 + 1, lines.1 + 1),
                symbol: symbol.map(|definition| definition.name.clone()),
                score: one.score * (bm25 / best).max(0.05),
                bm25,
                dense: None,
                stale,
            });
        }
    }
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.path.cmp(&b.path)).then(a.lines.cmp(&b.lines)));
    found.truncate(options.limit);
    found
}

/// The definition among these lines that the query names or, if none, whose name has most of its words; the first of
/// equals.
fn symbol<'a>(query: &Query, definitions: &'a [Definition], lines: (usize, usize)) -> Option<&'a Definition> {
    let within = definitions.iter().filter(|one| lines.0 <= one.lines.0 && one.lines.0 <= lines.1);
    let around = definitions.iter().filter(|one| one.lines.0 < lines.0 && lines.1 < one.lines.1);
    let fit = |definition: &Definition| {
        let parts = tokens::words(&definition.name);
        let known = parts.iter().filter(|part| query.terms.iter().any(|(word, _)| word == *part)).count();
        (query.names.contains(&definition.name), known)
    };
    let mut best: Option<((bool, usize), &Definition)> = None;
    for definition in within.chain(around) {
        let fit = fit(definition);
        if best.as_ref().is_none_or(|(known, _)| fit > *known) {
            best = Some((fit, definition));
        }
    }
    best.map(|(_, definition)| definition)
}

#[cfg(test)]
mod tests;

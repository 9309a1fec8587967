//! From a query to places, best first.
//!
//! A file is as good as its words (BM25 over the whole file and over its best chunk), and better when the query names its
//! path, its own name, or something that it defines. The places shown are the best chunks of the best files.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use rustc_hash::FxBuildHasher;
use serde::Serialize;

use super::dense::{Coverage, Found};
use super::filter::PathFilter;
use super::places::Likeness;
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
/// The least that is left of a file's score for a chunk of it.
const LEAST_SHARE: f32 = 0.05;
/// Lines that are shown of a file whose name alone was found.
const HEAD_LINES: usize = 40;
/// What is left of the score of a test where nobody asked for one.
const TEST_SHARE: f32 = 0.6;
/// What the first rank by meaning adds to a score by words, and how slowly that falls with the rank.
const MEANING_SHARE: f32 = 0.2;
const RANK_OFFSET: f32 = 60.0;
/// What is less like the question than this has nothing to do with it.
const LEAST_LIKENESS: f32 = 0.25;

/// What to look for and how much to return.
#[derive(Clone, Debug)]
pub struct SearchOptions {
    /// The most places.
    pub limit: usize,
    /// The most places of one file.
    pub per_file: usize,
    /// Only files in this language, by its name in the table.
    pub language: Option<String>,
    /// Only files whose path in the workspace fits.
    pub path: Option<PathFilter>,
    /// What is compared.
    pub by: By,
}

/// What a search compares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// Words and, as far as there are vectors, meaning.
    #[default]
    Both,
    /// Words, names and paths.
    Words,
    /// Vectors alone.
    Meaning,
}

impl Default for SearchOptions {
    fn default() -> Self {
        SearchOptions { limit: 10, per_file: 2, language: None, path: None, by: By::Both }
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
    /// Similarity of the meaning, where these lines have a vector.
    pub dense: Option<f32>,
    /// Whether the file has changed since it was read.
    pub stale: bool,
}

/// The name of the search by words.
pub const WORDS: &str = "bm25";
/// The name of the search by meaning.
pub const DENSE: &str = "dense";

/// A way of searching, and what it had to search in.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Retriever {
    /// [`WORDS`] or [`DENSE`].
    pub name: &'static str,
    /// The model, where there is one.
    pub model: Option<String>,
    /// The server that has the vectors, where that is not this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<String>,
    /// Chunks that it knows; 0 where it did not take part.
    pub chunks: usize,
    /// Chunks that there are.
    pub of: usize,
    /// Why it did not take part, or knows less than there is.
    pub why: Option<String>,
}

/// What a search came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Results {
    /// The places, best first.
    pub hits: Vec<Hit>,
    /// What took part in finding them, and what did not.
    pub retrievers: Vec<Retriever>,
}

/// The places of `workspace` that fit `query`: by words, and by meaning where there are vectors.
pub fn search(workspace: &Workspace, query: &str, options: &SearchOptions) -> Results {
    let text = query;
    let query = Query::new(text);
    let files = workspace.files();
    let of = files.iter().map(|file| file.chunks).sum();
    let mut results = Results::default();
    let mut scores = FileScores::default();
    if options.by != By::Meaning {
        let (chunks, why) = match workspace.words().map(|words| words.score(&query.terms)) {
            Some(Ok(found)) => {
                scores = found;
                (of, None)
            }
            Some(Err(error)) => (0, Some(format!("the word index cannot be searched: {error}"))),
            None => (0, Some("no index is kept".to_owned())),
        };
        results.retrievers.push(Retriever { name: WORDS, model: None, store: None, chunks, of, why });
    }
    let mut likeness = Likeness::default();
    if options.by != By::Words {
        results.retrievers.push(match workspace.dense() {
            Some(dense) => {
                let Coverage { model, mut vectors, chunks } = dense.coverage(workspace);
                let mut why = (vectors < chunks).then(|| "not every chunk has a vector yet".to_owned());
                match dense.score(text, options) {
                    Ok(Found { likeness: found, without }) => {
                        likeness = found;
                        if let Some((trouble, left)) = without {
                            (vectors, why) = (left, Some(trouble));
                        }
                    }
                    Err(error) => (vectors, why) = (0, Some(error)),
                }
                let store = dense.store().map(str::to_owned);
                Retriever { name: DENSE, model: Some(model), store, chunks: vectors, of, why }
            }
            None => {
                let why = Some("there is no model that makes vectors".to_owned());
                Retriever { name: DENSE, model: None, store: None, chunks: 0, of, why }
            }
        });
    }
    let files: Vec<Arc<FileSymbols>> = files.into_iter().filter(|file| wanted(workspace, file, options)).collect();
    let mut ranked = rank(workspace, &query, &files, &scores, &likeness, options.by);
    ranked.truncate(options.limit);
    results.hits = hits(workspace, &query, &ranked, options);
    results
}

/// A file with its score and what it is made of.
struct Ranked<'a> {
    file: &'a Arc<FileSymbols>,
    words: &'a FileScore,
    /// Its chunks by meaning, best first.
    meaning: &'a [((usize, usize), f32)],
    score: f32,
}

fn wanted(workspace: &Workspace, file: &FileSymbols, options: &SearchOptions) -> bool {
    let language = || file.language().map(halfline_grammars::Language::name);
    options.language.as_deref().is_none_or(|wanted| language() == Some(wanted))
        && options.path.as_ref().is_none_or(|path| path.fits(&workspace.display_path(&file.path)))
}

fn rank<'a>(
    workspace: &Workspace,
    query: &Query,
    files: &'a [Arc<FileSymbols>],
    scores: &'a FileScores,
    likeness: &'a Likeness,
    by: By,
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
            score *= if by == By::Meaning { 0.0 } else { test_share(query, &path) };
            let meaning = likeness.get(&id).map(Vec::as_slice).unwrap_or_default();
            (score > 0.0 || !meaning.is_empty()).then_some(Ranked { file, words, meaning, score })
        })
        .collect();
    if !likeness.is_empty() {
        fuse(workspace, query, &mut ranked);
    }
    ranked.retain(|one| one.score > 0.0);
    ranked.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.file.path.cmp(&b.file.path)));
    ranked
}

/// Puts the order by meaning and the order by words together. Added to a file's score by words is the reciprocal of its
/// rank by meaning. To add up the reciprocals of both ranks, as is usual, made searches worse: words, names and paths find
/// files of code far better than static vectors do, and their ranks alone do not say how sure they are.
fn fuse(workspace: &Workspace, query: &Query, ranked: &mut [Ranked<'_>]) {
    let likeness = |one: &Ranked<'_>| {
        let best = one.meaning.first().map_or(0.0, |chunk| chunk.1);
        best * test_share(query, &workspace.display_path(&one.file.path))
    };
    let mut order: Vec<(f32, usize)> = ranked.iter().map(likeness).zip(0..).collect();
    order.retain(|(likeness, _)| *likeness >= LEAST_LIKENESS);
    order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    for (rank, (_, index)) in order.into_iter().enumerate() {
        ranked[index].score += MEANING_SHARE * RANK_OFFSET / (RANK_OFFSET + rank as f32 + 1.0);
    }
}

/// What counts of the score of a file: less of a test's where nobody asked for tests.
fn test_share(query: &Query, path: &str) -> f32 {
    if is_test(path) && !query.about_tests { TEST_SHARE } else { 1.0 }
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
        let chunks = best_chunks(one, options.per_file);
        let stale = Workspace::is_stale(one.file);
        for Best { lines, bm25, dense, share } in chunks {
            let symbol = symbol(query, &one.file.definitions, lines);
            found.push(Hit {
                path: workspace.display_path(&one.file.path),
                lines: (lines.0 + 1, lines.1 + 1),
                symbol: symbol.map(|definition| definition.name.clone()),
                score: one.score * share,
                bm25,
                dense,
                stale,
            });
        }
    }
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.path.cmp(&b.path)).then(a.lines.cmp(&b.lines)));
    found.truncate(options.limit);
    found
}

/// One of the best chunks of a file.
struct Best {
    lines: (usize, usize),
    bm25: f32,
    dense: Option<f32>,
    /// How good it is beside the best chunk of its file, which has 1.
    share: f32,
}

/// The best chunks of a file by words; by meaning those of a file that words say nothing of.
fn best_chunks(one: &Ranked<'_>, most: usize) -> Vec<Best> {
    let dense = |lines| one.meaning.iter().find(|(place, _)| *place == lines).map(|(_, score)| *score);
    let by_words = one.words.chunks.first().map(|best| best.1);
    let by_meaning = one.meaning.first().map(|best| best.1);
    match (by_words, by_meaning) {
        (Some(best), _) => {
            let chunk = |&(lines, bm25): &((usize, usize), f32)| Best {
                lines,
                bm25,
                dense: dense(lines),
                share: (bm25 / best).max(LEAST_SHARE),
            };
            one.words.chunks.iter().take(most).map(chunk).collect()
        }
        (None, Some(best)) => {
            let chunk = |&(lines, score): &((usize, usize), f32)| Best {
                lines,
                bm25: 0.0,
                dense: Some(score),
                share: (score / best.max(f32::MIN_POSITIVE)).max(LEAST_SHARE),
            };
            one.meaning.iter().take(most).map(chunk).collect()
        }
        // Its name alone was found.
        (None, None) => {
            let lines = (0, one.file.lines.saturating_sub(1).min(HEAD_LINES));
            vec![Best { lines, bm25: 0.0, dense: None, share: LEAST_SHARE }]
        }
    }
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

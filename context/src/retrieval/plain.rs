//! The search that ours has to beat: BM25 of whole files by their words alone, without names, paths, chunks or weights.
//! Made for evaluations: everything is in memory, and every file is read.

use std::collections::HashMap;

use super::tokens;
use crate::workspace::{Workspace, read_text};

/// BM25's two numbers, as everyone has them.
const K1: f64 = 1.2;
const B: f64 = 0.75;

/// The words of the files of a workspace.
#[derive(Debug, Default)]
pub struct PlainSearch {
    /// The files' paths in the workspace, and how many words each has.
    files: Vec<(String, usize)>,
    /// For each word the files that have it, and how often.
    postings: HashMap<String, Vec<(usize, usize)>>,
}

impl PlainSearch {
    /// Reads the files that `workspace` knows.
    pub fn read(workspace: &Workspace) -> PlainSearch {
        let mut search = PlainSearch::default();
        for file in workspace.files() {
            if let Ok(text) = read_text(&file.path) {
                search.add(workspace.display_path(&file.path), &text);
            }
        }
        search
    }

    fn add(&mut self, path: String, text: &str) {
        let words = tokens::words(text);
        let file = self.files.len();
        self.files.push((path, words.len()));
        let mut counts: HashMap<String, usize> = HashMap::new();
        words.into_iter().for_each(|word| *counts.entry(word).or_default() += 1);
        for (word, count) in counts {
            self.postings.entry(word).or_default().push((file, count));
        }
    }

    /// The paths of the files that fit `query` best, at most `limit` of them, best first.
    pub fn best(&self, query: &str, limit: usize) -> Vec<&str> {
        let all = self.files.len() as f64;
        let mean = self.files.iter().map(|(_, words)| *words).sum::<usize>() as f64 / all.max(1.0);
        let mut scores = vec![0.0; self.files.len()];
        for word in tokens::words(query) {
            let Some(postings) = self.postings.get(&word) else { continue };
            let with = postings.len() as f64;
            let rarity = (1.0 + (all - with + 0.5) / (with + 0.5)).ln();
            for &(file, count) in postings {
                let (count, length) = (count as f64, self.files[file].1 as f64);
                scores[file] += rarity * count * (K1 + 1.0) / (count + K1 * (1.0 - B + B * length / mean.max(1.0)));
            }
        }
        let mut found: Vec<(f64, &str)> =
            scores.iter().zip(&self.files).map(|(score, (path, _))| (*score, path.as_str())).collect();
        found.retain(|(score, _)| *score > 0.0);
        found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
        found.truncate(limit);
        found.into_iter().map(|(_, path)| path).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_words_and_short_files_count_more() {
        let mut search = PlainSearch::default();
        search.add("long.rs".to_owned(), &format!("read_header {}", "word ".repeat(50)));
        search.add("short.rs".to_owned(), "readHeader word");
        search.add("other.rs".to_owned(), "word word");
        assert_eq!(search.best("headers of a word", 10), ["short.rs", "long.rs", "other.rs"]);
        assert_eq!(search.best("header", 1), ["short.rs"]);
        assert_eq!(search.best("absent", 10), [""; 0]);
        assert_eq!(search.best("long", 10), [""; 0], "the name of a file counts nothing");
    }
}

//! What a question in plain words says about where to look: its words, and the paths and names of code in it.

use std::collections::{BTreeMap, BTreeSet};

use super::tokens;

/// Characters of a query that are looked at: a log pasted whole says nothing more after this.
const MOST_CHARS: usize = 12_000;
/// Different words of a query that are looked up.
const MOST_TERMS: usize = 400;
/// Words that say what kind of text this is, not what it is about.
const EMPTY_WORDS: [&str; 60] = [
    "the",
    "a",
    "an",
    "and",
    "or",
    "of",
    "to",
    "in",
    "is",
    "it",
    "for",
    "on",
    "with",
    "that",
    "this",
    "be",
    "as",
    "are",
    "not",
    "but",
    "by",
    "if",
    "i",
    "we",
    "you",
    "my",
    "can",
    "does",
    "do",
    "when",
    "what",
    "how",
    "why",
    "where",
    "which",
    "there",
    "should",
    "would",
    "could",
    "have",
    "has",
    "had",
    "was",
    "will",
    "from",
    "at",
    "so",
    "no",
    "any",
    "all",
    "bug",
    "describe",
    "expected",
    "behavior",
    "actual",
    "version",
    "reproduce",
    "step",
    "example",
    "please",
];

/// A query, taken apart.
#[derive(Debug, Default)]
pub(super) struct Query {
    /// Words to look up with their weights.
    pub(super) terms: Vec<(String, f32)>,
    /// Names of code, as written: what has an underscore, a capital inside, a call or a tick beside it.
    pub(super) names: BTreeSet<String>,
    /// What looks like a path or a dotted module, in segments, without a file's ending.
    pub(super) paths: Vec<Vec<String>>,
    /// Whether it is about tests.
    pub(super) about_tests: bool,
}

impl Query {
    pub(super) fn new(text: &str) -> Query {
        let end = text.char_indices().nth(MOST_CHARS).map_or(text.len(), |(at, _)| at);
        let text = &text[..end];
        let mut query = Query::default();
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for word in tokens::words(text) {
            *counts.entry(word).or_default() += 1;
        }
        query.about_tests = ["test", "pytest", "fixture"].iter().any(|word| counts.contains_key(*word));
        for (at, raw) in split(text) {
            query.note(text, at, raw);
        }
        let lower: BTreeSet<String> = query.names.iter().flat_map(|name| tokens::words(name)).collect();
        let weigh = |(word, count): (String, usize)| {
            let emphasis = if lower.contains(&word) { NAME_WEIGHT } else { 1.0 };
            (word, emphasis * (1.0 + (count as f32).ln()))
        };
        let words = counts.into_iter().filter(|(word, _)| !EMPTY_WORDS.contains(&word.as_str()));
        query.terms = words.map(weigh).collect();
        query.terms.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        query.terms.truncate(MOST_TERMS);
        query
    }

    /// Notes what one run of characters without spaces says.
    fn note(&mut self, text: &str, at: usize, raw: &str) {
        let before = text[..at].chars().next_back();
        let after = text[at + raw.len()..].chars().next();
        let marked = before == Some('`') || after == Some('`') || after == Some('(');
        let segments: Vec<&str> = raw.split(['/', '.', ':', '\\']).filter(|part| !part.is_empty()).collect();
        if segments.len() > 1 {
            let is_file = halfline_grammars::by_path(std::path::Path::new(raw)).is_some();
            let keep = segments.len() - usize::from(is_file);
            self.paths.push(segments[..keep].iter().map(|part| (*part).to_owned()).collect());
        }
        for segment in segments {
            let inner = segment.trim_matches('_');
            let is_name = inner.contains('_')
                || inner.chars().skip(1).any(char::is_uppercase) && inner.chars().any(char::is_lowercase)
                || segment.len() > inner.len();
            if segment.len() > 1 && (is_name || marked || raw.len() > segment.len()) {
                self.names.insert(segment.to_owned());
            }
        }
    }
}

/// How much more a word counts that is part of a name.
const NAME_WEIGHT: f32 = 1.5;

/// Runs of characters that can be part of a path, with where they start.
fn split(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_part = |ch: char| ch == '_' || ch == '/' || ch == '.' || ch == ':' || ch == '\\' || ch.is_alphanumeric();
    text.split(move |ch| !is_part(ch)).filter(|raw| !raw.is_empty()).map(move |raw| {
        let trimmed = raw.trim_matches(['.', ':', '/', '\\']);
        (trimmed.as_ptr().addr() - text.as_ptr().addr(), trimmed)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_paths_are_found() {
        let query = Query::new(
            "When `load` fails in src/net/client.py, django.db.models.QuerySet raises parse_error(x). See __init__ and HTTPClient.",
        );
        let names: Vec<&str> = query.names.iter().map(String::as_str).collect();
        assert_eq!(names.join(" "), "HTTPClient QuerySet __init__ client db django load models net parse_error py src");
        let paths: Vec<String> = query.paths.iter().map(|path| path.join("/")).collect();
        assert_eq!(paths, ["src/net/client", "django/db/models/QuerySet"]);
        let weight = |word: &str| query.terms.iter().find(|(known, _)| known == word).map(|(_, weight)| *weight);
        assert!(weight("parse_error") > weight("fail") && weight("the").is_none());
    }
}

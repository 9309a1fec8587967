//! Secrets and personal data, replaced by placeholders before a text leaves the machine and put back in what returns.
//!
//! A placeholder is a word that code may contain and a model copies whole. The same content has the same placeholder as
//! long as the program runs; what it stands for cannot be guessed from it. Logs get the same placeholders.

mod placeholders;
mod rules;

use std::collections::BTreeMap;
use std::fmt;

pub use placeholders::{Placeholders, Restorer};

/// What sort of content must not leave as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    /// Opens something: keys, tokens, passwords.
    Secret,
    /// Says something about a person.
    Personal,
    /// Words that a chat template gives a meaning; they would speak as somebody else.
    Marker,
}

/// Something found in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is, in a word: `email`, `aws_key`.
    pub kind: &'static str,
    /// What sort that is.
    pub sort: Sort,
    /// Where, in bytes.
    pub range: std::ops::Range<usize>,
}

/// Everything in `text` of the given sorts that a rule knows, from left to right. What overlaps is one finding, named after
/// what begins first.
pub fn find(text: &str, sorts: &[Sort]) -> Vec<Finding> {
    let mut found = rules::matches(text);
    found.retain(|finding| sorts.contains(&finding.sort));
    found.sort_by_key(|finding| (finding.range.start, std::cmp::Reverse(finding.range.end)));
    let mut apart: Vec<Finding> = Vec::with_capacity(found.len());
    for finding in found {
        match apart.last_mut() {
            Some(last) if finding.range.start < last.range.end => {
                last.range.end = last.range.end.max(finding.range.end);
            }
            _ => apart.push(finding),
        }
    }
    apart
}

/// `text` with everything of the given sorts replaced; `placeholders` learns what stands for what.
pub fn redact(text: &str, sorts: &[Sort], placeholders: &mut Placeholders) -> Redacted {
    let mut redacted = Redacted { text: String::with_capacity(text.len()), counts: BTreeMap::new() };
    let mut done = 0;
    for finding in find(text, sorts) {
        redacted.text.push_str(&text[done..finding.range.start]);
        redacted.text.push_str(placeholders.for_content(finding.kind, &text[finding.range.clone()]));
        *redacted.counts.entry(finding.kind).or_default() += 1;
        done = finding.range.end;
    }
    redacted.text.push_str(&text[done..]);
    redacted
}

/// `text` as a log may have it. Nothing is looked for until it is printed.
pub fn for_log(text: &str) -> impl fmt::Display {
    struct ForLog<'a>(&'a str);
    impl fmt::Display for ForLog<'_> {
        fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            let sorts = [Sort::Secret, Sort::Personal];
            out.write_str(&redact(self.0, &sorts, &mut Placeholders::new(self.0)).text)
        }
    }
    ForLog(text)
}

/// A text that may leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redacted {
    /// The text with its placeholders.
    pub text: String,
    /// What was replaced, and how often.
    pub counts: BTreeMap<&'static str, usize>,
}

#[cfg(test)]
mod tests;

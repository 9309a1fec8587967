//! The last completions and answers with all that they rest on, for whoever asks why. In memory only, and few: what a prompt
//! contains is nobody's business later.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use halfline_inference::TokenStats;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::assistant::{Citation, Evidence, Route};

/// Entries kept of each kind.
const MOST: usize = 32;

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Ghost text.
    Completion,
    /// Words.
    Answer,
}

/// What a model was asked, and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// What was asked for.
    pub kind: Kind,
    /// What the model was given, word for word.
    pub prompt: String,
    /// The places that were shown to it, with the reason for each.
    pub sources: Vec<Evidence>,
    /// What it wrote, before anything was cut off or judged.
    pub text: String,
    /// The places that an answer names, checked.
    pub citations: Vec<Citation>,
    /// The model.
    pub model: String,
    /// Where it runs and why it was asked; of a completion only where engines elsewhere finish lines.
    pub route: Option<Route>,
    /// What a person should know about how an answer came to be, a line each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Token counts.
    pub tokens: TokenStats,
    /// Where the time went, in milliseconds.
    pub timings_ms: Value,
    /// Why the model stopped.
    pub stopped: Value,
}

/// An entry under the name that its answer carries.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Named {
    /// The name.
    pub id: String,
    /// What it names.
    #[serde(flatten)]
    pub entry: Entry,
}

/// The last entries of each kind.
#[derive(Debug, Default)]
pub struct Recent {
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    kept: VecDeque<Named>,
    count: u64,
}

impl Recent {
    /// Keeps `entry`, and forgets the oldest of its kind where there are many. Returns its name.
    pub fn keep(&self, entry: Entry) -> String {
        let mut entries = self.entries();
        entries.count += 1;
        let name = match entry.kind {
            Kind::Completion => "completion",
            Kind::Answer => "answer",
        };
        let id = format!("{name}-{}", entries.count);
        let same_kind = |named: &Named| named.entry.kind == entry.kind;
        if entries.kept.iter().filter(|named| same_kind(named)).count() >= MOST
            && let Some(oldest) = entries.kept.iter().position(same_kind)
        {
            entries.kept.remove(oldest);
        }
        entries.kept.push_back(Named { id: id.clone(), entry });
        id
    }

    /// The entry of that name, as long as it is kept.
    pub fn find(&self, id: &str) -> Option<Named> {
        self.entries().kept.iter().find(|named| named.id == id).cloned()
    }

    /// The last entry, of that kind if one is given.
    pub fn last(&self, kind: Option<Kind>) -> Option<Named> {
        let entries = self.entries();
        entries.kept.iter().rev().find(|named| kind.is_none_or(|kind| named.entry.kind == kind)).cloned()
    }

    // A panic elsewhere leaves the list consistent: every change is one call.
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: Kind, text: &str) -> Entry {
        Entry {
            kind,
            prompt: String::new(),
            sources: Vec::new(),
            text: text.to_owned(),
            citations: Vec::new(),
            model: String::new(),
            route: None,
            notes: Vec::new(),
            tokens: TokenStats::default(),
            timings_ms: Value::Null,
            stopped: Value::Null,
        }
    }

    #[test]
    fn typing_does_not_push_answers_out() {
        let recent = Recent::default();
        assert_eq!(recent.last(None), None);
        let answer = recent.keep(entry(Kind::Answer, "because"));
        let completions: Vec<String> =
            (0..MOST + 2).map(|n| recent.keep(entry(Kind::Completion, &n.to_string()))).collect();
        assert_eq!(recent.find(&answer).unwrap().entry.text, "because");
        assert_eq!(recent.last(Some(Kind::Answer)).unwrap().id, answer);
        assert_eq!(recent.last(None).unwrap().id, completions[MOST + 1]);
        assert_eq!(recent.find(&completions[1]), None, "the oldest are forgotten");
        assert_eq!(recent.find(&completions[2]).unwrap().entry.text, "2");
        assert_eq!(recent.entries().kept.len(), MOST + 1);
    }
}

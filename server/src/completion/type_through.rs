//! A person who types what is suggested keeps seeing the rest of it, without a question to the engine.

use std::collections::HashMap;
use std::path::PathBuf;

use halfline_context::Snapshot;

use super::cache::Answer;

/// The last suggestion in each document.
#[derive(Debug, Default)]
pub(super) struct Shown {
    by_path: HashMap<Option<PathBuf>, Suggestion>,
}

#[derive(Debug)]
struct Suggestion {
    snapshot: Snapshot,
    offset: usize,
    model: String,
    answer: Answer,
}

impl Shown {
    /// Notes what is shown at `offset` (in characters).
    pub(super) fn set(&mut self, snapshot: &Snapshot, offset: usize, model: &str, answer: &Answer) {
        let suggestion =
            Suggestion { snapshot: snapshot.clone(), offset, model: model.to_owned(), answer: answer.clone() };
        self.by_path.insert(snapshot.path().map(PathBuf::from), suggestion);
    }

    /// What is left of the last suggestion, when the only change since is that some of it was typed.
    pub(super) fn rest(&self, snapshot: &Snapshot, offset: usize, model: &str) -> Option<Answer> {
        let shown = self.by_path.get(&snapshot.path().map(PathBuf::from))?;
        let text = shown.answer.text.as_ref().ok()?;
        let (before, now) = (shown.snapshot.rope(), snapshot.rope());
        let typed = offset.checked_sub(shown.offset)?;
        let is_longer_by_typed = now.len_chars().checked_sub(before.len_chars()) == Some(typed);
        if shown.model != model || !is_longer_by_typed || offset > now.len_chars() {
            return None;
        }
        let mut rest = text.chars();
        let is_typed = now.slice(shown.offset..offset).chars().all(|ch| rest.next() == Some(ch));
        let rest = rest.as_str();
        let is_same_around = || {
            now.slice(..shown.offset) == before.slice(..shown.offset)
                && now.slice(offset..) == before.slice(shown.offset..)
        };
        if !is_typed || rest.trim().is_empty() || !is_same_around() {
            return None;
        }
        Some(Answer { text: Ok(rest.to_owned()), ..shown.answer.clone() })
    }

    /// Forgets a document.
    pub(super) fn forget(&mut self, snapshot: &Snapshot) {
        self.by_path.remove(&snapshot.path().map(PathBuf::from));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `|` marks the cursor.
    fn at(marked: &str) -> (Snapshot, usize) {
        let offset = marked.chars().position(|ch| ch == '|').unwrap();
        (Snapshot::of_text(None, &marked.replacen('|', "", 1)), offset)
    }

    #[test]
    fn only_typing_what_is_shown_keeps_the_rest() {
        let (snapshot, offset) = at("let ä = |;\n");
        let answer = Answer {
            text: Ok("é + foo".into()),
            confidence: Some(0.5),
            stopped: "newline".into(),
            context: Vec::new(),
            id: None,
            route: None,
        };
        let mut shown = Shown::default();
        shown.set(&snapshot, offset, "m", &answer);
        for (now, expected) in [
            ("let ä = |;\n", Some("é + foo")),
            ("let ä = é|;\n", Some(" + foo")),
            ("let ä = é + fo|;\n", Some("o")),
            ("let ä = é + foo|;\n", None),
            ("let ä = e|;\n", None),
            ("let ä =| ;\n", None),
            ("let o = é|;\n", None),
            ("let ä = é|)\n", None),
            ("let ä = é|;\n\n", None),
            ("|", None),
        ] {
            let (snapshot, offset) = at(now);
            let rest = shown.rest(&snapshot, offset, "m").map(|answer| answer.text.unwrap());
            assert_eq!(rest.as_deref(), expected, "{now:?}");
        }
        assert_eq!(shown.rest(&snapshot, offset, "another model"), None);
        shown.forget(&snapshot);
        assert_eq!(shown.rest(&snapshot, offset, "m"), None);
    }
}

//! What an answer has to begin with, and which names it would do well to begin with.
//!
//! The former rules out every token that does not spell it. The latter adds to the score of each token that goes on
//! spelling one of the names, until one is whole or none is left: a model that is sure of something else still says it.

use crate::request::Preference;
use crate::tokenizer::Tokenizer;

/// What is still to be spelled.
#[derive(Debug, Default)]
pub(crate) struct Beginning {
    required: Vec<u8>,
    /// What is left of each name, from the start of `required`.
    names: Vec<Vec<u8>>,
    bonus: f32,
}

impl Beginning {
    /// `required`, then, if it can be, one of the names.
    pub(crate) fn new(required: &str, preferred: Option<&Preference>) -> Beginning {
        let names = preferred.map_or(&[][..], |preferred| &preferred.names);
        Beginning {
            required: required.as_bytes().to_vec(),
            names: names.iter().map(|name| format!("{required}{name}").into_bytes()).collect(),
            bonus: preferred.map_or(0.0, |preferred| preferred.bonus),
        }
    }

    /// Whether any token may come next, none rather than another.
    pub(crate) fn is_over(&self) -> bool {
        self.required.is_empty() && self.names.is_empty()
    }

    /// Rules out, in a row of logits, every token that does not spell what is required. What is required, if none does.
    pub(crate) fn require(&self, tokenizer: &Tokenizer, logits: &mut [f32]) -> Result<(), String> {
        if self.required.is_empty() {
            return Ok(());
        }
        let allowed = tokenizer.spelling(&self.required).into_iter().filter(|&token| (token as usize) < logits.len());
        let kept: Vec<(u32, f32)> = allowed.map(|token| (token, logits[token as usize])).collect();
        if kept.is_empty() {
            return Err(String::from_utf8_lossy(&self.required).into_owned());
        }
        logits.fill(f32::NEG_INFINITY);
        for (token, logit) in kept {
            logits[token as usize] = logit;
        }
        Ok(())
    }

    /// Adds the bonus to every token that goes on with a name, or ends one that is whole; `ends` are the tokens that end
    /// an answer.
    pub(crate) fn prefer(&self, tokenizer: &Tokenizer, ends: &[u32], logits: &mut [f32]) {
        if self.names.is_empty() {
            return;
        }
        let mut starts = [false; 256];
        for first in self.names.iter().filter_map(|name| name.first()) {
            starts[usize::from(*first)] = true;
        }
        let is_whole = self.names.iter().any(Vec::is_empty);
        for (id, logit) in (0..tokenizer.len() as u32).zip(logits.iter_mut()) {
            let bytes = tokenizer.token_bytes(id, false);
            let Some(&first) = bytes.first() else { continue };
            let goes_on = || starts[usize::from(first)] && self.names.iter().any(|name| agrees(name, bytes));
            if (is_whole && ends_name(first)) || goes_on() {
                *logit += self.bonus;
            }
        }
        for &end in ends.iter().filter(|_| is_whole) {
            if let Some(logit) = logits.get_mut(end as usize) {
                *logit += self.bonus;
            }
        }
    }

    /// Takes in that a token with these bytes was chosen.
    pub(crate) fn take(&mut self, bytes: &[u8]) {
        self.required.drain(..bytes.len().min(self.required.len()));
        let is_named = self.names.iter().any(|name| bytes.len() > name.len() && agrees(name, bytes));
        self.names.retain_mut(|name| {
            let is_left = !is_named && name.starts_with(bytes);
            name.drain(..bytes.len().min(name.len()));
            is_left
        });
    }
}

/// Whether a text that goes on with `bytes` can be spelling `name`, or have spelled it.
fn agrees(name: &[u8], bytes: &[u8]) -> bool {
    match bytes.strip_prefix(name) {
        Some(rest) => rest.first().is_none_or(|&next| ends_name(next)),
        None => name.starts_with(bytes),
    }
}

/// Whether a name cannot go on with this byte. Bytes of letters outside ASCII can.
fn ends_name(byte: u8) -> bool {
    byte.is_ascii() && byte != b'_' && !byte.is_ascii_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toy::{self, END};

    /// The characters that get a bonus after `taken`, `…` for all that end a name and the end of the text.
    fn preferred(required: &str, names: &[&str], taken: &str) -> Option<String> {
        let preference = Preference { names: names.iter().map(|name| (*name).to_owned()).collect(), bonus: 2.0 };
        let tokenizer = toy::tokenizer();
        let mut beginning = Beginning::new(required, Some(&preference));
        for byte in taken.bytes() {
            beginning.take(&[byte]);
        }
        let mut logits = vec![0.0; tokenizer.len()];
        beginning.require(&tokenizer, &mut logits).unwrap();
        beginning.prefer(&tokenizer, &[END], &mut logits);
        let has = |token: u32| logits[token as usize] > 1.0;
        let all: String = (0..128).filter(|&byte| byte != END && has(byte)).filter_map(char::from_u32).collect();
        let ends = all.chars().filter(|ch| ends_name(*ch as u8)).count();
        assert!(has(END) == (ends > 1), "{all:?}");
        let words: String = all.chars().filter(|ch| !ends_name(*ch as u8)).collect();
        (!beginning.is_over()).then(|| if ends > 1 { format!("{words}…") } else { words })
    }

    #[test]
    fn what_goes_on_with_a_name_is_preferred() {
        let names = ["load", "log", "x"];
        for (taken, expected) in [
            ("", Some("lx")),
            ("l", Some("o")),
            ("lo", Some("ag")),
            ("log", Some("…")),
            ("log(", None),
            ("logs", None),
            ("q", None),
            ("x", Some("…")),
        ] {
            assert_eq!(preferred("", &names, taken).as_deref(), expected, "{taken}");
        }
        assert_eq!(preferred("", &["a", "ab"], "a").as_deref(), Some("b…"));
        assert_eq!(preferred("", &[""], "").as_deref(), Some("…"), "a name that is typed already");
        assert_eq!(preferred("s", &["elf", "uper"], "s").as_deref(), Some("eu"), "after what is required");
        assert_eq!(preferred("", &[], ""), None);
    }

    #[test]
    fn tokens_of_several_bytes() {
        for (name, bytes, expected) in [
            ("load", "lo", true),
            ("load", "load", true),
            ("load", "load(", true),
            ("load", "loads", false),
            ("load", "loadé", false),
            ("load", "log", false),
        ] {
            assert_eq!(agrees(name.as_bytes(), bytes.as_bytes()), expected, "{bytes}");
        }
    }

    #[test]
    fn what_is_required_comes_before_what_is_preferred() {
        let preference = Preference { names: vec!["b".to_owned()], bonus: 9.0 };
        let tokenizer = toy::tokenizer();
        let beginning = Beginning::new("a", Some(&preference));
        let mut logits = vec![0.0; tokenizer.len()];
        beginning.require(&tokenizer, &mut logits).unwrap();
        let left: Vec<usize> = (0..logits.len()).filter(|&id| logits[id] == 0.0).collect();
        assert_eq!(left, [usize::from(b'a')]);
        assert_eq!(Beginning::new("a", None).require(&tokenizer, &mut []), Err("a".to_owned()));
    }
}

//! Names that an answer speaks of as if they were the project's, and that nothing here has.
//!
//! A name says little by itself: methods of a standard library stand in no file of a project that never calls them. So only what
//! is written like a name that somebody made up for a purpose (`load_all`, `ConfigLoader`) counts, in the languages whose standard
//! names are known, and nothing that the model was shown or that its own code introduces.

use std::collections::HashSet;
use std::sync::LazyLock;

use halfline_context::Snapshot;

use super::super::Sources;
use super::contains_word;

static STANDARD: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    let lines = include_str!("standard.txt").lines().filter(|line| !line.starts_with('#'));
    lines.flat_map(str::split_whitespace).collect()
});

/// Whether `name` is one that an answer should not have spoken of: `shown` is what the model was given, `code` what it wrote itself.
pub(super) fn is_unknown(sources: &Sources, files: &[Snapshot], name: &str, shown: &str, code: &str) -> bool {
    let is_judged = |file: &Snapshot| file.language().is_some_and(|one| matches!(one.name(), "rust" | "python"));
    files.first().is_some_and(is_judged)
        && is_made_up(name)
        && !STANDARD.contains(name)
        && !contains_word(shown, name)
        && !contains_word(code, name)
        // Where nothing was read, nothing is known to be missing.
        && !sources.workspace.files().is_empty()
        && sources.workspace.mentions(name).is_empty()
        && !files.iter().any(|file| contains_word(&file.rope().to_string(), name))
}

/// Several words in one, in small letters or with humps. Constants are mostly those of others, and `__init__` is Python's.
fn is_made_up(name: &str) -> bool {
    let chars: Vec<char> = name.chars().collect();
    let joined =
        chars.windows(3).any(|three| three[1] == '_' && three[0].is_alphanumeric() && three[2].is_alphanumeric());
    let humped = chars.first().is_some_and(|first| first.is_uppercase())
        && chars.get(1).is_some_and(|second| second.is_lowercase())
        && chars[1..].iter().any(|ch| ch.is_uppercase());
    chars.len() >= 5 && !name.starts_with("__") && chars.iter().any(|ch| ch.is_lowercase()) && (joined || humped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_somebody_made_up() {
        for name in ["load_all", "ConfigLoader", "parse2_fast"] {
            assert!(is_made_up(name) && !STANDARD.contains(name), "{name}");
        }
        for name in
            ["unwrap_or_default", "is_some_and", "PathBuf", "defaultdict", "NotImplementedError", "is_relative_to"]
        {
            assert!(!is_made_up(name) || STANDARD.contains(name), "{name}");
        }
        for name in ["load", "String", "E0382", "MAX_SIZE", "__init__", "a_b", "self"] {
            assert!(!is_made_up(name), "{name}");
        }
    }
}

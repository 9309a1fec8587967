//! Which files and languages never leave the machine.

use std::path::Path;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use halfline_grammars::by_path;

/// The globs and languages that stay.
#[derive(Clone, Debug)]
pub struct Privacy {
    globs: GlobSet,
    languages: Vec<String>,
}

impl Privacy {
    /// From globs such as `**/.env*` and names of languages. The error names the glob that is none.
    pub fn new(globs: &[String], languages: &[String]) -> Result<Privacy, String> {
        let mut set = GlobSetBuilder::new();
        for text in globs {
            let glob = GlobBuilder::new(text).case_insensitive(true).literal_separator(true).build();
            set.add(glob.map_err(|error| format!("`{text}` in privacy.never_leave is no glob: {}", error.kind()))?);
            // Like a line of .gitignore, a name without a slash means files of that name anywhere.
            if !text.contains('/') {
                let anywhere = GlobBuilder::new(&format!("**/{text}")).case_insensitive(true).build();
                set.add(anywhere.map_err(|error| format!("`{text}` in privacy.never_leave: {}", error.kind()))?);
            }
        }
        let globs = set.build().map_err(|error| format!("privacy.never_leave: {error}"))?;
        Ok(Privacy { globs, languages: languages.iter().map(|name| name.to_lowercase()).collect() })
    }

    /// Why `path`, relative to its workspace where it lies in one, has to stay; `None` when it need not.
    pub fn keeps(&self, path: &Path) -> Option<String> {
        if self.globs.is_match(path) {
            return Some(format!("{} never leaves this machine (privacy.never_leave)", path.display()));
        }
        let language = by_path(path)?;
        let stays = self.languages.iter().any(|name| name == language.name());
        stays.then(|| format!("{} never leaves this machine (privacy.languages)", language.name()))
    }

    /// The same for every path that `text` names: a message may quote the file that it names.
    pub fn keeps_named(&self, text: &str) -> Option<String> {
        let separates = |ch: char| ch.is_whitespace() || "\"'`()[]{}<>,;:=|".contains(ch);
        text.split(separates)
            .map(|word| word.trim_end_matches(['.', '!', '?']))
            .filter(|word| (2..200).contains(&word.len()) && word.contains(['.', '/']))
            .find(|word| self.globs.is_match(word))
            .map(|word| format!("{word} is named, which never leaves this machine (privacy.never_leave)"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_and_languages_stay() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let privacy = Privacy::new(&texts(&["**/.env*", "*.pem", "secrets/**"]), &texts(&["Python"])).unwrap();
        let stays = |path: &str| privacy.keeps(Path::new(path)).is_some();
        for path in [".env", "a/b/.env.local", "a/KEY.PEM", "key.pem", "secrets/a/b.rs", "a/tool.py"] {
            assert!(stays(path), "{path}");
        }
        for path in ["src/env.rs", "a/secrets/b.rs", "pem.rs", "README.md"] {
            assert!(!stays(path), "{path}");
        }
        assert!(privacy.keeps_named("cannot parse `config/.env`: no value").is_some());
        assert!(privacy.keeps_named("in (secrets/a.rs:12), see there.").is_some());
        assert_eq!(privacy.keeps_named("self.env.get(key) and a/b.rs"), None);
        let error = Privacy::new(&texts(&["a[", "b"]), &[]).unwrap_err();
        assert!(error.starts_with("`a[` in privacy.never_leave is no glob"), "{error}");
    }
}

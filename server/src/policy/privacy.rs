//! Which files and languages never leave the machine.
//!
//! A file is known by its path, however that is written, and code of a language by the file that it is from or the fence that it
//! stands in. What is in doubt stays.

use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use halfline_grammars::{Language, all, by_language_id, by_name, by_path};

/// The globs and languages that stay.
#[derive(Clone, Debug)]
pub struct Privacy {
    globs: GlobSet,
    languages: Vec<&'static str>,
    /// The workspace, as it is named and as it really lies.
    roots: Vec<PathBuf>,
}

impl Privacy {
    /// From globs such as `**/.env*` and names of languages. The error names the glob that is none, or the language that is not
    /// known.
    pub fn new(globs: &[String], languages: &[String]) -> Result<Privacy, String> {
        let mut set = GlobSetBuilder::new();
        for text in globs {
            let pattern = text.strip_prefix("./").unwrap_or(text);
            let glob = GlobBuilder::new(pattern).case_insensitive(true).literal_separator(true).build();
            set.add(glob.map_err(|error| format!("`{text}` in privacy.never_leave is no glob: {}", error.kind()))?);
            // Like a line of .gitignore, a name without a slash means files of that name anywhere.
            if !pattern.contains('/') {
                let anywhere = GlobBuilder::new(&format!("**/{pattern}")).case_insensitive(true).build();
                set.add(anywhere.map_err(|error| format!("`{text}` in privacy.never_leave: {}", error.kind()))?);
            }
        }
        let globs = set.build().map_err(|error| format!("privacy.never_leave: {error}"))?;
        let languages = languages.iter().map(|name| Ok(named(name)?.name())).collect::<Result<_, String>>()?;
        Ok(Privacy { globs, languages, roots: Vec::new() })
    }

    /// The same for the workspace at `root`, in which a path may be written from there, from the top, or with dots.
    pub fn within(self, root: &Path) -> Privacy {
        let mut roots = vec![root.to_owned()];
        roots.extend(root.canonicalize().ok().filter(|real| real != root));
        Privacy { roots, ..self }
    }

    /// Why `path`, which may be relative to the workspace, has to stay; `None` when it need not.
    pub fn keeps(&self, path: &Path) -> Option<String> {
        if self.has_glob_for(path) {
            let path = without_dots(path);
            return Some(format!("{} never leaves this machine (privacy.never_leave)", path.display()));
        }
        self.keeps_language(by_path(path)?)
    }

    /// The same for every path that `text` names, because it may quote the file that it names, and for the languages that its
    /// fences name.
    pub fn keeps_named(&self, text: &str) -> Option<String> {
        let separates = |ch: char| ch.is_whitespace() || "\"'`()[]{}<>,;:=|".contains(ch);
        let words = text.split(separates).map(|word| word.trim_end_matches(['.', '!', '?']));
        let paths = words.filter(|word| (2..200).contains(&word.len()) && word.contains(['.', '/']));
        paths.map(Path::new).find_map(|path| self.keeps_path(path)).or_else(|| {
            let language =
                text.lines().filter_map(fenced).find(|language| self.languages.contains(&language.name()))?;
            self.keeps_language(language)
        })
    }

    fn keeps_path(&self, path: &Path) -> Option<String> {
        if self.has_glob_for(path) {
            return Some(format!("{} is named, which never leaves this machine (privacy.never_leave)", path.display()));
        }
        let why = self.keeps_language(by_path(path)?)?;
        Some(format!("{} is named, and {why}", path.display()))
    }

    /// Why code in `language` has to stay; `None` when it need not.
    pub fn keeps_language(&self, language: &Language) -> Option<String> {
        let stays = self.languages.contains(&language.name());
        stays.then(|| format!("{} never leaves this machine (privacy.languages)", language.name()))
    }

    /// Whether a glob means `path`, from the workspace's root or as a whole.
    fn has_glob_for(&self, path: &Path) -> bool {
        let whole = self.roots.first().map(|root| without_dots(&root.join(path)));
        let below = whole.iter().find_map(|whole| self.roots.iter().find_map(|root| whole.strip_prefix(root).ok()));
        self.globs.is_match(without_dots(path))
            || below.is_some_and(|below| self.globs.is_match(below))
            || whole.as_ref().is_some_and(|whole| self.globs.is_match(whole))
    }
}

/// The language that a setting names: by our name for it, or by an editor's.
fn named(name: &str) -> Result<&'static Language, String> {
    let lower = name.trim().to_lowercase();
    by_name(&lower).or_else(|| by_language_id(&lower)).ok_or_else(|| {
        let known: Vec<&str> = all().iter().map(Language::name).collect();
        format!("`{name}` in privacy.languages is no language that is known; there are {}", known.join(", "))
    })
}

/// What is wrong with the names of languages in a setting, if anything is.
pub fn trouble_with_languages<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    names.into_iter().find_map(|name| named(name).err())
}

/// The language that a line names which opens a fence, by its name, an editor's or the ending of its files.
fn fenced(line: &str) -> Option<&'static Language> {
    let line = line.trim_start();
    let info = ["```", "~~~"].iter().find_map(|mark| line.strip_prefix(mark))?.trim_start_matches(['`', '~']).trim();
    let word = info.split(|ch: char| ch.is_whitespace() || ",{:".contains(ch)).next()?.to_lowercase();
    by_name(&word).or_else(|| by_language_id(&word)).or_else(|| by_path(Path::new(&format!("a.{word}"))))
}

/// `path` without `.`, and without what `..` takes back. Links are not followed: the file need not exist.
fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(plain.components().next_back(), Some(Component::Normal(_))) => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn globs_and_languages_stay() {
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

    #[test]
    fn a_path_stays_however_it_is_written() {
        let privacy = |globs: &[&str]| Privacy::new(&texts(globs), &[]).unwrap().within(Path::new("/home/ada/w"));
        for glob in ["secrets/**", "./secrets/**", "/home/ada/w/secrets/**"] {
            let privacy = privacy(&[glob]);
            for path in [
                "secrets/a.py",
                "./secrets/a.py",
                "src/../secrets/./a.py",
                "/home/ada/w/secrets/a.py",
                "/home/ada/w/./src/../secrets/a.py",
                "../w/secrets/a.py",
            ] {
                assert!(privacy.keeps(Path::new(path)).is_some(), "{glob} {path}");
                assert!(privacy.keeps_named(&format!("File \"{path}\", line 3")).is_some(), "{glob} {path}");
            }
            assert!(privacy.keeps_named("see file:///home/ada/w/secrets/a.py:3.").is_some(), "{glob}");
            for path in ["a.py", "../secrets/a.py", "/home/ada/secrets/a.py", "src/secrets.py", "secrets/../a.py"] {
                assert_eq!(privacy.keeps(Path::new(path)), None, "{glob} {path}");
            }
        }
    }

    #[test]
    fn output_and_code_of_a_private_language_stays() {
        let privacy = Privacy::new(&[], &texts(&["python", "typescriptreact"])).unwrap();
        for text in [
            "  File \"/srv/app/tool.py\", line 3, in f",
            "tests/test_a.py::test_b FAILED",
            "see App.tsx:12",
            "untitled, line 1 (the code):\n```python\nx = 1\n```",
            "What is wrong?\n  ~~~~ Python {.numbered}\nx\n~~~~",
            "````py\nx\n````",
        ] {
            let why = privacy.keeps_named(text).unwrap_or_default();
            assert!(why.contains("never leaves this machine (privacy.languages)"), "{text}: {why}");
        }
        for text in ["src/a.rs:3 in copy.pyramid", "```rust\nlet py = 1;\n```", "python is slow", "```\nx\n```"] {
            assert_eq!(privacy.keeps_named(text), None, "{text}");
        }
    }

    #[test]
    fn a_language_that_nobody_knows_is_refused() {
        let error = Privacy::new(&[], &texts(&["rust", "pyton"])).unwrap_err();
        let start = "`pyton` in privacy.languages is no language that is known; there are rust, python, typescript";
        assert!(error.starts_with(start), "{error}");
        assert_eq!(trouble_with_languages(["Rust", "shellscript", "bash"]), None);
    }
}

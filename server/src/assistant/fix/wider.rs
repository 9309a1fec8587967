//! What a narrow check leaves out: the same command for all that a change touches. From `cargo check` to the tests as well, from one
//! test to the others of its package, file or module. `None` where the command is all of it already.

use std::path::Path;

use super::check::Check;

/// Options of `cargo test` whose value is a word of its own.
const WITH_VALUE: [&str; 17] = [
    "-p",
    "--package",
    "--test",
    "--bin",
    "--example",
    "--bench",
    "-F",
    "--features",
    "--manifest-path",
    "--target",
    "--target-dir",
    "--profile",
    "-j",
    "--jobs",
    "--color",
    "--config",
    "--exclude",
];
/// Options with which cargo checks more than the library and the programs, or says itself what.
const OWN_TARGETS: [&str; 9] =
    ["--tests", "--all-targets", "--test", "--lib", "--bin", "--bins", "--example", "--bench", "--examples"];
/// Options of a test program by which it runs fewer tests.
const NARROWING: [&str; 1] = ["--exact"];

/// The check that says whether anything else broke. `has` says whether there is such a file, relative to where the check runs.
pub(super) fn wider(check: &Check, has: &dyn Fn(&Path) -> bool) -> Option<Check> {
    let words: Vec<&str> = check.argv.iter().map(String::as_str).collect();
    let argv = match (check.program(), words.get(1).copied()) {
        ("cargo", Some("check" | "c" | "clippy")) => with_tests(&words),
        ("cargo", Some("test" | "t")) => all_tests(&words),
        _ if check.is_pytest() => whole_files(&words),
        _ => whole_module(&words, has),
    };
    let argv: Vec<String> = argv?.into_iter().map(str::to_owned).collect();
    (argv != check.argv).then(|| Check { argv, ..check.clone() })
}

fn with_tests<'a>(words: &[&'a str]) -> Option<Vec<&'a str>> {
    let before = words.iter().position(|word| *word == "--").unwrap_or(words.len());
    let is_own = |word: &&str| OWN_TARGETS.contains(&word.split('=').next().unwrap_or_default());
    if words[..before].iter().any(is_own) {
        return None;
    }
    Some([&words[..before], &["--tests"], &words[before..]].concat())
}

/// `cargo test` without the names of tests, before `--` or after it.
fn all_tests<'a>(words: &[&'a str]) -> Option<Vec<&'a str>> {
    let mut kept = words[..2].to_vec();
    let (mut is_value, mut is_program) = (false, false);
    for word in &words[2..] {
        let is_option = word.starts_with('-');
        if !is_option && !is_value || is_program && NARROWING.contains(word) {
            continue;
        }
        is_program |= *word == "--";
        // Of a test program every word that follows an option is taken for its value: `--skip a`.
        is_value = is_option && !is_value && (WITH_VALUE.contains(word) || is_program && takes_value(word));
        kept.push(word);
    }
    if kept.last() == Some(&"--") {
        kept.pop();
    }
    Some(kept)
}

fn takes_value(word: &str) -> bool {
    ["--skip", "--test-threads", "--format", "--color", "--logfile", "-Z"].contains(&word)
}

/// pytest on the whole of each file that it is given a test of.
fn whole_files<'a>(words: &[&'a str]) -> Option<Vec<&'a str>> {
    let mut kept: Vec<&str> = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        // Before pytest, `-m` names it.
        let is_chosen = kept.iter().any(|word| word.ends_with("pytest") || *word == "py.test");
        if matches!(*word, "-k" | "-m") && is_chosen {
            words.next();
            continue;
        }
        let file = word.split("::").next().unwrap_or_default();
        // Two tests of one file are the same file.
        if file == *word || !kept.contains(&file) {
            kept.push(file);
        }
    }
    Some(kept)
}

/// unittest on the whole of the module that it is given a class or a test of.
fn whole_module<'a>(words: &[&'a str], has: &dyn Fn(&Path) -> bool) -> Option<Vec<&'a str>> {
    let at = words.windows(2).position(|pair| pair == ["-m", "unittest"])?;
    let module = |word: &&'a str| -> &'a str {
        let mut name = *word;
        while !has(Path::new(&format!("{}.py", name.replace('.', "/")))) {
            let Some((above, _)) = name.rsplit_once('.') else { return word };
            name = above;
        }
        name
    };
    let (front, named) = words.split_at(at + 2);
    Some(front.iter().copied().chain(named.iter().map(module)).collect())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn a_narrow_command_is_widened() {
        for (narrow, wide) in [
            ("cargo check --offline", "cargo check --offline --tests"),
            ("cargo clippy --offline -- -D warnings", "cargo clippy --offline --tests -- -D warnings"),
            ("cargo check --all-targets", ""),
            ("cargo check --lib", ""),
            ("cargo test", ""),
            ("cargo test --lib", ""),
            ("cargo test adds", "cargo test"),
            ("cargo test -p calc --test all adds -- --nocapture", "cargo test -p calc --test all -- --nocapture"),
            ("cargo test -- tests::adds --exact", "cargo test"),
            ("cargo test -- --test-threads 1 --skip slow", ""),
            ("pytest -q", ""),
            ("pytest -q test_a.py::test_b test_a.py::test_c[1]", "pytest -q test_a.py"),
            ("python3 -m pytest -k adds test_a.py", "python3 -m pytest test_a.py"),
            ("python3 -m unittest", ""),
            ("python3 -m unittest tests.test_a.Adds.test_b", "python3 -m unittest tests.test_a"),
            ("python3 -m unittest tests.test_a", ""),
            ("python3 -m unittest gone.Adds", ""),
            ("python3 check.py", ""),
            ("sh -c cargo test adds", ""),
            ("rustc a.rs", ""),
        ] {
            let check = |words: &str| Check::new(words.split(' ').map(str::to_owned).collect(), PathBuf::from("d"));
            let found = wider(&check(narrow), &|path: &Path| path == Path::new("tests/test_a.py"));
            assert_eq!(found.map(|found| found.in_words()).unwrap_or_default(), wide, "{narrow}");
        }
    }
}

//! The tests that failed when they were last run: where they are, what they said, and what was run. In memory only.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use halfline_context::Snapshot;
use halfline_grammars::TagKind;
use serde::Serialize;

use super::{CommandOutput, output};

/// Runs that are remembered.
const MOST_RUNS: usize = 16;
/// Lines above a Rust function that its attributes may take.
const ATTRIBUTE_LINES: usize = 6;

/// A test that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailedTest {
    /// Its name, as the runner prints it.
    pub name: String,
    /// What was wrong; empty where only the name was printed.
    pub message: String,
    /// Where it went wrong, as `path:line`, the failing place last.
    pub places: Vec<String>,
}

/// A command, and what failed when it last ran.
#[derive(Clone, Debug)]
pub struct Run {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Where it ran, absolute.
    pub directory: PathBuf,
    /// All that it printed.
    pub text: String,
    /// What failed.
    pub failed: Vec<FailedTest>,
}

/// What failed in each of the last runs.
#[derive(Debug, Default)]
pub struct Failures {
    runs: Mutex<Vec<Run>>,
}

/// A failed test in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// First and last line of the test, from 0.
    pub lines: (usize, usize),
    /// The test.
    pub test: FailedTest,
    /// What was run.
    pub command: Vec<String>,
    /// Where.
    pub directory: PathBuf,
}

impl Failures {
    /// Takes in what `command` printed in `directory`. It replaces what the same command said before, and what any other said
    /// of the tests that fail now. Returns what failed.
    pub fn record(&self, command: &[String], directory: &Path, output: &CommandOutput) -> Vec<FailedTest> {
        let failed = if output.passed { Vec::new() } else { failed_tests(&output.text) };
        let mut runs = self.runs();
        runs.retain(|run| run.command != command || run.directory != directory);
        for run in runs.iter_mut().filter(|run| run.directory == directory) {
            run.failed.retain(|test| !failed.iter().any(|now| now.name == test.name));
        }
        runs.push(Run {
            command: command.to_vec(),
            directory: directory.to_owned(),
            text: output.text.clone(),
            failed: failed.clone(),
        });
        runs.retain(|run| !run.failed.is_empty());
        let many = runs.len().saturating_sub(MOST_RUNS);
        runs.drain(..many);
        failed
    }

    /// Forgets what `command` said: the code has been changed so that it passes.
    pub fn forget(&self, command: &[String]) {
        self.runs().retain(|run| run.command != command);
    }

    /// The failed tests that `snapshot` defines.
    pub fn of_document(&self, snapshot: &Snapshot) -> Vec<Spot> {
        let Some(path) = snapshot.path() else { return Vec::new() };
        let runs = self.runs();
        let mut spots: Vec<Spot> = Vec::new();
        for run in runs.iter().filter(|run| path.starts_with(&run.directory)) {
            for test in &run.failed {
                let Some(lines) = test_lines(snapshot, path, &test.name) else { continue };
                if !spots.iter().any(|spot| spot.lines == lines) {
                    let (command, directory) = (run.command.clone(), run.directory.clone());
                    spots.push(Spot { lines, test: test.clone(), command, directory });
                }
            }
        }
        spots.sort_by_key(|spot| spot.lines);
        spots
    }

    /// What the command printed that the test of that name failed in, with what it said of the test at the end.
    pub fn output_of(&self, name: &str) -> Option<CommandOutput> {
        let runs = self.runs();
        let run = runs.iter().rev().find(|run| run.failed.iter().any(|test| test.name == name))?;
        let test = run.failed.iter().find(|test| test.name == name)?;
        let mut text = format!("{}\n\n{name} failed:\n{}\n", run.text.trim_end(), test.message);
        for place in &test.places {
            text += &format!("  at {place}\n");
        }
        Some(CommandOutput { command: run.command.join(" "), text, passed: false })
    }

    // A panic elsewhere leaves the list consistent: every change is made whole under the lock.
    fn runs(&self) -> MutexGuard<'_, Vec<Run>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The tests with a name that an output says failed, each once.
fn failed_tests(text: &str) -> Vec<FailedTest> {
    let mut tests: Vec<FailedTest> = Vec::new();
    for failure in output::read(text, "").failures {
        if failure.name.is_empty() || tests.iter().any(|known| known.name == failure.name) {
            continue;
        }
        let places = failure.frames.iter().map(|frame| format!("{}:{}", frame.path.display(), frame.line)).collect();
        tests.push(FailedTest { name: failure.name, message: failure.message, places });
    }
    tests
}

/// The lines of the test `name` in a document, if that is where it is.
fn test_lines(snapshot: &Snapshot, path: &Path, name: &str) -> Option<(usize, usize)> {
    let name = name.split('[').next().unwrap_or(name);
    let parts: Vec<&str> = name.split("::").flat_map(|part| part.split('.')).collect();
    let function = *parts.last()?;
    if !may_be_in(path, name) {
        return None;
    }
    let is_function = |kind| matches!(kind, TagKind::Function | TagKind::Method);
    let definitions = snapshot.definitions();
    let mut found = definitions.iter().filter(|one| one.name == function && is_function(one.kind));
    found.find(|one| is_test(snapshot, one.lines, function)).map(|one| one.lines)
}

/// Whether a file of that path may have the test `name`: pytest's names begin with the file, and Rust's with the modules,
/// which are files or stand in one.
fn may_be_in(path: &Path, name: &str) -> bool {
    if let Some((file, _)) = name.split_once(".py::") {
        return path.ends_with(format!("{file}.py"));
    }
    if path.extension().is_none_or(|ending| ending != "rs") {
        return true;
    }
    let modules: Vec<&str> = name.split("::").collect();
    let modules = &modules[..modules.len() - 1];
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let own = match &*stem {
        "mod" | "tests" => path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned(),
        // The root of a crate, whose modules may stand in it.
        "lib" | "main" => return true,
        stem => stem.to_owned(),
    };
    let is_crate_of_its_own = path.parent().is_some_and(|directory| directory.ends_with("tests"));
    is_crate_of_its_own || modules.contains(&own.as_str()) || modules.is_empty()
}

/// Whether the function on these lines is a test.
fn is_test(snapshot: &Snapshot, lines: (usize, usize), name: &str) -> bool {
    let is_rust = snapshot.language().is_some_and(|language| language.name() == "rust");
    if !is_rust {
        return name.to_lowercase().contains("test");
    }
    let rope = snapshot.rope();
    let line = |at: usize| rope.line(at).to_string().trim().to_owned();
    // The lines may begin with the attributes, or behind them.
    let head = format!("fn {name}");
    let Some(own) = (lines.0..=lines.1).find(|at| line(*at).contains(&head)) else { return false };
    let above = (own.saturating_sub(ATTRIBUTE_LINES)..own).rev().map(line);
    let mut attributes = above.take_while(|text| text.starts_with("#[") || text.starts_with("//"));
    attributes.any(|text| text.starts_with("#[") && text.contains("test"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CARGO: &str = "running 2 tests\ntest tests::good ... ok\ntest tests::bad ... FAILED\n\nfailures:\n\n---- tests::bad stdout ----\n\nthread 'tests::bad' (7) panicked at src/lib.rs:12:9:\nassertion `left == right` failed\n  left: 2\n right: 3\n\n\nfailures:\n    tests::bad\n";
    const LIB: &str = "pub fn bad() {}\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn good() {}\n\n    #[test]\n    fn bad() {\n        assert_eq!(2, 3);\n    }\n}\n";

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    fn printed(text: &str, passed: bool) -> CommandOutput {
        CommandOutput { command: String::new(), text: text.to_owned(), passed }
    }

    fn snapshot(path: &str, text: &str) -> Snapshot {
        Snapshot::of_text(Some(path.into()), text)
    }

    #[test]
    fn a_failed_test_is_found_and_forgotten_when_it_passes() {
        let failures = Failures::default();
        let (cargo, root) = (words("cargo test"), Path::new("/w"));
        let failed = failures.record(&cargo, root, &printed(CARGO, false));
        assert_eq!(
            (failed.len(), failed[0].name.as_str(), &failed[0].places[..]),
            (1, "tests::bad", &["src/lib.rs:12".to_owned()][..])
        );
        let lib = snapshot("/w/src/lib.rs", LIB);
        let spots = failures.of_document(&lib);
        assert_eq!(spots.len(), 1);
        assert_eq!((&spots[0].command, spots[0].lines.1), (&cargo, 10), "{:?}", spots[0].lines);
        let output = failures.output_of("tests::bad").unwrap();
        assert!(output.text.ends_with("right: 3\n  at src/lib.rs:12\n"), "{}", output.text);

        // Another run that says the same takes its place; the first one's passing changes nothing then.
        let one = words("cargo test bad");
        failures.record(&one, root, &printed(CARGO, false));
        failures.record(&cargo, root, &printed("ok", true));
        assert_eq!(failures.of_document(&lib)[0].command, one);
        failures.record(&one, root, &printed("ok", true));
        assert!(failures.of_document(&lib).is_empty() && failures.output_of("tests::bad").is_none());
        failures.record(&one, root, &printed(CARGO, false));
        failures.forget(&one);
        assert!(failures.of_document(&lib).is_empty());
    }

    #[test]
    fn tests_of_the_same_name_are_told_apart_by_their_files() {
        let failures = Failures::default();
        let text = "test parse::tests::bad ... FAILED\n\n---- parse::tests::bad stdout ----\nthread 'parse::tests::bad' panicked at src/parse.rs:9:9:\nno\n";
        failures.record(&words("cargo test"), Path::new("/w"), &printed(text, false));
        let count = |path: &str| failures.of_document(&snapshot(path, LIB)).len();
        assert_eq!(
            ["/w/src/parse.rs", "/w/src/parse/tests.rs", "/w/src/other.rs", "/v/src/parse.rs"].map(count),
            [1, 1, 0, 0]
        );
        // What is called like it and is no test has no lens.
        assert!(failures.of_document(&snapshot("/w/src/parse.rs", "fn bad() {}\n")).is_empty());

        let text = "FAILED tests/test_a.py::TestA::test_add[1-2] - assert -1 == 3\n1 failed in 0.02s\n";
        failures.record(&words("pytest"), Path::new("/w"), &printed(text, false));
        let python = "class TestA:\n    def test_add(self, a):\n        assert add(a, 1) == 3\n";
        let count = |path: &str| failures.of_document(&snapshot(path, python)).len();
        assert_eq!(["/w/tests/test_a.py", "/w/tests/test_b.py"].map(count), [1, 0]);
    }
}

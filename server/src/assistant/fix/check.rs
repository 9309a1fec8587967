//! The command that says whether a fix is one: which it is, how it is run in the scratch copy, and what it said.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use tokio::process::Command;

use super::super::command::{self, Ending};
use super::super::diagnostic::{Diagnostic, Severity};
use super::super::output::{self, Failure, Findings, Frame};
use super::checker::Reader;
use super::scratch::Scratch;

/// Python that is loaded before the program, see there.
const PROBE: &str = include_str!("probe.py");

/// A command that fails as long as something is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Where it runs, relative to the root.
    pub directory: PathBuf,
    /// How its output is read where that does not show by itself.
    pub reader: Option<Reader>,
}

/// What a check said about one state of the files.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    /// Whether it exited with 0.
    pub(super) passed: bool,
    /// Whether it was ended because its time was over.
    pub(super) timed_out: bool,
    /// Its exit code; `None` where a signal or the end of its time ended it.
    pub(super) exit: Option<i32>,
    /// What it printed. Paths of the project are relative to the root.
    pub(super) findings: Findings,
    /// How long it ran.
    pub(super) time: Duration,
}

/// What ran before a failure.
#[derive(Clone, Debug, Default)]
pub(super) struct Probed {
    /// Functions of the project, in the order of their first call. Paths are relative to the root.
    pub(super) functions: Vec<Frame>,
    /// The values of a failing assertion, in words.
    pub(super) values: Option<String>,
}

impl Check {
    /// The command `argv`, run in `directory` (relative to the root).
    pub fn new(argv: Vec<String>, directory: PathBuf) -> Check {
        Check { argv, directory, reader: None }
    }

    /// The command as a person would write it, more or less.
    pub fn in_words(&self) -> String {
        self.argv.join(" ")
    }

    /// The command that the language of the file at `path` (relative to `root`) is checked with: `cargo check` in a
    /// package, `rustc` for a Rust file on its own, the parser for Python. `None` for other languages.
    pub fn of_file(root: &Path, path: &Path, text: &str) -> Option<Check> {
        let argv = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>();
        let file = path.to_string_lossy().into_owned();
        match halfline_grammars::by_path(path)?.name() {
            "rust" => {
                let package = path.ancestors().skip(1).find(|dir| root.join(dir).join("Cargo.toml").is_file());
                let Some(package) = package else {
                    let kind = if text.contains("fn main(") { "--crate-type=bin" } else { "--crate-type=lib" };
                    let mut rustc = argv(&["rustc", "--edition=2021", "--crate-name=checked", kind]);
                    rustc.extend(argv(&["--emit=metadata", "-o", ".halfline.rmeta", &file]));
                    return Some(Check::new(rustc, PathBuf::new()));
                };
                // Nothing may be fetched: what a question costs is time, not traffic.
                let mut cargo = argv(&["cargo", "check", "--offline"]);
                let below = path.strip_prefix(package).unwrap_or(path);
                if ["tests", "benches", "examples"].iter().any(|dir| below.starts_with(dir)) {
                    cargo.push("--all-targets".to_owned());
                }
                Some(Check::new(cargo, package.to_owned()))
            }
            "python" => Some(Check::new(argv(&["python3", "-m", "py_compile", &file]), PathBuf::new())),
            _ => None,
        }
    }

    /// Whether it only reads code, and runs none.
    pub(super) fn is_compile_only(&self) -> bool {
        let words: Vec<&str> = self.argv.iter().map(String::as_str).collect();
        if self.reader.is_some() {
            return true;
        }
        match self.program() {
            "rustc" => true,
            "cargo" => words.iter().any(|word| matches!(*word, "check" | "build" | "clippy" | "c" | "b")),
            _ => words.contains(&"py_compile"),
        }
    }

    /// The same check, ended by its first failure, where the program can do that.
    pub(super) fn until_first_failure(&self) -> Option<Check> {
        let at = self.pytest()?;
        let mut brief = self.clone();
        brief.argv.insert(at + 1, "-x".to_owned());
        Some(brief)
    }

    /// Whether it is cargo's to build something and then run it.
    pub(super) fn runs_code(&self) -> bool {
        self.argv.iter().any(|word| matches!(word.as_str(), "test" | "t" | "run" | "r" | "bench" | "nextest"))
    }

    /// Whether pytest runs.
    pub(super) fn is_pytest(&self) -> bool {
        self.pytest().is_some()
    }

    fn pytest(&self) -> Option<usize> {
        let is_pytest = |word: &String| matches!(word.as_str(), "pytest" | "py.test") || word.ends_with("/pytest");
        self.argv.iter().take(3).position(is_pytest)
    }

    /// The files named in the command itself: a test script, usually.
    pub(super) fn names(&self, path: &Path) -> bool {
        self.argv.iter().any(|word| {
            let word = word.split("::").next().unwrap_or_default();
            !word.is_empty() && (path == self.directory.join(word) || path.ends_with(word) && word.contains('.'))
        })
    }

    pub(super) fn program(&self) -> &str {
        let first = self.argv.first().map_or("", String::as_str);
        first.rsplit(['/', '\\']).next().unwrap_or(first)
    }

    /// The command as it runs: compilers say more in JSON.
    fn instrumented(&self) -> Vec<String> {
        let mut argv = self.argv.clone();
        match self.program() {
            "rustc" if !argv.iter().any(|word| word.starts_with("--error-format")) => {
                argv.insert(1, "--error-format=json".to_owned());
            }
            "cargo" if !argv.iter().any(|word| word.starts_with("--message-format")) => {
                const COMPILING: [&str; 9] = ["check", "c", "build", "b", "clippy", "test", "t", "run", "r"];
                if let Some(at) = argv.iter().position(|word| COMPILING.contains(&word.as_str())) {
                    argv.insert(at + 1, "--message-format=json".to_owned());
                }
            }
            _ => {}
        }
        argv
    }

    /// Runs it on what `scratch` holds, for at most `time`. The error says why it could not start.
    pub(super) async fn run(&self, root: &Path, scratch: &Scratch, time: Duration) -> Result<Outcome, String> {
        let command = self.command(root, scratch)?;
        let output = command::run_until(command, time).await?;
        let tree = scratch.tree();
        let clean = |text: &str| text.replace(&format!("{}/", tree.display()), "");
        let (stdout, stderr) = (clean(&output.stdout), clean(&output.stderr));
        let mut findings = output::read(&stdout, &stderr);
        if let Some(reader) = &self.reader {
            reader.read(&mut findings, &stdout, &stderr, !output.success());
        }
        self.locate(&mut findings, tree);
        let (timed_out, exit) = match output.ending {
            Ending::TimedOut => (true, None),
            Ending::Exited(code) => (false, code),
        };
        Ok(Outcome { passed: output.success(), timed_out, exit, findings, time: output.time })
    }

    /// Runs it once more and watches what of the project runs, where that is possible.
    pub(super) async fn probe(&self, root: &Path, scratch: &Scratch, time: Duration) -> Probed {
        let place = scratch.temporary().join("probe");
        let out = place.join("out");
        let written =
            std::fs::create_dir_all(&place).and_then(|()| std::fs::write(place.join("sitecustomize.py"), PROBE));
        let (Ok(()), Ok(mut command)) = (written, self.command(root, scratch)) else { return Probed::default() };
        if let Some(path) = python_path(Some(&place), root, scratch) {
            command.env("PYTHONPATH", path);
        }
        command.env("HALFLINE_PROBE_ROOT", scratch.tree()).env("HALFLINE_PROBE_OUT", &out);
        // Whatever it ends with, what was written until then counts.
        let _ = command::run_until(command, time).await;
        let mut probed = Probed::default();
        for line in std::fs::read_to_string(&out).unwrap_or_default().lines() {
            match serde_json::from_str::<ProbeLine>(line) {
                Ok(ProbeLine::Values { values }) => probed.values = Some(values),
                Ok(ProbeLine::Call { path, function, line }) => {
                    let path = path.strip_prefix(scratch.tree()).map_or(path.clone(), Path::to_owned);
                    probed.functions.push(Frame { path, line, function: Some(function) });
                }
                Err(_) => {}
            }
        }
        probed
    }

    fn command(&self, root: &Path, scratch: &Scratch) -> Result<Command, String> {
        let argv = self.instrumented();
        // A path into the user's tree means the same place in the copy.
        let own = root.to_string_lossy().into_owned();
        let tree = scratch.tree().to_string_lossy().into_owned();
        let moved = |word: &String| if own.len() > 1 { word.replace(&own, &tree) } else { word.clone() };
        let mut words = argv.iter().map(moved);
        let directory = scratch.tree().join(&self.directory);
        let program = words.next().filter(|word| !word.is_empty()).ok_or("there is no command to run")?;
        // A relative program is looked for where the command runs, not where we do.
        let is_here = program.contains(['/', '\\']) && Path::new(&program).is_relative();
        let program = if is_here { directory.join(program) } else { PathBuf::from(program) };
        let mut command = Command::new(program);
        command
            .args(words)
            .current_dir(&directory)
            .env("CARGO_TARGET_DIR", scratch.target())
            .env("CARGO_TERM_COLOR", "never")
            .env("NO_COLOR", "1")
            .env("PY_COLORS", "0")
            .env("TMPDIR", scratch.temporary())
            .env("RUST_BACKTRACE", "1")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONFAULTHANDLER", "1");
        if let Some(path) = python_path(None, root, scratch) {
            command.env("PYTHONPATH", path);
        }
        Ok(command)
    }

    /// Makes the paths of `findings` relative to the root, those of the project's files.
    fn locate(&self, findings: &mut Findings, tree: &Path) {
        let locate = |path: &mut PathBuf| {
            let inside = path.strip_prefix(tree).map_or_else(|_| path.clone(), Path::to_owned);
            // cargo names files from the workspace's root, everyone else from where it runs.
            let places = self.directory.ancestors().map(|base| base.join(&inside));
            if let Some(known) = places.into_iter().find(|place| tree.join(place).is_file()) {
                *path = known.components().filter(|part| !matches!(part, std::path::Component::CurDir)).collect();
            }
        };
        findings.diagnostics.iter_mut().for_each(|diagnostic| locate(&mut diagnostic.path));
        findings.places.iter_mut().flatten().for_each(|(path, _)| locate(path));
        findings.failures.iter_mut().flat_map(|failure| &mut failure.frames).for_each(|frame| locate(&mut frame.path));
        for (_, suggestion) in &mut findings.suggestions {
            let edits = std::mem::take(&mut suggestion.edits).into_iter();
            suggestion.edits = edits
                .map(|(mut path, edits)| {
                    locate(&mut path);
                    (path, edits)
                })
                .collect();
        }
    }
}

impl Outcome {
    /// The errors that compilers reported.
    pub(super) fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.findings.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Whether it can be compared with another: it passed, or it ran to its end and named what is wrong. What a check that was
    /// ended had said until then is not all that it would have said.
    pub(super) fn is_comparable(&self) -> bool {
        self.passed || self.exit.is_some() && (self.errors().next().is_some() || !self.findings.failures.is_empty())
    }

    /// How many things are wrong; at least one where the check did not pass.
    pub(super) fn count(&self) -> usize {
        let found = self.errors().count() + self.findings.failures.len();
        if self.passed { 0 } else { found.max(1) }
    }

    /// What is wrong, each with how often: independent of lines, which edits move.
    pub(super) fn keys(&self) -> BTreeMap<String, usize> {
        let mut keys = BTreeMap::new();
        if self.passed {
            return keys;
        }
        let errors = self.errors().map(error_key);
        let failures = self.findings.failures.iter().map(failure_key);
        errors.chain(failures).for_each(|key| *keys.entry(key).or_insert(0) += 1);
        keys
    }
}

/// What stays the same of an error when lines move.
pub(super) fn error_key(diagnostic: &Diagnostic) -> String {
    let code = diagnostic.code.as_deref().unwrap_or_default();
    format!("{}: {code}: {}", diagnostic.path.display(), diagnostic.message)
}

fn failure_key(failure: &Failure) -> String {
    if failure.name.is_empty() {
        format!("program: {}", failure.message.lines().next().unwrap_or_default())
    } else {
        format!("test: {}", failure.name)
    }
}

/// Where Python looks for modules: in `first`, in the copy, and where the user's `PYTHONPATH` says, below `root` in the copy. `None`
/// where that is nowhere in particular.
fn python_path(first: Option<&Path>, root: &Path, scratch: &Scratch) -> Option<OsString> {
    let own = std::env::var_os("PYTHONPATH").unwrap_or_default();
    let moved = std::env::split_paths(&own).filter(|path| !path.as_os_str().is_empty()).map(|path| {
        let below = path.strip_prefix(root).ok().map(|below| scratch.tree().join(below));
        below.unwrap_or(path)
    });
    let all: Vec<PathBuf> = first.map(Path::to_owned).into_iter().chain(scratch.python_roots()).chain(moved).collect();
    // A directory with a separator in its name cannot be told.
    if all.is_empty() { None } else { std::env::join_paths(all).ok() }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ProbeLine {
    Values { values: String },
    Call { path: PathBuf, function: String, line: usize },
}

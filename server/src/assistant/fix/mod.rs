//! Finds a change that makes a failing check pass, and proves it: candidates from the compiler, from plain repairs and
//! from the model are tried in a scratch copy until one is accepted. Tests and documentation are written and proved in the same
//! way. The user's files are only read.

mod check;
mod checker;
mod evidence;
mod items;
mod judge;
mod prompt;
mod repair;
mod reply;
mod report;
mod scratch;
mod search;
pub(super) mod slips;
mod unable;
mod wider;
mod write;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use halfline_context::workspace;
use halfline_inference::TokenStats;

use super::{AssistantError, CommandOutput, Router, ToolUse, Toolbox, Update, command};
use crate::engine_host::EngineHost;
use crate::recent::Recent;

pub use check::Check;
pub use checker::checks_for;
pub use report::{CheckReport, Count, Fix, FixTimings, Route, Verdict};
pub use scratch::Extent;
pub use write::{Order, definition_at, documentation, test_command, unit_tests};

/// Texts of files, by path relative to the root.
pub type Texts = BTreeMap<PathBuf, String>;

/// What is to be mended.
#[derive(Clone, Debug)]
pub struct Task {
    /// The directory that is copied; every path below is relative to it.
    pub root: PathBuf,
    /// How much of it is copied.
    pub extent: Extent,
    /// The command that fails.
    pub check: Check,
    /// Commands to run after it where it has nothing to say of the place that is meant.
    pub further: Vec<Check>,
    /// The file that the problem is looked for in first.
    pub path: Option<PathBuf>,
    /// The line (from 0) of it whose problem is meant. Without one, everything that the check says is.
    pub line: Option<usize>,
    /// What an editor shows there, where it is known.
    pub message: Option<String>,
    /// What an editor has open and not saved.
    pub open: Texts,
}

impl Task {
    /// What it may run, in words.
    pub fn command(&self) -> String {
        let all = std::iter::once(&self.check).chain(&self.further);
        all.map(Check::in_words).collect::<Vec<_>>().join(" and ")
    }
}

/// What finding a fix may take.
#[derive(Clone, Debug)]
pub struct FixLimits {
    /// Times that the model is asked.
    pub attempts: usize,
    /// All of it together, the first run of the check excepted.
    pub time: Duration,
    /// The first run of the check, which may have to build much.
    pub first_check: Duration,
    /// Tokens of a prompt.
    pub prompt_tokens: usize,
    /// Tokens of an answer.
    pub answer_tokens: usize,
    /// Whether the model is asked once, as plainly as can be, and nothing else is tried: what a fix has to beat.
    pub plain: bool,
    /// Whether the model says what is wrong where nothing helps. That may take a little longer than `time`.
    pub explains: bool,
    /// Where copies of projects and build outputs are kept.
    pub cache: PathBuf,
}

impl Default for FixLimits {
    fn default() -> Self {
        FixLimits {
            attempts: 24,
            time: Duration::from_secs(60),
            first_check: Duration::from_secs(300),
            prompt_tokens: 2048,
            answer_tokens: 1024,
            plain: false,
            explains: true,
            cache: cache_directory(),
        }
    }
}

/// Why there is no fix, not even an unverified one.
#[derive(Debug, thiserror::Error)]
pub enum FixError {
    /// The check passes.
    #[error("nothing to fix: `{command}` passes{}; for a failing test, use `halfline debug -- COMMAND`", unsaid(.message.as_ref()))]
    NothingToFix {
        /// What passes.
        command: String,
        /// What an editor shows all the same.
        message: Option<String>,
    },
    /// The check says nothing of the code.
    #[error("the check itself could not run: `{command}` {why}")]
    CouldNotRun {
        /// The check.
        command: String,
        /// How it ended.
        why: String,
        /// The end of what it printed.
        output: String,
    },
    /// The scratch copy could not be made or changed.
    #[error("cannot work on a copy of {root}: {reason}; your files are as they were")]
    Copy {
        /// What was to be copied.
        root: PathBuf,
        /// What was wrong.
        reason: String,
    },
    /// The check could not start.
    #[error("{0}")]
    Check(String),
    /// Nothing was tried that is worth showing.
    #[error("no fix found in {seconds:.0} s and {attempts} attempts; {reason}")]
    NotFound {
        /// How long was looked.
        seconds: f64,
        /// How often the model was asked.
        attempts: usize,
        /// What stood in the way.
        reason: String,
    },
    /// It cannot be done here.
    #[error("{0}")]
    NotPossible(String),
    /// No engine has answered.
    #[error(transparent)]
    Answer(#[from] AssistantError),
}

/// Who writes candidates. The local models may still be loading.
#[derive(Clone)]
pub struct Author {
    /// The local models.
    pub host: Arc<EngineHost>,
    /// Engines that run elsewhere.
    pub router: Router,
    /// What their models may call, all attempts together.
    pub tools: Option<Toolbox>,
    /// Where it is kept what the result rests on.
    pub recent: Arc<Recent>,
}

impl FixError {
    /// The error with what a command printed, for whoever reads more than a line.
    pub fn in_words(&self) -> String {
        match self.output() {
            Some(output) => format!("{self}:\n{output}"),
            None => self.to_string(),
        }
    }

    /// The end of what a command printed, where that matters.
    pub fn output(&self) -> Option<&str> {
        match self {
            FixError::CouldNotRun { output, .. } if !output.is_empty() => Some(output),
            _ => None,
        }
    }
}

fn unsaid(message: Option<&String>) -> String {
    let head = message.and_then(|message| message.lines().next());
    let unsaid = |head| format!(" and does not say `{head}`; name the tool that does in [[assistant.checkers]]");
    head.map(unsaid).unwrap_or_default()
}

/// Looks for a fix for `task`. `author` writes candidates where nothing simpler helps. `sink` hears of every step, and what is to be
/// said of the result. Where none is found, the result says why, and has no change. Dropping the future ends every command that it
/// runs.
pub async fn fix(
    task: Task,
    author: Option<Author>,
    limits: &FixLimits,
    sink: &mut (dyn FnMut(Update) + Send),
) -> Result<Fix, FixError> {
    let started = Instant::now();
    let mut search = search::Search::begin(task, limits, sink).await?;
    let baseline_time = started.elapsed();
    let recent = author.as_ref().map(|author| author.recent.clone());
    search.run(author, sink).await?;
    let mut fix = report::report(&search, baseline_time, started.elapsed());
    if !fix.diff.is_empty() {
        sink(Update::Patch { diff: fix.diff.clone(), verdict: fix.verdict });
    }
    sink(Update::Text { text: fix.in_words() });
    if fix.verdict == Verdict::Unverified {
        let mut gap = "\n\n";
        let mut tell = |update: Update| match update {
            Update::Text { text } => sink(Update::Text { text: format!("{}{text}", std::mem::take(&mut gap)) }),
            other => sink(other),
        };
        // Without it the result is what it is.
        match search.explain(&mut tell).await {
            Ok(Some((words, citations))) => {
                fix.explanation += &format!("\n\n{words}");
                fix.citations.extend(citations);
            }
            Ok(None) => {}
            Err(error) => tracing::debug!("no model explained a failure: {error}"),
        }
    }
    if let Some(recent) = recent {
        let written = search.best().map_or(search.spent().last.as_ref(), search::Candidate::written);
        fix.id = recent.keep(report::entry(&fix, written, search.evidence()));
    }
    Ok(fix)
}

/// Whether `argv` exits with 0 in `directory`, within `time`.
pub async fn passes(argv: &[String], directory: &Path, time: Duration) -> bool {
    let Some((program, arguments)) = argv.split_first() else { return false };
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).current_dir(directory);
    command::run(command, time).await.is_ok_and(|output| output.success())
}

/// What of the code is gone in `after`, in words: for whoever counts fixes. A search lets the compiler take out a line that it
/// is sure about.
pub fn removals(before: &Texts, after: &Texts) -> Vec<String> {
    judge::removals(before, after)
}

/// Runs a command line on a copy of the files below `root`, with what is `open` and unsaved, for at most `time`.
pub async fn output_of(root: &Path, open: Texts, line: &str, time: Duration) -> Result<CommandOutput, FixError> {
    let failed = |reason: String| FixError::Copy { root: root.to_owned(), reason };
    let copying = {
        let root = root.to_owned();
        tokio::task::spawn_blocking(move || scratch::Scratch::new(&root, Extent::Tree, open, &cache_directory()))
    };
    let copy = copying.await.map_err(|error| failed(error.to_string()))?;
    let scratch = copy.map_err(|error| failed(error.to_string()))?;
    let check = Check::new(vec!["sh".to_owned(), "-c".to_owned(), line.to_owned()], PathBuf::new());
    let outcome = check.run(root, &scratch, time).await.map_err(FixError::Check)?;
    let mut text = outcome.findings.text;
    if outcome.timed_out {
        text += &format!("\n(ended after {} s)", time.as_secs());
    }
    Ok(CommandOutput { command: line.to_owned(), text, passed: outcome.passed })
}

/// The files that a file on its own cannot be checked without, itself first: the modules that a Rust file names, as far as
/// they are there. Paths are relative to `root`.
pub fn files_of(root: &Path, path: &Path) -> Vec<PathBuf> {
    const MOST: usize = 200;
    let mut files = vec![path.to_owned()];
    let mut at = 0;
    while at < files.len() && files.len() < MOST {
        let file = files[at].clone();
        at += 1;
        let text = workspace::read_text(&root.join(&file)).unwrap_or_default();
        let is_root = at == 1 || file.file_stem().is_some_and(|stem| stem == "mod");
        let beside = file.parent().unwrap_or(Path::new("")).to_owned();
        let base = if is_root { beside } else { file.with_extension("") };
        let names = text.lines().filter_map(|line| {
            let line = line.trim().trim_start_matches("pub ").trim_start_matches("pub(crate) ");
            line.strip_prefix("mod ")?.strip_suffix(';').map(str::trim)
        });
        for name in names {
            for module in [base.join(format!("{name}.rs")), base.join(name).join("mod.rs")] {
                if root.join(&module).is_file() && !files.contains(&module) {
                    files.push(module);
                }
            }
        }
    }
    files
}

/// Where copies are kept: where `HALFLINE_CACHE` says, or in the platform's cache directory.
fn cache_directory() -> PathBuf {
    if let Some(path) = std::env::var_os("HALFLINE_CACHE").filter(|path| !path.is_empty()) {
        return PathBuf::from(path);
    }
    let own = directories::ProjectDirs::from("", "", "halfline");
    own.map_or_else(|| std::env::temp_dir().join("halfline"), |dirs| dirs.cache_dir().to_owned())
}

/// What looking for a fix has cost so far.
#[derive(Clone, Debug, Default)]
struct Spent {
    attempts: usize,
    tokens: TokenStats,
    model_time: Duration,
    check_time: Duration,
    tools: Vec<ToolUse>,
    /// What a model wrote last.
    last: Option<search::Written>,
}

#[cfg(test)]
mod tests;

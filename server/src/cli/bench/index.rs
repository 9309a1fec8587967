//! `halfline bench index`: what reading a workspace costs, beside Universal Ctags where that is installed, and what a
//! keystroke costs in a long file.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, ensure};
use halfline_context::symbols::Definition;
use halfline_context::workspace::{ScanReport, read_text};
use halfline_context::{Document, text};
use halfline_grammars::TagKind;
use serde::{Deserialize, Serialize};

use super::median;
use crate::cli::{output, root_of};

/// Lines of the file that is typed into.
const LONG_LINES: usize = 10_000;
/// Statements that are typed there, into a function in its middle.
const STATEMENTS: usize = 10;

/// Measure the index
#[derive(clap::Args)]
#[command(
    about = "Measure what reading a workspace costs, in turns with Universal Ctags where that is installed, and what a keystroke costs in a long file",
    after_help = "Whole processes are timed, after one that is not. Let nothing else run meanwhile.\n\nExample: halfline bench index ~/src/project --json"
)]
pub(super) struct Args {
    /// The workspace [default: the one around the current directory]
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
    /// How often each figure is measured
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    rounds: u16,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    files: usize,
    bytes: u64,
    symbols: usize,
    chunks: usize,
    fresh: Times,
    /// The index opened again and every file looked at, with none changed.
    reopened: Times,
    peak_rss_mib: Option<u64>,
    ctags: Option<Peer>,
    /// An edit, and the tree and the definitions after it; nothing where no file could be made.
    keystroke: Option<Keystroke>,
}

/// Wall-clock time of whole processes in milliseconds.
#[derive(Serialize)]
struct Times {
    median_ms: f64,
    rounds_ms: Vec<f64>,
}

#[derive(Serialize)]
struct Peer {
    version: String,
    #[serde(flatten)]
    times: Times,
    /// Our time over the peer's, the median of what each round gave.
    ratio: f64,
}

#[derive(Serialize)]
struct Keystroke {
    language: &'static str,
    lines: usize,
    /// Of this, the tree alone.
    tree_p50_ms: f64,
    tree_p95_ms: f64,
    p50_ms: f64,
    p95_ms: f64,
    worst_ms: f64,
    /// The same where nobody closes the brackets: from there on the parser takes code for arguments.
    open_p50_ms: f64,
    open_p95_ms: f64,
}

/// What `halfline index --json` says.
#[derive(Deserialize)]
struct Indexed {
    files: usize,
    bytes: u64,
    symbols: usize,
    chunks: usize,
    peak_rss_mib: Option<u64>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let root = root_of(args.directory.as_deref(), &std::env::current_dir()?)?;
    let report = measure(&root, usize::from(args.rounds))?;
    if args.json {
        return output::json(&report);
    }
    let Report { files, bytes, symbols, fresh, reopened, peak_rss_mib, ctags, keystroke, .. } = &report;
    let memory = peak_rss_mib.map_or(String::new(), |mib| format!(", {mib} MiB at most"));
    let bytes = output::bytes(*bytes);
    output::line(&format!("{files} files, {bytes}, {symbols} symbols: {:.0} ms{memory}", fresh.median_ms))?;
    output::line(&format!("opened again: {:.0} ms", reopened.median_ms))?;
    output::line(&match ctags {
        Some(Peer { version, times, ratio }) => format!("{version}: {:.0} ms; {ratio:.2} of that", times.median_ms),
        None => "ctags is not installed, so there is nothing to compare with".to_owned(),
    })?;
    if let Some(Keystroke { language, lines, p50_ms, p95_ms, worst_ms, open_p50_ms, open_p95_ms, .. }) = keystroke {
        output::line(&format!(
            "a keystroke in {lines} lines of {language}: {p50_ms:.2} ms, 95% within {p95_ms:.2}, all within {worst_ms:.2}; \
             with brackets left open {open_p50_ms:.2}, 95% within {open_p95_ms:.2}"
        ))?;
    }
    Ok(())
}

fn measure(root: &Path, rounds: usize) -> anyhow::Result<Report> {
    let version = ctags_version();
    let (mut fresh, mut reopened, mut peer, mut found) = (Vec::new(), Vec::new(), Vec::new(), None);
    for round in 0..=rounds {
        let cache = tempfile::tempdir().context("a directory for the index cannot be made")?;
        let (first, indexed) = index(root, cache.path())?;
        let (again, _) = index(root, cache.path())?;
        let tags = version.is_some().then(|| ctags(root, &cache.path().join("tags"))).transpose()?;
        // The first round fills the system's cache of files.
        if round > 0 {
            fresh.push(first);
            reopened.push(again);
            peer.extend(tags);
        }
        found = Some(indexed);
    }
    let found = found.context("nothing was measured")?;
    let ratios = fresh.iter().zip(&peer).map(|(ours, theirs)| ours / theirs).collect();
    let ctags = version.map(|version| Peer { version, ratio: hundredths(median(ratios)), times: times(peer) });
    Ok(Report {
        files: found.files,
        bytes: found.bytes,
        symbols: found.symbols,
        chunks: found.chunks,
        fresh: times(fresh),
        reopened: times(reopened),
        peak_rss_mib: found.peak_rss_mib,
        ctags,
        keystroke: keystroke(root),
    })
}

/// Runs `halfline index`; milliseconds, and what it said.
fn index(root: &Path, cache: &Path) -> anyhow::Result<(f64, Indexed)> {
    let program = std::env::current_exe().context("this program cannot be found")?;
    let mut command = Command::new(program);
    command.arg("index").arg(root).arg("--json").env("HALFLINE_CACHE", cache).stderr(Stdio::null());
    let started = Instant::now();
    let output = command.output().context("halfline index cannot be run")?;
    let milliseconds = started.elapsed().as_secs_f64() * 1e3;
    ensure!(output.status.success(), "halfline index ended with {}", output.status);
    let found = serde_json::from_slice(&output.stdout).context("what halfline index printed cannot be read")?;
    Ok((milliseconds, found))
}

fn ctags_version() -> Option<String> {
    let output = Command::new("ctags").arg("--version").output().ok()?;
    let line = String::from_utf8_lossy(&output.stdout).lines().next()?.split(',').next()?.to_owned();
    line.contains("Universal").then_some(line)
}

fn ctags(root: &Path, tags: &Path) -> anyhow::Result<f64> {
    let mut command = Command::new("ctags");
    command.arg("-R").arg("-f").arg(tags).arg(root).stdout(Stdio::null()).stderr(Stdio::null());
    let started = Instant::now();
    let status = command.status().context("ctags cannot be run")?;
    ensure!(status.success(), "ctags ended with {status}");
    Ok(started.elapsed().as_secs_f64() * 1e3)
}

/// What a character costs in the middle of a long file, made of the workspace's own.
fn keystroke(root: &Path) -> Option<Keystroke> {
    let workspace = halfline_context::Workspace::new(root);
    let ScanReport { languages, .. } = workspace.scan(&Default::default(), &Default::default());
    let known = |name: &String| ["rust", "python"].contains(&name.as_str());
    let language = languages.into_iter().filter(|(name, _)| known(name)).max_by_key(|(_, files)| *files)?.0;
    let language = halfline_grammars::by_name(&language)?;
    let files = workspace.files();
    let texts =
        files.iter().filter(|file| file.language() == Some(language)).filter_map(|file| read_text(&file.path).ok());
    let mut joined = String::new();
    let mut lines = 0;
    for one in texts {
        let more = one.lines().count() + 1;
        if lines + more <= LONG_LINES {
            lines += more;
            joined.push_str(&one);
            joined.push('\n');
        }
    }
    let mut document = Document::new(None, language.name(), 0, &joined);
    let snapshot = document.snapshot();
    let lines = snapshot.rope().len_lines();
    // A new line at the start of the function nearest to the middle, as deep as the one there.
    let is_function = |one: &&Definition| matches!(one.kind, TagKind::Function | TagKind::Method);
    // With the whole head on one line, and no documentation below it.
    let is_short = |one: &&Definition| one.signature_lines.1 == one.lines.0 && one.lines.1 > one.lines.0 + 1;
    let functions = snapshot.definitions().iter().filter(is_function).filter(is_short);
    let line = functions.min_by_key(|one| one.lines.0.abs_diff(lines / 2))?.signature_lines.1 + 1;
    let indent: String =
        text::line_content(snapshot.rope(), line).chars().take_while(|ch| ch.is_whitespace()).collect();
    let mut at = text::line_to_char(snapshot.rope(), line);
    document.replace(at..at, &format!("{indent}\n"));
    at += indent.len();
    document.snapshot().definitions();
    let typed =
        if language.name() == "rust" { "let total = count(first, second);" } else { "total = count(first, second)" };
    let typed = format!("{typed}\n{indent}").repeat(STATEMENTS);
    let mut typing = Typing { document, at };
    let (trees, closed) = typing.times(&typed, true);
    let (_, open) = typing.times(&typed, false);
    let share = |of: &[f64], share: f64| hundredths(of[((of.len() - 1) as f64 * share).round() as usize]);
    Some(Keystroke {
        language: language.name(),
        lines,
        tree_p50_ms: share(&trees, 0.5),
        tree_p95_ms: share(&trees, 0.95),
        p50_ms: share(&closed, 0.5),
        p95_ms: share(&closed, 0.95),
        worst_ms: share(&closed, 1.0),
        open_p50_ms: share(&open, 0.5),
        open_p95_ms: share(&open, 0.95),
    })
}

/// A cursor in a document.
struct Typing {
    document: Document,
    at: usize,
}

impl Typing {
    /// Types, with the brackets closed as most editors do it or left open, and gives the milliseconds until the tree was
    /// there, and until the definitions were, for each edit, in ascending order.
    fn times(&mut self, typed: &str, closing: bool) -> (Vec<f64>, Vec<f64>) {
        let (mut trees, mut all) = (Vec::new(), Vec::new());
        for typed in typed.chars() {
            let mut buffer = [0; 4];
            let text = match typed {
                '(' if closing => "()",
                // It is there already.
                ')' if closing => "",
                other => other.encode_utf8(&mut buffer),
            };
            if !text.is_empty() {
                let started = Instant::now();
                self.document.replace(self.at..self.at, text);
                let snapshot = self.document.snapshot();
                snapshot.tree();
                trees.push(started.elapsed().as_secs_f64() * 1e3);
                snapshot.definitions();
                all.push(started.elapsed().as_secs_f64() * 1e3);
            }
            self.at += 1;
        }
        trees.sort_by(f64::total_cmp);
        all.sort_by(f64::total_cmp);
        (trees, all)
    }
}

fn times(rounds: Vec<f64>) -> Times {
    Times { median_ms: hundredths(median(rounds.clone())), rounds_ms: rounds.into_iter().map(hundredths).collect() }
}

fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

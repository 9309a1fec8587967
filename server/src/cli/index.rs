//! `halfline index`: reads a workspace and says what was found.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use halfline_context::Workspace;
use halfline_context::retrieval::Coverage;
use halfline_context::workspace::{ScanLimits, ScanReport};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::{Invocation, output, root_of, vectors};
use crate::cache_directory;
use crate::config::Config;

/// Read a workspace and say what was found
#[derive(clap::Args)]
#[command(
    about = "Read a workspace into its index and say what was found",
    after_help = "Only what is new or has changed is read. The index lives in the platform's cache directory, or under HALFLINE_CACHE.\n\nExample: halfline index . --json"
)]
pub(super) struct Args {
    /// The workspace [default: the one around the current directory]
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Also compute the vectors for searching by meaning, which an editor leaves to the background
    #[arg(long)]
    vectors: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    found: ScanReport,
    seconds: f64,
    /// What can be found by meaning, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    vectors: Option<Vectors>,
    /// The most memory that the process held, in MiB, where the system tells.
    peak_rss_mib: Option<u64>,
}

/// The vectors of a workspace.
#[derive(Serialize)]
struct Vectors {
    #[serde(flatten)]
    coverage: Coverage,
    seconds: f64,
}

pub(super) fn run(args: Args, invocation: &Invocation) -> anyhow::Result<()> {
    let root = root_of(args.directory.as_deref(), &std::env::current_dir()?)?;
    let config = invocation.config(&root)?;
    let started = Instant::now();
    let workspace = Workspace::open(&root, &cache_directory());
    let mut found = scan(&workspace);
    let seconds = started.elapsed().as_secs_f64();
    let vectors = args.vectors.then(|| embed(&config, &workspace)).transpose()?;
    for skipped in &mut found.skipped {
        skipped.path = workspace.display_path(&skipped.path).into();
    }
    let report = Report { found, seconds: (seconds * 1e3).round() / 1e3, vectors, peak_rss_mib: peak_rss_mib() };
    if args.json {
        return output::json(&report);
    }
    let Report { found, .. } = &report;
    let languages: Vec<String> = found.languages.iter().map(|(name, files)| format!("{name} {files}")).collect();
    output::line(&format!(
        "{} files ({}), {}, {} symbols, {} chunks; {} read in {seconds:.2} s",
        found.files,
        languages.join(", "),
        output::bytes(found.bytes),
        found.symbols,
        found.chunks,
        found.read
    ))?;
    if let Some(Vectors { coverage, seconds }) = &report.vectors {
        let Coverage { model, vectors, chunks } = coverage;
        output::line(&format!("{vectors} of {chunks} chunks have vectors by {model}; {seconds:.2} s"))?;
    }
    for skipped in &found.skipped {
        output::note(&format!("left out {}: {}", skipped.path.display(), skipped.why));
    }
    Ok(())
}

fn embed(config: &Config, workspace: &Workspace) -> anyhow::Result<Vectors> {
    let started = Instant::now();
    vectors::compute(config, workspace, None).map_err(anyhow::Error::msg)?;
    let coverage = workspace.dense().map(|dense| dense.coverage(workspace)).unwrap_or_default();
    Ok(Vectors { coverage, seconds: (started.elapsed().as_secs_f64() * 1e3).round() / 1e3 })
}

/// Brings the index of `workspace` up to date; a bar says how far it is where someone looks.
pub(super) fn scan(workspace: &Workspace) -> ScanReport {
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
    bar.set_style(
        ProgressStyle::with_template("reading {wide_bar} {pos}/{len} files")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let report = workspace.scan_with(&ScanLimits::default(), &AtomicBool::new(false), |done, all| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    report
}

/// The most memory that this process has held, in MiB, as Linux tells it.
pub(super) fn peak_rss_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib.div_ceil(1024))
}

//! `halfline eval fix`: how many broken programs of a data set are fixed, proved by running each one's own check.
//!
//! A case is `{"id", "language", "files": {path: text}, "check": [command..], "target"?}`.

mod cargo_fix;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};

use super::super::{Invocation, output, session};
use super::Common;
use crate::assistant::Router;
use crate::assistant::fix::{self, Author, Check, Extent, FixLimits, Task, Texts, Verdict};
use crate::engine_host::EngineHost;

/// Score fixes
#[derive(clap::Args)]
#[command(
    about = "Fix the broken programs of a data set, and count those whose check passes",
    after_help = "Example: halfline eval fix cases.jsonl --limit 20"
)]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
    /// Seconds for each case
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    time: u64,
    /// Ask the model once, with the file and the error, and try nothing else: the baseline
    #[arg(long)]
    plain: bool,
    /// Ask no model: try what the compiler suggests, repairs that its messages make plain, and small slips
    #[arg(long, conflicts_with = "plain")]
    no_model: bool,
    /// Run `cargo fix` on the Rust cases, and nothing else: the other baseline
    #[arg(long, conflicts_with_all = ["plain", "no_model"])]
    cargo_fix: bool,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    language: String,
    files: BTreeMap<PathBuf, String>,
    check: Vec<String>,
    target: Option<PathBuf>,
}

/// What became of one case.
#[derive(Serialize)]
struct Row {
    id: String,
    language: String,
    /// Whether the case's check passes on the fixed files, run anew, and nothing about the fix is suspicious; code that is gone
    /// is, whoever took it out.
    fixed: bool,
    /// Whether the check passes, whatever the fix does.
    passes: bool,
    verdict: Option<Verdict>,
    marks: Vec<String>,
    attempts: usize,
    model: Option<String>,
    why: String,
    seconds: f64,
    diff: String,
}

/// The score.
#[derive(Serialize)]
struct Score {
    cases: usize,
    fixed: usize,
    /// Of the fixed ones, those that needed no model.
    without_model: usize,
    /// Cases whose check passes by a change that is marked as suspicious.
    marked: usize,
    mean_seconds: f64,
    p50_seconds: f64,
    p95_seconds: f64,
    attempts: usize,
}

pub(super) fn run(args: Args, invocation: &Invocation) -> anyhow::Result<()> {
    let mut cases: Vec<Case> = args.common.cases()?;
    if args.cargo_fix {
        cases.retain(|case| case.language == "rust");
        ensure!(!cases.is_empty(), "{}: there is no Rust case in it", args.common.dataset.display());
    }
    let config = invocation.config(&std::env::current_dir()?)?;
    let model = (!args.no_model && !args.cargo_fix).then(|| EngineHost::start(&config));
    let mut rows_file = args.common.rows()?;
    let cache = tempfile::tempdir()?;
    let limits = FixLimits {
        time: Duration::from_secs(args.time),
        plain: args.plain,
        explains: false,
        cache: cache.path().to_owned(),
        ..FixLimits::default()
    };
    if let Some(model) = &model {
        // The first case should not pay for what is loaded once.
        session::block_on(model.engine())?.map_err(anyhow::Error::msg)?;
    }
    let mut rows = Vec::new();
    for case in &cases {
        let row = if args.cargo_fix { cargo_fix::one(case, limits.time) } else { one(case, model.clone(), &limits) };
        let row = row.with_context(|| format!("case {}", case.id))?;
        let said = if row.fixed { "fixed" } else { "not fixed" };
        output::note(&format!(
            "{}: {said}, {} attempts, {:.1} s: {} {}",
            row.id,
            row.attempts,
            row.seconds,
            row.why,
            row.marks.join(", ")
        ));
        rows_file.write(&row)?;
        rows.push(row);
    }
    let score = score(&rows);
    if args.common.json {
        return output::json(&score);
    }
    output::line(&format!(
        "fixed {} of {} ({} without the model; {} more pass by a suspicious change); {:.1} s a case, half within {:.1} s, 95% within {:.1} s",
        score.fixed,
        score.cases,
        score.without_model,
        score.marked,
        score.mean_seconds,
        score.p50_seconds,
        score.p95_seconds
    ))?;
    Ok(())
}

fn one(case: &Case, model: Option<Arc<EngineHost>>, limits: &FixLimits) -> anyhow::Result<Row> {
    let directory = tempfile::tempdir()?;
    let root = directory.path().canonicalize()?;
    write_all(&root, &case.files)?;
    let task = Task {
        root,
        extent: Extent::Tree,
        check: Check::new(case.check.clone(), PathBuf::new()),
        path: case.target.clone(),
        line: None,
        message: None,
        further: Vec::new(),
        open: Texts::new(),
    };
    let mut row = Row::of(case);
    let started = std::time::Instant::now();
    // The score is that of the local models.
    let author = model.map(|host| Author { host, router: Router::default(), tools: None, recent: Arc::default() });
    match session::block_on(fix::fix(task, author, limits, &mut |_| {}))? {
        Err(error) => {
            row.why = error.to_string();
            row.seconds = started.elapsed().as_secs_f64();
        }
        Ok(fix) if fix.diff.is_empty() => {
            row.seconds = started.elapsed().as_secs_f64();
            row.attempts = fix.attempts;
            row.why = fix.route.why;
        }
        Ok(fix) => {
            row.seconds = started.elapsed().as_secs_f64();
            row.judge(case, &fix.after, fix.verified, fix.marks)?;
            row.verdict = Some(fix.verdict);
            row.attempts = fix.attempts;
            row.model = fix.route.model;
            row.why = fix.route.why;
            row.diff = fix.diff;
        }
    }
    Ok(row)
}

impl Row {
    /// That of a case of which nothing is known yet.
    fn of(case: &Case) -> Row {
        Row {
            id: case.id.clone(),
            language: case.language.clone(),
            fixed: false,
            passes: false,
            verdict: None,
            marks: Vec::new(),
            attempts: 0,
            model: None,
            why: String::new(),
            seconds: 0.0,
            diff: String::new(),
        }
    }

    /// Says what the texts `after` are worth, by running the check in a directory that nothing else has touched. They count only
    /// where whoever has made them stands by them.
    fn judge(&mut self, case: &Case, after: &Texts, stands_by: bool, marks: Vec<String>) -> anyhow::Result<()> {
        const TIME: Duration = Duration::from_secs(60);
        let directory = tempfile::tempdir()?;
        let mut files = case.files.clone();
        files.extend(after.clone());
        write_all(directory.path(), &files)?;
        self.passes = session::block_on(fix::passes(&case.check, directory.path(), TIME))?;
        self.marks = marks;
        for removal in fix::removals(&case.files, after) {
            if !self.marks.contains(&removal) {
                self.marks.push(removal);
            }
        }
        self.fixed = self.passes && stands_by && self.marks.is_empty();
        Ok(())
    }
}

fn write_all(root: &Path, files: &BTreeMap<PathBuf, String>) -> anyhow::Result<()> {
    for (path, text) in files {
        let is_inside = path.components().all(|part| matches!(part, std::path::Component::Normal(_)));
        if !is_inside {
            bail!("the file {} is outside of its case", path.display());
        }
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(root))?;
        std::fs::write(path, text)?;
    }
    Ok(())
}

fn score(rows: &[Row]) -> Score {
    let mut seconds: Vec<f64> = rows.iter().map(|row| row.seconds).collect();
    seconds.sort_by(f64::total_cmp);
    let at = |share: f64| seconds[((seconds.len() - 1) as f64 * share).round() as usize];
    let fixed: Vec<&Row> = rows.iter().filter(|row| row.fixed).collect();
    Score {
        cases: rows.len(),
        fixed: fixed.len(),
        without_model: fixed.iter().filter(|row| row.model.is_none()).count(),
        marked: rows.iter().filter(|row| row.passes && !row.fixed && !row.marks.is_empty()).count(),
        mean_seconds: seconds.iter().sum::<f64>() / seconds.len() as f64,
        p50_seconds: at(0.5),
        p95_seconds: at(0.95),
        attempts: rows.iter().map(|row| row.attempts).sum(),
    }
}

//! `halfline explain`: what is wrong at a line, and how to mend it; or what selected lines do.

use std::path::{Path, PathBuf};

use super::place::{self, Lines};
use super::{Invocation, answer, output, permission, root_of, session};
use crate::allowed::{Place, project_of};
use crate::assistant::{Question, checker_of};
use crate::config::{self, AssistantConfig};

/// Explain the error at a line, or what lines do
#[derive(clap::Args)]
#[command(
    about = "Explain the error at a line, or what several lines do",
    long_about = "Explain the error at a line, or what several lines do.\n\nFor a line, the language's checker runs to find what is wrong \
there; on a terminal, the first run in a workspace asks, and where there is no terminal, or with --json, your command line is taken for a \
yes. Several lines are explained as code, and nothing runs.",
    after_help = "Examples: halfline explain src/main.rs:12\n          halfline explain src/main.rs:12-20"
)]
pub(super) struct Args {
    /// The line, or the lines
    #[arg(value_name = "FILE:LINE[-LINE]", value_parser = lines)]
    place: Lines,
    /// Workspace that definitions are looked up in [default: the one around FILE]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Answer at length
    #[arg(long)]
    detail: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: Args, invocation: &Invocation) -> anyhow::Result<()> {
    let snapshot = place::open(&args.place.path)?;
    let (first, last) = args.place.lines.unwrap_or((1, 1));
    place::check_line(&snapshot, &args.place.path, last)?;
    let root = root_of(args.root.as_deref(), &args.place.path)?;
    let mut config = invocation.config(&root)?;
    let path = answer::absolute(&args.place.path)?;
    if first == last && config.assistant.may_run_checks {
        config.assistant.may_run_checks = may_check(&config.assistant, &path, args.json)?;
    }
    // What else is in the directory of a file on its own may be anything.
    let is_project = args.root.is_some() || config::project_root(&args.place.path).is_some();
    let (engine, workspace) = session::open(&config, if is_project { &root } else { Path::new("") })?;
    let question = if first == last {
        Question::Explain { path, line: first - 1, diagnostics: Vec::new() }
    } else {
        Question::ExplainSelection { path, lines: first - 1..=last - 1 }
    };
    let answered = answer::run(&config, engine, workspace, question, args.detail, args.json)?;
    if args.json {
        return output::json(&answered);
    }
    answer::footer(&answered.answer);
    Ok(())
}

/// Whether the checker of the file at `path` may run. A no is no error: then the code is explained as it stands.
fn may_check(settings: &AssistantConfig, path: &Path, is_script: bool) -> anyhow::Result<bool> {
    match checker_of(path, &settings.checkers) {
        None => Ok(true),
        Some(checker) => permission::ask(settings, &project_of(path)?, &checker, Place::Workspace, is_script),
    }
}

/// Lines that have to be given.
fn lines(text: &str) -> Result<Lines, String> {
    match text.parse::<Lines>()? {
        Lines { lines: None, .. } => Err(format!("`{text}` is not FILE:LINE or FILE:LINE-LINE, as in src/main.rs:12")),
        lines => Ok(lines),
    }
}

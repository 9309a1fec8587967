//! `halfline explain`: what is wrong at a line, and how to mend it.

use std::path::{Path, PathBuf};

use super::place::{self, Line};
use super::{Invocation, answer, output, root_of, session};
use crate::assistant::Question;
use crate::config;

/// Explain the error at a line
#[derive(clap::Args)]
#[command(
    about = "Explain the error at a line; runs the language's checker to find it",
    after_help = "Example: halfline explain src/main.rs:12"
)]
pub(super) struct Args {
    /// The line
    #[arg(value_name = "FILE:LINE")]
    place: Line,
    /// Workspace that definitions are looked up in [default: the one around FILE]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: Args, invocation: &Invocation) -> anyhow::Result<()> {
    let snapshot = place::open(&args.place.path)?;
    place::check_line(&snapshot, &args.place.path, args.place.line)?;
    let root = root_of(args.root.as_deref(), &args.place.path)?;
    let config = invocation.config(&root)?;
    // What else is in the directory of a file on its own may be anything.
    let is_project = args.root.is_some() || config::project_root(&args.place.path).is_some();
    let (engine, workspace) = session::open(&config, if is_project { &root } else { Path::new("") })?;
    let question = Question::Explain {
        path: answer::absolute(&args.place.path)?,
        line: args.place.line - 1,
        diagnostics: Vec::new(),
    };
    let answer = answer::run(&config, engine, workspace, question, args.json)?;
    if args.json {
        return output::json(&answer);
    }
    answer::footer(&answer);
    Ok(())
}

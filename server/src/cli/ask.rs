//! `halfline ask`: one question about the code.

use std::path::{Path, PathBuf};

use super::place::{self, Lines};
use super::{Invocation, answer, output, root_of, session};
use crate::assistant::{About, FileRange, Question};
use crate::config;

/// Ask a question about the code
#[derive(clap::Args)]
#[command(
    about = "Ask a question about the code",
    after_help = "Example: halfline ask 'why is this cloned?' --file src/main.rs:10-20"
)]
pub(super) struct Args {
    /// The question, in your words
    #[arg(value_name = "QUESTION")]
    question: String,
    /// A file, or lines of it, that the question is about; may be given several times
    #[arg(long = "file", value_name = "FILE[:LINE[-LINE]]")]
    files: Vec<Lines>,
    /// Workspace that definitions are looked up in [default: the one around the file or current directory]
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
    if args.question.trim().is_empty() {
        anyhow::bail!("the question is empty");
    }
    let mut files = Vec::new();
    for file in &args.files {
        let snapshot = place::open(&file.path)?;
        if let Some((_, last)) = file.lines {
            place::check_line(&snapshot, &file.path, last)?;
        }
        let lines = file.lines.map(|(first, last)| first - 1..=last - 1);
        files.push(FileRange { path: answer::absolute(&file.path)?, lines });
    }
    let here = std::env::current_dir()?;
    let root = root_of(args.root.as_deref(), args.files.first().map_or(&here, |file| &file.path))?;
    let config = invocation.config(&root)?;
    // What else is in the directory of a file on its own may be anything.
    let is_alone = args.files.first().is_some_and(|file| config::project_root(&file.path).is_none());
    let scanned = if is_alone && args.root.is_none() { Path::new("") } else { &root };
    let (engine, workspace) = session::open(&config, scanned)?;
    let question = Question::Ask { question: args.question, about: About { files, ..About::default() } };
    let answered = answer::run(&config, engine, workspace, question, args.detail, args.json)?;
    if args.json {
        return output::json(&answered);
    }
    answer::footer(&answered.answer);
    Ok(())
}

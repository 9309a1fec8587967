//! `halfline fix`: a change that makes the checker accept a file, proved in a scratch copy.

use std::path::PathBuf;

use anyhow::bail;

use super::Invocation;
use super::patch;
use super::place::{self, Lines};
use crate::assistant::fix::{Check, Extent, Task, Texts, checks_for};

/// Fix the error in a file
#[derive(clap::Args)]
#[command(
    about = "Fix the error in a file, or at a line of it; the fix is proved in a scratch copy",
    long_about = "Fix the error in a file, or at a line of it.\n\nThe language's checker (`cargo check`, `rustc`, Python's parser, ruff and \
type checkers where they are installed), or those of [[assistant.checkers]], run on a copy of the project; so does every candidate, from the compiler's own suggestions and from the model, until one is accepted. Your files are \
only read, unless you say --apply. On a terminal, the first run in a workspace asks; where there is no terminal, or with --json, \
your command line is taken for a yes.",
    after_help = "Example: halfline fix src/main.rs:12"
)]
pub(super) struct Args {
    /// The file, or a line of it
    #[arg(value_name = "FILE[:LINE]")]
    place: Lines,
    /// Directory that is copied [default: the package or repository around FILE; for a file on its own, that file]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Command that has to pass, instead of the language's checker
    #[arg(long, value_name = "COMMAND")]
    check: Option<String>,
    #[command(flatten)]
    how: patch::Args,
}

pub(super) fn run(args: Args, invocation: &Invocation) -> anyhow::Result<()> {
    let snapshot = place::open(&args.place.path)?;
    if let Some((_, last)) = args.place.lines {
        place::check_line(&snapshot, &args.place.path, last)?;
    }
    let (root, below, is_tree) = patch::project_of(&args.place.path, args.root.as_deref())?;
    let config = invocation.config(&root)?;
    let text = snapshot.rope().to_string();
    let mut checks = match &args.check {
        Some(command) => vec![Check::new(vec!["sh".into(), "-c".into(), command.clone()], PathBuf::new())],
        None => checks_for(&root, &below, &text, None, &config.assistant.checkers),
    }
    .into_iter();
    let Some(check) = checks.next() else {
        bail!(
            "{}: no checker is known for this language; name one with --check, or in [[assistant.checkers]]",
            args.place.path.display()
        )
    };
    let extent = if is_tree || args.check.is_some() {
        Extent::Tree
    } else {
        Extent::Files(crate::assistant::fix::files_of(&root, &below))
    };
    let task = Task {
        extent,
        check,
        further: checks.collect(),
        path: Some(below),
        line: args.place.lines.map(|(line, _)| line - 1),
        message: None,
        open: Texts::new(),
        root,
    };
    // Whoever names the command has seen it.
    if args.check.is_none() {
        patch::ask(&args.how, &config, &task.root, &task.check.argv.join(" "))?;
    }
    patch::run(&args.how, task, &config)
}

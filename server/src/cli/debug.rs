//! `halfline debug`: run a failing command, and find the change that makes it pass.

use std::path::PathBuf;

use super::Invocation;
use super::patch;
use crate::assistant::fix::{Check, Extent, Task, Texts};
use crate::config;

/// Run a failing command and fix what makes it fail
#[derive(clap::Args)]
#[command(
    about = "Run a failing command or test, and find the change that makes it pass",
    long_about = "Run a failing command or test, and find the change that makes it pass.\n\nThe command runs in a copy of the project, and so does \
every candidate until the command passes. Your files are only read, unless you say --apply.",
    after_help = "Example: halfline debug -- cargo test"
)]
pub(super) struct Args {
    /// Directory that is copied [default: the package or repository around the current directory]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    #[command(flatten)]
    how: patch::Args,
    /// The command, with its arguments
    #[arg(value_name = "COMMAND", required = true, last = true)]
    command: Vec<String>,
}

pub(super) fn run(args: Args, invocation: &Invocation) -> anyhow::Result<()> {
    let here = std::env::current_dir()?;
    let (root, directory) = match &args.root {
        // Relative to a root that was given: nobody names a directory to run the command somewhere else.
        Some(_) => (super::root_of(args.root.as_deref(), &here)?.canonicalize()?, PathBuf::new()),
        None => {
            let root = config::project_root(&here).unwrap_or_else(|| here.clone()).canonicalize()?;
            let below = here.canonicalize()?.strip_prefix(&root).map(PathBuf::from).unwrap_or_default();
            (root, below)
        }
    };
    let config = invocation.config(&root)?;
    let task = Task {
        extent: Extent::Tree,
        check: Check::new(args.command.clone(), directory),
        path: None,
        line: None,
        message: None,
        further: Vec::new(),
        open: Texts::new(),
        root,
    };
    patch::run(&args.how, task, &config)
}

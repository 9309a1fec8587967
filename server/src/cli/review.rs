//! `halfline review`: what is wrong with a change.

use std::path::{Path, PathBuf};

use anyhow::bail;

use super::answer::{self, Desk};
use super::{Invocation, output, place, root_of, session};
use crate::assistant::changes::{self, Which};
use crate::config;

/// Review what has changed
#[derive(clap::Args)]
#[command(
    about = "Review what has changed since the last commit, what is staged, or a diff",
    after_help = "Example: halfline review --staged"
)]
pub(super) struct Args {
    /// Only what is staged
    #[arg(long, conflicts_with = "diff")]
    staged: bool,
    /// A unified diff instead; - reads standard input
    #[arg(long, value_name = "FILE")]
    diff: Option<PathBuf>,
    /// The repository [default: the one around the current directory]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: Args, invocation: &Invocation) -> anyhow::Result<()> {
    let here = std::env::current_dir()?;
    let root = root_of(args.root.as_deref(), &here)?;
    let changes = match &args.diff {
        Some(path) => {
            let is_input = path.as_os_str() == "-";
            let text = if is_input {
                std::io::read_to_string(std::io::stdin())?
            } else {
                place::open(path)?.rope().to_string()
            };
            let changes = changes::read_diff(&text);
            if changes.is_empty() {
                bail!("{}: there is no unified diff in it that changes text", path.display());
            }
            changes
        }
        None => {
            let which = if args.staged { Which::Staged } else { Which::Uncommitted };
            session::block_on(changes::of_git(&root, which))?.map_err(anyhow::Error::msg)?
        }
    };
    let config = invocation.config(&root)?;
    // A directory that is no project may be anything, and is not read.
    let is_project = args.root.is_some() || config::project_root(&here).is_some();
    let (engine, workspace) = session::open(&config, if is_project { &root } else { Path::new("") })?;
    let desk = Desk::new(&config, engine, workspace);
    let answer = answer::show(args.json, async |sink| Ok(changes::review(desk.assistant(), changes, sink).await?))?;
    if args.json {
        return output::json(&desk.with_prompt(&answer.id, &answer));
    }
    answer::footer(&answer);
    Ok(())
}

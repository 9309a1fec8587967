//! `halfline doc`: documentation for a definition, which leaves its code as it is.

use std::path::PathBuf;

use super::place::Line;
use super::{Invocation, patch};
use crate::assistant::fix;

/// Write documentation for a definition
#[derive(clap::Args)]
#[command(
    about = "Write documentation for a definition; nothing but its comment changes",
    long_about = "Write documentation for a definition, or replace what is there.\n\nEvery other token of the file has to stay as it is, or \
the answer is refused. What the text says is not proved: read it. Your files are only read, unless you say --apply.",
    after_help = "Example: halfline doc src/main.rs:12"
)]
pub(super) struct Args {
    /// A line of the definition
    #[arg(value_name = "FILE:LINE")]
    place: Line,
    /// Directory that paths in the diff are relative to [default: the package or repository around FILE]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    #[command(flatten)]
    how: patch::Args,
}

pub(super) fn run(args: Args, invocation: &Invocation) -> anyhow::Result<()> {
    patch::write(&args.how, &args.place, args.root.as_deref(), invocation, None, fix::documentation)
}

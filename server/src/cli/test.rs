//! `halfline test`: unit tests for a function, proved by running them.

use std::path::PathBuf;

use super::place::Line;
use super::{Invocation, patch};
use crate::assistant::fix;

/// Write unit tests for a function
#[derive(clap::Args)]
#[command(
    about = "Write unit tests for a function; they are run on a copy before they are shown",
    long_about = "Write unit tests for a function of Rust or Python.\n\nThe tests run on a copy of the project, once as it is and once \
with the function's body taken out; what does not pass the first and fail the second is left out. Your files are only read, unless you \
say --apply.",
    after_help = "Example: halfline test src/main.rs:12"
)]
pub(super) struct Args {
    /// A line of the function
    #[arg(value_name = "FILE:LINE")]
    place: Line,
    /// Directory that is copied [default: the package or repository around FILE; for a file on its own, that file]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    #[command(flatten)]
    how: patch::Args,
}

pub(super) fn run(args: Args, invocation: &Invocation) -> anyhow::Result<()> {
    patch::write(&args.how, &args.place, args.root.as_deref(), invocation, Some(fix::test_command), fix::unit_tests)
}

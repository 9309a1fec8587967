//! `halfline models`: models on disk.

mod import;
mod list;
pub(super) mod pull;
mod remove;
mod verify;

use std::io::IsTerminal;

use clap::Subcommand;
use halfline_inference::models::{Manifest, Store};
use indicatif::{ProgressBar, ProgressStyle};

use super::output;

pub(super) use list::describe;

/// Get, check and remove models
#[derive(clap::Args)]
#[command(
    about = "Get, check and remove models",
    long_about = "Get, check and remove models.\n\nModels live in the platform's data directory, or where HALFLINE_MODELS says. HALFLINE_HUB names another base address of the model hub, such as a company's mirror; HALFLINE_MANIFEST another list of models.",
    after_help = "Example: halfline models pull"
)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    List(list::Args),
    Pull(pull::Args),
    Verify(verify::Args),
    Remove(remove::Args),
    Import(import::Args),
}

pub(super) fn run(args: Args) -> anyhow::Result<()> {
    let store = Store::open()?;
    let manifest = Manifest::load()?;
    match args.action {
        Action::List(args) => list::run(&args, &store, &manifest),
        Action::Pull(args) => pull::run(&args, &store, &manifest),
        Action::Verify(args) => verify::run(&args, &store, &manifest),
        Action::Remove(args) => remove::run(&args, &store, &manifest),
        Action::Import(args) => import::run(&args, &store, &manifest),
    }
}

/// A bar for bytes on standard error, where someone looks.
fn byte_bar(total: u64, what: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let template = "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(total).with_style(style).with_message(what.to_owned())
}

//! `halfline bench`: what this machine does with the models, in numbers.

mod engine;
mod workloads;

use clap::Subcommand;

use super::Invocation;

/// Measure this machine
#[derive(clap::Args)]
#[command(about = "Measure this machine", after_help = "Example: halfline bench engine --json")]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    Engine(engine::Args),
}

pub(super) fn run(args: Args, invocation: &Invocation) -> anyhow::Result<()> {
    match args.what {
        What::Engine(args) => engine::run(&args, invocation),
    }
}

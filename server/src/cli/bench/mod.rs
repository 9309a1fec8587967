//! `halfline bench`: what this machine does with models and workspaces, in numbers.

mod engine;
mod index;
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
    Index(index::Args),
}

pub(super) fn run(args: Args, invocation: &Invocation) -> anyhow::Result<()> {
    match args.what {
        What::Engine(args) => engine::run(&args, invocation),
        What::Index(args) => index::run(&args),
    }
}

/// The middle one, or what lies between the two in the middle; not a number of none.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        len if len % 2 == 1 => values[middle],
        _ => (values[middle - 1] + values[middle]) / 2.0,
    }
}

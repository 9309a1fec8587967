//! What Halfline starts beside itself before it runs its first command, so that the command does not outlive it even where nothing
//! could be done any more (SIGKILL). Nobody types it.

use std::io::Read;

/// End what was left behind
#[derive(clap::Args)]
#[command(
    about = "Wait until standard input closes, then end the commands that a Halfline has left behind",
    after_help = "Example: halfline guard 1234-5678-"
)]
pub(super) struct Args {
    /// How the marks of its commands begin
    marks: String,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    // Only the Halfline that is watched holds the other end, and it writes nothing.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    crate::assistant::end_commands_of(&args.marks);
    Ok(())
}

//! `halfline commit`: a message for what is staged. It commits nothing.

use std::path::PathBuf;

use serde::Serialize;

use super::answer::{self, Desk, WithPrompt};
use super::{Invocation, output, root_of, session};
use crate::assistant::changes::{self, Which};
use crate::assistant::{Answer, Earlier, Question};

/// Write a commit message for what is staged
#[derive(clap::Args)]
#[command(
    about = "Write a commit message for what is staged; nothing is committed",
    after_help = "Example: halfline commit | git commit --edit --file -"
)]
pub(super) struct Args {
    /// The repository [default: the one around the current directory]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Document {
    message: String,
    #[serde(flatten)]
    answered: WithPrompt<Answer>,
}

pub(super) fn run(args: Args, invocation: &Invocation) -> anyhow::Result<()> {
    let root = root_of(args.root.as_deref(), &std::env::current_dir()?)?;
    let question = session::block_on(async {
        let changes = changes::of_git(&root, Which::Staged).await?;
        Ok(Question::CommitMessage { changes, subjects: changes::subjects(&root).await })
    })?
    .map_err(|error: String| anyhow::anyhow!(error))?;
    let config = invocation.config(&root)?;
    // Nothing but the change itself is shown, so the workspace need not be read.
    let (engine, workspace) = session::open(&config, std::path::Path::new(""))?;
    let answered = Desk::new(&config, engine, workspace).ask(Earlier::default(), question, true)?;
    let message = changes::commit_message(&answered.answer.text);
    if args.json {
        return output::json(&Document { message, answered });
    }
    output::line(&message)?;
    output::note(&answer::cost(&answered.answer));
    Ok(())
}

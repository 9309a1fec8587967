//! `halfline lsp`: the language server, for editors to start.

use std::net::SocketAddr;

use super::Invocation;
use super::logging;
use crate::lsp::{self, Ending};

/// Run the language server
#[derive(clap::Args)]
#[command(
    about = "Run the language server on standard input and output; editors start it",
    after_help = "Example: halfline lsp --listen 127.0.0.1:9257"
)]
pub(super) struct Args {
    /// Serve one client on this TCP address instead; port 0 takes a free one and says which on standard error
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Accepted for editors that always pass it; standard input and output are the default
    #[arg(long, conflicts_with = "listen")]
    stdio: bool,
}

pub(super) fn run(args: Args, invocation: &Invocation) -> anyhow::Result<()> {
    // What is wrong with the settings is told to the editor, where a person sees it; it does not stop the server.
    let loaded = invocation.loaded(&std::env::current_dir().unwrap_or_default());
    if let Err(error) = logging::start(&loaded.config.log) {
        super::output::note(&format!("warning: {error:#}"));
    }
    match lsp::run(invocation.flags.clone(), args.listen)? {
        Ending::Clean | Ending::ClientGone => Ok(()),
        Ending::WithoutShutdown => Err(anyhow::anyhow!("the client sent `exit` without `shutdown` before it")),
    }
}

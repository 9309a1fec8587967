//! The command line: one file per subcommand, and what they share.
//!
//! A command prints its result on standard output and everything else on standard error, and returns an error to end
//! with exit code 1 and one line. Wrong usage is clap's, and ends with 2.

mod answer;
mod ask;
mod bench;
mod chat;
mod commit;
mod complete;
mod config;
mod debug;
mod doc;
mod doctor;
mod ending;
mod eval;
mod explain;
mod fix;
mod guard;
mod index;
mod logging;
mod lsp;
mod models;
mod output;
mod patch;
mod permission;
mod place;
mod review;
mod search;
mod session;
mod test;
mod try_it;
mod vectors;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Config, Loaded, Origin, Severity, load, workspace_root};

/// A code assistant that lives on your machine.
#[derive(Parser)]
#[command(
    name = "halfline",
    bin_name = "halfline",
    version,
    about = "A code assistant that lives on your machine: it finishes the line you are writing and explains why the last one broke.",
    after_help = "Models run inside this program, and your code stays on this machine unless you name an engine elsewhere (remote.url).\n\nExample: halfline try",
    max_term_width = 100,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
struct Cli {
    /// Set a setting for this run, before every file and variable (see `halfline config show`)
    #[arg(long = "set", value_name = "KEY=VALUE", global = true, value_parser = key_value, help_heading = "Settings")]
    set: Vec<(String, String)>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[command(name = "try")]
    Try(try_it::Args),
    Lsp(lsp::Args),
    Complete(complete::Args),
    Explain(explain::Args),
    Ask(ask::Args),
    Chat(chat::Args),
    Index(index::Args),
    Search(search::Args),
    Fix(fix::Args),
    Debug(debug::Args),
    Test(test::Args),
    Doc(doc::Args),
    Review(review::Args),
    Commit(commit::Args),
    Eval(eval::Args),
    Models(models::Args),
    Bench(bench::Args),
    Doctor(doctor::Args),
    Config(config::Args),
    #[command(hide = true)]
    Guard(guard::Args),
}

/// Milliseconds that a completion may take on the command line, unless the user has set `completion.max_ms`.
const PATIENCE_MS: u64 = 600_000;

/// What every command gets.
struct Invocation {
    /// Settings from flags, as dotted key and value.
    flags: Vec<(String, String)>,
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse_from(std::env::args_os().collect::<Vec<OsString>>()) {
        Ok(cli) => cli,
        // Help and version are no errors; clap knows which is which.
        Err(error) => error.exit(),
    };
    let invocation = Invocation { flags: cli.set };
    if !matches!(cli.command, Command::Guard(_)) {
        ending::watch();
        crate::assistant::guard_commands();
    }
    let result = match cli.command {
        Command::Try(args) => try_it::run(args, &invocation),
        Command::Lsp(args) => lsp::run(args, &invocation),
        Command::Complete(args) => complete::run(args, &invocation),
        Command::Explain(args) => explain::run(args, &invocation),
        Command::Ask(args) => ask::run(args, &invocation),
        Command::Chat(args) => chat::run(args, &invocation),
        Command::Index(args) => index::run(args, &invocation),
        Command::Search(args) => search::run(args, &invocation),
        Command::Fix(args) => fix::run(args, &invocation),
        Command::Debug(args) => debug::run(args, &invocation),
        Command::Test(args) => test::run(args, &invocation),
        Command::Doc(args) => doc::run(args, &invocation),
        Command::Review(args) => review::run(args, &invocation),
        Command::Commit(args) => commit::run(args, &invocation),
        Command::Eval(args) => eval::run(args, &invocation),
        Command::Models(args) => models::run(args),
        Command::Bench(args) => bench::run(args, &invocation),
        Command::Doctor(args) => doctor::run(&args, &invocation),
        Command::Config(args) => config::run(args, &invocation),
        Command::Guard(args) => guard::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::note(&format!("error: {}", output::one_line(&error)));
            ExitCode::FAILURE
        }
    }
}

impl Invocation {
    /// The configuration for the workspace at `root`, or the first thing that is wrong with it. Warnings go to
    /// standard error, and the log is set up.
    fn config(&self, root: &Path) -> anyhow::Result<Config> {
        let loaded = self.loaded(root);
        for problem in loaded.problems.iter().filter(|problem| problem.severity == Severity::Warning) {
            output::note(&format!("warning: {problem}"));
        }
        // The default is for someone who types. Whoever runs a command waits for its answer.
        let waits = loaded.origin("completion.max_ms") == Origin::Default;
        let mut config = loaded.into_result()?;
        if waits {
            config.completion.max_ms = PATIENCE_MS;
        }
        logging::start(&config.log)?;
        Ok(config)
    }

    /// The same without a judgement.
    fn loaded(&self, root: &Path) -> Loaded {
        load(Some(root), &self.flags)
    }
}

/// The root that was given, or that of the workspace around `path`.
fn root_of(given: Option<&Path>, path: &Path) -> anyhow::Result<std::path::PathBuf> {
    match given {
        None => Ok(workspace_root(path)),
        Some(root) if root.is_dir() => Ok(root.canonicalize()?),
        Some(root) => Err(anyhow::anyhow!("--root {}: there is no such directory", root.display())),
    }
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.trim().to_owned())),
        _ => Err("write KEY=VALUE, as in engine.threads=2".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_an_example() {
        fn walk(command: &clap::Command, path: &str) {
            let help = command.clone().render_long_help().to_string();
            assert!(help.contains("Example"), "`{path} --help` has no example");
            for inner in command.get_subcommands() {
                walk(inner, &format!("{path} {}", inner.get_name()));
            }
        }
        walk(&Cli::command(), "halfline");
    }
}

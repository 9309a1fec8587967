//! What `complete`, `ask`, `explain` and `try` share: a workspace, and the engine loaded in the foreground with its
//! progress on standard error.

use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::{Context, anyhow};
use halfline_context::Workspace;
use halfline_context::workspace::ScanLimits;
use halfline_inference::Engine;
use indicatif::{ProgressBar, ProgressStyle};

use crate::cache_directory;
use crate::config::Config;
use crate::engine_host::load_blocking;

/// How long a command may look through a workspace for definitions.
const SCAN_TIME: Duration = Duration::from_secs(5);

/// An engine and a workspace that has been looked through, made at the same time.
pub(super) fn open(config: &Config, root: &Path) -> anyhow::Result<(Engine, Arc<Workspace>)> {
    let workspace = Arc::new(Workspace::open(root, &cache_directory()));
    let scanning = std::thread::spawn({
        let workspace = Arc::clone(&workspace);
        move || {
            let limits = ScanLimits { time: SCAN_TIME, ..ScanLimits::default() };
            workspace.scan(&limits, &AtomicBool::new(false));
        }
    });
    let engine = load(config)?;
    scanning.join().map_err(|_| anyhow!("looking through {} failed; please report this", root.display()))?;
    Ok((engine, workspace))
}

/// Loads the engine; a spinner says how far it is where someone looks.
pub(super) fn load(config: &Config) -> anyhow::Result<Engine> {
    let spinner = if std::io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    spinner.set_style(
        ProgressStyle::with_template("{spinner} {msg} {elapsed}").unwrap_or_else(|_| ProgressStyle::default_spinner()),
    );
    spinner.enable_steady_tick(Duration::from_millis(100));
    let engine = load_blocking(&config.engine, |message, percent| {
        spinner.set_message(match percent {
            Some(percent) => format!("{message} {percent}%"),
            None => message,
        });
    });
    spinner.finish_and_clear();
    engine.map_err(|message| anyhow!(message))
}

/// Runs a future to its end on this thread.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> anyhow::Result<T> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start a runtime")?;
    Ok(runtime.block_on(future))
}

//! The log of this process: to standard error or a file, as `[log]` and `HALFLINE_LOG` say.

use std::fs::OpenOptions;
use std::io::IsTerminal;
use std::sync::Mutex;

use anyhow::Context;
use tracing_subscriber::EnvFilter;

use crate::config::LogConfig;

/// Starts the log. A second call in one process changes nothing.
pub(super) fn start(config: &LogConfig) -> anyhow::Result<()> {
    let (filter, place) = match std::env::var("HALFLINE_LOG") {
        Ok(filter) if !filter.is_empty() => (filter, "HALFLINE_LOG"),
        _ => (config.level.clone(), "log.level"),
    };
    let filter = EnvFilter::try_new(&filter).with_context(|| {
        format!("{place} is `{filter}`, and must be a level or a filter such as `warn,halfline=debug`")
    })?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter);
    // `try_init` fails only if there is a log already.
    if config.file.is_empty() {
        let _ = builder.with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal()).try_init();
    } else {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&config.file)
            .with_context(|| format!("cannot write the log to {} (log.file)", config.file))?;
        let _ = builder.with_writer(Mutex::new(file)).with_ansi(false).try_init();
    }
    Ok(())
}

//! What `search`, `index` and `eval` share: vectors computed in the foreground, and what a search compares.

use std::time::{Duration, Instant};

use halfline_context::retrieval::{self, Computed};
use halfline_context::{Results, SearchOptions, Workspace};

use crate::config::Config;
use crate::embedding;

/// What a search compares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum By {
    /// Words and meaning
    #[default]
    Both,
    /// Words, names and paths
    Words,
    /// Meaning alone
    Meaning,
}

impl From<By> for retrieval::By {
    fn from(by: By) -> retrieval::By {
        match by {
            By::Both => retrieval::By::Both,
            By::Words => retrieval::By::Words,
            By::Meaning => retrieval::By::Meaning,
        }
    }
}

/// Searches with the vectors that can be computed within `time`, or all of them; says what there was no model for.
pub(super) fn search(
    config: &Config,
    workspace: &Workspace,
    query: &str,
    options: &SearchOptions,
    time: Option<Duration>,
) -> (Results, Duration) {
    let started = Instant::now();
    let trouble = match options.by {
        retrieval::By::Words => None,
        _ => compute(config, workspace, time).err(),
    };
    let embedded = started.elapsed();
    let mut results = halfline_context::search(workspace, query, options);
    for retriever in results.retrievers.iter_mut().filter(|retriever| retriever.name == retrieval::DENSE) {
        retriever.why = trouble.clone().or(retriever.why.take());
    }
    (results, embedded)
}

/// Computes the vectors of `workspace` for as long as `time` allows.
pub(super) fn compute(config: &Config, workspace: &Workspace, time: Option<Duration>) -> Result<Computed, String> {
    let dense = embedding::open(config, workspace)?;
    let started = Instant::now();
    let computed = dense.compute(workspace, &|| time.is_none_or(|time| started.elapsed() < time), &mut |_, _| {});
    computed.map_err(|error| error.to_string())
}

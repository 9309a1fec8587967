//! `halfline models remove`

use anyhow::bail;
use halfline_inference::models::{Manifest, State, Store};
use serde_json::json;

use super::output;

/// Delete models from the disk
#[derive(clap::Args)]
#[command(
    about = "Delete models from the disk, with what a pull left of them",
    after_help = "Example: halfline models remove smollm2-135m-instruct-q4_1"
)]
pub(super) struct Args {
    /// Names of models
    #[arg(value_name = "MODEL", required = true)]
    names: Vec<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, store: &Store, manifest: &Manifest) -> anyhow::Result<()> {
    let mut removed = Vec::new();
    for name in &args.names {
        let entry = store.find(manifest, name)?;
        if entry.state == State::Absent {
            bail!("the model `{}` is not on disk", entry.name);
        }
        let freed = store.remove(&entry)?;
        if !args.json {
            output::line(&format!("removed {} ({})", entry.name, output::bytes(freed)))?;
        }
        removed.push(json!({ "name": entry.name, "path": entry.path, "bytes": freed }));
    }
    if args.json {
        return output::json(&json!({ "removed": removed }));
    }
    Ok(())
}

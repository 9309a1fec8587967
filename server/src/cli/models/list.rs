//! `halfline models list`

use halfline_inference::models::{Entry, Manifest, State, Store};
use serde_json::json;

use super::output;

/// Every known model and what is on disk of it
#[derive(clap::Args)]
#[command(about = "Every known model and what is on disk of it", after_help = "Example: halfline models list --json")]
pub(super) struct Args {
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, store: &Store, manifest: &Manifest) -> anyhow::Result<()> {
    let entries = store.list(manifest)?;
    if args.json {
        return output::json(&json!({ "directory": store.directory(), "models": entries }));
    }
    for entry in &entries {
        let licence = entry.model.as_ref().map_or("imported", |model| model.licence.name.as_str());
        let role = entry.model.as_ref().map_or(String::new(), |model| format!("{:?}", model.role).to_lowercase());
        let size = output::bytes(entry.bytes);
        output::line(&format!("{:<38} {size:>11}  {role:<7} {licence:<11} {}", entry.name, describe(entry)))?;
    }
    output::note(&format!("directory: {}", store.directory().display()));
    Ok(())
}

/// What is on disk, in words.
pub(in crate::cli) fn describe(entry: &Entry) -> String {
    match &entry.state {
        State::Absent => "not on disk".to_owned(),
        State::Partial { have } => format!("pull not ended, {} on disk", output::bytes(*have)),
        State::Unverified => "on disk, not verified".to_owned(),
        State::Verified => "on disk, verified".to_owned(),
        State::Damaged { what } => format!("damaged: {what}"),
    }
}

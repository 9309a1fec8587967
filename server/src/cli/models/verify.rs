//! `halfline models verify`

use anyhow::bail;
use halfline_inference::models::{Entry, Manifest, State, Store};
use serde_json::json;

use super::{byte_bar, output};

/// Read models in full and compare their SHA-256
#[derive(clap::Args)]
#[command(
    about = "Read models in full and compare their SHA-256; exit code 1 if any is damaged",
    after_help = "Example: halfline models verify"
)]
pub(super) struct Args {
    /// Names of models [default: all on disk]
    #[arg(value_name = "MODEL")]
    names: Vec<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, store: &Store, manifest: &Manifest) -> anyhow::Result<()> {
    let entries: Vec<Entry> = if args.names.is_empty() {
        let on_disk = |entry: &Entry| !matches!(entry.state, State::Absent | State::Partial { .. });
        store.list(manifest)?.into_iter().filter(on_disk).collect()
    } else {
        args.names.iter().map(|name| store.find(manifest, name)).collect::<Result<_, _>>()?
    };
    let mut rows = Vec::new();
    let mut failures = Vec::new();
    for entry in &entries {
        let result = match &entry.state {
            State::Absent | State::Partial { .. } => bail!("the model `{}` is not on disk", entry.name),
            State::Damaged { what } if entry.path.metadata().is_ok_and(|file| file.len() != entry.bytes) => {
                Err(what.clone())
            }
            _ => {
                let bar = byte_bar(entry.bytes, &entry.name);
                let result = store.verify(entry, |done| bar.set_position(done)).map_err(|error| error.to_string());
                bar.finish_and_clear();
                result
            }
        };
        let (ok, detail) = match &result {
            Ok(sha256) => (true, sha256),
            Err(reason) => (false, reason),
        };
        if !ok {
            failures.push(entry.name.clone());
        }
        if args.json {
            let (sha256, problem) = if ok { (Some(detail), None) } else { (None, Some(detail)) };
            rows.push(
                json!({ "name": entry.name, "path": entry.path, "ok": ok, "sha256": sha256, "problem": problem }),
            );
        } else {
            output::line(&format!("{:<38} {} {detail}", entry.name, if ok { "right  " } else { "DAMAGED" }))?;
        }
    }
    if args.json {
        output::json(&json!({ "ok": failures.is_empty(), "models": rows }))?;
    } else if entries.is_empty() {
        output::note("there is no model on disk; get one with `halfline models pull`");
    }
    if !failures.is_empty() {
        bail!("damaged: {}", failures.join(", "));
    }
    Ok(())
}

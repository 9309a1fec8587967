//! `halfline models import`

use std::path::PathBuf;

use halfline_inference::models::{Manifest, Store};
use serde_json::json;

use super::{byte_bar, output};

/// Take a GGUF file in
#[derive(clap::Args)]
#[command(
    about = "Take in a GGUF file from elsewhere; linked where the file system allows it, else copied",
    after_help = "Example: halfline models import ~/Downloads/model.gguf --name my-model"
)]
pub(super) struct Args {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What to call it [default: the file's name]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, store: &Store, manifest: &Manifest) -> anyhow::Result<()> {
    let bar = byte_bar(args.file.metadata().map_or(0, |file| file.len()), "reading");
    let imported = store.import(manifest, &args.file, args.name.as_deref(), |done| bar.set_position(done));
    bar.finish_and_clear();
    let (path, sha256) = imported?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    if args.json {
        return output::json(&json!({ "name": name, "path": path, "sha256": sha256 }));
    }
    output::line(&format!("imported {name}, SHA-256 {sha256}"))?;
    output::note(&format!("use it with `--set engine.target={name}`, or put it into the configuration"));
    Ok(())
}

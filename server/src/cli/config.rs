//! `halfline config`: the settings in effect and where they come from, what is wrong with them, and their schema.

use std::path::PathBuf;

use anyhow::bail;
use clap::Subcommand;
use serde_json::{Value, json};

use super::{Invocation, output, root_of};
use crate::config::{KEYS, Key, Origin, Severity, WORKSPACE_FILE, schema, user_file};

/// Show and check the configuration
#[derive(clap::Args)]
#[command(
    long_about = "Show and check the configuration.\n\nLayers, later over earlier: defaults, the user file, the workspace's .halfline.toml, HALFLINE_* variables, --set KEY=VALUE.",
    after_help = "Example: halfline config show --json"
)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Every setting with its value and where it comes from
    #[command(after_help = "Example: HALFLINE_ENGINE_THREADS=2 halfline config show")]
    Show(Place),
    /// What is wrong with the configuration; exit code 1 if anything is
    #[command(after_help = "Example: halfline config check --root ~/src/project")]
    Check(Place),
    /// The JSON Schema of the configuration files, for editors that check TOML
    #[command(after_help = "Example: halfline config schema > halfline.schema.json")]
    Schema,
}

#[derive(clap::Args)]
struct Place {
    /// Workspace whose .halfline.toml counts [default: the one around the current directory]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: Args, invocation: &Invocation) -> anyhow::Result<()> {
    match args.action {
        Action::Show(place) => show(&place, invocation),
        Action::Check(place) => check(&place, invocation),
        Action::Schema => output::json(&schema()),
    }
}

fn show(place: &Place, invocation: &Invocation) -> anyhow::Result<()> {
    let root = root_of(place.root.as_deref(), &std::env::current_dir()?)?;
    let loaded = invocation.loaded(&root);
    let values = serde_json::to_value(&loaded.config)?;
    let value = |key: &Key| key.value_in(&values).cloned().unwrap_or_default();
    if place.json {
        let settings: Vec<Value> = KEYS
            .iter()
            .map(|key| json!({ "key": key.name, "value": value(key), "origin": loaded.origin(key.name), "about": key.about }))
            .collect();
        return output::json(&json!({
            "settings": settings,
            "problems": loaded.problems,
            "files": { "user": user_file(), "workspace": root.join(WORKSPACE_FILE) },
        }));
    }
    let mut section = "";
    for key in KEYS {
        let Some((here, name)) = key.name.rsplit_once('.') else { continue };
        if here != section {
            output::line(&format!("{}[{here}]", if section.is_empty() { "" } else { "\n" }))?;
            section = here;
        }
        let setting = format!("{name} = {}", value(key));
        let origin = match loaded.origin(key.name) {
            Origin::Default => String::new(),
            other => format!("   # from {other}"),
        };
        output::line(format!("{setting:<28}{origin}").trim_end())?;
    }
    for problem in &loaded.problems {
        output::note(&problem.to_string());
    }
    if let Some(path) = user_file() {
        let state = if path.exists() { "" } else { " (not there)" };
        output::note(&format!("user file: {}{state}", path.display()));
    }
    Ok(())
}

fn check(place: &Place, invocation: &Invocation) -> anyhow::Result<()> {
    let root = root_of(place.root.as_deref(), &std::env::current_dir()?)?;
    let loaded = invocation.loaded(&root);
    let errors = loaded.problems.iter().filter(|problem| problem.severity == Severity::Error).count();
    if place.json {
        output::json(&json!({ "ok": errors == 0, "problems": loaded.problems }))?;
    } else {
        for problem in &loaded.problems {
            let severity = if problem.severity == Severity::Error { "error" } else { "warning" };
            output::line(&format!("{severity}: {problem}"))?;
        }
        if loaded.problems.is_empty() {
            output::line("the configuration is fine")?;
        }
    }
    match errors {
        0 => Ok(()),
        1 => bail!("the configuration has an error"),
        count => bail!("the configuration has {count} errors"),
    }
}

//! `halfline complete`: one inline completion, as an editor would show it.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use super::place::{self, Cursor};
use super::{Invocation, output, root_of, session};
use crate::assistant::{Route, Router};
use crate::completion::{Completer, CompletionOutcome, Query, Trigger};
use crate::config::ModelChoice;
use crate::recent::Recent;

/// Print one inline completion
#[derive(clap::Args)]
#[command(
    about = "Print one inline completion",
    after_help = "Lines and columns count from 1, columns in characters.\n\nExample: halfline complete src/main.rs:12:9 --json"
)]
pub(super) struct Args {
    /// Where the cursor is
    #[arg(value_name = "FILE:LINE:COL")]
    place: Cursor,
    /// Workspace that definitions are looked up in [default: the one around FILE]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// The most tokens to generate [default: the setting completion.max_tokens]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=2048))]
    at_most: Option<u16>,
    /// Show the model nothing but FILE
    #[arg(long)]
    no_context: bool,
    /// Model to ask: a name from `halfline models list`, or the path of a GGUF file
    #[arg(long, value_name = "M")]
    model: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    outcome: &'a CompletionOutcome,
    /// What the model was given; `null` where it was not asked.
    prompt: Option<String>,
}

pub(super) fn run(args: Args, invocation: &Invocation) -> anyhow::Result<()> {
    let snapshot = place::open(&args.place.path)?;
    let offset = place::offset(&snapshot, &args.place)?;
    let root = root_of(args.root.as_deref(), &args.place.path)?;
    let mut config = invocation.config(&root)?;
    if let Some(model) = args.model {
        config.engine.target = ModelChoice::from(model);
    }
    let (engine, workspace) = if args.no_context {
        (session::load(&config)?, None)
    } else {
        let (engine, workspace) = session::open(&config, &root)?;
        (engine, Some(workspace))
    };
    let recent = Arc::<Recent>::default();
    let completer = Completer::new(&config, workspace).with_recent(recent.clone());
    let completer = completer.with_router(Router::new(&config, &root));
    let query = Query {
        trigger: Trigger::Invoked,
        use_context: !args.no_context,
        max_tokens: args.at_most.map(usize::from),
        ..Query::new(snapshot, offset)
    };
    let outcome = session::block_on(completer.complete(&engine, query, || ()))??;
    if args.json {
        let prompt = outcome.id.as_ref().and_then(|id| recent.find(id)).map(|named| named.entry.prompt);
        return output::json(&Document { outcome: &outcome, prompt });
    }
    for item in &outcome.items {
        output::line(&item.text)?;
    }
    if let Some(reason) = &outcome.silent {
        output::note(&format!("nothing to offer: {reason}"));
    }
    for note in outcome.route.iter().flat_map(Route::notes) {
        output::note(&note);
    }
    output::note(&format!(
        "{}: {} ms, {} tokens of prompt, {} generated",
        outcome.model,
        outcome.timings_ms.total.round(),
        outcome.tokens.prompt,
        outcome.tokens.generated
    ));
    Ok(())
}

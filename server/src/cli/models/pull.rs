//! `halfline models pull`

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use halfline_inference::models::pull::{PullEvent, PullOptions, pull};
use halfline_inference::models::{Manifest, Model, Store, recommended};
use indicatif::ProgressBar;
use serde_json::json;

use super::super::output;
use super::byte_bar;
use crate::config::EngineConfig;
use crate::engine_host::memory;

/// How often a line of progress is printed where there is no terminal for a bar.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Get models
#[derive(clap::Args)]
#[command(
    about = "Get models; goes on where an earlier pull was cut",
    after_help = "Example: halfline models pull qwen2.5-coder-0.5b-instruct-q4_k_m"
)]
pub(in crate::cli) struct Args {
    /// Names of models [default: what suits this machine]
    #[arg(value_name = "MODEL")]
    names: Vec<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, store: &Store, manifest: &Manifest) -> anyhow::Result<()> {
    let models = if args.names.is_empty() {
        let engine = EngineConfig::default();
        let models = recommended(manifest, (engine.cache_mib as u64) << 20, &memory(&engine));
        let names: Vec<&str> = models.iter().map(|model| model.name.as_str()).collect();
        output::note(&format!("this machine suits {}", names.join(" with ")));
        models
    } else {
        let find = |name: &String| {
            manifest.find(name).ok_or_else(|| {
                anyhow!(
                    "the manifest has no model `{name}`; it has {}, and any GGUF file can be taken in with `halfline models import FILE`",
                    manifest.names().join(", ")
                )
            })
        };
        args.names.iter().map(find).collect::<anyhow::Result<Vec<_>>>()?
    };
    let mut pulled = Vec::new();
    for model in models.into_iter().flat_map(|model| manifest.with_needs(model)) {
        let path = one(store, manifest, model)?;
        pulled.push(json!({ "name": model.name, "path": path, "bytes": model.bytes, "sha256": model.sha256, "licence": model.licence }));
    }
    if args.json {
        return output::json(&json!({ "models": pulled }));
    }
    Ok(())
}

/// Brings one model onto the disk and says all the time what is being done.
pub(in crate::cli) fn one(store: &Store, manifest: &Manifest, model: &Model) -> anyhow::Result<std::path::PathBuf> {
    output::note(&format!(
        "{}: {}, licence {} ({})",
        model.name,
        output::bytes(model.bytes),
        model.licence.name,
        model.licence.url
    ));
    let mut shown = Shown::new(model);
    let path = pull(store, model, &PullOptions::from_environment(manifest), &mut |event| shown.event(event));
    shown.bar.finish_and_clear();
    let path = path?;
    output::note(&format!("{}: on disk and verified, {}", model.name, path.display()));
    Ok(path)
}

/// A pull as people see it: a bar on a terminal, lines elsewhere.
struct Shown<'a> {
    model: &'a Model,
    bar: ProgressBar,
    verifying: bool,
    /// Where and when this pull began to bring bytes, for lines with a rate.
    began: Option<(Instant, u64)>,
    last_line: Instant,
    lines: bool,
}

impl<'a> Shown<'a> {
    fn new(model: &'a Model) -> Self {
        Shown {
            model,
            bar: ProgressBar::hidden(),
            verifying: false,
            began: None,
            last_line: Instant::now(),
            lines: !std::io::stderr().is_terminal(),
        }
    }

    fn event(&mut self, event: PullEvent) {
        match event {
            PullEvent::Waiting => self.say("another process is pulling it; waiting"),
            PullEvent::Asking { source } => self.say(&format!("asking {source}")),
            PullEvent::Resuming { have } => self.say(&format!("going on after {}", output::bytes(have))),
            PullEvent::PassedOver { source, reason } => {
                self.bar.finish_and_clear();
                self.began = None;
                self.say(&format!("passing over {source}: {reason}"));
            }
            PullEvent::Progress { done } => self.progress(done),
            PullEvent::Verifying { done } => self.verify(done),
        }
    }

    fn progress(&mut self, done: u64) {
        let (since, from) = *self.began.get_or_insert_with(|| {
            self.bar = byte_bar(self.model.bytes, "pulling");
            self.verifying = false;
            self.bar.set_position(done);
            self.bar.reset_eta();
            (Instant::now(), done)
        });
        self.bar.set_position(done);
        if self.lines && self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            let rate = done.saturating_sub(from) as f64 / since.elapsed().as_secs_f64().max(1e-3);
            let left = if rate > 0.0 { self.model.bytes.saturating_sub(done) as f64 / rate } else { f64::INFINITY };
            let eta = if left.is_finite() { format!(", {left:.0} s left") } else { String::new() };
            self.say(&format!(
                "{} of {} ({}/s{eta})",
                output::bytes(done),
                output::bytes(self.model.bytes),
                output::bytes(rate as u64)
            ));
        }
    }

    fn verify(&mut self, done: u64) {
        if !self.verifying {
            self.bar.finish_and_clear();
            self.verifying = true;
            self.began = None;
            if self.lines {
                self.say("verifying its SHA-256");
            }
            self.bar = byte_bar(self.model.bytes, "verifying");
        }
        self.bar.set_position(done);
    }

    fn say(&self, text: &str) {
        self.bar.suspend(|| output::note(&format!("{}: {text}", self.model.name)));
    }
}

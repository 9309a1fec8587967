//! What `fix` and `debug` share: looking for a fix, showing it, and writing it to the user's files once they say so.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};

use super::{output, session};
use crate::assistant::Update;
use crate::assistant::fix::{self, Fix, FixLimits, Task};
use crate::config::Config;
use crate::engine_host::EngineHost;

/// Options of every command that looks for a fix.
#[derive(clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// Write the fix to your files if it is verified
    #[arg(long)]
    pub(super) apply: bool,
    /// With --apply: write it even if it is not verified
    #[arg(long, requires = "apply")]
    pub(super) force: bool,
    /// Times that the model is asked
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub(super) attempts: Option<u32>,
    /// Seconds that may be spent
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(super) time: u64,
    /// Print one JSON document
    #[arg(long)]
    pub(super) json: bool,
}

impl Args {
    /// What looking for a fix may take, by these options and the settings.
    fn limits(&self, config: &Config, limits: FixLimits) -> FixLimits {
        FixLimits {
            attempts: self.attempts.map_or(limits.attempts, |attempts| attempts as usize),
            time: Duration::from_secs(self.time),
            prompt_tokens: config.assistant.prompt_tokens.max(limits.prompt_tokens),
            answer_tokens: config.assistant.max_tokens.max(limits.answer_tokens),
            ..limits
        }
    }
}

/// Looks for a fix, shows it, and writes it where that was asked for.
pub(super) fn run(args: &Args, task: Task, config: &Config) -> anyhow::Result<()> {
    let root = task.root.clone();
    let limits = args.limits(config, FixLimits::default());
    // It loads while the check runs, and is not waited for where it is not needed.
    let model = (limits.attempts > 0).then(|| EngineHost::start(config));
    let fix = search(task, model, &limits)?;
    if args.json {
        output::json(&fix)?;
    } else {
        show(&fix)?;
    }
    if args.apply {
        let is_written = apply(&root, &fix, args.force).context("the fix was not applied")?;
        output::note(if is_written { "applied" } else { "there was nothing to write" });
    }
    Ok(())
}

/// Looks for a fix; what is being done goes to standard error.
pub(super) fn search(task: Task, model: Option<Arc<EngineHost>>, limits: &FixLimits) -> anyhow::Result<Fix> {
    let mut last = String::new();
    let fix = session::block_on(fix::fix(task, model, limits, &mut |update| match update {
        Update::Status { text } if text != last => {
            output::note(&text);
            last = text;
        }
        Update::Evidence(evidence) => {
            output::note(&format!("{}:{}: {}", evidence.path, evidence.lines.0, evidence.why))
        }
        _ => {}
    }))??;
    Ok(fix)
}

/// Prints the diff, and what is to be said of it on standard error.
fn show(fix: &Fix) -> anyhow::Result<()> {
    output::piece(&fix.diff)?;
    output::note(&fix.explanation);
    let by = fix.route.model.as_deref().unwrap_or("no model");
    output::note(&format!(
        "{} By {by}: {}; {} attempts, {} tokens read, {} written, {:.1} s",
        fix.verdict_in_words(),
        fix.route.why,
        fix.attempts,
        fix.tokens.prompt,
        fix.tokens.generated,
        fix.timings_ms.total / 1e3
    ));
    Ok(())
}

/// Writes a verified fix (any fix with `force`) to the files below `root`; says whether it changes anything. Each file is
/// replaced whole or not at all, and
/// none is if one of them is no longer what the fix starts from.
fn apply(root: &Path, fix: &Fix, force: bool) -> anyhow::Result<bool> {
    if !fix.verified && !force {
        bail!("it is not verified; look at it, and add --force to apply it all the same");
    }
    let changed: Vec<_> = fix.after.iter().filter(|(path, text)| fix.before.get(*path) != Some(text)).collect();
    for (path, _) in &changed {
        let present = fs::read_to_string(root.join(path)).with_context(|| format!("cannot read {}", path.display()))?;
        if fix.before.get(*path) != Some(&present) {
            bail!("{} has changed meanwhile; run the command again", path.display());
        }
    }
    for (path, text) in &changed {
        replace(&root.join(path), text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(!changed.is_empty())
}

/// Replaces the content of `path` in one step: whoever reads it sees the old text or the new one, whatever happens.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    // Through a link, the file that it leads to is the one that was read.
    let path = path.canonicalize()?;
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(fs::metadata(&path)?.permissions())?;
    file.as_file().sync_all()?;
    file.persist(&path)?;
    Ok(())
}

//! `halfline try`: the main job on real models, for someone who just arrived.

use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, bail};
use halfline_context::Snapshot;
use halfline_inference::models::{Manifest, Store, recommended};

use super::models::pull;
use super::{Invocation, answer, output, session};
use crate::assistant::Question;
use crate::completion::{Completer, Query, Trigger};
use crate::config::{Config, ModelChoice};
use crate::engine_host::{choose_models, memory};

/// The sample project, by the names its files get.
const SAMPLE: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("../../sample/Cargo.sample.toml")),
    ("src/main.rs", include_str!("../../sample/src/main.rs")),
    ("src/summary.rs", include_str!("../../sample/src/summary.rs")),
];

/// The file with the half-written line, and how that line ends.
const HALF_WRITTEN: (&str, &str) = ("src/summary.rs", "self.total_ms as f64");

/// The file that does not compile, and what is on the line at fault.
const AT_FAULT: (&str, &str) = ("src/main.rs", "visits.len()");

/// Lines shown before and after a completion.
const AROUND: usize = 6;

/// See it work: a completion and an explained error
#[derive(clap::Args)]
#[command(
    about = "See it work: pulls what is missing, then completes a line and explains an error of a sample project",
    after_help = "Example: halfline try --model smollm2-135m-instruct-q4_1"
)]
pub(super) struct Args {
    /// Model to try: a name from `halfline models list`, or the path of a GGUF file [default: what suits this machine]
    #[arg(long, value_name = "M")]
    model: Option<String>,
}

pub(super) fn run(args: Args, invocation: &Invocation) -> anyhow::Result<()> {
    let mut config = invocation.config(&std::env::current_dir()?)?;
    if let Some(model) = args.model {
        config.engine.target = ModelChoice::from(model);
    }
    // The sample is ours, so running its checker needs nobody's leave; and a person waits for all of it.
    config.assistant.may_run_checks = true;
    config.completion.enabled = true;

    heading("1. Models")?;
    pull_missing(&config)?;
    let (_, choice) = choose_models(&config.engine).map_err(anyhow::Error::msg)?;
    for note in &choice.notes {
        output::line(&format!("Note: {note}."))?;
    }
    output::line(&format!("Memory: {}.", choice.fit.sentence()))?;

    let sample = copy_sample()?;
    let started = Instant::now();
    let (engine, workspace) = session::open(&config, &sample)?;
    let info = engine.info().clone();
    let draft = info.draft.map(|draft| format!(", helped by {draft}")).unwrap_or_default();
    output::line(&format!(
        "Loaded {}{draft} in {:.1} s; runs on {} with {} thread(s).",
        info.target,
        started.elapsed().as_secs_f64(),
        info.device,
        info.threads
    ))?;

    heading("2. A line finished")?;
    output::line(&format!("A sample project is in {}. In its {}:\n", sample.display(), HALF_WRITTEN.0))?;
    let completer = Completer::new(&config, Some(workspace.clone()));
    complete(&completer, &engine, &sample)?;

    heading("3. An error explained")?;
    explain(&config, engine, workspace, &sample)?;

    heading("4. In your editor")?;
    let binary = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("halfline"));
    output::line(&format!(
        "Neovim:   put editors/neovim on the runtimepath and call\n          require('halfline').setup({{ cmd = {{ '{}', 'lsp' }} }})\n\
         VS Code:  install the extension from editors/vscode and set \"halfline.path\" to\n          {}\n\
         Others:   any client of the language server protocol can start `halfline lsp`.\n\
         If something does not work, `halfline doctor` says what is wrong.",
        binary.display(),
        binary.display()
    ))?;
    Ok(())
}

/// Pulls what suits this machine, unless the user chose something else.
fn pull_missing(config: &Config) -> anyhow::Result<()> {
    let store = Store::open()?;
    let manifest = Manifest::load()?;
    let wanted = match &config.engine.target {
        ModelChoice::Named(name) => manifest.find(name).into_iter().collect(),
        ModelChoice::Auto | ModelChoice::None => {
            recommended(&manifest, (config.engine.cache_mib as u64) << 20, &memory(&config.engine))
        }
    };
    for model in wanted {
        if store.entry(model).state.usable() {
            output::line(&format!("{} is on disk ({}).", model.name, output::bytes(model.bytes)))?;
            continue;
        }
        if let Err(error) = pull::one(&store, &manifest, model) {
            // Offline with a smaller model at hand is no reason to give up.
            if choose_models(&config.engine).is_err() {
                return Err(error);
            }
            output::note(&format!("going on without {}: {}", model.name, output::one_line(&error)));
        }
    }
    Ok(())
}

/// Writes the sample project into a directory of its own, which stays for whoever wants to play with it.
fn copy_sample() -> anyhow::Result<PathBuf> {
    let directory = tempfile::Builder::new()
        .prefix("halfline-try-")
        .tempdir()
        .context("cannot create a directory for the sample project")?
        .keep();
    for (name, text) in SAMPLE {
        let path = directory.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
        }
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(directory)
}

/// Completes the half-written line, shows it and writes it into the file.
fn complete(completer: &Completer, engine: &halfline_inference::Engine, sample: &Path) -> anyhow::Result<()> {
    let path = sample.join(HALF_WRITTEN.0);
    let text = fs::read_to_string(&path)?;
    let Some(found) = text.find(HALF_WRITTEN.1) else {
        bail!("{} was changed meanwhile", path.display());
    };
    let cursor = found + HALF_WRITTEN.1.len();
    let snapshot = Snapshot::of_text(Some(path.clone()), &text);
    let query = Query { trigger: Trigger::Invoked, ..Query::new(snapshot, text[..cursor].chars().count()) };
    let outcome = session::block_on(completer.complete(engine, query, || ()))??;
    let ghost = outcome.items.first().map_or("", |item| item.text.as_str());
    let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    output::line(&around(&text, cursor, ghost, colour))?;
    if ghost.is_empty() {
        output::line(&format!(
            "\nThis model offers nothing here: {}.",
            outcome.silent.as_deref().unwrap_or("no reason")
        ))?;
    } else {
        fs::write(&path, format!("{}{ghost}{}", &text[..cursor], &text[cursor..]))?;
    }
    let timings = &outcome.timings_ms;
    output::line(&format!(
        "\n{}: {:.0} ms (context {:.0} ms, reading {:.0} ms, writing {:.0} ms), {} tokens read, {} written",
        outcome.model,
        timings.total,
        timings.context,
        timings.prefill,
        timings.decode,
        outcome.tokens.prompt,
        outcome.tokens.generated
    ))?;
    Ok(())
}

fn explain(
    config: &Config,
    engine: halfline_inference::Engine,
    workspace: std::sync::Arc<halfline_context::Workspace>,
    sample: &Path,
) -> anyhow::Result<()> {
    let path = sample.join(AT_FAULT.0);
    let line = fs::read_to_string(&path)?.lines().position(|line| line.contains(AT_FAULT.1)).unwrap_or(0);
    output::line(&format!(
        "{}:{} does not compile. Running the compiler, then asking the model:\n",
        AT_FAULT.0,
        line + 1
    ))?;
    let question = Question::Explain { path, line, diagnostics: Vec::new() };
    let answer = answer::run(config, engine, workspace, question, false, false)?;
    output::line(&format!("\n{}", answer::cost(&answer.answer)))?;
    Ok(())
}

/// The lines around the cursor with the suggestion in its place, inverted in colour and in marks without.
fn around(text: &str, cursor: usize, ghost: &str, colour: bool) -> String {
    let (before, after) = text.split_at(cursor);
    let mut first: Vec<&str> = before.rsplitn(AROUND + 1, '\n').take(AROUND).collect();
    first.reverse();
    let last: Vec<&str> = after.splitn(AROUND / 2 + 1, '\n').take(AROUND / 2).collect();
    let (open, close) = if colour { ("\x1b[7m", "\x1b[0m") } else { ("»", "«") };
    let shown = format!("{}{open}{ghost}{close}{}", first.join("\n"), last.join("\n"));
    shown.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

fn heading(text: &str) -> std::io::Result<()> {
    output::line(&format!("\n{text}\n{}", "-".repeat(text.len())))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn the_sample_has_what_try_shows() {
        let file = |name| SAMPLE.iter().find(|(file, _)| *file == name).unwrap().1;
        assert_eq!(file(HALF_WRITTEN.0).matches(HALF_WRITTEN.1).count(), 1);
        assert_eq!(file(AT_FAULT.0).matches(AT_FAULT.1).count(), 1);
    }

    #[test]
    fn ghost_text_stands_in_its_place() {
        let text = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight = \nnine\nten\neleven";
        let cursor = text.find("\nnine").unwrap();
        expect![[r#"
            three
            four
            five
            six
            seven
            eight = »8«
            nine
            ten"#]]
        .assert_eq(&around(text, cursor, "8", false).lines().map(str::trim).collect::<Vec<_>>().join("\n"));
    }
}

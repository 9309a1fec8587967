//! What `fix`, `debug`, `test` and `doc` share: having a change made, showing it, and writing it to the user's files once they
//! say so.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use halfline_context::Workspace;

use super::place::{self, Line};
use super::{Invocation, output, permission, session};
use crate::allowed::Place;
use crate::assistant::fix::{self, Author, Extent, Fix, FixLimits, Order, Task, Texts};
use crate::assistant::{Router, Toolbox, Update};
use crate::cache_directory;
use crate::config::{self, Config};
use crate::engine_host::EngineHost;

/// Options of every command that changes code.
#[derive(clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// Write it to your files if it is verified
    #[arg(long)]
    pub(super) apply: bool,
    /// With --apply: write it even if it is not verified
    #[arg(long, requires = "apply")]
    pub(super) force: bool,
    /// Times that the model is asked
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub(super) attempts: Option<u32>,
    /// Seconds that may be spent; to say why nothing helps may take up to ten more
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
    permission::check(&config.assistant)?;
    let root = task.root.clone();
    let limits = args.limits(config, FixLimits::default());
    // It loads while the check runs, and is not waited for where it is not needed.
    let author = (limits.attempts > 0).then(|| author(config, &root));
    let found = watch(async |sink| Ok(fix::fix(task, author, &limits, sink).await))?;
    let fix = found.inspect_err(|error| error.output().into_iter().for_each(output::note))?;
    finish(args, &root, &fix)?;
    // The answer says why; a script wants to know it, too.
    ensure!(!fix.diff.is_empty(), "{}", fix.route.why);
    Ok(())
}

/// Lets whoever sits at a terminal say whether `command` may run on a copy of `root`; a no is an error.
pub(super) fn ask(args: &Args, config: &Config, root: &Path, command: &str) -> anyhow::Result<()> {
    match permission::ask(&config.assistant, root, command, Place::Copy, args.json)? {
        true => Ok(()),
        false => bail!("`{command}` was not run: you did not allow it"),
    }
}

/// Says what runs for an order.
type CommandOf = fn(&Order) -> Result<String, fix::FixError>;

/// Has something written for the definition at a line, shows it, and writes it where that was asked for. `command` says what
/// runs on the way, if anything does.
pub(super) fn write(
    args: &Args,
    place: &Line,
    root: Option<&Path>,
    invocation: &Invocation,
    command: Option<CommandOf>,
    work: impl AsyncFnOnce(&Order, Author, &FixLimits, Sink<'_>) -> Result<Fix, fix::FixError>,
) -> anyhow::Result<()> {
    let snapshot = place::open(&place.path)?;
    place::check_line(&snapshot, &place.path, place.line)?;
    let (root, below, is_tree) = project_of(&place.path, root)?;
    let config = invocation.config(&root)?;
    let limits = args.limits(&config, FixLimits::default());
    let extent = if is_tree { Extent::Tree } else { Extent::Files(fix::files_of(&root, &below)) };
    let order = Order { root, extent, path: below, line: place.line - 1, open: Texts::new() };
    if let Some(command) = command {
        ask(args, &config, &order.root, &command(&order)?)?;
    }
    let author = author(&config, &order.root);
    let fix = watch(async |sink| Ok(work(&order, author, &limits, sink).await?))?;
    output::note(&fix.explanation);
    finish(args, &order.root, &fix)
}

/// The directory that is copied for a file, the file's path relative to it, and whether it is a project's: the file on its
/// own is copied alone.
pub(super) fn project_of(path: &Path, root: Option<&Path>) -> anyhow::Result<(PathBuf, PathBuf, bool)> {
    let path = std::path::absolute(path)?.canonicalize()?;
    let found = match root {
        Some(_) => Some(super::root_of(root, &path)?),
        None => config::project_root(&path),
    };
    let (root, is_tree) = match found {
        Some(root) => (root.canonicalize()?, true),
        None => (path.parent().unwrap_or(Path::new("/")).to_owned(), false),
    };
    let below =
        path.strip_prefix(&root).map_err(|_| anyhow::anyhow!("{} is not in {}", path.display(), root.display()))?;
    Ok((root.clone(), below.to_owned(), is_tree))
}

/// Who hears of every step.
pub(super) type Sink<'a> = &'a mut (dyn FnMut(Update) + Send);

fn author(config: &Config, root: &Path) -> Author {
    let calls_tools = config.remote.all().iter().any(|engine| engine.tools);
    // A directory that is no project may be anything, and is not read.
    let tools = (calls_tools && config::project_root(root).is_some()).then(|| {
        let workspace = Arc::new(Workspace::open(root, &cache_directory()));
        Toolbox::for_changes(workspace, Arc::new(|_: &Path| None), (&config.assistant).into())
    });
    Author { host: EngineHost::start(config), router: Router::new(config, root), tools, recent: Arc::default() }
}

/// Shows a result, and writes it where that was asked for.
fn finish(args: &Args, root: &Path, fix: &Fix) -> anyhow::Result<()> {
    if args.json {
        output::json(fix)?;
    } else {
        show(fix)?;
    }
    if args.apply && !fix.diff.is_empty() {
        let is_written = apply(root, fix, args.force).context("it was not applied")?;
        output::note(if is_written { "applied" } else { "there was nothing to write" });
    }
    Ok(())
}

/// Runs `work` to its end; what is being done, and what is to be said of it, goes to standard error.
fn watch<T>(work: impl AsyncFnOnce(Sink<'_>) -> anyhow::Result<T>) -> anyhow::Result<T> {
    let mut last = String::new();
    let mut is_amid = false;
    let result = session::block_on(work(&mut |update| match update {
        Update::Text { text } => output::aside(&text, !std::mem::replace(&mut is_amid, true)),
        Update::Status { text } if text != last => {
            end_line(&mut is_amid);
            output::note(&text);
            last = text;
        }
        Update::Evidence(evidence) => {
            end_line(&mut is_amid);
            output::note(&format!("{}:{}: {}", evidence.path, evidence.lines.0, evidence.why));
        }
        _ => {}
    }));
    end_line(&mut is_amid);
    result?
}

/// Ends a text that has come in pieces.
fn end_line(is_amid: &mut bool) {
    if std::mem::take(is_amid) {
        output::aside("\n", false);
    }
}

/// Prints the diff, and on standard error what it is worth and what it cost.
fn show(fix: &Fix) -> anyhow::Result<()> {
    output::piece(&fix.diff)?;
    for used in &fix.tools {
        output::note(&used.note);
    }
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
        let present = match fs::read_to_string(root.join(path)) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        if fix.before.get(*path) != present.as_ref() {
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
    // Through a link, the file that it leads to is the one that was read. What is not there yet leads nowhere.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(text.as_bytes())?;
    match fs::metadata(&path) {
        Ok(metadata) => file.as_file().set_permissions(metadata.permissions())?,
        Err(_) => make_readable(file.as_file())?,
    }
    file.as_file().sync_all()?;
    file.persist(&path)?;
    Ok(())
}

/// Lets others read a new file, as if an editor had made it.
#[cfg(unix)]
fn make_readable(file: &fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn make_readable(_file: &fs::File) -> std::io::Result<()> {
    Ok(())
}

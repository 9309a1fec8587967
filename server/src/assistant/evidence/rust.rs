//! What the Rust compiler says: `cargo check` where there is a package, `rustc` for a file on its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use super::super::command;
use super::super::output::message_of_line;
use super::super::{Diagnostic, Evidence, Update};
use super::Item;
use super::checks::Checked;

/// Lines of `rustc --explain` that are shown.
const EXPLAIN_LINES: usize = 14;

/// Checks the package that `path` belongs to, or the file alone.
pub(super) async fn check(path: &Path, time: Duration, sink: &mut (dyn FnMut(Update) + Send)) -> Checked {
    match package_of(path) {
        Some(package) => check_package(package, path, time, sink).await,
        None => check_file(path, time, sink).await,
    }
}

/// The package that `path` belongs to.
pub(super) fn package_of(path: &Path) -> Option<&Path> {
    path.ancestors().skip(1).find(|dir| dir.join("Cargo.toml").is_file())
}

/// What the compiler's index of errors says about the diagnostic's code, its first lines.
pub(super) async fn explain_code(diagnostic: &Diagnostic) -> Option<Item> {
    let code = diagnostic.code.as_deref()?;
    let is_rustc_code = code.len() == 5 && code.starts_with('E') && code[1..].bytes().all(|byte| byte.is_ascii_digit());
    if !is_rustc_code {
        return None;
    }
    let mut rustc = Command::new("rustc");
    // Nobody has to allow this, so no workspace may choose what it runs: rustup takes the toolchain, even one at a path, from
    // a file in the directory or above it.
    rustc.args(["--explain", code]).current_dir(outside_of_workspaces()?);
    let output = command::run(rustc, Duration::from_secs(5)).await.ok().filter(|output| output.success())?;
    let lines: Vec<&str> = output.stdout.lines().take(EXPLAIN_LINES).collect();
    let evidence = Evidence {
        path: format!("rustc --explain {code}"),
        lines: (1, lines.len()),
        why: format!("what {code} means"),
    };
    Some(Item { evidence, text: lines.join("\n"), fence: "text".to_owned(), found: false })
}

/// The root of the file system, above which nothing lies. `None` where that holds such a file itself.
fn outside_of_workspaces() -> Option<PathBuf> {
    let root = std::env::temp_dir().ancestors().last()?.to_owned();
    let is_plain = ["rust-toolchain.toml", "rust-toolchain"].iter().all(|name| !root.join(name).exists());
    is_plain.then_some(root)
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
    let diagnostics: Vec<Diagnostic> = output.stdout.lines().filter_map(|line| diagnostic_of(line, &bases)).collect();
    if diagnostics.is_empty() && !output.success() {
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
            let diagnostics = output.stderr.lines().filter_map(|line| diagnostic_of(line, &bases));
            Checked { diagnostics: diagnostics.collect(), notes: Vec::new() }
        }
    }
}

/// The message on a line of JSON. A relative path is looked for under `bases`.
fn diagnostic_of(line: &str, bases: &[PathBuf]) -> Option<Diagnostic> {
    let mut diagnostic = message_of_line(line)?.diagnostic;
    if let Some(path) = bases.iter().map(|base| base.join(&diagnostic.path)).find(|path| path.is_file()) {
        diagnostic.path = path;
    }
    Some(diagnostic)
}

//! What can be said about a Python file without running it: `ruff` or `pyflakes` where installed, else the parser.

use std::path::{Path, PathBuf};
use std::time::Duration;

use halfline_context::Position;
use serde::Deserialize;
use tokio::process::Command;

use super::super::command;
use super::super::{Diagnostic, Severity, Update};
use super::checks::Checked;

/// Parses the file named by its argument, and says what pyflakes finds if that is installed. One JSON object a line.
/// `-I` keeps the directory of the file out of Python's search path, so that nothing of the user's is imported.
const SCRIPT: &str = r#"
import ast, json, sys
path = sys.argv[1]
def say(kind, line, column, message):
    print(json.dumps({"code": kind, "line": line, "column": column, "message": message}))
try:
    with open(path, "rb") as file:
        tree = ast.parse(file.read(), path)
except SyntaxError as error:
    say(type(error).__name__, error.lineno or 1, error.offset or 1, error.msg)
    sys.exit()
except ValueError as error:
    say("ValueError", 1, 1, str(error))
    sys.exit()
try:
    from pyflakes import checker
except ImportError:
    sys.exit()
for found in checker.Checker(tree, path).messages:
    say(type(found).__name__, found.lineno, found.col + 1, found.message % found.message_args)
"#;

/// Checks the file at `path`.
pub(super) async fn check(path: &Path, time: Duration, sink: &mut (dyn FnMut(Update) + Send)) -> Checked {
    sink(Update::Status { text: format!("checking {}", path.display()) });
    let mut python = Command::new("python3");
    python.args(["-I", "-c", SCRIPT]).arg(path);
    let parsed = match command::run(python, time).await {
        Ok(output) if output.success() => {
            let found = output.stdout.lines().filter_map(|line| serde_json::from_str::<Found>(line).ok());
            Checked { diagnostics: found.map(|found| found.into_diagnostic(path)).collect(), notes: Vec::new() }
        }
        Ok(output) => Checked::failed("python3", &output.stderr),
        Err(reason) => Checked::failed("python3", &reason),
    };
    if !parsed.diagnostics.is_empty() {
        return parsed;
    }
    let mut ruff = Command::new("ruff");
    ruff.args(["check", "--no-fix", "--no-cache", "--output-format=json"]).arg(path);
    match command::run(ruff, time).await {
        Ok(output) => {
            let mut diagnostics = ruff_messages(&output.stdout, "ruff");
            // It prints the path as it resolved it; the question has it as the editor does.
            diagnostics.iter_mut().for_each(|one| one.path = path.to_owned());
            Checked { diagnostics, notes: parsed.notes }
        }
        // Nobody promised that ruff is installed.
        Err(_) => parsed,
    }
}

#[derive(Deserialize)]
struct Found {
    code: String,
    line: u32,
    column: u32,
    message: String,
}

impl Found {
    fn into_diagnostic(self, path: &Path) -> Diagnostic {
        // What pyflakes calls undefined fails when it runs; the rest it finds is untidy at worst.
        let is_error = self.code.ends_with("Error") || self.code.starts_with("Undefined");
        diagnostic(path, self.line, self.column, Some(self.code), self.message, "python", is_error)
    }
}

/// The messages of a report of ruff's in JSON.
pub(super) fn ruff_messages(report: &str, source: &str) -> Vec<Diagnostic> {
    let found: Vec<RuffFound> = serde_json::from_str(report).unwrap_or_default();
    found.into_iter().map(|found| found.into_diagnostic(source)).collect()
}

#[derive(Deserialize)]
struct RuffFound {
    #[serde(default)]
    filename: PathBuf,
    code: Option<String>,
    message: String,
    location: RuffPlace,
}

#[derive(Deserialize)]
struct RuffPlace {
    row: u32,
    column: u32,
}

impl RuffFound {
    fn into_diagnostic(self, source: &str) -> Diagnostic {
        let is_error = self.code.as_deref().is_none_or(|code| code.starts_with("F8") || code.starts_with("E9"));
        diagnostic(&self.filename, self.location.row, self.location.column, self.code, self.message, source, is_error)
    }
}

fn diagnostic(
    path: &Path,
    line: u32,
    column: u32,
    code: Option<String>,
    message: String,
    source: &str,
    is_error: bool,
) -> Diagnostic {
    let place = Position::new(line.saturating_sub(1), column.saturating_sub(1));
    Diagnostic {
        path: path.to_owned(),
        start: place,
        end: place,
        severity: if is_error { Severity::Error } else { Severity::Warning },
        code,
        source: Some(source.to_owned()),
        message,
        rendered: None,
    }
}

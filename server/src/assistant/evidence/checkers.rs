//! Checkers that the user configured, or that a project says it is checked with: any command, and how its output is read.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use halfline_context::Position;
use regex::Regex;
use serde::Deserialize;
use tokio::process::Command;

use super::super::{Diagnostic, Severity, Update, command, output};
use super::checks::Checked;
use crate::config::{self, CheckerEntry, Parser};

/// What stands for the file in a command.
pub(in super::super) const FILE: &str = "{file}";

/// `path(line,column): error TS2322: message`, as TypeScript's compiler prints.
static TSC: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^(?<place>[^:\s(][^:(]*)\((?<line>\d+),(?<column>\d+)\): (?<severity>error|warning) (?<code>TS\d+): ")
        .ok()
});

/// `path:line[:column]: [severity:] message [code]`, as gcc, mypy, flake8 and many others print.
static LINE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"^(?<path>[^:\s][^:]*):(?<line>\d+):(?:(?<column>\d+):)?(?:\d+:\d+:)?\s*(?:(?<severity>fatal error|error|warning|note|info)\s*:\s*)?(?<message>.+?)(?:\s+\[(?<code>[\w-]+)\])?$",
    )
    .ok()
});

/// Those of `all` that are for files like the one at `path`.
pub(in super::super) fn for_file<'a>(all: &'a [CheckerEntry], path: &Path) -> Vec<&'a CheckerEntry> {
    let Some(language) = halfline_grammars::by_path(path) else { return Vec::new() };
    let fits = |name: &String| name.eq_ignore_ascii_case(language.name());
    all.iter().filter(|entry| entry.languages.iter().any(fits)).collect()
}

/// The type checkers that the project around `path` has settings for.
pub(in super::super) fn of_project(path: &Path) -> Vec<CheckerEntry> {
    if halfline_grammars::by_path(path).is_none_or(|language| language.name() != "python") {
        return Vec::new();
    }
    let Some(root) = config::project_root(path) else { return Vec::new() };
    let settings = std::fs::read_to_string(root.join("pyproject.toml")).unwrap_or_default();
    let has_file = |names: &[&str]| names.iter().any(|name| root.join(name).is_file());
    let entry = |words: &[&str], parser| CheckerEntry {
        name: words[0].to_owned(),
        command: words.iter().map(|&word| word.to_owned()).collect(),
        languages: vec!["python".to_owned()],
        parser,
    };
    let mypy = || entry(&["mypy", "--no-error-summary", "--show-column-numbers", "--no-pretty", FILE], Parser::Lines);
    let pyright = || entry(&["pyright", "--outputjson", FILE], Parser::Pyright);
    let mut found = Vec::new();
    found.extend((has_file(&["mypy.ini", ".mypy.ini"]) || settings.contains("[tool.mypy]")).then(mypy));
    found.extend((has_file(&["pyrightconfig.json"]) || settings.contains("[tool.pyright]")).then(pyright));
    found
}

/// What is shown of a checker: its command, with the file's name.
pub(super) fn in_words(entry: &CheckerEntry, path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    entry.command.iter().map(|word| word.replace(FILE, &name)).collect::<Vec<_>>().join(" ")
}

/// Runs a checker in the project's root, and reads what it says.
pub(super) async fn run(
    entry: &CheckerEntry,
    path: &Path,
    time: Duration,
    sink: &mut (dyn FnMut(Update) + Send),
) -> Checked {
    let name =
        if entry.name.is_empty() { entry.command.first().map_or("checker", String::as_str) } else { &entry.name };
    sink(Update::Status { text: format!("running {}", in_words(entry, path)) });
    let directory = config::project_root(path).unwrap_or_else(|| path.parent().unwrap_or(Path::new(".")).to_owned());
    let shown = path.display().to_string();
    let mut words = entry.command.iter().map(|word| word.replace(FILE, &shown));
    let Some(program) = words.next() else { return Checked::failed(name, "its command is empty") };
    let mut running = Command::new(program);
    running.args(words).current_dir(&directory);
    let printed = match command::run(running, time).await {
        Ok(printed) => printed,
        Err(reason) => return Checked::failed(name, &reason),
    };
    let mut diagnostics = read(entry.parser, &printed.stdout, &printed.stderr, name);
    for diagnostic in &mut diagnostics {
        diagnostic.path = directory.join(&diagnostic.path);
    }
    if diagnostics.is_empty() && !printed.success() {
        // It failed for a reason of its own, or says what nobody here can read: the user sees it as it is.
        let said = if printed.stderr.trim().is_empty() { &printed.stdout } else { &printed.stderr };
        return Checked::failed(name, said);
    }
    Checked { diagnostics, notes: Vec::new() }
}

/// The messages in what a checker printed, with paths as it printed them.
pub(in super::super) fn read(parser: Parser, stdout: &str, stderr: &str, name: &str) -> Vec<Diagnostic> {
    match parser {
        Parser::Auto => {
            let known = output::read(stdout, stderr).diagnostics;
            if known.is_empty() { read_lines(stdout, stderr, name) } else { known }
        }
        Parser::Lines => read_lines(stdout, stderr, name),
        Parser::Pyright => read_pyright(stdout, name),
        Parser::Ruff => super::python::ruff_messages(stdout, name),
    }
}

fn read_lines(stdout: &str, stderr: &str, name: &str) -> Vec<Diagnostic> {
    let Some(pattern) = &*LINE else { return Vec::new() };
    let message = |line: &str| {
        let line = as_usual(line.trim_end());
        let found = pattern.captures(&line)?;
        let number = |group: &str| found.name(group).and_then(|text| text.as_str().parse::<u32>().ok());
        let severity = match found.name("severity").map(|text| text.as_str()) {
            Some("error" | "fatal error") => Severity::Error,
            Some("note" | "info") => return None,
            _ => Severity::Warning,
        };
        let column = number("column").unwrap_or(1);
        let place = Position::new(number("line")?.saturating_sub(1), column.saturating_sub(1));
        Some(Diagnostic {
            path: PathBuf::from(&found["path"]),
            start: place,
            end: place,
            severity,
            code: found.name("code").map(|code| code.as_str().to_owned()),
            source: Some(name.to_owned()),
            message: found["message"].to_owned(),
            rendered: None,
        })
    };
    stdout.lines().chain(stderr.lines()).filter_map(message).collect()
}

/// `line` of an output with its parts where most tools have them.
fn as_usual(line: &str) -> Cow<'_, str> {
    let Some(found) = TSC.as_ref().and_then(|pattern| pattern.captures(line)) else { return Cow::Borrowed(line) };
    let message = &line[found[0].len()..];
    let (place, severity, code) = (&found["place"], &found["severity"], &found["code"]);
    Cow::Owned(format!("{place}:{}:{}: {severity}: {message} [{code}]", &found["line"], &found["column"]))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PyrightReport {
    general_diagnostics: Vec<PyrightFound>,
}

#[derive(Deserialize)]
struct PyrightFound {
    file: PathBuf,
    severity: String,
    message: String,
    range: Option<PyrightRange>,
    rule: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
struct PyrightRange {
    start: PyrightPlace,
    end: PyrightPlace,
}

#[derive(Clone, Copy, Deserialize)]
struct PyrightPlace {
    line: u32,
    character: u32,
}

fn read_pyright(stdout: &str, name: &str) -> Vec<Diagnostic> {
    let Ok(report) = serde_json::from_str::<PyrightReport>(stdout) else { return Vec::new() };
    let place = |place: PyrightPlace| Position::new(place.line, place.character);
    let message = |found: PyrightFound| {
        let severity = match found.severity.as_str() {
            "error" => Severity::Error,
            "warning" => Severity::Warning,
            _ => return None,
        };
        Some(Diagnostic {
            path: found.file,
            start: found.range.map(|range| place(range.start)).unwrap_or_default(),
            end: found.range.map(|range| place(range.end)).unwrap_or_default(),
            severity,
            code: found.rule,
            source: Some(name.to_owned()),
            message: found.message,
            rendered: None,
        })
    };
    report.general_diagnostics.into_iter().filter_map(message).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(parser: Parser, text: &str, expected: Expect) {
        let shown = |one: Diagnostic| {
            format!(
                "{} {}:{} {:?} {:?} {}\n",
                one.path.display(),
                one.start.line,
                one.start.character,
                one.severity,
                one.code,
                one.message
            )
        };
        expected.assert_eq(&read(parser, text, "", "it").into_iter().map(shown).collect::<String>());
    }

    #[test]
    fn lines_of_many_tools() {
        check(
            Parser::Lines,
            "a.py:3:12: error: Incompatible return value type (got \"str\", expected \"int\")  [return-value]\na.py:3:12: note: see there\nsrc/b.c:7: warning: unused variable\nc.py:1:80: E501 line too long\nFound 1 error in 1 file\nhttp://x/y:80: no place\n  File \"a.py\", line 3\n",
            expect![[r#"
                a.py 2:11 Error Some("return-value") Incompatible return value type (got "str", expected "int")
                src/b.c 6:0 Warning None unused variable
                c.py 0:79 Warning None E501 line too long
            "#]],
        );
    }

    #[test]
    fn reports_of_pyright_and_ruff() {
        check(
            Parser::Pyright,
            r#"{"version":"1.1","generalDiagnostics":[{"file":"/w/a.py","severity":"error","message":"\"x\" is not defined","range":{"start":{"line":2,"character":4},"end":{"line":2,"character":5}},"rule":"reportUndefinedVariable"},{"file":"/w/a.py","severity":"information","message":"by the way"}],"summary":{}}"#,
            expect![[r#"
                /w/a.py 2:4 Error Some("reportUndefinedVariable") "x" is not defined
            "#]],
        );
        check(
            Parser::Ruff,
            r#"[{"code":"F821","filename":"/w/a.py","message":"Undefined name `y`","location":{"row":2,"column":12}},{"code":"E501","filename":"/w/a.py","message":"Line too long","location":{"row":1,"column":89}}]"#,
            expect![[r#"
                /w/a.py 1:11 Error Some("F821") Undefined name `y`
                /w/a.py 0:88 Warning Some("E501") Line too long
            "#]],
        );
        check(Parser::Pyright, "No configuration file found.", expect![[""]]);
    }

    #[test]
    fn what_the_compilers_print_is_known_without_being_told() {
        let rustc = "error[E0308]: mismatched types\n --> src/main.rs:6:18\n  |\n6 |     let x: i32 = \"5\";\n  |            ---   ^^^ expected `i32`, found `&str`\n\n";
        check(
            Parser::Auto,
            rustc,
            expect![[r#"
            src/main.rs 5:17 Error Some("E0308") mismatched types
        "#]],
        );
        check(
            Parser::Auto,
            "a.c:2:3: error: expected ';'\n",
            expect![[r#"
            a.c 1:2 Error None expected ';'
        "#]],
        );
        check(
            Parser::Auto,
            "src/a.ts(3,7): error TS2322: Type 'string' is not assignable to type 'number'.\n",
            expect![[r#"
            src/a.ts 2:6 Error Some("TS2322") Type 'string' is not assignable to type 'number'.
        "#]],
        );
    }

    #[test]
    fn a_project_says_what_it_is_checked_with() {
        let dir = tempfile::tempdir().unwrap();
        let names =
            || -> Vec<String> { of_project(&dir.path().join("a.py")).into_iter().map(|entry| entry.name).collect() };
        std::fs::write(dir.path().join("pyproject.toml"), "[tool.mypy]\nstrict = true\n").unwrap();
        assert_eq!(names(), ["mypy"]);
        std::fs::write(dir.path().join("pyrightconfig.json"), "{}").unwrap();
        assert_eq!(names(), ["mypy", "pyright"]);
        assert!(of_project(&dir.path().join("a.rs")).is_empty());
    }
}

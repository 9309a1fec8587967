//! Which commands say whether a file is right: that of the tool whose message is meant, the user's own, the language's own. Nothing
//! is run here; how their output is read is `evidence/checkers.rs`'s to say.

use std::path::{Path, PathBuf};

use super::super::diagnostic::{Diagnostic, Severity};
use super::super::evidence;
use super::super::output::Findings;
use super::check::Check;
use crate::config::{self, CheckerEntry, Parser};

/// How a command's output is read that nobody knows from its own look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    parser: Parser,
    /// The checker, as its messages name it.
    name: String,
}

/// Tools that editors show the messages of, for Python: what they call themselves there, the command, and how it is read.
const TOOLS: [(&str, &[&str], Parser); 8] = [
    ("pyright", &["pyright", "--outputjson"], Parser::Pyright),
    ("pylance", &["pyright", "--outputjson"], Parser::Pyright),
    ("basedpyright", &["basedpyright", "--outputjson"], Parser::Pyright),
    ("mypy", &["mypy", "--no-error-summary", "--show-column-numbers", "--no-pretty"], Parser::Lines),
    ("ruff", &["ruff", "check", "--no-fix", "--no-cache", "--output-format=json"], Parser::Ruff),
    ("flake8", &["flake8"], Parser::Lines),
    ("pycodestyle", &["pycodestyle"], Parser::Lines),
    ("pyflakes", &["pyflakes"], Parser::Lines),
];

/// The commands that the file at `path` (relative to `root`) has to satisfy, to be run one after the other until one complains.
/// `source` is what an editor says who complained there. Empty for a language without one.
pub fn checks_for(
    root: &Path,
    path: &Path,
    text: &str,
    source: Option<&str>,
    configured: &[CheckerEntry],
) -> Vec<Check> {
    let own = evidence::checkers_for(configured, path);
    if let Some(source) = source {
        let named = own.iter().find(|entry| is_called(entry, source)).map(|entry| of_entry(root, path, entry));
        if let Some(check) = named.or_else(|| of_tool(root, path, text, source)) {
            return vec![check];
        }
    }
    if !own.is_empty() {
        return own.into_iter().map(|entry| of_entry(root, path, entry)).collect();
    }
    let mut checks: Vec<Check> = Check::of_file(root, path, text).into_iter().collect();
    if is_python(path) {
        let linter = of_tool(root, path, text, "ruff");
        let types = evidence::checkers_of_project(&root.join(path)).into_iter();
        let types = types.filter(|entry| entry.command.first().is_some_and(|program| is_installed(program)));
        checks.extend(linter.into_iter().chain(types.map(|entry| of_entry(root, path, &entry))));
    }
    checks
}

/// The command of the tool that calls itself `source`, where it is one that is known, installed, and for such files.
fn of_tool(root: &Path, path: &Path, text: &str, source: &str) -> Option<Check> {
    if source.eq_ignore_ascii_case("clippy") {
        let mut check = Check::of_file(root, path, text).filter(|check| check.argv[0] == "cargo")?;
        check.argv[1] = "clippy".to_owned();
        return Some(check);
    }
    let (name, words, parser) = TOOLS.iter().find(|(name, ..)| name.eq_ignore_ascii_case(source))?;
    let program = words.first().filter(|program| is_python(path) && is_installed(program))?;
    let name = if *name == "pylance" { program } else { name };
    let command = words.iter().copied().chain([evidence::CHECKED_FILE]).map(str::to_owned).collect();
    let entry = CheckerEntry { name: (*name).to_owned(), command, languages: Vec::new(), parser: *parser };
    Some(of_entry(root, path, &entry))
}

/// The command of a configured checker, where it runs for `explain` too: in the root of the project.
fn of_entry(root: &Path, path: &Path, entry: &CheckerEntry) -> Check {
    let project = config::project_root(&root.join(path));
    let directory = project.and_then(|project| Some(project.strip_prefix(root).ok()?.to_owned())).unwrap_or_default();
    let file = path.strip_prefix(&directory).unwrap_or(path).to_string_lossy().into_owned();
    let argv: Vec<String> = entry.command.iter().map(|word| word.replace(evidence::CHECKED_FILE, &file)).collect();
    let name = if entry.name.is_empty() { argv.first().cloned().unwrap_or_default() } else { entry.name.clone() };
    Check { reader: Some(Reader { parser: entry.parser, name }), ..Check::new(argv, directory) }
}

/// Whether `source`, as an editor shows it, is this checker: by its name, or by a word of its command.
fn is_called(entry: &CheckerEntry, source: &str) -> bool {
    // TypeScript's own server has short names.
    let source = if matches!(source, "ts" | "typescript") { "tsc" } else { source };
    let words = entry.command.iter().filter_map(|word| Path::new(word).file_name()?.to_str());
    words.chain([entry.name.as_str()]).any(|word| word.eq_ignore_ascii_case(source))
}

fn is_python(path: &Path) -> bool {
    halfline_grammars::by_path(path).is_some_and(|language| language.name() == "python")
}

fn is_installed(program: &str) -> bool {
    let name = PathBuf::from(format!("{program}{}", std::env::consts::EXE_SUFFIX));
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(&name).is_file())
}

impl Reader {
    /// Puts what the checker says into `findings`, which have what is known of any output. `failed` is whether it exited with
    /// another code than 0.
    pub(super) fn read(&self, findings: &mut Findings, stdout: &str, stderr: &str, failed: bool) {
        if self.parser == Parser::Auto && !findings.diagnostics.is_empty() {
            return;
        }
        let mut messages = evidence::read_checker(self.parser, stdout, stderr, &self.name);
        if failed {
            // What a checker fails over has to go, whatever it calls it.
            messages.iter_mut().for_each(|message| message.severity = Severity::Error);
        }
        if matches!(self.parser, Parser::Pyright | Parser::Ruff) && !messages.is_empty() {
            let line = |one: &Diagnostic| format!("{}: {}\n", one.path.display(), one.text());
            findings.text = messages.iter().map(line).collect();
        }
        findings.suggestions.clear();
        findings.places = vec![Vec::new(); messages.len()];
        findings.diagnostics = messages;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(files: &[&str]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for file in files {
            let path = directory.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        directory
    }

    fn entry(words: &str, language: &str) -> CheckerEntry {
        CheckerEntry {
            command: words.split(' ').map(str::to_owned).collect(),
            languages: vec![language.to_owned()],
            ..CheckerEntry::default()
        }
    }

    #[test]
    fn the_one_who_complained_is_asked() {
        let project = project(&["Cargo.toml", "src/a.rs", "web/a.ts", "a.py"]);
        let configured = [
            entry("npx eslint -f unix {file}", "typescript"),
            entry("npx tsc --noEmit", "typescript"),
            entry("lint {file}", "python"),
        ];
        let root = project.path().canonicalize().unwrap();
        let commands = |path: &str, source: Option<&str>| -> Vec<String> {
            let checks = checks_for(&root, Path::new(path), "", source, &configured);
            checks.iter().map(|check| check.argv.join(" ")).collect()
        };
        for (path, source, expected) in [
            ("src/a.rs", None, "cargo check --offline"),
            ("src/a.rs", Some("rustc"), "cargo check --offline"),
            ("src/a.rs", Some("rust-analyzer"), "cargo check --offline"),
            ("src/a.rs", Some("clippy"), "cargo clippy --offline"),
            ("web/a.ts", Some("eslint"), "npx eslint -f unix web/a.ts"),
            ("web/a.ts", Some("ts"), "npx tsc --noEmit"),
            ("a.py", Some("Lint"), "lint a.py"),
            ("a.py", Some("cSpell"), "lint a.py"),
        ] {
            assert_eq!(commands(path, source), [expected], "{path} {source:?}");
        }
        assert_eq!(commands("web/a.ts", None), ["npx eslint -f unix web/a.ts", "npx tsc --noEmit"]);
        assert_eq!(commands("a.lua", None), [""; 0]);
    }

    #[test]
    fn what_a_checker_fails_over_is_wrong_whatever_it_calls_it() {
        let reader = Reader { parser: Parser::Ruff, name: "ruff".to_owned() };
        let report = r#"[{"code":"F401","filename":"/w/a.py","message":"`os` imported but unused","location":{"row":1,"column":8}}]"#;
        for (failed, severity) in [(true, Severity::Error), (false, Severity::Warning)] {
            let mut findings = Findings::default();
            reader.read(&mut findings, report, "", failed);
            assert_eq!((findings.diagnostics[0].severity, findings.places.len()), (severity, 1));
        }
    }
}

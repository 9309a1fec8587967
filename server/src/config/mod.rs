//! What a user can set: the settings themselves, and where each of them came from.
//!
//! Layers, later over earlier: defaults, the user's file, the workspace's `.halfline.toml`, `HALFLINE_*` variables,
//! flags. Reading them never fails: what is wrong becomes a [`Problem`], and the value below it stands, so that a
//! language server keeps serving while the command line refuses. No setting is known by name outside `keys.rs` and
//! the structs below; a test keeps the two in step.

mod checkers;
mod keys;
mod layers;
mod qdrant;
mod remote;
mod schema;
mod tables;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use halfline_inference::device::DeviceChoice;
use serde::{Deserialize, Serialize};

pub use checkers::{CheckerEntry, Parser};
pub use keys::{KEYS, Key, Kind, Scope};
pub use layers::{Layers, read};
pub use qdrant::QdrantConfig;
pub(crate) use remote::key_of;
pub use remote::{AuditConfig, EngineEntry, PrivacyConfig, Questions, QuotaConfig, RemoteConfig};
pub use schema::schema;
pub use tables::Fields;

/// Name of the file in a workspace's root.
pub const WORKSPACE_FILE: &str = ".halfline.toml";

/// Every setting, with the layers already applied.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Which models run, and with how much of the machine.
    pub engine: EngineConfig,
    /// Inline completion.
    pub completion: CompletionConfig,
    /// Explanations and questions.
    pub assistant: AssistantConfig,
    /// An engine that runs elsewhere.
    pub remote: RemoteConfig,
    /// What never leaves the machine.
    pub privacy: PrivacyConfig,
    /// How much may leave.
    pub quota: QuotaConfig,
    /// What is written down about it.
    pub audit: AuditConfig,
    /// Finding places of a workspace.
    pub search: SearchConfig,
    /// Which languages are served.
    pub languages: LanguagesConfig,
    /// The log.
    pub log: LogConfig,
}

/// `[engine]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EngineConfig {
    /// The model whose answers are shown.
    pub target: ModelChoice,
    /// The smaller model that proposes tokens to it.
    pub draft: ModelChoice,
    /// Where they run.
    pub device: DeviceChoice,
    /// Kernel threads; 0 takes one for each physical core.
    pub threads: usize,
    /// MiB that cached keys and values may take.
    pub cache_mib: usize,
    /// The most tokens, prompt and answer, of one request.
    pub context_tokens: usize,
    /// Whether tokens are proposed and verified several at a time.
    pub speculate: bool,
    /// Whether the model reads what will probably be asked next while nothing is.
    pub read_ahead: bool,
}

/// `[completion]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CompletionConfig {
    /// Whether inline completions are offered at all.
    pub enabled: bool,
    /// Milliseconds of quiet before the model is asked.
    pub debounce_ms: u64,
    /// The most tokens of one completion.
    pub max_tokens: usize,
    /// The most tokens of a completion's prompt from its own file.
    pub prompt_tokens: usize,
    /// Share of the prompt, 0 to 0.9, that the text after the cursor may take.
    pub suffix_share: f64,
    /// Whether what was computed for the text after the cursor is moved when only the text before it has changed, and
    /// computed anew when there is time.
    pub move_suffix: bool,
    /// Whether a completion may have more than one line.
    pub multi_line: bool,
    /// Milliseconds after which a completion ends with what there is.
    pub max_ms: u64,
}

/// `[assistant]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AssistantConfig {
    /// The most tokens of one answer.
    pub max_tokens: usize,
    /// The most tokens of a question with its evidence.
    pub prompt_tokens: usize,
    /// Milliseconds within which an editor wants the first words of a short answer; 0 for whenever they come.
    pub quick_ms: u64,
    /// The same of a long question.
    pub deep_ms: u64,
    /// The most tokens of what was said before in a chat.
    pub history_tokens: usize,
    /// Tools that a model may call for one answer.
    pub tool_calls: usize,
    /// Bytes that those may give it.
    pub tool_bytes: usize,
    /// Milliseconds that those may take.
    pub tool_ms: u64,
    /// Whether the project's checker (`cargo check`) and other commands may run; the first run in a workspace asks.
    pub may_run_checks: bool,
    /// Checkers that take the place of the built-in ones.
    pub checkers: Vec<CheckerEntry>,
}

/// `[search]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchConfig {
    /// What makes vectors of code and questions.
    pub embedder: EmbedderChoice,
    /// A server that keeps them for a team.
    pub qdrant: QdrantConfig,
}

/// Which kind of model makes vectors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EmbedderChoice {
    /// One vector for each token: done in an instant.
    #[default]
    Static,
    /// A small transformer: better, and slow to begin with.
    MiniLm,
    /// None.
    Off,
}

impl EmbedderChoice {
    /// The words for the choices.
    pub const NAMES: &'static [&'static str] = &["static", "minilm", "off"];
}

/// `[languages]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LanguagesConfig {
    /// Names of languages that get no inline completion.
    pub disabled: Vec<String>,
}

/// `[log]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogConfig {
    /// What is logged: a level, or a filter such as `warn,halfline=debug`.
    pub level: String,
    /// The file the log is appended to; empty logs to standard error.
    pub file: String,
}

impl Default for EngineConfig {
    fn default() -> Self {
        EngineConfig {
            target: ModelChoice::Auto,
            draft: ModelChoice::Auto,
            device: DeviceChoice::Auto,
            threads: 0,
            cache_mib: 512,
            context_tokens: 8192,
            speculate: true,
            read_ahead: true,
        }
    }
}

impl Default for CompletionConfig {
    fn default() -> Self {
        CompletionConfig {
            enabled: true,
            debounce_ms: 40,
            max_tokens: 64,
            prompt_tokens: 768,
            suffix_share: 0.2,
            move_suffix: true,
            multi_line: true,
            max_ms: 10_000,
        }
    }
}

impl Default for AssistantConfig {
    fn default() -> Self {
        AssistantConfig {
            max_tokens: 512,
            prompt_tokens: 1536,
            quick_ms: 2000,
            deep_ms: 4000,
            history_tokens: 3072,
            tool_calls: 8,
            tool_bytes: 24_000,
            tool_ms: 60_000,
            may_run_checks: true,
            checkers: Vec::new(),
        }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        LogConfig { level: "warn".to_owned(), file: String::new() }
    }
}

/// Which model a role takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum ModelChoice {
    /// The best that is on disk and fits.
    Auto,
    /// None; of the draft only.
    None,
    /// A name from `halfline models list`, or the path of a GGUF file.
    Named(String),
}

impl From<String> for ModelChoice {
    fn from(text: String) -> Self {
        match text.as_str() {
            "auto" => ModelChoice::Auto,
            "none" => ModelChoice::None,
            _ => ModelChoice::Named(text),
        }
    }
}

impl From<ModelChoice> for String {
    fn from(choice: ModelChoice) -> Self {
        match choice {
            ModelChoice::Auto => "auto".to_owned(),
            ModelChoice::None => "none".to_owned(),
            ModelChoice::Named(name) => name,
        }
    }
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "from")]
pub enum Origin {
    /// Built in.
    Default,
    /// The user's file, at this 1-based line.
    User {
        /// The file.
        path: PathBuf,
        /// 1-based.
        line: usize,
    },
    /// The workspace's file, at this 1-based line.
    Workspace {
        /// The file.
        path: PathBuf,
        /// 1-based.
        line: usize,
    },
    /// An environment variable.
    Variable {
        /// Its name.
        name: String,
    },
    /// A command-line flag.
    Flag {
        /// As it was given.
        flag: String,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => write!(out, "default"),
            Origin::User { path, line } | Origin::Workspace { path, line } => write!(out, "{}:{line}", path.display()),
            Origin::Variable { name } => write!(out, "${name}"),
            Origin::Flag { flag } => write!(out, "{flag}"),
        }
    }
}

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// What was written has no effect, by design.
    Warning,
    /// What was written is wrong.
    Error,
}

/// Something wrong with the configuration. The value concerned is left as the layers below it have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// How bad.
    pub severity: Severity,
    /// Where.
    pub origin: Origin,
    /// What is wrong, and what to write instead.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.origin, self.message)
    }
}

/// The configuration with the origin of each value and everything that is wrong with it.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The settings in effect.
    pub config: Config,
    /// Where each setting that is not a default came from, by dotted key.
    pub origins: BTreeMap<&'static str, Origin>,
    /// What is wrong, in the order of the layers.
    pub problems: Vec<Problem>,
}

impl Loaded {
    /// Where the setting `key` (dotted) came from.
    pub fn origin(&self, key: &str) -> Origin {
        self.origins.get(key).cloned().unwrap_or(Origin::Default)
    }

    /// The settings, or the first error in one line. Warnings do not stand in the way.
    pub fn into_result(self) -> anyhow::Result<Config> {
        match self.problems.into_iter().find(|problem| problem.severity == Severity::Error) {
            None => Ok(self.config),
            Some(problem) => Err(anyhow::anyhow!("{problem}")),
        }
    }
}

/// Reads every layer of this process: files, variables, and the `flags` given as (`engine.target`, `value`).
pub fn load(workspace: Option<&Path>, flags: &[(String, String)]) -> Loaded {
    read(&Layers {
        user: user_file(),
        workspace: workspace.map(|root| root.join(WORKSPACE_FILE)),
        variables: std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| name.starts_with(layers::VARIABLE_PREFIX))
            .collect(),
        flags: flags.to_vec(),
    })
}

/// The user's file: where `HALFLINE_CONFIG` says, or `config.toml` in the platform's configuration directory.
pub fn user_file() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("HALFLINE_CONFIG").filter(|path| !path.is_empty()) {
        return Some(PathBuf::from(path));
    }
    directories::ProjectDirs::from("", "", "halfline").map(|dirs| dirs.config_dir().join("config.toml"))
}

/// The root of the workspace that `path` lies in: that of the project around it, else the directory itself.
pub fn workspace_root(path: &Path) -> PathBuf {
    project_root(path).unwrap_or_else(|| directory_of(path))
}

/// The root of the project that `path` lies in: the nearest directory above that has a `.halfline.toml` or a `.git`,
/// else the nearest with a `pyproject.toml` or a `Cargo.toml`, or the Cargo workspace above it. `None` where there is
/// no such mark: a file somewhere on the disk is no project.
pub fn project_root(path: &Path) -> Option<PathBuf> {
    let start = directory_of(path);
    let nearest = |markers: &[&str]| {
        start.ancestors().find(|dir| markers.iter().any(|marker| dir.join(marker).exists())).map(Path::to_path_buf)
    };
    let cargo_workspace = || {
        let has_members = |dir: &&Path| {
            std::fs::read_to_string(dir.join("Cargo.toml")).is_ok_and(|text| text.contains("[workspace]"))
        };
        start.ancestors().find(has_members).map(Path::to_path_buf)
    };
    nearest(&[WORKSPACE_FILE, ".git"])
        .or_else(cargo_workspace)
        .or_else(|| nearest(&["Cargo.toml", "pyproject.toml", "setup.py"]))
}

fn directory_of(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    if absolute.is_dir() { absolute } else { absolute.parent().unwrap_or(&absolute).to_path_buf() }
}

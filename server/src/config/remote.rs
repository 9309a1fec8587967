//! The sections that say what may leave the machine: `[remote]`, `[privacy]`, `[quota]`, `[audit]`. By default, nothing may.

use halfline_inference::remote::Key;
use serde::{Deserialize, Serialize};

/// `[remote]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RemoteConfig {
    /// Whether the engine below may be used.
    pub enabled: bool,
    /// Base address of a server with an OpenAI-compatible interface; empty for none.
    pub url: String,
    /// The model to ask it for.
    pub model: String,
    /// Which questions go there first.
    pub questions: Questions,
    /// Whether its model may call tools.
    pub tools: bool,
    /// More engines, in the order in which they are asked.
    pub engines: Vec<EngineEntry>,
    /// Environment variable that holds its key; empty for none.
    pub key_variable: String,
    /// Command that prints its key, before the variable.
    pub key_command: Vec<String>,
    /// Milliseconds to wait for a connection.
    pub connect_ms: u64,
    /// Milliseconds to wait for the beginning of an answer.
    pub answer_ms: u64,
    /// The same of an answer to a short question.
    pub quick_answer_ms: u64,
    /// Milliseconds to wait for the next piece of one.
    pub stall_ms: u64,
    /// Milliseconds that a whole answer may take.
    pub whole_ms: u64,
    /// Attempts after the first.
    pub retries: u32,
}

/// `[[remote.engines]]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EngineEntry {
    /// What it is called; empty for the machine's name.
    pub name: String,
    /// Base address of a server with an OpenAI-compatible interface.
    pub url: String,
    /// The model to ask it for.
    pub model: String,
    /// Which questions it is for.
    pub questions: Questions,
    /// Environment variable that holds its key; empty for none.
    pub key_variable: String,
    /// Command that prints its key, before the variable.
    pub key_command: Vec<String>,
    /// Tokens that a prompt and its answer may have together; 0 if that is not known.
    pub context_tokens: usize,
    /// What a million tokens of prompts cost.
    pub prompt_price: f64,
    /// What a million tokens of answers cost.
    pub answer_price: f64,
    /// Whether its model may call tools.
    pub tools: bool,
    /// Whether it finishes the lines that are being written.
    pub completions: bool,
    /// The prompt of a completion, with `{prefix}` and `{suffix}`; empty for an engine that takes both by themselves.
    pub fim_template: String,
    /// Milliseconds to wait for a connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect_ms: Option<u64>,
    /// Milliseconds to wait for the beginning of an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_ms: Option<u64>,
    /// The same of an answer to a short question.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quick_answer_ms: Option<u64>,
    /// Milliseconds to wait for the next piece of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stall_ms: Option<u64>,
    /// Milliseconds that a whole answer may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whole_ms: Option<u64>,
    /// Attempts after the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retries: Option<u32>,
}

impl RemoteConfig {
    /// Every engine that is named, in the order in which they are asked; that of `remote.url` comes first.
    pub fn all(&self) -> Vec<EngineEntry> {
        let own = EngineEntry {
            url: self.url.clone(),
            model: self.model.clone(),
            questions: self.questions,
            key_variable: self.key_variable.clone(),
            key_command: self.key_command.clone(),
            tools: self.tools,
            ..EngineEntry::default()
        };
        let own = (!own.url.is_empty()).then_some(own);
        own.into_iter().chain(self.engines.iter().cloned()).collect()
    }
}

/// How to get the key that a command prints or, without one, a variable holds.
pub(crate) fn key_of(command: &[String], variable: &str) -> Key {
    match (command, variable) {
        ([], "") => Key::None,
        ([], name) => Key::Variable(name.to_owned()),
        (command, _) => Key::Command(command.to_vec()),
    }
}

/// Which questions go to the remote engine first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Questions {
    /// Those that are wanted at once and ask little.
    Quick,
    /// Those that ask for more than the local model is good at.
    #[default]
    Deep,
    /// All.
    All,
    /// None: the engine is there for something else.
    None,
}

impl Questions {
    /// The words for the choices.
    pub const NAMES: &'static [&'static str] = &["quick", "deep", "all", "none"];
}

/// `[privacy]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrivacyConfig {
    /// Globs of files that never leave the machine.
    pub never_leave: Vec<String>,
    /// Languages that never leave the machine.
    pub languages: Vec<String>,
    /// Whether a question with a secret in it stays, instead of leaving with a placeholder.
    pub secrets_stay: bool,
    /// Whether personal data is replaced by placeholders.
    pub redact_personal: bool,
}

/// `[quota]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuotaConfig {
    /// Requests a day to the remote engine.
    pub requests_per_day: u64,
    /// Tokens a day, prompts and answers.
    pub tokens_per_day: u64,
    /// Tokens of one prompt and its answer.
    pub tokens_per_request: u64,
    /// What a day may cost; 0 for no limit.
    pub cost_per_day: f64,
    /// What one request may cost; 0 for no limit.
    pub cost_per_request: f64,
}

/// `[audit]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditConfig {
    /// Whether it is written down what left the machine.
    pub enabled: bool,
    /// Where; empty for the platform's directory.
    pub directory: String,
    /// MiB of one file before it is set aside.
    pub file_mib: u64,
}

impl Default for RemoteConfig {
    fn default() -> Self {
        RemoteConfig {
            enabled: true,
            url: String::new(),
            model: String::new(),
            questions: Questions::Deep,
            tools: false,
            engines: Vec::new(),
            key_variable: String::new(),
            key_command: Vec::new(),
            connect_ms: 5_000,
            answer_ms: 30_000,
            quick_answer_ms: 8_000,
            stall_ms: 15_000,
            whole_ms: 180_000,
            retries: 2,
        }
    }
}

impl Default for PrivacyConfig {
    fn default() -> Self {
        let globs =
            ["**/.env*", "*.pem", "*.key", "*.p12", "*.pfx", "id_rsa*", "id_ed25519*", "**/.aws/**", "**/.ssh/**"];
        PrivacyConfig {
            never_leave: globs.map(str::to_owned).to_vec(),
            languages: Vec::new(),
            secrets_stay: true,
            redact_personal: true,
        }
    }
}

impl Default for QuotaConfig {
    fn default() -> Self {
        QuotaConfig {
            requests_per_day: 200,
            tokens_per_day: 500_000,
            tokens_per_request: 16_000,
            cost_per_day: 0.0,
            cost_per_request: 0.0,
        }
    }
}

impl Default for AuditConfig {
    fn default() -> Self {
        AuditConfig { enabled: true, directory: String::new(), file_mib: 10 }
    }
}

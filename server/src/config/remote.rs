//! The sections that say what may leave the machine: `[remote]`, `[privacy]`, `[quota]`, `[audit]`. By default, nothing may.

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
    /// Environment variable that holds its key; empty for none.
    pub key_variable: String,
    /// Command that prints its key, before the variable.
    pub key_command: Vec<String>,
    /// Milliseconds to wait for a connection.
    pub connect_ms: u64,
    /// Milliseconds to wait for the beginning of an answer.
    pub answer_ms: u64,
    /// Milliseconds to wait for the next piece of one.
    pub stall_ms: u64,
    /// Milliseconds that a whole answer may take.
    pub whole_ms: u64,
    /// Attempts after the first.
    pub retries: u32,
}

/// Which questions go to the remote engine first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Questions {
    /// Those that ask for more than the local model is good at.
    Deep,
    /// All.
    All,
}

impl Questions {
    /// The words for the choices.
    pub const NAMES: &'static [&'static str] = &["deep", "all"];
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
            key_variable: String::new(),
            key_command: Vec::new(),
            connect_ms: 5_000,
            answer_ms: 30_000,
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
        QuotaConfig { requests_per_day: 200, tokens_per_day: 500_000, tokens_per_request: 16_000 }
    }
}

impl Default for AuditConfig {
    fn default() -> Self {
        AuditConfig { enabled: true, directory: String::new(), file_mib: 10 }
    }
}

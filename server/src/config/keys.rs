//! The one table of settings: names, kinds, bounds, who may set them, and what they mean in one sentence.
//!
//! `config check`, `config schema`, the `HALFLINE_*` variables and the suggestions in error messages are all made from
//! it. To add a setting, add a field to its struct in `mod.rs` and a line here.

use halfline_inference::device::DeviceChoice;
use toml::Value;

use super::EmbedderChoice;
use super::remote::Questions;
use super::tables::{CHECKERS, ENGINES, Fields};
use crate::policy::privacy::trouble_with_languages;

/// What values a setting takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number from the first to the second, both included.
    Integer(i64, i64),
    /// A number from the first to the second, both included.
    Number(f64, f64),
    /// Any text.
    Text,
    /// Text that must not be empty and names a model.
    Model,
    /// A list of texts.
    Texts,
    /// A list of names of languages. One that is wrong stands even so: without it, more would leave.
    Languages,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A list of tables with these fields.
    Tables(&'static Fields),
}

/// Who may set a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everyone, a workspace's file included.
    Anywhere,
    /// The user only: what a stranger's repository says about it is ignored.
    User,
    /// A workspace's file may only turn it off.
    Narrowing,
    /// A workspace's file adds to the list and takes nothing from it.
    Adding,
}

/// One setting.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Key {
    /// Dotted, as in `engine.target`.
    pub name: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// Who may set it.
    pub scope: Scope,
    /// One sentence on what it does.
    pub about: &'static str,
}

/// Every setting, in the order in which `config show` prints them.
pub const KEYS: &[Key] = &[
    Key {
        name: "engine.target",
        kind: Kind::Model,
        scope: Scope::User,
        about: "Model whose answers are shown: a name from `halfline models list`, the path of a GGUF file, or `auto` for the best on disk that fits.",
    },
    Key {
        name: "engine.draft",
        kind: Kind::Model,
        scope: Scope::User,
        about: "Smaller model with the same vocabulary that proposes tokens to the target: a name, a path, `auto` or `none`.",
    },
    Key {
        name: "engine.device",
        kind: Kind::OneOf(DeviceChoice::NAMES),
        scope: Scope::User,
        about: "Where models run: `cpu`, `cuda` (in a program built with that feature), or `auto` for a card where one serves. HALFLINE_DEVICE sets it too.",
    },
    Key {
        name: "engine.threads",
        kind: Kind::Integer(0, 1024),
        scope: Scope::User,
        about: "Threads of the kernels; 0 takes one for each physical core.",
    },
    Key {
        name: "engine.cache_mib",
        kind: Kind::Integer(16, 1_048_576),
        scope: Scope::User,
        about: "MiB of memory that cached keys and values may take.",
    },
    Key {
        name: "engine.context_tokens",
        kind: Kind::Integer(256, 1_048_576),
        scope: Scope::User,
        about: "The most tokens, prompt and answer, of one request.",
    },
    Key {
        name: "engine.speculate",
        kind: Kind::Bool,
        scope: Scope::Anywhere,
        about: "Whether tokens are proposed and verified several at a time; answers are the same, only faster.",
    },
    Key {
        name: "engine.read_ahead",
        kind: Kind::Bool,
        scope: Scope::Anywhere,
        about: "Whether the model reads what will probably be asked next while nothing is: the code at the cursor, and the question about the diagnostic there.",
    },
    Key {
        name: "completion.enabled",
        kind: Kind::Bool,
        scope: Scope::Narrowing,
        about: "Whether inline completions are offered.",
    },
    Key {
        name: "completion.debounce_ms",
        kind: Kind::Integer(0, 5000),
        scope: Scope::Anywhere,
        about: "Milliseconds of quiet before the model is asked.",
    },
    Key {
        name: "completion.max_tokens",
        kind: Kind::Integer(1, 2048),
        scope: Scope::Anywhere,
        about: "The most tokens of one completion.",
    },
    Key {
        name: "completion.prompt_tokens",
        kind: Kind::Integer(64, 32_768),
        scope: Scope::Anywhere,
        about: "The most tokens of a completion's prompt from its own file; what other files say takes up to 0.3 of that on top.",
    },
    Key {
        name: "completion.suffix_share",
        kind: Kind::Number(0.0, 0.9),
        scope: Scope::Anywhere,
        about: "Share of the prompt that the text after the cursor may take.",
    },
    Key {
        name: "completion.move_suffix",
        kind: Kind::Bool,
        scope: Scope::Anywhere,
        about: "Whether what was computed for the text after the cursor is moved while one types, not computed anew.",
    },
    Key {
        name: "completion.multi_line",
        kind: Kind::Bool,
        scope: Scope::Anywhere,
        about: "Whether a completion may have more than one line.",
    },
    Key {
        name: "completion.max_ms",
        kind: Kind::Integer(50, 600_000),
        scope: Scope::Anywhere,
        about: "Milliseconds after which a completion ends with what there is.",
    },
    Key {
        name: "assistant.max_tokens",
        kind: Kind::Integer(1, 32_768),
        scope: Scope::Anywhere,
        about: "The most tokens of one answer.",
    },
    Key {
        name: "assistant.prompt_tokens",
        kind: Kind::Integer(256, 131_072),
        scope: Scope::Anywhere,
        about: "The most tokens of a question with its evidence.",
    },
    Key {
        name: "assistant.quick_ms",
        kind: Kind::Integer(0, 600_000),
        scope: Scope::Anywhere,
        about: "Milliseconds within which an editor wants the first words of a short answer: evidence is cut to what the local model reads in that time, unless it was read ahead. 0 reads all of it.",
    },
    Key {
        name: "assistant.deep_ms",
        kind: Kind::Integer(0, 600_000),
        scope: Scope::Anywhere,
        about: "The same of a long question.",
    },
    Key {
        name: "assistant.history_tokens",
        kind: Kind::Integer(0, 131_072),
        scope: Scope::Anywhere,
        about: "The most tokens that a chat's prompt holds of what was said before.",
    },
    Key {
        name: "assistant.tool_calls",
        kind: Kind::Integer(0, 100),
        scope: Scope::User,
        about: "Tools that a model may call for one answer, where its engine has `tools`.",
    },
    Key {
        name: "assistant.tool_bytes",
        kind: Kind::Integer(256, 10_000_000),
        scope: Scope::User,
        about: "Bytes that all of these calls may give it.",
    },
    Key {
        name: "assistant.tool_ms",
        kind: Kind::Integer(100, 3_600_000),
        scope: Scope::User,
        about: "Milliseconds that all of these calls may take.",
    },
    Key {
        name: "assistant.may_run_checks",
        kind: Kind::Bool,
        scope: Scope::Narrowing,
        about: "Whether commands may run at all: the project's checker (`cargo check`) to find what is wrong, and what `fix`, `debug`, `test` and `chat` run. The first run in a workspace asks.",
    },
    Key {
        name: "assistant.checkers",
        kind: Kind::Tables(&CHECKERS),
        scope: Scope::User,
        about: "Checkers in place of the built-in ones, each a table under `[[assistant.checkers]]`; they run where checks may.",
    },
    Key {
        name: "remote.enabled",
        kind: Kind::Bool,
        scope: Scope::Narrowing,
        about: "Whether the engines that `remote.url` and `remote.engines` name may be asked.",
    },
    Key {
        name: "remote.url",
        kind: Kind::Text,
        scope: Scope::User,
        about: "Base address of a server with an OpenAI-compatible interface, such as `http://127.0.0.1:8080/v1`; empty for none. Code in questions is sent there.",
    },
    Key { name: "remote.model", kind: Kind::Text, scope: Scope::User, about: "The model to ask it for." },
    Key {
        name: "remote.questions",
        kind: Kind::OneOf(Questions::NAMES),
        scope: Scope::User,
        about: "Which questions go there first: `deep` for those that ask much of a model, `quick` for the others, `all` for all, `none` for none.",
    },
    Key {
        name: "remote.tools",
        kind: Kind::Bool,
        scope: Scope::User,
        about: "Whether its model may call tools: read files, search, find definitions and references, run an allowed check.",
    },
    Key {
        name: "remote.engines",
        kind: Kind::Tables(&ENGINES),
        scope: Scope::User,
        about: "More engines, asked in this order after the one above where one fails; each a table under `[[remote.engines]]`.",
    },
    Key {
        name: "remote.key_variable",
        kind: Kind::Text,
        scope: Scope::User,
        about: "Environment variable that holds its key; empty for none.",
    },
    Key {
        name: "remote.key_command",
        kind: Kind::Texts,
        scope: Scope::User,
        about: "Program and arguments that print its key, in place of the variable.",
    },
    Key {
        name: "remote.connect_ms",
        kind: Kind::Integer(50, 600_000),
        scope: Scope::User,
        about: "Milliseconds to wait for a connection.",
    },
    Key {
        name: "remote.answer_ms",
        kind: Kind::Integer(50, 600_000),
        scope: Scope::User,
        about: "Milliseconds to wait for the beginning of an answer; an engine that is silent for so long is not asked again, the next one is.",
    },
    Key {
        name: "remote.quick_answer_ms",
        kind: Kind::Integer(50, 600_000),
        scope: Scope::User,
        about: "The same of an answer to a short question, where that is less: the local model would have answered by then.",
    },
    Key {
        name: "remote.stall_ms",
        kind: Kind::Integer(50, 600_000),
        scope: Scope::User,
        about: "Milliseconds to wait for the next piece of an answer.",
    },
    Key {
        name: "remote.whole_ms",
        kind: Kind::Integer(50, 3_600_000),
        scope: Scope::User,
        about: "Milliseconds that a whole answer may take.",
    },
    Key {
        name: "remote.retries",
        kind: Kind::Integer(0, 10),
        scope: Scope::User,
        about: "Attempts after the first, where another one may help.",
    },
    Key {
        name: "privacy.never_leave",
        kind: Kind::Texts,
        scope: Scope::Adding,
        about: "Globs, relative to the workspace, of files that never leave the machine, nor anything that names them.",
    },
    Key {
        name: "privacy.languages",
        kind: Kind::Languages,
        scope: Scope::Adding,
        about: "Languages that never leave the machine, such as `[\"python\"]`: their files, what names these, and what is not saved yet. With a name that nobody knows, nothing leaves.",
    },
    Key {
        name: "privacy.secrets_stay",
        kind: Kind::Bool,
        scope: Scope::User,
        about: "Whether a question that contains a secret stays on the machine; else the secret leaves as a placeholder.",
    },
    Key {
        name: "privacy.redact_personal",
        kind: Kind::Bool,
        scope: Scope::User,
        about: "Whether e-mail addresses, phone and account numbers leave as placeholders only.",
    },
    Key {
        name: "quota.requests_per_day",
        kind: Kind::Integer(0, 1_000_000),
        scope: Scope::User,
        about: "Requests a day (UTC) to the remote engine.",
    },
    Key {
        name: "quota.tokens_per_day",
        kind: Kind::Integer(0, 1_000_000_000),
        scope: Scope::User,
        about: "Tokens a day of prompts to and answers from the remote engine.",
    },
    Key {
        name: "quota.tokens_per_request",
        kind: Kind::Integer(0, 1_000_000),
        scope: Scope::User,
        about: "Tokens of one prompt to the remote engine and its answer.",
    },
    Key {
        name: "quota.cost_per_day",
        kind: Kind::Number(0.0, 1e9),
        scope: Scope::User,
        about: "What a day's requests may cost by the prices of the engines; 0 for no limit.",
    },
    Key {
        name: "quota.cost_per_request",
        kind: Kind::Number(0.0, 1e9),
        scope: Scope::User,
        about: "What one request may cost; an engine that would cost more is passed over; 0 for no limit.",
    },
    Key {
        name: "audit.enabled",
        kind: Kind::Bool,
        scope: Scope::User,
        about: "Whether it is written down what was sent where, and what became of it.",
    },
    Key {
        name: "audit.directory",
        kind: Kind::Text,
        scope: Scope::User,
        about: "Directory of the audit log, one file for each workspace; empty for the platform's own.",
    },
    Key {
        name: "audit.file_mib",
        kind: Kind::Integer(1, 1024),
        scope: Scope::User,
        about: "MiB of an audit file before it is set aside; three older ones are kept.",
    },
    Key {
        name: "search.embedder",
        kind: Kind::OneOf(EmbedderChoice::NAMES),
        scope: Scope::User,
        about: "What makes the vectors for searching by meaning: `static` (in an instant), `minilm` (a small transformer, minutes for a large workspace), or `off`. Its model has to be on disk.",
    },
    Key {
        name: "search.qdrant.enabled",
        kind: Kind::Bool,
        scope: Scope::Narrowing,
        about: "Whether the server of `search.qdrant.url` may be used.",
    },
    Key {
        name: "search.qdrant.url",
        kind: Kind::Text,
        scope: Scope::User,
        about: "Address of a Qdrant server (1.10 or newer) that a team shares for the vectors of its code, such as `http://127.0.0.1:6333`; empty for none. Vectors, paths, lines and names are sent there, no text.",
    },
    Key {
        name: "search.qdrant.collection",
        kind: Kind::Text,
        scope: Scope::User,
        about: "What the names of its collections begin with; there is one for each model.",
    },
    Key {
        name: "search.qdrant.key_variable",
        kind: Kind::Text,
        scope: Scope::User,
        about: "Environment variable that holds its key; empty for none.",
    },
    Key {
        name: "search.qdrant.key_command",
        kind: Kind::Texts,
        scope: Scope::User,
        about: "Program and arguments that print its key, in place of the variable.",
    },
    Key {
        name: "search.qdrant.query_ms",
        kind: Kind::Integer(50, 60_000),
        scope: Scope::User,
        about: "Milliseconds that a search waits for it, before it goes on with words alone.",
    },
    Key {
        name: "languages.disabled",
        kind: Kind::Texts,
        scope: Scope::Anywhere,
        about: "Languages that get no inline completion, such as `[\"python\"]`.",
    },
    Key {
        name: "log.level",
        kind: Kind::Text,
        scope: Scope::User,
        about: "What is logged: `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `warn,halfline=debug`.",
    },
    Key {
        name: "log.file",
        kind: Kind::Text,
        scope: Scope::User,
        about: "File the log is appended to; empty logs to standard error.",
    },
];

/// Shorter names of variables, and what they set.
const SHORT_VARIABLES: &[(&str, &str)] = &[("HALFLINE_DEVICE", "engine.device")];

impl Key {
    /// Checks a value that was read from TOML.
    pub fn check(&self, value: Value) -> Result<Value, String> {
        let wrong =
            |value: &Value| Err(format!("`{}` must be {}, and is {}", self.name, self.wanted(), describe(value)));
        match (self.kind, value) {
            (Kind::Bool, value @ Value::Boolean(_)) | (Kind::Text, value @ Value::String(_)) => Ok(value),
            (Kind::Integer(low, high), Value::Integer(number)) if (low..=high).contains(&number) => {
                Ok(Value::Integer(number))
            }
            (Kind::Number(low, high), Value::Float(number)) if (low..=high).contains(&number) => {
                Ok(Value::Float(number))
            }
            // `0` and `1` are numbers too; the struct wants a float.
            (Kind::Number(low, high), Value::Integer(number))
                if i32::try_from(number).is_ok_and(|number| (low..=high).contains(&f64::from(number))) =>
            {
                Ok(Value::Float(number as f64))
            }
            (Kind::Model, Value::String(name)) if !name.trim().is_empty() => {
                if self.name == "engine.target" && name == "none" {
                    return Err(
                        "`engine.target` cannot be \"none\": something has to answer; write \"auto\"".to_owned()
                    );
                }
                Ok(Value::String(name))
            }
            (Kind::OneOf(words), Value::String(word)) if words.contains(&word.as_str()) => Ok(Value::String(word)),
            (Kind::Texts | Kind::Languages, Value::Array(items)) if items.iter().all(Value::is_str) => {
                Ok(Value::Array(items))
            }
            (Kind::Tables(fields), value) => fields.check(self.name, value),
            (_, value) => wrong(&value),
        }
    }

    /// Reads a value from a variable or flag, where nothing is quoted.
    pub fn parse(&self, text: &str) -> Result<Value, String> {
        let wrong = || format!("`{}` must be {}, and is \"{text}\"", self.name, self.wanted());
        let value = match self.kind {
            Kind::Bool => match text {
                "true" | "1" | "on" | "yes" => Value::Boolean(true),
                "false" | "0" | "off" | "no" => Value::Boolean(false),
                _ => return Err(wrong()),
            },
            Kind::Integer(..) => Value::Integer(text.trim().parse().map_err(|_| wrong())?),
            Kind::Number(..) => Value::Float(text.trim().parse().map_err(|_| wrong())?),
            Kind::Text | Kind::Model | Kind::OneOf(_) => Value::String(text.to_owned()),
            Kind::Texts | Kind::Languages => Value::Array(
                text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(|item| item.into()).collect(),
            ),
            Kind::Tables(_) => {
                // As it would stand behind the name in a file.
                let read: Result<toml::Table, _> = format!("list = {text}").parse();
                read.ok().and_then(|mut table| table.remove("list")).ok_or_else(wrong)?
            }
        };
        self.check(value)
    }

    /// What is wrong with a value that [`Key::check`] lets stand.
    pub(super) fn trouble(&self, value: &Value) -> Option<String> {
        let names = value.as_array().filter(|_| self.kind == Kind::Languages)?;
        trouble_with_languages(names.iter().filter_map(Value::as_str))
    }

    /// Its value in settings written as JSON.
    pub fn value_in<'a>(&self, settings: &'a serde_json::Value) -> Option<&'a serde_json::Value> {
        settings.pointer(&format!("/{}", self.name.replace('.', "/")))
    }

    /// The name of the variable that sets it: `HALFLINE_ENGINE_TARGET`.
    pub fn variable(&self) -> String {
        format!("{}{}", super::layers::VARIABLE_PREFIX, self.name.replace('.', "_").to_uppercase())
    }

    /// Whether the variable `name` sets it.
    pub(super) fn is_set_by(&self, name: &str) -> bool {
        name == self.variable() || SHORT_VARIABLES.contains(&(name, self.name))
    }

    fn wanted(&self) -> String {
        match self.kind {
            Kind::Bool => "true or false".to_owned(),
            Kind::Integer(low, high) => format!("a whole number from {low} to {high}"),
            Kind::Number(low, high) => format!("a number from {low} to {high}"),
            Kind::Text => "text".to_owned(),
            Kind::Model => "the name of a model, the path of a GGUF file, or \"auto\"".to_owned(),
            Kind::Texts => "a list of texts".to_owned(),
            Kind::Languages => "a list of names of languages".to_owned(),
            Kind::OneOf(words) => format!("one of {}", words.join(", ")),
            Kind::Tables(fields) => format!("a list of tables, one for each {}", fields.what),
        }
    }
}

/// The key of that dotted name.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// `; did you mean ...?`, where one of `candidates` is near enough to `name`.
pub(super) fn suggestion(name: &str, candidates: impl IntoIterator<Item = String>) -> String {
    candidates
        .into_iter()
        .map(|candidate| (strsim::normalized_damerau_levenshtein(name, &candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.6)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| format!("; did you mean `{candidate}`?"))
        .unwrap_or_default()
}

fn describe(value: &Value) -> String {
    match value {
        Value::String(text) => format!("the text {text:?}"),
        Value::Table(_) => "a table".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        other => other.to_string(),
    }
}

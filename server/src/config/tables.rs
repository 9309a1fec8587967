//! Settings that are lists of tables, such as `[[remote.engines]]`: the fields of their entries, and the check of a list.

use toml::{Table, Value};

use super::Parser;
use super::keys::{Key, Kind, Scope, suggestion};
use super::remote::Questions;

/// The shape of each entry of a list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fields {
    /// What an entry is called in messages.
    pub what: &'static str,
    /// Its fields; their names are not dotted, and who may set them is the list's to say.
    pub fields: &'static [Key],
    /// Those that have to be there.
    pub required: &'static [&'static str],
}

const fn field(name: &'static str, kind: Kind, about: &'static str) -> Key {
    Key { name, kind, scope: Scope::User, about }
}

const MS: Kind = Kind::Integer(50, 3_600_000);
const PRICE: Kind = Kind::Number(0.0, 1e6);

/// `[[remote.engines]]`
pub(super) const ENGINES: Fields = Fields {
    what: "engine",
    required: &["url", "model"],
    fields: &[
        field("name", Kind::Text, "What it is called in answers and messages; empty for the machine's name."),
        field("url", Kind::Text, "Base address of a server with an OpenAI-compatible interface."),
        field("model", Kind::Text, "The model to ask it for."),
        field(
            "questions",
            Kind::OneOf(Questions::NAMES),
            "Which questions it is for: `quick` for short ones, `deep` for those that ask much of a model, `all` for all, `none` for none.",
        ),
        field(
            "completions",
            Kind::Bool,
            "Whether it finishes the lines that are being written: at each pause, what stands around the cursor is sent there.",
        ),
        field(
            "fim_template",
            Kind::Text,
            "The prompt of a completion for engines that take no `suffix`, with `{prefix}` and `{suffix}` where the text goes, such as `<|fim_prefix|>{prefix}<|fim_suffix|>{suffix}<|fim_middle|>`.",
        ),
        field("key_variable", Kind::Text, "Environment variable that holds its key."),
        field("key_command", Kind::Texts, "Program and arguments that print its key, in place of the variable."),
        field(
            "context_tokens",
            Kind::Integer(0, 100_000_000),
            "Tokens that a prompt and its answer may have together; 0 if that is not known.",
        ),
        field("prompt_price", PRICE, "What a million tokens of prompts cost, in your currency."),
        field("answer_price", PRICE, "What a million tokens of answers cost."),
        field("tools", Kind::Bool, "Whether the model may call tools: read files, search, run an allowed check."),
        field("connect_ms", MS, "Milliseconds to wait for a connection, in place of `remote.connect_ms`."),
        field("answer_ms", MS, "Milliseconds to wait for the beginning of an answer, in place of `remote.answer_ms`."),
        field(
            "quick_answer_ms",
            MS,
            "Milliseconds to wait for the beginning of an answer to a short question, in place of `remote.quick_answer_ms`.",
        ),
        field("stall_ms", MS, "Milliseconds to wait for the next piece of an answer, in place of `remote.stall_ms`."),
        field("whole_ms", MS, "Milliseconds that a whole answer may take, in place of `remote.whole_ms`."),
        field("retries", Kind::Integer(0, 10), "Attempts after the first, in place of `remote.retries`."),
    ],
};

/// `[[assistant.checkers]]`
pub(super) const CHECKERS: Fields = Fields {
    what: "checker",
    required: &["command", "languages"],
    fields: &[
        field("name", Kind::Text, "What it is called; empty for the program's name."),
        field(
            "command",
            Kind::Texts,
            "Program and arguments, run in the project's root; `{file}` stands for the file.",
        ),
        field("languages", Kind::Texts, "The languages that it is for, such as `[\"python\"]`."),
        field(
            "parser",
            Kind::OneOf(Parser::NAMES),
            "How its output is read: `lines` for `path:line:column: severity: message [code]`, `pyright` and `ruff` for their JSON, `auto` for what rustc, cargo, Python and pytest print, else lines.",
        ),
    ],
};

impl Fields {
    /// Checks the value of the setting `list`.
    pub(super) fn check(&self, list: &str, value: Value) -> Result<Value, String> {
        let Value::Array(entries) = value else {
            return Err(format!("`{list}` must be a list of tables; write each one under `[[{list}]]`"));
        };
        let checked = entries.into_iter().enumerate().map(|(at, entry)| self.check_entry(list, at + 1, entry));
        Ok(Value::Array(checked.collect::<Result<_, _>>()?))
    }

    fn check_entry(&self, list: &str, number: usize, entry: Value) -> Result<Value, String> {
        let here = format!("{} {number} of `{list}`", self.what);
        let Value::Table(entry) = entry else {
            return Err(format!("{here} must be a table; write it under `[[{list}]]`"));
        };
        let mut checked = Table::new();
        for (name, value) in entry {
            let Some(key) = self.fields.iter().find(|key| key.name == name) else {
                let hint = suggestion(&name, self.fields.iter().map(|key| key.name.to_owned()));
                return Err(format!("{here} has no setting `{name}`{hint}"));
            };
            let value = key.check(value).map_err(|error| format!("{here}: {error}"))?;
            checked.insert(name, value);
        }
        let is_empty = |name: &&str| match checked.get(*name) {
            None => true,
            Some(Value::String(text)) => text.trim().is_empty(),
            Some(Value::Array(items)) => items.is_empty(),
            Some(_) => false,
        };
        match self.required.iter().copied().find(is_empty) {
            Some(name) => Err(format!("{here} has no `{name}`")),
            None => Ok(Value::Table(checked)),
        }
    }
}

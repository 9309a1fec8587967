//! Reading the layers and laying one over the other.
//!
//! What may be set, and by whom, is in `keys.rs`; nothing here knows a setting by name.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::keys::{self, KEYS, Key, Scope};
use super::{Config, Loaded, Origin, Problem, Severity};

/// What the variables begin with.
pub(super) const VARIABLE_PREFIX: &str = "HALFLINE_";

/// Variables that are not settings, and have their meaning elsewhere.
const OTHER_VARIABLES: &[&str] =
    &["HALFLINE_CONFIG", "HALFLINE_MODELS", "HALFLINE_MANIFEST", "HALFLINE_HUB", "HALFLINE_LOG", "HALFLINE_CACHE"];

/// Where to read from.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// The user's file, if the platform has a place for it. It need not exist.
    pub user: Option<PathBuf>,
    /// The workspace's file. It need not exist.
    pub workspace: Option<PathBuf>,
    /// Environment variables that begin with `HALFLINE_`.
    pub variables: Vec<(String, String)>,
    /// Flags, as dotted key and value.
    pub flags: Vec<(String, String)>,
}

/// Reads the layers in their order.
pub fn read(layers: &Layers) -> Loaded {
    let mut reading = Reading::default();
    if let Some(path) = &layers.user {
        reading.file(path, FileLayer::User);
    }
    if let Some(path) = &layers.workspace {
        reading.file(path, FileLayer::Workspace);
    }
    let mut variables = layers.variables.clone();
    variables.sort();
    for (name, text) in &variables {
        reading.variable(name, text);
    }
    for (name, text) in &layers.flags {
        reading.flag(name, text);
    }
    reading.finish()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum FileLayer {
    User,
    Workspace,
}

#[derive(Default)]
struct Reading {
    values: BTreeMap<&'static str, (Value, Origin)>,
    problems: Vec<Problem>,
}

impl Reading {
    fn file(&mut self, path: &Path, layer: FileLayer) {
        let origin = |line| match layer {
            FileLayer::User => Origin::User { path: path.to_path_buf(), line },
            FileLayer::Workspace => Origin::Workspace { path: path.to_path_buf(), line },
        };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            // A file in the place of a directory on the way is as absent as an absent one.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return,
            Err(error) => return self.error(origin(1), format!("cannot read this file: {error}")),
        };
        let (table, errors) = DeTable::parse_recoverable(&text);
        // One mistake often reads as several; the first is the one to mend.
        if let Some(error) = errors.first() {
            let line = error.span().map_or(1, |span| line_of(&text, span.start));
            self.error(origin(line), format!("this is not TOML: {}", error.message().trim()));
        } else {
            self.table(table.get_ref(), "", &text, layer, &origin);
        }
    }

    fn table(
        &mut self,
        table: &DeTable<'_>,
        prefix: &str,
        text: &str,
        layer: FileLayer,
        origin: &dyn Fn(usize) -> Origin,
    ) {
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        for (name, value) in entries {
            let origin_here = origin(line_of(text, name.span().start));
            let dotted = format!("{prefix}{}", name.get_ref());
            if let Some(key) = keys::find(&dotted) {
                match to_value(value).and_then(|value| key.check(value)) {
                    Ok(value) => self.set_from_file(key, value, layer, origin_here),
                    Err(message) => self.error(origin_here, message),
                }
                continue;
            }
            let inner = format!("{dotted}.");
            match value.get_ref() {
                DeValue::Table(table) if KEYS.iter().any(|key| key.name.starts_with(&inner)) => {
                    self.table(table, &inner, text, layer, origin);
                }
                _ => self.error(origin_here, unknown(&dotted)),
            }
        }
    }

    fn set_from_file(&mut self, key: &'static Key, mut value: Value, layer: FileLayer, origin: Origin) {
        self.look_for_trouble(key, &value, &origin);
        if key.scope == Scope::Adding && layer == FileLayer::Workspace {
            value = self.with_added(key, value);
        }
        let allowed = match key.scope {
            _ if layer == FileLayer::User => true,
            Scope::Anywhere | Scope::Adding => true,
            Scope::User => false,
            Scope::Narrowing => value == Value::Boolean(false),
        };
        if allowed {
            self.set(key, value, origin);
            return;
        }
        let message = match key.scope {
            Scope::Narrowing => {
                format!("ignored: a workspace may turn `{}` off, not on; that is the user's to say", key.name)
            }
            _ => format!("ignored: `{}` is the user's to set, not a workspace's; put it into the user file", key.name),
        };
        self.problems.push(Problem { severity: Severity::Warning, origin, message });
    }

    /// The list in effect, with what `value` adds to it.
    fn with_added(&self, key: &Key, value: Value) -> Value {
        let default = || {
            let defaults = Table::try_from(Config::default()).unwrap_or_default();
            let (section, name) = key.name.split_once('.')?;
            defaults.get(section)?.get(name).cloned()
        };
        let before = self.values.get(key.name).map(|(value, _)| value.clone()).or_else(default);
        let mut items = before.and_then(|value| value.as_array().cloned()).unwrap_or_default();
        for item in value.as_array().into_iter().flatten() {
            if !items.contains(item) {
                items.push(item.clone());
            }
        }
        Value::Array(items)
    }

    fn variable(&mut self, name: &str, text: &str) {
        let origin = Origin::Variable { name: name.to_owned() };
        match KEYS.iter().find(|key| key.is_set_by(name)) {
            Some(key) => self.parse(key, text, origin),
            None if OTHER_VARIABLES.contains(&name) => {}
            // Anyone may have put it there, so it is not worth refusing to work.
            None => {
                let known = KEYS.iter().map(Key::variable).chain(OTHER_VARIABLES.iter().map(|&name| name.to_owned()));
                let message = format!("this variable sets nothing{}", keys::suggestion(name, known));
                self.problems.push(Problem { severity: Severity::Warning, origin, message });
            }
        }
    }

    fn flag(&mut self, name: &str, text: &str) {
        let origin = Origin::Flag { flag: format!("--set {name}={text}") };
        match keys::find(name) {
            Some(key) => self.parse(key, text, origin),
            None => self.error(origin, unknown(name)),
        }
    }

    fn parse(&mut self, key: &'static Key, text: &str, origin: Origin) {
        match key.parse(text) {
            Ok(value) => {
                self.look_for_trouble(key, &value, &origin);
                self.set(key, value, origin);
            }
            Err(message) => self.error(origin, message),
        }
    }

    fn look_for_trouble(&mut self, key: &Key, value: &Value, origin: &Origin) {
        if let Some(message) = key.trouble(value) {
            self.error(origin.clone(), message);
        }
    }

    fn set(&mut self, key: &'static Key, value: Value, origin: Origin) {
        self.values.insert(key.name, (value, origin));
    }

    fn error(&mut self, origin: Origin, message: String) {
        self.problems.push(Problem { severity: Severity::Error, origin, message });
    }

    fn finish(mut self) -> Loaded {
        let mut tree = Table::try_from(Config::default()).unwrap_or_default();
        let mut origins = BTreeMap::new();
        for (name, (value, origin)) in std::mem::take(&mut self.values) {
            insert(&mut tree, name, value);
            origins.insert(name, origin);
        }
        match Config::deserialize(Value::Table(tree)) {
            Ok(config) => Loaded { config, origins, problems: self.problems },
            Err(error) => {
                self.error(Origin::Default, format!("the settings contradict the program: {}", error.message()));
                Loaded { config: Config::default(), origins: BTreeMap::new(), problems: self.problems }
            }
        }
    }
}

fn insert(tree: &mut Table, dotted: &str, value: Value) {
    let mut table = tree;
    let mut parts = dotted.split('.').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            table.insert(part.to_owned(), value);
            return;
        }
        let Some(Value::Table(inner)) = table.get_mut(part) else { return };
        table = inner;
    }
}

fn unknown(dotted: &str) -> String {
    let known =
        KEYS.iter().flat_map(|key| [key.name, key.name.split('.').next().unwrap_or_default()]).map(str::to_owned);
    // A key in the wrong section is as common as a misspelt one.
    let leaf = dotted.rsplit('.').next().unwrap_or(dotted);
    let elsewhere = KEYS.iter().find(|key| key.name.rsplit('.').next() == Some(leaf));
    let hint = match elsewhere {
        Some(key) => format!("; did you mean `{}`?", key.name),
        None => keys::suggestion(dotted, known),
    };
    format!("there is no setting `{dotted}`{hint}")
}

fn to_value(value: &Spanned<DeValue<'_>>) -> Result<Value, String> {
    Value::deserialize(toml::de::ValueDeserializer::from(value.clone())).map_err(|error| error.message().to_owned())
}

fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes().iter().take(offset).filter(|&&byte| byte == b'\n').count() + 1
}

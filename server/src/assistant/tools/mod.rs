//! What a model elsewhere may call by itself, be it asked for an answer or for a change: read a file, search, find definitions and references, run a check that is
//! allowed already. Every call is bounded, shown, and answered with text that is data; what has to stay on this machine is
//! refused here, and secrets are replaced where results leave.

mod find;
mod read;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use halfline_context::Workspace;
use halfline_inference::remote::Tool;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{OpenDocuments, Sources, Update};
use crate::config::{AssistantConfig, CheckerEntry};
use crate::policy::privacy::Privacy;

/// Characters of a call's arguments that are shown.
const SHOWN_ARGUMENTS: usize = 160;

/// Says why the checker of the file at a path may not run; `Ok` where the user has allowed it.
pub type MayCheck = Arc<dyn Fn(&Path) -> Result<(), String> + Send + Sync>;

/// What calls may take, all those of one answer together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToolLimits {
    /// How many.
    pub calls: usize,
    /// Bytes of their results.
    pub bytes: usize,
    /// How long they may run.
    pub time: Duration,
}

impl Default for ToolLimits {
    fn default() -> Self {
        ToolLimits { calls: 8, bytes: 24_000, time: Duration::from_secs(60) }
    }
}

impl From<&AssistantConfig> for ToolLimits {
    fn from(settings: &AssistantConfig) -> Self {
        let AssistantConfig { tool_calls, tool_bytes, tool_ms, .. } = *settings;
        ToolLimits { calls: tool_calls, bytes: tool_bytes, time: Duration::from_millis(tool_ms) }
    }
}

/// The tools, and what they work on.
#[derive(Clone)]
pub struct Toolbox {
    pub(super) sources: Sources,
    pub(super) limits: ToolLimits,
    pub(super) checkers: Vec<CheckerEntry>,
    pub(super) may_check: MayCheck,
}

impl Toolbox {
    /// For a model that writes changes: all of it but the checks, since each change is checked anyway, and on a copy.
    pub fn for_changes(workspace: Arc<Workspace>, open: OpenDocuments, limits: ToolLimits) -> Toolbox {
        let may_check: MayCheck = Arc::new(|_: &Path| Err("what is written is checked anyway, on a copy".to_owned()));
        Toolbox { sources: Sources { workspace, open }, limits, checkers: Vec::new(), may_check }
    }

    /// The same with what `uses` have left of it: an answer may take several attempts. `None` where they left nothing.
    pub(super) fn after(&self, uses: &[ToolUse]) -> Option<Toolbox> {
        let bytes: usize = uses.iter().map(|used| used.bytes).sum();
        let ToolLimits { calls, bytes: most, time } = self.limits;
        let limits = ToolLimits { calls: calls.saturating_sub(uses.len()), bytes: most.saturating_sub(bytes), time };
        (limits.calls > 0 && limits.bytes > 0).then(|| Toolbox { limits, ..self.clone() })
    }
}

/// A tool that was called, for whoever wants to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ToolUse {
    /// Its name.
    pub tool: String,
    /// With what, as the model wrote it, cut.
    pub arguments: String,
    /// How it went.
    pub outcome: Outcome,
    /// The call and what became of it, in one line for a person.
    pub note: String,
    /// Bytes that the model was given.
    pub bytes: usize,
}

/// How a call went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The model was given what it asked for.
    Answered,
    /// It may not have that.
    Refused,
    /// It could not be done, or makes no sense.
    Failed,
}

/// What a tool gave: a text, and the files that it quotes.
#[derive(Debug, Default)]
pub(super) struct Fetched {
    pub(super) text: String,
    /// Relative to the workspace.
    pub(super) files: Vec<String>,
}

/// Why a tool gave nothing.
#[derive(Debug)]
enum Denied {
    Refused(String),
    Failed(String),
}

/// The calls of one answer.
pub(super) struct Errands {
    toolbox: Toolbox,
    calls: usize,
    bytes: usize,
    time: Duration,
    uses: Vec<ToolUse>,
}

impl Errands {
    pub(super) fn new(toolbox: &Toolbox) -> Errands {
        let ToolLimits { calls, bytes, time } = toolbox.limits;
        Errands { toolbox: toolbox.clone(), calls, bytes, time, uses: Vec::new() }
    }

    /// What the model may call.
    pub(super) fn tools(&self) -> Vec<Tool> {
        let path = json!({"type": "string", "description": "relative to the workspace"});
        let line = json!({"type": "integer", "minimum": 1});
        let name = json!({"name": {"type": "string"}});
        [
            (
                "read_file",
                "Lines of a file of the workspace.",
                json!({"path": path, "first_line": line, "last_line": line}),
                "path",
            ),
            (
                "search",
                "Places of the workspace that fit a question, an error or a name.",
                json!({"query": {"type": "string"}}),
                "query",
            ),
            ("definition", "Where a name is defined, with its code.", name.clone(), "name"),
            ("references", "The lines on which a name stands.", name, "name"),
            (
                "run_check",
                "What the project's checker says about a file; only where the user has allowed it.",
                json!({"path": path}),
                "path",
            ),
        ]
        .map(|(name, description, properties, required)| Tool::Function {
            name: name.to_owned(),
            description: description.to_owned(),
            parameters: json!({"type": "object", "properties": properties, "required": [required]}),
        })
        .to_vec()
    }

    /// Whether another call may be made.
    pub(super) fn may_go_on(&self) -> bool {
        self.calls > 0 && self.bytes > 0 && !self.time.is_zero()
    }

    /// Every call that was made.
    pub(super) fn uses(self) -> Vec<ToolUse> {
        self.uses
    }

    /// Runs the tool of that name. Whatever happens, there is a text for the model and a line for the user.
    pub(super) async fn run(
        &mut self,
        name: &str,
        arguments: &str,
        privacy: &Privacy,
        sink: &mut (dyn FnMut(Update) + Send),
    ) -> Fetched {
        let done = if self.may_go_on() {
            self.calls -= 1;
            let started = Instant::now();
            let running = self.toolbox.run(name, arguments, privacy, self.time, sink);
            let done = match tokio::time::timeout(self.time, running).await {
                Ok(done) => done,
                Err(_) => Err(Denied::Failed("it took too long".to_owned())),
            };
            self.time = self.time.saturating_sub(started.elapsed());
            done
        } else {
            Err(Denied::Refused("no more calls are allowed for this answer".to_owned()))
        };
        let (mut fetched, outcome, why) = match done {
            Ok(fetched) => {
                let why = format!("{} lines", fetched.text.lines().count());
                (fetched, Outcome::Answered, why)
            }
            // The user is told why; the model need not know the name of what stays.
            Err(Denied::Refused(why)) if privacy.keeps_named(&why).is_some() => {
                (Fetched::of("refused: it stays on this machine".to_owned()), Outcome::Refused, why)
            }
            Err(Denied::Refused(why)) => (Fetched::of(format!("refused: {why}")), Outcome::Refused, why),
            Err(Denied::Failed(why)) => (Fetched::of(format!("failed: {why}")), Outcome::Failed, why),
        };
        fetched.text = without_named(&fetched.text, privacy);
        cut(&mut fetched.text, self.bytes.max(80));
        self.bytes = self.bytes.saturating_sub(fetched.text.len());
        let shown = |text: &str| -> String {
            let line: Vec<&str> = text.split_whitespace().collect();
            line.join(" ").chars().filter(|ch| !ch.is_control()).take(SHOWN_ARGUMENTS).collect()
        };
        let bytes = fetched.text.len();
        let (tool, arguments, why) = (shown(name), shown(arguments), shown(&why));
        let note = match outcome {
            Outcome::Answered => format!("called {tool} {arguments}: {why}"),
            Outcome::Refused => format!("called {tool} {arguments}, which was refused: {why}"),
            Outcome::Failed => format!("called {tool} {arguments}, which failed: {why}"),
        };
        let used = ToolUse { tool, arguments, outcome, note, bytes };
        sink(Update::Tool(used.clone()));
        self.uses.push(used);
        fetched
    }
}

impl Fetched {
    fn of(text: String) -> Fetched {
        Fetched { text, files: Vec::new() }
    }
}

#[derive(Deserialize)]
struct PathArgument {
    path: String,
    first_line: Option<usize>,
    last_line: Option<usize>,
}

#[derive(Deserialize)]
struct QueryArgument {
    query: String,
}

#[derive(Deserialize)]
struct NameArgument {
    name: String,
}

impl Toolbox {
    async fn run(
        &self,
        name: &str,
        arguments: &str,
        privacy: &Privacy,
        time: Duration,
        sink: &mut (dyn FnMut(Update) + Send),
    ) -> Result<Fetched, Denied> {
        sink(Update::Status { text: format!("the model calls {name}") });
        match name {
            "read_file" => {
                let PathArgument { path, first_line, last_line } = read_arguments(arguments)?;
                self.blocking(privacy, move |toolbox, privacy| {
                    read::lines(&toolbox.sources, privacy, &path, (first_line, last_line))
                })
                .await
            }
            "search" => {
                let QueryArgument { query } = read_arguments(arguments)?;
                self.blocking(privacy, move |toolbox, privacy| find::search(&toolbox.sources, privacy, &query)).await
            }
            "definition" => {
                let NameArgument { name } = read_arguments(arguments)?;
                self.blocking(privacy, move |toolbox, privacy| find::definition(&toolbox.sources, privacy, &name)).await
            }
            "references" => {
                let NameArgument { name } = read_arguments(arguments)?;
                self.blocking(privacy, move |toolbox, privacy| find::references(&toolbox.sources, privacy, &name)).await
            }
            "run_check" => {
                let PathArgument { path, .. } = read_arguments(arguments)?;
                self.check(&path, privacy, time, sink).await
            }
            _ => Err(Denied::Failed(
                "there is no such tool; there are read_file, search, definition, references and run_check".to_owned(),
            )),
        }
    }

    async fn blocking(
        &self,
        privacy: &Privacy,
        work: impl FnOnce(&Toolbox, &Privacy) -> Result<Fetched, Denied> + Send + 'static,
    ) -> Result<Fetched, Denied> {
        let (toolbox, privacy) = (self.clone(), privacy.clone());
        let done = tokio::task::spawn_blocking(move || work(&toolbox, &privacy)).await;
        done.unwrap_or_else(|error| Err(Denied::Failed(format!("it broke: {error}"))))
    }

    /// What the checker of a file says, where the user has allowed that it runs.
    async fn check(
        &self,
        path: &str,
        privacy: &Privacy,
        time: Duration,
        sink: &mut (dyn FnMut(Update) + Send),
    ) -> Result<Fetched, Denied> {
        let (file, shown) = read::find_file(&self.sources, privacy, path)?;
        (self.may_check)(&file).map_err(Denied::Refused)?;
        let snapshot = self.sources.read(&file).map_err(|error| Denied::Failed(error.to_string()))?;
        let checked = super::evidence::run_check(&snapshot, &file, &self.checkers, time, sink).await;
        let mut files = vec![shown];
        let mut told = Vec::new();
        for diagnostic in &checked.diagnostics {
            let path = self.sources.workspace.display_path(&self.sources.absolute(&diagnostic.path));
            match privacy.keeps(Path::new(&path)) {
                Some(_) => told.push("[a message about a file that stays on this machine]".to_owned()),
                None => {
                    told.push(format!("{path}: {}", diagnostic.text()));
                    files.push(path);
                }
            }
        }
        told.extend(checked.notes.iter().map(|note| format!("{}: {}", note.evidence.why, note.text)));
        if told.is_empty() {
            told.push("no complaints".to_owned());
        }
        Ok(Fetched { text: told.join("\n\n"), files })
    }
}

/// The arguments of a call, which a model may have got wrong in every way.
fn read_arguments<T: serde::de::DeserializeOwned>(arguments: &str) -> Result<T, Denied> {
    let value: Value = serde_json::from_str(arguments)
        .map_err(|error| Denied::Failed(format!("the arguments are not JSON: {error}")))?;
    serde_json::from_value(value).map_err(|error| Denied::Failed(format!("the arguments do not fit: {error}")))
}

/// `text` without the lines that name a file that stays.
fn without_named(text: &str, privacy: &Privacy) -> String {
    if privacy.keeps_named(text).is_none() {
        return text.to_owned();
    }
    let kept = |line: &str| match privacy.keeps_named(line) {
        Some(_) => "[a line that stays on this machine]".to_owned(),
        None => line.to_owned(),
    };
    text.lines().map(kept).collect::<Vec<_>>().join("\n")
}

/// Cuts `text` to so many bytes and says so.
fn cut(text: &mut String, bytes: usize) {
    if text.len() > bytes {
        text.truncate(text.floor_char_boundary(bytes));
        text.push_str("\n[cut]");
    }
}

#[cfg(test)]
mod tests;

//! Printing an answer of the assistant as it comes; `ask`, `explain` and `try` share it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use halfline_context::Workspace;
use halfline_inference::Engine;
use serde::Serialize;

use super::{output, session};
use crate::allowed::Allowed;
use crate::assistant::{self, Answer, Assistant, Earlier, Limits, Question, Router, Update};
use crate::config::Config;
use crate::recent::Recent;

/// How long a checker that a person waits for may run.
const CHECK_TIME: Duration = Duration::from_secs(120);

/// Someone to ask, again and again.
pub(super) struct Desk {
    assistant: Assistant,
    recent: Arc<Recent>,
}

/// A result with the prompt that it rests on, as `--json` prints it.
#[derive(Serialize)]
pub(super) struct WithPrompt<T> {
    #[serde(flatten)]
    pub(super) answer: T,
    prompt: String,
}

/// Answers one question; see [`Desk::ask`].
pub(super) fn run(
    config: &Config,
    engine: Engine,
    workspace: Arc<Workspace>,
    question: Question,
    in_detail: bool,
    quiet: bool,
) -> anyhow::Result<WithPrompt<Answer>> {
    let Desk { assistant, recent } = Desk::new(config, engine, workspace);
    let assistant = if in_detail { assistant.in_detail() } else { assistant };
    Desk { assistant, recent }.ask(Earlier::default(), question, quiet)
}

impl Desk {
    /// An assistant within the limits that the settings have.
    pub(super) fn new(config: &Config, engine: Engine, workspace: Arc<Workspace>) -> Desk {
        let recent = Arc::<Recent>::default();
        let router = Router::new(config, workspace.root());
        let assistant = Assistant::new(engine, workspace, Arc::new(|_: &Path| None)).with_router(router);
        let assistant = assistant.with_recent(recent.clone()).with_limits(Limits {
            evidence_tokens: config.assistant.prompt_tokens,
            answer_tokens: config.assistant.max_tokens,
            history_tokens: config.assistant.history_tokens,
            check_time: CHECK_TIME,
            may_run_checks: config.assistant.may_run_checks,
            checkers: config.assistant.checkers.clone(),
            tools: (&config.assistant).into(),
            // What is asked on a command line is asked once, and rests on all that there is.
            ..Limits::default()
        });
        // What a model elsewhere wants to run, nobody has typed.
        let settings = config.assistant.clone();
        let may_check = Arc::new(move |path: &Path| Allowed::of_user().has_checker_of(path, &settings));
        Desk { assistant: assistant.with_checks(may_check), recent }
    }

    /// Who answers.
    pub(super) fn assistant(&self) -> &Assistant {
        &self.assistant
    }

    /// Answers `question`, which goes on from what was said `earlier`. Text streams to standard output unless `quiet`; what
    /// is being done goes to standard error.
    pub(super) fn ask(&self, earlier: Earlier, question: Question, quiet: bool) -> anyhow::Result<WithPrompt<Answer>> {
        let answer =
            show(quiet, async |sink| Ok(assistant::follow_up(&self.assistant, earlier, question, sink).await?))?;
        Ok(self.with_prompt(&answer.id.clone(), answer))
    }

    /// A result with the prompt of the answer of that name.
    pub(super) fn with_prompt<T>(&self, id: &str, answer: T) -> WithPrompt<T> {
        let prompt = self.recent.find(id).map(|named| named.entry.prompt).unwrap_or_default();
        WithPrompt { answer, prompt }
    }
}

/// Runs `work` to its end. Text that it tells of streams to standard output unless `quiet`; what is being done goes to
/// standard error.
pub(super) fn show<T>(
    quiet: bool,
    work: impl AsyncFnOnce(&mut (dyn FnMut(Update) + Send)) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let mut broken = None;
    let result = session::block_on(work(&mut |update| match update {
        Update::Status { text } => output::note(&text),
        Update::Text { text } if !quiet => {
            if let Err(error) = output::piece(&text) {
                broken.get_or_insert(error);
            }
        }
        Update::Text { .. } | Update::Evidence(_) | Update::Citation(_) | Update::Tool(_) | Update::Patch { .. } => {}
    }))??;
    if let Some(error) = broken {
        return Err(error.into());
    }
    if !quiet {
        output::line("")?;
    }
    Ok(result)
}

/// Says what an answer rests on, which places it names that are not there, and what it cost.
pub(super) fn footer(answer: &Answer) {
    for evidence in &answer.evidence {
        let (first, last) = evidence.lines;
        output::note(&format!("read {}:{first}-{last} ({})", evidence.path, evidence.why));
    }
    for citation in answer.citations.iter().filter(|citation| !citation.ok) {
        output::note(&match &citation.symbol {
            Some(name) if citation.path.is_empty() => {
                format!("the answer names `{name}`, which is nowhere in this workspace")
            }
            Some(name) => {
                format!("the answer says that `{name}` is at {}:{}, and it is not", citation.path, citation.line)
            }
            None => format!("the answer names {}:{}, which is not there", citation.path, citation.line),
        });
    }
    for note in answer.tools.iter().map(|used| &used.note).chain(&answer.notes) {
        output::note(note);
    }
    output::note(&cost(answer));
}

/// What an answer cost, in one line.
pub(super) fn cost(answer: &Answer) -> String {
    let timings = &answer.timings_ms;
    let confidence = answer.confidence_level.map(|level| format!("{} confidence, ", level.word())).unwrap_or_default();
    format!(
        "{}: {confidence}{:.1} s (evidence {:.1} s, reading {:.1} s, writing {:.1} s), {} tokens read, {} written",
        answer.model,
        timings.total / 1e3,
        timings.evidence / 1e3,
        timings.prefill / 1e3,
        timings.decode / 1e3,
        answer.tokens.prompt,
        answer.tokens.generated
    )
}

/// The path as the assistant wants it: absolute, whatever directory the command was started in.
pub(super) fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    Ok(std::path::absolute(path)?)
}

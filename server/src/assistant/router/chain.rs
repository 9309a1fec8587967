//! The engines that run elsewhere, one after the other: the first that suits the question is asked, and the next one where
//! it fails. What each of them said or why it was not asked is kept, for the route.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use halfline_inference::Engine;

use super::clear::{Cleared, Rules, clear};
use super::elsewhere::{Elsewhere, quota};
use super::remote::{self, Failure};
use super::{Class, Conversation, Failed, PassedOver, Reply, Update, named};
use crate::config::Config;
use crate::policy::audit::{Audit, Record, now_ms};
use crate::policy::quota::Quota;

/// The shape of what is sent, for the log.
const TEMPLATE: &str = "openai-chat";

/// The engines in the user's order, and the rules for all of them.
pub(super) struct Chain {
    engines: Vec<Elsewhere>,
    /// Engines that cannot be used as they are configured.
    broken: Vec<PassedOver>,
    pub(super) rules: Rules,
    pub(super) quota: Quota,
    pub(super) audit: Option<Audit>,
    workspace: String,
}

/// Why no engine elsewhere answered.
pub(super) struct Unanswered {
    pub(super) why: String,
    pub(super) failed: Vec<Failed>,
    pub(super) passed_over: Vec<PassedOver>,
}

impl Chain {
    /// The engines that `config` names, for the workspace at `root`. One that makes no sense does not keep the others from
    /// answering.
    pub(super) fn new(config: &Config, root: &Path) -> Result<Chain, String> {
        let (mut engines, mut broken) = (Vec::new(), Vec::new());
        for entry in config.remote.all() {
            match Elsewhere::new(&entry, &config.remote) {
                Ok(engine) => engines.push(engine),
                Err(why) => {
                    let name = if entry.name.is_empty() { entry.url } else { entry.name };
                    broken.push(PassedOver { name, why });
                }
            }
        }
        if engines.is_empty() {
            return Err(reasons(&broken));
        }
        Ok(Chain {
            engines,
            broken,
            rules: Rules::new(config, root)?,
            quota: quota(config)?,
            audit: Audit::configured(&config.audit, root)?,
            workspace: root.display().to_string(),
        })
    }

    /// Whether an engine is there for questions of this kind.
    pub(super) fn serves(&self, class: Class) -> bool {
        self.engines.iter().any(|engine| engine.serves(class))
    }

    /// The engines that finish lines, in the user's order.
    pub(super) fn completing(&self) -> impl Iterator<Item = &Elsewhere> {
        self.engines.iter().filter(|engine| engine.completions)
    }

    /// The engines in the order in which they are asked: those that are meant for such questions, then those that are for
    /// all, each in the user's order.
    fn in_order(&self, asks_much: bool) -> Vec<&Elsewhere> {
        let mut engines: Vec<&Elsewhere> = self.engines.iter().collect();
        engines.sort_by_key(|engine| !engine.is_meant_for(asks_much));
        engines
    }

    /// A line of the log about `engine`, without what happened.
    pub(super) fn record<'a>(
        &'a self,
        engine: Option<&'a Elsewhere>,
        redacted: &'a BTreeMap<&'static str, usize>,
    ) -> Record<'a> {
        Record {
            time_ms: now_ms(),
            request: 0,
            event: "",
            workspace: &self.workspace,
            engine: engine.map_or("", |engine| engine.name.as_str()),
            host: engine.map_or("", |engine| engine.host()),
            model: engine.map_or("", |engine| engine.model()),
            template: TEMPLATE,
            route: "",
            files: &[],
            bytes: 0,
            prompt_tokens: 0,
            answer_tokens: 0,
            redacted,
            withheld: 0,
            tool_results: 0,
            suspicious: false,
            verdict: "",
        }
    }

    /// Writes down that a question stayed, and why. That nothing was sent need not be proved, so a log that cannot be
    /// written stands in nobody's way.
    pub(super) fn write_kept(&self, template: &'static str, files: &[PathBuf], prompt_tokens: usize, reason: &str) {
        let files: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
        let redacted = BTreeMap::new();
        let first = self.engines.first();
        let record = Record {
            event: "kept",
            template,
            route: reason,
            files: &files,
            prompt_tokens,
            ..self.record(first, &redacted)
        };
        if let Some(Err(error)) = self.audit.as_ref().map(|audit| audit.write(&record)) {
            tracing::warn!("{error}");
        }
    }
}

/// Asks the engines until one answers.
pub(super) async fn ask(
    chain: &Chain,
    engine: &Engine,
    conversation: &Conversation,
    sink: &mut (dyn FnMut(Update) + Send),
) -> Result<Reply, Unanswered> {
    let (mut failed, mut passed_over): (Vec<Failed>, Vec<PassedOver>) = (Vec::new(), chain.broken.clone());
    let cleared = match clear(&chain.rules, engine, conversation) {
        Ok(cleared) => cleared,
        Err(why) => {
            chain.write_kept(TEMPLATE, &conversation.files, conversation.prompt.len(), &why);
            return Err(Unanswered { why, failed, passed_over: Vec::new() });
        }
    };
    let engines = chain.in_order(cleared.asks_much.is_some());
    for elsewhere in engines {
        if conversation.decoding.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            passed_over.push(PassedOver { name: elsewhere.name.clone(), why: "the time is over".to_owned() });
            continue;
        }
        let why = match elsewhere.suits(&cleared, &chain.quota) {
            Ok(why) => why,
            Err(why) => {
                passed_over.push(PassedOver { name: elsewhere.name.clone(), why });
                continue;
            }
        };
        let place = named(&elsewhere.name, elsewhere.host());
        sink(Update::Status { text: format!("asking {} at {place}", elsewhere.model()) });
        let asked = remote::ask(chain, elsewhere, engine, cleared.clone(), conversation, why, sink).await;
        match asked {
            Ok(mut reply) => {
                let Cleared { withheld, .. } = cleared;
                (reply.route.failed, reply.route.passed_over, reply.route.withheld) = (failed, passed_over, withheld);
                return Ok(reply);
            }
            Err(Failure { why, partial }) => {
                sink(Update::Status { text: format!("{place} failed, {why}") });
                if !partial.is_empty() {
                    // What was shown stays on the screen, marked; what follows is the whole answer.
                    let mark = format!("\n\n*({place} failed here: {why}. A new answer follows.)*\n\n---\n\n");
                    sink(Update::Text { text: mark });
                }
                let (name, host) = (elsewhere.name.clone(), elsewhere.host().to_owned());
                failed.push(Failed { name, host, model: elsewhere.model().to_owned(), why, partial });
            }
        }
    }
    let why = why_none(&failed, &passed_over);
    match failed.is_empty() {
        true => chain.write_kept(TEMPLATE, &conversation.files, conversation.prompt.len(), &why),
        false => sink(Update::Status { text: "the local model answers".to_owned() }),
    }
    Err(Unanswered { why, failed, passed_over })
}

/// Why none of the engines answered.
pub(super) fn why_none(failed: &[Failed], passed_over: &[PassedOver]) -> String {
    if failed.is_empty() {
        return reasons(passed_over);
    }
    let each = failed.iter().map(|one| format!("{} failed: {}", named(&one.name, &one.host), one.why));
    each.collect::<Vec<_>>().join("; ")
}

/// Why none of these was asked; whose reason it is need be said only where there are several.
fn reasons(passed_over: &[PassedOver]) -> String {
    match passed_over {
        [only] => only.why.clone(),
        all => all.iter().map(|one| format!("{}: {}", one.name, one.why)).collect::<Vec<_>>().join("; "),
    }
}

//! Which engine answers, and what happens when it does not: the local models, or one that runs elsewhere.
//!
//! Everything that asks a model goes through [`converse`]. A question leaves the machine only where the user named an engine
//! and nothing in it has to stay; the local models are the end of every chain, so an engine that fails costs time and
//! nothing else. What was decided, and why, is part of the answer.

mod chain;
mod clear;
mod elsewhere;
mod fill;
mod remote;
mod spoken;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use halfline_inference::{Engine, EngineError, Event, Priority, Request, Sampling, StopReason, TokenStats};
use serde::Serialize;

use super::prompt::{Exchange, Extra};
use super::tools::{ToolUse, Toolbox};
use super::{AssistantError, Update};
use crate::config::Config;
use chain::Chain;
pub(crate) use clear::Rules;
pub(crate) use fill::{Filled, Gap, fill};

/// The engines there are besides the local one, and the rules for them. Clones share what is known of their health.
#[derive(Clone, Default)]
pub struct Router {
    chain: Option<Arc<Chain>>,
    /// Why there is none although one is configured.
    broken: Option<String>,
}

impl std::fmt::Debug for Router {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Neither addresses nor rules.
        f.debug_struct("Router").field("broken", &self.broken).finish_non_exhaustive()
    }
}

/// How soon an answer is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Words within a second or two.
    Quick,
    /// The best that can be had.
    Deep,
}

/// What a model shall be asked, in the two forms that engines take.
#[derive(Clone)]
pub struct Conversation {
    /// The whole prompt for the local model, cut to what it reads in time.
    pub prompt: Vec<u32>,
    /// The same for others, of which nothing is cut: what the program says,
    pub system: String,
    /// what was asked and answered before, oldest first,
    pub earlier: Vec<Exchange>,
    /// and what the user's turn contains.
    pub user: String,
    /// What of that nobody asked for, in the order of the text.
    pub extras: Vec<Extra>,
    /// What of the answer the prompt for the local model has already.
    pub opening: String,
    /// The files that the question is about, relative to the workspace where they lie in it.
    pub files: Vec<PathBuf>,
    /// The most tokens of the answer.
    pub answer_tokens: usize,
    /// How soon it is wanted.
    pub class: Class,
    /// How often the same was asked in vain.
    pub failed_attempts: usize,
    /// How the answer is chosen, and where it ends.
    pub decoding: Decoding,
    /// What a model elsewhere may call by itself.
    pub tools: Option<Toolbox>,
}

/// How an answer is chosen, and where it ends.
#[derive(Clone, Debug, Default)]
pub struct Decoding {
    /// How tokens are chosen; of engines elsewhere only the temperature.
    pub sampling: Sampling,
    /// The local model's answer ends before any of these.
    pub stop_strings: Vec<String>,
    /// When nobody waits any more.
    pub deadline: Option<Instant>,
}

/// Which engine answered, and why that one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Route {
    /// `local` or `remote`.
    pub engine: &'static str,
    /// The model.
    pub model: String,
    /// What the user calls the engine, when that is elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it runs, when that is elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// In one sentence.
    pub why: String,
    /// Engines that were asked first and failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<Failed>,
    /// Engines before it that were not asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub passed_over: Vec<PassedOver>,
    /// Pieces that were found and that it was not shown, because they have to stay on this machine.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub withheld: Vec<Withheld>,
}

/// An engine that gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failed {
    /// What the user calls it.
    pub name: String,
    /// Where it runs.
    pub host: String,
    /// Its model.
    pub model: String,
    /// What was wrong.
    pub why: String,
    /// What it had said until then; no part of the answer.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub partial: String,
}

/// An engine that was not asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PassedOver {
    /// What the user calls it.
    pub name: String,
    /// Why it was not.
    pub why: String,
}

/// A piece that stayed on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Withheld {
    /// Where it is from, as `path:first-last`.
    pub place: String,
    /// Why it stayed.
    pub why: String,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The whole text, with what it was begun with.
    pub text: String,
    /// What the engine was given: the local model its prompt with special tokens, others their messages as they left.
    pub prompt: String,
    /// Why it ended.
    pub stopped: StopReason,
    /// Geometric mean of the probabilities of its tokens, 0 to 1, where the engine says so.
    pub confidence: Option<f32>,
    /// Tokens.
    pub tokens: TokenStats,
    /// Waiting for the engine.
    pub queue: Duration,
    /// Until the first token.
    pub prefill: Duration,
    /// From then on.
    pub decode: Duration,
    /// Who answered.
    pub route: Route,
    /// The tools that it called on the way.
    pub tools: Vec<ToolUse>,
}

impl Router {
    /// The engines that the configuration names, for the workspace at `root`. What is wrong with them is said in every
    /// route: the local models serve all the same.
    pub fn new(config: &Config, root: &std::path::Path) -> Router {
        if !config.remote.enabled || config.remote.all().is_empty() {
            return Router::default();
        }
        match Chain::new(config, root) {
            Ok(chain) => Router { chain: Some(Arc::new(chain)), broken: None },
            Err(reason) => Router { chain: None, broken: Some(reason) },
        }
    }

    /// Whether an engine elsewhere finishes lines.
    pub(crate) fn completes(&self) -> bool {
        self.chain.as_ref().is_some_and(|chain| chain.completing().next().is_some())
    }

    /// Whether questions of this kind go to the local model, as far as the settings say.
    pub(super) fn is_local(&self, class: Class) -> bool {
        self.chain.as_ref().is_none_or(|chain| !chain.serves(class))
    }
}

impl Route {
    /// What a person should know about it, a line each; nothing where the local model answered as it always does.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for Failed { name, host, why, .. } in &self.failed {
            notes.push(format!("{} failed: {why}", named(name, host)));
        }
        if self.engine != "local" || !self.failed.is_empty() {
            for PassedOver { name, why } in &self.passed_over {
                notes.push(format!("{name} was not asked: {why}"));
            }
            let place = match (&self.name, &self.host) {
                (Some(name), Some(host)) => named(name, host),
                _ => "this machine".to_owned(),
            };
            notes.push(format!("answered by {} on {place}: {}", self.model, self.why));
        }
        for Withheld { place, why } in &self.withheld {
            notes.push(format!("{place} was not sent: {why}"));
        }
        notes
    }
}

/// An engine as it is called, with the machine where that says more.
fn named(name: &str, host: &str) -> String {
    if name == host { host.to_owned() } else { format!("{name} ({host})") }
}

/// Asks the engine that suits `conversation`, and the next one should it fail. Pieces of the answer go to `sink`.
pub async fn converse(
    router: &Router,
    engine: &Engine,
    conversation: Conversation,
    sink: &mut (dyn FnMut(Update) + Send),
) -> Result<Reply, AssistantError> {
    let mut route = Route { engine: "local", model: engine.info().target.clone(), ..Route::default() };
    match (&router.chain, &router.broken) {
        (None, None) => route.why = "no other engine is configured".to_owned(),
        (None, Some(reason)) => route.why = format!("the remote engine cannot be used: {reason}"),
        (Some(chain), _) => match chain::ask(chain, engine, &conversation, sink).await {
            Ok(reply) => return Ok(reply),
            Err(chain::Unanswered { why, failed, passed_over }) => {
                route = Route { why, failed, passed_over, ..route };
            }
        },
    }
    local(engine, conversation, route, sink).await
}

async fn local(
    engine: &Engine,
    conversation: Conversation,
    route: Route,
    sink: &mut (dyn FnMut(Update) + Send),
) -> Result<Reply, AssistantError> {
    let tokenizer = engine.tokenizer();
    let prompt = tokenizer.decode(&conversation.prompt, true);
    let mut request = Request::new(conversation.prompt, conversation.answer_tokens, Priority::Chat);
    request.stop_tokens.extend(tokenizer.special().im_end);
    let Decoding { sampling, stop_strings, deadline } = conversation.decoding;
    (request.sampling, request.stop_strings, request.deadline) = (sampling, stop_strings, deadline);
    let mut generation = engine.generate(request);
    while let Some(event) = generation.next().await {
        match event {
            Event::Text(text) => sink(Update::Text { text }),
            Event::Done(finish) => {
                return Ok(Reply {
                    text: conversation.opening + &finish.text,
                    prompt,
                    stopped: finish.reason,
                    confidence: (finish.tokens.generated > 0).then_some(finish.confidence),
                    tokens: finish.tokens,
                    queue: finish.timings.queue,
                    prefill: finish.timings.prefill,
                    decode: finish.timings.decode,
                    route,
                    tools: Vec::new(),
                });
            }
            Event::Failed(error) => return Err(error.into()),
        }
    }
    Err(EngineError::Died.into())
}

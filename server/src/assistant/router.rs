//! Which engine answers, and what happens when it does not: the local models, or one that runs elsewhere.
//!
//! Everything that asks a model goes through [`converse`]. A question leaves the machine only where the user named an engine
//! and nothing in it has to stay; the local models are the end of every chain, so an engine that fails costs time and
//! nothing else. What was decided, and why, is part of the answer.

mod decide;
mod remote;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use halfline_inference::{Engine, EngineError, Event, Priority, Request, Sampling, StopReason, TokenStats};
use serde::Serialize;

use super::prompt::Exchange;
use super::{AssistantError, Update};
use crate::config::Config;
use remote::Elsewhere;

/// The engines there are besides the local one, and the rules for them. Clones share what is known of their health.
#[derive(Clone, Default)]
pub struct Router {
    elsewhere: Option<Arc<Elsewhere>>,
    /// Why there is none although one is configured.
    broken: Option<String>,
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
#[derive(Clone, Debug)]
pub struct Conversation {
    /// The whole prompt for the local model.
    pub prompt: Vec<u32>,
    /// The same for others: what the program says,
    pub system: String,
    /// what was asked and answered before, oldest first,
    pub earlier: Vec<Exchange>,
    /// and what the user's turn contains.
    pub user: String,
    /// What of the answer the prompt for the local model has already.
    pub opening: String,
    /// The files that are quoted, relative to the workspace where they lie in it.
    pub files: Vec<PathBuf>,
    /// The most tokens of the answer.
    pub answer_tokens: usize,
    /// How soon it is wanted.
    pub class: Class,
    /// How often the same was asked in vain.
    pub failed_attempts: usize,
    /// How the answer is chosen, and where it ends.
    pub decoding: Decoding,
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Route {
    /// `local` or `remote`.
    pub engine: &'static str,
    /// The model.
    pub model: String,
    /// Where it runs, when that is elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// In one sentence.
    pub why: String,
    /// Engines that were asked first and failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<Failed>,
}

/// An engine that gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failed {
    /// Where it runs.
    pub host: String,
    /// Its model.
    pub model: String,
    /// What was wrong.
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
}

impl Router {
    /// The engines that the configuration names, for the workspace at `root`. What is wrong with them is said in every
    /// route: the local models serve all the same.
    pub fn new(config: &Config, root: &std::path::Path) -> Router {
        if config.remote.url.is_empty() || !config.remote.enabled {
            return Router::default();
        }
        match Elsewhere::new(config, root) {
            Ok(elsewhere) => Router { elsewhere: Some(Arc::new(elsewhere)), broken: None },
            Err(reason) => Router { elsewhere: None, broken: Some(reason) },
        }
    }
}

/// Asks the engine that suits `conversation`, and the next one should it fail. Pieces of the answer go to `sink`.
pub async fn converse(
    router: &Router,
    engine: &Engine,
    conversation: Conversation,
    sink: &mut (dyn FnMut(Update) + Send),
) -> Result<Reply, AssistantError> {
    let mut failed = Vec::new();
    let why = match (&router.elsewhere, &router.broken) {
        (None, None) => "no other engine is configured".to_owned(),
        (None, Some(reason)) => format!("the remote engine cannot be used: {reason}"),
        (Some(elsewhere), _) => match decide::decide(elsewhere, engine, &conversation) {
            Err(reason) => {
                elsewhere.write_kept(&conversation, &reason);
                reason
            }
            Ok(cleared) => {
                sink(Update::Status { text: format!("asking {} at {}", elsewhere.model(), elsewhere.host()) });
                match remote::ask(elsewhere, cleared, sink).await {
                    Ok(reply) => return Ok(reply),
                    Err(failure) => {
                        let (host, model) = (elsewhere.host().to_owned(), elsewhere.model().to_owned());
                        let text = format!("{host} failed, {}; the local model answers", failure.why);
                        sink(Update::Status { text });
                        if failure.shown {
                            // What was shown stays on the screen; what follows is the whole answer.
                            sink(Update::Text { text: "\n\n---\n\n".to_owned() });
                        }
                        let why = format!("{host} failed: {}", failure.why);
                        failed.push(Failed { host, model, why: failure.why });
                        why
                    }
                }
            }
        },
    };
    let route = Route { engine: "local", model: engine.info().target.clone(), host: None, why, failed };
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
                    tokens: finish.tokens,
                    queue: finish.timings.queue,
                    prefill: finish.timings.prefill,
                    decode: finish.timings.decode,
                    route,
                });
            }
            Event::Failed(error) => return Err(error.into()),
        }
    }
    Err(EngineError::Died.into())
}

//! One engine that runs elsewhere: where it is, what it is for, and why it is or is not the one to ask.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use halfline_inference::remote::{Remote, RemoteOptions, RemotePatience, Retries};

use super::Class;
use super::clear::Cleared;
use crate::config::{Config, EngineEntry, Questions, RemoteConfig, key_of};
use crate::policy::quota::{Allowance, Amount, Quota};
use crate::policy::state_directory;

/// A remote engine.
pub(super) struct Elsewhere {
    pub(super) remote: Arc<Remote>,
    /// What the user calls it.
    pub(super) name: String,
    /// Whether its model may call tools.
    pub(super) tools: bool,
    questions: Questions,
    /// Whether it finishes lines.
    pub(super) completions: bool,
    /// How a prompt for that is written; empty where prefix and suffix go by themselves.
    pub(super) fim_template: String,
    /// How long the first byte of an answer to a short question may take.
    quick: Duration,
    /// 0 if that is not known.
    context_tokens: usize,
    prompt_price: f64,
    answer_price: f64,
}

impl Elsewhere {
    /// The engine of `entry`, with what it does not say from `settings`.
    pub(super) fn new(entry: &EngineEntry, settings: &RemoteConfig) -> Result<Elsewhere, String> {
        if entry.model.is_empty() {
            return Err("`remote.model` is empty; name the model to ask for".to_owned());
        }
        let key = key_of(&entry.key_command, &entry.key_variable);
        let ms = |own: Option<u64>, shared| Duration::from_millis(own.unwrap_or(shared));
        let patience = RemotePatience {
            connect: ms(entry.connect_ms, settings.connect_ms),
            answer: ms(entry.answer_ms, settings.answer_ms),
            stall: ms(entry.stall_ms, settings.stall_ms),
            whole: ms(entry.whole_ms, settings.whole_ms),
        };
        let retries = Retries { most: entry.retries.unwrap_or(settings.retries), ..Retries::default() };
        let options = RemoteOptions { url: entry.url.clone(), model: entry.model.clone(), key, patience, retries };
        let template = &entry.fim_template;
        let is_whole = ["{prefix}", "{suffix}"].iter().all(|place| template.contains(place));
        if !template.is_empty() && !is_whole {
            return Err("`fim_template` has to say where `{prefix}` and `{suffix}` go".to_owned());
        }
        let remote = Remote::new(options).map_err(|error| error.to_string())?;
        let name = if entry.name.is_empty() { remote.host().to_owned() } else { entry.name.clone() };
        Ok(Elsewhere {
            remote: Arc::new(remote),
            name,
            tools: entry.tools,
            questions: entry.questions,
            completions: entry.completions,
            fim_template: entry.fim_template.clone(),
            quick: ms(entry.quick_answer_ms, settings.quick_answer_ms),
            context_tokens: entry.context_tokens,
            prompt_price: entry.prompt_price,
            answer_price: entry.answer_price,
        })
    }

    /// How long the first byte of an answer may take, where that is less than the engine's own patience.
    pub(super) fn patience(&self, cleared: &Cleared) -> Option<Duration> {
        cleared.asks_much.is_none().then_some(self.quick)
    }

    pub(super) fn host(&self) -> &str {
        self.remote.host()
    }

    pub(super) fn model(&self) -> &str {
        self.remote.model()
    }

    /// Whether it may be asked questions of this kind.
    pub(super) fn serves(&self, class: Class) -> bool {
        self.questions == Questions::All || self.is_meant_for(class == Class::Deep)
    }

    /// Whether it is there for questions of this kind before all.
    pub(super) fn is_meant_for(&self, asks_much: bool) -> bool {
        self.questions == if asks_much { Questions::Deep } else { Questions::Quick }
    }

    /// Why it is the one to ask, or why it is not. The quota is taken.
    pub(super) fn suits(&self, cleared: &Cleared, quota: &Quota) -> Result<String, String> {
        let why = match (self.questions, &cleared.asks_much) {
            (Questions::All, _) => "all questions go there (remote.questions)".to_owned(),
            (Questions::Deep, Some(reason)) => reason.clone(),
            (Questions::Deep, None) => return Err("a short question, which the local model can answer".to_owned()),
            (Questions::Quick, None) => "a short question, which it is there for".to_owned(),
            (Questions::Quick, Some(reason)) => return Err(format!("it is there for short questions: {reason}")),
            (Questions::None, _) => return Err("it is there for no questions (questions = \"none\")".to_owned()),
        };
        self.can_serve(cleared.prompt_tokens, cleared.answer_tokens, quota)?;
        Ok(why)
    }

    /// Whether a request of this size can be sent there now, in the order of what costs least to know. The quota is taken.
    pub(super) fn can_serve(&self, prompt_tokens: usize, answer_tokens: usize, quota: &Quota) -> Result<(), String> {
        self.fits(prompt_tokens, answer_tokens)?;
        self.remote.health().map_err(|error| format!("{}: {error}", self.host()))?;
        quota.take(self.amount(prompt_tokens, answer_tokens), SystemTime::now())
    }

    /// Whether a prompt and its answer have room in its context.
    pub(super) fn fits(&self, prompt_tokens: usize, answer_tokens: usize) -> Result<(), String> {
        let (room, needed) = (self.context_tokens, prompt_tokens + answer_tokens);
        if room > 0 && needed > room {
            return Err(format!("its context has {room} tokens, and this takes {needed}"));
        }
        Ok(())
    }

    /// What a prompt and an answer of so many tokens take.
    pub(super) fn amount(&self, prompt_tokens: usize, answer_tokens: usize) -> Amount {
        let cost = prompt_tokens as f64 * self.prompt_price + answer_tokens as f64 * self.answer_price;
        Amount { tokens: (prompt_tokens + answer_tokens) as u64, cost: cost / 1e6 }
    }
}

/// What may leave in a day, and where that is counted.
pub(super) fn quota(config: &Config) -> Result<Quota, String> {
    let settings = &config.quota;
    let allowance = Allowance {
        requests_per_day: settings.requests_per_day,
        tokens_per_day: settings.tokens_per_day,
        tokens_per_request: settings.tokens_per_request,
        cost_per_day: settings.cost_per_day,
        cost_per_request: settings.cost_per_request,
    };
    let state = state_directory().ok_or("this platform has no directory for the quota")?;
    Ok(Quota::new(allowance, state.join("quota.json")))
}

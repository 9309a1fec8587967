//! The decision whether a question may leave, and should. In the order of what counts most: health costs nothing to ask,
//! privacy before price.

use std::collections::BTreeMap;
use std::time::{Instant, SystemTime};

use halfline_inference::Engine;
use halfline_inference::remote::{Message, Speaker};

use super::remote::Elsewhere;
use super::{Class, Conversation};
use crate::config::Questions;
use crate::policy::quarantine;
use crate::policy::redact::{Placeholders, Sort, find, redact};

/// From so many tokens on a prompt is more than a small model is good at.
const LONG_PROMPT: usize = 1200;
/// The same for the files it is about.
const MANY_FILES: usize = 3;

/// What may be sent.
pub(super) struct Cleared {
    pub(super) messages: Vec<Message>,
    pub(super) temperature: f32,
    pub(super) deadline: Option<Instant>,
    pub(super) placeholders: Placeholders,
    pub(super) counts: BTreeMap<&'static str, usize>,
    pub(super) suspicious: bool,
    pub(super) files: Vec<String>,
    pub(super) prompt_tokens: usize,
    pub(super) answer_tokens: usize,
    /// Why it is sent.
    pub(super) why: String,
}

/// What may be sent of `conversation`, or why it stays. The quota is taken.
pub(super) fn decide(elsewhere: &Elsewhere, engine: &Engine, conversation: &Conversation) -> Result<Cleared, String> {
    let why = match (elsewhere.questions, asks_much(conversation)) {
        (Questions::All, _) => "all questions go there (remote.questions)".to_owned(),
        (Questions::Deep, Some(reason)) => reason,
        (Questions::Deep, None) => return Err("a short question, which the local model can answer".to_owned()),
    };
    elsewhere.remote.health().map_err(|error| format!("{}: {error}", elsewhere.host()))?;
    let turns = turns_of(conversation);
    let said = || turns.iter().map(|(_, text)| *text);
    let whole = said().collect::<Vec<_>>().join("\n");
    if let Some(reason) = conversation.files.iter().find_map(|path| elsewhere.privacy.keeps(path)) {
        return Err(reason);
    }
    // The first turn is the program's own.
    if let Some(reason) = said().skip(1).find_map(|text| elsewhere.privacy.keeps_named(text)) {
        return Err(reason);
    }
    if elsewhere.secrets_stay
        && let Some(secret) = find(&whole, &[Sort::Secret]).first()
    {
        return Err(format!("a secret was found ({}), and secrets stay (privacy.secrets_stay)", secret.kind));
    }
    let mut sorts = vec![Sort::Secret, quarantine::ALWAYS];
    if elsewhere.redact_personal {
        sorts.push(Sort::Personal);
    }
    let mut placeholders = Placeholders::new(&whole);
    let mut counts = BTreeMap::new();
    let mut messages = Vec::new();
    for (role, text) in &turns {
        if *role == Speaker::System {
            messages.push(Message { role: *role, content: (*text).to_owned() });
            continue;
        }
        let redacted = redact(text, &sorts, &mut placeholders);
        redacted.counts.into_iter().for_each(|(kind, count)| *counts.entry(kind).or_default() += count);
        messages.push(Message { role: *role, content: redacted.text });
    }
    let prompt_tokens = messages.iter().map(|message| engine.tokenizer().count(&message.content)).sum();
    elsewhere.quota.take((prompt_tokens + conversation.answer_tokens) as u64, SystemTime::now())?;
    Ok(Cleared {
        messages,
        temperature: conversation.decoding.sampling.temperature,
        deadline: conversation.decoding.deadline,
        placeholders,
        counts,
        suspicious: said().skip(1).any(quarantine::is_suspicious),
        files: conversation.files.iter().map(|path| path.display().to_string()).collect(),
        prompt_tokens,
        answer_tokens: conversation.answer_tokens,
        why,
    })
}

/// Who says what, in order, the program first.
fn turns_of(conversation: &Conversation) -> Vec<(Speaker, &str)> {
    let mut turns = vec![(Speaker::System, conversation.system.as_str())];
    for exchange in &conversation.earlier {
        turns.extend([(Speaker::User, exchange.user.as_str()), (Speaker::Assistant, exchange.answer.as_str())]);
    }
    turns.push((Speaker::User, &conversation.user));
    turns
}

/// Why the question is one for a larger model, if it is.
fn asks_much(conversation: &Conversation) -> Option<String> {
    if conversation.failed_attempts > 0 {
        return Some(format!("{} attempts of the local model failed", conversation.failed_attempts));
    }
    if conversation.class == Class::Deep {
        return Some("a question that asks for thought".to_owned());
    }
    if conversation.files.len() >= MANY_FILES {
        return Some(format!("it is about {} files", conversation.files.len()));
    }
    (conversation.prompt.len() >= LONG_PROMPT).then(|| format!("it is long ({} tokens)", conversation.prompt.len()))
}

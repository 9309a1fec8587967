//! What of a question may leave the machine, and in what shape. The same for every engine: who is asked changes nothing of
//! what has to stay.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use halfline_inference::Engine;
use halfline_inference::remote::{Message, Speaker};

use super::{Conversation, Extra, Withheld};
use crate::config::Config;
use crate::policy::privacy::Privacy;
use crate::policy::quarantine;
use crate::policy::redact::{Placeholders, Sort, find, redact};

/// From so many tokens on a prompt is more than a small model is good at.
const LONG_PROMPT: usize = 1200;
/// The same for the files it is about.
const MANY_FILES: usize = 3;

/// The user's rules for what leaves.
pub(crate) struct Rules {
    pub(super) privacy: Privacy,
    secrets_stay: bool,
    redact_personal: bool,
}

/// What may be sent.
#[derive(Clone)]
pub(super) struct Cleared {
    pub(super) messages: Vec<Message>,
    pub(super) placeholders: Placeholders,
    /// What was replaced, and how often.
    pub(super) counts: BTreeMap<&'static str, usize>,
    pub(super) suspicious: bool,
    /// The files that it quotes.
    pub(super) files: Vec<String>,
    pub(super) withheld: Vec<Withheld>,
    pub(super) prompt_tokens: usize,
    pub(super) answer_tokens: usize,
    /// Why it is one for a larger model, if it is.
    pub(super) asks_much: Option<String>,
}

/// Who says what.
struct Said {
    role: Speaker,
    text: String,
}

impl Rules {
    /// Those of the settings, for the workspace at `root`.
    pub(crate) fn new(config: &Config, root: &Path) -> Result<Rules, String> {
        Ok(Rules {
            privacy: Privacy::new(&config.privacy.never_leave, &config.privacy.languages)?.within(root),
            secrets_stay: config.privacy.secrets_stay,
            redact_personal: config.privacy.redact_personal,
        })
    }

    /// What is replaced in a text that leaves.
    fn sorts(&self) -> Vec<Sort> {
        let personal = self.redact_personal.then_some(Sort::Personal);
        [Sort::Secret, quarantine::ALWAYS].into_iter().chain(personal).collect()
    }

    /// `text` as it may leave. Secrets are always replaced: that questions with some of them stay is decided before.
    pub(super) fn redact(
        &self,
        text: &str,
        placeholders: &mut Placeholders,
        counts: &mut BTreeMap<&'static str, usize>,
    ) -> String {
        let redacted = redact(text, &self.sorts(), placeholders);
        redacted.counts.into_iter().for_each(|(kind, count)| *counts.entry(kind).or_default() += count);
        redacted.text
    }

    /// Why a piece of the file at `path` has to stay, if it has to.
    pub(crate) fn keeps(&self, path: &Path, text: &str) -> Option<String> {
        self.privacy.keeps(path).or_else(|| self.keeps_text(text))
    }

    /// Why a text has to stay, if it has to.
    pub(crate) fn keeps_text(&self, text: &str) -> Option<String> {
        let secret = || {
            let found = find(text, &[Sort::Secret]);
            let secret = found.first().filter(|_| self.secrets_stay)?;
            Some(format!("a secret was found ({}), and secrets stay (privacy.secrets_stay)", secret.kind))
        };
        self.privacy.keeps_named(text).or_else(secret)
    }
}

/// What may be sent of `conversation`, or why all of it stays. A piece that was merely found and has to stay is left out;
/// what the user, a checker or an earlier answer says keeps the whole question.
pub(super) fn clear(rules: &Rules, engine: &Engine, conversation: &Conversation) -> Result<Cleared, String> {
    if let Some(reason) = conversation.files.iter().find_map(|path| rules.privacy.keeps(path)) {
        return Err(reason);
    }
    let mut withheld = Vec::new();
    let mut files = conversation.files.clone();
    let mut turns = Vec::new();
    for exchange in &conversation.earlier {
        let text = without(rules, &exchange.user, &exchange.extras, &mut files, &mut |extra, why| match extra.seen {
            true => Err(format!("an earlier answer rests on {}: {why}", extra.place)),
            false => Ok(()),
        })?;
        turns.push(Said { role: Speaker::User, text });
        turns.push(Said { role: Speaker::Assistant, text: exchange.answer.clone() });
    }
    let text = without(rules, &conversation.user, &conversation.extras, &mut files, &mut |extra, why| {
        withheld.push(Withheld { place: extra.place.clone(), why });
        Ok(())
    })?;
    turns.push(Said { role: Speaker::User, text });
    if let Some(reason) = turns.iter().find_map(|turn| rules.keeps_text(&turn.text)) {
        return Err(reason);
    }

    let whole: Vec<&str> = turns.iter().map(|turn| turn.text.as_str()).collect();
    let mut placeholders = Placeholders::new(&whole.join("\n"));
    let mut counts = BTreeMap::new();
    let suspicious = whole.iter().any(|text| quarantine::is_suspicious(text));
    let mut messages = vec![Message::new(Speaker::System, conversation.system.as_str())];
    for Said { role, text } in &turns {
        messages.push(Message::new(*role, rules.redact(text, &mut placeholders, &mut counts)));
    }
    files.sort_unstable();
    files.dedup();
    let prompt_tokens = messages.iter().map(|message| engine.tokenizer().count(&message.content)).sum();
    Ok(Cleared {
        prompt_tokens,
        asks_much: asks_much(conversation, files.len(), prompt_tokens),
        messages,
        placeholders,
        counts,
        suspicious,
        files: files.iter().map(|path| path.display().to_string()).collect(),
        withheld,
        answer_tokens: conversation.answer_tokens,
    })
}

/// `text` without those of its extras that have to stay, of which `on_kept` hears. The files of the others are added to
/// `files`.
fn without(
    rules: &Rules,
    text: &str,
    extras: &[Extra],
    files: &mut Vec<PathBuf>,
    on_kept: &mut dyn FnMut(&Extra, String) -> Result<(), String>,
) -> Result<String, String> {
    let (mut left, mut done) = (String::with_capacity(text.len()), 0);
    for extra in extras {
        // What does not fit the text is of no use: then all of it counts as asked for.
        let (Some(before), Some(piece)) = (text.get(done..extra.range.start), text.get(extra.range.clone())) else {
            continue;
        };
        left += before;
        done = extra.range.end;
        match rules.keeps(&extra.path, piece) {
            Some(why) => on_kept(extra, why)?,
            None => {
                left += piece;
                files.push(extra.path.clone());
            }
        }
    }
    Ok(left + text.get(done..).unwrap_or_default())
}

/// Why the question, which is about so many files and has so many tokens before any of it is cut, is one for a larger model, if it
/// is.
fn asks_much(conversation: &Conversation, files: usize, tokens: usize) -> Option<String> {
    if conversation.failed_attempts > 0 {
        return Some(format!("{} attempts of the local model failed", conversation.failed_attempts));
    }
    if conversation.class == super::Class::Deep {
        return Some("a question that asks for thought".to_owned());
    }
    if files >= MANY_FILES {
        return Some(format!("it is about {files} files"));
    }
    (tokens >= LONG_PROMPT).then(|| format!("it is long ({tokens} tokens)"))
}

//! Conversations of several turns: what was said, how much of it a follow-up's prompt holds, and where it is kept.
//!
//! A follow-up is answered as any question is (`assistant::follow_up`); nothing here asks a model.

mod history;
mod references;
mod store;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::evidence::ModelTokens;
use super::{About, Answer, Assistant, Earlier, Extra, Question, Update};
use crate::policy::audit::now_ms;

pub use history::HistoryReport;
pub use references::{References, parse_place, resolve};
pub use store::{ChatError, Damaged, Listing, Store};

/// Characters of a title.
const TITLE_CHARS: usize = 60;

/// A conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chat {
    /// Its name.
    pub id: String,
    /// Its first question, cut.
    pub title: String,
    /// When it began, in milliseconds since 1970.
    pub created_ms: u64,
    /// When it last went on.
    pub updated_ms: u64,
    /// What was said, oldest first.
    pub turns: Vec<Turn>,
}

/// A question and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// What the user wrote.
    pub question: String,
    /// The user's turn as the model was shown it, evidence included.
    pub user: String,
    /// What of that nobody asked for.
    #[serde(default)]
    pub extras: Vec<Extra>,
    /// The answer.
    pub answer: String,
    /// The places that it rests on, as `path:first-last`.
    pub places: Vec<String>,
    /// The files that it quotes, relative to the workspace where they lie in it.
    pub files: Vec<PathBuf>,
    /// The model that answered.
    pub model: String,
    /// Why that one.
    pub route: String,
    /// When, in milliseconds since 1970.
    pub time_ms: u64,
    /// How much of it later prompts hold.
    pub standing: Standing,
}

/// How much of a turn later prompts hold. It only ever goes down, so that prompts begin the same for as long as possible.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Every word.
    #[default]
    Whole,
    /// The question, and sentences taken from the answer.
    Shortened,
    /// Nothing.
    LeftOut,
}

/// A conversation without what was said in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Its name.
    pub id: String,
    /// Its first question, cut.
    pub title: String,
    /// When it last went on, in milliseconds since 1970.
    pub updated_ms: u64,
    /// How many questions were answered.
    pub turns: usize,
}

/// The answer to a message.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sent {
    /// The answer itself.
    #[serde(flatten)]
    pub answer: Answer,
    /// The conversation that it belongs to.
    pub chat: Summary,
    /// What the prompt held of what was said before.
    pub history: HistoryReport,
}

impl Chat {
    /// The conversation without what was said in it.
    pub fn summary(&self) -> Summary {
        Summary { id: self.id.clone(), title: self.title.clone(), updated_ms: self.updated_ms, turns: self.turns.len() }
    }
}

/// Answers `message`, which goes on from `chat` and points at `about`, and keeps question and answer in `store`.
pub async fn send(
    assistant: &Assistant,
    store: &Store,
    mut chat: Chat,
    message: String,
    about: About,
    sink: &mut (dyn FnMut(Update) + Send),
) -> Result<Sent, ChatError> {
    let info = assistant.engine.info();
    let limits = &assistant.limits;
    let room = info.context_tokens.saturating_sub(limits.answer_tokens + limits.evidence_tokens);
    let counter = ModelTokens(assistant.engine.tokenizer().clone());
    let history = history::fit(&mut chat.turns, room.min(limits.history_tokens), &counter);
    let earlier = Earlier { exchanges: history::exchanges(&chat.turns), files: history::files(&chat.turns) };
    let question = Question::Ask { question: message.clone(), about };
    let answer = super::follow_up(assistant, earlier, question, sink).await?;
    let turn = Turn {
        question: message,
        user: answer.user.clone(),
        extras: answer.extras.clone(),
        answer: answer.text.clone(),
        places: answer.evidence.iter().map(|one| format!("{}:{}-{}", one.path, one.lines.0, one.lines.1)).collect(),
        files: answer.files.clone(),
        model: answer.model.clone(),
        route: answer.route.why.clone(),
        time_ms: now_ms(),
        standing: Standing::Whole,
    };
    let chat = store.append(&chat, turn)?;
    Ok(Sent { answer, chat: chat.summary(), history })
}

/// The beginning of a question, in one line.
fn title_of(question: &str) -> String {
    let line = question.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= TITLE_CHARS {
        return line;
    }
    let cut: String = line.chars().take(TITLE_CHARS - 1).collect();
    format!("{}…", cut.trim_end())
}

#[cfg(test)]
mod tests;

//! The engine that runs elsewhere, with the rules of the user's for it; and one request to it, written down.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use halfline_inference::remote::{
    Chat, Key, Remote, RemoteAnswer, RemoteError, RemoteOptions, RemotePatience, Retries, Speaker,
};
use halfline_inference::{StopReason, TokenStats};
use tokio::sync::mpsc::unbounded_channel;

use super::decide::Cleared;
use super::{Conversation, Reply, Route, Update};
use crate::config::{Config, Questions};
use crate::policy::audit::{Audit, Record, now_ms};
use crate::policy::privacy::Privacy;
use crate::policy::quota::{Allowance, Quota};
use crate::policy::state_directory;

/// Numbers the requests of this process.
static REQUESTS: AtomicU64 = AtomicU64::new(1);

/// The shape of what is sent, for the log.
const TEMPLATE: &str = "openai-chat";

/// A remote engine and the rules for it.
pub(super) struct Elsewhere {
    pub(super) remote: Arc<Remote>,
    pub(super) questions: Questions,
    pub(super) privacy: Privacy,
    pub(super) secrets_stay: bool,
    pub(super) redact_personal: bool,
    pub(super) quota: Quota,
    audit: Option<Audit>,
    workspace: String,
}

/// Why there is no answer, and whether some of one was shown.
pub(super) struct Failure {
    pub(super) why: String,
    pub(super) shown: bool,
}

impl Elsewhere {
    /// The engine that `config` names, for the workspace at `root`.
    pub(super) fn new(config: &Config, root: &Path) -> Result<Elsewhere, String> {
        let settings = &config.remote;
        if settings.model.is_empty() {
            return Err("`remote.model` is empty; name the model to ask for".to_owned());
        }
        let key = match (&settings.key_command[..], settings.key_variable.as_str()) {
            ([], "") => Key::None,
            ([], name) => Key::Variable(name.to_owned()),
            (command, _) => Key::Command(command.to_vec()),
        };
        let ms = Duration::from_millis;
        let patience = RemotePatience {
            connect: ms(settings.connect_ms),
            answer: ms(settings.answer_ms),
            stall: ms(settings.stall_ms),
            whole: ms(settings.whole_ms),
        };
        let retries = Retries { most: settings.retries, ..Retries::default() };
        let options =
            RemoteOptions { url: settings.url.clone(), model: settings.model.clone(), key, patience, retries };
        let remote = Remote::new(options).map_err(|error| error.to_string())?;
        let state = || state_directory().ok_or("this platform has no directory for the quota and the audit log");
        let directory = match config.audit.directory.as_str() {
            "" => state()?.join("audit"),
            directory => PathBuf::from(directory),
        };
        let allowance = Allowance {
            requests_per_day: config.quota.requests_per_day,
            tokens_per_day: config.quota.tokens_per_day,
            tokens_per_request: config.quota.tokens_per_request,
        };
        let limit = config.audit.file_mib << 20;
        Ok(Elsewhere {
            remote: Arc::new(remote),
            questions: settings.questions,
            privacy: Privacy::new(&config.privacy.never_leave, &config.privacy.languages)?,
            secrets_stay: config.privacy.secrets_stay,
            redact_personal: config.privacy.redact_personal,
            quota: Quota::new(allowance, state()?.join("quota.json")),
            audit: config.audit.enabled.then(|| Audit::new(&directory, root, limit)),
            workspace: root.display().to_string(),
        })
    }

    pub(super) fn host(&self) -> &str {
        self.remote.host()
    }

    pub(super) fn model(&self) -> &str {
        self.remote.model()
    }

    /// Writes down that a question stayed, and why. That nothing was sent need not be proved, so a log that cannot be
    /// written stands in nobody's way.
    pub(super) fn write_kept(&self, conversation: &Conversation, reason: &str) {
        let files: Vec<String> = conversation.files.iter().map(|path| path.display().to_string()).collect();
        let redacted = BTreeMap::new();
        let record = Record {
            event: "kept",
            route: reason,
            files: &files,
            prompt_tokens: conversation.prompt.len(),
            ..self.record(0, &redacted)
        };
        if let Some(Err(error)) = self.audit.as_ref().map(|audit| audit.write(&record)) {
            tracing::warn!("{error}");
        }
    }

    fn record<'a>(&'a self, request: u64, redacted: &'a BTreeMap<&'static str, usize>) -> Record<'a> {
        Record {
            time_ms: now_ms(),
            request,
            event: "",
            workspace: &self.workspace,
            host: self.host(),
            model: self.model(),
            template: TEMPLATE,
            route: "",
            files: &[],
            bytes: 0,
            prompt_tokens: 0,
            answer_tokens: 0,
            redacted,
            suspicious: false,
            verdict: "",
        }
    }
}

/// Sets the flag when nobody waits any more.
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Sends what was cleared, and streams the answer with everything put back.
pub(super) async fn ask(
    elsewhere: &Elsewhere,
    cleared: Cleared,
    sink: &mut (dyn FnMut(Update) + Send),
) -> Result<Reply, Failure> {
    let request = REQUESTS.fetch_add(1, Ordering::Relaxed);
    let sent = Record {
        event: "sending",
        route: &cleared.why,
        files: &cleared.files,
        bytes: cleared.messages.iter().map(|message| message.content.len()).sum(),
        prompt_tokens: cleared.prompt_tokens,
        suspicious: cleared.suspicious,
        ..elsewhere.record(request, &cleared.counts)
    };
    let write = |record: &Record<'_>| elsewhere.audit.as_ref().map_or(Ok(()), |audit| audit.write(record));
    // What cannot be written down is not sent.
    write(&sent).map_err(|why| Failure { why, shown: false })?;

    let started = Instant::now();
    let (mut shown, mut first) = (false, None);
    let mut restorer = cleared.placeholders.restorer();
    let outcome = stream(&elsewhere.remote, &cleared, |piece| {
        let text = restorer.push(piece);
        first.get_or_insert_with(Instant::now);
        if !text.is_empty() {
            shown = true;
            sink(Update::Text { text });
        }
    })
    .await;

    let verdict = outcome.as_ref().map_or_else(ToString::to_string, |answer| format!("attempts: {}", answer.attempts));
    let answered = Record {
        event: if outcome.is_ok() { "answered" } else { "failed" },
        bytes: outcome.as_ref().map_or(0, |answer| answer.text.len()),
        answer_tokens: outcome.as_ref().map_or(0, |answer| answer.usage.completion_tokens),
        verdict: &verdict,
        time_ms: now_ms(),
        ..sent
    };
    if let Err(error) = write(&answered) {
        tracing::warn!("{error}");
    }
    let answer = outcome.map_err(|error| Failure { why: error.to_string(), shown })?;
    let rest = restorer.finish();
    if !rest.is_empty() {
        sink(Update::Text { text: rest });
    }
    let used = match answer.usage.completion_tokens {
        0 => cleared.answer_tokens,
        tokens => tokens.min(cleared.answer_tokens),
    };
    elsewhere.quota.give_back((cleared.answer_tokens - used) as u64, SystemTime::now());
    Ok(reply(elsewhere, &cleared, answer, started, first))
}

/// Makes the request on a thread of its own; `piece` gets the answer as it comes.
async fn stream(
    remote: &Arc<Remote>,
    cleared: &Cleared,
    mut piece: impl FnMut(&str) + Send,
) -> Result<RemoteAnswer, RemoteError> {
    let chat = Chat {
        messages: cleared.messages.clone(),
        max_tokens: cleared.answer_tokens,
        temperature: cleared.temperature,
    };
    let cancel = CancelOnDrop(Arc::default());
    let (sender, mut pieces) = unbounded_channel::<String>();
    let asking = tokio::task::spawn_blocking({
        let (remote, cancelled) = (Arc::clone(remote), Arc::clone(&cancel.0));
        move || {
            remote.chat(&chat, &cancelled, &mut |text| {
                // Nobody listening any more is what `cancelled` is for.
                let _ = sender.send(text.to_owned());
            })
        }
    });
    let reading = async {
        while let Some(text) = pieces.recv().await {
            piece(&text);
        }
    };
    match cleared.deadline {
        None => reading.await,
        Some(deadline) => {
            // Whoever set it goes on without this answer; the request is cancelled when this returns.
            if tokio::time::timeout_at(deadline.into(), reading).await.is_err() {
                return Err(RemoteError::Silent);
            }
        }
    }
    asking.await.unwrap_or_else(|error| Err(RemoteError::Nonsense(format!("reading it failed: {error}"))))
}

fn reply(
    elsewhere: &Elsewhere,
    cleared: &Cleared,
    answer: RemoteAnswer,
    started: Instant,
    first: Option<Instant>,
) -> Reply {
    let total = started.elapsed();
    let prefill = first.map_or(total, |first| first - started);
    let stopped = match answer.finish.as_deref() {
        Some("length") => StopReason::Length,
        _ => StopReason::EndOfText,
    };
    let prompt = match answer.usage.prompt_tokens {
        0 => cleared.prompt_tokens,
        tokens => tokens,
    };
    Reply {
        text: cleared.placeholders.restore(&answer.text),
        prompt: as_text(cleared),
        stopped,
        tokens: TokenStats { prompt, reused: 0, generated: answer.usage.completion_tokens },
        queue: Duration::ZERO,
        prefill,
        decode: total - prefill,
        route: Route {
            engine: "remote",
            model: elsewhere.model().to_owned(),
            host: Some(elsewhere.host().to_owned()),
            why: cleared.why.clone(),
            failed: Vec::new(),
        },
    }
}

/// The messages as they left, for whoever asks.
fn as_text(cleared: &Cleared) -> String {
    let name = |role: Speaker| match role {
        Speaker::System => "system",
        Speaker::User => "user",
        Speaker::Assistant => "assistant",
    };
    let messages = cleared.messages.iter().map(|message| format!("[{}]\n{}\n", name(message.role), message.content));
    messages.collect::<Vec<_>>().join("\n")
}

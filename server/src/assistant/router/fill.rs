//! The line being written, finished by an engine elsewhere: only where the user names one for that, and under the rules
//! that questions have. The local model is the end of this chain, too.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant, SystemTime};

use halfline_context::Piece;
use halfline_grammars::Language;
use halfline_inference::remote::{Fill, Remote, RemoteAnswer};
use halfline_inference::tokenizer::Tokenizer;
use halfline_inference::{StopReason, TokenStats};

use super::chain::{Chain, why_none};
use super::clear::Rules;
use super::elsewhere::Elsewhere;
use super::{Failed, PassedOver, Route, Router, Withheld, named, remote};
use crate::policy::audit::{Record, next_request, now_ms};
use crate::policy::quarantine;
use crate::policy::redact::Placeholders;

/// The shape of what is sent, for the log.
const TEMPLATE: &str = "openai-completion";

/// What is to be filled in where.
pub(crate) struct Gap<'a> {
    /// The file, as the model sees it.
    pub(crate) path: &'a str,
    /// Its language.
    pub(crate) language: Option<&'static Language>,
    /// What stands before the gap.
    pub(crate) prefix: &'a str,
    /// What stands behind it.
    pub(crate) suffix: &'a str,
    /// Lines from elsewhere.
    pub(crate) pieces: &'a [Piece],
    /// The most tokens of an answer.
    pub(crate) max_tokens: usize,
    /// An answer ends before any of these.
    pub(crate) stop: Vec<String>,
    /// How long engines elsewhere may take together.
    pub(crate) time: Duration,
}

/// What an engine elsewhere filled it with.
pub(crate) struct Filled {
    pub(crate) text: String,
    /// What it was given.
    pub(crate) prompt: String,
    pub(crate) stopped: StopReason,
    pub(crate) tokens: TokenStats,
    /// Until the first word, and from then on.
    pub(crate) times: (Duration, Duration),
    pub(crate) route: Route,
}

/// What may be sent.
struct Cleared {
    prefix: String,
    suffix: String,
    placeholders: Placeholders,
    counts: BTreeMap<&'static str, usize>,
    suspicious: bool,
    files: Vec<String>,
    withheld: Vec<Withheld>,
}

/// Asks the engines that finish lines, one after the other. The error is the local model's route, with the reason why none of
/// them answered.
pub(crate) async fn fill(router: &Router, tokenizer: &Tokenizer, gap: &Gap<'_>) -> Result<Filled, Route> {
    let kept = |why| Route { engine: "local", why, ..Route::default() };
    let Some(chain) = &router.chain else { return Err(kept("no other engine is configured".to_owned())) };
    let cleared = match clear(&chain.rules, gap) {
        Ok(cleared) => cleared,
        Err(why) => {
            chain.write_kept(TEMPLATE, &[PathBuf::from(gap.path)], 0, &why);
            return Err(kept(why));
        }
    };
    let (mut failed, mut passed_over) = (Vec::new(), Vec::new());
    let deadline = Instant::now() + gap.time;
    for elsewhere in chain.completing() {
        let name = || elsewhere.name.clone();
        let Some(left) = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else {
            passed_over.push(PassedOver { name: name(), why: "the time is over".to_owned() });
            continue;
        };
        let request = Request::new(chain, elsewhere, tokenizer, gap, &cleared);
        if let Err(why) = elsewhere.can_serve(request.prompt_tokens, gap.max_tokens, &chain.quota) {
            passed_over.push(PassedOver { name: name(), why });
            continue;
        }
        match request.send(left).await {
            Ok(mut filled) => {
                let route = &mut filled.route;
                (route.failed, route.passed_over, route.withheld) = (failed, passed_over, cleared.withheld);
                return Ok(filled);
            }
            Err(why) => {
                let (host, model) = (elsewhere.host().to_owned(), elsewhere.model().to_owned());
                failed.push(Failed { name: name(), host, model, why, partial: String::new() });
            }
        }
    }
    let why = why_none(&failed, &passed_over);
    if failed.is_empty() {
        chain.write_kept(TEMPLATE, &[PathBuf::from(gap.path)], 0, &why);
    }
    Err(Route { failed, passed_over, ..kept(why) })
}

/// What of `gap` may leave. Pieces that have to stay are left out; a file that has to keeps the whole.
fn clear(rules: &Rules, gap: &Gap<'_>) -> Result<Cleared, String> {
    let path = PathBuf::from(gap.path);
    let of_language = gap.language.and_then(|language| rules.privacy.keeps_language(language));
    let stays = rules.privacy.keeps(&path).or(of_language);
    if let Some(why) = stays.or_else(|| rules.keeps_text(gap.prefix)).or_else(|| rules.keeps_text(gap.suffix)) {
        return Err(why);
    }
    let (mut files, mut withheld) = (vec![gap.path.to_owned()], Vec::new());
    let mut prefix = String::new();
    // Engines have no common way of showing other files. A comment is one that all of them have seen.
    if let Some(mark) = gap.language.and_then(Language::line_comment) {
        for piece in gap.pieces {
            if let Some(why) = rules.keeps(&PathBuf::from(&piece.path), &piece.text) {
                let (first, last) = piece.lines;
                withheld.push(Withheld { place: format!("{}:{first}-{last}", piece.path), why });
                continue;
            }
            prefix += &format!("{mark} {}:\n", piece.path);
            piece.text.trim_end().lines().for_each(|line| prefix += &format!("{mark} {line}\n"));
            files.push(piece.path.clone());
        }
    }
    prefix += gap.prefix;
    let suspicious = quarantine::is_suspicious(&prefix) || quarantine::is_suspicious(gap.suffix);
    let (mut placeholders, mut counts) = (Placeholders::new(&format!("{prefix}\n{}", gap.suffix)), BTreeMap::new());
    let prefix = rules.redact(&prefix, &mut placeholders, &mut counts);
    let suffix = rules.redact(gap.suffix, &mut placeholders, &mut counts);
    files.dedup();
    Ok(Cleared { prefix, suffix, placeholders, counts, suspicious, files, withheld })
}

/// One request to one engine.
struct Request<'a> {
    chain: &'a Chain,
    elsewhere: &'a Elsewhere,
    cleared: &'a Cleared,
    fill: Fill,
    prompt_tokens: usize,
    number: u64,
}

impl<'a> Request<'a> {
    fn new(
        chain: &'a Chain,
        elsewhere: &'a Elsewhere,
        tokenizer: &Tokenizer,
        gap: &Gap<'_>,
        cleared: &'a Cleared,
    ) -> Request<'a> {
        let Cleared { prefix, suffix, .. } = cleared;
        let prompt_tokens = tokenizer.count(prefix) + tokenizer.count(suffix);
        let template = &elsewhere.fim_template;
        let (prefix, suffix) = if template.is_empty() {
            (prefix.clone(), Some(suffix.clone()))
        } else {
            (in_template(template, prefix, suffix), None)
        };
        // A little before nobody waits any more, so that silence counts as a failure, and the engine gets a rest after some.
        let patience = Some(gap.time - gap.time / 10);
        let fill = Fill { prefix, suffix, max_tokens: gap.max_tokens, stop: gap.stop.clone(), patience };
        Request { chain, elsewhere, cleared, fill, prompt_tokens, number: next_request() }
    }

    /// Sends it, written down before, and gives the answer with everything put back.
    async fn send(self, time: Duration) -> Result<Filled, String> {
        self.write("sending", self.fill.prefix.len() + self.fill.suffix.as_ref().map_or(0, String::len), 0, "")?;
        let (started, mut first) = (Instant::now(), None);
        let fill = self.fill.clone();
        let ask = move |remote: &Remote, cancelled: &AtomicBool, text: &mut dyn FnMut(&str)| {
            remote.fill(&fill, cancelled, text)
        };
        let hear = |_: &str| {
            first.get_or_insert_with(Instant::now);
        };
        let outcome = remote::stream(&self.elsewhere.remote, ask, Some(started + time), hear).await;
        let written = match &outcome {
            Ok(answer) => {
                let verdict = format!("attempts: {}", answer.attempts);
                self.write("answered", answer.text.len(), answer.usage.completion_tokens, &verdict)
            }
            Err(error) => self.write("failed", 0, 0, &error.to_string()),
        };
        if let Err(error) = written {
            tracing::warn!("{error}");
        }
        let RemoteAnswer { text, finish, usage, .. } = outcome.map_err(|error| error.to_string())?;
        let most = self.fill.max_tokens;
        let used = if usage.completion_tokens == 0 { most } else { usage.completion_tokens.min(most) };
        self.chain.quota.give_back(self.elsewhere.amount(0, most - used), SystemTime::now());
        let total = started.elapsed();
        let until_first = first.map_or(total, |first| first - started);
        let Fill { prefix, suffix, stop, .. } = self.fill;
        // What stops at a line's end, and was not told to say why, stopped there.
        let stopped = match (finish.as_deref(), stop.into_iter().next()) {
            (Some("length"), _) => StopReason::Length,
            (_, Some(stop)) => StopReason::StopString(stop),
            (_, None) => StopReason::EndOfText,
        };
        let host = self.elsewhere.host();
        Ok(Filled {
            text: self.cleared.placeholders.restore(&text),
            prompt: suffix.map_or(prefix.clone(), |suffix| format!("{prefix}<gap>{suffix}")),
            stopped,
            tokens: TokenStats {
                prompt: if usage.prompt_tokens == 0 { self.prompt_tokens } else { usage.prompt_tokens },
                reused: 0,
                generated: usage.completion_tokens,
            },
            times: (until_first, total - until_first),
            route: Route {
                engine: "remote",
                model: self.elsewhere.model().to_owned(),
                name: Some(self.elsewhere.name.clone()),
                host: Some(host.to_owned()),
                why: format!("{} finishes lines (completions = true)", named(&self.elsewhere.name, host)),
                ..Route::default()
            },
        })
    }

    fn write(&self, event: &'static str, bytes: usize, answer_tokens: usize, verdict: &str) -> Result<(), String> {
        let Some(audit) = &self.chain.audit else { return Ok(()) };
        audit.write(&Record {
            event,
            request: self.number,
            template: TEMPLATE,
            route: "it finishes lines (completions = true)",
            files: &self.cleared.files,
            bytes,
            prompt_tokens: self.prompt_tokens,
            answer_tokens,
            withheld: self.cleared.withheld.len(),
            suspicious: self.cleared.suspicious,
            verdict,
            time_ms: now_ms(),
            ..self.chain.record(Some(self.elsewhere), &self.cleared.counts)
        })
    }
}

/// `template` with the texts in their places. What looks like a place within them is text.
fn in_template(template: &str, prefix: &str, suffix: &str) -> String {
    let fill_suffix = |part: &str| part.replacen("{suffix}", suffix, 1);
    match template.split_once("{prefix}") {
        Some((before, after)) => format!("{}{prefix}{}", fill_suffix(before), fill_suffix(after)),
        None => fill_suffix(template),
    }
}

#[cfg(test)]
mod tests {
    use super::in_template;

    #[test]
    fn texts_that_look_like_places_stay_as_they_are() {
        assert_eq!(in_template("<P>{prefix}<S>{suffix}<M>", "a{suffix}", "{prefix}b"), "<P>a{suffix}<S>{prefix}b<M>");
        assert_eq!(in_template("<S>{suffix}<P>{prefix}", "{prefix}", "b"), "<S>b<P>{prefix}");
    }
}

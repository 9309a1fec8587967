//! The way of a query: is it wanted, is the answer known, wait, make the prompt, ask the engine, judge what came.

use std::time::{Duration, Instant};

use halfline_context::{Beside, CompletionContext, Encoding, Origin, Snapshot, gather_completion, text};
use halfline_inference::{
    Engine, EngineError, Event, Finish, Preference, Priority, Request, StopReason, Timings, TokenStats,
};
use serde_json::json;

use super::cache::{Answer, Key, KeyParts, hash};
use super::same_line::Line;
use super::{
    Completer, CompletionOutcome, ContextRow, Item, ItemRange, Mode, Query, Source, Speculation, TimingsMs, Trigger,
    filters, mode, prompt,
};
use crate::assistant::{Evidence, Filled, Gap, Route, fill};
use crate::policy::redact::for_log;
use crate::recent::{Entry, Kind};

/// How long gathering may take for someone who asked and waits.
const GATHER_TIME_INVOKED: Duration = Duration::from_millis(250);
/// How much likelier a name becomes by being a member of what stands before the dot, as the logarithm of a factor: the
/// model knows how names are made, and not which there are.
const MEMBERS_BONUS: f32 = 4.0;
/// The same for a name that is imported and not used yet.
const IMPORTS_BONUS: f32 = 2.5;
/// A prompt that is read in this time may be another one at every key.
const QUICK: Duration = Duration::from_millis(500);
/// Why there is nothing to offer when the deadline came before the first word.
const TOO_SLOW: &str = "the time of the setting completion.max_ms was over before the first word";

/// Of the time that a completion may take, what engines elsewhere may: one over this. The local model has the rest.
const ELSEWHERE_SHARE: u32 = 2;

/// What the steps of one query leave behind.
#[derive(Default)]
struct Run {
    tokens: TokenStats,
    speculation: Speculation,
    timings: TimingsMs,
}

/// What an engine made of a gap.
struct Generated {
    prompt: String,
    text: String,
    stopped: StopReason,
    /// Where the engine says so.
    confidence: Option<f32>,
    tokens: TokenStats,
    /// Waiting, reading and writing.
    times: [Duration; 3],
    model: String,
    /// Where engines elsewhere finish lines.
    route: Option<Route>,
}

impl Generated {
    fn local(model: &str, prompt: String, finish: Finish) -> Generated {
        let Timings { queue, prefill, decode } = finish.timings;
        Generated {
            prompt,
            text: finish.text,
            stopped: finish.reason,
            confidence: Some(finish.confidence),
            tokens: finish.tokens,
            times: [queue, prefill, decode],
            model: model.to_owned(),
            route: None,
        }
    }
}

impl From<Filled> for Generated {
    fn from(filled: Filled) -> Generated {
        let Filled { text, prompt, stopped, tokens, times: (prefill, decode), route } = filled;
        let (times, model) = ([Duration::ZERO, prefill, decode], route.model.clone());
        Generated { prompt, text, stopped, confidence: None, tokens, times, model, route: Some(route) }
    }
}

impl Completer {
    /// Answers `query`. Dropping the future stops the engine's work on it. What `on_engine` returns is kept for as long
    /// as the engine works; it is not called when the engine is not asked.
    pub async fn complete<T>(
        &self,
        engine: &Engine,
        query: Query,
        on_engine: impl FnOnce() -> T,
    ) -> Result<CompletionOutcome, EngineError> {
        let started = Instant::now();
        let model = &engine.info().target;
        let place = Place::new(&query);
        let mut run = Run::default();
        let (answer, source) = match self.refuse(&query) {
            Some(reason) => (not_asked(reason), Source::Miss),
            None => self.answer(engine, &query, &place, &mut run, on_engine).await?,
        };
        if source != Source::TypeThrough && query.selected.is_none() && answer.text.is_ok() {
            self.shown().set(&place.snapshot, place.offset, model, &answer);
        }
        run.timings.total = milliseconds(started.elapsed());
        Ok(outcome(&query, model, answer, source, run))
    }

    /// Why nothing is to be offered at all, if so.
    fn refuse(&self, query: &Query) -> Option<String> {
        let snapshot = &query.snapshot;
        if !self.config.enabled && query.trigger == Trigger::Automatic {
            return Some("completions are switched off by the setting completion.enabled".to_owned());
        }
        let language = snapshot.language().map_or(snapshot.language_id(), |language| language.name());
        if self.disabled_languages.iter().any(|disabled| disabled.eq_ignore_ascii_case(language)) {
            return Some(format!("completions are switched off for {language} by the setting languages.disabled"));
        }
        let next = snapshot.rope().get_char(query.offset);
        let inside_word = next.is_some_and(|ch| ch.is_alphanumeric() || ch == '_');
        (inside_word && query.trigger == Trigger::Automatic).then(|| "the cursor is inside a word".to_owned())
    }

    async fn answer<T>(
        &self,
        engine: &Engine,
        query: &Query,
        place: &Place,
        run: &mut Run,
        on_engine: impl FnOnce() -> T,
    ) -> Result<(Answer, Source), EngineError> {
        let model = &engine.info().target;
        if query.selected.is_none()
            && let Some(rest) = self.shown().rest(&place.snapshot, place.offset, model)
        {
            return Ok((rest, Source::TypeThrough));
        }

        let preparing = Instant::now();
        let tokenizer = engine.tokenizer();
        let max_tokens = query.max_tokens.unwrap_or(self.config.max_tokens);
        let mode = if self.config.multi_line { mode::at(&place.snapshot, place.offset) } else { Mode::Line };
        let context = self.gather(engine, query, place, max_tokens, query.trigger == Trigger::Invoked);
        let key = Key::new(&KeyParts {
            prefix: &context.prefix,
            suffix: &context.suffix,
            path: place.snapshot.path(),
            model,
            context: hash(&(
                context.pieces.iter().map(|piece| (&piece.path, &piece.text)).collect::<Vec<_>>(),
                &context.expected,
            )),
            mode: &mode,
            max_tokens,
        });
        run.timings.context = milliseconds(preparing.elapsed());
        if let Some(answer) = self.cache().get(&key) {
            return Ok((answer, Source::Hit));
        }

        let mut request = self.request(engine, &place.snapshot, &context, &mode, max_tokens);
        if request.prompt.is_empty() {
            return Ok((not_asked("there is no text to go on from".to_owned()), Source::Miss));
        }
        if query.trigger == Trigger::Automatic {
            let waiting = Instant::now();
            tokio::time::sleep(Duration::from_millis(self.config.debounce_ms)).await;
            run.timings.debounce = milliseconds(waiting.elapsed());
        }

        let _busy = on_engine();
        let time = Duration::from_millis(self.config.max_ms);
        request.deadline = Some(Instant::now() + time);
        let generated = match self.fill_elsewhere(engine, place, &context, &request, time / ELSEWHERE_SHARE).await {
            Some(Ok(filled)) => filled.into(),
            elsewhere => {
                let prompt = tokenizer.decode(&request.prompt, true);
                let finish = generate(engine, request, &mode).await?;
                run.speculation = finish.speculation.into();
                let route = elsewhere.and_then(Result::err).map(|route| Route { model: model.clone(), ..route });
                Generated { route, ..Generated::local(model, prompt, finish) }
            }
        };
        let is_cut_off = generated.stopped == StopReason::Deadline;
        let answer = self.judge(query, place, &mode, context, generated, run);
        // What a deadline cut short may come out whole next time.
        if !is_cut_off {
            self.cache().put(key, answer.clone());
        }
        Ok((answer, Source::Miss))
    }

    /// Asks the engines elsewhere that finish lines, for at most `time`. `None` where there are none.
    async fn fill_elsewhere(
        &self,
        engine: &Engine,
        place: &Place,
        context: &CompletionContext,
        request: &Request,
        time: Duration,
    ) -> Option<Result<Filled, Route>> {
        if !self.router.completes() {
            return None;
        }
        let gap = Gap {
            path: &self.path(&place.snapshot),
            language: place.snapshot.language(),
            prefix: &context.prefix,
            suffix: &context.suffix,
            pieces: &context.pieces,
            max_tokens: request.max_tokens,
            stop: request.stop_strings.clone(),
            time,
        };
        Some(fill(&self.router, engine.tokenizer(), &gap).await)
    }

    /// Judges and trims what was generated, and keeps how it came to be.
    fn judge(
        &self,
        query: &Query,
        place: &Place,
        mode: &Mode,
        context: CompletionContext,
        generated: Generated,
        run: &mut Run,
    ) -> Answer {
        let Generated { prompt, text, stopped: reason, confidence, tokens, times, model, route } = generated;
        tracing::debug!(text = %for_log(&text), ?reason, ?mode, "generated");
        run.tokens = tokens;
        [run.timings.queue, run.timings.prefill, run.timings.decode] = times.map(milliseconds);
        let judging = Instant::now();
        let site = filters::Site {
            snapshot: &place.snapshot,
            offset: place.offset,
            mode,
            trigger: query.trigger,
            is_cut_off: matches!(reason, StopReason::Length | StopReason::Deadline),
        };
        let mut answer = Answer {
            id: None,
            text: match reason {
                StopReason::Deadline if text.is_empty() => Err(TOO_SLOW.to_owned()),
                _ => filters::apply(&site, &text),
            },
            confidence,
            stopped: stopped(&reason),
            context: context.pieces.into_iter().map(ContextRow::from).collect(),
            route,
        };
        run.timings.filters = milliseconds(judging.elapsed());
        answer.id = Some(self.recent.keep(Entry {
            kind: Kind::Completion,
            prompt,
            sources: answer.context.iter().map(Evidence::from).collect(),
            text,
            citations: Vec::new(),
            model,
            route: answer.route.clone(),
            notes: answer.route.as_ref().map(Route::notes).unwrap_or_default(),
            tokens: run.tokens,
            timings_ms: json!(run.timings),
            stopped: json!(answer.stopped),
        }));
        answer
    }

    /// Has the engine read what a completion at the cursor of `query` would rest on, so that it costs nothing later. Dropping
    /// the future ends that; a request of anybody comes before it.
    pub async fn read_ahead(&self, engine: &Engine, query: Query) -> Result<(), EngineError> {
        if self.refuse(&query).is_some() {
            return Ok(());
        }
        let place = Place::new(&query);
        let max_tokens = query.max_tokens.unwrap_or(self.config.max_tokens);
        let context = self.gather(engine, &query, &place, max_tokens, true);
        let mut request = self.request(engine, &place.snapshot, &context, &Mode::Line, 0);
        if request.prompt.is_empty() {
            return Ok(());
        }
        request.priority = Priority::Idle;
        engine.generate(request).finish().await.map(drop)
    }

    /// What the model is shown of the code around the cursor, and of the rest: the same of that as at the last key on this
    /// line, unless it is to be found anew, or all of it is read in no time.
    fn gather(
        &self,
        engine: &Engine,
        query: &Query,
        place: &Place,
        max_tokens: usize,
        is_fresh: bool,
    ) -> CompletionContext {
        let tokenizer = engine.tokenizer();
        let room = engine.info().context_tokens.saturating_sub(max_tokens);
        let (tokens, suffix_share) = (self.config.prompt_tokens, self.config.suffix_share);
        let mut budget = prompt::budget(tokens, room, suffix_share, query.use_context, tokenizer.special());
        if is_fresh {
            budget.time = GATHER_TIME_INVOKED;
        }
        let counter = prompt::Counter { tokenizer, lines: &self.counts };
        let (snapshot, workspace) = (&place.snapshot, self.workspace.as_deref());
        let path = snapshot.path().filter(|_| budget.piece_tokens > 0);
        let line = Line::of(snapshot, place.offset);
        let whole = budget.prefix_tokens + budget.suffix_tokens + budget.piece_tokens;
        let is_quick = engine.status().prefill_speed.is_some_and(|speed| whole as f64 / speed < QUICK.as_secs_f64());
        let known = path.filter(|_| !is_fresh && !is_quick).and_then(|path| self.same_line.pieces(path, line));
        let beside = known.as_deref().map_or(Beside::Fresh(&query.attention), Beside::Known);
        let context = gather_completion(snapshot, place.offset, &budget, &counter, workspace, beside);
        // Pieces that were cut short by the clock are no reason to do without the others for a whole line.
        if let Some(path) = path.filter(|_| known.is_none() && context.complete) {
            let pieces = context.ranks.iter().copied().zip(context.pieces.iter().cloned()).collect();
            self.same_line.keep(path, line, pieces);
        }
        context
    }

    /// The file as models see its path.
    fn path(&self, snapshot: &Snapshot) -> String {
        match (snapshot.path(), self.workspace.as_deref()) {
            (Some(path), Some(workspace)) => workspace.display_path(path),
            (Some(path), None) => path.to_string_lossy().into_owned(),
            (None, _) => "untitled".to_owned(),
        }
    }

    fn request(
        &self,
        engine: &Engine,
        snapshot: &Snapshot,
        context: &CompletionContext,
        mode: &Mode,
        max_tokens: usize,
    ) -> Request {
        let tokenizer = engine.tokenizer();
        let path = self.path(snapshot);
        let root = self.workspace.as_deref().and_then(|workspace| workspace.root().file_name());
        let repository_name = root.map_or("repository".into(), |name| name.to_string_lossy());
        let prompt = prompt::build(tokenizer, context, &path, &repository_name);
        let mut request = Request::new(prompt.tokens, max_tokens, Priority::Completion);
        request.begin_with = prompt.begin_with;
        request.prefer = context.expected.as_ref().map(|expected| Preference {
            names: expected.names.clone(),
            bonus: match expected.origin {
                Origin::Members => MEMBERS_BONUS,
                Origin::Imports => IMPORTS_BONUS,
            },
        });
        request.movable = self.config.move_suffix.then_some(prompt.suffix);
        request.slot = snapshot.path().map(hash);
        request.stop_tokens = prompt::stop_tokens(tokenizer.special());
        if *mode == Mode::Line {
            request.stop_strings = vec!["\n".to_owned()];
        }
        request.speculate = self.speculate;
        request
    }
}

/// The text and cursor that the engine completes: with the menu's selected entry inserted, if there is one.
struct Place {
    snapshot: Snapshot,
    offset: usize,
}

impl Place {
    fn new(query: &Query) -> Place {
        let len = query.snapshot.rope().len_chars();
        let Some(selected) = &query.selected else {
            return Place { snapshot: query.snapshot.clone(), offset: query.offset.min(len) };
        };
        let start = selected.start.min(len);
        let snapshot = query.snapshot.with_edit(start..selected.end.clamp(start, len), &selected.text);
        Place { snapshot, offset: start + selected.text.chars().count() }
    }
}

/// Runs the request; stops it early once a block is whole.
async fn generate(engine: &Engine, request: Request, mode: &Mode) -> Result<Finish, EngineError> {
    let mut generation = engine.generate(request);
    let mut text = String::new();
    let mut is_whole = false;
    while let Some(event) = generation.next().await {
        match event {
            Event::Text(piece) => {
                text.push_str(&piece);
                if let Mode::Block { indent, .. } = mode
                    && !is_whole
                    && filters::block_end::is_complete(&text, *indent)
                {
                    is_whole = true;
                    generation.cancel();
                }
            }
            Event::Done(finish) => return Ok(finish),
            Event::Failed(error) => return Err(error),
        }
    }
    Err(EngineError::Died)
}

fn stopped(reason: &StopReason) -> String {
    let name = match reason {
        StopReason::StopString(_) => "newline",
        StopReason::EndOfText => "end_of_text",
        StopReason::Length => "length",
        StopReason::Deadline => "deadline",
        // Only a whole block is cancelled from here.
        StopReason::Cancelled => "block_end",
    };
    name.to_owned()
}

fn not_asked(reason: String) -> Answer {
    Answer {
        text: Err(reason),
        confidence: None,
        stopped: "not_asked".to_owned(),
        context: Vec::new(),
        id: None,
        route: None,
    }
}

fn outcome(query: &Query, model: &str, answer: Answer, source: Source, run: Run) -> CompletionOutcome {
    let rope = query.snapshot.rope();
    let at = |char_idx| text::char_to_position(rope, char_idx, Encoding::Utf32);
    let (start, end, typed) = match &query.selected {
        Some(selected) => (selected.start, selected.end, selected.text.as_str()),
        None => (query.offset, query.offset, ""),
    };
    let range = ItemRange { start: at(start), end: at(end) };
    let (items, silent) = match answer.text {
        Ok(text) => (vec![Item { text: format!("{typed}{text}"), range, confidence: answer.confidence }], None),
        Err(reason) => (Vec::new(), Some(reason)),
    };
    CompletionOutcome {
        id: answer.id,
        items,
        tokens: run.tokens,
        speculation: run.speculation,
        timings_ms: run.timings,
        context: answer.context,
        stopped: answer.stopped,
        cache: source,
        model: answer.route.as_ref().map_or(model, |route| &route.model).to_owned(),
        route: answer.route,
        silent,
    }
}

/// Milliseconds to a tenth.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 10_000.0).round() / 10.0
}

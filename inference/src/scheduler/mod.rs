//! The worker: one thread that owns the models and runs one job at a time, one step at a time.
//!
//! Before each step the queue is put in order, so preemption, cancellation and deadlines need no code of their own in
//! the steps. Every job ends with exactly one `Done` or `Failed`.

pub(crate) mod board;
pub(crate) mod job;
mod queue;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use board::Board;
use job::{Job, Ticket};
use queue::Queue;

use crate::EngineError;
use crate::cache::prefix::Slots;
use crate::decode::sequence::{Models, Runner, Sequence, catch_up};
use crate::decode::speculative::Source;
use crate::request::{Priority, StopReason};
use crate::tokenizer::Tokenizer;
use crate::transformer::LanguageModel;

/// Tokens that an answer of each priority is thought to have before any was seen.
const USUAL_LENGTHS: [f64; 3] = [1.0, 200.0, 20.0];

/// Weight of the newest answer in the usual length.
const LENGTH_WEIGHT: f64 = 0.2;

/// How long nothing is asked for before idle time is used for what may not be needed.
const REFRESH_PAUSE: Duration = Duration::from_millis(300);

/// Tokens that are computed anew at a time: the longest that a request waits for it.
const REFRESHED_TOKENS: usize = 16;

/// What reaches the worker.
#[derive(Debug)]
pub(crate) enum Message<M> {
    /// A request.
    Job(Box<Ticket>),
    /// A draft model, which may come later than the target so that the first answer need not wait for it.
    Draft(M),
    /// Look at the board: the last handle is gone.
    Wake,
}

/// Everything the worker thread owns.
#[derive(Debug)]
pub(crate) struct Worker<M: LanguageModel> {
    runner: Runner<M>,
    slots: Slots<M::Cache>,
    queue: Queue<Priority, Job<M::Cache>>,
    usual_lengths: [f64; 3],
    tokenizer: Arc<Tokenizer>,
    context: usize,
    inbox: Receiver<Message<M>>,
    board: Arc<Board>,
    /// When a request ended last.
    last_end: Instant,
}

impl<M: LanguageModel> Worker<M> {
    /// A worker with nothing to do. Prompt and answer of a job may have `context` tokens, and idle slots
    /// `cache_bytes` bytes beside those of the running job.
    pub(crate) fn new(
        models: Models<M>,
        tokenizer: Arc<Tokenizer>,
        context: usize,
        cache_bytes: usize,
        inbox: Receiver<Message<M>>,
        board: Arc<Board>,
    ) -> Self {
        board.set_draft(models.draft.is_some());
        Worker {
            runner: Runner::new(models),
            slots: Slots::new(cache_bytes),
            queue: Queue::new(),
            usual_lengths: USUAL_LENGTHS,
            tokenizer,
            context,
            inbox,
            board,
            last_end: Instant::now(),
        }
    }

    /// Works until the last handle is gone. Jobs that are left then end as cancelled.
    pub(crate) fn run(mut self) {
        while self.receive() {
            self.end_interrupted();
            if !self.queue.is_empty() {
                self.step();
            } else if self.can_use_idle_time() {
                self.use_idle_time();
            } else if self.is_time_to_refresh() {
                self.refresh();
            }
        }
        while let Some(job) = self.queue.pop() {
            self.finish(job, StopReason::Cancelled);
        }
    }

    /// Takes in what was sent. Waits if there is nothing to do; `false` when there will never be.
    fn receive(&mut self) -> bool {
        self.board.clear_announcements();
        loop {
            let message = match self.inbox.try_recv() {
                Ok(message) => message,
                Err(TryRecvError::Disconnected) => return false,
                Err(TryRecvError::Empty) if !self.queue.is_empty() || self.can_use_idle_time() => break,
                Err(TryRecvError::Empty) if self.slots.latest().is_some_and(|slot| slot.is_stale()) => {
                    let left = REFRESH_PAUSE.saturating_sub(self.last_end.elapsed());
                    match self.inbox.recv_timeout(left) {
                        Ok(message) => message,
                        Err(RecvTimeoutError::Timeout) => break,
                        Err(RecvTimeoutError::Disconnected) => return false,
                    }
                }
                Err(TryRecvError::Empty) => match self.inbox.recv() {
                    Ok(message) => message,
                    Err(_) => return false,
                },
            };
            match message {
                Message::Job(ticket) => {
                    let priority = ticket.request.priority;
                    self.queue.push(priority, Job::new(*ticket, self.context, &self.tokenizer));
                }
                Message::Draft(model) => {
                    self.runner.models.draft = Some(model);
                    self.board.set_draft(true);
                }
                Message::Wake => {}
            }
            if self.board.is_stopping() {
                return false;
            }
        }
        !self.board.is_stopping()
    }

    /// Ends the jobs, running or not, that were cancelled or whose deadline has passed.
    fn end_interrupted(&mut self) {
        let now = Instant::now();
        for job in self.queue.extract(|job| job.interruption(now).is_some()) {
            let reason = job.interruption(now).unwrap_or(StopReason::Cancelled);
            self.finish(job, reason);
        }
    }

    /// Runs the first job for one step.
    fn step(&mut self) {
        self.update_board();
        let busy = self.queue.iter().map(Job::bytes).sum();
        let Worker { runner, slots, queue, usual_lengths, board, context, .. } = self;
        let Some(job) = queue.first() else { return };
        let had_draft = runner.models.draft.is_some();
        // A panic in a step leaves this job's sequence in an unknown state, and nothing else: it is dropped.
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let usual_length = usual_lengths[job.ticket.request.priority as usize];
            step_job(job, runner, slots, *context, busy, usual_length, board)
        }));
        if had_draft && runner.models.draft.is_none() {
            slots.forget_drafts();
            board.set_draft(false);
        }
        match outcome {
            Ok(Ok(None)) => {}
            Ok(Ok(Some(reason))) => {
                if let Some(job) = self.queue.pop() {
                    self.finish(job, reason);
                }
            }
            Ok(Err(error)) => self.fail(error),
            Err(panic) => self.fail(EngineError::Compute(format!("internal error: {}", panic_text(&*panic)))),
        }
    }

    fn finish(&mut self, job: Job<M::Cache>, reason: StopReason) {
        let complete = !matches!(reason, StopReason::Cancelled | StopReason::Deadline);
        if complete && job.ticket.request.max_tokens > 0 {
            let usual = &mut self.usual_lengths[job.ticket.request.priority as usize];
            *usual += (job.answer.generated() as f64 - *usual) * LENGTH_WEIGHT;
        }
        let fresh = job.sequence.as_ref().map_or_else(Vec::new, |sequence| sequence.fresh().to_vec());
        let (slot, last_word) = job.end(reason, Instant::now());
        if let Some(slot) = slot {
            let busy = self.queue.iter().map(Job::bytes).sum();
            self.slots.give_back(slot, busy);
        }
        self.last_end = Instant::now();
        self.update_board();
        last_word.send();
        // Nobody waits for this.
        self.runner.recent.add(&fresh);
    }

    fn fail(&mut self, error: EngineError) {
        if let Some(job) = self.queue.pop() {
            tracing::error!(%error, "a request failed");
            let last_word = job.fail(error);
            self.update_board();
            last_word.send();
        }
    }

    /// Whether the draft lacks tokens of the latest slot, would be used if it had them, and has the memory for them.
    fn can_use_idle_time(&mut self) -> bool {
        let Some(draft) = &self.runner.models.draft else { return false };
        let limit = draft.context_limit();
        self.runner.policy.pays(Source::Draft)
            && self.slots.latest().is_some_and(|slot| slot.drafted() < slot.len().min(limit))
            && self.slots.could_double()
    }

    /// Runs a chunk of the latest slot through the draft: the next request with this slot can then use it at once.
    fn use_idle_time(&mut self) {
        let Worker { runner, slots, board, .. } = self;
        let Some(slot) = slots.latest() else { return };
        let tokens = slot.tokens().to_vec();
        let caught_up = catch_unwind(AssertUnwindSafe(|| catch_up(slot, runner, &tokens, 0)));
        if !matches!(caught_up, Ok(Ok(_))) {
            tracing::warn!("the draft model failed and is not used any more");
            runner.models.draft = None;
            slots.forget_drafts();
            board.set_draft(false);
        }
    }

    /// Whether nobody has asked for anything for some time, and the latest slot holds what was moved.
    fn is_time_to_refresh(&mut self) -> bool {
        self.last_end.elapsed() >= REFRESH_PAUSE && self.slots.latest().is_some_and(|slot| slot.is_stale())
    }

    /// Computes a chunk of what was moved anew.
    fn refresh(&mut self) {
        let Worker { runner, slots, .. } = self;
        let Some(slot) = slots.latest() else { return };
        let refreshed = catch_unwind(AssertUnwindSafe(|| slot.refresh(&mut runner.models.target, REFRESHED_TOKENS)));
        if !matches!(refreshed, Ok(Ok(()))) {
            tracing::warn!("a cached sequence could not be refreshed and is dropped");
            slots.drop_latest();
            self.update_board();
        }
    }

    fn update_board(&mut self) {
        let busy: usize = self.queue.iter().filter_map(|job| job.sequence.as_ref()).map(Sequence::bytes).sum();
        let running = self.queue.iter().next().map(|job| job.ticket.request.priority);
        let waiting = self.queue.len().saturating_sub(1);
        self.board.update(running, waiting, busy + self.slots.bytes(), self.slots.len());
        self.board.set_prefill_speed(self.runner.chunk.speed());
    }
}

/// Starts the job if it has not run yet, then runs it for one step.
fn step_job<M: LanguageModel>(
    job: &mut Job<M::Cache>,
    runner: &mut Runner<M>,
    slots: &mut Slots<M::Cache>,
    context: usize,
    busy: usize,
    usual_length: f64,
    board: &Board,
) -> Result<Option<StopReason>, EngineError> {
    let Job { ticket, answer, sequence } = job;
    let request = &ticket.request;
    let sequence = match sequence {
        Some(sequence) => sequence,
        None => {
            let target = &runner.models.target;
            let positions = request.prompt.len() + answer.room();
            let slot = slots.take(request.slot, &request.prompt, positions, busy, || target.new_cache(context))?;
            sequence.insert(Sequence::new(slot, &mut runner.models, request, answer.room(), usual_length)?)
        }
    };
    let interrupted =
        || ticket.cancelled.load(Ordering::Relaxed) || board.announced_above(request.priority) || board.is_stopping();
    sequence.step(runner, answer, &interrupted)
}

/// What a panic said.
fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

#[cfg(test)]
mod tests;

//! One request on its way through the scheduler, from arrival to exactly one last event.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

use crate::EngineError;
use crate::cache::prefix::Slot;
use crate::decode::answer::Answer;
use crate::decode::sequence::Sequence;
use crate::request::{Event, Finish, Request, StopReason, Timings, TokenStats};
use crate::tokenizer::Tokenizer;
use crate::transformer::SequenceCache;

/// A request as it was handed in.
#[derive(Debug)]
pub(crate) struct Ticket {
    /// What is asked.
    pub(crate) request: Request,
    /// Where the answer goes.
    pub(crate) events: UnboundedSender<Event>,
    /// Set when nobody wants the answer any more.
    pub(crate) cancelled: Arc<AtomicBool>,
    /// When it was handed in.
    pub(crate) arrived: Instant,
}

/// A request in the queue: waiting, running or preempted.
#[derive(Debug)]
pub(crate) struct Job<C> {
    pub(super) ticket: Ticket,
    pub(super) answer: Answer,
    /// There once the job has run for the first time.
    pub(super) sequence: Option<Sequence<C>>,
}

impl<C: SequenceCache> Job<C> {
    /// A job that has not run. Prompt and answer together may have `context` tokens.
    pub(super) fn new(ticket: Ticket, context: usize, tokenizer: &Arc<Tokenizer>) -> Self {
        let room = context.saturating_sub(ticket.request.prompt.len());
        let most = ticket.request.max_tokens.min(room);
        let answer = Answer::new(&ticket.request, most, tokenizer, ticket.events.clone());
        Job { ticket, answer, sequence: None }
    }

    /// Why the job must end although it is not complete, if it must.
    pub(super) fn interruption(&self, now: Instant) -> Option<StopReason> {
        if self.ticket.cancelled.load(Ordering::Relaxed) {
            return Some(StopReason::Cancelled);
        }
        self.ticket.request.deadline.is_some_and(|deadline| deadline <= now).then_some(StopReason::Deadline)
    }

    /// Bytes that the job's slot will have when the answer has its greatest length.
    pub(super) fn bytes(&self) -> usize {
        self.sequence.as_ref().map_or(0, |sequence| sequence.bytes_with(self.answer.room()))
    }

    /// Ends the job: takes its slot out, and returns what is left to be said.
    pub(super) fn end(mut self, reason: StopReason, now: Instant) -> (Option<Slot<C>>, LastWord) {
        if !matches!(reason, StopReason::StopString(_)) {
            self.answer.flush();
        }
        let mut sequence = self.sequence.take();
        let (prefill, decode) = sequence.as_ref().map_or((Duration::ZERO, Duration::ZERO), Sequence::times);
        let finish = Finish {
            text: self.answer.text().to_owned(),
            reason,
            tokens: TokenStats {
                prompt: self.ticket.request.prompt.len(),
                reused: sequence.as_ref().map_or(0, Sequence::reused),
                generated: self.answer.generated(),
            },
            speculation: sequence.as_ref().map(Sequence::stats).unwrap_or_default(),
            timings: Timings {
                queue: now.saturating_duration_since(self.ticket.arrived).saturating_sub(prefill + decode),
                prefill,
                decode,
            },
            confidence: self.answer.confidence(),
            scores: sequence.as_mut().map(Sequence::take_scores).unwrap_or_default(),
        };
        (sequence.map(Sequence::into_slot), LastWord { event: Event::Done(finish), events: self.ticket.events })
    }

    /// Ends the job with an error, and drops its slot, which may be broken.
    pub(super) fn fail(self, error: EngineError) -> LastWord {
        LastWord { event: Event::Failed(error), events: self.ticket.events }
    }
}

/// The last event of a job, to be sent when all else about it is in order.
#[derive(Debug)]
#[must_use]
pub(super) struct LastWord {
    event: Event,
    events: UnboundedSender<Event>,
}

impl LastWord {
    /// Sends it. Nobody may be listening any more, which is no error.
    pub(super) fn send(self) {
        let _ = self.events.send(self.event);
    }
}

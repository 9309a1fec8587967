//! The answer of one request as it grows: its text, when it ends, and how sure the model was.

use std::sync::Arc;

use tokio::sync::mpsc::UnboundedSender;

use super::sampler::Choice;
use super::stop::{Step, StopMatcher};
use crate::request::{Event, Request, StopReason};
use crate::tokenizer::{Decoder, Tokenizer};

/// Turns chosen tokens into streamed text, and says when the answer is complete.
#[derive(Debug)]
pub(crate) struct Answer {
    events: UnboundedSender<Event>,
    decoder: Decoder,
    stops: StopMatcher,
    end_tokens: Vec<u32>,
    most: usize,
    text: String,
    generated: usize,
    /// Sum of the logarithms of the probabilities of the tokens generated.
    log_probability: f64,
}

impl Answer {
    /// An empty answer to `request`, of at most `most` tokens, whose text goes to `events`.
    pub(crate) fn new(
        request: &Request,
        most: usize,
        tokenizer: &Arc<Tokenizer>,
        events: UnboundedSender<Event>,
    ) -> Self {
        let mut end_tokens = tokenizer.special().end_of_text.clone();
        end_tokens.extend_from_slice(&request.stop_tokens);
        Answer {
            events,
            decoder: Decoder::new(Arc::clone(tokenizer), request.show_special),
            stops: StopMatcher::new(&request.stop_strings),
            end_tokens,
            most,
            text: String::new(),
            generated: 0,
            log_probability: 0.0,
        }
    }

    /// Tokens that may still be generated.
    pub(crate) fn room(&self) -> usize {
        self.most - self.generated
    }

    /// Tokens generated. A token that only ends the answer is none.
    pub(crate) fn generated(&self) -> usize {
        self.generated
    }

    /// The text so far, without what may still turn out to be a stop string.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Geometric mean of the probabilities of the tokens generated, 1 when there is none.
    pub(crate) fn confidence(&self) -> f32 {
        if self.generated == 0 { 1.0 } else { (self.log_probability / self.generated as f64).exp() as f32 }
    }

    /// Appends a token; says why if the answer is complete with it.
    pub(crate) fn push(&mut self, choice: Choice) -> Option<StopReason> {
        if self.end_tokens.contains(&choice.token) {
            return Some(StopReason::EndOfText);
        }
        self.generated += 1;
        self.log_probability += f64::from(choice.probability).max(f64::from(f32::MIN_POSITIVE)).ln();
        let stopped = self.decoder.push(choice.token).and_then(|piece| self.show(&piece));
        let length = (self.generated >= self.most).then_some(StopReason::Length);
        stopped.map(StopReason::StopString).or(length)
    }

    /// Streams what was held back: an unfinished character, the start of a stop string that did not come. Not to be
    /// called after a stop string.
    pub(crate) fn flush(&mut self) {
        if let Some(piece) = self.decoder.finish()
            && self.show(&piece).is_some()
        {
            return;
        }
        let held = self.stops.finish();
        self.emit(held);
    }

    /// Streams what can be shown once `piece` has come; returns the stop string that it completed.
    fn show(&mut self, piece: &str) -> Option<String> {
        match self.stops.push(piece) {
            Step::Text(text) => {
                self.emit(text);
                None
            }
            Step::Stop { text, stop } => {
                self.emit(text);
                Some(stop)
            }
        }
    }

    fn emit(&mut self, piece: String) {
        if !piece.is_empty() {
            self.text.push_str(&piece);
            // Nobody listens any more when this fails; the scheduler sees that for itself.
            let _ = self.events.send(Event::Text(piece));
        }
    }
}

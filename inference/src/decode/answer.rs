//! The answer of one request as it grows: its text, when it ends, and how sure the model was.

use std::sync::Arc;

use tokio::sync::mpsc::UnboundedSender;

use super::beginning::Beginning;
use super::sampler::{Choice, Sampler};
use super::stop::{Step, StopMatcher};
use crate::EngineError;
use crate::kernels::probability_of;
use crate::request::{Event, Request, StopReason};
use crate::tokenizer::{Decoder, Tokenizer};

/// Turns chosen tokens into streamed text, and says when the answer is complete.
#[derive(Debug)]
pub(crate) struct Answer {
    events: UnboundedSender<Event>,
    decoder: Decoder,
    stops: StopMatcher,
    end_tokens: Vec<u32>,
    beginning: Beginning,
    /// Bytes of text that are not shown.
    hidden: usize,
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
            beginning: Beginning::new(&request.begin_with, request.prefer.as_ref()),
            hidden: request.begin_with.len(),
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

    /// Whether any token may come next: the beginning that was asked for is there.
    pub(crate) fn has_begun(&self) -> bool {
        self.beginning.is_over()
    }

    /// Chooses, from a row of logits, a token that goes on with the beginning that was asked for. How probable it is, is
    /// what the model said, without what was added for names.
    pub(crate) fn begin(
        &self,
        logits: &mut [f32],
        sampler: &mut Sampler,
        history: &[u32],
    ) -> Result<Choice, EngineError> {
        let tokenizer = self.decoder.tokenizer();
        self.beginning
            .require(tokenizer, logits)
            .map_err(|text| EngineError::Request(format!("the vocabulary cannot spell {text:?}")))?;
        let said = logits.to_vec();
        self.beginning.prefer(tokenizer, &self.end_tokens, logits);
        let token = sampler.sample(logits, history).token;
        Ok(Choice { token, probability: probability_of(&said, token) })
    }

    /// Appends a token; says why if the answer is complete with it.
    pub(crate) fn push(&mut self, choice: Choice) -> Option<StopReason> {
        if self.end_tokens.contains(&choice.token) {
            return Some(StopReason::EndOfText);
        }
        self.generated += 1;
        self.log_probability += f64::from(choice.probability).max(f64::from(f32::MIN_POSITIVE)).ln();
        if !self.beginning.is_over() {
            self.beginning.take(self.decoder.tokenizer().token_bytes(choice.token, false));
        }
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
        let hidden = self.hidden.min(piece.len());
        self.hidden -= hidden;
        // Both are whole characters, the first ones of the answer.
        let piece = piece.get(hidden..).unwrap_or_default();
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

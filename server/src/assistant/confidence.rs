//! How far an answer can be relied on, as one number: how probable the model found its own words, lowered for what speaks
//! against them. It orders answers; it is no probability that one is right, which nobody has measured.

use halfline_inference::StopReason;
use serde::Serialize;

use super::Citation;

/// What is left for each cited place that is not as the answer says, at most [`MOST_FAILED`] of them.
const FAILED_CITATION: f64 = 0.8;
const MOST_FAILED: i32 = 4;
/// What is left of an answer that rests on no line of code.
const NO_EVIDENCE: f64 = 0.6;
/// What is left of an answer that was cut off.
const CUT_OFF: f64 = 0.8;

/// From here on confidence is high, and from there on medium: a choice, like the numbers above.
const HIGH: f64 = 0.75;
const MEDIUM: f64 = 0.5;

/// A confidence in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Better looked up.
    Low,
    /// Better read twice.
    Medium,
    /// As good as this model gets.
    High,
}

impl Level {
    /// The word for `confidence`, 0 to 1.
    pub(super) fn of(confidence: f64) -> Level {
        match confidence {
            _ if confidence >= HIGH => Level::High,
            _ if confidence >= MEDIUM => Level::Medium,
            _ => Level::Low,
        }
    }

    /// The word itself.
    pub fn word(self) -> &'static str {
        match self {
            Level::Low => "low",
            Level::Medium => "medium",
            Level::High => "high",
        }
    }
}

/// The confidence, 0 to 1, in an answer whose tokens had the geometric mean probability `words`, and which rests on so many
/// pieces of evidence.
pub(super) fn of(words: Option<f32>, evidence: usize, citations: &[Citation], stopped: &StopReason) -> Option<f64> {
    // Whether a name that is nowhere here is a mistake nobody can say: it may be one of a library.
    let failed = citations.iter().filter(|citation| !citation.ok && !citation.path.is_empty()).count();
    let failed = i32::try_from(failed).unwrap_or(MOST_FAILED).min(MOST_FAILED);
    let mut confidence = f64::from(words?).clamp(0.0, 1.0) * FAILED_CITATION.powi(failed);
    if evidence == 0 {
        confidence *= NO_EVIDENCE;
    }
    if matches!(stopped, StopReason::Length | StopReason::Deadline | StopReason::Cancelled) {
        confidence *= CUT_OFF;
    }
    // More digits would say more than is known.
    Some((confidence * 100.0).round() / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_speaks_against_an_answer_lowers_it() {
        let citation = |ok| Citation { path: "a.rs".to_owned(), line: 1, symbol: None, ok };
        let (good, bad) = ([citation(true)], [citation(true), citation(false)]);
        let end = StopReason::EndOfText;
        let many: Vec<Citation> = (0..40).map(|_| citation(false)).collect();
        for (words, evidence, citations, stopped, expected) in [
            (Some(0.9), 2, &good[..], &end, Some((0.9, Level::High))),
            (Some(0.9), 2, &bad[..], &end, Some((0.72, Level::Medium))),
            (Some(0.9), 0, &good[..], &end, Some((0.54, Level::Medium))),
            (Some(0.9), 2, &good[..], &StopReason::Length, Some((0.72, Level::Medium))),
            (Some(0.9), 0, &bad[..], &StopReason::Deadline, Some((0.35, Level::Low))),
            (Some(1.0), 2, &many[..], &end, Some((0.41, Level::Low))),
            (None, 2, &good[..], &end, None),
        ] {
            let confidence = of(words, evidence, citations, stopped);
            assert_eq!(confidence.map(|number| (number, Level::of(number))), expected, "{words:?} {evidence}");
        }
    }
}

//! What of a conversation fits into a prompt. Old turns are shortened by taking sentences out of them, and left out when that
//! is not enough; no model is asked for a summary, which would cost as much as an answer.
//!
//! A prompt that changes in the middle has to be computed anew from there on. So turns are shortened seldom and many at
//! once: when the history is too long, until it takes half of its room.

use std::path::PathBuf;

use halfline_context::TokenCounter;
use serde::Serialize;

use super::super::{Exchange, Extra};
use super::{Standing, Turn};

/// Tokens around each exchange.
const TURN_TOKENS: usize = 10;
/// Characters of a shortened question.
const QUESTION_CHARS: usize = 300;
/// Characters of a shortened answer, roughly: whole sentences.
const ANSWER_CHARS: usize = 240;
/// Places that a shortened question still names.
const MOST_PLACES: usize = 4;

/// What a prompt held of what was said before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HistoryReport {
    /// Turns there were.
    pub turns: usize,
    /// Of those, shortened.
    pub shortened: usize,
    /// Of those, left out.
    pub left_out: usize,
    /// Tokens of the rest.
    pub tokens: usize,
}

/// Lowers the standing of old turns until all of them take at most `room` tokens.
pub(super) fn fit(turns: &mut [Turn], room: usize, counter: &dyn TokenCounter) -> HistoryReport {
    let mut costs: Vec<usize> = turns.iter().map(|turn| cost(turn, counter)).collect();
    let mut total: usize = costs.iter().sum();
    if total > room {
        // The last turn is what a follow-up is about; it is touched only where it alone is too much.
        let last = turns.len() - 1;
        for (standing, until, most) in [
            (Standing::Shortened, last, room / 2),
            (Standing::LeftOut, last, room / 2),
            (Standing::Shortened, turns.len(), room),
            (Standing::LeftOut, turns.len(), room),
        ] {
            for (turn, cost_now) in turns.iter_mut().zip(&mut costs).take(until) {
                if total <= most {
                    break;
                }
                turn.standing = turn.standing.max(standing);
                total -= *cost_now;
                *cost_now = cost(turn, counter);
                total += *cost_now;
            }
        }
    }
    let count = |standing: Standing| turns.iter().filter(|turn| turn.standing == standing).count();
    HistoryReport {
        turns: turns.len(),
        shortened: count(Standing::Shortened),
        left_out: count(Standing::LeftOut),
        tokens: total,
    }
}

/// The turns as a prompt holds them.
pub(super) fn exchanges(turns: &[Turn]) -> Vec<Exchange> {
    turns.iter().filter_map(exchange).collect()
}

/// The files that those quote or name.
pub(super) fn files(turns: &[Turn]) -> Vec<PathBuf> {
    let kept = turns.iter().filter(|turn| turn.standing != Standing::LeftOut);
    let mut files: Vec<PathBuf> = kept.flat_map(|turn| turn.files.iter().cloned()).collect();
    files.sort_unstable();
    files.dedup();
    files
}

fn exchange(turn: &Turn) -> Option<Exchange> {
    match turn.standing {
        Standing::Whole => {
            Some(Exchange { user: turn.user.clone(), extras: turn.extras.clone(), answer: turn.answer.clone() })
        }
        Standing::Shortened => Some(shortened(turn)),
        Standing::LeftOut => None,
    }
}

fn cost(turn: &Turn, counter: &dyn TokenCounter) -> usize {
    exchange(turn).map_or(0, |one| counter.count(&one.user) + counter.count(&one.answer) + TURN_TOKENS)
}

/// The question in the user's words with the places that were shown, and the answer's first sentences and those that name a
/// place.
fn shortened(turn: &Turn) -> Exchange {
    let mut user: String = turn.question.chars().take(QUESTION_CHARS).collect();
    let mut extras = Vec::new();
    for (at, place) in turn.places.iter().take(MOST_PLACES).enumerate() {
        if at == 0 {
            user += "\n(about ";
        }
        let start = user.len();
        user += if at == 0 { "" } else { ", " };
        user += place;
        // A name alone may say too much of a file that nobody asked about.
        if let Some(extra) = turn.extras.iter().find(|extra| extra.place == *place) {
            extras.push(Extra { range: start..user.len(), ..extra.clone() });
        }
    }
    if !turn.places.is_empty() {
        user.push(')');
    }
    let sentences = sentences(&turn.answer);
    let mut answer = String::new();
    for (at, sentence) in sentences.iter().enumerate() {
        let fits = answer.chars().count() + sentence.chars().count() <= ANSWER_CHARS;
        if at == 0 || fits && (at == 1 || names_a_place(sentence)) {
            answer += if answer.is_empty() { "" } else { " " };
            answer.extend(sentence.chars().take(ANSWER_CHARS));
        }
    }
    if answer.is_empty() {
        answer = "(code)".to_owned();
    }
    Exchange { user, extras, answer }
}

/// The sentences of `text` outside of its code blocks.
fn sentences(text: &str) -> Vec<String> {
    let mut prose = String::new();
    let mut in_code = false;
    for line in text.lines() {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        if !in_code && !is_fence {
            prose += line.trim();
            prose.push(' ');
        }
    }
    let mut found = vec![String::new()];
    for word in prose.split_whitespace() {
        if let Some(last) = found.last_mut() {
            *last += if last.is_empty() { "" } else { " " };
            *last += word;
        }
        if word.ends_with(['.', '!', '?', ':']) {
            found.push(String::new());
        }
    }
    found.retain(|sentence| !sentence.is_empty());
    found
}

/// Whether a sentence names a line of a file.
fn names_a_place(sentence: &str) -> bool {
    sentence.split(|ch: char| ch.is_whitespace() || ch == '`').any(|word| {
        word.split_once(':')
            .is_some_and(|(path, line)| path.contains('.') && line.starts_with(|ch: char| ch.is_numeric()))
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use halfline_context::budget::RoughCounter;

    use super::*;

    fn turn(question: &str, evidence: &str, answer: &str) -> Turn {
        Turn {
            question: question.to_owned(),
            user: format!("{evidence}\n{question}"),
            extras: Vec::new(),
            answer: answer.to_owned(),
            places: vec!["src/a.rs:1-9".to_owned()],
            files: vec!["src/a.rs".into()],
            model: "m".to_owned(),
            route: String::new(),
            time_ms: 0,
            standing: Standing::Whole,
        }
    }

    #[test]
    fn a_short_form_keeps_what_was_asked_and_what_was_found() {
        let answer = "`parse` fails on an empty line. It calls `unwrap`.\nThat is bad style, all in all. See src/a.rs:4 for it.\n```rust\nlet x = 1;\n```\nHope that helps!";
        let Exchange { user, answer, .. } = shortened(&turn("Why does it\nfail?", "CODE", answer));
        expect![[r#"
            Why does it
            fail?
            (about src/a.rs:1-9)
            --
            `parse` fails on an empty line. It calls `unwrap`. See src/a.rs:4 for it."#]]
        .assert_eq(&format!("{user}\n--\n{answer}"));
        assert_eq!(shortened(&turn("Code?", "", "```\nx\n```")).answer, "(code)");
    }

    #[test]
    fn a_history_that_fits_is_not_touched_and_one_that_does_not_goes_down_to_half() {
        let evidence = "let x = 1; ".repeat(60);
        let answer = "It adds one. Then it stops. ".repeat(20);
        let all = |count: usize| (0..count).map(|n| turn(&format!("Question {n}?"), &evidence, &answer)).collect();
        let counter = RoughCounter;
        let mut turns: Vec<Turn> = all(6);
        let whole: usize = turns.iter().map(|turn| cost(turn, &counter)).sum();
        let report = fit(&mut turns, whole, &counter);
        assert_eq!((report.turns, report.shortened, report.tokens), (6, 0, whole));

        for room in [whole - 1, whole / 2, whole / 4, whole / 7, 40, 0] {
            let mut turns: Vec<Turn> = all(6);
            let report = fit(&mut turns, room, &counter);
            assert!(report.tokens <= room, "{room}: {report:?}");
            let standings: Vec<Standing> = turns.iter().map(|turn| turn.standing).collect();
            assert!(standings.is_sorted_by(|older, newer| older >= newer), "{room}: {standings:?}");
            assert_eq!(exchanges(&turns).len(), 6 - report.left_out);
            // The same again changes nothing: the next prompt begins with the same tokens.
            let before = turns.clone();
            fit(&mut turns, room, &counter);
            assert_eq!(turns, before);
        }
        let mut turns: Vec<Turn> = all(6);
        assert!(fit(&mut turns, whole - 1, &counter).tokens <= whole / 2, "room for a while");
    }
}

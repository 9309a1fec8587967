//! Lines that the model would have written otherwise, and places where it would have written one. Each line is read where it
//! stands, between what comes before and after it, and compared token by token with what was expected there; between two
//! lines it is asked whether nothing was. Small models are better at this than at saying what is wrong.

use std::ops::Range;
use std::time::Instant;

use halfline_inference::{Engine, EngineError, Finish, Priority, Request, Score, TokenStats};

use crate::completion::{fim, stop_tokens};

/// Lines that the model is shown before the one it is asked about, and after it.
const BEFORE: usize = 40;
const AFTER: usize = 20;
/// Tokens that the rest of a line may have.
const LINE_TOKENS: usize = 60;
/// Bytes of a line that is looked at. Longer ones are data, or were written by a program.
pub(super) const LONGEST_LINE: usize = 400;

/// A line, and where the model would have gone on otherwise.
#[derive(Clone, Debug)]
pub(super) struct Unlikely {
    /// The line, from 0.
    pub(super) line: usize,
    /// What stands there: one token.
    pub(super) found: String,
    /// What was expected.
    pub(super) expected: String,
    /// How much more probable that is: the logarithm of the ratio.
    pub(super) surprise: f32,
    /// The line up to there, and what was expected.
    beginning: String,
    prompt: Vec<u32>,
}

/// A place where the model would have written a line, and none is.
#[derive(Clone, Debug)]
pub(super) struct Missing {
    /// The line behind it, from 0.
    pub(super) before: usize,
    /// How much more probable something is there than nothing: the logarithm of the ratio.
    pub(super) surprise: f32,
    prompt: Vec<u32>,
}

impl Missing {
    /// The line. `None` where that is empty, a comment, or what stands beside it.
    pub(super) async fn written(
        &self,
        engine: &Engine,
        lines: &[&str],
        deadline: Instant,
        spent: &mut TokenStats,
    ) -> Result<Option<String>, EngineError> {
        let mut request = line_request(engine, self.prompt.clone());
        request.deadline = Some(deadline);
        let text = run(engine, request, spent).await?.text;
        let line = text.lines().next().unwrap_or_default().trim_end();
        let says_something = !line.trim().is_empty() && !line.trim_start().starts_with(['#', '/']);
        let is_beside = |at: usize| lines.get(at).is_some_and(|beside| beside.trim() == line.trim());
        let is_new = !is_beside(self.before) && !self.before.checked_sub(1).is_some_and(is_beside);
        Ok((says_something && is_new).then(|| line.to_owned()))
    }
}

/// How surprised the model is that nothing stands before line `before` of `lines`, of which it is shown those in `shown`. `None`
/// where it is not, cannot be asked, or would have to read lines that are too long.
pub(super) async fn look_before(
    engine: &Engine,
    lines: &[&str],
    shown: Range<usize>,
    before: usize,
    deadline: Instant,
    spent: &mut TokenStats,
) -> Result<Option<Missing>, EngineError> {
    let special = engine.tokenizer().special();
    let Some(mut prompt) = gap(engine, lines, shown, before..before) else { return Ok(None) };
    let Some(&end) = special.end_of_text.first() else { return Ok(None) };
    prompt.push(end);
    let mut request = Request::new(prompt.clone(), 0, Priority::Chat);
    request.scored = 1;
    request.deadline = Some(deadline);
    let scores = run(engine, request, spent).await?.scores;
    prompt.pop();
    let ends = |token: &u32| special.end_of_text.contains(token) || stop_tokens(special).contains(token);
    let missing = scores.first().filter(|score| !ends(&score.likeliest));
    Ok(missing.map(|score| Missing { before, surprise: surprise(score), prompt }))
}

/// Whether `engine` can be asked: its model fills in what stands between two pieces of text.
pub(super) fn can_look(engine: &Engine) -> bool {
    fim(engine.tokenizer().special()).is_some()
}

impl Unlikely {
    /// Whether `line` begins as the model expected.
    pub(super) fn begins(&self, line: &str) -> bool {
        format!("{}\n", line.trim_end()).starts_with(&self.beginning)
    }

    /// The line as the model writes it. `None` where it writes what stands there.
    pub(super) async fn rewritten(
        &self,
        engine: &Engine,
        lines: &[&str],
        deadline: Instant,
        spent: &mut TokenStats,
    ) -> Result<Option<String>, EngineError> {
        let mut line = self.beginning.clone();
        if !line.contains('\n') {
            let mut request = line_request(engine, self.prompt.clone());
            request.deadline = Some(deadline);
            line += &run(engine, request, spent).await?.text;
        }
        let line = line.lines().next().unwrap_or_default().trim_end();
        Ok((line != lines[self.line].trim_end()).then(|| line.to_owned()))
    }
}

/// Where the model is most surprised by line `at` of `lines`, of which it is shown those in `shown`. `None` where it is not,
/// cannot be asked, or would have to read lines that are too long.
pub(super) async fn look_at(
    engine: &Engine,
    lines: &[&str],
    shown: Range<usize>,
    at: usize,
    deadline: Instant,
    spent: &mut TokenStats,
) -> Result<Option<Unlikely>, EngineError> {
    let tokenizer = engine.tokenizer();
    let Some(mut prompt) = gap(engine, lines, shown, at..at + 1) else { return Ok(None) };
    let start = prompt.len();
    prompt.extend(tokenizer.encode(&text_of(&lines[at..at + 1])));
    if prompt.len() > engine.info().context_tokens {
        return Ok(None);
    }

    let mut request = Request::new(prompt.clone(), 0, Priority::Chat);
    request.scored = prompt.len() - start;
    request.deadline = Some(deadline);
    let scores = run(engine, request, spent).await?.scores;
    let spelled = |token: u32| tokenizer.decode(&[token], false);
    let is_other = |score: &Score| {
        let (found, expected) = (spelled(score.token), spelled(score.likeliest));
        let both_say_something = !found.trim().is_empty() && !expected.trim().is_empty();
        both_say_something && found.trim() != expected.trim()
    };
    let worst = scores
        .iter()
        .enumerate()
        .filter(|(_, score)| is_other(score))
        .max_by(|(_, a), (_, b)| surprise(a).total_cmp(&surprise(b)));
    Ok(worst.map(|(index, score)| {
        prompt.truncate(start + index);
        prompt.push(score.likeliest);
        Unlikely {
            line: at,
            found: spelled(score.token),
            expected: spelled(score.likeliest),
            surprise: surprise(score),
            beginning: tokenizer.decode(&prompt[start..], false),
            prompt,
        }
    }))
}

/// How much more probable the expected token is than the one that stands there: the logarithm of the ratio.
fn surprise(score: &Score) -> f32 {
    (score.its_probability / score.probability.max(1e-9)).ln()
}

/// The prompt for what stands in the place of the lines `out`, between those of `shown` around them. `None` where the model has
/// no such prompts, or a line is too long.
fn gap(engine: &Engine, lines: &[&str], shown: Range<usize>, out: Range<usize>) -> Option<Vec<u32>> {
    let tokenizer = engine.tokenizer();
    let [prefix, suffix, middle] = fim(tokenizer.special())?;
    let before = out.start.saturating_sub(BEFORE).max(shown.start).min(out.start);
    let after = (out.end + AFTER).min(shown.end).max(out.end);
    if lines[before..after].iter().any(|line| line.len() > LONGEST_LINE) {
        return None;
    }
    let mut prompt: Vec<u32> = tokenizer.special().beginning_of_text.into_iter().collect();
    prompt.push(prefix);
    prompt.extend(tokenizer.encode(&text_of(&lines[before..out.start])));
    prompt.push(suffix);
    prompt.extend(tokenizer.encode(&text_of(&lines[out.end..after])));
    prompt.push(middle);
    (prompt.len() < engine.info().context_tokens).then_some(prompt)
}

fn text_of(lines: &[&str]) -> String {
    lines.iter().flat_map(|line| [line.trim_end(), "\n"]).collect()
}

/// A request for the rest of one line.
fn line_request(engine: &Engine, prompt: Vec<u32>) -> Request {
    let mut request = Request::new(prompt, LINE_TOKENS, Priority::Chat);
    request.stop_strings = vec!["\n".to_owned()];
    request.stop_tokens = stop_tokens(engine.tokenizer().special());
    request
}

/// Runs `request`, and adds what it took to `spent`.
async fn run(engine: &Engine, request: Request, spent: &mut TokenStats) -> Result<Finish, EngineError> {
    let finish = engine.generate(request).finish().await?;
    *spent += finish.tokens;
    Ok(finish)
}

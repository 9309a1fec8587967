//! What the models are asked while they are measured: ordinary code, and a question about it.

use halfline_inference::tokenizer::Tokenizer;

use crate::assistant::prompt::chat;

/// Code of some thousand tokens.
const CODE: &str = include_str!("engine.rs");

const FUNCTION: &str = "\
/// How often each word occurs in `text`.
fn word_counts(text: &str) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for word in text.split_whitespace() {
        let word = word.trim_matches(|ch: char| !ch.is_alphanumeric()).to_lowercase();
        if !word.is_empty() {
            *counts.entry(word).or_insert(0) += 1;
        }
    }
    counts
}
";

/// `tokens` tokens of code that share no beginning with those of another `round`.
pub(super) fn code(tokenizer: &Tokenizer, tokens: usize, round: usize) -> Vec<u32> {
    let start = CODE.char_indices().nth(97 * round + 31).map_or(0, |(at, _)| at);
    tokenizer.encode(&CODE[start..]).into_iter().cycle().take(tokens).collect()
}

/// Prompts for answers of some length, with a name each.
pub(super) fn generations(tokenizer: &Tokenizer) -> Vec<(&'static str, Vec<u32>)> {
    let plain = |text: &str| Some(tokenizer.encode(text));
    let ask = |text: &str| chat(tokenizer, "You are a helpful assistant.", text);
    let write = "// A least-recently-used cache for strings, and its tests.\n\nuse std::collections::HashMap;\n\n";
    let prompts = [
        ("writing code", plain(write)),
        ("a function asked for", ask("Write a Rust function that parses `key = value` lines into a map, with tests.")),
        ("rewriting code", ask(&format!("Rename `counts` to `totals`. Answer with the code.\n```rust\n{FUNCTION}```"))),
        ("explaining in prose", ask(&format!("Explain this to a beginner.\n```rust\n{FUNCTION}```"))),
    ];
    prompts.into_iter().filter_map(|(name, prompt)| Some((name, prompt?))).collect()
}

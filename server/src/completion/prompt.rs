//! The prompt of a completion: token ids, within a budget, in the order in which what changes least comes first.
//!
//! The layout is Qwen2.5-Coder's: pieces of other files behind `<|repo_name|>` and `<|file_sep|>`, then the file itself as
//! prefix, suffix and middle. Special tokens are put in by id and the person's text through `encode`, where nothing is
//! special, so that no text can pass for structure. A model without these tokens gets the prefix alone.
//!
//! A word that is being typed is often cut into other tokens than the whole word would be, and the model continues those
//! less well. So the last token before a cursor in or after a word, or after a dot, is left out of the prompt, and the
//! answer is made to begin with its text.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use halfline_context::{Budget, CompletionContext, TokenCounter};
use halfline_inference::tokenizer::{SpecialTokens, Tokenizer};
use lru::LruCache;

use super::cache::hash;

/// Tokens for structure: the special ones, the repository's name and the paths.
const STRUCTURE_TOKENS: usize = 48;
/// What pieces of other places may take on top of the text around the cursor, as a part of it. Taken from that text they
/// would cost as many completions as they win: what stands just above is what helps most.
const PIECES_SHARE: f64 = 0.3;
/// How long gathering may take while someone types.
const GATHER_TIME: Duration = Duration::from_millis(10);

/// Lines whose tokens are remembered.
const REMEMBERED_LINES: NonZeroUsize = NonZeroUsize::new(1 << 14).expect("it is not zero");

/// Tokens of lines, by the hash of the line and of the tokenizer: from one keystroke to the next, one line changes.
#[derive(Debug)]
pub(super) struct LineCounts(Mutex<LruCache<u64, usize>>);

impl Default for LineCounts {
    fn default() -> LineCounts {
        LineCounts(Mutex::new(LruCache::new(REMEMBERED_LINES)))
    }
}

/// Counts with the model's own vocabulary, line by line: a little more than the whole text has, where a token goes on into the
/// next line.
pub(super) struct Counter<'a> {
    pub(super) tokenizer: &'a Tokenizer,
    pub(super) lines: &'a LineCounts,
}

impl TokenCounter for Counter<'_> {
    fn count(&self, text: &str) -> usize {
        let mut known = self.lines.0.lock().unwrap_or_else(PoisonError::into_inner);
        let vocabulary = std::ptr::from_ref(self.tokenizer).addr();
        let counts = text
            .split_inclusive('\n')
            .map(|line| *known.get_or_insert(hash(&(vocabulary, line)), || self.tokenizer.count(line)));
        counts.sum()
    }
}

/// Shares out `tokens` for the text around the cursor, and adds those for pieces, of `room` in all. The shares are fixed,
/// so that the prefix's window does not move with the sizes of the other parts. A part that this model cannot be shown
/// gets nothing.
pub(super) fn budget(
    tokens: usize,
    room: usize,
    suffix_share: f64,
    use_context: bool,
    special: &SpecialTokens,
) -> Budget {
    let tokens = tokens.min(room).saturating_sub(STRUCTURE_TOKENS);
    let part = |share: f64| (tokens as f64 * share) as usize;
    let suffix_tokens = if fim(special).is_some() { part(suffix_share.clamp(0.0, 0.9)) } else { 0 };
    let shows_pieces = use_context && fim(special).is_some() && repository(special).is_some();
    let left = room.saturating_sub(tokens + STRUCTURE_TOKENS);
    let piece_tokens = if shows_pieces { part(PIECES_SHARE).min(left) } else { 0 };
    Budget { prefix_tokens: tokens - suffix_tokens, suffix_tokens, piece_tokens, time: GATHER_TIME }
}

/// A prompt, and what the answer has to begin with.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Prompt {
    /// Token ids.
    pub(super) tokens: Vec<u32>,
    /// The last token of the prefix, which the prompt lacks.
    pub(super) begin_with: String,
    /// The tokens of the suffix.
    pub(super) suffix: Range<usize>,
}

/// The prompt for `context`. `path` is the file's as the model sees it, `repository_name` the workspace's.
pub(super) fn build(tokenizer: &Tokenizer, context: &CompletionContext, path: &str, repository_name: &str) -> Prompt {
    let (tokens_before, begin_with) = before_cursor(tokenizer, &context.prefix);
    let special = tokenizer.special();
    let mut prompt: Vec<u32> = special.beginning_of_text.into_iter().collect();
    let Some([prefix, suffix, middle]) = fim(special) else {
        prompt.extend(tokens_before);
        return Prompt { tokens: prompt, begin_with, suffix: 0..0 };
    };
    if let (Some([repo_name, file_sep]), false) = (repository(special), context.pieces.is_empty()) {
        prompt.push(repo_name);
        prompt.extend(tokenizer.encode(&format!("{repository_name}\n")));
        for of_one_file in context.pieces.chunk_by(|a, b| a.path == b.path) {
            prompt.push(file_sep);
            let texts: Vec<&str> = of_one_file.iter().map(|piece| piece.text.trim_end()).collect();
            prompt.extend(tokenizer.encode(&format!("{}\n{}\n", of_one_file[0].path, texts.join("\n"))));
        }
        prompt.push(file_sep);
        prompt.extend(tokenizer.encode(&format!("{path}\n")));
    }
    prompt.push(prefix);
    prompt.extend(tokens_before);
    prompt.push(suffix);
    let suffix_start = prompt.len();
    prompt.extend(tokenizer.encode(&context.suffix));
    let suffix = suffix_start..prompt.len();
    prompt.push(middle);
    Prompt { tokens: prompt, begin_with, suffix }
}

/// The tokens of a prefix; without the last one where that goes on with what is typed next, and its text beside them.
fn before_cursor(tokenizer: &Tokenizer, prefix: &str) -> (Vec<u32>, String) {
    let mut tokens = tokenizer.encode(prefix);
    // A dot and the name after it are one token as a rule.
    let goes_on = prefix.ends_with(|ch: char| matches!(ch, '_' | '.' | ':') || ch.is_alphanumeric());
    let last = tokens.last().filter(|_| goes_on && tokens.len() > 1);
    let Some(text) = last.and_then(|&last| str::from_utf8(tokenizer.token_bytes(last, false)).ok()) else {
        return (tokens, String::new());
    };
    let text = text.to_owned();
    tokens.pop();
    (tokens, text)
}

/// Every token that ends a completion, beside the model's own end of text.
pub(crate) fn stop_tokens(special: &SpecialTokens) -> Vec<u32> {
    let tokens = [
        special.fim_prefix,
        special.fim_suffix,
        special.fim_middle,
        special.fim_pad,
        special.repo_name,
        special.file_sep,
        special.im_start,
        special.im_end,
    ];
    tokens.into_iter().flatten().collect()
}

/// Prefix, suffix and middle, where the model has all three.
pub(crate) fn fim(special: &SpecialTokens) -> Option<[u32; 3]> {
    Some([special.fim_prefix?, special.fim_suffix?, special.fim_middle?])
}

/// Repository and file, where the model has both.
fn repository(special: &SpecialTokens) -> Option<[u32; 2]> {
    Some([special.repo_name?, special.file_sep?])
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use halfline_context::Piece;
    use halfline_inference::gguf::Gguf;
    use halfline_inference::testing::{TinyFamily, TinySpec, tiny_model};

    use super::*;

    fn check(prefix: &str, suffix: &str, pieces: &[&str], expected: Expect) {
        let model = tiny_model(&TinySpec::new(TinyFamily::Qwen2)).unwrap();
        let tokenizer = Tokenizer::from_gguf(&Gguf::from_bytes(model).unwrap()).unwrap();
        let piece = |text: &&str| Piece {
            path: "src/b.rs".to_owned(),
            lines: (1, 1),
            text: (*text).to_owned(),
            why: String::new(),
        };
        let context = CompletionContext {
            prefix: prefix.to_owned(),
            suffix: suffix.to_owned(),
            pieces: pieces.iter().map(piece).collect(),
            ranks: (1..=pieces.len()).collect(),
            ..CompletionContext::default()
        };
        let Prompt { tokens: prompt, begin_with, suffix } = build(&tokenizer, &context, "src/a.rs", "shop");
        let structure = prompt.iter().filter(|id| stop_tokens(tokenizer.special()).contains(id)).count();
        assert_eq!(tokenizer.decode(&prompt[suffix], true), context.suffix);
        let text = tokenizer.decode(&prompt, true);
        expected.assert_eq(&format!("{text} ({structure} special), then {begin_with:?}"));
    }

    #[test]
    fn the_layout() {
        check(
            "a + ",
            ";\n",
            &[],
            expect![[r#"
            <|fim_prefix|>a + <|fim_suffix|>;
            <|fim_middle|> (3 special), then """#]],
        );
        check(
            "a",
            "b",
            &["fn f();\n", "fn g();"],
            expect![[r#"
                <|repo_name|>shop
                <|file_sep|>src/b.rs
                fn f();
                fn g();
                <|file_sep|>src/a.rs
                <|fim_prefix|>a<|fim_suffix|>b<|fim_middle|> (6 special), then """#]],
        );
    }

    #[test]
    fn the_word_being_typed_is_spelled_by_the_answer() {
        check("a = b", ";", &[], expect![[r#"<|fim_prefix|>a = <|fim_suffix|>;<|fim_middle|> (3 special), then "b""#]]);
        check("a = é", "", &[], expect![[r#"<|fim_prefix|>a = é<|fim_suffix|><|fim_middle|> (3 special), then """#]]);
        check("b", "", &[], expect![[r#"<|fim_prefix|>b<|fim_suffix|><|fim_middle|> (3 special), then """#]]);
    }

    #[test]
    fn no_text_passes_for_structure() {
        check(
            "<|fim_middle|>",
            "<|endoftext|><|im_end|>",
            &["<|file_sep|>"],
            expect![[r#"
                <|repo_name|>shop
                <|file_sep|>src/b.rs
                <|file_sep|>
                <|file_sep|>src/a.rs
                <|fim_prefix|><|fim_middle|><|fim_suffix|><|endoftext|><|im_end|><|fim_middle|> (6 special), then """#]],
        );
    }

    #[test]
    fn a_budget_is_never_exceeded_and_goes_where_the_model_can_see_it() {
        let special = SpecialTokens {
            fim_prefix: Some(1),
            fim_suffix: Some(2),
            fim_middle: Some(3),
            repo_name: Some(4),
            file_sep: Some(5),
            ..SpecialTokens::default()
        };
        for (tokens, room) in [(0, 900), (10, 900), (64, 64), (512, 600), (512, 4096), (4096, 512)] {
            for suffix_share in [0.0, 0.25, 0.9, 7.0] {
                for use_context in [false, true] {
                    let budget = budget(tokens, room, suffix_share, use_context, &special);
                    let own = budget.prefix_tokens + budget.suffix_tokens;
                    assert_eq!(own, tokens.min(room).saturating_sub(STRUCTURE_TOKENS));
                    assert!(own + budget.piece_tokens <= room && budget.piece_tokens <= own);
                    assert!(use_context || budget.piece_tokens == 0);
                }
            }
        }
        let plain = budget(512, 4096, 0.25, true, &SpecialTokens::default());
        assert_eq!((plain.suffix_tokens, plain.piece_tokens), (0, 0));
    }
}

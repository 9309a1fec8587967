//! Splits text into the words inside which merging happens, by the rules each family was trained with.
//!
//! The rules are regular expressions from the models' own publications, the same that llama.cpp uses for them.

use tokenizers::utils::SysRegex;

use super::TokenizerError;

struct Rules {
    /// What files call these rules in `tokenizer.ggml.pre`.
    names: &'static [&'static str],
    pattern: &'static str,
    /// A word that is itself a token is taken as it is, whether or not merges lead there.
    whole_words: bool,
    beginning_of_text: bool,
}

const QWEN2: Rules = Rules {
    names: &["qwen2", "deepseek-r1-qwen", "megrez"],
    pattern: r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    whole_words: false,
    beginning_of_text: false,
};

const LLAMA3: Rules = Rules {
    names: &["llama-bpe", "llama3", "llama-v3"],
    pattern: r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    whole_words: true,
    beginning_of_text: true,
};

/// GPT-2's rules over the text between digits, of which each is a word. White space before a digit therefore ends a
/// stretch of text and stays whole, which the look-ahead says in one expression.
const SMOLLM: Rules = Rules {
    names: &["smollm", "starcoder", "refact", "command-r", "exaone"],
    pattern: r"\p{N}|'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?[^\s\p{L}\p{N}]+|\s+(?![^\s\p{N}])|\s+",
    whole_words: false,
    beginning_of_text: false,
};

const GPT2: Rules = Rules {
    names: &["gpt-2", "gpt2", "default"],
    pattern: r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    whole_words: false,
    beginning_of_text: false,
};

const ALL: [&Rules; 4] = [&QWEN2, &LLAMA3, &SMOLLM, &GPT2];

/// The names of all known rules, for people.
pub(super) fn known() -> String {
    ALL.iter().flat_map(|rules| rules.names).copied().collect::<Vec<_>>().join(", ")
}

/// Rules, ready for use.
#[derive(Debug)]
pub(super) struct PreTokenizer {
    regex: SysRegex,
    whole_words: bool,
    beginning_of_text: bool,
}

impl PreTokenizer {
    /// The rules of this name. Files older than the name carry none; they get those of GPT-2, which all others refine.
    pub(super) fn named(name: Option<&str>) -> Result<PreTokenizer, TokenizerError> {
        let known = |name: &str| ALL.into_iter().find(|rules| rules.names.contains(&name));
        let unknown = |name: &str| TokenizerError::PreTokenizer { pre: name.into() };
        let rules = match name {
            Some(name) => known(name).ok_or_else(|| unknown(name))?,
            None => {
                tracing::warn!("the model file does not say how its text is split; tokens may differ from training");
                &GPT2
            }
        };
        let regex = SysRegex::new(rules.pattern).map_err(|_| unknown(rules.names[0]))?;
        Ok(PreTokenizer { regex, whole_words: rules.whole_words, beginning_of_text: rules.beginning_of_text })
    }

    pub(super) fn whole_words(&self) -> bool {
        self.whole_words
    }

    pub(super) fn wants_beginning_of_text(&self) -> bool {
        self.beginning_of_text
    }

    /// Calls `word` with every piece of `text`, in order, nothing left out.
    pub(super) fn split<'t>(&self, text: &'t str, mut word: impl FnMut(&'t str)) {
        let mut done = 0;
        for (start, end) in self.regex.find_iter(text) {
            if done < start {
                word(&text[done..start]);
            }
            if start < end {
                word(&text[start..end]);
            }
            done = end;
        }
        if done < text.len() {
            word(&text[done..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(name: &str, text: &str, words: Expect) {
        let mut split = Vec::new();
        PreTokenizer::named(Some(name)).expect("known rules").split(text, |word| split.push(word));
        assert_eq!(split.concat(), text);
        words.assert_eq(&format!("{split:?}"));
    }

    const SAMPLE: &str = "I'LL  take 1234\r\n\t\tx  = \"é 好\";  \n\n  // 🦀!\n  7";

    #[test]
    fn words_of_each_family() {
        check(
            "qwen2",
            SAMPLE,
            expect![[
                r#"["I", "'LL", " ", " take", " ", "1", "2", "3", "4", "\r\n", "\t", "\tx", " ", " =", " \"", "é", " 好", "\";", "  \n\n", " ", " //", " 🦀!\n", " ", " ", "7"]"#
            ]],
        );
        check(
            "llama-bpe",
            SAMPLE,
            expect![[
                r#"["I", "'LL", " ", " take", " ", "123", "4", "\r\n", "\t", "\tx", " ", " =", " \"", "é", " 好", "\";", "  \n\n", " ", " //", " 🦀!\n", " ", " ", "7"]"#
            ]],
        );
        check(
            "smollm",
            SAMPLE,
            expect![[
                r#"["I", "'", "LL", " ", " take", " ", "1", "2", "3", "4", "\r\n\t", "\t", "x", " ", " =", " \"", "é", " 好", "\";", "  \n\n ", " //", " 🦀!", "\n  ", "7"]"#
            ]],
        );
        check(
            "gpt-2",
            SAMPLE,
            expect![[
                r#"["I", "'", "LL", " ", " take", " 1234", "\r\n\t", "\t", "x", " ", " =", " \"", "é", " 好", "\";", "  \n\n ", " //", " 🦀!", "\n ", " 7"]"#
            ]],
        );
    }

    /// The rules as published: digits first, then GPT-2's expression over each stretch between them.
    #[test]
    fn smollm_in_one_step_equals_two_steps() {
        let digits = SysRegex::new(r"\p{N}").expect("a valid expression");
        let gpt2 = PreTokenizer::named(Some("gpt-2")).expect("known rules");
        let smollm = PreTokenizer::named(Some("smollm")).expect("known rules");
        for text in [SAMPLE, "  12  a", " 1 b", "\n\n 3", "x\t4\t5 ", "don't 6's", "٣ ٤  x", "  "] {
            let mut two_steps = Vec::new();
            let mut done = 0;
            for (start, end) in digits.find_iter(text) {
                gpt2.split(&text[done..start], |word| two_steps.push(word));
                two_steps.push(&text[start..end]);
                done = end;
            }
            gpt2.split(&text[done..], |word| two_steps.push(word));
            let mut one_step = Vec::new();
            smollm.split(text, |word| one_step.push(word));
            assert_eq!(one_step, two_steps, "{text:?}");
        }
    }

    #[test]
    fn unknown_rules_are_refused_with_the_known_ones() {
        let error = PreTokenizer::named(Some("klingon")).expect_err("unknown");
        expect!["its text is split by the rules `klingon`, which are unknown, and guessing them would change what the model reads; known are qwen2, deepseek-r1-qwen, megrez, llama-bpe, llama3, llama-v3, smollm, starcoder, refact, command-r, exaone, gpt-2, gpt2, default"].assert_eq(&error.to_string());
    }
}

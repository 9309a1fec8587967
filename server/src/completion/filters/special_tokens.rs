//! Models sometimes spell out their special tokens. What follows one is not meant for the person's file.

/// What special tokens of the supported families look like.
const MARKS: &[&str] = &[
    "<|fim_",
    "<|file_sep|>",
    "<|repo_name|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|endoftext|>",
    "<|cursor|>",
    "<|end_of_text|>",
    "<|eot_id|>",
    "<fim_",
    "<file_sep>",
    "<EOT>",
    "</s>",
];

/// The text up to the first special token.
pub fn cut(text: &str) -> &str {
    MARKS.iter().filter_map(|mark| text.find(mark)).min().map_or(text, |at| &text[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_after_a_special_token() {
        for (text, expected) in [
            ("a + b", "a + b"),
            ("a<|fim_pad|>b", "a"),
            ("<|im_end|>", ""),
            ("x <|endoftext|> <|fim_middle|>", "x "),
            ("a < b | c > d", "a < b | c > d"),
            ("a<file_sep>b", "a"),
        ] {
            assert_eq!(cut(text), expected, "{text:?}");
        }
    }
}

//! Words of code and of text about code: `parseHttpHeader` and `parse_http_header` are `parse`, `http` and `header`, and
//! the whole name beside its parts.

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

/// A longer word is data, not a name.
const LONGEST: usize = 48;

/// Every word of `text` in lower case: each identifier whole, then its parts if it has several.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut stream = Splitter::default();
    let mut stream = stream.token_stream(text);
    let mut words = Vec::new();
    while stream.advance() {
        words.push(stream.token().text.clone());
    }
    words
}

/// The tokenizer of the index.
#[derive(Clone, Debug, Default)]
pub(crate) struct Splitter {
    token: Token,
}

/// The words of one text.
pub(crate) struct Words<'a> {
    bytes: &'a [u8],
    text: &'a str,
    /// Where the next identifier is looked for.
    next: usize,
    /// What is left of the present identifier.
    parts: std::ops::Range<usize>,
    token: &'a mut Token,
}

impl Tokenizer for Splitter {
    type TokenStream<'a> = Words<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Words<'a> {
        self.token.reset();
        Words { bytes: text.as_bytes(), text, next: 0, parts: 0..0, token: &mut self.token }
    }
}

impl TokenStream for Words<'_> {
    fn advance(&mut self) -> bool {
        loop {
            if let Some(part) = self.next_part() {
                self.set(part);
                return true;
            }
            let Some(start) = (self.next..self.bytes.len()).find(|&at| is_word(self.bytes[at])) else { return false };
            let end = (start..self.bytes.len()).find(|&at| !is_word(self.bytes[at])).unwrap_or(self.bytes.len());
            self.next = end;
            if end - start > LONGEST || self.bytes[start..end].iter().all(|&byte| byte == b'_') {
                continue;
            }
            self.parts = start..end;
            let first = self.part_end();
            // One part alone is the whole word, which comes as a part.
            if first.start == start && first.end == end {
                continue;
            }
            self.set(start..end);
            return true;
        }
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}

impl Words<'_> {
    fn set(&mut self, bytes: std::ops::Range<usize>) {
        self.token.position = self.token.position.wrapping_add(1);
        self.token.offset_from = bytes.start;
        self.token.offset_to = bytes.end;
        self.token.text.clear();
        let word = &self.text[bytes];
        if word.is_ascii() {
            self.token.text.push_str(word);
            self.token.text.make_ascii_lowercase();
        } else {
            self.token.text.extend(word.chars().flat_map(char::to_lowercase));
        }
        stem(&mut self.token.text);
    }

    /// The next part of the present identifier, if one is left.
    fn next_part(&mut self) -> Option<std::ops::Range<usize>> {
        let part = self.part_end();
        self.parts.start = part.end;
        (!part.is_empty()).then_some(part)
    }

    /// Where the first of the remaining parts starts and ends; empty when none is left.
    fn part_end(&self) -> std::ops::Range<usize> {
        let bytes = self.bytes;
        let end = self.parts.end;
        let start = (self.parts.start..end).find(|&at| bytes[at] != b'_').unwrap_or(end);
        let mut at = start + 1;
        while at < end && bytes[at] != b'_' {
            let (before, this) = (bytes[at - 1], bytes[at]);
            let next_is_lower = at + 1 < end && bytes[at + 1].is_ascii_lowercase();
            let starts = this.is_ascii_uppercase()
                && (before.is_ascii_lowercase()
                    || before.is_ascii_digit()
                    || (before.is_ascii_uppercase() && next_is_lower));
            if starts {
                break;
            }
            at += 1;
        }
        start..at.min(end).max(start)
    }
}

/// Bytes of identifiers; everything beyond ASCII counts as a letter.
fn is_word(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric() || byte >= 0x80
}

/// Takes the plural off: people write of headers, code has a header.
fn stem(word: &mut String) {
    if word.len() > 3 && word.ends_with('s') && !word.ends_with("ss") && !word.ends_with("us") && !word.ends_with("is")
    {
        word.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_come_whole_and_in_parts() {
        for (text, expected) in [
            ("parse_http_header", "parse_http_header parse http header"),
            ("parseHttpHeaders", "parsehttpheader parse http header"),
            ("HTTPServer2Go", "httpserver2go http server2 go"),
            ("word", "word"),
            ("__init__", "__init__ init"),
            ("a.b->c::d", "a b c d"),
            ("_ __ 12 é_Ü", "12 é_ü é ü"),
            ("classes is this bus", "classe is this bus"),
            ("", ""),
        ] {
            assert_eq!(words(text).join(" "), expected, "{text:?}");
        }
        assert!(words(&"x".repeat(100)).is_empty(), "data is no word");
    }
}

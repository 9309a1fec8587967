//! The scanner for Rust: brackets, strings, comments, and the words that start items.

use super::{Keeping, closed, has_keyword, is_word, string_end, word_end};

/// What a stretch of a text is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Word,
    /// A string, a character or a lifetime.
    Literal,
    /// White space or a comment.
    Space,
    Open,
    Close,
    Other,
}

/// Words that start an item inside of a function, or may.
const ITEMS: [&[u8]; 13] = [
    b"fn",
    b"struct",
    b"enum",
    b"union",
    b"trait",
    b"type",
    b"mod",
    b"const",
    b"static",
    b"use",
    b"impl",
    b"extern",
    b"macro_rules",
];

/// Keeps what defines or brings in something.
pub(super) fn shorten(keeping: &mut Keeping<'_>) -> Option<()> {
    let source = keeping.source;
    // The last word that started an item whose end has not come; `=` once the value of a constant has begun.
    let mut item: &[u8] = b"";
    // The last thing that is no space.
    let mut last: &[u8] = b"";
    // Whether a macro's `!` has come, and its brackets have not.
    let mut is_macro = false;
    // Angle brackets that are open in the head of a function.
    let mut angles = 0usize;
    let mut depth = 0usize;
    while keeping.next < source.len() {
        let at = keeping.next;
        let (token, end) = token(source, at)?;
        let text = &source[at..end];
        if let Some(end) = attribute_end(source, at) {
            keeping.skip(end);
            continue;
        }
        match token {
            Token::Space => {
                // Something has to keep words and operators apart.
                if keeping.skeleton.text.last() != Some(&b' ') {
                    keeping.put(b' ');
                }
                keeping.skip(end);
                continue;
            }
            Token::Word => match text {
                // What it brings in is read from the text.
                b"use" if !next_is(source, end, b"<") => {
                    // The byte between the two words.
                    source.get(end)?;
                    keeping.keep(end + 1);
                    keeping.put(b'_');
                    keeping.skip(statement_end(source, end + 1, b";")?);
                }
                _ => {
                    // A pointer to a function is no item, and neither is a pointer to something constant.
                    let is_item = match text {
                        b"fn" => !next_is(source, end, b"("),
                        b"const" | b"static" => !matches!(last, b"*" | b"<" | b","),
                        _ => false,
                    };
                    if is_item {
                        (item, angles) = (text, 0);
                    }
                    keeping.keep(end);
                }
            },
            Token::Literal => keep_literal(keeping, end),
            Token::Open if let Some(body) = keeping.broken.iter().find(|body| body.start == at) => {
                let close = body.end - 1;
                let is_whole = source.get(close) == Some(&b'}') && !may_define(source.get(end..close)?);
                if !is_whole {
                    return None;
                }
                keeping.keep(end);
                keeping.skip(close);
                keeping.keep(close + 1);
                item = b"";
            }
            Token::Open => {
                let is_body = text == b"{" && item == b"fn";
                let kept_open = text == b"{" && !is_body && !is_macro;
                keeping.keep(end);
                if kept_open {
                    depth += 1;
                } else {
                    let close = bracket_end(source, at)?;
                    let inside = &source[end..close - 1];
                    let drops = match text {
                        b"{" => is_macro || !defines(inside),
                        b"(" => last != b"pub" && !(inside.contains(&b'{') && defines(inside)),
                        _ => item == b"=" && !defines(inside),
                    };
                    if drops {
                        keeping.skip(close - 1);
                    }
                    let is_head = text == b"(" && item == b"fn" && angles == 0;
                    match (drops, text) {
                        (true, b"(") if is_head => {
                            keeping.keep(close);
                            keeping.skip(statement_end(source, close, b"{;")?);
                        }
                        // Attributes are short, and the parser wants to know what is in a type.
                        (true, _) | (false, b"[") => keeping.keep(close),
                        _ => depth += 1,
                    }
                }
                if is_body {
                    item = b"";
                }
            }
            Token::Close => {
                depth = depth.checked_sub(1)?;
                keeping.keep(end);
            }
            Token::Other => keeping.keep(end),
        }
        match text {
            // The type and the value of a constant.
            b":" if matches!(item, b"const" | b"static")
                && is_word(*last.last().unwrap_or(&b' '))
                && !next_is(source, end, b":") =>
            {
                let value_end = statement_end(source, end, b";")?;
                if !defines(&source[end..value_end]) {
                    keeping.put(b'_');
                    keeping.skip(value_end);
                }
            }
            b";" | b"}" => item = b"",
            b"=" if matches!(item, b"const" | b"static") => item = b"=",
            b"<" => angles += 1,
            b">" if last != b"-" => angles = angles.saturating_sub(1),
            _ => {}
        }
        // The name of a macro's rules stands between `!` and their braces.
        is_macro = match token {
            Token::Word => is_macro,
            _ => text == b"!" && at > 0 && is_word(source[at - 1]),
        };
        last = text;
    }
    (depth == 0).then_some(())
}

/// Whether a word that starts an item is among these bytes.
pub(super) fn defines(inside: &[u8]) -> bool {
    let mut at = 0;
    while at < inside.len() {
        // What cannot be read here could not be read before.
        let Some((token, end)) = token(inside, at) else { return true };
        if token == Token::Word && has_keyword(&inside[at..end], &ITEMS) {
            return true;
        }
        at = end;
    }
    false
}

/// The same of code that is broken, where the parser may see none of the strings and comments that stand here.
pub(super) fn may_define(inside: &[u8]) -> bool {
    inside.split(|byte| !is_word(*byte)).any(|word| has_keyword(word, &ITEMS)) || defines(inside)
}

/// The end of the attribute that starts at `at`, if one does.
fn attribute_end(source: &[u8], at: usize) -> Option<usize> {
    let bracket = source[at..].strip_prefix(b"#")?;
    let bracket = at + 1 + usize::from(bracket.starts_with(b"!"));
    (source.get(bracket) == Some(&b'[')).then(|| bracket_end(source, bracket)).flatten()
}

/// Where the first of these bytes outside of round and square brackets stands.
fn statement_end(source: &[u8], at: usize, ends: &[u8]) -> Option<usize> {
    let mut at = at;
    loop {
        let (token, end) = token(source, at)?;
        at = match token {
            Token::Open | Token::Other if ends.contains(&source[at]) => return Some(at),
            Token::Open => bracket_end(source, at)?,
            Token::Close => return None,
            _ => end,
        };
    }
}

/// Whether the next bytes that are no space are these.
fn next_is(source: &[u8], at: usize, wanted: &[u8]) -> bool {
    source[at..].trim_ascii_start().starts_with(wanted)
}

/// The token at `at` and where it ends; `None` for what does not end.
fn token(source: &[u8], at: usize) -> Option<(Token, usize)> {
    let byte = *source.get(at)?;
    Some(match byte {
        b' ' | b'\t' | b'\n' | b'\r' => {
            let len = source[at..].iter().position(|byte| !byte.is_ascii_whitespace());
            (Token::Space, len.map_or(source.len(), |len| at + len))
        }
        b'/' if source[at..].starts_with(b"//") => {
            let end = memchr::memchr(b'\n', &source[at..]).map_or(source.len(), |len| at + len);
            (Token::Space, end)
        }
        b'/' if source[at..].starts_with(b"/*") => (Token::Space, comment_end(source, at)?),
        b'"' => (Token::Literal, string_end(source, at, true)?),
        b'\'' => (Token::Literal, quote_end(source, at)?),
        b'(' | b'[' | b'{' => (Token::Open, at + 1),
        b')' | b']' | b'}' => (Token::Close, at + 1),
        _ if is_word(byte) => {
            let end = word_end(source, at);
            match (&source[at..end], source.get(end)) {
                (b"r" | b"br" | b"cr", Some(b'"' | b'#')) => match raw_end(source, end)? {
                    Some(end) => (Token::Literal, end),
                    // A raw name.
                    None => (Token::Word, word_end(source, end + 1)),
                },
                (b"b" | b"c", Some(b'"')) => (Token::Literal, string_end(source, end, true)?),
                (b"b", Some(b'\'')) => (Token::Literal, quote_end(source, end)?),
                _ => (Token::Word, end),
            }
        }
        _ => (Token::Other, at + 1),
    })
}

/// The end of a character, or of a lifetime, whose quote is at `at`.
fn quote_end(source: &[u8], at: usize) -> Option<usize> {
    match source.get(at + 1)? {
        b'\\' => string_end(source, at, false),
        &first => {
            let len = match first {
                0xf0.. => 4,
                0xe0.. => 3,
                0xc0.. => 2,
                _ => 1,
            };
            match source.get(at + 1 + len) {
                Some(b'\'') => Some(at + 2 + len),
                _ if is_word(first) => Some(word_end(source, at + 1)),
                _ => Some(at + 1),
            }
        }
    }
}

/// The end of a raw string whose hashes or quote are at `at`; nothing inside for a raw name.
fn raw_end(source: &[u8], at: usize) -> Option<Option<usize>> {
    let hashes = source[at..].iter().take_while(|&&byte| byte == b'#').count();
    if source.get(at + hashes) != Some(&b'"') {
        return Some(None);
    }
    let mut next = at + hashes + 1;
    loop {
        let quote = next + memchr::memchr(b'"', &source[next..])?;
        next = quote + 1;
        if source[next..].iter().take_while(|&&byte| byte == b'#').count() >= hashes {
            return Some(Some(next + hashes));
        }
    }
}

/// The end of a block comment, which may hold others.
fn comment_end(source: &[u8], at: usize) -> Option<usize> {
    let (mut next, mut depth) = (at + 2, 1);
    while depth > 0 {
        let found = next + memchr::memchr2(b'*', b'/', source.get(next..)?)?;
        let pair = source.get(found..found + 2)?;
        next = found + 2;
        match pair {
            b"*/" => depth -= 1,
            b"/*" => depth += 1,
            _ => next = found + 1,
        }
    }
    Some(next)
}

/// Where the bracket that opens at `at` has been closed.
fn bracket_end(source: &[u8], at: usize) -> Option<usize> {
    closed(at, |at| {
        let (token, end) = token(source, at)?;
        Some((token == Token::Open, token == Token::Close, end))
    })
}

/// Keeps the quotes of a string, and a character or a lifetime whole.
fn keep_literal(keeping: &mut Keeping<'_>, end: usize) {
    let source = keeping.source;
    let at = keeping.next;
    if source[at] == b'"' && end - at > 2 {
        keeping.keep(at + 1);
        keeping.skip(end - 1);
    }
    keeping.keep(end);
}

//! What the scanner for Python sees: tokens, and the logical lines that they make.

use super::super::{closed, is_word, string_end, word_end};

/// What a stretch of a line is.
pub(super) enum Token {
    Word,
    /// Its content without the quotes.
    Text(std::ops::Range<usize>),
    Comment,
    Open,
    Close,
    /// The end of a line.
    Break,
    /// Anything else.
    Other,
}

/// A logical line, or a comment with nothing before it.
#[derive(Clone, Copy)]
pub(super) struct Line {
    /// Where its indentation starts.
    pub(super) start: usize,
    /// Its first token.
    pub(super) first: usize,
    pub(super) indent: usize,
    /// Where its last token ends, without a comment.
    pub(super) end: usize,
    /// Where it ends, with its comment, before the `\n`.
    pub(super) whole: usize,
    pub(super) kind: Kind,
    /// Whether something is defined or imported in it.
    pub(super) defines: bool,
    /// Whether it has several statements.
    pub(super) several: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Comment,
    Function,
    Class,
    Decorator,
    /// Goes on with the statement before: `else`, `except` and the like.
    Clause,
    /// Brings something in, and does nothing else.
    Import,
    /// A name and `=`.
    Value,
    /// A name and `:`, or a name for a type.
    Annotated,
    /// Begins with `self`.
    Own,
    Other,
}

/// The logical lines of a text from `start` on.
pub(super) fn lines(source: &[u8], start: usize) -> Option<Vec<Line>> {
    let mut lines = Vec::new();
    let mut at = start;
    loop {
        let (first, indent) = after_indent(source, at);
        match source.get(first) {
            None => return Some(lines),
            Some(b'\n') => at = first + 1,
            Some(b'#') => {
                let whole = line_end(source, first);
                let kind = Kind::Comment;
                lines.push(Line { start: at, first, indent, end: whole, whole, kind, defines: false, several: false });
                at = whole + 1;
            }
            Some(_) => {
                let line = logical_line(source, at, first, indent)?;
                lines.push(line);
                at = line.whole + 1;
            }
        }
        if at >= source.len() {
            return Some(lines);
        }
    }
}

/// Whether a block follows each colon at the end of a line, and nothing else. The grammar is lenient there: it takes the
/// next line for an annotation, say.
pub(super) fn is_indented_as_it_should_be(source: &[u8], lines: &[Line]) -> bool {
    let mut code = lines.iter().filter(|line| line.kind != Kind::Comment).peekable();
    while let Some(line) = code.next() {
        let opens = source[line.end - 1] == b':';
        let is_deeper = code.peek().is_some_and(|next| next.indent > line.indent);
        if opens != is_deeper {
            return false;
        }
    }
    true
}

fn logical_line(source: &[u8], start: usize, first: usize, indent: usize) -> Option<Line> {
    let (whole, kind) = (source.len(), kind(source, first));
    let mut line = Line { start, first, indent, end: first, whole, kind, defines: false, several: false };
    let (mut at, mut depth) = (first, 0usize);
    while at < source.len() {
        let (token, end) = token(source, at)?;
        match token {
            Token::Break if depth == 0 => {
                line.whole = at;
                break;
            }
            Token::Break | Token::Comment => {}
            Token::Word => {
                line.defines |= matches!(&source[at..end], b"def" | b"class" | b"import");
                line.end = end;
            }
            Token::Open => {
                depth += 1;
                line.end = end;
            }
            Token::Close => {
                depth = depth.checked_sub(1)?;
                line.end = end;
            }
            Token::Text(_) => line.end = end,
            Token::Other => {
                if !matches!(source[at], b' ' | b'\t' | b'\r' | b'\x0c' | b'\\') {
                    line.end = end;
                    line.several |= source[at] == b';';
                }
            }
        }
        at = end;
    }
    if line.kind == Kind::Import && (line.several || !line.defines) {
        line.kind = Kind::Other;
    }
    // A line that only goes on with the next one has no token of its own.
    (depth == 0 && line.end > first).then_some(line)
}

fn kind(source: &[u8], first: usize) -> Kind {
    if source[first] == b'@' {
        return Kind::Decorator;
    }
    let end = word_end(source, first);
    let next = after_indent(source, end).0;
    match &source[first..end] {
        b"def" => Kind::Function,
        b"async" if source[next..].starts_with(b"def") => Kind::Function,
        b"class" => Kind::Class,
        b"import" | b"from" => Kind::Import,
        b"else" | b"elif" | b"except" | b"finally" | b"case" => Kind::Clause,
        b"self" if source.get(next) == Some(&b'.') => Kind::Own,
        b"" => Kind::Other,
        b"type" if source.get(next).is_some_and(|&byte| is_word(byte)) => Kind::Annotated,
        b"try" | b"lambda" => Kind::Other,
        _ => match source.get(next..next + 2) {
            Some(b"==") => Kind::Other,
            Some([b'=', _]) => Kind::Value,
            Some([b':', _]) => Kind::Annotated,
            _ => Kind::Other,
        },
    }
}

/// The token at `at` and where it ends; `None` for what does not end.
pub(super) fn token(source: &[u8], at: usize) -> Option<(Token, usize)> {
    let byte = *source.get(at)?;
    Some(match byte {
        b'\n' => (Token::Break, at + 1),
        b'#' => (Token::Comment, line_end(source, at)),
        b'"' | b'\'' => {
            let triple = source[at..].starts_with(&[byte; 3]);
            let end = if triple { triple_end(source, at)? } else { string_end(source, at, false)? };
            let quotes = if triple { 3 } else { 1 };
            (Token::Text(at + quotes..end - quotes), end)
        }
        b'(' | b'[' | b'{' => (Token::Open, at + 1),
        b')' | b']' | b'}' => (Token::Close, at + 1),
        // A backslash joins the next line to this one.
        b'\\' if source[at + 1..].starts_with(b"\r\n") => (Token::Other, at + 3),
        b'\\' => (Token::Other, (at + 2).min(source.len())),
        b' ' => (Token::Other, after_indent(source, at).0.max(at + 1)),
        b'\r' if source.get(at + 1) != Some(&b'\n') => return None,
        _ if is_word(byte) => (Token::Word, word_end(source, at)),
        _ => (Token::Other, at + 1),
    })
}

/// The end of a string in three quotes.
fn triple_end(source: &[u8], at: usize) -> Option<usize> {
    let quote = source[at];
    let mut next = at + 3;
    loop {
        let found = next + memchr::memchr2(quote, b'\\', source.get(next..)?)?;
        if source[found] == b'\\' {
            next = found + 2;
        } else if source[found..].starts_with(&[quote; 3]) {
            return Some(found + 3);
        } else {
            next = found + 1;
        }
    }
}

/// Where the bracket that opens at `at` has been closed.
pub(super) fn bracket_end(source: &[u8], at: usize) -> Option<usize> {
    closed(at, |at| {
        let (token, end) = token(source, at)?;
        Some((matches!(token, Token::Open), matches!(token, Token::Close), end))
    })
}

/// Where the line ends, before its `\n`.
fn line_end(source: &[u8], at: usize) -> usize {
    memchr::memchr(b'\n', &source[at..]).map_or(source.len(), |len| at + len)
}

/// The first byte that is no white space of a line, and how deep it stands, counted as the grammar does.
pub(super) fn after_indent(source: &[u8], at: usize) -> (usize, usize) {
    let (mut at, mut deep) = (at, 0);
    while let Some(byte) = source.get(at) {
        match byte {
            b' ' => deep += 1,
            b'\t' => deep += 8,
            b'\x0c' => deep = 0,
            b'\r' if source.get(at + 1) == Some(&b'\n') => {}
            _ => break,
        }
        at += 1;
    }
    (at, deep)
}

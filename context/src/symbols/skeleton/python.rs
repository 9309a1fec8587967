//! The scanner for Python: logical lines, the indentation before them, and the brackets, strings and comments in them.

use super::{Keeping, is_word, string_end, word_end};

/// What a stretch of a line is.
enum Token {
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

/// Keeps what defines or brings in something.
pub(super) fn shorten(keeping: &mut Keeping<'_>) -> Option<()> {
    let source = keeping.source;
    while keeping.next < source.len() {
        let first = after_indent(source, keeping.next).0;
        match source.get(first) {
            None => break,
            Some(b'\n') => keeping.skip(first + 1),
            Some(b'#') => {
                keep_comment(keeping, first);
                keep_break(keeping);
            }
            Some(_) => {
                keeping.keep(first);
                statement(keeping)?;
            }
        }
    }
    Some(())
}

/// Keeps what counts of the logical line that starts here, and of the function that it defines.
fn statement(keeping: &mut Keeping<'_>) -> Option<()> {
    let source = keeping.source;
    let start = keeping.next;
    let mut word = start..word_end(source, start);
    if &source[word.clone()] == b"async" {
        let next = after_indent(source, word.end).0;
        word = next..word_end(source, next);
    }
    match &source[word.clone()] {
        b"def" => function(keeping, start, word.end),
        _ => rest_of_line(keeping),
    }
}

/// Keeps the head of a function, and of its body that there is one, unless something is defined in it.
fn function(keeping: &mut Keeping<'_>, start: usize, keyword_end: usize) -> Option<()> {
    let source = keeping.source;
    let line_start = memchr::memrchr(b'\n', &source[..start]).map_or(0, |at| at + 1);
    let (first, indent) = after_indent(source, line_start);
    if first != start {
        return None;
    }
    let name = after_indent(source, keyword_end).0;
    let name = &source[name..word_end(source, name)];
    keeping.keep(keyword_end);
    // The head ends at the first colon outside of brackets.
    loop {
        let at = keeping.next;
        let (token, end) = token(source, at)?;
        match token {
            Token::Other if source[at] == b':' => {
                keeping.keep(end);
                break;
            }
            Token::Open => keep_brackets(keeping)?,
            Token::Text(content) => keep_text(keeping, content, end),
            Token::Comment | Token::Break | Token::Close => return None,
            Token::Word | Token::Other => keeping.keep(end),
        }
    }
    let behind = after_indent(source, keeping.next).0;
    match source.get(behind)? {
        b'#' => keep_comment(keeping, behind),
        b'\n' => {}
        _ => return rest_of_line(keeping),
    }
    keep_break(keeping);
    let body = Body::read(source, keeping.next, indent)?;
    // What is assigned to `self` in a constructor are fields.
    if body.defines || name == b"__init__" {
        return Some(());
    }
    while keeping.next < body.first {
        let first = after_indent(source, keeping.next).0;
        match source[first] {
            b'\n' => keeping.skip(first + 1),
            b'#' => {
                keep_comment(keeping, first);
                keep_break(keeping);
            }
            _ => keeping.keep(first),
        }
    }
    if body.end - body.first > 2 {
        keeping.put(b'(');
        keeping.skip(body.end - 1);
        keeping.put(b')');
    }
    rest_of_line(keeping)
}

/// Keeps the rest of the logical line, without what is in brackets and strings, unless that is imported.
fn rest_of_line(keeping: &mut Keeping<'_>) -> Option<()> {
    let source = keeping.source;
    let mut imports = false;
    while keeping.next < source.len() {
        let at = keeping.next;
        let (token, end) = token(source, at)?;
        match token {
            Token::Word => {
                imports |= &source[at..end] == b"import";
                keeping.keep(end);
            }
            Token::Open if imports => keeping.keep(bracket_end(source, at)?),
            Token::Open => keep_brackets(keeping)?,
            Token::Close => return None,
            Token::Text(content) => keep_text(keeping, content, end),
            Token::Comment => keep_comment(keeping, at),
            Token::Break => {
                keeping.keep(end);
                return Some(());
            }
            Token::Other => keeping.keep(end),
        }
    }
    Some(())
}

/// The body of a function, in lines of its own.
struct Body {
    /// Where its first statement starts.
    first: usize,
    /// Where its last statement ends.
    end: usize,
    /// Whether something in it is defined or imported.
    defines: bool,
}

impl Body {
    /// Reads the body that starts with the line at `start`, of a function that stands `indent` deep.
    fn read(source: &[u8], start: usize, indent: usize) -> Option<Body> {
        let mut body = Body { first: 0, end: 0, defines: false };
        let mut at = start;
        loop {
            let (first, deep) = after_indent(source, at);
            match source.get(first) {
                None => break,
                Some(b'\n') => at = first + 1,
                Some(b'#') => at = line_end(source, first),
                Some(_) if deep <= indent => break,
                Some(_) => {
                    if body.end == 0 {
                        body.first = first;
                    }
                    at = body.logical_line(source, first)?;
                }
            }
        }
        (body.end > 0).then_some(body)
    }

    /// Reads a logical line; returns where the next one starts.
    fn logical_line(&mut self, source: &[u8], start: usize) -> Option<usize> {
        let (mut at, mut depth) = (start, 0usize);
        while at < source.len() {
            let (token, end) = token(source, at)?;
            match token {
                Token::Break if depth == 0 => return Some(end),
                Token::Break | Token::Comment => {}
                Token::Word => {
                    self.defines |= matches!(&source[at..end], b"def" | b"class" | b"import");
                    self.end = end;
                }
                Token::Open => {
                    depth += 1;
                    self.end = end;
                }
                Token::Close => {
                    depth = depth.checked_sub(1)?;
                    self.end = end;
                }
                Token::Text(_) => self.end = end,
                Token::Other => {
                    if !matches!(source[at], b' ' | b'\t' | b'\r' | b'\x0c') {
                        self.end = end;
                    }
                }
            }
            at = end;
        }
        (depth == 0).then_some(at)
    }
}

/// The token at `at` and where it ends; `None` for what does not end.
fn token(source: &[u8], at: usize) -> Option<(Token, usize)> {
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
fn bracket_end(source: &[u8], at: usize) -> Option<usize> {
    let (mut at, mut depth) = (at, 0usize);
    loop {
        let (token, end) = token(source, at)?;
        match token {
            Token::Open => depth += 1,
            Token::Close => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(end);
        }
        at = end;
    }
}

/// Keeps brackets without what is in them; an index has to have something.
fn keep_brackets(keeping: &mut Keeping<'_>) -> Option<()> {
    let open = keeping.next;
    let end = bracket_end(keeping.source, open)?;
    keeping.keep(open + 1);
    if keeping.source[open] == b'[' && end - open > 2 {
        keeping.put(b'0');
    }
    keeping.skip(end - 1);
    keeping.keep(end);
    Some(())
}

fn keep_text(keeping: &mut Keeping<'_>, content: std::ops::Range<usize>, end: usize) {
    keeping.keep(content.start);
    keeping.skip(content.end);
    keeping.keep(end);
}

/// Keeps what stands before the comment at `at`, and that there is one.
fn keep_comment(keeping: &mut Keeping<'_>, at: usize) {
    let mut end = line_end(keeping.source, at);
    if keeping.source[..end].ends_with(b"\r") {
        end -= 1;
    }
    keeping.keep(at + 1);
    if end > at + 1 {
        keeping.skip(end - 1);
        keeping.put(b'-');
    }
}

/// Keeps the end of a line whose comment has been kept.
fn keep_break(keeping: &mut Keeping<'_>) {
    let end = line_end(keeping.source, keeping.next);
    keeping.keep((end + 1).min(keeping.source.len()));
}

/// Where the line ends, before its `\n`.
fn line_end(source: &[u8], at: usize) -> usize {
    memchr::memchr(b'\n', &source[at..]).map_or(source.len(), |len| at + len)
}

/// The first byte that is no white space of a line, and how deep it stands, counted as the grammar does.
fn after_indent(source: &[u8], at: usize) -> (usize, usize) {
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

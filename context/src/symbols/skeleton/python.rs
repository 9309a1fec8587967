//! The scanner for Python: logical lines, the indentation before them, and the brackets, strings and comments in them.
//!
//! One pass finds the lines, a second one the blocks that they make. Statements that follow each other and define nothing
//! become one empty pair of parentheses, which begins and ends where they do: blocks keep their extent.

mod lines;

use super::{Keeping, has_keyword, word_end};
use lines::{Kind, Line, Token, after_indent, bracket_end, is_indented_as_it_should_be, lines, token};

/// The function in which a class assigns its fields.
const CONSTRUCTOR: &[u8] = b"__init__";

/// What an import begins with here.
const IMPORT: &[u8] = b"import ";

/// Keeps what defines or brings in something.
pub(super) fn shorten(keeping: &mut Keeping<'_>) -> Option<()> {
    let lines = lines(keeping.source, keeping.next)?;
    if !is_indented_as_it_should_be(keeping.source, &lines) {
        return None;
    }
    let mut shortening = Shortening { keeping, lines: &lines };
    // Whatever stands less deep than the first line did is an error in most texts.
    (shortening.block(0, 0, Inside::Module)? == lines.len()).then_some(())
}

/// Whether something may be defined in the body of the function `name`: what is assigned to `self` counts in a constructor.
pub(super) fn defines(name: &str, body: &[u8]) -> bool {
    let mut at = 0;
    while at < body.len() {
        // What cannot be read may be anything.
        let Some((token, end)) = token(body, at) else { return true };
        if matches!(token, Token::Word) && has_keyword(&body[at..end], &[b"def", b"class"]) {
            return true;
        }
        at = end;
    }
    name.as_bytes() == CONSTRUCTOR
}

/// What a block is the inside of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Module,
    Class,
    /// Assignments to `self` define fields.
    Constructor,
    Other,
}

struct Shortening<'k, 's> {
    keeping: &'k mut Keeping<'s>,
    lines: &'k [Line],
}

impl Shortening<'_, '_> {
    /// Keeps what counts of the block that starts with the line at `index`; returns the line behind it.
    fn block(&mut self, index: usize, least: usize, inside: Inside) -> Option<usize> {
        let mut index = self.comments(index);
        let Some(first) = self.lines.get(index).filter(|line| line.indent >= least) else { return Some(index) };
        let indent = first.indent;
        while let Some(line) = self.lines.get(index) {
            if line.kind == Kind::Comment {
                // Where a block ends, a comment may belong to it.
                let after = self.after_comments(index);
                let goes_on = self.lines.get(after).is_some_and(|next| next.indent == indent);
                index = if goes_on { after } else { self.comments(index) };
                continue;
            }
            match line.indent.cmp(&indent) {
                std::cmp::Ordering::Less => break,
                std::cmp::Ordering::Greater => return None,
                std::cmp::Ordering::Equal => {}
            }
            let mut end = index;
            while let Some(next) = self.dull_statement(end, indent, inside) {
                end = next;
            }
            if end > index {
                self.dull(index, end);
                index = end;
            } else {
                index = self.statement(index, inside)?;
            }
        }
        Some(index)
    }

    /// The line behind the statement at `index` if that stands there and defines nothing, with its clauses and blocks.
    fn dull_statement(&self, index: usize, indent: usize, inside: Inside) -> Option<usize> {
        let mut index = self.after_comments(index);
        let line = self.lines.get(index).filter(|line| line.indent == indent)?;
        let counts = match line.kind {
            Kind::Value | Kind::Annotated => matches!(inside, Inside::Module | Inside::Class),
            Kind::Own => inside == Inside::Constructor,
            // Without what it decorates it would be an error.
            Kind::Decorator | Kind::Clause => true,
            _ => line.several && inside != Inside::Other,
        };
        if counts || line.defines {
            return None;
        }
        loop {
            index += 1;
            let next = self.after_comments(index);
            let Some(line) = self.lines.get(next) else { return Some(index) };
            if line.indent < indent || (line.indent == indent && line.kind != Kind::Clause) {
                return Some(index);
            }
            if line.defines {
                return None;
            }
            index = next;
        }
    }

    /// Puts parentheses in the place of the lines from `index` to before `end`.
    fn dull(&mut self, index: usize, end: usize) {
        let (first, last) = (self.lines[index], self.lines[end - 1]);
        self.keeping.skip(first.start);
        self.keeping.keep(first.first);
        if last.end - first.first >= 2 {
            self.keeping.put(b'(');
            self.keeping.skip(last.end - 1);
            self.keeping.put(b')');
        }
        self.end_line(last);
    }

    /// Keeps what counts of the statement at `index` and of what stands in it.
    fn statement(&mut self, index: usize, inside: Inside) -> Option<usize> {
        let line = self.lines[index];
        let source = self.keeping.source;
        self.keeping.skip(line.start);
        self.keeping.keep(line.first);
        match line.kind {
            // What it brings in is read from the text.
            Kind::Import if line.end - line.first > IMPORT.len() => {
                IMPORT.iter().for_each(|&byte| self.keeping.put(byte));
                self.keeping.skip(line.end - 1);
                self.keeping.put(b'_');
                self.end_line(line);
            }
            Kind::Value if !line.several => {
                let value = line.first + memchr::memchr(b'=', &source[line.first..])? + 1;
                let value = after_indent(source, value).0;
                if line.end > value + 2 {
                    self.keeping.keep(value);
                    self.keeping.put(b'(');
                    self.keeping.skip(line.end - 1);
                    self.keeping.put(b')');
                }
                self.end_line(line);
            }
            Kind::Function => {
                let colon = self.head(line.end)?;
                // With a body on the same line.
                if colon < line.end {
                    self.rest_of_line(line)?;
                } else {
                    self.end_line(line);
                }
            }
            _ => self.rest_of_line(line)?,
        }
        let inside = match line.kind {
            Kind::Function if self.is_constructor(line) => Inside::Constructor,
            Kind::Class => Inside::Class,
            Kind::Function => Inside::Other,
            _ if inside == Inside::Constructor => Inside::Constructor,
            _ => Inside::Other,
        };
        self.block(index + 1, line.indent + 1, inside)
    }

    fn is_constructor(&self, line: Line) -> bool {
        let source = self.keeping.source;
        let keyword = line.first + source[line.first..].windows(3).position(|word| word == b"def").unwrap_or_default();
        let name = after_indent(source, keyword + 3).0;
        &source[name..word_end(source, name)] == CONSTRUCTOR
    }

    /// Keeps the head of a function, up to the first colon outside of brackets, but not what it returns; says where that
    /// ends.
    fn head(&mut self, end_of_line: usize) -> Option<usize> {
        let source = self.keeping.source;
        let (mut at, mut is_open) = (self.keeping.next, true);
        while at < end_of_line {
            let (token, end) = token(source, at)?;
            let mut next = end;
            match token {
                Token::Other if source[at] == b':' => {
                    self.keeping.skip(at);
                    self.keeping.keep(end);
                    return Some(end);
                }
                Token::Open if is_open => {
                    keep_brackets(self.keeping)?;
                    next = self.keeping.next;
                    is_open = source[at] != b'(';
                }
                Token::Open => next = bracket_end(source, at)?,
                Token::Comment | Token::Break | Token::Close => return None,
                _ if is_open => self.keeping.keep(end),
                _ => {}
            }
            at = next;
        }
        None
    }

    /// Keeps the rest of a line, without what is in brackets and strings, unless that is imported.
    fn rest_of_line(&mut self, line: Line) -> Option<()> {
        let source = self.keeping.source;
        let mut imports = false;
        while self.keeping.next < line.end {
            let at = self.keeping.next;
            let (token, end) = token(source, at)?;
            match token {
                Token::Word => {
                    imports |= &source[at..end] == b"import";
                    self.keeping.keep(end);
                }
                Token::Open if imports => self.keeping.keep(bracket_end(source, at)?),
                Token::Open => keep_brackets(self.keeping)?,
                Token::Text(content) => keep_text(self.keeping, content, end),
                Token::Comment | Token::Close | Token::Break => return None,
                Token::Other => self.keeping.keep(end),
            }
        }
        self.end_line(line);
        Some(())
    }

    /// Keeps what stands behind the last token of a line: a comment, and its end.
    fn end_line(&mut self, line: Line) {
        let source = self.keeping.source;
        self.keeping.keep(line.end);
        if let Some(mark) = memchr::memchr(b'#', &source[line.end..line.whole]) {
            self.comment(line.end + mark, line.whole);
        }
        self.keeping.keep((line.whole + 1).min(source.len()));
    }

    /// The first line from `index` on that is no comment.
    fn after_comments(&self, index: usize) -> usize {
        let comments = self.lines[index.min(self.lines.len())..].iter().take_while(|line| line.kind == Kind::Comment);
        index + comments.count()
    }

    /// Keeps the comments from `index` on; returns the line behind them.
    fn comments(&mut self, index: usize) -> usize {
        let after = self.after_comments(index);
        for line in index..after {
            let line = self.lines[line];
            self.keeping.skip(line.start);
            self.comment(line.first, line.whole);
            self.keeping.keep((line.whole + 1).min(self.keeping.source.len()));
        }
        after
    }

    /// Keeps what stands before the comment at `at`, and that there is one up to `end`.
    fn comment(&mut self, at: usize, end: usize) {
        let end = if self.keeping.source[..end].ends_with(b"\r") { end - 1 } else { end };
        self.keeping.keep(at + 1);
        if end > at + 1 {
            self.keeping.skip(end - 1);
            self.keeping.put(b'-');
        }
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

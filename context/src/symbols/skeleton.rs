//! A file without what defines nothing: the text that its symbols are read from, a tenth of the whole.
//!
//! Parsing is most of the time that reading a workspace takes, and nearly all of a file is the inside of functions. A
//! scanner that knows strings, comments and brackets leaves out bodies, arguments and the contents of strings; what is
//! left parses to the same definitions and imports, at places that are known of the whole text. The scanners understand
//! far less than a parser does, so they give up wherever something is unclear, and what does not parse without an error
//! counts for nothing: the whole text is parsed then.

mod python;
mod rust;

use std::ops::Range;

use halfline_grammars::Language;

/// A shortened text, and where its bytes come from.
#[derive(Debug, Default)]
pub(crate) struct Skeleton {
    text: Vec<u8>,
    runs: Vec<Run>,
}

/// Bytes that stand one after the other in both texts.
#[derive(Clone, Copy, Debug)]
struct Run {
    at: usize,
    from: usize,
}

impl Skeleton {
    /// What is left of these bytes of `text`, which hold whole top-level nodes; `None` for a language without a scanner,
    /// and where the scanner gave up.
    pub(crate) fn of(language: &Language, text: &str, bytes: Range<usize>) -> Option<Skeleton> {
        Skeleton::with_bodies(language, text, bytes, &[])
    }

    /// The same where some bodies of functions are broken, of which a parser has said how far they go. They are left out,
    /// if nothing is defined in them.
    pub(crate) fn with_bodies(
        language: &Language,
        text: &str,
        bytes: Range<usize>,
        broken: &[Range<usize>],
    ) -> Option<Skeleton> {
        let source = &text.as_bytes()[..bytes.end];
        let mut keeping = Keeping { source, next: bytes.start, broken, skeleton: Skeleton::default() };
        match language.name() {
            // Its scanner begins with the lines, and those of a broken body it cannot tell.
            "python" if broken.is_empty() => python::shorten(&mut keeping)?,
            "rust" => rust::shorten(&mut keeping)?,
            _ => return None,
        }
        Some(keeping.skeleton)
    }

    /// The shortened text.
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Where a stretch of the shortened text stands in the whole one.
    pub(crate) fn in_source(&self, bytes: Range<usize>) -> Range<usize> {
        let start = self.byte(bytes.start);
        start..if bytes.is_empty() { start } else { self.byte(bytes.end - 1) + 1 }
    }

    fn byte(&self, at: usize) -> usize {
        let after = self.runs.partition_point(|run| run.at <= at);
        after.checked_sub(1).map_or(at, |index| self.runs[index].from + (at - self.runs[index].at))
    }
}

/// Whether nothing is defined or brought in in the body of the function `name`; false where that is not clear.
pub(super) fn has_no_symbols(language: &Language, name: &str, body: &str, is_broken: bool) -> bool {
    match language.name() {
        "python" if is_broken => false,
        "rust" if is_broken => !rust::may_define(body.as_bytes()),
        "python" => {
            !python::defines(name, body.as_bytes()) && memchr::memmem::find(body.as_bytes(), b"import").is_none()
        }
        "rust" => !rust::defines(body.as_bytes()),
        _ => false,
    }
}

/// A skeleton in the making: what a scanner comes by is kept or left out.
struct Keeping<'a> {
    source: &'a [u8],
    /// What has been decided on so far ends here.
    next: usize,
    broken: &'a [Range<usize>],
    skeleton: Skeleton,
}

impl<'a> Keeping<'a> {
    /// Keeps everything up to `end`.
    fn keep(&mut self, end: usize) {
        if end <= self.next {
            return;
        }
        self.begin_run(self.next);
        self.skeleton.text.extend_from_slice(&self.source[self.next..end]);
        self.next = end;
    }

    /// Leaves out everything up to `end`.
    fn skip(&mut self, end: usize) {
        self.next = self.next.max(end);
    }

    /// Puts `byte` in the place of the next byte of the source.
    fn put(&mut self, byte: u8) {
        self.begin_run(self.next);
        self.skeleton.text.push(byte);
        self.next += 1;
    }

    fn begin_run(&mut self, from: usize) {
        let at = self.skeleton.text.len();
        let goes_on = self.skeleton.runs.last().is_some_and(|run| run.from + (at - run.at) == from);
        if !goes_on {
            self.skeleton.runs.push(Run { at, from });
        }
    }
}

/// The end of the string whose quote is at `at`, behind its last quote; `None` when it does not end. With `lines` it may
/// go over several. A backslash always takes the next byte with it.
fn string_end(source: &[u8], at: usize, lines: bool) -> Option<usize> {
    let quote = source[at];
    let mut next = at + 1;
    loop {
        let found = next + memchr::memchr3(quote, b'\\', b'\n', &source[next..])?;
        match source[found] {
            b'\\' => next = found + 2,
            b'\n' if lines => next = found + 1,
            b'\n' => return None,
            _ => return Some(found + 1),
        }
        if next > source.len() {
            return None;
        }
    }
}

/// Where the bracket that opens at `at` has been closed. `token` says of the one at a place whether it opens or closes a
/// bracket, and where it ends.
fn closed(at: usize, token: impl Fn(usize) -> Option<(bool, bool, usize)>) -> Option<usize> {
    let (mut at, mut depth) = (at, 0usize);
    loop {
        let (opens, closes, end) = token(at)?;
        depth = (depth + usize::from(opens)).checked_sub(usize::from(closes))?;
        if depth == 0 {
            return Some(end);
        }
        at = end;
    }
}

/// Whether a byte can stand in a name; everything beyond ASCII can.
fn is_word(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric() || byte >= 0x80
}

/// Whether a word is one of these, or has one beside what may be no letter: a parser goes on behind such a thing.
fn has_keyword(word: &[u8], keywords: &[&[u8]]) -> bool {
    word.split(|byte| *byte >= 0x80).any(|part| keywords.contains(&part))
}

/// The end of the word that starts at `at`.
fn word_end(source: &[u8], at: usize) -> usize {
    source[at..].iter().position(|&byte| !is_word(byte)).map_or(source.len(), |len| at + len)
}

#[cfg(test)]
mod tests;

//! Documentation of a definition: the comment above it, or the string that starts its body.

use std::ops::Range;

use super::extract::Source;

/// Lines of documentation kept with a signature.
const DOC_LINES: usize = 3;
/// A comment longer than this is not looked through for its start.
const MOST_COMMENT_LINES: usize = 200;

/// The first lines of the comment directly above `line` (attributes and decorators between do not count), and where
/// it starts.
pub(super) fn docs_above(source: &Source<'_>, line: usize) -> Option<(usize, String)> {
    let mark = source.language.line_comment();
    let has_blocks = source.language.block_comment().is_some_and(|(start, _)| start == "/*");
    let mut docs = Vec::new();
    let mut first = line;
    for above in (0..line).rev() {
        let content = source.line(above).trim();
        if mark.is_some_and(|mark| content.starts_with(mark)) && !content.starts_with("#[") {
            docs.push(content);
            first = above;
        } else if docs.is_empty() && has_blocks && content.ends_with("*/") {
            return block_docs(source, above);
        } else if !["#[", "@", "template<", "template <"].iter().any(|start| content.starts_with(start)) {
            break;
        }
    }
    docs.reverse();
    docs.truncate(DOC_LINES);
    (!docs.is_empty()).then(|| (first, docs.join("\n") + "\n"))
}

/// The first lines with words of the block comment that ends on `line`, closed again, and where it starts.
fn block_docs(source: &Source<'_>, line: usize) -> Option<(usize, String)> {
    let text = |above: usize| {
        let text = source.line(above).trim();
        if above == line { text.strip_suffix("*/").unwrap_or(text) } else { text }
    };
    let mut above = (0..=line).rev().take(MOST_COMMENT_LINES);
    let first = above.find(|&above| text(above).contains("/*") || text(above).contains("*/"))?;
    // What ends before is another comment: this one has lost its start while someone writes.
    if text(first).contains("*/") {
        return None;
    }
    let opening = source.line(first).trim();
    if !opening.starts_with("/*") {
        return None;
    }
    let mark = &opening[..opening.find(|ch: char| !"/*!".contains(ch)).unwrap_or(opening.len())];
    // `/**/` is all marks.
    let mark = mark.strip_suffix("*/").filter(|mark| mark.len() > 1).unwrap_or(mark);
    let content = |line: usize| {
        let text = source.line(line).trim();
        let text = text.strip_prefix(mark).filter(|_| line == first).unwrap_or(text);
        text.strip_suffix("*/").unwrap_or(text).trim_matches(|ch: char| ch == '*' || ch.is_whitespace())
    };
    let words: Vec<&str> = (first..=line).map(content).filter(|text| !text.is_empty()).take(DOC_LINES).collect();
    (!words.is_empty()).then(|| (first, format!("{mark} {} */\n", words.join("\n * "))))
}

/// The first line of a string that starts a body, where that is how things are documented.
pub(super) fn docstring(source: &Source<'_>, body: Range<usize>) -> Option<String> {
    if !source.language.indented_blocks() {
        return None;
    }
    let line = source.text[body.start..].lines().next().unwrap_or_default().trim();
    let opening = line.trim_start_matches(|ch: char| ch.is_ascii_alphabetic());
    let quotes = ["\"\"\"", "'''"].into_iter().find(|quotes| opening.starts_with(quotes))?;
    Some(if opening[quotes.len()..].contains(quotes) { line.to_owned() } else { format!("{line}{quotes}") })
}

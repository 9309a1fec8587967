//! Pieces of a file that a search finds: whole definitions where they are short enough, windows where they are not.
//!
//! Chunks follow each other and cover every line. A definition (with the comment above it) is not cut unless it is longer
//! than [`MOST_LINES`]: then a type is cut between its members, and everything else into windows that overlap.

use std::ops::RangeInclusive;

use halfline_grammars::TagKind;

use crate::symbols::{Definition, Source};

/// A longer chunk is cut.
const MOST_LINES: usize = 60;
/// Neighbours are joined until they have this many lines.
const JOINED_LINES: usize = 30;
/// Lines that a window shares with the one before.
const OVERLAP: usize = 10;

/// Lines of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// First and last line, from 0.
    pub(crate) lines: (usize, usize),
    /// Its text.
    pub(crate) text: String,
}

/// Cuts a file into chunks.
pub(crate) fn cut(source: &Source<'_>, definitions: &[Definition]) -> Vec<Chunk> {
    let ends_with_break = source.line(source.line_count() - 1).is_empty();
    let last_line = (source.line_count() - 1).saturating_sub(usize::from(ends_with_break));
    let mut starts = Vec::new();
    let tops: Vec<&Definition> = definitions.iter().filter(|definition| definition.kind != TagKind::Field).collect();
    note_starts(&tops, &mut starts);
    starts.push(0);
    starts.sort_unstable();
    starts.dedup();

    let mut spans: Vec<RangeInclusive<usize>> = Vec::new();
    for (index, &start) in starts.iter().enumerate() {
        let end = starts.get(index + 1).map_or(last_line, |next| (next - 1).min(last_line));
        if start > end {
            continue;
        }
        match spans.last_mut() {
            Some(before) if end - before.start() < JOINED_LINES => *before = *before.start()..=end,
            _ => spans.push(start..=end),
        }
    }
    spans.into_iter().flat_map(windows).filter_map(|lines| chunk(source, lines)).collect()
}

/// Notes where definitions start that are not to be cut, and where the members of longer ones do.
fn note_starts(definitions: &[&Definition], starts: &mut Vec<usize>) {
    let mut covered = 0;
    for definition in definitions {
        let (first, last) = (definition.signature_lines.0.min(definition.lines.0), definition.lines.1);
        if first < covered {
            continue;
        }
        starts.push(first);
        if last - first < MOST_LINES || !matches!(definition.kind, TagKind::Type | TagKind::Interface | TagKind::Module)
        {
            covered = last + 1;
            starts.push(covered);
        }
    }
}

/// A span as it is, or in windows when it is too long.
fn windows(span: RangeInclusive<usize>) -> Vec<RangeInclusive<usize>> {
    let (mut start, end) = span.into_inner();
    let mut found = Vec::new();
    while end - start >= MOST_LINES {
        found.push(start..=start + MOST_LINES - 1);
        start += MOST_LINES - OVERLAP;
    }
    found.push(start..=end);
    found
}

fn chunk(source: &Source<'_>, lines: RangeInclusive<usize>) -> Option<Chunk> {
    let (first, last) = lines.into_inner();
    let text = &source.text[source.line_start(first)..source.line_start(last + 1)];
    (!text.trim().is_empty()).then(|| Chunk { lines: (first, last), text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(name: &str, text: &str, expected: Expect) {
        let snapshot = crate::Snapshot::of_text(Some(name.into()), text);
        let source = Source::new(snapshot.language().unwrap(), text);
        let chunks = cut(&source, snapshot.definitions());
        let mut next = 0;
        for chunk in &chunks {
            assert!(chunk.lines.0 <= next, "a gap before line {}", chunk.lines.0);
            next = chunk.lines.1 + 1;
        }
        assert!(text.lines().skip(next).all(str::is_empty), "the end is missing");
        let show = |chunk: &Chunk| format!("{:?} {}\n", chunk.lines, chunk.text.lines().next().unwrap_or_default());
        expected.assert_eq(&chunks.iter().map(show).collect::<String>());
    }

    #[test]
    fn definitions_stay_whole() {
        let body = "    let x = 1;\n".repeat(25);
        let text =
            format!("use a::b;\n\n/// Docs.\nfn one() {{\n{body}}}\n\nfn two() {{\n{body}}}\nconst A: u8 = 1;\n");
        check(
            "a.rs",
            &text,
            expect![[r#"
                (0, 29) use a::b;
                (30, 58) 
            "#]],
        );
    }

    #[test]
    fn a_long_class_is_cut_between_its_methods() {
        let method = |name: &str| format!("    def {name}(self):\n{}\n", "        pass\n".repeat(28));
        let text = format!("class Long:\n    \"\"\"Docs.\"\"\"\n\n{}{}{}", method("a"), method("b"), method("c"));
        check(
            "a.py",
            &text,
            expect![[r#"
                (0, 2) class Long:
                (3, 32)     def a(self):
                (33, 62)     def b(self):
                (63, 92)     def c(self):
            "#]],
        );
    }

    #[test]
    fn a_long_function_becomes_windows_that_overlap() {
        let text = format!("fn long() {{\n{}}}\n", "    let x = 1;\n".repeat(120));
        check(
            "a.rs",
            &text,
            expect![[r#"
                (0, 59) fn long() {
                (50, 109)     let x = 1;
                (100, 121)     let x = 1;
            "#]],
        );
    }
}

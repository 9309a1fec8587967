//! Where a block is wanted, the text ends with the block: before the first line that is not indented deeper than the
//! line that opened it, or after that line's bracket when it is the block's own and nothing after the cursor closes it.

/// The text of the block that a line indented by `indent` characters opened. With `is_cut_off` the last line may be half
/// a line, and is left out unless it is the only one.
pub fn cut(text: &str, indent: usize, is_closed: bool, is_cut_off: bool) -> &str {
    let mut end = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let content = line.trim_end();
        let starts_here = end;
        // The first line goes on where the cursor stands; what indents it stands before the cursor.
        if number > 0 && !content.is_empty() && indent_of(content) <= indent {
            let closer = content.trim_start().starts_with(['}', ')', ']']);
            let own_end = starts_here + indent_of_bytes(content) + 1;
            return if closer && !is_closed { &text[..own_end] } else { text[..starts_here].trim_end() };
        }
        end += line.len();
    }
    let whole_lines = text.rfind('\n').map_or(text, |at| &text[..at]);
    if is_cut_off && !text.ends_with('\n') && !whole_lines.trim().is_empty() {
        whole_lines.trim_end()
    } else {
        text.trim_end()
    }
}

/// Whether the text already has the whole block, so that no more of it need be generated.
pub fn is_complete(text: &str, indent: usize) -> bool {
    // The last line may still grow: it counts only once it has a character that tells its indentation.
    text.split_inclusive('\n').skip(1).any(|line| {
        let content = line.trim_end();
        !content.is_empty() && indent_of(content) <= indent
    })
}

fn indent_of(line: &str) -> usize {
    line.chars().take_while(|ch| ch.is_whitespace()).count()
}

fn indent_of_bytes(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_and_no_more() {
        for (name, text, indent, is_closed, is_cut_off, expected) in [
            ("closed after the cursor", "a();\n    b();\n}\nfn g() {", 0, true, false, "a();\n    b();"),
            ("its own bracket", "a();\n    b();\n}\n\nfn g() {", 0, false, false, "a();\n    b();\n}"),
            ("bracket with more", "\n        a();\n    } else {\n", 4, false, false, "\n        a();\n    }"),
            ("dedent without a bracket", "return x\n\n\ndef g():\n", 0, true, false, "return x"),
            ("blank lines inside", "a\n\n    b\n", 0, true, false, "a\n\n    b"),
            ("half a line", "a();\n    b();\n    c(", 0, true, true, "a();\n    b();"),
            ("half a line is all", "a(", 0, true, true, "a("),
            ("half a line after a break", "\n    a(", 0, true, true, "\n    a("),
            ("whole text", "a();\n    b();", 0, true, false, "a();\n    b();"),
        ] {
            assert_eq!(cut(text, indent, is_closed, is_cut_off), expected, "{name}");
        }
    }

    #[test]
    fn complete_once_a_line_leaves_the_block() {
        for (text, expected) in
            [("a", false), ("a\n", false), ("a\n ", false), ("a\n  b", false), ("a\n}", true), ("a\n\n  b\nc", true)]
        {
            assert_eq!(is_complete(text, 0), expected, "{text:?}");
        }
    }
}

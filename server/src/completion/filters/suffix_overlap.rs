//! What stands after the cursor already is not suggested again: neither the closers right of it, nor the next lines.

/// The text without what `line_suffix` (the rest of the cursor's line) and `following` (the next lines with text, without
/// the space around them) already have.
pub fn cut<'a>(text: &'a str, line_suffix: &str, following: &[&str]) -> &'a str {
    let text = cut_line_suffix(text, line_suffix.trim());
    cut_following(text, line_suffix, following)
}

/// Takes off the longest end of the text with which the rest of the line begins.
fn cut_line_suffix<'a>(text: &'a str, line_suffix: &str) -> &'a str {
    if line_suffix.is_empty() {
        return text;
    }
    let trimmed = text.trim_end();
    let overlap = trimmed.char_indices().map(|(at, _)| at).find(|at| {
        let tail = &trimmed[*at..];
        // One letter that happens to be the same is no overlap; a closer is.
        line_suffix.starts_with(tail) && (tail == line_suffix || tail.len() > 2 || tail.chars().all(is_closing))
    });
    overlap.map_or(text, |at| &trimmed[..at])
}

/// Takes off the lines at the end that the next lines begin with.
fn cut_following<'a>(text: &'a str, line_suffix: &str, following: &[&str]) -> &'a str {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    // The first line completes the cursor's own: it repeats another only as a whole line, told by an empty rest.
    let first = usize::from(!line_suffix.trim().is_empty());
    for start in first..lines.len() {
        let tail: Vec<&str> = lines[start..].iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect();
        if !tail.is_empty() && tail.len() <= following.len() && tail.iter().eq(&following[..tail.len()]) {
            let kept: usize = lines[..start].iter().map(|line| line.len()).sum();
            return text[..kept].trim_end();
        }
    }
    text
}

fn is_closing(ch: char) -> bool {
    matches!(ch, ')' | ']' | '}' | '>' | ';' | ',' | ':' | '"' | '\'' | '`')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_twice() {
        for (name, text, line_suffix, following, expected) in [
            ("closer", "x, y)", ")", &[][..], "x, y"),
            ("closer and semicolon", "x, y);", ");", &[], "x, y"),
            ("quote", "hello\"", "\"", &[], "hello"),
            ("more to the right", "x, y)", ");", &[], "x, y"),
            ("space to the right", "x)", " )", &[], "x"),
            ("everything is there", ")", ")", &[], ""),
            ("words", "foo.bar(baz)", "baz)", &[], "foo.bar("),
            ("a letter is no overlap", "ab", "bcd", &[], "ab"),
            ("nothing right", "x)", "", &[], "x)"),
            ("next line", "return x;", "", &["return x;", "}"], ""),
            ("next lines", "a();\n    b();\n}", "", &["b();", "}"], "a();"),
            ("next bracket", "a();\n}", "", &["}"], "a();"),
            ("another next line", "a();", "", &["b();"], "a();"),
            ("part of the next line", "a", "", &["a();"], "a"),
            ("other scripts", "привет)", ")", &[], "привет"),
        ] {
            assert_eq!(cut(text, line_suffix, following), expected, "{name}");
        }
    }
}

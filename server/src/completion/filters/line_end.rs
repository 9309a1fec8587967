//! Where a line is wanted, the text ends with the line.

/// The text up to its first line break.
pub fn cut(text: &str) -> &str {
    text.split(['\n', '\r']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line() {
        for (text, expected) in [("a", "a"), ("a\nb", "a"), ("a\r\nb", "a"), ("\na", ""), ("", "")] {
            assert_eq!(cut(text), expected, "{text:?}");
        }
    }
}

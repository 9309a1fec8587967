//! Small models fall into loops. A line, or a run of words, that comes again and again is kept once.

/// How often a period must come in a row to count as a loop.
const TIMES: usize = 3;
/// Characters of a loop within a line, all repetitions together: `))))` and `0, 0, 0` are code.
const LOOP_CHARS: usize = 24;
/// Words in the longest loop looked for.
const PERIOD_WORDS: usize = 12;
/// Lines in the longest loop looked for.
const PERIOD_LINES: usize = 4;

/// The text without what repeats.
pub fn cut(text: &str) -> &str {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let text = match first_loop(&lines, PERIOD_LINES, |looped| looped.iter().any(|line| line.trim().len() > 2)) {
        Some(kept) => text[..kept].trim_end(),
        None => text,
    };
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let words = words(line);
        let is_long = |looped: &[&str]| looped.iter().map(|word| word.len()).sum::<usize>() >= LOOP_CHARS;
        if let Some(kept) = first_loop(&words, PERIOD_WORDS, is_long) {
            return &text[..start + kept];
        }
        start += line.len();
    }
    text
}

/// Bytes up to the end of the first repetition of the first loop: `TIMES` times the same items, up to `longest` of them.
/// `counts` judges all the repetitions together.
fn first_loop(items: &[&str], longest: usize, counts: impl Fn(&[&str]) -> bool) -> Option<usize> {
    for start in 0..items.len() {
        for period in 1..=longest.min((items.len() - start) / TIMES) {
            let looped = &items[start..start + period * TIMES];
            let repeats = looped.iter().skip(period).zip(looped).all(|(later, earlier)| later.trim() == earlier.trim());
            if repeats && counts(looped) {
                return Some(items[..start + period].iter().map(|item| item.len()).sum());
            }
        }
    }
    None
}

/// Words and the characters between them, in order.
fn words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = 0;
    let mut in_word = false;
    for (at, ch) in line.char_indices() {
        let is_word = ch.is_alphanumeric() || ch == '_';
        if at > start && !(in_word && is_word) {
            words.push(&line[start..at]);
            start = at;
        }
        in_word = is_word;
    }
    words.push(&line[start..]);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loops_are_kept_once() {
        for (name, text, expected) in [
            ("no loop", "foo(a, b, c)", "foo(a, b, c)"),
            ("short runs are code", "[0, 0, 0, 0]", "[0, 0, 0, 0]"),
            ("brackets are code", "a(b(c(d(e()))))", "a(b(c(d(e()))))"),
            ("words", "value.unwrap().unwrap().unwrap().unwrap().unwrap()", "value.unwrap()"),
            (
                "words with different ends",
                "x && check(a) && check(b) && check(c)",
                "x && check(a) && check(b) && check(c)",
            ),
            ("a line", "a += 1;\n    a += 1;\n    a += 1;\n    a += 1;", "a += 1;"),
            ("two lines", "x();\ny();\nx();\ny();\nx();\ny();\nz();", "x();\ny();"),
            ("twice is no loop", "a += 1;\na += 1;", "a += 1;\na += 1;"),
            ("closing lines are no loop", "x\n}\n}\n}\n}", "x\n}\n}\n}\n}"),
            ("other scripts", "привет мир привет мир привет мир привет", "привет мир "),
            ("empty", "", ""),
        ] {
            assert_eq!(cut(text), expected, "{name}");
        }
    }
}

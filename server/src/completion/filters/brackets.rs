//! A closer that nothing opened ends the text. What may be closed is what the text opens itself, and what is open at the
//! cursor unless something after it closes that already.

/// Characters after the cursor in which a closer is looked for.
pub const LOOK_AHEAD: usize = 4000;

/// The brackets that a text may close: of those open at the cursor (outermost first) the ones further in than the one
/// that the first closer in `after` belongs to.
pub fn to_close(open: &[char], after: &str) -> Vec<char> {
    let closed = first_closer(after).and_then(opener_of).and_then(|opener| open.iter().rposition(|ch| *ch == opener));
    open[closed.map_or(0, |at| at + 1)..].to_vec()
}

/// The text up to the first closer that closes neither a bracket of its own nor one of `open` (outermost first).
pub fn cut<'a>(text: &'a str, open: &[char]) -> &'a str {
    let mut open = open.to_vec();
    let mut scan = Scan::default();
    for (at, ch) in text.char_indices() {
        if !scan.is_code(ch) {
            continue;
        }
        match ch {
            '(' | '[' | '{' => open.push(ch),
            ')' | ']' | '}' if open.pop() != opener_of(ch) => return &text[..at],
            _ => {}
        }
    }
    text
}

/// The closers that the text needs to be balanced, innermost first.
pub fn missing(text: &str) -> String {
    let mut open = Vec::new();
    let mut scan = Scan::default();
    for ch in text.chars().filter(|ch| scan.is_code(*ch)) {
        match ch {
            '(' => open.push(')'),
            '[' => open.push(']'),
            '{' => open.push('}'),
            ')' | ']' | '}' if open.last() == Some(&ch) => drop(open.pop()),
            _ => {}
        }
    }
    open.iter().rev().collect()
}

fn first_closer(text: &str) -> Option<char> {
    let mut depth = 0_usize;
    let mut scan = Scan::default();
    text.chars().filter(|ch| scan.is_code(*ch)).find(|ch| match ch {
        '(' | '[' | '{' => {
            depth += 1;
            false
        }
        ')' | ']' | '}' if depth == 0 => true,
        ')' | ']' | '}' => {
            depth -= 1;
            false
        }
        _ => false,
    })
}

fn opener_of(closer: char) -> Option<char> {
    match closer {
        ')' => Some('('),
        ']' => Some('['),
        '}' => Some('{'),
        _ => None,
    }
}

/// Tells code from strings in double quotes, within a line. Single quotes are lifetimes as often as strings.
#[derive(Default)]
struct Scan {
    in_string: bool,
    escaped: bool,
}

impl Scan {
    fn is_code(&mut self, ch: char) -> bool {
        match ch {
            '\n' => *self = Scan::default(),
            _ if self.escaped => self.escaped = false,
            '\\' => self.escaped = self.in_string,
            '"' => self.in_string = !self.in_string,
            _ => {}
        }
        !self.in_string
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unmatched_closers_end_the_text() {
        for (name, text, open, after, expected) in [
            ("balanced", "foo(a)[0]", "", "", "foo(a)[0]"),
            ("one too many", "a)", "", "", "a"),
            ("the prefix opened it", "a)", "(", "", "a)"),
            ("and the suffix closes it", "a)", "(", ");\n}", "a"),
            ("only the outer one is closed", "a)", "{(", "\n}\n", "a)"),
            ("and then one too many", "a) }", "{(", "\n}\n", "a) "),
            ("wrong kind", "a]", "(", "", "a"),
            ("in a string", "\")\" + a)", "", "", "\")\" + a"),
            ("escaped quote", "\"\\\")\" + a)", "", "", "\"\\\")\" + a"),
            ("the suffix opens and closes", "a)", "(", "b(c)\n", "a)"),
        ] {
            let open: Vec<char> = open.chars().collect();
            assert_eq!(cut(text, &to_close(&open, after)), expected, "{name}");
        }
    }

    #[test]
    fn missing_closers() {
        for (text, expected) in [("a", ""), ("f(", ")"), ("if x {", "}"), ("f([{", "}])"), ("\"(\"", ""), ("a)", "")] {
            assert_eq!(missing(text), expected, "{text:?}");
        }
    }
}

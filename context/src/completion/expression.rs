//! Reading half a line backwards: which call is open, and which expression stands before the dot.
//!
//! Works on text: what is being typed does not parse. What is too much for it (an expression in parentheses, a literal, a
//! macro's call) is no expression here.

/// How far back an expression is read, in bytes.
const FARTHEST: usize = 2000;

/// One link of an expression such as `self.engine.start(1)?.status`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) name: String,
    /// Whether `::` stands before it.
    pub(super) by_path: bool,
    pub(super) is_called: bool,
    pub(super) is_indexed: bool,
    /// Whether what it gives is unwrapped by a `?`.
    pub(super) is_tried: bool,
}

/// An expression with the sign after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Before {
    pub(super) links: Vec<Link>,
    /// Whether that sign is `::`.
    pub(super) by_path: bool,
    /// Where the expression starts.
    pub(super) start: usize,
    /// What of the next name stands there already.
    pub(super) typed: String,
}

/// The expression before the last dot, or `::`, of `text`, after which nothing stands but the start of a name.
pub(super) fn before_dot(text: &str) -> Option<Before> {
    let low = text.len().saturating_sub(FARTHEST);
    let low = (low..=text.len()).find(|&at| text.is_char_boundary(at))?;
    let head = text[low..].trim_end_matches(is_word);
    let typed = text[low + head.len()..].to_owned();
    let (mut rest, mut by_path) = joint(head)?;
    let last_by_path = by_path;
    let mut links = Vec::new();
    loop {
        let mut link =
            Link { name: String::new(), by_path: false, is_called: false, is_indexed: false, is_tried: false };
        rest = rest.trim_end();
        // The last of these is the last to happen: `f(x)[0]` is indexed, `f[0](x)` is called.
        loop {
            match rest.chars().next_back()? {
                '?' => link.is_tried = true,
                ')' => link.is_called |= !link.is_indexed,
                ']' => link.is_indexed |= !link.is_called,
                '>' if by_path || link.is_called => {}
                _ => break,
            }
            rest = match rest.strip_suffix('?') {
                Some(rest) => rest,
                None => rest[..opening(rest)?].trim_end_matches("::"),
            };
        }
        let name = last_word(rest)?;
        name.clone_into(&mut link.name);
        rest = &rest[..rest.len() - name.len()];
        let before = joint(rest.trim_end());
        link.by_path = before.is_some_and(|(_, by_path)| by_path);
        links.push(link);
        let Some((more, path)) = before else { break };
        (rest, by_path) = (more, path);
    }
    links.reverse();
    Some(Before { links, by_path: last_by_path, start: low + rest.len(), typed })
}

/// The name before the innermost parenthesis that `typed` leaves open.
pub(super) fn open_call(typed: &str) -> Option<&str> {
    let mut depth = 0;
    for (at, ch) in typed.char_indices().rev() {
        match ch {
            ')' | ']' | '}' => depth += 1,
            '(' if depth == 0 => return last_word(&typed[..at]),
            '(' | '[' | '{' => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            return None;
        }
    }
    None
}

/// `text` without the dot or `::` at its end, and whether it was the latter.
fn joint(text: &str) -> Option<(&str, bool)> {
    if let Some(rest) = text.strip_suffix("::") {
        return Some((rest, true));
    }
    let rest = text.strip_suffix('.')?;
    // Not a range, nor the three dots of Python.
    (!rest.ends_with('.')).then_some((rest, false))
}

/// Where the bracket opens that the last character of `text` closes.
fn opening(text: &str) -> Option<usize> {
    let close = text.chars().next_back()?;
    let open = match close {
        ')' => '(',
        ']' => '[',
        '>' => '<',
        _ => return None,
    };
    let mut depth = 0;
    let found = text.char_indices().rev().find(|(_, ch)| {
        depth += i32::from(*ch == close) - i32::from(*ch == open);
        depth == 0
    });
    found.map(|(at, _)| at)
}

/// The name that `text` ends with.
pub(super) fn last_word(text: &str) -> Option<&str> {
    let start = text.char_indices().rev().take_while(|(_, ch)| is_word(*ch)).last()?.0;
    let word = &text[start..];
    (!word.starts_with(char::is_numeric)).then_some(word)
}

pub(super) fn is_word(ch: char) -> bool {
    ch == '_' || ch.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(before: &Before) -> String {
        let mut shown = String::new();
        for (index, link) in before.links.iter().enumerate() {
            let joint = if link.by_path { "::" } else { "." };
            shown.push_str(if index > 0 { joint } else { "" });
            shown.push_str(&link.name);
            shown.push_str(if link.is_called { "()" } else { "" });
            shown.push_str(if link.is_indexed { "[]" } else { "" });
            shown.push_str(if link.is_tried { "?" } else { "" });
        }
        format!("{shown}{}{}", if before.by_path { "::" } else { "." }, before.typed)
    }

    #[test]
    fn half_lines() {
        for (typed, call, before) in [
            ("    connect(", Some("connect"), None),
            ("    let x = Config::load(path, ", Some("load"), None),
            ("    f(g(1), h", Some("f"), None),
            ("    (", None, None),
            ("    self.engine.", None, Some("self.engine.")),
            ("    Config::lo", None, Some("Config::lo")),
            ("    open(a).read().", None, Some("open().read().")),
            ("    f(self.items[0].na", Some("f"), Some("self.items[].na")),
            ("    let x = maybe()?.", None, Some("maybe()?.")),
            ("    a.b(c.", Some("b"), Some("c.")),
            ("    let x = pyproject\n        .get(\"a.b\")?\n        .", None, Some("pyproject.get()?.")),
            ("    crate::extract::", None, Some("crate::extract::")),
            ("    Vec::<Item>::ne", None, Some("Vec::ne")),
            ("    a.collect::<Vec<_>>().", None, Some("a.collect().")),
            ("    if a > b.", None, Some("b.")),
            ("    1.", None, None),
            ("    0..", None, None),
            ("    (a + b).", None, None),
            ("    \"a\".", None, None),
            ("é(", Some("é"), None),
            ("", None, None),
        ] {
            assert_eq!(open_call(typed), call, "{typed:?}");
            assert_eq!(before_dot(typed).as_ref().map(shown).as_deref(), before, "{typed:?}");
        }
    }
}

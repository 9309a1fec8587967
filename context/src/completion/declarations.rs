//! Reading declarations as they are written: which type a parameter, a field or a variable is given, what a function
//! returns, what a class is made from. Wrong guesses cost a look-up.

use super::expression::is_word;
use crate::symbols::Definition;

/// Wrappers are looked through so far.
const MOST_WRAPPERS: usize = 6;
/// Lines of one statement.
const STATEMENT_LINES: usize = 20;
/// Names that say nothing of a type's members.
const PLAIN_TYPES: [&str; 24] = [
    "Option", "Result", "Vec", "Box", "Arc", "Rc", "String", "Some", "Ok", "Err", "None", "Self", "Optional", "List",
    "Dict", "Iterator", "Iterable", "Any", "Union", "Callable", "Tuple", "Sequence", "True", "False",
];

/// The words of a type's text that may be types of the workspace.
pub(super) fn type_words(text: &str) -> Vec<String> {
    let words = text.split(|ch: char| !is_word(ch));
    let types = words.filter(|word| word.starts_with(char::is_uppercase) && !PLAIN_TYPES.contains(word));
    types.map(str::to_owned).collect()
}

/// The name of the type in the first line of a class, struct, trait or implementation.
pub(crate) fn container_type(line: &str) -> Option<String> {
    let line = line.split(" where ").next().unwrap_or(line);
    let line = line.rsplit_once(" for ").map_or(line, |(_, after)| after);
    let start = ["class ", "struct ", "enum ", "trait ", "union ", "interface "]
        .iter()
        .find_map(|keyword| line.split_once(keyword).map(|(_, after)| after))
        .unwrap_or(line);
    let mut words = start.split(|ch: char| !is_word(ch));
    words.find(|word| word.starts_with(char::is_uppercase) && word.len() > 1).map(str::to_owned)
}

/// What is said of a name where it stands.
pub(super) enum Declared {
    Type(String),
    Value(String),
    /// It is what is inside of this.
    Inside(String),
}

pub(super) fn declared(before: &str, after: &str) -> Option<Declared> {
    let trimmed = before.trim_end();
    let is_inside = ["Some(", "Ok("].iter().any(|around| trimmed.ends_with(around));
    if is_inside {
        let value = after.strip_prefix(')')?.trim_start().strip_prefix('=')?;
        let value = statement(value);
        let end = value.find(" else").or_else(|| value.rfind('{')).unwrap_or(value.len());
        return Some(Declared::Inside(value[..end].to_owned()));
    }
    let after = after.trim_start_matches([' ', '\t']);
    if let Some(declared) = after.strip_prefix(':').filter(|rest| !rest.starts_with([':', '='])) {
        let written = until_end(declared);
        if !written.is_empty() {
            return Some(Declared::Type(written.to_owned()));
        }
    }
    if let Some(value) = after.strip_prefix('=').filter(|rest| !rest.starts_with(['=', '>'])) {
        return Some(Declared::Value(statement(value)));
    }
    // `with open() as name:`
    let line = &before[before.rfind('\n').map_or(0, |at| at + 1)..];
    let value = line.trim_start().strip_prefix("with ")?.trim_end().strip_suffix(" as")?;
    after.starts_with([':', ',', ')']).then(|| Declared::Value(value.to_owned()))
}

/// The text of a type: up to what ends it at its own depth.
pub(super) fn until_end(text: &str) -> &str {
    let mut depth = 0;
    let mut last = ' ';
    let end = text.char_indices().find(|&(_, ch)| {
        let is_end = depth == 0 && matches!(ch, ',' | ')' | '=' | '{' | ';' | '\n' | '}' | ']');
        match ch {
            '[' | '<' | '(' => depth += 1,
            // Not the arrow of a function's type.
            ']' | ')' => depth -= 1,
            '>' if last != '-' => depth -= 1,
            _ => {}
        }
        last = ch;
        is_end
    });
    text[..end.map_or(text.len(), |(at, _)| at)].trim()
}

/// The rest of a statement, over several lines while a bracket is open.
pub(super) fn statement(text: &str) -> String {
    let mut depth = 0;
    let mut lines = 0;
    let end = text.char_indices().find(|&(at, ch)| {
        match ch {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        lines += usize::from(ch == '\n');
        // A chain goes on in the next line.
        let goes_on = || text[at + 1..].trim_start().starts_with('.');
        depth < 0 || lines > STATEMENT_LINES || (depth == 0 && (ch == ';' || (ch == '\n' && !goes_on())))
    });
    text[..end.map_or(text.len(), |(at, _)| at)].trim().to_owned()
}

/// Types around another that pass its members on.
const WRAPPERS: [&str; 14] = [
    "Box",
    "Arc",
    "Rc",
    "Pin",
    "MutexGuard",
    "RwLockReadGuard",
    "RwLockWriteGuard",
    "Ref",
    "RefMut",
    "Cow",
    "Final",
    "ClassVar",
    "Optional",
    "Annotated",
];

/// The name in the text of a type that is that name, or passes its members on.
pub(super) fn plain(written: &str) -> Option<&str> {
    let mut text = written.trim();
    for _ in 0..MOST_WRAPPERS {
        text = text.trim_matches(['"', '\'', '&', '*', ' ', '\n']);
        for prefix in ["mut ", "dyn ", "const "] {
            text = text.strip_prefix(prefix).unwrap_or(text);
        }
        // A lifetime.
        if let Some(name) = written.trim().strip_prefix("&'").filter(|rest| rest.starts_with(text)) {
            text = name.split_once(' ').map_or("", |(_, rest)| rest);
            text = text.strip_prefix("mut ").unwrap_or(text);
        }
        text = text.trim().trim_end_matches("| None").trim();
        text = text.strip_prefix("None |").unwrap_or(text).trim();
        let open = text.find(['<', '[']);
        let head = &text[..open.unwrap_or(text.len())];
        let last = head.rsplit([':', '.']).next().unwrap_or(head);
        match open {
            Some(open) if WRAPPERS.contains(&last) => {
                let inside = text[open + 1..].trim_end();
                let inside = inside.strip_suffix(['>', ']']).unwrap_or(inside);
                let first = until_end(inside);
                // A lifetime comes first; the name of a class that comes later is in quotes.
                text = if first.starts_with('\'') && !first.ends_with('\'') {
                    inside[first.len()..].trim_start_matches([',', ' '])
                } else {
                    first
                };
            }
            _ => {
                let is_name = head.chars().all(|ch| is_word(ch) || matches!(ch, '.' | ':'));
                return (is_name && !head.is_empty()).then_some(head);
            }
        }
    }
    None
}

/// The text of the type that a function returns.
pub(super) fn returned(definition: &Definition) -> Option<&str> {
    let (_, after) = definition.signature.rsplit_once("->")?;
    let after = after.split_once(" where").map_or(after, |(before, _)| before);
    let after = after.split_once("\nwhere").map_or(after, |(before, _)| before);
    // Documentation may follow.
    let line = after.lines().next()?.trim();
    let line = line.trim_end_matches([':', ';', '{', ' ']);
    (!line.is_empty()).then_some(line)
}

/// The text of the type of a field; with `= ` before it, what it is first given.
pub(super) fn annotated(definition: &Definition) -> Option<&str> {
    let line = definition.signature.lines().find(|line| line.contains(&definition.name) && !line.starts_with("//"))?;
    let at = line.rfind(&format!("{}:", definition.name)).or_else(|| line.find(&definition.name))?;
    let after = line[at + definition.name.len()..].trim_start();
    if let Some(written) = after.strip_prefix(':') {
        let written = until_end(written);
        return (!written.is_empty()).then_some(written);
    }
    after.starts_with("= ").then_some(after)
}

/// The names in the parentheses behind a class's name.
pub(super) fn bases(signature: &str) -> Vec<String> {
    let Some(class) = signature.find("class ") else { return Vec::new() };
    let head = &signature[class..];
    let (Some(open), Some(colon)) = (head.find('('), head.find(':')) else { return Vec::new() };
    if colon < open {
        return Vec::new();
    }
    let mut rest = &head[open + 1..];
    let mut found = Vec::new();
    loop {
        let base = until_end(rest);
        let after = &rest[rest.find(base).unwrap_or_default() + base.len()..];
        let name = base.split('[').next().unwrap_or(base).trim();
        let is_keyword = after.trim_start().starts_with('=');
        if !name.is_empty() && !is_keyword && name.chars().all(|ch| is_word(ch) || ch == '.') {
            found.push(name.to_owned());
        }
        match after.trim_start().strip_prefix([',', '=']) {
            Some(more) => rest = more,
            None => return found,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers() {
        for (line, expected) in [
            ("impl Config {", Some("Config")),
            ("impl<T: Clone> fmt::Display for Wrapper<T> {", Some("Wrapper")),
            ("class Config(Base):", Some("Config")),
            ("pub struct Config {", Some("Config")),
            ("impl {", None),
        ] {
            assert_eq!(container_type(line).as_deref(), expected, "{line}");
        }
    }
}

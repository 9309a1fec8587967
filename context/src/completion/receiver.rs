//! Reading half a line: which call is open, which value stands before the dot, and what type it was given.
//!
//! Works on text: what is being typed does not parse, and the few lines above say enough. Wrong guesses cost a look-up.

/// Names that say nothing of a type's members.
const PLAIN_TYPES: [&str; 24] = [
    "Option", "Result", "Vec", "Box", "Arc", "Rc", "String", "Some", "Ok", "Err", "None", "Self", "Optional", "List",
    "Dict", "Iterator", "Iterable", "Any", "Union", "Callable", "Tuple", "Sequence", "True", "False",
];

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

/// The segments before the last dot of `typed`, as in `self.engine.` or `Config::lo`; calls and indices in it are passed
/// over. `None` when no dot is near the end.
pub(super) fn chain(typed: &str) -> Option<Vec<String>> {
    let mut rest = typed.trim_end_matches(is_word);
    let mut segments = Vec::new();
    while let Some(before) =
        rest.strip_suffix("::").or_else(|| rest.strip_suffix("?.")).or_else(|| rest.strip_suffix('.'))
    {
        let before = without_brackets(before.trim_end_matches('?'));
        let Some(word) = last_word(before) else { break };
        segments.push(word.to_owned());
        rest = &before[..before.len() - word.len()];
    }
    segments.reverse();
    (!segments.is_empty()).then_some(segments)
}

/// The types that `name` is given in the text above: declared, built or called; the last first.
pub(super) fn declared_types(above: &str, name: &str) -> Vec<String> {
    for (at, _) in above.rmatch_indices(name) {
        let before = above[..at].chars().next_back();
        let after = &above[at + name.len()..];
        if before.is_some_and(|ch| is_word(ch) || ch == '.') || after.starts_with(is_word) {
            continue;
        }
        let after = after.trim_start_matches([' ', '\t']);
        let end = after.find(['\n', ';']).unwrap_or(after.len());
        let statement = &after[..end];
        let types = match (statement.strip_prefix(':'), statement.strip_prefix('=')) {
            (Some(declared), _) if !declared.starts_with([':', '=']) => {
                let end = declared.find([',', ')', '=', '{']).unwrap_or(declared.len());
                type_words(&declared[..end])
            }
            (_, Some(value)) if !value.starts_with('=') => value_types(value),
            _ => continue,
        };
        if !types.is_empty() {
            return types;
        }
    }
    Vec::new()
}

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

/// What the right side of an assignment says of its type: the type that is built, or the function that is called.
fn value_types(value: &str) -> Vec<String> {
    let value = value.trim_start().trim_start_matches("await ").trim_start_matches(['&', '*']);
    let end = value.find(['(', '{', '[']).unwrap_or(value.len());
    let head = value[..end].trim_end();
    let mut words = type_words(head);
    words.truncate(1);
    if words.is_empty() && value[end..].starts_with('(') {
        words.extend(last_word(head).map(str::to_owned));
    }
    words
}

/// `text` without the calls, indices and type arguments at its end.
fn without_brackets(mut text: &str) -> &str {
    while let Some(close) = text.chars().next_back().filter(|ch| matches!(ch, ')' | ']' | '>')) {
        let open = match close {
            ')' => '(',
            ']' => '[',
            _ => '<',
        };
        let mut depth = 0;
        let start = text.char_indices().rev().find(|(_, ch)| {
            depth += i32::from(*ch == close) - i32::from(*ch == open);
            depth == 0
        });
        let Some((start, _)) = start else { return text };
        text = text[..start].trim_end_matches("::").trim_end_matches('?');
    }
    text
}

fn last_word(text: &str) -> Option<&str> {
    let start = text.char_indices().rev().take_while(|(_, ch)| is_word(*ch)).last()?.0;
    let word = &text[start..];
    (!word.starts_with(char::is_numeric)).then_some(word)
}

fn is_word(ch: char) -> bool {
    ch == '_' || ch.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_lines() {
        for (typed, call, receiver) in [
            ("    connect(", Some("connect"), None),
            ("    let x = Config::load(path, ", Some("load"), None),
            ("    f(g(1), h", Some("f"), None),
            ("    (", None, None),
            ("    self.engine.", None, Some("self engine")),
            ("    Config::lo", None, Some("Config")),
            ("    open(a).read().", None, Some("open read")),
            ("    f(self.items[0].na", Some("f"), Some("self items")),
            ("    let x = maybe()?.", None, Some("maybe")),
            ("    a.b(c.", Some("b"), Some("c")),
            ("    1.", None, None),
            ("é(", Some("é"), None),
            ("", None, None),
        ] {
            assert_eq!(open_call(typed), call, "{typed:?}");
            assert_eq!(chain(typed).map(|chain| chain.join(" ")).as_deref(), receiver, "{typed:?}");
        }
    }

    #[test]
    fn types_of_names() {
        for (above, expected) in [
            ("fn f(x: &mut Config, y: u8) {", "Config"),
            ("def f(x: Optional[Config] = None):", "Config"),
            ("let x = Config::load(1);", "Config"),
            ("x = Config(a)\n", "Config"),
            ("let x = Config { a };", "Config"),
            ("x = load_config(a)\n", "load_config"),
            ("let x: Vec<Item> = vec![];\nlet x = Other::new();", "Other"),
            ("let x = Item;\nif x == Other {}", "Item"),
            ("xx = Config()\nself.x = Other()\n", ""),
            ("x = 1\n", ""),
        ] {
            assert_eq!(declared_types(above, "x").join(" "), expected, "{above}");
        }
    }

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

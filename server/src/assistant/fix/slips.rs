//! Slips of the pen in code that compiles: the wrong comparison, one too many, two arguments the wrong way round. Each is
//! undone by one small change, and a test that is quick can say of very many whether it was that one.

use std::collections::BTreeSet;
use std::ops::Range;

use halfline_context::Snapshot;
use tree_sitter::{Node, Point};

/// The last class of the kinds that are likely and few.
pub(super) const LIKELY: u8 = 1;

/// A text in which one thing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::assistant) struct Slip {
    /// How unlikely this kind of slip is: 0 is tried first.
    pub(super) class: u8,
    /// The new text of the file.
    pub(in crate::assistant) text: String,
    /// What was done.
    pub(in crate::assistant) done: String,
}

/// What people write for one another by mistake, with the likeliest meant first.
const OPERATORS: [(&str, &[&str]); 32] = [
    ("<", &["<=", ">"]),
    ("<=", &["<", ">="]),
    (">", &[">=", "<"]),
    (">=", &[">", "<="]),
    ("==", &["!=", "<="]),
    ("!=", &["=="]),
    ("+", &["-", "*"]),
    ("-", &["+"]),
    ("*", &["+", "**", "/"]),
    ("**", &["*"]),
    ("/", &["//", "*"]),
    ("//", &["/", "%"]),
    ("%", &["//", "/"]),
    ("&", &["|", "^"]),
    ("|", &["&", "^"]),
    ("^", &["&", "|"]),
    ("<<", &[">>"]),
    (">>", &["<<"]),
    ("and", &["or"]),
    ("or", &["and"]),
    ("&&", &["||"]),
    ("||", &["&&"]),
    ("+=", &["-=", "="]),
    ("-=", &["+="]),
    ("*=", &["+="]),
    ("^=", &["&=", "|="]),
    ("&=", &["|="]),
    ("|=", &["&="]),
    ("=", &["+="]),
    ("in", &["not in"]),
    ("..", &["..="]),
    ("..=", &[".."]),
];
/// Names that are confused, either way.
const NAMES: [(&str, &str); 34] = [
    ("any", "all"),
    ("min", "max"),
    ("MIN", "MAX"),
    ("True", "False"),
    ("true", "false"),
    ("append", "extend"),
    ("first", "last"),
    ("ceil", "floor"),
    ("checked_add", "checked_sub"),
    ("find", "rfind"),
    ("is_alphabetic", "is_alphanumeric"),
    ("is_lowercase", "is_uppercase"),
    ("is_ascii_lowercase", "is_ascii_uppercase"),
    ("is_negative", "is_positive"),
    ("is_ok", "is_err"),
    ("is_some", "is_none"),
    ("isalpha", "isalnum"),
    ("islower", "isupper"),
    ("keys", "values"),
    ("lower", "upper"),
    ("lstrip", "rstrip"),
    ("max_by_key", "min_by_key"),
    ("pop_back", "pop_front"),
    ("push_back", "push_front"),
    ("saturating_add", "saturating_sub"),
    ("skip", "take"),
    ("skip_while", "take_while"),
    ("split", "rsplit"),
    ("starts_with", "ends_with"),
    ("startswith", "endswith"),
    ("to_ascii_lowercase", "to_ascii_uppercase"),
    ("to_lowercase", "to_uppercase"),
    ("trim_start", "trim_end"),
    ("wrapping_add", "wrapping_sub"),
];
/// Other names that are tried for one that is used.
const MOST_NAMES: usize = 8;

/// The changes worth a check on `lines` (first and last, from 0) of `snapshot`, the likeliest first. Nothing without a tree.
pub(in crate::assistant) fn slips(snapshot: &Snapshot, lines: (usize, usize)) -> Vec<Slip> {
    let Some(tree) = snapshot.tree() else { return Vec::new() };
    let source = snapshot.rope().to_string();
    let is_python = snapshot.language().is_some_and(|language| language.name() == "python");
    let mut finder = Finder { source: &source, is_python, found: Vec::new(), names: BTreeSet::new() };
    let mut nodes = Vec::new();
    collect(tree.root_node(), lines, &mut nodes);
    finder.names = nodes.iter().filter(|node| is_variable(**node)).map(|node| finder.text(*node)).collect();
    for node in nodes {
        finder.look_at(node);
    }
    let mut seen = BTreeSet::from([source.clone()]);
    finder.found.retain(|slip| seen.insert(slip.text.clone()));
    finder.found.sort_by_key(|slip| slip.class);
    finder.found
}

/// Whether there is anything on `line` (from 0), which reads `text`, that can be wrong: no comment, no text, no assertion, not only a bracket.
pub(super) fn is_code(snapshot: &Snapshot, line: usize, text: &str) -> bool {
    let Some(tree) = snapshot.tree() else { return false };
    let start = Point::new(line, text.len() - text.trim_start().len());
    let first = tree.root_node().descendant_for_point_range(start, start);
    let mut around = std::iter::successors(first, |node| node.parent());
    text.contains(char::is_alphanumeric) && !around.any(|node| is_text(node) || is_assertion(node))
}

fn collect<'a>(node: Node<'a>, lines: (usize, usize), nodes: &mut Vec<Node<'a>>) {
    let is_outside = node.end_position().row < lines.0 || node.start_position().row > lines.1;
    if is_outside || is_text(node) || is_assertion(node) {
        return;
    }
    if node.start_position().row >= lines.0 && node.end_position().row <= lines.1 {
        nodes.push(node);
    }
    let mut cursor = node.walk();
    node.children(&mut cursor).for_each(|child| collect(child, lines, nodes));
}

/// What is asserted is what is wanted, and no slip.
fn is_assertion(node: Node<'_>) -> bool {
    node.kind().contains("assert") || node.kind() == "macro_invocation"
}

fn is_text(node: Node<'_>) -> bool {
    node.kind().contains("comment") || node.kind().contains("string") || node.kind().contains("type_arguments")
}

/// Whether `node` is a name that stands for a value: no function that is called, no field, no type.
fn is_variable(node: Node<'_>) -> bool {
    let Some(parent) = node.parent().filter(|_| node.kind() == "identifier") else { return false };
    let is = |field: &str| parent.child_by_field_name(field) == Some(node);
    let is_called = parent.kind().contains("call") && is("function");
    let is_field = parent.kind() == "attribute" && is("attribute");
    let is_head = parent.kind().contains("definition") || parent.kind().contains("_item") || is("name");
    !(is_called || is_field || is_head || parent.kind().contains("import") || parent.kind().contains("macro"))
}

struct Finder<'a> {
    source: &'a str,
    is_python: bool,
    found: Vec<Slip>,
    /// The variables of the lines looked at.
    names: BTreeSet<String>,
}

impl Finder<'_> {
    fn text(&self, node: Node<'_>) -> String {
        self.source.get(node.byte_range()).unwrap_or_default().to_owned()
    }

    fn put(&mut self, class: u8, node: Node<'_>, bytes: Range<usize>, new: &str) {
        let Some(old) = self.source.get(bytes.clone()) else { return };
        let mut text = self.source.to_owned();
        text.replace_range(bytes, new);
        let line = node.start_position().row + 1;
        self.found.push(Slip { class, text, done: format!("`{new}` in place of `{old}` on line {line}") });
    }

    fn look_at(&mut self, node: Node<'_>) {
        self.operator(node);
        self.number(node);
        self.name(node);
        self.arguments(node);
        self.operands(node);
        self.negation(node);
        self.emptiness(node);
    }

    fn operator(&mut self, node: Node<'_>) {
        let Some(parent) = node.parent().filter(|_| !node.is_named()) else { return };
        let within = ["binary", "comparison", "boolean", "augmented", "compound", "assignment", "range"];
        if !within.iter().any(|kind| parent.kind().contains(kind)) {
            return;
        }
        let Some((old, meant)) = OPERATORS.iter().find(|(old, _)| *old == node.kind()) else { return };
        for (rank, new) in meant.iter().enumerate() {
            let exists = self.is_python || !matches!(*new, "**" | "//" | "not in");
            let is_assignment = old.ends_with('=') && new.ends_with('=') && (*old == "=" || *new == "=");
            if exists {
                let class = if is_assignment { 3 } else { u8::from(rank > 0) };
                self.put(class, node, node.byte_range(), new);
            }
        }
    }

    fn number(&mut self, node: Node<'_>) {
        if !matches!(node.kind(), "integer" | "integer_literal" | "number" | "int_literal" | "decimal_integer_literal")
        {
            return;
        }
        let Ok(value) = self.text(node).parse::<i64>() else { return };
        for new in [value.saturating_add(1), value.saturating_sub(1)].into_iter().filter(|new| *new >= 0) {
            self.put(1, node, node.byte_range(), &new.to_string());
        }
    }

    fn name(&mut self, node: Node<'_>) {
        let text = self.text(node);
        if node.named_child_count() == 0
            && let Some((one, other)) = NAMES.iter().find(|(one, other)| *one == text || *other == text)
        {
            let new = if *one == text { other } else { one };
            self.put(1, node, node.byte_range(), new);
        }
        if !is_variable(node) {
            return;
        }
        let is_target = node.parent().is_some_and(|parent| {
            ["left", "pattern", "alias"].iter().any(|field| parent.child_by_field_name(field) == Some(node))
                && !parent.kind().contains("binary")
                || parent.kind().contains("parameter")
        });
        if is_target {
            return;
        }
        let others: Vec<String> = self.names.iter().filter(|name| **name != text).take(MOST_NAMES).cloned().collect();
        for other in others {
            self.put(4, node, node.byte_range(), &other);
        }
        let Some(parent) = node.parent() else { return };
        let counts = ["argument", "subscript", "index", "slice", "return", "comparison", "binary", "range"];
        if counts.iter().any(|kind| parent.kind().contains(kind)) {
            self.put(2, node, node.byte_range(), &format!("{text} + 1"));
            self.put(2, node, node.byte_range(), &format!("{text} - 1"));
        }
    }

    /// Two neighbouring arguments the wrong way round.
    fn arguments(&mut self, node: Node<'_>) {
        if !matches!(node.kind(), "argument_list" | "arguments" | "expression_list" | "tuple") {
            return;
        }
        let mut cursor = node.walk();
        let all: Vec<Node<'_>> = node.named_children(&mut cursor).collect();
        for pair in all.windows(2) {
            let [first, second] = pair else { continue };
            let between = self.source.get(first.end_byte()..second.start_byte()).unwrap_or_default();
            let new = format!("{}{between}{}", self.text(*second), self.text(*first));
            self.put(1, node, first.start_byte()..second.end_byte(), &new);
        }
    }

    /// Operands the wrong way round, one of them too many, or their difference where its size is meant.
    fn operands(&mut self, node: Node<'_>) {
        let is_binary = node.kind().contains("binary") || node.kind().contains("boolean");
        let (Some(left), Some(right)) = (node.child_by_field_name("left"), node.child_by_field_name("right")) else {
            return;
        };
        if !is_binary {
            return;
        }
        let between = self.source.get(left.end_byte()..right.start_byte()).unwrap_or_default().to_owned();
        let (left, right) = (self.text(left), self.text(right));
        let operator = between.trim();
        if matches!(operator, "-" | "/" | "//" | "%" | "+" | "**") {
            self.put(1, node, node.byte_range(), &format!("{right}{between}{left}"));
        }
        if operator == "-" {
            let size = if self.is_python {
                format!("abs({})", self.text(node))
            } else {
                format!("({}).abs()", self.text(node))
            };
            self.put(2, node, node.byte_range(), &size);
        }
        self.put(3, node, node.byte_range(), &left);
        self.put(3, node, node.byte_range(), &right);
    }

    /// A condition that is meant the other way round.
    fn negation(&mut self, node: Node<'_>) {
        if matches!(node.kind(), "not_operator" | "unary_expression")
            && let Some(inner) = node.child_by_field_name("argument").or_else(|| node.named_child(0))
            && self.text(node).starts_with(['n', '!'])
        {
            self.put(1, node, node.byte_range(), &self.text(inner));
        }
        if let Some(condition) = node.child_by_field_name("condition") {
            let text = self.text(condition);
            if text == "True" {
                for name in self.some_names() {
                    self.put(2, condition, condition.byte_range(), &name);
                }
            }
            let new = if self.is_python { format!("not ({text})") } else { format!("!({text})") };
            self.put(2, condition, condition.byte_range(), &new);
        }
    }

    /// Nothing where one thing is meant, or an empty one.
    fn emptiness(&mut self, node: Node<'_>) {
        if node.kind() == "list" && node.named_child_count() == 0 {
            self.put(3, node, node.byte_range(), "[[]]");
            for name in self.some_names() {
                self.put(3, node, node.byte_range(), &format!("[{name}]"));
            }
        }
    }

    fn some_names(&self) -> Vec<String> {
        self.names.iter().take(MOST_NAMES).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn has(path: &str, before: &str, after: &str) -> bool {
        let snapshot = Snapshot::of_text(Some(Path::new(path).to_owned()), before);
        let all = slips(&snapshot, (0, before.lines().count()));
        let text: Vec<&str> = all.iter().map(|slip| slip.text.as_str()).collect();
        text.contains(&after)
    }

    #[test]
    fn comments_texts_assertions_and_brackets_are_no_code() {
        let rust = "/// A sum.\nfn f(a: u8) -> u8 {\n    // One more.\n    let b = a + 1; // so\n    assert!(b > a);\n\n    b\n}\n";
        let python = "def f(a):\n    \"\"\"A sum\n    of two.\n    \"\"\"\n    assert a > 1\n    return a - 1\n";
        for (path, text, expected) in [("a.rs", rust, &[1, 3, 6][..]), ("a.py", python, &[0, 5])] {
            let snapshot = Snapshot::of_text(Some(Path::new(path).to_owned()), text);
            let code = text.lines().enumerate().filter(|(line, text)| is_code(&snapshot, *line, text));
            assert_eq!(code.map(|(line, _)| line).collect::<Vec<_>>(), expected, "{path}");
        }
    }

    #[test]
    fn slips_of_several_kinds_are_undone() {
        for (before, after) in [
            ("def f(a, b):\n    return a < b\n", "def f(a, b):\n    return a <= b\n"),
            ("def f(n):\n    n ^= n - 1\n    return n\n", "def f(n):\n    n &= n - 1\n    return n\n"),
            ("def g(a, b):\n    return g(a % b, b)\n", "def g(a, b):\n    return g(b, a % b)\n"),
            ("def f(xs, i):\n    return f(xs, i)\n", "def f(xs, i):\n    return f(xs, i + 1)\n"),
            ("def f(xs):\n    return any(xs)\n", "def f(xs):\n    return all(xs)\n"),
            ("def f(a, b):\n    return a - b < 1\n", "def f(a, b):\n    return abs(a - b) < 1\n"),
            ("def f(a, b):\n    return 1 + a\n", "def f(a, b):\n    return a\n"),
            ("def f(a, b):\n    return a\n", "def f(a, b):\n    return b\n"),
            ("def f(xs):\n    while True:\n        xs.pop()\n", "def f(xs):\n    while xs:\n        xs.pop()\n"),
            ("def f(n):\n    return []\n", "def f(n):\n    return [[]]\n"),
            ("def f(a):\n    if not a:\n        return 1\n", "def f(a):\n    if a:\n        return 1\n"),
        ] {
            assert!(has("a.py", before, after), "{before} -> {after}");
        }
        for (before, after) in [
            ("fn f(a: i32) -> bool { a > 1 }\n", "fn f(a: i32) -> bool { a >= 1 }\n"),
            ("fn f(a: usize) { for i in 0..a {} }\n", "fn f(a: usize) { for i in 0..=a {} }\n"),
            ("fn f(a: i32) -> bool { a.is_positive() }\n", "fn f(a: i32) -> bool { a.is_negative() }\n"),
            ("fn f(a: &[u8], i: usize) -> u8 { a[i] }\n", "fn f(a: &[u8], i: usize) -> u8 { a[i - 1] }\n"),
            ("fn f(a: i32, b: i32) -> i32 { g(a, b) }\n", "fn f(a: i32, b: i32) -> i32 { g(b, a) }\n"),
        ] {
            assert!(has("a.rs", before, after), "{before} -> {after}");
        }
    }

    #[test]
    fn types_strings_and_other_lines_stay() {
        let before = "fn f(a: Vec<u8>) -> &'static str { \"a < 1\" }\nfn g(b: i32) -> bool { b < 2 }\n";
        let snapshot = Snapshot::of_text(Some(Path::new("a.rs").to_owned()), before);
        let all = slips(&snapshot, (0, 0));
        assert!(all.iter().all(|slip| slip.text.contains("Vec<u8>") && slip.text.contains("\"a < 1\"")), "{all:?}");
        assert!(all.iter().all(|slip| slip.text.contains("b < 2")));
        assert!(!slips(&snapshot, (1, 1)).is_empty());
    }

    #[test]
    fn what_is_asserted_stays() {
        let of = |path: &str, text: &str| slips(&Snapshot::of_text(Some(Path::new(path).to_owned()), text), (0, 9));
        assert_eq!(of("a.py", "assert 1 == 2\n"), []);
        assert!(
            of("a.rs", "fn f(a: u8) { assert!(a < 3); }\n").iter().all(|slip| slip.text.contains("assert!(a < 3)"))
        );
    }

    #[test]
    fn a_text_without_a_grammar_has_none() {
        assert_eq!(slips(&Snapshot::of_text(Some(Path::new("a.unknown").to_owned()), "a < b"), (0, 0)), []);
    }
}

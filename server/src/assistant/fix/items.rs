//! A file cut into its items: functions, types, implementations, imports, each with the comments and attributes above it.

use std::ops::Range;
use std::path::Path;

use halfline_context::{Snapshot, text};
use tree_sitter::Node;

/// One item of a file, or of another item's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// What the grammar calls it.
    pub(super) kind: String,
    /// Its name; of an implementation its head, of what has no name nothing.
    pub(super) name: String,
    /// All of it, with the comments and attributes directly above.
    pub(super) bytes: Range<usize>,
    /// Where it starts itself.
    pub(super) own_start: usize,
    /// First and last line with the comments and attributes above, from 0.
    pub(super) lines: (usize, usize),
    /// Whether it is there for tests only.
    pub(super) is_test: bool,
    /// The functions in its body.
    pub(super) members: Vec<Item>,
}

impl Item {
    /// Whether `other` is this item in another version of the file.
    pub(super) fn is_same(&self, other: &Item) -> bool {
        self.name == other.name
            && !self.name.is_empty()
            && (self.kind == other.kind || is_function(&self.kind) && is_function(&other.kind))
    }

    /// Whether it brings names in from elsewhere.
    pub(super) fn is_import(&self) -> bool {
        self.kind.starts_with("use_") || self.kind.starts_with("import_") || self.kind == "extern_crate_declaration"
    }

    /// Whether it is a function or method.
    pub(super) fn is_function(&self) -> bool {
        is_function(&self.kind)
    }
}

/// The items of `snapshot`, in order. Nothing without a tree.
pub(super) fn items(snapshot: &Snapshot) -> Vec<Item> {
    let Some(tree) = snapshot.tree() else { return Vec::new() };
    let source = snapshot.rope().to_string();
    children(tree.root_node(), &source, is_test_file(snapshot.path()))
}

/// Whether a file by its name holds tests.
pub(super) fn is_test_file(path: Option<&Path>) -> bool {
    let Some(path) = path else { return false };
    const WORDS: [&str; 7] = ["test", "tests", "testing", "conftest", "testcase", "testcases", "testdata"];
    path.components().any(|part| {
        let part = part.as_os_str().to_string_lossy();
        let stem = part.split('.').next().unwrap_or_default();
        stem.split(['_', '-']).any(|word| WORDS.contains(&word))
    })
}

fn children(parent: Node<'_>, source: &str, in_tests: bool) -> Vec<Item> {
    let mut found: Vec<Item> = Vec::new();
    // Where the comments and attributes start that belong to the next item, and where they end.
    let mut above: Option<(Node<'_>, Node<'_>)> = None;
    let mut cursor = parent.walk();
    for node in parent.named_children(&mut cursor) {
        let touches = above.is_some_and(|(_, last)| node.start_position().row <= last.end_position().row + 1);
        let first = above.filter(|_| touches).map_or(node, |(first, _)| first);
        if matches!(node.kind(), "line_comment" | "block_comment" | "comment" | "attribute_item") {
            above = Some((first, node));
            continue;
        }
        above = None;
        let bytes = first.start_byte()..node.end_byte();
        let whole = source.get(bytes.clone()).unwrap_or_default();
        let inner = node.child_by_field_name("definition").unwrap_or(node);
        let name = name_of(inner, source);
        let head = source.get(first.start_byte()..inner.start_byte()).unwrap_or_default();
        let marked = ["#[test]", "#[cfg(test)]", "::test]"].iter().any(|mark| head.contains(mark));
        let is_python_test = is_function(inner.kind()) && name.starts_with("test_") && source.contains("def ");
        let is_test = in_tests || marked || is_python_test;
        let members = inner.child_by_field_name("body").filter(|_| !is_function(inner.kind()));
        let members = members.map_or_else(Vec::new, |body| children(body, source, is_test));
        found.push(Item {
            kind: inner.kind().to_owned(),
            name,
            own_start: node.start_byte(),
            lines: (first.start_position().row, node.start_position().row + whole_lines(node)),
            bytes,
            is_test,
            members: members.into_iter().filter(|member| !member.name.is_empty()).collect(),
        });
        debug_assert!(!whole.is_empty() || node.start_byte() == node.end_byte());
    }
    found
}

fn whole_lines(node: Node<'_>) -> usize {
    // An item may count the line break after it as its own.
    let end = node.end_position();
    let rows = end.row - node.start_position().row;
    if end.column == 0 { rows.saturating_sub(1) } else { rows }
}

fn name_of(node: Node<'_>, source: &str) -> String {
    let text = |node: Node<'_>| source.get(node.byte_range()).unwrap_or_default().to_owned();
    if let Some(name) = node.child_by_field_name("name") {
        return text(name);
    }
    let is_implementation = node.kind().contains("impl");
    match node.child_by_field_name("body").filter(|_| is_implementation) {
        Some(body) => {
            let head = source.get(node.start_byte()..body.start_byte()).unwrap_or_default();
            head.split_whitespace().collect::<Vec<_>>().join(" ")
        }
        None => String::new(),
    }
}

fn is_function(kind: &str) -> bool {
    kind.contains("function") || kind.contains("method")
}

/// The innermost items at `line` (from 0): the item, and the member of it if the line is in one.
pub(super) fn at_line(items: &[Item], line: usize) -> Option<(&Item, Option<&Item>)> {
    let holds = |item: &&Item| (item.lines.0..=item.lines.1).contains(&line);
    let item = items.iter().find(holds)?;
    Some((item, item.members.iter().find(holds)))
}

/// The text of `bytes` with the whole of its first line's indentation.
pub(super) fn text_of(snapshot: &Snapshot, bytes: &Range<usize>) -> String {
    let rope = snapshot.rope();
    let line = text::byte_to_line(rope, bytes.start);
    let start = rope.line_to_byte(line).min(bytes.start);
    let indent = text::byte_slice(rope, start, bytes.start);
    let indent = if indent.trim().is_empty() { indent } else { String::new() };
    format!("{indent}{}", text::byte_slice(rope, bytes.start, bytes.end))
}

/// `text` without the bodies of its functions: what other code can see of it. Without a tree, all of it.
pub(super) fn without_bodies(path: &Path, text: &str) -> String {
    let snapshot = Snapshot::of_text(Some(path.to_owned()), text);
    let Some(tree) = snapshot.tree() else { return text.to_owned() };
    let mut bodies: Vec<Range<usize>> = Vec::new();
    let mut stack = vec![tree.root_node()];
    let mut cursor = tree.walk();
    while let Some(node) = stack.pop() {
        match node.child_by_field_name("body").filter(|_| is_function(node.kind())) {
            Some(body) => bodies.push(body.byte_range()),
            None => stack.extend(node.children(&mut cursor)),
        }
    }
    bodies.sort_by_key(|body| body.start);
    let mut kept = String::new();
    let mut at = 0;
    for body in bodies {
        kept += text.get(at..body.start).unwrap_or_default();
        at = body.end;
    }
    kept + text.get(at..).unwrap_or_default()
}

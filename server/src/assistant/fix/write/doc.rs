//! Documentation for a definition. The model writes sentences; they become a comment (in Python a docstring) here, and every
//! other token of the file has to be what it was.

use halfline_context::{Snapshot, text};
use halfline_inference::Sampling;
use tree_sitter::Node;

use super::{Author, Fix, FixError, FixLimits, Order, Site, Texts, Update, Verdict, Work};
use crate::assistant::Decoding;

/// Columns that documentation fills.
const WIDTH: usize = 100;
/// Characters of documentation.
const MOST_CHARS: usize = 500;
/// Temperatures of the attempts.
const TEMPERATURES: [f32; 3] = [0.0, 0.5, 0.8];

/// How a language marks documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// Each line begins with this.
    Lines(&'static str),
    /// Between `/**` and `*/`.
    Block,
    /// A string that is the first statement.
    Docstring,
}

/// Writes documentation for the definition that `order` names.
pub async fn documentation(
    order: &Order,
    author: Author,
    limits: &FixLimits,
    sink: &mut (dyn FnMut(Update) + Send),
) -> Result<Fix, FixError> {
    let site = Site::find(order)?;
    let style = style_of(&site.language).ok_or_else(|| {
        FixError::NotPossible(format!("{}: it is not known how {} is documented", order.path.display(), site.language))
    })?;
    let mut work = Work::begin(author, order, limits, sink).await?;
    let name = &site.item.name;
    let shown = site.shown(&order.path, &work.engine);
    let user = format!(
        "{shown}Say in one or two plain sentences what `{name}` does, as its documentation would: what it returns or changes, \
         and what of its arguments matters. Answer with the sentences only, no code."
    );
    let before = site.snapshot.rope().to_string();
    for temperature in TEMPERATURES.into_iter().take(limits.attempts.max(1)) {
        sink(Update::Status { text: format!("the model is writing, attempt {}", work.attempts + 1) });
        let sampling = Sampling { temperature, ..Sampling::default() };
        let decoding = Decoding { sampling, stop_strings: vec!["\n\n".to_owned()], deadline: None };
        let reply = work.ask(user.clone(), "", decoding, sink).await?;
        let said = sentences(&reply);
        let after = (!said.is_empty()).then(|| with_documentation(&site, style, &said)).flatten();
        let Some(after) = after.filter(|after| is_same_code(&site.snapshot, after)) else { continue };
        let explanation = format!(
            "Documents `{name}` at `{}:{}`. Every token but the comment is as it was; what the text says is the model's, and \
             not proved.",
            order.path.display(),
            site.line() + 1
        );
        let texts = |text: String| Texts::from([(order.path.clone(), text)]);
        return Ok(work.finish((texts(before), texts(after)), Verdict::Verified, Vec::new(), explanation, &site));
    }
    Err(FixError::NotFound {
        seconds: work.started.elapsed().as_secs_f64(),
        attempts: work.attempts,
        reason: "what the model wrote is no documentation that leaves the code as it is".to_owned(),
    })
}

fn style_of(language: &str) -> Option<Style> {
    Some(match language {
        "rust" | "csharp" => Style::Lines("///"),
        "go" => Style::Lines("//"),
        "lua" => Style::Lines("---"),
        "ruby" | "bash" => Style::Lines("#"),
        "python" => Style::Docstring,
        "typescript" | "tsx" | "javascript" | "java" | "php" | "c" | "cpp" => Style::Block,
        _ => return None,
    })
}

/// The sentences of a reply: its first paragraph without marks of comments, strings, fences and lists.
fn sentences(reply: &str) -> String {
    let marks = ['/', '*', '#', '"', '\'', '-', '!'];
    let strip = |line: &str| line.trim().trim_start_matches(marks).trim().to_owned();
    let is_text = |line: &String| !line.is_empty() && !line.starts_with("```");
    let lines = reply.lines().map(strip).skip_while(|line| !is_text(line));
    let paragraph: Vec<String> = lines.take_while(is_text).collect();
    // What ends a comment or a string may not stand in one.
    let text = paragraph.join(" ").replace("\"\"\"", " ").replace("*/", "* /").replace('\\', "/");
    let mut text = text.trim_end_matches(['"', '*', '/', ' ']).to_owned();
    if text.chars().count() > MOST_CHARS {
        let cut: String = text.chars().take(MOST_CHARS).collect();
        text = cut.rsplit_once(". ").map_or(cut.clone(), |(whole, _)| format!("{whole}."));
    }
    if !text.is_empty() && !text.ends_with(['.', '!', '?']) {
        text.push('.');
    }
    text
}

/// The file with `said` as documentation of the definition, in place of what documented it before.
fn with_documentation(site: &Site, style: Style, said: &str) -> Option<String> {
    let source = site.snapshot.rope().to_string();
    let newline = if source.contains("\r\n") { "\r\n" } else { "\n" };
    if style == Style::Docstring {
        return with_docstring(site, &source, said, newline);
    }
    let lines: Vec<&str> = source.split_inclusive('\n').collect();
    let own_line = site.line();
    let content = text::line_content(site.snapshot.rope(), own_line);
    let indent: String = content.chars().take_while(|ch| matches!(ch, ' ' | '\t')).collect();
    let first = site.item.lines.0.min(own_line);
    let is_old = |line: &str| {
        let line = line.trim();
        match style {
            Style::Lines(mark) => line.starts_with(mark) && !line.starts_with("#!"),
            Style::Block => line.starts_with("/**") || line.starts_with("* ") || line.starts_with("*/") || line == "*",
            Style::Docstring => false,
        }
    };
    let above: Vec<&str> = lines.get(first..own_line)?.iter().copied().filter(|line| !is_old(line)).collect();
    let is_attribute = |line: &&str| line.trim_start().starts_with(['#', '@']) && style != Style::Lines("#");
    let at = above.iter().position(is_attribute).unwrap_or(above.len());
    let parts = [
        lines[..first].concat(),
        above[..at].concat(),
        comment(style, &indent, said, newline),
        above[at..].concat(),
        lines.get(own_line..)?.concat(),
    ];
    Some(parts.concat())
}

fn comment(style: Style, indent: &str, said: &str, newline: &str) -> String {
    let mark = match style {
        Style::Lines(mark) => mark,
        Style::Block | Style::Docstring => " *",
    };
    let width = WIDTH.saturating_sub(indent.chars().count() + mark.len() + 1).max(30);
    let body: String = wrapped(said, width).iter().map(|line| format!("{indent}{mark} {line}{newline}")).collect();
    match style {
        Style::Block => format!("{indent}/**{newline}{body}{indent} */{newline}"),
        Style::Lines(_) | Style::Docstring => body,
    }
}

fn with_docstring(site: &Site, source: &str, said: &str, newline: &str) -> Option<String> {
    let tree = site.snapshot.tree()?;
    let definition = definition_node(tree.root_node(), site.item.own_start, &site.item.name, source)?;
    let first = definition.child_by_field_name("body")?.named_child(0)?;
    // A body on the line of its head has no room.
    if first.start_position().row == definition.start_position().row {
        return None;
    }
    let line_start = first.start_byte().checked_sub(first.start_position().column)?;
    let indent = source.get(line_start..first.start_byte()).filter(|indent| indent.trim().is_empty())?;
    let width = WIDTH.saturating_sub(indent.chars().count() + 3).max(30);
    let lines = wrapped(said, width);
    let body = lines.join(&format!("{newline}{indent}"));
    let end = if lines.len() > 1 { format!("{newline}{indent}") } else { String::new() };
    let docstring = format!("\"\"\"{body}{end}\"\"\"");
    let mut new = source.to_owned();
    if is_docstring(first) {
        new.replace_range(first.byte_range(), &docstring);
    } else {
        new.insert_str(first.start_byte(), &format!("{docstring}{newline}{indent}"));
    }
    Some(new)
}

/// The definition of that name at or below the byte that an item starts with.
pub(super) fn definition_node<'a>(node: Node<'a>, start: usize, name: &str, source: &str) -> Option<Node<'a>> {
    let is_it = node.start_byte() >= start
        && node.child_by_field_name("body").is_some()
        && node.child_by_field_name("name").and_then(|found| source.get(found.byte_range())) == Some(name);
    if is_it {
        return Some(node);
    }
    let mut cursor = node.walk();
    let children: Vec<Node<'a>> = node.named_children(&mut cursor).filter(|child| child.end_byte() > start).collect();
    children.into_iter().find_map(|child| definition_node(child, start, name, source))
}

/// Whether a statement is nothing but a string.
fn is_docstring(statement: Node<'_>) -> bool {
    statement.kind() == "expression_statement"
        && statement.named_child_count() == 1
        && statement.named_child(0).is_some_and(|child| child.kind() == "string")
}

/// Whether `after` is the same code: the same tokens in the same order, comments and docstrings aside.
fn is_same_code(before: &Snapshot, after: &str) -> bool {
    let after = Snapshot::of_text(before.path().map(Into::into), after);
    match (code_tokens(before), code_tokens(&after)) {
        (Some(old), Some(new)) => old == new,
        _ => false,
    }
}

/// The tokens of a file but for comments and docstrings, each with its kind. `None` without a tree.
fn code_tokens(snapshot: &Snapshot) -> Option<Vec<(String, String)>> {
    let tree = snapshot.tree()?;
    let source = snapshot.rope().to_string();
    let mut tokens = Vec::new();
    let mut stack = vec![tree.root_node()];
    while let Some(node) = stack.pop() {
        let is_first = node.prev_named_sibling().is_none_or(|before| before.kind().contains("comment"));
        if node.kind().contains("comment") || is_first && is_docstring(node) {
            continue;
        }
        if node.child_count() == 0 {
            let text = source.get(node.byte_range()).unwrap_or_default();
            if !text.trim().is_empty() || node.is_missing() {
                tokens.push((node.kind().to_owned(), text.to_owned()));
            }
            continue;
        }
        let mut cursor = node.walk();
        let children: Vec<Node<'_>> = node.children(&mut cursor).collect();
        stack.extend(children.into_iter().rev());
    }
    Some(tokens)
}

/// `text` in lines of at most `width` characters, where words allow that.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() < width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::assistant::fix::items;

    /// The file with documentation for the definition at the line with `|`.
    fn check(path: &str, marked: &str, said: &str, expected: Expect) {
        let line = marked.lines().position(|line| line.contains('|')).unwrap();
        let snapshot = Snapshot::of_text(Some(path.into()), &marked.replacen('|', "", 1));
        let all = items::items(&snapshot);
        let (item, owner) = match items::at_line(&all, line).unwrap() {
            (item, Some(member)) => (member.clone(), Some(item.clone())),
            (item, None) => (item.clone(), None),
        };
        let language = snapshot.language().unwrap().name().to_owned();
        let style = style_of(&language).unwrap();
        let site = Site { snapshot: snapshot.clone(), item, owner, language };
        let after = with_documentation(&site, style, &sentences(said)).unwrap();
        assert!(is_same_code(&snapshot, &after), "{after}");
        expected.assert_eq(&after);
    }

    #[test]
    fn in_rust() {
        check(
            "a.rs",
            "use a::b;\n\n// An aside.\n#[inline]\nfn |add(a: i32) -> i32 {\n    a\n}\n",
            "/// Adds one.\n",
            expect![[r#"
                use a::b;

                // An aside.
                /// Adds one.
                #[inline]
                fn add(a: i32) -> i32 {
                    a
                }
            "#]],
        );
        check(
            "a.rs",
            "struct A;\n\nimpl A {\n    /// Old\n    /// words.\n    fn |b(&self) {}\n}\n",
            "New words",
            expect![[r#"
                struct A;

                impl A {
                    /// New words.
                    fn b(&self) {}
                }
            "#]],
        );
    }

    #[test]
    fn in_python() {
        check(
            "a.py",
            "class A:\n    @property\n    def |b(self):\n        return 1\n",
            "\"\"\"Says one.\"\"\"",
            expect![[r#"
                class A:
                    @property
                    def b(self):
                        """Says one."""
                        return 1
            "#]],
        );
        check(
            "a.py",
            "def |f():\n    'Old.'\n    return 1\n",
            "Says one.\n\nMore that nobody needs.",
            expect![[r#"
                def f():
                    """Says one."""
                    return 1
            "#]],
        );
    }

    #[test]
    fn in_other_languages() {
        check(
            "a.go",
            "package a\n\nfunc |F() {}\n",
            "F does */ nothing.",
            expect![[r#"
                package a

                // F does * / nothing.
                func F() {}
            "#]],
        );
        check(
            "a.js",
            "function |f() { return 1; }\n",
            "Returns */ one.",
            expect![[r#"
                /**
                 * Returns * / one.
                 */
                function f() { return 1; }
            "#]],
        );
    }

    #[test]
    fn sentences_of_any_reply() {
        for (reply, expected) in [
            ("", ""),
            ("```rust\n/// Adds.\n```", "Adds."),
            ("Adds\none.\n\nAnd so on.", "Adds one."),
            ("\"\"\"Adds.\"\"\"", "Adds."),
            ("- Adds `a` to `b`", "Adds `a` to `b`."),
        ] {
            assert_eq!(sentences(reply), expected, "{reply:?}");
        }
        assert!(sentences(&"It adds. ".repeat(200)).chars().count() <= MOST_CHARS + 1);
    }

    #[test]
    fn other_code_is_noticed() {
        let before = |path: &str, text: &str| Snapshot::of_text(Some(path.into()), text);
        let rust = before("a.rs", "fn f() { g(1) }\n");
        for (after, same) in [
            ("/// Says.\nfn f() { g(1) } // so\n", true),
            ("fn f() { g(2) }\n", false),
            ("fn f() { /* g(1) */ }\n", false),
            ("fn f() { g(1) \n", false),
            ("fn f() { g(\"1\") }\n", false),
        ] {
            assert_eq!(is_same_code(&rust, after), same, "{after}");
        }
        let python = before("a.py", "def f():\n    x = 'a'\n    'b'\n    return x\n");
        assert!(is_same_code(&python, "def f():\n    '''Says.'''\n    x = 'a'\n    'b'\n    return x\n"));
        assert!(!is_same_code(&python, "def f():\n    x = 'a'\n    'c'\n    return x\n"));
        assert!(!is_same_code(&python, "def f():\n    x = 'b'\n    'b'\n    return x\n"));
    }
}

//! What models write, and the text of the file that it comes to.

use super::*;

const RUST: &str = "use std::fmt;\n\nstruct Point {\n    x: i32,\n}\n\nimpl Point {\n    fn twice(&self) -> i32 {\n        self.x\n    }\n\n    fn name(&self) -> i32 {\n        1\n    }\n}\n\n/// Adds.\nfn add(a: i32, b: i32) -> i32 {\n    a - b\n}\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn adds() {\n        assert_eq!(super::add(1, 2), 3);\n    }\n}\n";
const PYTHON: &str = "import os\n\n\ndef first(xs):\n    \"\"\"The first.\"\"\"\n    return xs[1]\n\n\nclass Stack:\n    def push(self, x):\n        self.items.append(x)\n\n    def pop(self):\n        return self.items.pop(0)\n";

fn first(path: &str, before: &str, line: usize, reply: &str) -> String {
    let snapshot = Snapshot::of_text(Some(path.into()), before);
    candidates(&snapshot, line, reply).into_iter().next().unwrap_or_default()
}

#[test]
fn every_format_means_the_same() {
    let wanted = RUST.replace("a - b", "a + b");
    let function = "fn add(a: i32, b: i32) -> i32 {\n    a + b\n}";
    for (name, reply) in [
        ("a function in a fence", format!("The sign is wrong.\n\n```rust\n{function}\n```\nThat is all.")),
        ("a function without a fence", function.to_owned()),
        ("a fence that is not closed", format!("```rust\n{function}\n")),
        ("the whole file", format!("```rust\n{wanted}```")),
        ("everything but the tests", format!("```rust\n{}```", &wanted[..wanted.find("#[cfg").unwrap()])),
        ("search and replace", "<<<<<<< SEARCH\n    a - b\n=======\n    a + b\n>>>>>>> REPLACE".to_owned()),
        ("search with other spaces", "```\n<<<<<<< SEARCH\na  -  b\n=======\na + b\n>>>>>>> REPLACE\n```".to_owned()),
        ("a diff with wrong numbers", "```diff\n--- a/x.rs\n+++ b/x.rs\n@@ -1,3 +1,3 @@\n fn add(a: i32, b: i32) -> i32 {\n-    a - b\n+    a + b\n }\n```".to_owned()),
        ("numbered lines", "```rust\n 18 | fn add(a: i32, b: i32) -> i32 {\n 19 |     a + b\n 20 | }\n```".to_owned()),
        ("a part with an ellipsis", format!("```rust\nuse std::fmt;\n// ... unchanged\n{function}\n```")),
    ] {
        assert_eq!(first("x.rs", RUST, 18, &reply), wanted, "{name}");
    }
}

#[test]
fn methods_are_found_in_their_type() {
    let wanted = RUST.replace("        self.x\n", "        self.x * 2\n");
    for reply in [
        "```rust\nfn twice(&self) -> i32 {\n    self.x * 2\n}\n```",
        "```rust\nimpl Point {\n    fn twice(&self) -> i32 {\n        self.x * 2\n    }\n\n    fn name(&self) -> i32 {\n        1\n    }\n}\n```",
    ] {
        assert_eq!(first("x.rs", RUST, 8, reply), wanted);
    }
    let wanted = PYTHON.replace("pop(0)", "pop()");
    assert_eq!(first("x.py", PYTHON, 13, "```python\ndef pop(self):\n    return self.items.pop()\n```"), wanted);
}

#[test]
fn what_is_new_is_added() {
    let reply = "```rust\nuse std::ops::Add;\n\nfn sum(a: i32, b: i32) -> i32 {\n    Add::add(a, b)\n}\n\nfn add(a: i32, b: i32) -> i32 {\n    sum(a, b)\n}\n```";
    let new = first("x.rs", RUST, 18, reply);
    assert!(new.starts_with("use std::ops::Add;\nuse std::fmt;\n"), "{new}");
    assert_eq!(new.matches("fn sum").count(), 1);
    assert!(new.contains("sum(a, b)\n}\n\n#[cfg(test)]"), "{new}");
}

#[test]
fn a_few_lines_replace_those_that_are_like_them() {
    let wanted = PYTHON.replace("xs[1]", "xs[0]");
    assert_eq!(first("x.py", PYTHON, 5, "```python\n    return xs[0]\n```"), wanted);
}

#[test]
fn an_answer_that_changes_nothing_is_none() {
    let snapshot = Snapshot::of_text(Some("x.py".into()), PYTHON);
    for reply in [
        "",
        "```python\n```",
        PYTHON,
        "I cannot help with that.",
        "<<<<<<< SEARCH\nnothing like it anywhere here\n=======\nx\n>>>>>>> REPLACE",
    ] {
        assert_eq!(candidates(&snapshot, 0, reply), Vec::<String>::new(), "{reply}");
    }
}

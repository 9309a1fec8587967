//! Answers and what is made of the places they name.

use std::sync::Arc;

use expect_test::expect;
use halfline_context::Workspace;

use super::*;

fn citations(answer: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("src")).unwrap();
    std::fs::write(
        dir.path().join("src/config.rs"),
        "//! Doc.\n\npub struct Config;\n\npub fn load() -> Config {\n    Config\n}\n",
    )
    .unwrap();
    std::fs::create_dir(dir.path().join("deep")).unwrap();
    std::fs::write(dir.path().join("deep/once.rs"), "fn once() {}\n").unwrap();
    std::fs::write(dir.path().join("deep/main.rs"), "fn other_main() {}\n").unwrap();
    std::fs::write(dir.path().join("src/main.rs"), "fn main() {\n    load();\n}\n").unwrap();
    let sources = Sources { workspace: Arc::new(Workspace::new(dir.path())), open: Arc::new(|_| None) };
    sources.refresh();
    let main = sources.read(std::path::Path::new("src/main.rs")).unwrap();
    let show = |one: Citation| format!("{}:{} {:?} {}\n", one.path, one.line, one.symbol, one.ok);
    check(&sources, &[main], answer, "Shown was `Shown_name` of rustc.").into_iter().map(show).collect()
}

#[test]
fn places_and_names() {
    let answer = "\
The function `main` calls `load()` at `src/main.rs:2`, see also main.rs:1.
It is defined in src/config.rs:5:8 as `config::load`. `String` and `unwrap` say nothing.
`Config` is a struct; wrong are `src/config.rs:400`, src/gone.rs:3 and `Missing` at src/config.rs:3.
```rust
let not = cited(`load`, \"src/main.rs:9\");
```
At 12:30 e.g.:5 http://a.b/c:80, `a b`, `1x`: no places. `Config` again.";
    expect![[r#"
        src/main.rs:2 Some("load") true
        src/main.rs:1 None true
        src/config.rs:5 None true
        src/config.rs:400 Some("Config") false
        src/gone.rs:3 None false
        src/config.rs:3 Some("Missing") false
        src/config.rs:3 Some("Config") true
    "#]]
    .assert_eq(&citations(answer));
}

#[test]
fn lines_of_the_file_in_question() {
    let answer = "\
On line 2, `load()` is called. The function starts in line 1 and ends at line 3.
`Missing` is used on lines 1-2, and line 40 is wrong.
Lines `1` to 3: all of it; **line 2:** too. In src/config.rs:3-4 is `Config`, and src/config.rs:6-90 is too long.
It has 12 lines, 3 of them empty; line by line it does nothing.";
    expect![[r#"
        src/main.rs:2 Some("load") true
        src/config.rs:5 Some("load") true
        src/main.rs:1 None true
        src/main.rs:3 None true
        src/main.rs:1 Some("Missing") false
        src/main.rs:40 Some("Missing") false
        src/main.rs:2 None true
        src/config.rs:3 None true
        src/config.rs:6 Some("Config") false
    "#]]
    .assert_eq(&citations(answer));
}

#[test]
fn a_line_that_is_off_by_a_little_is_put_right() {
    let answer = "\
`Config` at src/config.rs:1, `load` at src/config.rs:7, and `load` at src/config.rs:1 is too far.
`main` ends on line 3. `load` is on line 1. Lines 1-2 have `main`.";
    expect![[r#"
        src/config.rs:3 Some("Config") true
        src/config.rs:5 Some("load") true
        src/config.rs:1 Some("load") false
        src/main.rs:1 Some("main") true
        src/main.rs:2 Some("load") true
    "#]]
    .assert_eq(&citations(answer));
}

#[test]
fn a_file_is_found_by_its_name_where_there_is_but_one() {
    expect![[r#"
        deep/once.rs:1 None true
        deep/once.rs:9 None false
        nowhere.rs:1 None false
    "#]]
    .assert_eq(&citations("See once.rs:1, once.rs:9 and nowhere.rs:1."));
}

#[test]
fn a_name_that_is_nowhere_is_marked() {
    let answer = "\
`other_main` is there, and `load_everything()` calls `ConfigLoader::run_all`. Try `unwrap_or_default()`, or `Shown_name`.
`new_name` is what I suggest, and `frobnicate` may be a crate.
```rust
fn new_name() {}
```";
    expect![[r#"
        deep/main.rs:1 Some("other_main") true
        :0 Some("load_everything") false
        :0 Some("run_all") false
    "#]]
    .assert_eq(&citations(answer));
}

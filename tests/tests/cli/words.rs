//! Clear words: what goes wrong before a model is asked, as exit code and one line.

use expect_test::{Expect, expect};
use halfline_tests::Home;

use crate::run;

/// Runs the binary in a workspace with a few files and compares exit code and standard error.
fn check(arguments: &[&str], expected: Expect) {
    let home = Home::new();
    home.write("src/main.rs", "fn main() {\n    let ä = 1;\n}\n");
    std::fs::write(home.write("latin1.rs", ""), b"// \xe4\n").unwrap();
    std::fs::write(home.write("nul.rs", ""), b"a\0b").unwrap();
    let run = run(&home, arguments);
    assert_eq!(run.stdout, "", "nothing but results goes to standard output");
    expected.assert_eq(&format!("{} {}", run.code.unwrap_or(-1), run.stderr));
}

#[test]
fn wrong_usage_is_two() {
    check(&["complete", "src/main.rs"], expect![[r#""#]]);
    check(&["complete", "src/main.rs:0:1"], expect![[r#""#]]);
    check(&["explain", "src/main.rs:x"], expect![[r#""#]]);
    check(&["nonsense"], expect![[r#""#]]);
    check(&["config", "show", "--set", "threads"], expect![[r#""#]]);
}

#[test]
fn files_that_cannot_be_used() {
    check(&["complete", "no.rs:1:1"], expect![[r#""#]]);
    check(&["complete", "latin1.rs:1:1"], expect![[r#""#]]);
    check(&["complete", "nul.rs:1:1"], expect![[r#""#]]);
    check(&["complete", "src:1:1"], expect![[r#""#]]);
    check(&["explain", "no.rs:1"], expect![[r#""#]]);
    check(&["ask", "why?", "--file", "no.rs"], expect![[r#""#]]);
    check(&["ask", " "], expect![[r#""#]]);
}

#[test]
fn places_that_are_not_there() {
    check(&["complete", "src/main.rs:9:1"], expect![[r#""#]]);
    check(&["complete", "src/main.rs:2:17"], expect![[r#""#]]);
    check(&["explain", "src/main.rs:9"], expect![[r#""#]]);
    check(&["ask", "why?", "--file", "src/main.rs:2-9"], expect![[r#""#]]);
    check(&["complete", "src/main.rs:1:1", "--root", "nowhere"], expect![[r#""#]]);
}

#[test]
fn no_model() {
    check(&["complete", "src/main.rs:2:1"], expect![[r#""#]]);
    check(&["complete", "src/main.rs:2:1", "--model", "nonsense"], expect![[r#""#]]);
    check(&["complete", "src/main.rs:2:1", "--model", "./nonsense.gguf"], expect![[r#""#]]);
    check(&["complete", "src/main.rs:2:1", "--model", "src/main.rs"], expect![[r#""#]]);
}

#[test]
fn settings() {
    check(&["complete", "src/main.rs:2:1", "--set", "engine.thread=2"], expect![[r#""#]]);
    check(&["complete", "src/main.rs:2:1", "--set", "log.level=a=b=c"], expect![[r#""#]]);
    let home = Home::new();
    home.settings("[completion]\nmax_tokens = 0\n");
    home.write(".halfline.toml", "[engine]\ntarget = \"evil\"\n");
    let check = run(&home, &["config", "check", "--json"]);
    assert_eq!(check.code, Some(1));
    assert_eq!(check.json()["ok"], false);
    assert_eq!(check.json()["problems"].as_array().unwrap().len(), 2);
    let show = run(&home, &["config", "show", "--json"]).json();
    assert!(show["settings"].as_array().unwrap().iter().any(|setting| setting["key"] == "engine.target"));
    assert!(run(&home, &["config", "schema"]).json()["properties"]["engine"].is_object());
}

#[test]
fn doctor_says_what_is_missing_and_the_remedy() {
    let home = Home::new();
    let plain = run(&home, &["doctor"]);
    assert_eq!(plain.code, Some(1));
    assert!(plain.stdout.contains("remedy: get it with `halfline models pull "), "{}", plain.all());
    let report = run(&home, &["doctor", "--json"]).json();
    assert_eq!(report["problems"][0]["severity"], "error");
    assert!(report["memory"]["total"].as_u64().unwrap() > 0 && report["machine"]["isa"].is_string());
}

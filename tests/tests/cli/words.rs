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
    check(
        &["complete", "src/main.rs"],
        expect![[r#"
        2 error: invalid value 'src/main.rs' for '<FILE:LINE:COL>': `src/main.rs` is not FILE:LINE:COL, as in src/main.rs:12:5

        For more information, try '--help'.
    "#]],
    );
    check(
        &["complete", "src/main.rs:0:1"],
        expect![[r#"
        2 error: invalid value 'src/main.rs:0:1' for '<FILE:LINE:COL>': lines and columns count from 1

        For more information, try '--help'.
    "#]],
    );
    check(
        &["explain", "src/main.rs:x"],
        expect![[r#"
        2 error: invalid value 'src/main.rs:x' for '<FILE:LINE[-LINE]>': `src/main.rs:x` is not FILE:LINE or FILE:LINE-LINE, as in src/main.rs:12

        For more information, try '--help'.
    "#]],
    );
    check(
        &["nonsense"],
        expect![[r#"
            2 error: unrecognized subcommand 'nonsense'

            Usage: halfline [OPTIONS] <COMMAND>

            For more information, try '--help'.
        "#]],
    );
    check(
        &["config", "show", "--set", "threads"],
        expect![[r#"
        2 error: invalid value 'threads' for '--set <KEY=VALUE>': write KEY=VALUE, as in engine.threads=2

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn files_that_cannot_be_used() {
    check(
        &["complete", "no.rs:1:1"],
        expect![[r#"
        1 halfline: error: no.rs: there is no such file
    "#]],
    );
    check(
        &["complete", "latin1.rs:1:1"],
        expect![[r#"
        1 halfline: error: latin1.rs: not UTF-8 (the first bad byte is at offset 3); convert the file to UTF-8 to use it
    "#]],
    );
    check(
        &["complete", "nul.rs:1:1"],
        expect![[r#"
        1 halfline: error: nul.rs: binary, not text
    "#]],
    );
    check(
        &["complete", "src:1:1"],
        expect![[r#"
        1 halfline: error: src: not a plain file
    "#]],
    );
    check(
        &["explain", "no.rs:1"],
        expect![[r#"
        1 halfline: error: no.rs: there is no such file
    "#]],
    );
    check(
        &["ask", "why?", "--file", "no.rs"],
        expect![[r#"
        1 halfline: error: no.rs: there is no such file
    "#]],
    );
    check(
        &["ask", " "],
        expect![[r#"
        1 halfline: error: the question is empty
    "#]],
    );
}

#[test]
fn places_that_are_not_there() {
    check(
        &["complete", "src/main.rs:9:1"],
        expect![[r#"
        1 halfline: error: src/main.rs: there is no line 9; the file has 4
    "#]],
    );
    check(
        &["complete", "src/main.rs:2:17"],
        expect![[r#"
        1 halfline: error: src/main.rs:2: column 17 is past the end of the line, which has columns 1 to 15
    "#]],
    );
    check(
        &["explain", "src/main.rs:9"],
        expect![[r#"
        1 halfline: error: src/main.rs: there is no line 9; the file has 4
    "#]],
    );
    check(
        &["ask", "why?", "--file", "src/main.rs:2-9"],
        expect![[r#"
        1 halfline: error: src/main.rs: there is no line 9; the file has 4
    "#]],
    );
    check(
        &["complete", "src/main.rs:1:1", "--root", "nowhere"],
        expect![[r#"
        1 halfline: error: --root nowhere: there is no such directory
    "#]],
    );
}

#[test]
fn no_model() {
    check(
        &["complete", "src/main.rs:2:1"],
        expect![[r#"
            1 halfline: error: there is no model on disk; get what suits this machine with `halfline models pull`
        "#]],
    );
    check(
        &["complete", "src/main.rs:2:1", "--model", "nonsense"],
        expect![[r#"
            1 halfline: error: there is no model `nonsense` on disk or in the manifest; known are `qwen2.5-coder-1.5b-instruct-q4_k_m`, `qwen2.5-coder-0.5b-instruct-q4_k_m`, `smollm2-135m-instruct-q4_1`, `wordllama-256`, `wordllama-tokenizer`, `all-minilm-l6-v2`, `all-minilm-l6-v2-tokenizer`, and any GGUF file can be imported with `halfline models import FILE`
        "#]],
    );
    check(
        &["complete", "src/main.rs:2:1", "--model", "./nonsense.gguf"],
        expect![[r#"
        1 halfline: error: cannot open the model ./nonsense.gguf: there is no such file
    "#]],
    );
    check(
        &["complete", "src/main.rs:2:1", "--model", "src/main.rs"],
        expect![[r#"
            1 halfline: error: cannot load the model src/main.rs: it is not a GGUF file: it begins with "fn m", not "GGUF"
        "#]],
    );
}

#[test]
fn settings() {
    check(
        &["complete", "src/main.rs:2:1", "--set", "engine.thread=2"],
        expect![[r#"
        1 halfline: error: --set engine.thread=2: there is no setting `engine.thread`; did you mean `engine.threads`?
    "#]],
    );
    check(
        &["complete", "src/main.rs:2:1", "--set", "log.level=a=b=c"],
        expect![[r#"
            1 halfline: error: log.level is `a=b=c`, and must be a level or a filter such as `warn,halfline=debug`: error parsing level filter: expected one of "off", "error", "warn", "info", "debug", "trace", or a number 0-5
        "#]],
    );
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
    assert!(
        plain.stdout.contains("remedy: get what suits this machine with `halfline models pull`"),
        "{}",
        plain.all()
    );
    let report = run(&home, &["doctor", "--json"]).json();
    assert_eq!(report["problems"][0]["severity"], "error");
    assert!(report["memory"]["total"].as_u64().unwrap() > 0 && report["machine"]["isa"].is_string());
}

//! `complete`, `ask` and `explain` on a model that is made on the spot.

use halfline_inference::testing::TinySpec;
use halfline_tests::Home;

use crate::run;

#[test]
fn complete_prints_one_document() {
    let home = Home::with_model(&TinySpec::saying("<|fim_middle|>", ["first", " +", " second", ";", "\n"]));
    home.write("src/main.rs", "fn add(first: i32, second: i32) {\n    let total = \n}\n");
    let run = run(&home, &["complete", "src/main.rs:2:17", "--json"]);
    assert_eq!(run.code, Some(0), "{}", run.all());
    let outcome = run.json();
    assert_eq!(outcome["items"][0]["text"], "first + second;", "{}", run.all());
    assert_eq!(outcome["items"][0]["range"]["start"]["line"], 1);
    assert_eq!(outcome["items"][0]["range"]["start"]["character"], 16);
    assert_eq!(outcome["model"], "tiny");
    assert!(outcome["tokens"]["prompt"].as_u64().unwrap() > 0);
    assert!(outcome["timings_ms"]["total"].as_f64().unwrap() > 0.0);
}

#[test]
fn an_unknown_language_is_completed_all_the_same() {
    let home = Home::with_model(&TinySpec::saying("<|fim_middle|>", ["blue", "\n"]));
    home.write("paint.zzz", "colour = \n");
    let run = run(&home, &["complete", "paint.zzz:1:10", "--no-context"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "blue\n"), "{}", run.all());
}

#[test]
fn ask_prints_one_document_or_streams() {
    let home = Home::with_model(&TinySpec::saying("\n", ["Because", " it", " is", "."]));
    home.write("src/main.rs", "fn main() {}\n");
    let answer = run(&home, &["ask", "why?", "--file", "src/main.rs:1", "--json", "--set", "assistant.max_tokens=8"]);
    assert_eq!(answer.code, Some(0), "{}", answer.all());
    assert!(answer.json()["text"].as_str().unwrap().starts_with("Because it is."), "{}", answer.all());
    let streamed = run(&home, &["ask", "why?", "--file", "src/main.rs:1", "--set", "assistant.max_tokens=8"]);
    assert_eq!(streamed.code, Some(0), "{}", streamed.all());
    assert!(streamed.stdout.starts_with("Because it is."), "{}", streamed.all());
}

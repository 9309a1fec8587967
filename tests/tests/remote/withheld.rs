//! Pieces that nobody asked for and that have to stay: they are left out of what leaves, and the answer says so.

use std::process::Command;

use halfline_tests::{Act, Home, Scripted};
use serde_json::Value;

use super::routing::{ask, ask_with, assert_local, audit, home};

const SECRET: &str = "fn helper() -> u32 {\n    let password = \"hunter22\";\n    crate::total(1)\n}\n";
const ASKED: &str = "mod a;\nmod b;\n\npub fn total(x: u32) -> u32 {\n    x + 1\n}\n\nfn main() {}\n";

/// A place asked about, with a user of it that holds a secret and one that is plain.
fn project(server: &Scripted, more: &str) -> Home {
    let home = home(&server.url(), more);
    home.write("src/main.rs", ASKED);
    home.write("src/a.rs", SECRET);
    home.write("src/b.rs", "fn other() -> u32 {\n    crate::total(2)\n}\n");
    home
}

fn about_total(home: &Home) -> Value {
    let arguments = ["ask", "why?", "--root", ".", "--file", "src/main.rs:4-6", "--json"];
    ask_with(home, home.command().args(arguments))
}

/// All that was sent in the request of that number.
fn sent(server: &Scripted, request: usize) -> String {
    server.received()[request].body["messages"].to_string()
}

fn notes(answer: &Value) -> String {
    let notes = answer["notes"].as_array().unwrap();
    notes.iter().map(|note| note.as_str().unwrap()).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_piece_that_a_search_found_and_that_holds_a_secret_is_left_out() {
    let server = Scripted::start([Act::Whole("From afar.".to_owned())]);
    let home = project(&server, "");
    let answer = about_total(&home);
    assert_eq!(answer["text"], "From afar.", "{answer}");
    let sent = sent(&server, 0);
    assert!(!sent.contains("hunter22") && !sent.contains("helper") && !sent.contains("__ASSIGNED"), "{sent}");
    assert!(sent.contains("x + 1") && sent.contains("crate::total(2)"), "what need not stay is sent: {sent}");
    let withheld = answer["route"]["withheld"].as_array().unwrap();
    assert!(withheld.iter().all(|one| one["place"].as_str().unwrap().starts_with("src/a.rs:")), "{answer}");
    assert!(withheld[0]["why"].as_str().unwrap().contains("a secret was found (assigned)"), "{answer}");
    assert!(notes(&answer).contains("src/a.rs:1-4 was not sent: a secret was found"), "{answer}");
    let lines = audit(&home);
    assert_eq!((&lines[0]["event"], &lines[0]["withheld"]), (&"sending".into(), &withheld.len().into()));
    assert!(!lines[0]["files"].to_string().contains("src/a.rs"), "{}", lines[0]);
}

#[test]
fn a_piece_of_a_file_that_stays_is_left_out_and_one_that_names_it_too() {
    let server = Scripted::start([Act::Whole("From afar.".to_owned())]);
    let home = project(&server, "[privacy]\nnever_leave = [\"src/a.rs\"]\n");
    home.write(
        "src/b.rs",
        "// src/a.rs does the same\nfn other() -> u32 {\n    // src/a.rs again\n    crate::total(2)\n}\n",
    );
    let answer = about_total(&home);
    assert_eq!(answer["text"], "From afar.", "{answer}");
    let sent = sent(&server, 0);
    assert!(!sent.contains("hunter22") && !sent.contains("src/a.rs") && !sent.contains("total(2)"), "{sent}");
    assert!(notes(&answer).contains("src/a.rs never leaves this machine (privacy.never_leave)"), "{answer}");
    assert!(notes(&answer).contains("src/a.rs is named"), "{answer}");
}

#[test]
fn what_the_user_names_keeps_the_whole_question() {
    let server = Scripted::start([Act::Echo]);
    let home = project(&server, "");
    let question = |arguments: &[&str]| ask(&home, arguments);
    assert_local(&question(&["--file", "src/a.rs"]), "a secret was found (assigned)");
    let arguments = ["ask", "what does helper do?", "--root", ".", "--json"];
    assert_local(&ask_with(&home, home.command().args(arguments)), "a secret was found (assigned)");
    let arguments = ["ask", "is password = \"hunter23\" fine?", "--root", ".", "--json"];
    assert_local(&ask_with(&home, home.command().args(arguments)), "a secret was found (assigned)");
    assert!(server.received().is_empty());
    let local = about_total(&project(&server, "[privacy]\nnever_leave = [\"src/main.rs\"]\n"));
    assert_local(&local, "src/main.rs never leaves this machine");
    assert_eq!(local["route"]["withheld"], Value::Null, "nothing was sent, so nothing was left out");
}

#[test]
fn with_placeholders_allowed_a_found_secret_leaves_as_one() {
    let server = Scripted::start([Act::Whole("From afar.".to_owned())]);
    let home = project(&server, "[privacy]\nsecrets_stay = false\n");
    let answer = about_total(&home);
    let sent = sent(&server, 0);
    assert!(!sent.contains("hunter22") && sent.contains("helper") && sent.contains("__ASSIGNED_"), "{sent}");
    assert_eq!(answer["route"]["withheld"], Value::Null);
}

#[test]
fn history_that_holds_what_is_gone_is_left_out() {
    let server = Scripted::start([Act::Whole("From afar.".to_owned())]);
    let home = home(&server.url(), "");
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=Ada", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]).args(arguments);
        assert!(git.current_dir(home.workspace()).output().unwrap().status.success(), "{arguments:?}");
    };
    git(&["init", "-q"]);
    home.write("src/main.rs", "pub fn open() -> u32 {\n    let password = \"hunter22\";\n    1\n}\n");
    git(&["add", "."]);
    git(&["commit", "-qm", "first"]);
    home.write("src/main.rs", "pub fn open() -> u32 {\n    2\n}\n");
    git(&["commit", "-qam", "no password"]);
    let arguments = ["ask", "why?", "--root", ".", "--file", "src/main.rs:1-3", "--json"];
    let answer = ask_with(&home, home.command().args(arguments));
    assert_eq!(answer["text"], "From afar.", "{answer}");
    assert!(answer["evidence"].to_string().contains("git log"), "{answer}");
    let sent = sent(&server, 0);
    assert!(!sent.contains("hunter22") && !sent.contains("git log"), "{sent}");
}

#[test]
fn in_a_chat_later_questions_leave_out_the_same_and_what_a_local_answer_rests_on_stays() {
    let server = Scripted::start([Act::Whole("From afar.".to_owned())]);
    let home = project(&server, "[privacy]\nnever_leave = [\"src/a.rs\"]\n");
    let chat = |message: &str, more: &[&str]| {
        ask_with(&home, home.command().args(["chat", "--root", ".", "--json", message]).args(more))
    };
    let first = chat("Why is @src/main.rs:4-6 so?", &["--new"]);
    assert_eq!((&first["text"], first["route"]["withheld"].is_array()), (&"From afar.".into(), true), "{first}");
    let second = chat("And then?", &[]);
    assert_eq!(second["text"], "From afar.", "{second}");
    let again = sent(&server, 1);
    assert!(!again.contains("src/a.rs") && again.contains("src/main.rs") && again.contains("src/b.rs"), "{again}");

    // The local model is shown all of it; from then on the conversation stays.
    let third = chat("Why is @src/main.rs:4-6 so?", &["--new", "--set", "remote.questions=deep"]);
    assert_local(&third, "a short question");
    assert_local(&chat("And then?", &[]), "an earlier answer rests on src/a.rs");
    assert_eq!(server.received().len(), 2);
}

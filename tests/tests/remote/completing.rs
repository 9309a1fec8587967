//! Lines that are finished elsewhere: only by an engine that the user named for that.

use halfline_inference::testing::TinySpec;
use halfline_tests::{Act, Home, Scripted};
use serde_json::{Value, json};

use super::routing::{ask_with, audit};

/// What stands in the file; the cursor is behind the `=` and the space.
const CODE: &str = "// ada@example.org wrote this.\nfn main() {\n    let total = \n}\n";

fn home(url: &str, of_engine: &str, more: &str) -> Home {
    let home = Home::with_model(&TinySpec::saying("<|fim_middle|>", ["local", "(", ")", ";", "\n"]));
    home.add_settings(&format!(
        "[remote]\nretries = 0\nstall_ms = 500\n[[remote.engines]]\nname = \"team\"\nurl = {url:?}\nmodel = \"large\"\n\
         questions = \"none\"\n{of_engine}\n{more}"
    ));
    home.write("src/main.rs", CODE);
    home
}

fn complete(home: &Home) -> Value {
    ask_with(home, home.command().args(["complete", "src/main.rs:3:17", "--root", ".", "--json"]))
}

#[track_caller]
fn assert_local(answer: &Value, why: &str) {
    assert_eq!(answer["items"][0]["text"], "local();", "{answer}");
    assert_eq!((&answer["model"], &answer["route"]["engine"]), (&json!("tiny"), &json!("local")), "{answer}");
    assert!(answer["route"]["why"].as_str().unwrap().contains(why), "{answer}");
}

const COMPLETIONS: &str = "completions = true";

#[test]
fn a_line_is_finished_elsewhere_where_the_user_said_so() {
    let server = Scripted::start([Act::Stream(vec!["sum".to_owned(), "(2);".to_owned()])]);
    let home = home(&server.url(), COMPLETIONS, "");
    let answer = complete(&home);
    assert_eq!(answer["items"][0]["text"], "sum(2);", "{answer}");
    assert_eq!((&answer["model"], &answer["route"]["name"]), (&json!("large"), &json!("team")), "{answer}");
    assert!(answer["items"][0]["confidence"].is_null(), "the engine says nothing of its words: {answer}");
    let received = &server.received()[0];
    assert_eq!(received.path, "/v1/completions");
    let prompt = received.body["prompt"].as_str().unwrap();
    assert!(prompt.ends_with("let total = ") && prompt.contains("__EMAIL_"), "{prompt}");
    assert!(!received.body.to_string().contains("ada@"), "{}", received.body);
    assert_eq!((&received.body["suffix"], &received.body["stop"]), (&json!("\n}\n"), &json!(["\n"])));
    let lines = audit(&home);
    let events: Vec<_> = lines.iter().map(|line| (line["event"].clone(), line["template"].clone())).collect();
    assert_eq!(events, ["sending", "answered"].map(|event| (json!(event), json!("openai-completion"))));
    assert_eq!((&lines[0]["files"], &lines[1]["answer_tokens"]), (&json!(["src/main.rs"]), &json!(7)));
}

#[test]
fn doctor_says_where_lines_go() {
    let home = home("http://127.0.0.1:9/v1", COMPLETIONS, "");
    let shown = String::from_utf8(home.command().arg("doctor").output().unwrap().stdout).unwrap();
    assert!(shown.contains("around the cursor is sent to http://127.0.0.1:9/v1 while you write"), "{shown}");
    assert!(!shown.contains("questions may be sent"), "{shown}");
}

#[test]
fn what_was_replaced_is_put_back() {
    let repeat = halfline_tests::Handler::new(|received| {
        let prompt = received.body["prompt"].as_str().unwrap_or_default();
        let owner = prompt.split_whitespace().find(|word| word.starts_with("__EMAIL_")).unwrap_or_default();
        (200, json!({ "choices": [{ "text": format!("mail(\"{owner}\");"), "finish_reason": "stop" }] }))
    });
    let server = Scripted::start([Act::By(repeat)]);
    let answer = complete(&home(&server.url(), COMPLETIONS, ""));
    assert_eq!(answer["items"][0]["text"], "mail(\"ada@example.org\");", "{answer}");
}

#[test]
fn an_engine_that_takes_no_suffix_gets_one_prompt() {
    let server = Scripted::start([Act::Stream(vec!["1;".to_owned()])]);
    let template = "completions = true\nfim_template = \"<P>{prefix}<S>{suffix}<M>\"";
    assert_eq!(complete(&home(&server.url(), template, ""))["items"][0]["text"], "1;");
    let body = &server.received()[0].body;
    let prompt = body["prompt"].as_str().unwrap();
    assert!(prompt.starts_with("<P>//") && prompt.ends_with("let total = <S>\n}\n<M>"), "{prompt}");
    assert!(body.get("suffix").is_none());
    let broken = "completions = true\nfim_template = \"{prefix}\"";
    let answer = complete(&home(&server.url(), broken, ""));
    assert!(answer["route"].is_null() && answer["items"][0]["text"] == "local();", "{answer}");
}

#[test]
fn where_it_fails_or_must_not_be_asked_the_local_model_finishes() {
    let half = || vec!["half".to_owned()];
    for (act, why) in [
        (Act::Stall(half()), "did not answer in time"),
        (Act::Mute, "did not answer in time"),
        (Act::Cut(half()), "broke off after 4 characters"),
        (Act::Body("application/json", "<html>".to_owned()), "makes no sense"),
        (Act::Status(500, "{}".to_owned()), "HTTP status 500"),
    ] {
        let server = Scripted::start([act]);
        let home = home(&server.url(), COMPLETIONS, "[completion]\nmax_ms = 4000\n");
        let answer = complete(&home);
        assert_local(&answer, why);
        assert_eq!(answer["route"]["failed"][0]["name"], "team", "{answer}");
        let events: Vec<_> = audit(&home).iter().map(|line| line["event"].clone()).collect();
        assert_eq!(events, ["sending", "failed"], "{why}");
    }
    let server = Scripted::start([Act::Stream(half())]);
    for (more, why) in [
        ("[privacy]\nnever_leave = [\"src/**\"]\n", "src/main.rs never leaves this machine"),
        ("[privacy]\nlanguages = [\"rust\"]\n", "rust never leaves this machine"),
        ("[quota]\nrequests_per_day = 0\n", "all 0 requests of the day are used"),
    ] {
        let home = home(&server.url(), COMPLETIONS, more);
        assert_local(&complete(&home), why);
        assert_eq!(audit(&home)[0]["event"], "kept");
    }
    assert!(server.received().is_empty());
}

#[test]
fn engines_for_questions_finish_no_lines_and_the_other_way_round() {
    let server = Scripted::start([Act::Whole("From afar.".to_owned())]);
    let answer = complete(&home(&server.url(), "", ""));
    assert!(answer["route"].is_null() && answer["items"][0]["text"] == "local();", "{answer}");
    let home = home(&server.url(), COMPLETIONS, "");
    let answer = super::routing::ask(&home, &[]);
    assert_eq!(answer["route"]["engine"], "local", "{answer}");
    assert!(server.received().is_empty());
}

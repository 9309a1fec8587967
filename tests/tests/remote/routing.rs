//! The real binary with a remote engine in its settings: what leaves, what stays, and what happens when it fails.

use std::process::Command;

use halfline_inference::testing::TinySpec;
use halfline_tests::{Act, Home, Scripted};
use serde_json::Value;

/// What the local model says.
pub(crate) const LOCAL: &str = "Because it is.";

pub(crate) fn home(server_url: &str, more: &str) -> Home {
    let home = Home::with_model(&TinySpec::saying("\n", ["Because", " it", " is", "."]));
    home.add_settings(&format!(
        "[assistant]\nmax_tokens = 8\n[remote]\nurl = {server_url:?}\nmodel = \"large\"\nquestions = \"all\"\n\
         stall_ms = 500\nretries = 1\n{more}"
    ));
    home.write("src/main.rs", "fn main() {\n    let owner = \"ada@example.org\";\n}\n");
    home
}

pub(crate) fn ask_with(home: &Home, command: &mut Command) -> Value {
    let state = home.workspace().with_file_name("state");
    let output = command.env("XDG_STATE_HOME", state).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{stderr}");
    let mut answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {stderr}"));
    answer["stderr"] = stderr.into();
    answer
}

pub(crate) fn ask(home: &Home, arguments: &[&str]) -> Value {
    ask_with(
        home,
        home.command().args(["ask", "why?", "--root", ".", "--file", "src/main.rs", "--json"]).args(arguments),
    )
}

/// The lines of the audit log.
pub(crate) fn audit(home: &Home) -> Vec<Value> {
    let directory = home.workspace().with_file_name("state").join("halfline/audit");
    let Ok(files) = std::fs::read_dir(directory) else { return Vec::new() };
    let texts = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    texts.flat_map(|text| text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<_>>()).collect()
}

#[track_caller]
pub(crate) fn assert_local(answer: &Value, why: &str) {
    assert!(answer["text"].as_str().unwrap().starts_with(LOCAL), "{answer}");
    assert_eq!((&answer["route"]["engine"], &answer["model"]), (&"local".into(), &"tiny".into()), "{answer}");
    assert!(answer["confidence"].as_f64().is_some_and(|number| (0.0..=1.0).contains(&number)), "{answer}");
    let said = answer["route"]["why"].as_str().unwrap();
    assert!(said.contains(why), "{said}");
}

#[test]
fn nothing_leaves_unless_an_engine_is_named() {
    let server = Scripted::start([Act::Echo]);
    let home = Home::with_model(&TinySpec::saying("\n", ["Because", " it", " is", "."]));
    home.add_settings("[assistant]\nmax_tokens = 8\n");
    home.write("src/main.rs", "fn main() {}\n");
    // A stranger's repository names its own engine, and a key to go with it.
    home.write(".halfline.toml", &format!("[remote]\nurl = {:?}\nmodel = \"x\"\nquestions = \"all\"\n", server.url()));
    let answer = ask(&home, &[]);
    assert_local(&answer, "no other engine is configured");
    assert!(answer["stderr"].as_str().unwrap().contains("`remote.url` is the user's to set"), "{answer}");
    assert!(server.received().is_empty() && audit(&home).is_empty());
}

#[test]
fn what_leaves_is_redacted_written_down_and_put_back() {
    let server = Scripted::start([Act::EchoStream]);
    let home = home(&server.url(), "key_variable = \"ENGINE_KEY\"\n");
    let command = &mut home.command();
    command.env("ENGINE_KEY", "key-123").args(["ask", "why?", "--root", ".", "--file", "src/main.rs", "--json"]);
    let answer = ask_with(&home, command);
    assert_eq!((&answer["route"]["engine"], &answer["model"]), (&"remote".into(), &"large".into()), "{answer}");
    assert_eq!(answer["route"]["host"], server.host());
    assert!(answer["confidence"].is_null(), "the engine says nothing of its words: {answer}");
    assert!(answer["text"].as_str().unwrap().contains("let owner = \"ada@example.org\";"), "{answer}");

    let received = server.received();
    assert_eq!((received.len(), received[0].authorization.as_deref()), (1, Some("Bearer key-123")));
    let sent = received[0].body.to_string();
    assert!(!sent.contains("ada@example.org") && sent.contains("__EMAIL_"), "{sent}");
    assert_eq!(received[0].body["messages"][0]["role"], "system");
    assert!(!received[0].body["messages"][0]["content"].as_str().unwrap().contains("owner"), "code is the user's turn");

    let lines = audit(&home);
    let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["sending", "answered"]);
    assert_eq!((&lines[0]["host"], &lines[0]["redacted"]["email"]), (&server.host().into(), &1.into()));
    assert!(lines[0]["files"].as_array().unwrap().contains(&"src/main.rs".into()), "{}", lines[0]);
    assert_eq!(lines[1]["answer_tokens"], 7);
    let everything = format!("{lines:?}{answer}");
    assert!(!everything.contains("key-123") && !format!("{lines:?}").contains("ada@"), "{everything}");
}

#[test]
fn an_engine_that_fails_is_replaced_by_the_local_model() {
    let half = || vec!["half an ".to_owned(), "answer".to_owned()];
    let acts = [
        ("stalls", Act::Stall(half()), "did not answer in time"),
        ("says nothing", Act::Stall(Vec::new()), "did not answer in time"),
        ("is mute", Act::Mute, "did not answer in time"),
        ("has no words", Act::Stream(Vec::new()), "it is empty"),
        ("cuts", Act::Cut(half()), "broke off after 14 characters"),
        ("lies", Act::Body("text/event-stream", "data: {\"no\": \n\n".to_owned()), "makes no sense"),
        ("errs", Act::Status(500, "{\"error\":{\"message\":\"oops\"}}".to_owned()), "HTTP status 500: oops"),
        ("is busy", Act::Status(429, String::new()), "HTTP status 429"),
    ];
    for (name, act, why) in acts {
        let server = Scripted::start([act]);
        let home = home(&server.url(), "quick_answer_ms = 5000\n");
        let answer = ask(&home, &[]);
        assert_local(&answer, why);
        let failed = &answer["route"]["failed"][0];
        assert_eq!((&failed["host"], &failed["model"]), (&server.host().into(), &"large".into()), "{name}: {answer}");
        assert!(answer["stderr"].as_str().unwrap().contains("the local model answers"), "{name}: {answer}");
        let events: Vec<_> = audit(&home).iter().map(|line| line["event"].clone()).collect();
        assert_eq!(events, ["sending", "failed"], "{name}");
    }
}

#[test]
fn an_engine_that_is_down_is_replaced_too() {
    let url = {
        let server = Scripted::start([Act::Echo]);
        server.url()
    };
    assert_local(&ask(&home(&url, ""), &[]), "it cannot be reached");
}

#[test]
fn what_has_to_stay_stays() {
    let server = Scripted::start([Act::Echo]);
    let stays = |more: &str, code: &str, arguments: &[&str], why: &str| {
        let home = home(&server.url(), more);
        home.write("src/main.rs", code);
        assert_local(&ask(&home, arguments), why);
        assert!(server.received().is_empty(), "{why}");
        let lines = audit(&home);
        assert_eq!(lines.len(), 1, "{why}");
        assert_eq!(lines[0]["event"], "kept");
    };
    let plain = "fn main() {}\n";
    stays("", "let password = \"hunter22\";\n", &[], "a secret was found (assigned)");
    stays("[privacy]\nnever_leave = [\"src/**\"]\n", plain, &[], "src/main.rs never leaves this machine");
    stays("[privacy]\nlanguages = [\"rust\"]\n", plain, &[], "rust never leaves this machine");
    stays("", "// see config/.env for the rest\n", &[], "config/.env is named");
    stays("[quota]\nrequests_per_day = 0\n", plain, &[], "all 0 requests of the day are used");
    stays("[quota]\ntokens_per_request = 5\n", plain, &[], "5 are allowed for one request");
    stays("", plain, &["--set", "remote.questions=deep"], "a short question");
}

#[test]
fn a_workspace_may_keep_more_and_not_less() {
    let server = Scripted::start([Act::Whole("From afar.".to_owned())]);
    let home = home(&server.url(), "[privacy]\nnever_leave = [\"secret/**\"]\n");
    home.write(".halfline.toml", "[privacy]\nnever_leave = [\"src/**\"]\n");
    assert_local(&ask(&home, &[]), "src/main.rs never leaves");
    home.write(".halfline.toml", "[privacy]\nnever_leave = []\nsecrets_stay = false\n");
    assert_eq!(ask(&home, &[])["text"], "From afar.");
    home.write("secret/a.rs", "fn a() {}\n");
    assert_local(&ask(&home, &["--file", "secret/a.rs"]), "secret/a.rs never leaves");
    home.write(".halfline.toml", "[remote]\nenabled = false\n");
    assert_local(&ask(&home, &[]), "no other engine is configured");
    assert_eq!(server.received().len(), 1);
}

#[test]
fn what_cannot_be_written_down_is_not_sent() {
    let server = Scripted::start([Act::Echo]);
    let home = home(&server.url(), "");
    let taken = home.write("taken", "a file where a directory should be");
    let answer = ask(&home, &["--set", &format!("audit.directory={}", taken.display())]);
    assert_local(&answer, "cannot be written");
    assert!(server.received().is_empty());
    let answer = ask(&home, &["--set", "audit.enabled=false"]);
    assert_eq!(answer["route"]["engine"], "remote", "{answer}");
}

#[test]
fn a_fix_asks_elsewhere_where_the_user_said_so() {
    let fixed = "```python\ndef add(a, b):\n    return a + b\n```";
    let server = Scripted::start([Act::Whole(fixed.to_owned())]);
    let home = home(&server.url(), "");
    home.write("a.py", "def add(a, b):\n    return {}\n");
    home.write("check.py", "from a import add\nassert add(1, 2) == 3\n");
    let arguments = ["debug", "--attempts", "2", "--json", "--", "python3", "check.py"];
    let fix = ask_with(&home, home.command().args(arguments));
    let route = &fix["route"];
    assert_eq!((&fix["verified"], &route["engine"]), (&true.into(), &"remote".into()), "{fix}");
    assert_eq!((&route["model"], &route["host"]), (&"large".into(), &server.host().into()), "{fix}");
    assert!(route["why"].as_str().unwrap().contains("all questions go there"), "{fix}");
    let sent = server.received()[0].body["messages"][1]["content"].as_str().unwrap().to_owned();
    assert!(sent.contains("return {}"), "{sent}");
}

#[test]
fn what_was_said_before_is_kept_back_like_the_question() {
    let server = Scripted::start([Act::Echo]);
    let home = home(&server.url(), "[privacy]\nnever_leave = [\"src/**\"]\n");
    let chat = |message: &str| ask_with(&home, home.command().args(["chat", "--root", ".", "--json", message]));
    assert_local(&chat("What is in @src/main.rs?"), "src/main.rs never leaves this machine");
    // Nothing of the file is in this question; its history has it.
    assert_local(&chat("And why?"), "src/main.rs never leaves this machine");
    assert!(server.received().is_empty());
}

#[test]
fn a_review_and_who_wants_to_know_more_ask_much() {
    let server = Scripted::start([Act::Whole("No problem found.".to_owned())]);
    let home = home(&server.url(), "");
    home.write("c.diff", "--- a/src/main.rs\n+++ b/src/main.rs\n@@ -1 +1 @@\n-fn main() {\n+fn main( ) {\n");
    let deep = ["--set", "remote.questions=deep"];
    let review =
        ask_with(&home, home.command().args(["review", "--root", ".", "--diff", "c.diff", "--json"]).args(deep));
    assert_eq!(review["route"]["engine"], "remote", "{review}");
    assert!(review["route"]["why"].as_str().unwrap().contains("asks for thought"), "{review}");
    assert_local(&ask(&home, &deep), "a short question");
    let more = ask(&home, &["--detail", "--set", "remote.questions=deep"]);
    assert_eq!(more["route"]["engine"], "remote", "{more}");
    let received = server.received();
    let sent = |at: usize| received[at].body["messages"][1]["content"].as_str().unwrap_or_default().to_owned();
    assert!(received.len() == 2 && sent(1).contains("Answer in detail"), "{}", sent(1));
}

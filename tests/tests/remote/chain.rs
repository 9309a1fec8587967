//! Several engines elsewhere: who is asked first, who next, and what the user is told.

use halfline_inference::testing::TinySpec;
use halfline_tests::{Act, Home, Scripted};
use serde_json::{Value, json};

use super::routing::{LOCAL, ask, assert_local, audit};

/// A place with these engines, each by name, address and more settings.
fn home(engines: &[(&str, String, &str)], more: &str) -> Home {
    let home = Home::with_model(&TinySpec::saying("\n", ["Because", " it", " is", "."]));
    let mut settings =
        "[assistant]\nmax_tokens = 8\n[remote]\nstall_ms = 500\nanswer_ms = 5000\nretries = 0\n".to_owned();
    for (name, url, more) in engines {
        settings += &format!("[[remote.engines]]\nname = {name:?}\nurl = {url:?}\nmodel = \"m-{name}\"\n{more}\n");
    }
    home.add_settings(&(settings + more));
    home.write("src/main.rs", "fn main() {}\n");
    home
}

const ALL: &str = "questions = \"all\"";

fn second() -> Scripted {
    Scripted::start([Act::Whole("From the second.".to_owned())])
}

fn half() -> Vec<String> {
    vec!["half an ".to_owned(), "answer".to_owned()]
}

fn address_of_nobody() -> String {
    Scripted::start([Act::Echo]).url()
}

#[test]
fn where_the_first_fails_the_second_answers() {
    let acts = [
        (Act::Stall(half()), "did not answer in time", "half an answer"),
        (Act::Stall(Vec::new()), "did not answer in time", ""),
        (Act::Cut(half()), "broke off after 14 characters", "half an answer"),
        (Act::Body("text/event-stream", "data: {\"no\": \n\n".to_owned()), "makes no sense", ""),
        (Act::Body("application/json", "<html>hello</html>".to_owned()), "makes no sense", ""),
        (Act::Status(500, "{}".to_owned()), "HTTP status 500", ""),
        (
            Act::Calls("half an answer", vec![("read_file", "{}".to_owned())]),
            "calls tools, and has none",
            "half an answer",
        ),
    ];
    for (act, why, partial) in acts {
        let (first, second) = (Scripted::start([act.clone()]), second());
        let home = home(&[("one", first.url(), ALL), ("two", second.url(), ALL)], "");
        let answer = ask(&home, &[]);
        // The whole answer is the second's; what the first said is kept, and is no part of it.
        assert_eq!(answer["text"], "From the second.", "{act:?}: {answer}");
        let route = &answer["route"];
        assert_eq!((&route["name"], &answer["model"]), (&json!("two"), &json!("m-two")), "{act:?}");
        let failed = &route["failed"][0];
        assert_eq!((&failed["name"], &failed["host"]), (&json!("one"), &json!(first.host())), "{act:?}: {answer}");
        assert!(failed["why"].as_str().unwrap().contains(why), "{act:?}: {failed}");
        assert_eq!(failed["partial"].as_str().unwrap_or_default(), partial, "{act:?}: {answer}");
        let notes = answer["notes"].to_string();
        assert!(
            notes.contains("one (") && notes.contains(why) && notes.contains("answered by m-two on two"),
            "{notes}"
        );
        let events: Vec<_> = audit(&home).iter().map(|line| (line["engine"].clone(), line["event"].clone())).collect();
        let last = if why.contains("tools") { "answered" } else { "failed" };
        let expected = [("one", "sending"), ("one", last), ("two", "sending"), ("two", "answered")];
        assert_eq!(events, expected.map(|(engine, event)| (json!(engine), json!(event))), "{act:?}");
    }
}

#[test]
fn what_the_first_said_is_shown_and_marked() {
    let (first, second) = (Scripted::start([Act::Cut(half())]), second());
    let home = home(&[("one", first.url(), ALL), ("two", second.url(), ALL)], "");
    let output = home.command().args(["ask", "why?", "--root", ".", "--file", "src/main.rs"]).output().unwrap();
    let (shown, notes) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    let places: Vec<_> = ["half an answer", "failed here: its answer broke off", "From the second."]
        .iter()
        .map(|part| shown.find(part).unwrap_or_else(|| panic!("{part}: {shown}")))
        .collect();
    assert!(places.is_sorted(), "{shown}");
    assert!(notes.contains("answered by m-two on two"), "{notes}");
}

#[test]
fn an_engine_that_is_down_costs_nothing_but_a_note_and_where_all_are_down_the_local_model_answers() {
    let second = second();
    let answer = ask(&home(&[("one", address_of_nobody(), ALL), ("two", second.url(), ALL)], ""), &[]);
    assert_eq!(answer["text"], "From the second.", "{answer}");
    assert!(answer["route"]["failed"][0]["why"].as_str().unwrap().contains("cannot be reached"), "{answer}");

    let answer = ask(&home(&[("one", address_of_nobody(), ALL), ("two", address_of_nobody(), ALL)], ""), &[]);
    assert_local(&answer, "one (");
    assert!(answer["route"]["why"].as_str().unwrap().contains("; two ("), "{answer}");
    assert_eq!(answer["route"]["failed"].as_array().unwrap().len(), 2);
    assert!(answer["text"].as_str().unwrap().starts_with(LOCAL));
}

#[test]
fn questions_go_to_the_engine_that_is_meant_for_them() {
    let quick = Scripted::start([Act::Whole("Quick.".to_owned())]);
    let deep = Scripted::start([Act::Whole("Deep.".to_owned())]);
    let any = Scripted::start([Act::Whole("Any.".to_owned())]);
    let home = home(
        &[
            ("any", any.url(), ALL),
            ("deep", deep.url(), "questions = \"deep\""),
            ("quick", quick.url(), "questions = \"quick\""),
        ],
        "",
    );
    let answer = ask(&home, &[]);
    assert_eq!(answer["text"], "Quick.", "{answer}");
    let long = format!("{} why?", "Please think about this with care. ".repeat(10));
    let ask_long = |home: &Home| -> Value {
        let arguments = ["ask", &long, "--root", ".", "--file", "src/main.rs", "--json"];
        super::routing::ask_with(home, home.command().args(arguments))
    };
    assert_eq!(ask_long(&home)["text"], "Deep.");
    // Without those that are meant for it, the one for all is next.
    let only = self::home(&[("quick", quick.url(), "questions = \"quick\""), ("any", any.url(), ALL)], "");
    let answer = ask_long(&only);
    assert_eq!(answer["text"], "Any.");
    assert_eq!(any.received().len(), 1);
}

#[test]
fn an_engine_that_does_not_suit_is_passed_over_and_the_user_is_told() {
    let (first, second) = (Scripted::start([Act::Echo]), second());
    let passed = |of_first: &str, more: &str, why: &str| {
        let home = home(&[("one", first.url(), of_first), ("two", second.url(), ALL)], more);
        let answer = ask(&home, &[]);
        assert_eq!(answer["text"], "From the second.", "{answer}");
        let passed = &answer["route"]["passed_over"][0];
        assert_eq!(passed["name"], "one", "{answer}");
        assert!(passed["why"].as_str().unwrap().contains(why), "{answer}");
        assert!(answer["notes"].to_string().contains("one was not asked: "), "{answer}");
    };
    passed("questions = \"deep\"", "", "a short question");
    passed("questions = \"all\"\ncontext_tokens = 20", "", "its context has 20 tokens");
    passed("questions = \"all\"\nprompt_price = 9000", "[quota]\ncost_per_request = 0.01\n", "it may cost");
    assert!(first.received().is_empty());
    // One that makes no sense keeps nobody else from answering.
    let home = home(&[("one", "ftp://x/v1".to_owned(), ALL), ("two", second.url(), ALL)], "");
    let answer = ask(&home, &[]);
    assert_eq!(answer["route"]["name"], "two", "{answer}");
    assert!(answer["route"]["passed_over"][0]["why"].as_str().unwrap().contains("begins with neither"), "{answer}");
}

#[test]
fn a_day_costs_no_more_than_it_may() {
    let server = second();
    let engine = ("one", server.url(), "questions = \"all\"\nprompt_price = 100\nanswer_price = 100");
    let home = home(&[engine], "[quota]\ncost_per_day = 0.1\n");
    let answers: Vec<Value> = (0..8).map(|_| ask(&home, &[])).collect();
    assert_eq!(answers[0]["text"], "From the second.", "{}", answers[0]);
    assert_local(&answers[7], "of the day's 0.1 is spent");
}

#[test]
fn engines_rest_one_by_one() {
    // The breaker lives as long as the process: several turns of one server.
    let second = second();
    let home = home(&[("one", address_of_nobody(), ALL), ("two", second.url(), ALL)], "");
    let (mut client, _) = halfline_tests::Client::initialize(&home, &halfline_tests::Options::default());
    assert_eq!(client.wait_for_model()["kind"], "Normal");
    let mut ask = || {
        let params = json!({"command": "halfline.ask", "arguments": [{"question": "why?"}]});
        client.call("workspace/executeCommand", params).unwrap()
    };
    for _ in 0..3 {
        assert!(ask()["route"]["failed"][0]["why"].as_str().unwrap().contains("cannot be reached"));
    }
    let rested = ask();
    assert_eq!((&rested["route"]["name"], &rested["route"]["failed"]), (&json!("two"), &Value::Null), "{rested}");
    assert!(rested["route"]["passed_over"][0]["why"].as_str().unwrap().contains("3 times in a row"), "{rested}");
    client.shut_down();
}

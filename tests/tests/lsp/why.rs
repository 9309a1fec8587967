//! What completions and answers rest on, and the question that comes before a checker runs.

use std::time::{Duration, Instant};

use halfline_inference::testing::{Script, TinySpec};
use halfline_tests::{Act, Client, Home, Options, Scripted};
use serde_json::{Value, json};

const URI: &str = "file:///tmp/a.rs";

/// A model that completes with `foo(1);` and answers `It adds.`
fn home() -> Home {
    let mut spec = TinySpec::saying("\n", ["It ", "adds", "."]);
    let pieces = ["foo", "(1)", ";"].map(str::to_owned).to_vec();
    spec.scripts.push(Script { after: "<|fim_middle|>".to_owned(), pieces });
    Home::with_model(&spec)
}

fn call(client: &mut Client, command: &str, argument: Value) -> Result<Value, Value> {
    client.call("workspace/executeCommand", json!({"command": command, "arguments": [argument]}))
}

fn ready(home: &Home) -> Client {
    let (mut client, _) = Client::initialize(home, &Options::default());
    assert_eq!(client.wait_for_model()["kind"], "Normal");
    client
}

#[test]
fn completions_and_answers_say_what_they_rest_on() {
    let home = home();
    let mut client = ready(&home);
    let nothing = call(&mut client, "halfline.why", json!({})).unwrap_err();
    assert_eq!(nothing["message"], "no model was asked yet");

    client.open(URI, "rust", "fn main() {\n    let total = \n}\n");
    let id = client.request_inline(URI, 1, 16, 1);
    let item = client.reply(id).unwrap()["items"][0].clone();
    let completion = call(&mut client, "halfline.why", json!({"id": item["id"]})).unwrap();
    assert_eq!((&completion["kind"], &completion["text"]), (&json!("completion"), &json!("foo(1);")), "{completion}");
    let prompt = completion["prompt"].as_str().unwrap();
    assert!(prompt.ends_with("let total = <|fim_suffix|>\n}\n<|fim_middle|>"), "{prompt}");
    assert_eq!((&completion["model"], &completion["route"]), (&json!("tiny"), &Value::Null));
    assert!(completion["tokens"]["prompt"].as_u64().unwrap() > 0 && completion["timings_ms"]["prefill"].is_number());

    // What was kept from before is told from where it came.
    let id = client.request_inline(URI, 1, 16, 1);
    assert_eq!(client.reply(id).unwrap()["items"][0]["id"], item["id"]);

    let range = json!({"start": {"line": 0, "character": 0}, "end": {"line": 2, "character": 1}});
    let answer =
        call(&mut client, "halfline.ask", json!({"question": "What is it?", "uri": URI, "range": range})).unwrap();
    for argument in [json!({"id": answer["id"]}), json!({}), json!({"kind": "answer"})] {
        let why = call(&mut client, "halfline.why", argument).unwrap();
        assert_eq!((&why["id"], &why["text"]), (&answer["id"], &json!("It adds.")), "{why}");
        assert!(why["prompt"].as_str().unwrap().contains("Question: What is it?<|im_end|>"), "{why}");
        assert_eq!(why["sources"], answer["evidence"]);
        assert_eq!(why["route"]["why"], "no other engine is configured");
    }
    assert_eq!(call(&mut client, "halfline.why", json!({"kind": "completion"})).unwrap(), completion);
    let gone = call(&mut client, "halfline.why", json!({"id": "answer-99"})).unwrap_err();
    assert!(gone["message"].as_str().unwrap().contains("answer-99"), "{gone}");
    client.shut_down();
}

#[test]
fn what_the_cursor_is_on_is_read_ahead() {
    let home = home();
    let text = "fn main() {\n    let total = 1;\n    print(totals);\n}\n";
    let path = home.write("a.rs", text).canonicalize().unwrap();
    let uri = format!("file://{}", path.display());
    let mut client = ready(&home);
    client.open(&uri, "rust", text);
    let range = json!({"start": {"line": 2, "character": 10}, "end": {"line": 2, "character": 16}});
    let diagnostic = json!({"range": range, "severity": 1, "message": "cannot find value `totals` in this scope"});
    let read = |client: &mut Client| call(client, "halfline.status", json!({})).unwrap()["readAhead"].clone();
    assert_eq!(read(&mut client), Value::Null);

    let cursor = json!({"start": {"line": 2, "character": 12}, "end": {"line": 2, "character": 12}});
    let context = json!({"diagnostics": [diagnostic]});
    let at = json!({"textDocument": {"uri": uri}, "range": cursor, "context": context});
    client.call("textDocument/codeAction", at).unwrap();
    let place = format!("{}:3", path.display());
    let until = Instant::now() + Duration::from_secs(60);
    while read(&mut client) != json!(place) {
        assert!(Instant::now() < until, "nothing was read ahead");
        std::thread::yield_now();
    }
    let explain = json!({"uri": uri, "position": range["start"], "diagnostics": [diagnostic]});
    let answer = call(&mut client, "halfline.explain", explain.clone()).unwrap();
    assert_eq!(answer["text"], "It adds.");
    let (prompt, reused) = (&answer["tokens"]["prompt"], answer["tokens"]["reused"].as_u64().unwrap());
    assert_eq!(reused + 1, prompt.as_u64().unwrap(), "only the last token is read again: {answer}");

    // After an edit it is another question.
    let edit = json!({"text": text.replace("total ", "sum ")});
    client.notify(
        "textDocument/didChange",
        json!({"textDocument": {"uri": uri, "version": 2}, "contentChanges": [edit]}),
    );
    let answer = call(&mut client, "halfline.explain", explain).unwrap();
    let why = call(&mut client, "halfline.why", json!({"id": answer["id"]})).unwrap();
    assert!(why["prompt"].as_str().unwrap().contains("let sum = 1;"), "{why}");
    client.shut_down();
}

#[test]
fn what_is_written_is_known_before_it_is_saved() {
    let home = home();
    let saved = "pub fn saved() {}\n";
    let path = home.write("a.rs", saved).canonicalize().unwrap();
    let uri = format!("file://{}", path.display());
    let mut client = ready(&home);
    client.open(&uri, "rust", saved);
    let edit = json!({"text": format!("// One.\n// Two.\n\npub fn brand_new(width: u32) {{}}\n{saved}")});
    client.notify(
        "textDocument/didChange",
        json!({"textDocument": {"uri": uri, "version": 2}, "contentChanges": [edit]}),
    );
    let mut lines = |name: &str| -> Vec<Value> {
        let ask = json!({"question": format!("What is {name}?")});
        let answer = call(&mut client, "halfline.ask", ask).unwrap();
        let defined = |one: &&Value| one["why"].as_str().is_some_and(|why| why == format!("definition of {name}"));
        answer["evidence"].as_array().unwrap().iter().filter(defined).map(|one| one["lines"].clone()).collect()
    };
    assert_eq!(lines("brand_new"), [json!([4, 4])]);
    assert_eq!(lines("saved"), [json!([5, 5])], "the lines of the text in the editor");
    client.notify("textDocument/didClose", json!({"textDocument": {"uri": uri}}));
    let answer = call(&mut client, "halfline.ask", json!({"question": "What is brand_new?"})).unwrap();
    assert!(!answer["evidence"].to_string().contains("definition of brand_new"), "{answer}");
    client.shut_down();
}

#[test]
fn a_checker_is_asked_for_and_a_selection_needs_none() {
    let home = home();
    let path = home.write("a.py", "def f(x):\n    return undefined\n").canonicalize().unwrap();
    let uri = format!("file://{}", path.display());
    let mut client = ready(&home);
    client.open(&uri, "python", "def f(x):\n    return undefined\n");
    let asked = |client: &Client| {
        client.heard.iter().filter(|message| message["method"] == "window/showMessageRequest").count()
    };

    // A selection is explained as code.
    let range = json!({"start": {"line": 0, "character": 0}, "end": {"line": 1, "character": 5}});
    let selection = call(&mut client, "halfline.explain", json!({"uri": uri, "range": range})).unwrap();
    assert_eq!(asked(&client), 0);
    let why = call(&mut client, "halfline.why", json!({"id": selection["id"]})).unwrap();
    assert!(why["prompt"].as_str().unwrap().contains("lines 1 to 2"), "{why}");

    // A no is heeded, and is no error.
    let at = json!({"uri": uri, "position": {"line": 1, "character": 0}});
    let without = call(&mut client, "halfline.explain", at.clone()).unwrap();
    assert_eq!(asked(&client), 1);
    assert_eq!(without["text"], "It adds.");

    client.answers.insert("window/showMessageRequest", json!({"title": "Always in this workspace"}));
    call(&mut client, "halfline.explain", at.clone()).unwrap();
    assert_eq!(asked(&client), 2);
    call(&mut client, "halfline.explain", at).unwrap();
    assert_eq!(asked(&client), 2, "what was allowed for good is not asked again");
    client.shut_down();
}

#[test]
fn an_answer_says_that_a_server_for_vectors_failed() {
    let home = home();
    home.write_embedder();
    let server = Scripted::start([Act::Status(503, String::new())]);
    home.add_settings(&format!("[search.qdrant]\nurl = \"http://{}\"\n", server.host()));
    let path = home.write("src/net.rs", "pub fn connect() {}\n");
    let mut client = ready(&home);
    let question = json!({"question": "Who connects?", "uri": format!("file://{}", path.display())});
    let started = Instant::now();
    // Vectors are computed in the background, once the folder is read.
    let answer = loop {
        let answer = call(&mut client, "halfline.ask", question.clone()).unwrap();
        if answer["notes"] != json!([]) || started.elapsed() > Duration::from_secs(60) {
            break answer;
        }
    };
    let note = answer["notes"][0].as_str().unwrap_or_default();
    let said = format!("related code was looked for by words alone: Qdrant at {}: it ", server.host());
    assert!(note.starts_with(&said), "{answer}");
    let why = call(&mut client, "halfline.why", json!({"id": answer["id"]})).unwrap();
    assert_eq!(why["notes"], answer["notes"]);
    client.shut_down();
}

//! Suggestions and answers, from tiny models that say what they are told to.

use halfline_inference::testing::TinySpec;
use halfline_tests::{Client, Home, Options};
use serde_json::{Value, json};

const URI: &str = "file:///tmp/a.rs";

/// A home with a model that completes everything with these tokens.
fn completing(pieces: &[&str]) -> Home {
    Home::with_model(&TinySpec::saying("<|fim_middle|>", pieces.iter().copied()))
}

fn ready(home: &Home, options: &Options) -> Client {
    let (mut client, _) = Client::initialize(home, options);
    let status = client.wait_for_model();
    assert_eq!(status["kind"], "Normal", "{status}");
    client
}

fn type_text(client: &mut Client, version: i64, line: usize, character: usize, text: &str) {
    let at = json!({"line": line, "character": character});
    client.notify(
        "textDocument/didChange",
        json!({
            "textDocument": {"uri": URI, "version": version},
            "contentChanges": [{"range": {"start": at, "end": at}, "text": text}],
        }),
    );
}

#[test]
fn a_line_in_every_encoding() {
    let home = completing(&["foo", "(1)", ";", "\n", "bar"]);
    // Columns of the cursor after `"ä😀" + `.
    for (encoding, character) in [("utf-8", 23), ("utf-16", 20), ("utf-32", 19)] {
        let mut client = ready(&home, &Options { encodings: vec![encoding], ..Options::default() });
        client.open(URI, "rust", "fn main() {\r\n    let x = \"ä😀\" + \r\n}\r\n");
        let id = client.request_inline(URI, 1, character, 1);
        let reply = client.reply(id).unwrap();
        let at = json!({"line": 1, "character": character});
        let items = json!([{"insertText": "foo(1);", "range": {"start": at, "end": at}, "id": "completion-1"}]);
        assert_eq!(reply, json!({"items": items}), "{encoding}");
        client.shut_down();
    }
}

#[test]
fn typing_what_is_shown_keeps_the_rest() {
    let home = completing(&["foo", "(1)", ";"]);
    let mut client = ready(&home, &Options::default());
    client.open(URI, "rust", "fn main() {\n    let x = \n}\n");
    assert_eq!(client.inline(URI, 1, 12), ["foo(1);"]);
    type_text(&mut client, 2, 1, 12, "fo");
    assert_eq!(client.inline(URI, 1, 14), ["o(1);"]);
    type_text(&mut client, 3, 1, 14, " + ");
    assert_eq!(client.inline(URI, 1, 17), ["foo(1);"], "another text is another question");
    client.shut_down();
}

#[test]
fn a_block_where_its_body_is_empty() {
    let home = completing(&["a();", "\n", "    ", "b();", "\n", "}", "\n", "fn c() {}"]);
    let mut client = ready(&home, &Options::default());
    client.open(URI, "rust", "fn main() {\n    \n}\n");
    assert_eq!(client.inline(URI, 1, 4), ["a();\n    b();"]);
    client.shut_down();
}

#[test]
fn what_the_menu_has_selected_is_extended() {
    let home = completing(&["1)", ";"]);
    let mut client = ready(&home, &Options::default());
    client.open(URI, "rust", "fn main() {\n    fo\n}\n");
    let range = json!({"start": {"line": 1, "character": 4}, "end": {"line": 1, "character": 6}});
    let reply = client.call(
        "textDocument/inlineCompletion",
        json!({
            "textDocument": {"uri": URI},
            "position": {"line": 1, "character": 6},
            "context": {"triggerKind": 2, "selectedCompletionInfo": {"range": range, "text": "foo_bar("}},
        }),
    );
    let items = json!([{"insertText": "foo_bar(1);", "range": range, "id": "completion-1"}]);
    assert_eq!(reply.unwrap(), json!({"items": items}));
    client.shut_down();
}

#[test]
fn the_menu_of_an_editor_without_ghost_text() {
    let home = completing(&["foo", "(1)", ";"]);
    let mut client = ready(&home, &Options { inline_completion: false, ..Options::default() });
    client.open(URI, "rust", "fn main() {\n    let x = \n}\n");
    let params = json!({"textDocument": {"uri": URI}, "position": {"line": 1, "character": 12}});
    let reply = client.call("textDocument/completion", params).unwrap();
    assert_eq!(reply["isIncomplete"], true);
    assert_eq!(reply["items"][0]["label"], "foo(1);");
    assert_eq!(reply["items"][0]["textEdit"]["newText"], "foo(1);");
    client.shut_down();
}

#[test]
fn a_newer_request_supersedes_an_older_one() {
    let home = completing(&["foo", "(1)", ";"]);
    // Long enough that the first request is still waiting when the second one comes.
    home.add_settings("[completion]\ndebounce_ms = 5000\n");
    let mut client = ready(&home, &Options::default());
    client.open(URI, "rust", "fn main() {\n    let x = \n}\n");
    let older = client.request_inline(URI, 1, 12, 2);
    let newer = client.request_inline(URI, 1, 12, 2);
    assert_eq!(client.reply(older).unwrap(), json!({"items": []}));
    assert!(!client.is_answered(newer));
    client.notify("$/cancelRequest", json!({"id": newer}));
    assert_eq!(client.reply(newer).unwrap_err()["code"], -32800);
    // Nothing is left of either: a person who asks is served.
    assert_eq!(client.inline(URI, 1, 12), ["foo(1);"]);
    client.shut_down();
}

#[test]
fn an_answer_to_a_text_that_has_changed_is_not_given() {
    let home = completing(&["foo", "(1)", ";"]);
    home.add_settings("[completion]\ndebounce_ms = 500\n");
    let mut client = ready(&home, &Options::default());
    client.open(URI, "rust", "fn main() {\n    let x = \n}\n");
    let id = client.request_inline(URI, 1, 12, 2);
    type_text(&mut client, 2, 1, 12, "y");
    assert_eq!(client.reply(id).unwrap(), json!({"items": []}));
    client.shut_down();
}

#[test]
fn an_answer_is_streamed_and_returned_whole() {
    let home = Home::with_model(&TinySpec::saying("\n", ["It ", "adds ", "two ", "numbers", "."]));
    let mut client = ready(&home, &Options::default());
    client.open(URI, "rust", "fn add(a: i32, b: i32) -> i32 {\n    a + b\n}\n");
    let range = json!({"start": {"line": 0, "character": 0}, "end": {"line": 2, "character": 1}});
    let diagnostic = json!({"range": range, "message": "mismatched types", "severity": 1, "code": "E0308"});
    for (command, argument) in [
        ("halfline.ask", json!({"question": "What does it do?", "uri": URI, "range": range})),
        ("halfline.explain", json!({"uri": URI, "position": {"line": 1, "character": 4}, "diagnostics": [diagnostic]})),
    ] {
        let params = json!({"command": command, "arguments": [argument], "partialResultToken": command});
        let answer = client.call("workspace/executeCommand", params).unwrap();
        assert_eq!(answer["text"], "It adds two numbers.", "{command}");
        assert_eq!(answer["model"], "tiny");
        let updates: Vec<&Value> = client
            .heard
            .iter()
            .filter(|message| message["method"] == "$/progress" && message["params"]["token"] == command)
            .map(|message| &message["params"]["value"])
            .collect();
        let streamed: String =
            updates.iter().filter_map(|update| update["text"].as_str().filter(|_| update["kind"] == "text")).collect();
        assert_eq!(streamed, "It adds two numbers.", "{command}");
        assert!(updates.iter().any(|update| update["kind"] == "evidence" && update["lines"].is_array()), "{updates:?}");
    }
    client.shut_down();
}

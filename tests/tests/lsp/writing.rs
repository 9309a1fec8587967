//! Tests and documentation over the protocol: what asks first, and what the editor is to change.

use halfline_inference::testing::{Script, TinySpec};
use halfline_tests::{Client, Home, Options};
use serde_json::{Value, json};

fn call(client: &mut Client, command: &str, argument: Value) -> Result<Value, Value> {
    client.call("workspace/executeCommand", json!({"command": command, "arguments": [argument]}))
}

#[test]
fn tests_ask_before_they_run_and_documentation_runs_nothing() {
    let mut spec = TinySpec::saying("\n", ["Adds two numbers."]);
    let test = " test_adds():\n    assert add(1, 2) == 3\n".to_owned();
    spec.scripts.push(Script { after: "def".to_owned(), pieces: vec![test] });
    let home = Home::with_model(&spec);
    let path = home.write("a.py", "def add(a, b):\n    return a + b\n").canonicalize().unwrap();
    let uri = format!("file://{}", path.display());
    let (mut client, _) = Client::initialize(&home, &Options::default());
    assert_eq!(client.wait_for_model()["kind"], "Normal");
    client.open(&uri, "python", "def add(a, b):\n    return a + b\n");
    let questions = |client: &Client| {
        client.heard.iter().filter(|message| message["method"] == "window/showMessageRequest").count()
    };

    let place = json!({"uri": uri, "position": {"line": 0, "character": 0}});
    let documented = call(&mut client, "halfline.doc", place.clone()).unwrap();
    let edit = &documented["edit"]["changes"][&uri][0];
    assert_eq!(edit["newText"], "\"\"\"Adds two numbers.\"\"\"\n    ", "{documented}");
    assert_eq!((&documented["verified"], questions(&client)), (&json!(true), 0));

    let refused = call(&mut client, "halfline.test", place.clone()).unwrap_err();
    assert!(refused["message"].as_str().unwrap().contains("you did not allow it"), "{refused}");
    client.answers.insert("window/showMessageRequest", json!({"title": "Once"}));
    let tested = call(&mut client, "halfline.test", place).unwrap();
    assert_eq!(tested["verified"], json!(true), "{tested}");
    let operations = &tested["edit"]["documentChanges"];
    assert_eq!(operations[0]["kind"], "create", "{tested}");
    assert!(operations[1]["edits"][0]["newText"].as_str().unwrap().contains("assert add(1, 2) == 3"));

    let range = json!({"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 3}});
    let params = json!({"textDocument": {"uri": uri}, "range": range, "context": {"diagnostics": []}});
    let actions = client.call("textDocument/codeAction", params).unwrap();
    let titles: Vec<&str> = actions.as_array().unwrap().iter().map(|one| one["title"].as_str().unwrap()).collect();
    let expected =
        ["Explain the selection with Halfline", "Write tests of add with Halfline", "Document add with Halfline"];
    assert_eq!(titles, expected);
    client.shut_down();
}

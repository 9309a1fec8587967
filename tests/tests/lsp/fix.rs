//! Fixes over the protocol: nothing runs and nothing changes without a yes.

use std::fs;

use halfline_tests::{Client, Home, Options};
use serde_json::{Value, json};

const BROKEN: &str = "def f(x):\n    if x\n        return 1\n";
const FIXED: &str = "def f(x):\n    if x:\n        return 1\n";

fn uri(path: &std::path::Path) -> String {
    format!("file://{}", path.display())
}

fn fix(client: &mut Client, uri: &str, apply: bool) -> Result<Value, Value> {
    let argument = json!({"uri": uri, "position": {"line": 1, "character": 0}, "apply": apply});
    let params = json!({"command": "halfline.fix", "arguments": [argument], "partialResultToken": "t"});
    client.call("workspace/executeCommand", params)
}

fn questions(client: &Client) -> usize {
    client.heard.iter().filter(|message| message["method"] == "window/showMessageRequest").count()
}

#[test]
fn a_checker_runs_once_it_is_allowed_and_the_change_is_the_editors() {
    let home = Home::new();
    let path = home.write("a.py", BROKEN).canonicalize().unwrap();
    let (mut client, _) = Client::initialize(&home, &Options::default());

    let refused = fix(&mut client, &uri(&path), false).unwrap_err();
    let message = refused["message"].as_str().unwrap();
    assert_eq!(message, "`python3 -m py_compile a.py` was not run: you did not allow it");

    client.answers.insert("window/showMessageRequest", json!({"title": "Always in this workspace"}));
    let answer = fix(&mut client, &uri(&path), false).unwrap();
    assert_eq!((&answer["verified"], &answer["verdict"]), (&json!(true), &json!("verified")), "{answer}");
    assert!(answer["diff"].as_str().unwrap().contains("+    if x:\n"), "{answer}");
    let edit = &answer["edit"]["changes"][uri(&path)][0];
    assert_eq!(edit["newText"], ":", "{answer}");
    let why = json!({"command": "halfline.why", "arguments": [{}]});
    let why = client.call("workspace/executeCommand", why).unwrap();
    assert_eq!((&why["id"], &why["text"]), (&answer["id"], &answer["diff"]), "{why}");
    let parts: Vec<&Value> = client
        .heard
        .iter()
        .filter(|message| message["method"] == "$/progress" && message["params"]["token"] == "t")
        .map(|message| &message["params"]["value"]["kind"])
        .collect();
    for kind in ["status", "evidence", "patch", "text"] {
        assert!(parts.contains(&&json!(kind)), "{kind}: {parts:?}");
    }

    // What was allowed for good is not asked again; the change is.
    let asked = questions(&client);
    client.answers.insert("window/showMessageRequest", json!({"title": "Leave it"}));
    assert_eq!(fix(&mut client, &uri(&path), true).unwrap()["applied"], json!(false));
    assert_eq!(questions(&client), asked + 1);
    client.answers.insert("window/showMessageRequest", json!({"title": "Apply"}));
    client.answers.insert("workspace/applyEdit", json!({"applied": true}));
    assert_eq!(fix(&mut client, &uri(&path), true).unwrap()["applied"], json!(true));
    let edits = client.heard.iter().filter(|message| message["method"] == "workspace/applyEdit").count();
    assert_eq!(edits, 1);
    // The editor makes the change, not the server.
    assert_eq!(fs::read_to_string(&path).unwrap(), BROKEN);

    // What the editor has open is what is checked.
    client.open(&uri(&path), "python", FIXED);
    let nothing = fix(&mut client, &uri(&path), false).unwrap_err();
    assert!(nothing["message"].as_str().unwrap().starts_with("nothing to fix"), "{nothing}");
    client.shut_down();
}

#[test]
fn settings_can_forbid_every_command() {
    let home = Home::new();
    home.settings("[assistant]\nmay_run_checks = false\n");
    let path = home.write("a.py", BROKEN).canonicalize().unwrap();
    let (mut client, _) = Client::initialize(&home, &Options::default());
    let refused = fix(&mut client, &uri(&path), false).unwrap_err();
    assert!(refused["message"].as_str().unwrap().contains("assistant.may_run_checks"), "{refused}");
    assert_eq!(questions(&client), 0);
    client.shut_down();
}

//! Tests that fail get lenses: over the protocol, with a real test run.

use halfline_inference::testing::TinySpec;
use halfline_tests::{Client, Home, Options};
use serde_json::{Value, json};

const CODE: &str = "def add(a, b):\n    return a - b\n";
const TESTS: &str = "import unittest\nfrom a import add\n\n\nclass T(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(add(1, 2), 3)\n\n    def test_nothing(self):\n        pass\n";

fn call(client: &mut Client, command: &str, argument: Value) -> Result<Value, Value> {
    client.call("workspace/executeCommand", json!({"command": command, "arguments": [argument]}))
}

fn run(client: &mut Client) -> Value {
    call(client, "halfline.run", json!({"command": ["python3", "-m", "unittest"]})).expect("it runs")
}

/// Titles and lines of the lenses of a document.
fn lenses(client: &mut Client, uri: &str) -> Vec<Value> {
    let lenses = client.call("textDocument/codeLens", json!({"textDocument": {"uri": uri}})).expect("lenses");
    lenses.as_array().cloned().unwrap_or_default()
}

fn refreshed(client: &Client) -> usize {
    client.heard.iter().filter(|message| message["method"] == "workspace/codeLens/refresh").count()
}

#[test]
fn a_test_that_failed_has_lenses_until_it_passes() {
    let home = Home::with_model(&TinySpec::saying("\n", ["Because", " it", " is", "."]));
    home.add_settings("[assistant]\nmax_tokens = 8\n");
    home.write("pyproject.toml", "[project]\nname = \"sample\"\n");
    let code = home.write("a.py", CODE);
    let path = home.write("test_a.py", TESTS).canonicalize().unwrap();
    let uri = format!("file://{}", path.display());
    let (mut client, capabilities) = Client::initialize(&home, &Options { lens_refresh: true, ..Options::default() });
    assert!(capabilities["codeLensProvider"].is_object(), "{capabilities}");
    let document = json!({"uri": uri, "languageId": "python", "version": 1, "text": TESTS});
    client.notify("textDocument/didOpen", json!({"textDocument": document}));
    assert!(lenses(&mut client, &uri).is_empty());

    let refused = call(&mut client, "halfline.run", json!({"command": ["python3", "-m", "unittest"]})).unwrap_err();
    assert!(refused["message"].as_str().unwrap().contains("you did not allow it"), "{refused}");
    client.answers.insert("window/showMessageRequest", json!({"title": "Always in this workspace"}));
    let failed = run(&mut client);
    assert_eq!((&failed["passed"], &failed["failed"][0]["name"]), (&json!(false), &json!("test_add")), "{failed}");
    assert!(failed["text"].as_str().unwrap().contains("one test failed"), "{failed}");

    let shown = lenses(&mut client, &uri);
    assert_eq!(refreshed(&client), 1);
    let titles: Vec<_> = shown.iter().map(|lens| lens["command"]["title"].as_str().unwrap()).collect();
    assert_eq!(titles, ["Halfline: why does this fail? (AssertionError: -1 != 3)", "Fix"]);
    assert_eq!(shown[0]["range"]["start"], json!({"line": 5, "character": 0}));
    let [why, fix] = [0, 1].map(|at| shown[at]["command"].clone());
    assert_eq!(fix["command"], "halfline.debugCommand");
    assert_eq!(fix["arguments"][0]["command"], json!(["python3", "-m", "unittest"]));

    // The question has the test's code and what it said.
    assert_eq!(client.wait_for_model()["kind"], "Normal");
    let answer = call(&mut client, why["command"].as_str().unwrap(), why["arguments"][0].clone()).unwrap();
    assert!(answer["text"].as_str().unwrap().starts_with("Because it is"), "{answer}");
    let evidence = answer["evidence"].to_string();
    assert!(
        evidence.contains("what the command printed, which failed") && evidence.contains("test_a.py"),
        "{evidence}"
    );

    std::fs::write(code, CODE.replace('-', "+")).unwrap();
    assert_eq!(run(&mut client)["passed"], true);
    assert!(lenses(&mut client, &uri).is_empty());
    assert_eq!(refreshed(&client), 2);
    client.shut_down();
}

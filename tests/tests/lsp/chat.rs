//! Conversations over the protocol and on the command line: what is streamed, kept, reused and asked for.

use std::fs;

use halfline_inference::testing::TinySpec;
use halfline_tests::{Client, Home, Options};
use serde_json::{Value, json};

fn home() -> Home {
    let home = Home::with_model(&TinySpec::saying("\n", ["It ", "adds ", "two ", "numbers", "."]));
    home.add_settings("[assistant]\nmax_tokens = 8\n");
    home.write("src/main.rs", "fn add(a: i32, b: i32) -> i32 {\n    a + b\n}\n\nfn main() {\n    add(1, 2);\n}\n");
    home.write("Cargo.toml", "[package]\nname = \"sample\"\nversion = \"0.1.0\"\n");
    home
}

fn ready(home: &Home) -> Client {
    let (mut client, _) = Client::initialize(home, &Options::default());
    assert_eq!(client.wait_for_model()["kind"], "Normal");
    client
}

fn call(client: &mut Client, command: &str, argument: Value) -> Result<Value, Value> {
    let params = json!({"command": command, "arguments": [argument], "partialResultToken": "t"});
    client.call("workspace/executeCommand", params)
}

fn send(client: &mut Client, id: &Value, message: &str) -> Value {
    call(client, "halfline.chat.send", json!({"id": id, "message": message})).expect("an answer")
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

#[test]
fn a_follow_up_begins_with_what_was_said_before() {
    let home = home();
    let mut client = ready(&home);
    let id = call(&mut client, "halfline.chat.new", json!({})).unwrap()["id"].clone();
    let first = send(&mut client, &id, "What does @src/main.rs:1-3 do?");
    assert_eq!((&first["text"], &first["chat"]["turns"]), (&json!("It adds two numbers."), &json!(1)), "{first}");
    assert_eq!(first["evidence"][0]["path"], "src/main.rs");
    let streamed: String = client
        .heard
        .iter()
        .filter(|message| message["method"] == "$/progress" && message["params"]["value"]["kind"] == "text")
        .map(|message| message["params"]["value"]["text"].as_str().unwrap())
        .collect();
    assert_eq!(streamed, "It adds two numbers.");

    let second = send(&mut client, &id, "And why?");
    assert_eq!(second["history"]["turns"], 1);
    // All of the first prompt but the opening of its answer is there unchanged, and need not be computed again.
    assert!(number(&second["tokens"]["reused"]) + 1 >= number(&first["tokens"]["prompt"]), "{first}\n{second}");
    let third = send(&mut client, &id, "Are you sure?");
    assert!(number(&third["tokens"]["reused"]) > number(&second["tokens"]["reused"]), "{second}\n{third}");
    let why = call(&mut client, "halfline.why", json!({"id": third["id"]})).unwrap();
    let prompt = why["prompt"].as_str().unwrap();
    let said = ["a + b", "What does @src/main.rs:1-3 do?", "It adds two numbers.", "And why?", "Are you sure?"];
    let places: Vec<usize> = said.iter().map(|said| prompt.find(said).unwrap()).collect();
    assert!(places.is_sorted(), "{prompt}");

    let shown = call(&mut client, "halfline.chat.show", json!({"id": id})).unwrap();
    assert_eq!(shown["turns"][1]["question"], "And why?");
    let listed = call(&mut client, "halfline.chat.list", json!({})).unwrap();
    let expected =
        json!([{"id": id, "title": "What does @src/main.rs:1-3 do?", "updated_ms": shown["updated_ms"], "turns": 3}]);
    assert_eq!((&listed["chats"], &listed["damaged"]), (&expected, &json!([])));
    client.shut_down();

    // The command line goes on with it, in a new process.
    let output = home.command().args(["chat", "--session", id.as_str().unwrap(), "Again?", "--json"]).output().unwrap();
    let sent: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&sent["chat"]["turns"], &sent["history"]["turns"]), (&json!(4), &json!(3)), "{sent}");
    assert!(sent["prompt"].as_str().unwrap().contains("Are you sure?"));

    let mut client = ready(&home);
    call(&mut client, "halfline.chat.delete", json!({"id": id})).unwrap();
    let gone = call(&mut client, "halfline.chat.send", json!({"id": id, "message": "Hello?"})).unwrap_err();
    assert!(gone["message"].as_str().unwrap().contains("there is no chat"), "{gone}");
    client.shut_down();
}

#[test]
fn a_command_runs_once_it_is_allowed_and_on_a_copy() {
    let home = home();
    let mut client = ready(&home);
    let id = call(&mut client, "halfline.chat.new", json!({})).unwrap()["id"].clone();
    let message =
        json!({"id": id, "message": "What is wrong here? !`echo changed > Cargo.toml; echo printed; exit 3`"});
    let refused = call(&mut client, "halfline.chat.send", message.clone()).unwrap_err();
    assert!(refused["message"].as_str().unwrap().contains("you did not allow it"), "{refused}");

    client.answers.insert("window/showMessageRequest", json!({"title": "Once"}));
    let answer = call(&mut client, "halfline.chat.send", message).unwrap();
    let evidence = &answer["evidence"][0];
    assert_eq!(evidence["why"], "what the command printed, which failed", "{answer}");
    let why = call(&mut client, "halfline.why", json!({})).unwrap();
    assert!(why["prompt"].as_str().unwrap().contains("printed\n"), "{why}");
    assert!(fs::read_to_string(home.workspace().join("Cargo.toml")).unwrap().starts_with("[package]"));

    let missing = call(&mut client, "halfline.chat.send", json!({"message": "see @src/none.rs"})).unwrap_err();
    assert_eq!(missing["message"], "@src/none.rs: there is no such file");
    // Nothing was said in a chat of its own, so there is none; the one that was begun on purpose is there.
    let listed = call(&mut client, "halfline.chat.list", json!({})).unwrap();
    assert_eq!(listed["chats"].as_array().unwrap().len(), 1, "{listed}");
    client.shut_down();
}

#[test]
fn the_command_line_lists_goes_on_and_deletes() {
    let home = home();
    let run = |arguments: &[&str]| {
        let output = home.command().arg("chat").args(arguments).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, text, notes) = run(&["What is #add?"]);
    assert_eq!((code, text.as_str()), (Some(0), "It adds two numbers.\n"), "{notes}");
    assert!(notes.contains("definition of add"), "{notes}");
    // The last chat goes on by itself.
    let (_, text, notes) = run(&["And then?", "--json"]);
    let sent: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {notes}"));
    assert_eq!(sent["chat"]["turns"], 2);
    let id = sent["chat"]["id"].as_str().unwrap();
    let (_, listed, _) = run(&["--list"]);
    assert_eq!(listed, format!("{id}    2 turns  What is #add?\n"));

    // A damaged file is reported, set aside, and in nobody's way.
    let (_, other, _) = run(&["--new", "Hm?", "--json"]);
    let other: Value = serde_json::from_str(&other).unwrap();
    let state = home.workspace().with_file_name(".local").join("state/halfline/chats");
    let store = fs::read_dir(state).unwrap().next().unwrap().unwrap().path();
    fs::write(store.join(format!("{id}.json")), "{").unwrap();
    let (code, _, notes) = run(&["--session", id, "Still there?"]);
    assert_eq!(code, Some(1));
    assert!(notes.contains("set aside"), "{notes}");
    let (_, listed, notes) = run(&["--list"]);
    assert!(listed.starts_with(other["chat"]["id"].as_str().unwrap()) && notes.contains("damaged"), "{listed}{notes}");

    assert_eq!(run(&["--delete", other["chat"]["id"].as_str().unwrap()]).0, Some(0));
    let (_, listed, _) = run(&["--list", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&listed).unwrap()["chats"], json!([]));
    let (code, _, notes) = run(&["--new", "see @src/none.rs"]);
    assert_eq!(code, Some(1));
    assert!(notes.contains("@src/none.rs: there is no such file"), "{notes}");
    let (_, listed, _) = run(&["--list", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&listed).unwrap()["chats"], json!([]), "it leaves no empty chat behind");
    let (code, _, notes) = run(&["", "--new"]);
    assert_eq!(code, Some(1));
    assert!(notes.contains("the message is empty"), "{notes}");
}

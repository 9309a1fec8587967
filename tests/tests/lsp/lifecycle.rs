//! How a session begins and ends.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::Stdio;

use halfline_tests::{Client, Home, Options};
use serde_json::{Value, json};

fn code(reply: &Result<Value, Value>) -> i64 {
    reply.as_ref().expect_err("an error")["code"].as_i64().expect("a code")
}

#[test]
fn the_server_says_what_it_can_do() {
    let home = Home::new();
    for (offered, expected) in [
        (&[][..], "utf-16"),
        (&["utf-16"], "utf-16"),
        (&["utf-16", "utf-8"], "utf-8"),
        (&["utf-32", "utf-8"], "utf-8"),
        (&["utf-32"], "utf-32"),
    ] {
        let options = Options { encodings: offered.to_vec(), ..Options::default() };
        let (client, capabilities) = Client::initialize(&home, &options);
        assert_eq!(capabilities["positionEncoding"], expected, "{offered:?}");
        assert_eq!(capabilities["textDocumentSync"]["change"], 2);
        assert_eq!(capabilities["inlineCompletionProvider"], json!({}));
        assert_eq!(capabilities.get("completionProvider"), None);
        client.shut_down();
    }
    let (client, capabilities) = Client::initialize(&home, &Options { inline_completion: false, ..Options::default() });
    assert_eq!(capabilities["inlineCompletionProvider"], json!({}));
    assert_eq!(capabilities["completionProvider"], json!({}));
    client.shut_down();
}

#[test]
fn only_commands_that_work_are_listed() {
    let home = Home::new();
    let (mut client, capabilities) = Client::initialize(&home, &Options::default());
    let commands = capabilities["executeCommandProvider"]["commands"].as_array().unwrap().clone();
    for command in commands {
        let reply = client.call("workspace/executeCommand", json!({"command": command, "arguments": []}));
        if let Err(error) = reply {
            let message = error["message"].as_str().unwrap();
            assert!(message.contains("takes one argument"), "{command}: {message}");
        }
    }
    let reply = client.call("workspace/executeCommand", json!({"command": "halfline.nothing"}));
    let message = reply.unwrap_err()["message"].as_str().unwrap().to_owned();
    assert!(message.contains("halfline.nothing") && message.contains("halfline.status"), "{message}");
    client.shut_down();
}

#[test]
fn every_request_is_answered_in_every_phase() {
    let home = Home::new();
    let mut client = Client::start(&home);
    let status = || json!({"command": "halfline.status"});
    assert_eq!(code(&client.call("workspace/executeCommand", status())), -32002);
    assert_eq!(code(&client.call("textDocument/inlineCompletion", json!({}))), -32002);
    client.notify("textDocument/didOpen", json!({"textDocument": {"uri": "file:///a"}}));
    assert!(client.call("initialize", json!({"processId": null, "rootUri": null, "capabilities": {}})).is_ok());
    assert_eq!(code(&client.call("initialize", json!({"capabilities": {}}))), -32600);
    client.notify("initialized", json!({}));
    assert!(client.call("workspace/executeCommand", status()).is_ok());
    assert!(client.call("shutdown", Value::Null).is_ok());
    assert_eq!(code(&client.call("workspace/executeCommand", status())), -32600);
    assert_eq!(code(&client.call("shutdown", Value::Null)), -32600);
    client.notify("exit", Value::Null);
    assert!(client.wait_for_exit().success());
}

#[test]
fn exit_without_shutdown_is_an_error() {
    let home = Home::new();
    let (mut client, _) = Client::initialize(&home, &Options::default());
    client.notify("exit", Value::Null);
    assert_eq!(client.wait_for_exit().code(), Some(1));
}

#[test]
fn the_server_ends_when_its_input_ends() {
    let home = Home::new();
    let (mut client, _) = Client::initialize(&home, &Options::default());
    client.close_input();
    assert!(client.wait_for_exit().success());
    let mut silent = Client::start(&home);
    silent.close_input();
    assert!(silent.wait_for_exit().success());
}

#[test]
fn the_server_ends_with_its_parent() {
    let home = Home::new();
    let mut parent = home.command().arg("lsp").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let options = Options { process_id: Some(parent.id()), ..Options::default() };
    let (mut client, _) = Client::initialize(&home, &options);
    assert!(client.call("workspace/executeCommand", json!({"command": "halfline.status"})).is_ok());
    parent.kill().unwrap();
    parent.wait().unwrap();
    assert!(client.wait_for_exit().success());
}

#[test]
fn without_a_model_the_status_says_why_and_requests_are_answered() {
    let home = Home::new();
    let (mut client, _) = Client::initialize(&home, &Options::default());
    client.open("file:///a.rs", "rust", "fn main() {\n    \n}\n");
    let status = client.wait_for_model();
    assert_eq!(status["kind"], "Error");
    assert!(status["message"].as_str().unwrap().contains("halfline models pull"), "{status}");
    for _ in 0..20 {
        assert_eq!(client.inline("file:///a.rs", 1, 4), Vec::<String>::new());
    }
    let argument = json!({"question": "What does main do?", "uri": "file:///a.rs"});
    let reply = client.call("workspace/executeCommand", json!({"command": "halfline.ask", "arguments": [argument]}));
    assert!(reply.unwrap_err()["message"].as_str().unwrap().contains("halfline models pull"));
    let shown = client.heard.iter().filter(|message| message["method"] == "window/showMessage").count();
    assert_eq!(shown, 1, "one message, however often suggestions are asked for");
    client.shut_down();
}

#[test]
fn wrong_settings_are_shown_and_do_not_stop_the_server() {
    let home = Home::new();
    home.settings("[completion]\nmax_tokens = \"many\"\n");
    let (mut client, _) = Client::initialize(&home, &Options::default());
    let says_so = |message: &Value| {
        message["params"]["message"].as_str().is_some_and(|text| text.contains("`completion.max_tokens`"))
    };
    assert_eq!(client.hear(says_so)["method"], "window/showMessage");
    client.shut_down();
}

#[test]
fn one_client_over_tcp() {
    let home = Home::new();
    let mut server = home
        .command()
        .args(["lsp", "--listen", "127.0.0.1:0"])
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut errors = BufReader::new(server.stderr.take().unwrap());
    let mut line = String::new();
    errors.read_line(&mut line).unwrap();
    let address = line.trim().rsplit(' ').next().unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    for body in [
        json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": {}}}),
        json!({"jsonrpc": "2.0", "id": 2, "method": "shutdown"}),
        json!({"jsonrpc": "2.0", "method": "exit"}),
    ] {
        let body = body.to_string();
        write!(stream, "Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    }
    let answers = std::io::read_to_string(&mut stream).unwrap();
    assert!(answers.contains("inlineCompletionProvider") && answers.contains("\"result\":null"), "{answers}");
    assert!(server.wait().unwrap().success());
}

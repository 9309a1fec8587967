//! Bytes that no client should send. The server says what was wrong and serves on.

use halfline_tests::{Client, Home, Options};
use serde_json::{Value, json};

fn status(client: &mut Client) -> Result<Value, Value> {
    client.call("workspace/executeCommand", json!({"command": "halfline.status"}))
}

fn framed(body: &str) -> Vec<u8> {
    format!("Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

#[test]
fn the_server_survives_and_says_so() {
    let cut = "Content-Length: 40\r\n\r\n{\"jsonrpc\":\"2.0\",\"method\":\"a\"}";
    let mut not_utf8 = b"Content-Length: 3\r\n\r\n".to_vec();
    not_utf8.extend([0xff, 0xfe, b'"']);
    for (name, bytes, expected) in [
        ("not JSON", framed("{\"jsonrpc\":"), &[-32700][..]),
        ("not UTF-8", not_utf8, &[-32700]),
        ("not an object", framed("42"), &[-32600]),
        ("no body", framed(""), &[-32600]),
        ("no version", framed("{\"method\":\"a\"}"), &[]),
        ("an empty batch", framed("[]"), &[-32600]),
        ("an id that is no id", framed("{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"a\"}"), &[-32600]),
        ("a length that is no number", b"Content-Length: lots\r\n\r\n".to_vec(), &[-32700]),
        ("a length that is too long for any machine", b"Content-Length: 99999999999999\r\n\r\n".to_vec(), &[-32700]),
        (
            "a length that is too short",
            b"Content-Length: 5\r\n\r\n{\"jsonrpc\":\"2.0\"}\r\n".to_vec(),
            &[-32700, -32700],
        ),
        ("a length that is too long, the next message following", cut.as_bytes().to_vec(), &[]),
        ("bytes without a header", b"hello\r\n\r\n".to_vec(), &[-32700]),
        ("an unknown notification", framed("{\"jsonrpc\":\"2.0\",\"method\":\"no/such\"}"), &[]),
        ("an answer to nothing", framed("{\"jsonrpc\":\"2.0\",\"id\":99,\"result\":null}"), &[]),
        ("a wrong answer", framed("{\"id\":\"x\",\"error\":3}"), &[]),
        (
            "a cancellation of nothing",
            framed("{\"jsonrpc\":\"2.0\",\"method\":\"$/cancelRequest\",\"params\":{\"id\":5}}"),
            &[],
        ),
        ("a wrong cancellation", framed("{\"jsonrpc\":\"2.0\",\"method\":\"$/cancelRequest\",\"params\":7}"), &[]),
        ("a wrong change", framed("{\"jsonrpc\":\"2.0\",\"method\":\"textDocument/didChange\",\"params\":[]}"), &[]),
    ] {
        let home = Home::new();
        let (mut client, _) = Client::initialize(&home, &Options::default());
        assert!(status(&mut client).is_ok());
        client.write(&bytes);
        assert!(status(&mut client).is_ok(), "after {name}");
        let codes: Vec<i64> = client.errors.iter().map(|error| error["code"].as_i64().unwrap()).collect();
        assert_eq!(codes, expected, "{name}: {:?}", client.errors);
        client.shut_down();
    }
}

#[test]
fn requests_that_cannot_be_served_are_answered_with_the_right_error() {
    let home = Home::new();
    let (mut client, _) = Client::initialize(&home, &Options::default());
    let at = json!({"line": 0, "character": 0});
    for (method, params, expected) in [
        ("no/such", json!({}), -32601),
        ("$/no/such", json!({}), -32601),
        ("textDocument/hover", json!({"textDocument": {"uri": "file:///a"}, "position": at}), -32601),
        ("textDocument/inlineCompletion", json!({}), -32602),
        ("textDocument/inlineCompletion", json!(null), -32602),
        (
            "textDocument/inlineCompletion",
            json!({"textDocument": {"uri": "not a uri"}, "position": at, "context": {"triggerKind": 1}}),
            -32602,
        ),
        (
            "textDocument/inlineCompletion",
            json!({"textDocument": {"uri": "file:///a"}, "position": {"line": -1, "character": 0},
                   "context": {"triggerKind": 1}}),
            -32602,
        ),
        ("workspace/executeCommand", json!({"command": 1}), -32602),
        ("workspace/executeCommand", json!({"command": "halfline.explain", "arguments": [{}]}), -32602),
        ("textDocument/didOpen", json!({}), -32600),
    ] {
        let error = client.call(method, params.clone()).unwrap_err();
        assert_eq!(error["code"], expected, "{method} {params}: {error}");
        assert!(!error["message"].as_str().unwrap().is_empty());
    }
    client.shut_down();
}

#[test]
fn a_document_that_is_not_open_has_nothing_to_offer() {
    let home = Home::new();
    let (mut client, _) = Client::initialize(&home, &Options::default());
    let uri = "file:///never/opened.rs";
    client.notify("textDocument/didClose", json!({"textDocument": {"uri": uri}}));
    let change = json!({"textDocument": {"uri": uri, "version": 2}, "contentChanges": [{"text": "x"}]});
    client.notify("textDocument/didChange", change);
    assert_eq!(client.inline(uri, 0, 0), Vec::<String>::new());
    assert_eq!(client.document_text(uri), None);
    client.open(uri, "rust", "fn");
    assert_eq!(client.document_text(uri).as_deref(), Some("fn"));
    client.notify("textDocument/didClose", json!({"textDocument": {"uri": uri}}));
    assert_eq!(client.document_text(uri), None);
    client.shut_down();
}

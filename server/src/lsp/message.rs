//! From the bytes of a message to a request, a response, or the error that answers it.

use serde::Deserialize;
use serde_json::Value;
use tower_lsp::jsonrpc::{Error, ErrorCode, Id, Request, Response};

/// What a message turned out to be.
#[derive(Debug)]
pub(super) enum Message {
    /// A request or a notification.
    Request(Request),
    /// The client's answer to a request of ours.
    Response(Response),
    /// Not a message of LSP; these answers say so, one for each id that could be read.
    Invalid(Vec<Response>),
}

/// Reads a body. The second value is how many of its bytes belong to the message: fewer than all when the header announced
/// too many and the next message's header follows directly.
pub(super) fn parse(body: &[u8]) -> (Message, usize) {
    let mut values = serde_json::Deserializer::from_slice(body).into_iter::<Value>();
    let value = match values.next() {
        Some(Ok(value)) => value,
        Some(Err(error)) => return (invalid(ErrorCode::ParseError, error.to_string()), body.len()),
        None => return (invalid(ErrorCode::InvalidRequest, "the message is empty".into()), body.len()),
    };
    let used = values.byte_offset();
    let rest = body[used..].trim_ascii_start();
    if rest.is_empty() {
        return (classify(value), body.len());
    }
    // Perhaps only the header's first bytes were taken.
    const HEADER: &[u8] = b"content-length:";
    let overlap = rest.len().min(HEADER.len());
    if rest[..overlap].eq_ignore_ascii_case(&HEADER[..overlap]) {
        return (classify(value), body.len() - rest.len());
    }
    (invalid(ErrorCode::ParseError, format!("bytes after the end of the JSON text, at byte {used}")), body.len())
}

/// The answer to bytes that are no message.
pub(super) fn parse_error(reason: String) -> Response {
    Response::from_error(Id::Null, error(ErrorCode::ParseError, reason))
}

fn classify(value: Value) -> Message {
    let items = match value {
        Value::Object(_) => return classify_object(value),
        Value::Array(items) => items,
        _ => return invalid(ErrorCode::InvalidRequest, "a message is a JSON object".into()),
    };
    // LSP has no batches; each request in one still gets its answer.
    let ids: Vec<Id> = items.iter().filter(|item| item.get("method").is_some()).filter_map(id_of).collect();
    let refuse = |id| {
        Response::from_error(
            id,
            error(ErrorCode::InvalidRequest, "batches are not part of LSP; send one by one".into()),
        )
    };
    if ids.is_empty() {
        return Message::Invalid(vec![refuse(Id::Null)]);
    }
    Message::Invalid(ids.into_iter().map(refuse).collect())
}

fn classify_object(value: Value) -> Message {
    let is_response = value.get("method").is_none() && (value.get("result").is_some() || value.get("error").is_some());
    if is_response {
        // An answer to nothing is not answered.
        return Response::deserialize(&value).map_or(Message::Invalid(Vec::new()), Message::Response);
    }
    let id = id_of(&value);
    let is_request = value.get("id").is_some();
    match Request::deserialize(&value) {
        Ok(request) if !request.method().is_empty() => Message::Request(request),
        _ if is_request || value.get("method").is_none() => {
            let reason = "not a JSON-RPC 2.0 request: it needs `jsonrpc`: \"2.0\", a `method`, and an `id` that is a number \
                          or a string";
            let response =
                Response::from_error(id.unwrap_or(Id::Null), error(ErrorCode::InvalidRequest, reason.to_owned()));
            Message::Invalid(vec![response])
        }
        // A notification has no one to answer to.
        _ => Message::Invalid(Vec::new()),
    }
}

fn id_of(value: &Value) -> Option<Id> {
    value.get("id").and_then(|id| Id::deserialize(id).ok()).filter(|id| *id != Id::Null)
}

fn invalid(code: ErrorCode, reason: String) -> Message {
    Message::Invalid(vec![Response::from_error(Id::Null, error(code, reason))])
}

fn error(code: ErrorCode, message: String) -> Error {
    Error { code, message: message.into(), data: None }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(body: &str, expected: Expect) {
        let (message, used) = parse(body.as_bytes());
        let text = match message {
            Message::Request(request) => format!("request {request}"),
            Message::Response(response) => format!("response {:?}", response.into_parts()),
            Message::Invalid(responses) => {
                let answers: Vec<String> = responses
                    .into_iter()
                    .map(|response| {
                        let (id, result) = response.into_parts();
                        format!("{id}: {}", result.unwrap_err().code.code())
                    })
                    .collect();
                format!("invalid, answered {answers:?}")
            }
        };
        expected.assert_eq(&format!("{text}, {} left", body.len() - used));
    }

    #[test]
    fn every_kind_of_body() {
        check(
            r#"{"jsonrpc":"2.0","id":1,"method":"a"}"#,
            expect![[r#"request {"jsonrpc":"2.0","method":"a","id":1}, 0 left"#]],
        );
        check(r#"{"jsonrpc":"2.0","id":1,"result":null}"#, expect!["response (Number(1), Ok(Null)), 0 left"]);
        check(r#"{"id":1,"method":"a"}"#, expect![[r#"invalid, answered ["1: -32600"], 0 left"#]]);
        check(r#"{"jsonrpc":"2.0","id":1.5,"method":"a"}"#, expect![[r#"invalid, answered ["null: -32600"], 0 left"#]]);
        check(r#"{"jsonrpc":"2.0","id":7}"#, expect![[r#"invalid, answered ["7: -32600"], 0 left"#]]);
        check(r#"{"jsonrpc":"1.0","method":"a"}"#, expect!["invalid, answered [], 0 left"]);
        check("{", expect![[r#"invalid, answered ["null: -32700"], 0 left"#]]);
        check("", expect![[r#"invalid, answered ["null: -32600"], 0 left"#]]);
        check("3", expect![[r#"invalid, answered ["null: -32600"], 0 left"#]]);
        check("{} x", expect![[r#"invalid, answered ["null: -32700"], 0 left"#]]);
        check("[]", expect![[r#"invalid, answered ["null: -32600"], 0 left"#]]);
        check(
            r#"[{"id":1,"method":"a"},{"method":"b"},{"id":"c","method":"c"}]"#,
            expect![[r#"invalid, answered ["1: -32600", "\"c\": -32600"], 0 left"#]],
        );
        check(
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\"}Content-Length: 4",
            expect![[r#"request {"jsonrpc":"2.0","method":"a","id":1}, 17 left"#]],
        );
    }
}

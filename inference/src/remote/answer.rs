//! What an engine's answer contains, put together from the pieces of a stream or read from a whole one.

use serde::Deserialize;
use serde_json::Value;

use super::connection::one_line;
use super::{Called, RemoteError, RemoteUsage, ToolCall};

/// The most calls of one answer that are looked at.
const MOST_CALLS: usize = 64;

/// Which of the two interfaces.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Interface {
    Chat,
    Completion,
}

/// What has come of an answer.
#[derive(Default)]
pub(super) struct Collected {
    pub(super) text: String,
    /// Identifier, name and arguments of each call, as far as they have come.
    pub(super) calls: Vec<(String, Called)>,
    pub(super) finish: Option<String>,
    pub(super) usage: RemoteUsage,
    pub(super) done: bool,
}

/// A piece of an answer, or a whole one. Servers add much that is passed over.
#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<RemoteUsage>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Option<Content>,
    message: Option<Content>,
    text: Option<String>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Content {
    content: Option<String>,
    tool_calls: Option<Vec<CallPiece>>,
}

/// A call, or a part of one: in a stream the name comes first and the arguments follow piece by piece.
#[derive(Deserialize)]
struct CallPiece {
    index: Option<usize>,
    id: Option<String>,
    function: Option<CalledPiece>,
}

#[derive(Deserialize)]
struct CalledPiece {
    name: Option<String>,
    arguments: Option<Value>,
}

impl Collected {
    /// Takes in the data of one event of a stream.
    pub(super) fn event(
        &mut self,
        interface: Interface,
        data: &str,
        text: &mut dyn FnMut(&str),
    ) -> Result<(), RemoteError> {
        if data.trim() == "[DONE]" {
            self.done = true;
            return Ok(());
        }
        let chunk = serde_json::from_str(data).map_err(|error| nonsense(&error))?;
        self.take(interface, chunk, text)
    }

    /// Takes in a whole answer.
    pub(super) fn whole(
        &mut self,
        interface: Interface,
        bytes: &[u8],
        text: &mut dyn FnMut(&str),
    ) -> Result<(), RemoteError> {
        self.take(interface, serde_json::from_slice(bytes).map_err(|error| nonsense(&error))?, text)
    }

    fn take(&mut self, interface: Interface, chunk: Chunk, text: &mut dyn FnMut(&str)) -> Result<(), RemoteError> {
        if let Some(error) = chunk.error {
            let message = error.get("message").and_then(Value::as_str).unwrap_or("an error without words");
            return Err(RemoteError::Nonsense(one_line(message)));
        }
        if let Some(usage) = chunk.usage {
            self.usage = usage;
        }
        let Some(choice) = chunk.choices.into_iter().next() else { return Ok(()) };
        let piece = match interface {
            Interface::Chat => choice.delta.or(choice.message).and_then(|content| {
                content.tool_calls.into_iter().flatten().enumerate().for_each(|(at, call)| self.take_call(at, call));
                content.content
            }),
            Interface::Completion => choice.text,
        };
        if let Some(piece) = piece.filter(|piece| !piece.is_empty()) {
            text(&piece);
            self.text.push_str(&piece);
        }
        self.finish = choice.finish_reason.or(self.finish.take());
        Ok(())
    }

    /// A call without an index is that of its place.
    fn take_call(&mut self, place: usize, piece: CallPiece) {
        let at = piece.index.unwrap_or(place);
        if at >= MOST_CALLS {
            return;
        }
        while self.calls.len() <= at {
            self.calls.push(Default::default());
        }
        let (id, called) = &mut self.calls[at];
        if let Some(given) = piece.id {
            *id = given;
        }
        let Some(CalledPiece { name, arguments }) = piece.function else { return };
        called.name.push_str(&name.unwrap_or_default());
        match arguments {
            Some(Value::String(text)) => called.arguments.push_str(&text),
            // Some servers send the object itself.
            Some(Value::Null) | None => {}
            Some(object) => called.arguments.push_str(&object.to_string()),
        }
    }
}

/// The calls with a name each, which not all servers give them.
pub(super) fn complete(calls: Vec<(String, Called)>) -> Vec<ToolCall> {
    let named = calls.into_iter().enumerate().filter(|(_, (_, called))| !called.name.is_empty());
    let with_id = |(at, (id, function)): (usize, (String, Called))| {
        let id = if id.is_empty() { format!("call-{at}") } else { id };
        ToolCall { id, kind: "function", function }
    };
    named.map(with_id).collect()
}

fn nonsense(error: &serde_json::Error) -> RemoteError {
    // serde_json's words quote nothing of the text but single tokens.
    RemoteError::Nonsense(format!("it is not the JSON that was expected ({error})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(events: &[&str]) -> Vec<(String, String, String)> {
        let mut collected = Collected::default();
        for event in events {
            collected.event(Interface::Chat, event, &mut |_| {}).unwrap();
        }
        complete(collected.calls)
            .into_iter()
            .map(|call| (call.id, call.function.name, call.function.arguments))
            .collect()
    }

    #[test]
    fn calls_come_in_pieces_whole_and_without_names() {
        let own = |id: &str, name: &str, arguments: &str| (id.to_owned(), name.to_owned(), arguments.to_owned());
        assert_eq!(
            calls(&[
                r#"{"choices":[{"delta":{"content":null,"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"search","arguments":""}}]}}]}"#,
                r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"query\":"}}]}}]}"#,
                r#"{"choices":[{"delta":{"tool_calls":[{"index":1,"id":"b","function":{"name":"read_file","arguments":"{}"}},{"index":0,"function":{"arguments":"1}"}}]}}]}"#,
                r#"{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}"#,
            ]),
            [own("a", "search", "{\"query\":1}"), own("b", "read_file", "{}")]
        );
        assert_eq!(
            calls(&[
                r#"{"choices":[{"message":{"tool_calls":[{"function":{"name":"x","arguments":{"a":1}}},{"function":{"name":"y"}}]}}]}"#
            ]),
            [own("call-0", "x", "{\"a\":1}"), own("call-1", "y", "")]
        );
        assert!(
            calls(&[r#"{"choices":[{"delta":{"tool_calls":[{"index":99,"function":{"name":"x"}},{"index":1}]}}]}"#])
                .is_empty()
        );
    }
}

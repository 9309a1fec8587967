//! Calls of tools that a model writes into its answer instead of making them: small ones do, in a fence or between tags, and
//! their servers pass it on as text. Only an answer that is nothing but such a call counts.

use halfline_inference::remote::{Called, ToolCall};
use serde::Deserialize;
use serde_json::Value;

/// How such an answer begins.
const STARTS: [&str; 5] = ["{", "[{", "```json", "```\n{", "<tool_call>"];

/// Whether an answer of which `text` has come so far may become a call.
pub(super) fn may_become_call(text: &str) -> bool {
    let text = text.trim_start();
    STARTS.iter().any(|start| text.starts_with(start) || start.starts_with(text))
}

#[derive(Deserialize)]
struct Written {
    name: String,
    #[serde(alias = "parameters")]
    arguments: Value,
}

/// The calls of tools among `names` that `text` consists of; none where there is anything else in it.
pub(super) fn calls_in(text: &str, names: &[&str]) -> Vec<ToolCall> {
    let mut calls = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (part, after) = match rest.strip_prefix("<tool_call>") {
            Some(inner) => inner.split_once("</tool_call>").unwrap_or((inner, "")),
            None => match rest.strip_prefix("```") {
                Some(inner) => inner.split_once("```").unwrap_or((inner, "")),
                None => (rest, ""),
            },
        };
        rest = after.trim();
        let json = part.trim().strip_prefix("json").unwrap_or(part).trim();
        let written: Vec<Written> = match serde_json::from_str::<Value>(json) {
            Ok(list @ Value::Array(_)) => serde_json::from_value(list).unwrap_or_default(),
            Ok(one) => serde_json::from_value(one).into_iter().collect(),
            Err(_) => Vec::new(),
        };
        if written.is_empty() || written.iter().any(|call| !names.contains(&call.name.as_str())) {
            return Vec::new();
        }
        for Written { name, arguments } in written {
            let function = Called { name, arguments: arguments.to_string() };
            calls.push(ToolCall { id: format!("written-{}", calls.len()), kind: "function", function });
        }
    }
    calls
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        let calls = calls_in(text, &["search", "read_file"]);
        calls.into_iter().map(|call| format!("{}{}", call.function.name, call.function.arguments)).collect()
    }

    #[test]
    fn calls_are_known_however_they_are_wrapped() {
        let call = r#"{"name": "search", "arguments": {"query": "x"}}"#;
        for text in [
            call.to_owned(),
            format!("```json\n{call}\n```"),
            format!("```\n{call}\n```\n"),
            format!("<tool_call>\n{call}\n</tool_call>"),
            format!("<tool_call>{call}"),
            format!("[{call}]"),
        ] {
            assert_eq!(names(&text), [r#"search{"query":"x"}"#], "{text}");
            let starts = text.char_indices().map(|(at, _)| &text[..at]);
            assert!(starts.into_iter().all(may_become_call), "{text}");
        }
        let two = format!("<tool_call>{call}</tool_call>\n<tool_call>{call}</tool_call>");
        assert_eq!(names(&two).len(), 2);
    }

    #[test]
    fn an_answer_is_no_call() {
        for text in [
            "Use `search`.",
            "{\"name\": \"Ada\"}",
            "```json\n{\"name\": \"delete\", \"arguments\": {}}\n```",
            "```json\n{\"name\": \"search\", \"arguments\": {}}\n```\nThat is how it is called.",
            "```rust\nfn a() {}\n```",
            "",
        ] {
            assert!(names(text).is_empty(), "{text}");
        }
        assert!(!may_become_call("It is") && !may_become_call("```rust\n") && may_become_call("``"));
    }
}

//! `halfline.run`: run a command, such as the tests, on a copy of the workspace. One argument: `{"command": [program,
//! arguments..], "uri"?}`, a document of the workspace. Answers `{"passed", "failed": [{"name", "message", "places"}], "text",
//! "output"}`. The tests that fail get a code lens each; a run that passes takes them away.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::lsp_types::NumberOrString;

use super::folder::{self, Place};
use super::{answer, fix, permission};
use crate::assistant::failures::FailedTest;
use crate::assistant::fix::output_of;
use crate::assistant::{CommandOutput, Update};
use crate::lsp::Server;

/// How long it may run.
const TIME: Duration = Duration::from_secs(600);
/// Failed tests that are named.
const NAMED: usize = 20;

#[derive(Deserialize)]
pub(super) struct Argument {
    command: Vec<String>,
    #[serde(flatten)]
    place: Place,
}

pub(super) async fn run(server: &Server, argument: Argument, token: Option<NumberOrString>) -> Result<Value> {
    let command = argument.command;
    if command.first().is_none_or(|program| program.is_empty()) {
        return Err(Error::invalid_params("the command is empty"));
    }
    let root = folder::root(server, &argument.place)?;
    permission::ask(server, &root, &command.join(" "), permission::Place::Copy).await?;
    let (line, open) = (shell_line(&command), fix::open_files(server, &root));
    let (copied, shown) = (root.clone(), command.join(" "));
    let running = answer::forward(server, token.as_ref(), |mut sink| async move {
        sink(Update::Status { text: format!("running {shown}") });
        let output = output_of(&copied, open, &line, TIME).await.map_err(|error| error.to_string())?;
        Ok(CommandOutput { command: shown, ..output })
    });
    let output = running.await?;
    let failed = server.session()?.failures.record(&command, &root, &output);
    server.refresh_lenses();
    let text = said_of(&output, &failed);
    answer::send(server, token.as_ref(), &Update::Text { text: text.clone() }).await;
    Ok(json!({"passed": output.passed, "failed": failed, "text": text, "output": output.text}))
}

fn said_of(output: &CommandOutput, failed: &[FailedTest]) -> String {
    if output.passed {
        return format!("`{}` passed.", output.command);
    }
    if failed.is_empty() {
        let lines: Vec<&str> = output.text.lines().collect();
        let last = lines[lines.len().saturating_sub(NAMED)..].join("\n");
        return format!("`{}` failed:\n\n````text\n{last}\n````", output.command);
    }
    let named = failed.iter().take(NAMED).map(|test| {
        let place = test.places.last().map(|place| format!(" at {place}")).unwrap_or_default();
        format!("- `{}`{place}: {}", test.name, test.message.lines().next().unwrap_or_default())
    });
    let count = if failed.len() == 1 { "one test".to_owned() } else { format!("{} tests", failed.len()) };
    format!("`{}`: {count} failed.\n\n{}", output.command, named.collect::<Vec<_>>().join("\n"))
}

/// The command as a line of the shell that means the same words.
fn shell_line(command: &[String]) -> String {
    let plain = |ch: char| ch.is_ascii_alphanumeric() || "-_./=:,@%+".contains(ch);
    let quoted = |word: &String| match !word.is_empty() && word.chars().all(plain) {
        true => word.clone(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    };
    command.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_words() {
        let line = |words: &[&str]| shell_line(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert_eq!(line(&["cargo", "test", "--", "a::b"]), "cargo test -- a::b");
        assert_eq!(line(&["sh", "-c", "echo 'x' $HOME; a b", ""]), r"sh -c 'echo '\''x'\'' $HOME; a b' ''");
    }
}

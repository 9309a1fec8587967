//! Keys: named, fetched when they are needed, and never shown.

use std::fmt;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use super::RemoteError;

/// How long a command may take that prints a key; a password manager may have to ask its owner.
const COMMAND_TIME: Duration = Duration::from_secs(30);

/// How to get a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// None is needed.
    None,
    /// It is the value of this environment variable.
    Variable(String),
    /// It is the first line that this program with its arguments prints.
    Command(Vec<String>),
}

/// A key. Cannot be printed.
pub(super) struct Secret(String);

impl Secret {
    /// The header that shows it.
    pub(super) fn bearer(&self) -> String {
        format!("Bearer {}", self.0)
    }

    /// `text` without the key, should a server have sent it back.
    pub(super) fn remove_from(&self, text: &str) -> String {
        text.replace(&self.0, "[key]")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret")
    }
}

impl Key {
    /// Fetches it; none where none is needed.
    pub(super) fn fetch(&self) -> Result<Option<Secret>, RemoteError> {
        let text = match self {
            Key::None => return Ok(None),
            Key::Variable(name) => std::env::var(name)
                .map_err(|_| RemoteError::Key(format!("the variable {name} is not set, or is no text")))?,
            Key::Command(words) => print_of(words)?,
        };
        let key = text.lines().next().unwrap_or_default().trim();
        // What cannot stand in a header would be refused further on, with the key in the message.
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            let what = "what was found is empty, or has characters that no key has";
            return Err(RemoteError::Key(what.to_owned()));
        }
        Ok(Some(Secret(key.to_owned())))
    }
}

fn print_of(words: &[String]) -> Result<String, RemoteError> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(RemoteError::Key("the command for it is empty".to_owned()));
    };
    let failed = |reason: String| RemoteError::Key(format!("the command `{program}` for it failed: {reason}"));
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    // A command that never ends keeps its thread, not ours.
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    let output = receiver
        .recv_timeout(COMMAND_TIME)
        .map_err(|_| failed(format!("it took longer than {} s", COMMAND_TIME.as_secs())))?
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(output.status.to_string()));
    }
    String::from_utf8(output.stdout).map_err(|_| failed("it printed something else than text".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_from_where_they_are_and_are_not_shown() {
        let command = |words: &[&str]| Key::Command(words.iter().map(|&word| word.to_owned()).collect());
        let key = command(&["printf", "k-1\\nmore"]).fetch().unwrap().unwrap();
        assert_eq!(key.bearer(), "Bearer k-1");
        assert_eq!(format!("{key:?}"), "Secret");
        assert_eq!(key.remove_from("you sent k-1"), "you sent [key]");
        assert!(Key::None.fetch().unwrap().is_none());
        for (key, expected) in [
            (Key::Variable("HALFLINE_TEST_NO_SUCH".to_owned()), "HALFLINE_TEST_NO_SUCH is not set"),
            (command(&["false"]), "the command `false` for it failed: exit status: 1"),
            (command(&["no-such-program"]), "the command `no-such-program` for it failed"),
            (command(&["printf", "   "]), "is empty"),
            (command(&["printf", "a b"]), "characters that no key has"),
            (command(&[]), "the command for it is empty"),
        ] {
            let error = key.fetch().unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}

//! The command line as people and scripts see it: the real binary, its exit codes, its two streams.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod fixing;
mod mirror;
mod model_commands;
mod pulling;
mod qdrant;
mod running;
mod searching;
mod words;
mod writing;

use std::process::Command;

use halfline_tests::Home;
use serde_json::Value;

/// What a finished run printed, with the directories of its home replaced.
struct Run {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Run {
    fn of(home: &Home, command: &mut Command) -> Run {
        let output = command.output().expect("the binary can be run");
        let text = |bytes: &[u8]| {
            String::from_utf8(bytes.to_vec())
                .expect("what it prints is UTF-8")
                .replace(&home.models().display().to_string(), "MODELS")
                .replace(&home.workspace().display().to_string(), "WORKSPACE")
        };
        Run { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// Exit code and both streams in one text.
    fn all(&self) -> String {
        format!("exit {}\n--- stdout\n{}--- stderr\n{}", self.code.unwrap_or(-1), self.stdout, self.stderr)
    }

    /// The one JSON document on standard output.
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.all()))
    }
}

/// Runs the binary in `home`.
fn run(home: &Home, arguments: &[&str]) -> Run {
    Run::of(home, home.command().args(arguments))
}

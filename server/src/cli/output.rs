//! Printing: results to standard output, everything else to standard error, errors in one line.

use std::io::{self, Write};

use serde::Serialize;

/// Prints a line of a result.
pub(super) fn line(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Prints a piece of a result as it comes, without a line's end.
pub(super) fn piece(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Prints the one JSON document of a command.
pub(super) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    Ok(line(&serde_json::to_string_pretty(value)?)?)
}

/// Says something on standard error; nobody there to read it is no reason to fail.
pub(super) fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "halfline: {text}");
}

/// Says a piece of a text on standard error as it comes, without a line's end.
pub(super) fn aside(text: &str, is_first: bool) {
    let lead = if is_first { "halfline: " } else { "" };
    let _ = write!(io::stderr().lock(), "{lead}{text}");
}

/// An error with its causes, in one line. A cause that the error before it has told already is left out.
pub(super) fn one_line(error: &anyhow::Error) -> String {
    let mut told = String::new();
    for cause in error.chain() {
        let text = cause.to_string();
        if !told.contains(&text) {
            told = if told.is_empty() { text } else { format!("{told}: {text}") };
        }
    }
    told.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether an error only says that the reader of standard output is gone, as in `halfline ... | head`.
pub(super) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe))
}

/// Bytes for people: `1.04 GiB`.
pub(super) fn bytes(count: u64) -> String {
    indicatif::HumanBytes(count).to_string()
}

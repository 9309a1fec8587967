//! Places on the command line: `FILE:LINE:COL`, `FILE:LINE`, `FILE[:LINE[-LINE]]`. Lines and columns count from 1,
//! columns in Unicode scalar values.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::bail;
use halfline_context::{Snapshot, workspace};

use crate::assistant::chat::parse_place;

/// `FILE:LINE:COL`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) path: PathBuf,
    pub(super) line: usize,
    pub(super) column: usize,
}

/// `FILE:LINE`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) path: PathBuf,
    pub(super) line: usize,
}

/// `FILE[:LINE[-LINE]]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lines {
    pub(super) path: PathBuf,
    pub(super) lines: Option<(usize, usize)>,
}

impl FromStr for Cursor {
    type Err = String;

    fn from_str(text: &str) -> Result<Cursor, String> {
        let wrong = || format!("`{text}` is not FILE:LINE:COL, as in src/main.rs:12:5");
        let (rest, column) = text.rsplit_once(':').ok_or_else(wrong)?;
        let (path, line) = rest.rsplit_once(':').ok_or_else(wrong)?;
        if path.is_empty() {
            return Err(wrong());
        }
        Ok(Cursor { path: path.into(), line: from_one(line)?, column: from_one(column)? })
    }
}

impl FromStr for Line {
    type Err = String;

    fn from_str(text: &str) -> Result<Line, String> {
        match text.rsplit_once(':') {
            Some((path, line)) if !path.is_empty() => Ok(Line { path: path.into(), line: from_one(line)? }),
            _ => Err(format!("`{text}` is not FILE:LINE, as in src/main.rs:12")),
        }
    }
}

impl FromStr for Lines {
    type Err = String;

    fn from_str(text: &str) -> Result<Lines, String> {
        if text.is_empty() {
            return Err("a file's name cannot be empty".to_owned());
        }
        let (path, lines) = parse_place(text)?;
        Ok(Lines { path, lines })
    }
}

/// Reads a file of the user's, in clear words when it cannot be read.
pub(super) fn open(path: &Path) -> anyhow::Result<Snapshot> {
    let text = match workspace::read_text(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            bail!("{}: there is no such file", path.display())
        }
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            bail!("{}: permission denied", path.display())
        }
        Err(error) => bail!("{}: {error}", path.display()),
    };
    Ok(Snapshot::of_text(Some(std::path::absolute(path)?), &text))
}

/// The place of a cursor in its text, in characters from the start.
pub(super) fn offset(snapshot: &Snapshot, cursor: &Cursor) -> anyhow::Result<usize> {
    check_line(snapshot, &cursor.path, cursor.line)?;
    let rope = snapshot.rope();
    let line = rope.line(cursor.line - 1);
    let mut width = line.len_chars();
    while width > 0 && matches!(line.char(width - 1), '\n' | '\r') {
        width -= 1;
    }
    if cursor.column > width + 1 {
        bail!(
            "{}:{}: column {} is past the end of the line, which has columns 1 to {}",
            cursor.path.display(),
            cursor.line,
            cursor.column,
            width + 1
        );
    }
    Ok(rope.line_to_char(cursor.line - 1) + cursor.column - 1)
}

/// Refuses a line that the text does not have.
pub(super) fn check_line(snapshot: &Snapshot, path: &Path, line: usize) -> anyhow::Result<()> {
    let lines = snapshot.rope().len_lines();
    if line > lines {
        bail!("{}: there is no line {line}; the file has {lines}", path.display());
    }
    Ok(())
}

fn from_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("lines and columns count from 1".to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err(format!("`{text}` is not a number of a line or column")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let cursor = |text: &str| text.parse::<Cursor>().map(|c| (c.path.display().to_string(), c.line, c.column));
        assert_eq!(cursor("a.rs:1:2"), Ok(("a.rs".to_owned(), 1, 2)));
        assert_eq!(cursor(r"C:\a.rs:1:2"), Ok((r"C:\a.rs".to_owned(), 1, 2)));
        for wrong in ["", "a.rs", "a.rs:1", ":1:2", "a.rs:0:1", "a.rs:1:0", "a.rs:x:1", "a.rs:1:-1"] {
            assert!(cursor(wrong).is_err(), "{wrong}");
        }
        let lines = |text: &str| text.parse::<Lines>().map(|l| (l.path.display().to_string(), l.lines));
        assert_eq!(lines("a.rs"), Ok(("a.rs".to_owned(), None)));
        assert_eq!(lines("a.rs:3"), Ok(("a.rs".to_owned(), Some((3, 3)))));
        assert_eq!(lines("a.rs:3-7"), Ok(("a.rs".to_owned(), Some((3, 7)))));
        assert_eq!(lines(r"C:\a.rs"), Ok((r"C:\a.rs".to_owned(), None)));
        assert!(lines("a.rs:7-3").is_err() && lines("a.rs:0").is_err() && lines("").is_err());
        assert!("a.rs".parse::<Line>().is_err() && "a.rs:4".parse::<Line>().is_ok());
    }

    #[test]
    fn columns_count_characters() {
        let snapshot = Snapshot::of_text(None, "äöü = 1\r\n𝒳\n");
        let offset = |line, column| offset(&snapshot, &Cursor { path: "f".into(), line, column });
        assert_eq!(offset(1, 4).unwrap(), 3);
        assert_eq!(offset(1, 8).unwrap(), 7, "the end of the line, before its \\r\\n");
        assert_eq!(offset(2, 2).unwrap(), 10);
        assert_eq!(offset(3, 1).unwrap(), 11);
        assert_eq!(
            offset(1, 9).unwrap_err().to_string(),
            "f:1: column 9 is past the end of the line, which has columns 1 to 8"
        );
        assert_eq!(offset(4, 1).unwrap_err().to_string(), "f: there is no line 4; the file has 3");
    }
}

//! What a message points at: `@path[:line[-line]]`, `#symbol`, and commands, each on a line that starts with `!` or as
//! !`command`. What names nothing that is there is text: `@property` and `#1` mean something else to most people.

use std::path::{Path, PathBuf};

use super::super::FileRange;

/// What a message points at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References {
    /// Files, or lines of them.
    pub files: Vec<FileRange>,
    /// Names that the workspace defines.
    pub symbols: Vec<String>,
    /// Commands, as they are written.
    pub commands: Vec<String>,
}

/// The references in `message`. `find_file` says where a file is that is written like this, `is_symbol` whether a name is
/// defined. The error names a file that is not there.
pub fn resolve(
    message: &str,
    find_file: &dyn Fn(&Path) -> Option<PathBuf>,
    is_symbol: &dyn Fn(&str) -> bool,
) -> Result<References, String> {
    let mut found = References::default();
    let mut in_code = false;
    for line in message.lines() {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        if in_code || is_fence {
            continue;
        }
        match line.strip_prefix('!').map(str::trim_end) {
            Some(command) if command.starts_with(|ch: char| !ch.is_whitespace() && !"`!=".contains(ch)) => {
                keep(&mut found.commands, command.to_owned());
            }
            _ => read_line(line, find_file, is_symbol, &mut found)?,
        }
    }
    Ok(found)
}

/// A place such as `src/a.rs:3-7`: the path, and first and last line, from 1. A colon may belong to the file's name; only
/// digits after it make it a place.
pub fn parse_place(text: &str) -> Result<(PathBuf, Option<(usize, usize)>), String> {
    let is_lines = |lines: &str| !lines.is_empty() && lines.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let Some((path, lines)) = text.rsplit_once(':').filter(|(path, lines)| !path.is_empty() && is_lines(lines)) else {
        return Ok((text.into(), None));
    };
    let number = |text: &str| match text.parse() {
        Ok(0) => Err("lines and columns count from 1".to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err(format!("`{text}` is not a number of a line or column")),
    };
    let (first, last) = lines.split_once('-').unwrap_or((lines, lines));
    let (first, last): (usize, usize) = (number(first)?, number(last)?);
    if last < first {
        return Err(format!("the lines {first}-{last} are the wrong way round"));
    }
    Ok((path.into(), Some((first, last))))
}

fn read_line(
    line: &str,
    find_file: &dyn Fn(&Path) -> Option<PathBuf>,
    is_symbol: &dyn Fn(&str) -> bool,
    found: &mut References,
) -> Result<(), String> {
    let mut rest = line;
    let mut before = ' ';
    while let Some(ch) = rest.chars().next() {
        let after = &rest[ch.len_utf8()..];
        let starts = before.is_whitespace() || "([{\"'".contains(before);
        let mut taken = ch.len_utf8();
        if starts && ch == '!' && after.starts_with('`') {
            if let Some((command, _)) = after[1..].split_once('`').filter(|(command, _)| !command.trim().is_empty()) {
                keep(&mut found.commands, command.trim().to_owned());
                taken += command.len() + 2;
            }
        } else if starts && ch == '@' {
            let word = word_of(after);
            taken += word.len();
            if let Some(file) = file_of(word, find_file)? {
                keep(&mut found.files, file);
            }
        } else if starts && ch == '#' {
            let end = after.find(|ch: char| !(ch.is_alphanumeric() || "_:.".contains(ch))).unwrap_or(after.len());
            let name = after[..end].trim_end_matches(['.', ':']);
            taken += name.len();
            // Of a path of names the last one is what is meant.
            let last = name.rsplit([':', '.']).next().unwrap_or_default();
            if last.starts_with(|ch: char| ch == '_' || ch.is_alphabetic()) && is_symbol(last) {
                keep(&mut found.symbols, last.to_owned());
            }
        }
        before = rest[..taken].chars().next_back().unwrap_or(' ');
        rest = &rest[taken..];
    }
    Ok(())
}

/// What is written behind an `@`, without the marks that end a sentence.
fn word_of(text: &str) -> &str {
    let end = text.find(|ch: char| ch.is_whitespace() || "\"')]}`".contains(ch)).unwrap_or(text.len());
    text[..end].trim_end_matches(['.', ',', ';', '?', '!', ':'])
}

fn file_of(word: &str, find_file: &dyn Fn(&Path) -> Option<PathBuf>) -> Result<Option<FileRange>, String> {
    let (path, lines) = parse_place(word)?;
    match find_file(&path).filter(|_| !word.is_empty()) {
        Some(path) => Ok(Some(FileRange { path, lines: lines.map(|(first, last)| first - 1..=last - 1) })),
        // Nothing but a file is written like that.
        None if word.contains('/') && path.extension().is_some() || lines.is_some() => {
            Err(format!("@{word}: there is no such file"))
        }
        None => Ok(None),
    }
}

fn keep<T: PartialEq>(all: &mut Vec<T>, one: T) {
    if !all.contains(&one) {
        all.push(one);
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(message: &str, expected: Expect) {
        let find =
            |path: &Path| ["src/a.rs", "Makefile"].iter().any(|known| path == Path::new(known)).then(|| path.into());
        let found = resolve(message, &find, &|name| ["parse", "Config"].contains(&name));
        let text = match found {
            Err(error) => error,
            Ok(References { files, symbols, commands }) => {
                let files: Vec<String> =
                    files.iter().map(|file| format!("{} {:?}", file.path.display(), file.lines)).collect();
                format!("{files:?} {symbols:?} {commands:?}")
            }
        };
        expected.assert_eq(&text);
    }

    #[test]
    fn files_symbols_and_commands() {
        check("Why does @src/a.rs:3-7 fail?", expect![[r#"["src/a.rs Some(2..=6)"] [] []"#]]);
        check(
            "@src/a.rs, (@Makefile:2) and @src/a.rs.",
            expect![[r#"["src/a.rs None", "Makefile Some(1..=1)"] [] []"#]],
        );
        check("#parse, #m::Config and #Config.parse?", expect![[r#"[] ["parse", "Config"] []"#]]);
        check("What fails in !`cargo test -q`?", expect![[r#"[] [] ["cargo test -q"]"#]]);
        check("!ls -l | head\nwhat is @Makefile", expect![[r#"["Makefile None"] [] ["ls -l | head"]"#]]);
    }

    #[test]
    fn what_names_nothing_is_text() {
        check("ada@src/a.rs @property # heading #1 #include a#parse oh! great !x", expect!["[] [] []"]);
        check("```\n!rm -rf .\n@src/a.rs #parse\n```\nwhy? !``", expect!["[] [] []"]);
        check("!= is not == and ! alone", expect!["[] [] []"]);
        check("", expect!["[] [] []"]);
        check("@ # ! ä@ é#", expect!["[] [] []"]);
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        check("see @src/b.rs", expect!["@src/b.rs: there is no such file"]);
        check("see @b:4", expect!["@b:4: there is no such file"]);
        check("see @src/a.rs:7-3", expect!["the lines 7-3 are the wrong way round"]);
        check("see @src/a.rs:0", expect!["lines and columns count from 1"]);
    }
}

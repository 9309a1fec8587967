//! Whether a command may run that somebody on a command line has brought about. Without a terminal there is nobody to ask, and
//! whoever wrote the command line has said it; on a terminal the first run in a workspace asks, as in an editor, because what runs
//! is the project's and may surprise.

use std::io::{BufRead, IsTerminal, Write};
use std::path::Path;

use anyhow::bail;

use crate::allowed::{Allowed, Place, question};
use crate::config::AssistantConfig;

/// Lets whoever sits at the terminal decide whether `command` may run on `root`, unless they have. `is_script` says that the
/// output is for a program. The error says that the settings forbid it.
pub(super) fn ask(
    settings: &AssistantConfig,
    root: &Path,
    command: &str,
    place: Place,
    is_script: bool,
) -> anyhow::Result<bool> {
    check(settings)?;
    let allowed = Allowed::of_user();
    let is_seen = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    if is_script || !is_seen || allowed.has(root, command, place) {
        return Ok(true);
    }
    decide(&allowed, root, command, place, &mut std::io::stdin().lock(), &mut std::io::stderr().lock())
}

/// Whether the settings let anything run, whoever names it.
pub(super) fn check(settings: &AssistantConfig) -> anyhow::Result<()> {
    if !settings.may_run_checks {
        bail!("no command may run here: the setting `assistant.may_run_checks` is off");
    }
    Ok(())
}

/// Asks until there is an answer. Nothing more to read is a no.
fn decide(
    allowed: &Allowed,
    root: &Path,
    command: &str,
    place: Place,
    input: &mut dyn BufRead,
    output: &mut dyn Write,
) -> anyhow::Result<bool> {
    writeln!(output, "{}", question(root, command, place))?;
    loop {
        write!(output, "Run it? [a]lways in this workspace, [o]nce, [n]o: ")?;
        output.flush()?;
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            return Ok(false);
        }
        match line.trim().to_lowercase().as_str() {
            "a" | "always" => {
                allowed.add(root, command, place);
                return Ok(true);
            }
            "o" | "once" | "y" | "yes" => return Ok(true),
            "n" | "no" => return Ok(false),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_run_asks_and_always_is_remembered() {
        let dir = tempfile::tempdir().unwrap();
        let allowed = Allowed::at(dir.path().join("allowed.json"));
        let root = Path::new("/w");
        let answer = |typed: &str| {
            let mut shown = Vec::new();
            let input = &mut typed.as_bytes();
            let may = decide(&allowed, root, "cargo check", Place::Workspace, input, &mut shown).unwrap();
            let shown = String::from_utf8(shown).unwrap();
            assert!(shown.starts_with("Halfline wants to run `cargo check` in /w. "), "{shown}");
            (may, shown.matches("Run it?").count(), allowed.has(root, "cargo check", Place::Workspace))
        };
        assert_eq!(answer(""), (false, 1, false), "nobody there");
        assert_eq!(answer("\nwhat\nNo\n"), (false, 3, false));
        assert_eq!(answer("o\n"), (true, 1, false));
        assert_eq!(answer("Always\n"), (true, 1, true));
    }
}

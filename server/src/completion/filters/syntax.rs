//! A suggestion that breaks what parsed is not shown. Brackets that it leaves open are closed for the comparison: half a
//! block is not a mistake.

use halfline_context::{Snapshot, syntax};

use super::brackets;

/// Refuses a text with which the file has more syntax errors than without. Languages without a grammar pass.
pub fn check(snapshot: &Snapshot, offset: usize, text: &str) -> Result<(), String> {
    let everything = |snapshot: &Snapshot| 0..snapshot.rope().len_bytes();
    if snapshot.tree().is_none() {
        return Ok(());
    }
    let before = syntax::error_count(snapshot, everything(snapshot));
    let with = snapshot.with_edit(offset..offset, &format!("{text}{}", brackets::missing(text)));
    let after = syntax::error_count(&with, everything(&with));
    if after > before {
        return Err(format!("`{text}` would bring {after} syntax errors where there are {before}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_new_errors() {
        for (name, path, marked, text, expected) in [
            ("completes", "a.rs", "fn f() {\n    let x = |\n}\n", "1;", true),
            ("opens a block", "a.rs", "fn f() {\n    if |\n}\n", "x > 0 {", true),
            ("breaks", "a.rs", "fn f() {\n    let x = 1;|\n}\n", " = 2 ) (", false),
            ("python completes", "a.py", "def f(x):\n    return |\n", "x + 1", true),
            ("python breaks", "a.py", "def f(x):\n    return x|\n", " return = x", false),
            ("unknown language", "a.unknown", "a |", ")))", true),
        ] {
            let offset = marked.chars().position(|ch| ch == '|').unwrap();
            let snapshot = Snapshot::of_text(Some(path.into()), &marked.replacen('|', "", 1));
            assert_eq!(check(&snapshot, offset, text).is_ok(), expected, "{name}");
        }
    }
}

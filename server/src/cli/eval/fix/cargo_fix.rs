//! The other baseline: what `cargo fix` makes of a case, in a scratch package where the case is none. No code of ours applies
//! anything here.

use std::path::Path;
use std::time::{Duration, Instant};

use super::{Case, Row, fix, session, write_all};
use crate::assistant::fix::Texts;

/// As one would type it where git knows nothing of the files. Nothing is fetched.
const COMMAND: [&str; 5] = ["cargo", "fix", "--broken-code", "--allow-no-vcs", "--offline"];

pub(super) fn one(case: &Case, time: Duration) -> anyhow::Result<Row> {
    let directory = tempfile::tempdir()?;
    let root = directory.path();
    write_all(root, &case.files)?;
    if let Some(manifest) = manifest(case) {
        std::fs::write(root.join("Cargo.toml"), manifest)?;
    }
    let mut row = Row::of(case);
    let started = Instant::now();
    // Broken code that it has mended in part is no success for it; the files say what it did.
    let _ = session::block_on(fix::passes(&COMMAND.map(str::to_owned), root, time))?;
    row.seconds = started.elapsed().as_secs_f64();
    let mut after = Texts::new();
    for (path, old) in &case.files {
        let new = std::fs::read_to_string(root.join(path))?;
        if new != *old {
            after.insert(path.clone(), new);
        }
    }
    row.why = if after.is_empty() { "cargo fix changed nothing" } else { "cargo fix" }.to_owned();
    row.attempts = usize::from(!after.is_empty());
    row.judge(case, &after, true, Vec::new())?;
    Ok(row)
}

/// A manifest for the file that the case's `rustc` compiles. `None` where the case is a package.
fn manifest(case: &Case) -> Option<String> {
    if case.files.contains_key(Path::new("Cargo.toml")) {
        return None;
    }
    let file = case.check.iter().find(|word| word.ends_with(".rs"))?;
    let words = || case.check.iter().map(String::as_str);
    let value = |option: &str| {
        let after = words().skip_while(|word| *word != option).nth(1);
        after.or_else(|| words().find_map(|word| word.strip_prefix(option)?.strip_prefix('=')))
    };
    let edition = value("--edition").unwrap_or("2015");
    let target = match value("--crate-type") {
        None | Some("bin") => "[[bin]]\nname = \"case\"",
        Some("proc-macro") => "[lib]\nproc-macro = true",
        Some(_) => "[lib]",
    };
    Some(format!(
        "[package]\nname = \"case\"\nversion = \"0.0.0\"\nedition = \"{edition}\"\n\n{target}\npath = \"{file}\"\n\n[workspace]\n"
    ))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_file_on_its_own_becomes_a_package() {
        let case = |check: &str| Case {
            id: "one".to_owned(),
            language: "rust".to_owned(),
            files: Texts::from([("main.rs".into(), "fn main() {}".to_owned())]),
            check: check.split(' ').map(str::to_owned).collect(),
            target: None,
        };
        let made = manifest(&case("rustc --edition 2018 --emit=metadata main.rs")).expect("a manifest");
        expect![[r#"
            [package]
            name = "case"
            version = "0.0.0"
            edition = "2018"

            [[bin]]
            name = "case"
            path = "main.rs"

            [workspace]
        "#]]
        .assert_eq(&made);
        let library = manifest(&case("rustc --edition=2021 --crate-type=lib main.rs")).expect("a manifest");
        assert!(library.contains("edition = \"2021\"") && library.contains("[lib]"), "{library}");
    }
}

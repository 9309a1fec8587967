//! Whether a check failed for a reason of its own: no change of the code can be judged by it then, and none is looked for.

use super::check::{Check, Outcome};

/// Lines of an output that are shown.
const TAIL_LINES: usize = 20;

/// Why `outcome` says nothing of the code, in words. `None` where it does, or may: what a program of the user's prints is not always
/// understood.
pub(super) fn reason(check: &Check, outcome: &Outcome) -> Option<String> {
    if outcome.passed || outcome.errors().next().is_some() || !outcome.findings.failures.is_empty() {
        return None;
    }
    let text = &outcome.findings.text;
    let is_unable = match check.program() {
        // A compiler that rejects code names it; without a word it was offline, out of time, or crashed.
        _ if check.is_compile_only() => true,
        // The shell did not find the program, or may not run it.
        _ if matches!(outcome.exit, Some(126 | 127)) => true,
        _ if is_missing_module(check, text) => true,
        "cargo" if check.runs_code() => !has_built(text),
        // Wrong usage, an error of its own, no tests.
        _ if check.is_pytest() => matches!(outcome.exit, Some(3..=5)),
        _ => false,
    };
    is_unable.then(|| match outcome.exit {
        _ if outcome.timed_out => format!("was ended after {:.0} s", outcome.time.as_secs_f64()),
        Some(code) => format!("exited with {code} and named nothing that is wrong with the code"),
        None => "was ended by a signal".to_owned(),
    })
}

/// The last lines of what a check printed.
pub(super) fn tail(outcome: &Outcome) -> String {
    let lines: Vec<&str> = outcome.findings.text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

/// Whether Python has no such module as the one that it should run.
fn is_missing_module(check: &Check, text: &str) -> bool {
    let mut modules = check.argv.windows(2).filter(|pair| pair[0] == "-m").map(|pair| &pair[1]);
    modules.any(|module| text.lines().any(|line| line.ends_with(&format!("No module named {module}"))))
}

/// Whether cargo has come to run what it built.
fn has_built(text: &str) -> bool {
    let says =
        |line: &str| ["Finished ", "Running ", "running ", "Starting "].iter().any(|word| line.starts_with(word));
    text.lines().any(|line| says(line.trim_start()))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::*;
    use crate::assistant::output;

    #[test]
    fn a_check_that_cannot_run_is_told_from_one_that_fails() {
        let finished = "    Finished `test` profile\n     Running unittests src/lib.rs\n\nrunning 1 test\n";
        for (command, exit, text, is_unable) in [
            ("cargo check --offline", Some(101), "error: no matching package named `serde` found\n", true),
            ("cargo check --offline", None, "   Compiling serde v1.0.0\n", true),
            ("cargo check --offline", Some(101), "error[E0308]: mismatched types\n --> src/a.rs:1:1\n", false),
            ("rustc a.rs", None, "", true),
            ("cargo test", None, "   Compiling serde v1.0.0\n", true),
            ("cargo test", None, finished, false),
            ("cargo fmt --check", Some(1), "Diff in a.rs:1:\n", false),
            ("python3 -m pytest a", Some(1), "/usr/bin/python3: No module named pytest\n", true),
            ("python3 -m pytest a", Some(5), "no tests ran in 0.01s\n", true),
            ("python3 -m pytest a", Some(1), "odd output\n", false),
            ("sh -c missing", Some(127), "sh: 1: missing: not found\n", true),
            ("go test", Some(1), "--- FAIL: TestA (0.00s)\n", false),
            ("./run", Some(1), "", false),
        ] {
            let check = Check::new(command.split(' ').map(str::to_owned).collect(), PathBuf::new());
            let (findings, timed_out) = (output::read("", text), exit.is_none());
            let outcome = Outcome { passed: false, timed_out, exit, findings, time: Duration::from_secs(9) };
            assert_eq!(reason(&check, &outcome).is_some(), is_unable, "{command}: {text}");
        }
    }
}

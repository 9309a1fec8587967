//! How lines came to be, as git tells it. Never a reason for a question to fail: no git, no repository, no commit and no
//! time all mean that there is nothing to say.

use std::path::Path;
use std::time::Duration;

use halfline_context::TokenCounter;
use similar::{DiffTag, TextDiff};
use tokio::process::Command;

use super::super::{Evidence, Sources, command};
use super::{FEWEST_TOKENS, Item, Place};

/// How long git may look.
const TIME: Duration = Duration::from_millis(1500);
/// How long lines may be compared; after that the rest counts as changed.
const DIFF_TIME: Duration = Duration::from_millis(100);
/// Commits that are shown.
const MOST_COMMITS: &str = "--max-count=3";
/// Lines of all that is shown.
const MOST_LINES: usize = 30;
/// Characters of one line.
const LINE_CHARS: usize = 160;

/// The last commits that changed the lines of `place`, newest first, and what they changed, as far as that fits.
pub(super) async fn of(sources: &Sources, place: &Place, counter: &dyn TokenCounter) -> Option<Item> {
    if place.left < FEWEST_TOKENS {
        return None;
    }
    let path = place.snapshot.path()?;
    let name = path.file_name()?.to_str()?;
    let directory = path.parent()?;
    let mut committed = git(directory);
    committed.args(["cat-file", "blob"]).arg(format!("HEAD:./{name}"));
    let committed = command::run(committed, TIME).await.ok().filter(|output| output.success())?;
    let in_head = before(&committed.stdout, &place.snapshot.rope().to_string(), place.lines)?;
    let mut log = git(directory);
    log.args(["log", "--no-ext-diff", "--no-textconv", "--no-color"])
        .args(["--no-show-signature", "--date=short", "--format=commit %h %ad %s", MOST_COMMITS])
        .arg(format!("-L{},{}:{name}", in_head.0 + 1, in_head.1 + 1));
    let output = command::run(log, TIME).await.ok().filter(|output| output.success())?;
    let text = condensed(&output.stdout, place.left, counter)?;
    let path = sources.workspace.display_path(path);
    let lines = (place.lines.0 + 1, place.lines.1 + 1);
    let evidence = Evidence { path, lines, why: "how these lines came to be (git log)".to_owned() };
    Some(Item { evidence, text, fence: "diff".to_owned(), found: true })
}

/// A git that runs nothing which a repository's settings name, and writes nothing in it.
fn git(directory: &Path) -> Command {
    let mut git = Command::new("git");
    git.args(["--no-pager", "-c", "core.fsmonitor=false"])
        .current_dir(directory)
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_TERMINAL_PROMPT", "0");
    git
}

/// Where these lines (first and last, from 0) of `now` were in `committed`; `None` for lines that are all new. Git counts
/// the lines of what was committed, and what is in an editor may not even be saved.
fn before(committed: &str, now: &str, (first, last): (usize, usize)) -> Option<(usize, usize)> {
    let lines = |text: &str| text.replace("\r\n", "\n");
    let (committed, now) = (lines(committed), lines(now));
    let diff = TextDiff::configure().timeout(DIFF_TIME).diff_lines(&committed, &now);
    let mut found: Option<(usize, usize)> = None;
    for op in diff.ops() {
        let (old, new) = (op.old_range(), op.new_range());
        let (start, end) = (new.start.max(first), new.end.min(last + 1));
        if start >= end || old.is_empty() {
            continue;
        }
        let (start, end) = match op.tag() {
            DiffTag::Equal => (old.start + start - new.start, old.start + end - new.start),
            _ => (old.start, old.end),
        };
        found = Some((found.map_or(start, |known| known.0), end - 1));
    }
    found
}

/// The commits with their changes where that fits into `tokens`, else as many commits as fit.
fn condensed(log: &str, tokens: usize, counter: &dyn TokenCounter) -> Option<String> {
    let is_told = |line: &&str| {
        let is_head = ["diff --git", "--- ", "+++ ", "index ", "@@ "].iter().any(|start| line.starts_with(start));
        !line.trim().is_empty() && !is_head
    };
    let short = |line: &str| -> String { line.chars().take(LINE_CHARS).collect() };
    let lines: Vec<String> = log.lines().filter(is_told).map(short).collect();
    let whole = lines.iter().take(MOST_LINES).map(String::as_str).collect::<Vec<_>>().join("\n");
    if whole.is_empty() || counter.count(&whole) <= tokens {
        return (!whole.is_empty()).then_some(whole);
    }
    let commits: Vec<&str> = lines.iter().filter(|line| line.starts_with("commit ")).map(String::as_str).collect();
    (1..=commits.len()).rev().map(|count| commits[..count].join("\n")).find(|text| counter.count(text) <= tokens)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use halfline_context::budget::RoughCounter;

    use super::*;

    const LOG: &str = "commit abc1234 2024-05-01 net: wait twice as long\n\ndiff --git a/a.rs b/a.rs\n--- a/a.rs\n+++ b/a.rs\n@@ -1,2 +1,2 @@\n fn wait() {\n-    sleep(1);\n+    sleep(2);\ncommit def5678 2023-01-01 first\n\ndiff --git a/a.rs b/a.rs\n--- /dev/null\n+++ b/a.rs\n@@ -0,0 +1,2 @@\n+fn wait() {\n+    sleep(1);\n";

    #[test]
    fn lines_are_found_where_they_were() {
        let committed = "a\nb\nc\nd\ne\n";
        for (now, lines, expected) in [
            (committed, (1, 2), Some((1, 2))),
            ("x\ny\na\nb\r\nc\nd\ne\n", (3, 4), Some((1, 2))),
            ("a\nd\ne\n", (1, 2), Some((3, 4))),
            ("a\nb\nC\nd\ne\n", (2, 2), Some((2, 2))),
            ("a\nb\nc\nx\ny\nd\ne\n", (3, 4), None),
            ("a\nb\nc\nx\nd\ne\n", (2, 4), Some((2, 3))),
            ("", (0, 0), None),
        ] {
            assert_eq!(before(committed, now, lines), expected, "{now:?} {lines:?}");
        }
    }

    #[test]
    fn as_much_as_fits() {
        expect![[r#"
            commit abc1234 2024-05-01 net: wait twice as long
             fn wait() {
            -    sleep(1);
            +    sleep(2);
            commit def5678 2023-01-01 first
            +fn wait() {
            +    sleep(1);"#]]
        .assert_eq(&condensed(LOG, 1000, &RoughCounter).unwrap());
        expect![[r#"
            commit abc1234 2024-05-01 net: wait twice as long
            commit def5678 2023-01-01 first"#]]
        .assert_eq(&condensed(LOG, 24, &RoughCounter).unwrap());
        assert_eq!(condensed(LOG, 3, &RoughCounter), None);
        assert_eq!(condensed("", 1000, &RoughCounter), None);
    }
}

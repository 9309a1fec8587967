//! What is suspicious about a change that passes its check: code that is gone, a test that was changed, an error that was
//! silenced (`silencers.rs`). Such a change is marked, ranked last, and never called verified.

mod silencers;

use std::collections::HashMap;
use std::path::Path;

use halfline_context::Snapshot;
use similar::{ChangeTag, TextDiff};

use super::Texts;
use super::items::{self, Item};

/// Share of the words of a file that may go.
const WORDS_KEPT: f64 = 0.85;
/// Words that may go, whatever their share.
const FREE_WORDS: usize = 6;

/// What is suspicious about changing `before` into `after`, in words; nothing where nothing is. `told` is what the
/// checker said. `may_touch_tests` where the problem is in the tests themselves.
pub(super) fn marks(before: &Texts, after: &Texts, told: &str, may_touch_tests: bool) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for (path, new) in after {
        let old = before.get(path).map_or("", String::as_str);
        if old == new {
            continue;
        }
        let (old_snapshot, new_snapshot) = (snapshot(path, old), snapshot(path, new));
        removed(&old_snapshot, &new_snapshot, &mut found);
        found.extend(silencers::added(&old_snapshot, &new_snapshot, told));
        if !may_touch_tests {
            tests_changed(path, &old_snapshot, &new_snapshot, &mut found);
        }
    }
    let mut seen = Vec::new();
    found.retain(|mark| {
        let is_new = !seen.contains(mark);
        seen.push(mark.clone());
        is_new
    });
    found
}

/// The mark of a change after which something else is asserted: that is no way to make a program pass that fails when it
/// runs.
pub(super) fn assertions_changed(before: &Texts, after: &Texts) -> Option<String> {
    let asserted = |path: &Path, text: &str| -> Vec<String> {
        let code = code_of(&snapshot(path, text));
        code.lines().filter(|line| line.contains("assert")).map(squeeze).collect()
    };
    let is_changed = before.iter().any(|(path, old)| {
        let kept = asserted(path, after.get(path).unwrap_or(old));
        asserted(path, old).iter().any(|line| !kept.contains(line))
    });
    is_changed.then(|| "changes an assertion".to_owned())
}

/// What of the code is gone after changing `before` into `after`, whoever says that it may go.
pub(super) fn removals(before: &Texts, after: &Texts) -> Vec<String> {
    let mut found = Vec::new();
    for (path, new) in after {
        let old = before.get(path).map_or("", String::as_str);
        removed(&snapshot(path, old), &snapshot(path, new), &mut found);
    }
    found
}

fn snapshot(path: &Path, text: &str) -> Snapshot {
    Snapshot::of_text(Some(path.to_owned()), text)
}

fn removed(old: &Snapshot, new: &Snapshot, found: &mut Vec<String>) {
    let (old_code, new_code) = (code_of(old), code_of(new));
    if new_code.trim().is_empty() && !old_code.trim().is_empty() {
        found.push("empties the file".to_owned());
        return;
    }
    let (old_items, new_items) = (items::items(old), items::items(new));
    let count = |items: &[Item]| items.iter().filter(|item| !item.name.is_empty()).count();
    let members = |items: &[Item]| items.iter().map(|item| item.members.len()).sum::<usize>();
    if count(&new_items) < count(&old_items) || members(&new_items) < members(&old_items) {
        let is_left = |item: &&Item| !new_items.iter().any(|new| new.is_same(item));
        let gone = old_items.iter().filter(|item| !item.name.is_empty()).find(is_left);
        let name = gone.map_or("a definition".to_owned(), |item| format!("`{}`", item.name));
        found.push(format!("removes {name}"));
    }
    let (before, after) = (words(&old_code), words(&new_code));
    let total: usize = before.values().sum();
    let gone: usize = before.iter().map(|(word, count)| count.saturating_sub(*after.get(word).unwrap_or(&0))).sum();
    let added: usize = after.iter().map(|(word, count)| count.saturating_sub(*before.get(word).unwrap_or(&0))).sum();
    let net = gone.saturating_sub(added);
    if net > FREE_WORDS && ((total - net) as f64) < total as f64 * WORDS_KEPT {
        found.push("removes code".to_owned());
    } else if let Some(line) = lost_statement(&old_code, &new_code) {
        found.push(format!("removes the line `{line}`"));
    }
    let asserts = |code: &str| code.matches("assert").count();
    if asserts(&new_code) < asserts(&old_code) {
        found.push("removes an assertion".to_owned());
    }
}

/// A line of code that is gone with nothing in its place, and stands nowhere else.
fn lost_statement(old: &str, new: &str) -> Option<String> {
    let diff = TextDiff::from_lines(old, new);
    let added: Vec<String> = diff
        .iter_all_changes()
        .filter(|change| change.tag() == ChangeTag::Insert)
        .map(|change| squeeze(change.value()))
        .collect();
    for group in diff.grouped_ops(0) {
        let (mut gone, mut has_new) = (Vec::new(), false);
        for op in &group {
            for change in diff.iter_changes(op) {
                match change.tag() {
                    ChangeTag::Delete => gone.push(squeeze(change.value())),
                    ChangeTag::Insert => has_new |= words(change.value()).values().sum::<usize>() > 0,
                    ChangeTag::Equal => {}
                }
            }
        }
        let is_statement = |line: &&String| {
            // An import or a single word is no code that anyone misses; a name or two is.
            words(line).values().sum::<usize>() >= 2 && !added.contains(line)
        };
        if let Some(line) = gone.iter().find(is_statement).filter(|_| !has_new) {
            return Some(line.clone());
        }
    }
    None
}

fn tests_changed(path: &Path, old: &Snapshot, new: &Snapshot, found: &mut Vec<String>) {
    let changed = "changes a test".to_owned();
    if items::is_test_file(Some(path)) {
        found.push(changed);
        return;
    }
    let tests = |snapshot: &Snapshot| -> Vec<String> {
        let items = items::items(snapshot);
        let all = items.iter().flat_map(|item| std::iter::once(item).chain(&item.members));
        all.filter(|item| item.is_test).map(|item| squeeze(&items::text_of(snapshot, &item.bytes))).collect()
    };
    let kept = tests(new);
    if tests(old).iter().any(|test| !kept.contains(test)) {
        found.push(changed);
    }
}

/// The text without its comments. Where nothing is known of the language, the text.
fn code_of(snapshot: &Snapshot) -> String {
    let text = snapshot.rope().to_string();
    let Some(tree) = snapshot.tree() else { return text };
    let mut comments = Vec::new();
    let mut stack = vec![tree.root_node()];
    let mut cursor = tree.walk();
    while let Some(node) = stack.pop() {
        if node.kind().contains("comment") {
            comments.push(node.byte_range());
        } else {
            stack.extend(node.children(&mut cursor));
        }
    }
    comments.sort_by_key(|range| range.start);
    let mut code = String::new();
    let mut at = 0;
    for range in comments {
        if range.start >= at {
            code.push_str(text.get(at..range.start).unwrap_or_default());
            // Some grammars count the line break as part of the comment.
            if text.get(range.clone()).is_some_and(|comment| comment.ends_with('\n')) {
                code.push('\n');
            }
            at = range.end;
        }
    }
    code.push_str(text.get(at..).unwrap_or_default());
    code
}

fn words(code: &str) -> HashMap<&str, usize> {
    let mut counts = HashMap::new();
    let words = code.split(|ch: char| ch != '_' && !ch.is_alphanumeric()).filter(|word| !word.is_empty());
    words.for_each(|word| *counts.entry(word).or_insert(0) += 1);
    counts
}

fn squeeze(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;

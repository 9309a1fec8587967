//! From what a model wrote to a new text of the file. Small models are told to answer with code and answer with anything:
//! blocks to search and replace, a diff, the whole file, a function of it, a few lines. All of it is understood, whether
//! or not the lines and spaces agree with the file's to the letter.

use std::path::Path;

use halfline_context::Snapshot;

use super::items::{self, Item};

/// How alike lines have to be, 0 to 1, to be taken for those of the file.
const ALIKE: f32 = 0.6;
/// Lines by which a piece of code may be longer or shorter than what it replaces.
const LENGTH_DRIFT: usize = 3;

/// The new texts that `reply` may mean for the file `before`, the likeliest first. `line` (from 0) is where the problem
/// is.
pub(super) fn candidates(before: &Snapshot, line: usize, reply: &str) -> Vec<String> {
    let old = before.rope().to_string();
    let mut found = Vec::new();
    if let Some(new) = search_replace(&old, reply) {
        found.push(new);
    }
    let blocks = code_blocks(reply);
    for block in &blocks {
        if let Some(new) = diff(&old, block) {
            found.push(new);
        } else if !is_edit_block(block) {
            found.extend(code(before, line, &without_numbers(block)));
        }
    }
    // Blocks that each replace a function belong together.
    if blocks.len() > 1 && found.len() > 1 {
        let mut all = old.clone();
        for block in blocks.iter().filter(|block| !is_edit_block(block)) {
            let snapshot = Snapshot::of_text(before.path().map(Path::to_owned), &all);
            if let Some(new) = code(&snapshot, line, &without_numbers(block)).into_iter().next() {
                all = new;
            }
        }
        found.insert(0, all);
    }
    let mut seen = vec![old];
    found.retain(|new| {
        let is_new = !new.trim().is_empty() && !seen.contains(new);
        seen.push(new.clone());
        is_new
    });
    found
}

/// The contents of the fences of `reply`; all of it where there is none. The last fence need not be closed.
pub(super) fn code_blocks(reply: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for line in reply.lines() {
        let ticks = line.trim_start().chars().take_while(|&ch| ch == '`').count();
        match &mut open {
            Some((width, _)) if ticks >= *width && line.trim().chars().all(|ch| ch == '`') => {
                blocks.extend(open.take().map(|(_, text)| text));
            }
            Some((_, text)) => {
                text.push_str(line);
                text.push('\n');
            }
            None if ticks >= 3 => open = Some((ticks, String::new())),
            None => {}
        }
    }
    blocks.extend(open.map(|(_, text)| text));
    if blocks.is_empty() {
        blocks.push(reply.to_owned());
    }
    blocks.retain(|block| !block.trim().is_empty());
    blocks
}

fn is_edit_block(block: &str) -> bool {
    block.lines().any(|line| line.starts_with("<<<<<<<") || line.starts_with("@@ ") || line.starts_with(">>>>>>>"))
}

/// Takes off `12 | ` in front of lines, where every line has it.
fn without_numbers(block: &str) -> String {
    let strip = |line: &str| -> Option<String> {
        let rest = line.trim_start_matches(['>', ' ']).trim_start_matches(|ch: char| ch.is_ascii_digit());
        let bare = line.trim_start_matches(['>', ' ']);
        let rest = (rest.len() < bare.len()).then_some(rest)?.strip_prefix(" |")?;
        Some(rest.strip_prefix(' ').unwrap_or(rest).to_owned())
    };
    let lines: Option<Vec<String>> = block.lines().map(strip).collect();
    lines.map_or_else(|| block.to_owned(), |lines| lines.join("\n") + "\n")
}

/// Applies `<<<<<<< SEARCH`, `=======`, `>>>>>>> REPLACE` blocks. `None` when there is none, or one that fits nowhere.
fn search_replace(old: &str, reply: &str) -> Option<String> {
    let mut new = old.to_owned();
    let mut lines = reply.lines();
    let mut any = false;
    while let Some(line) = lines.next() {
        if !line.trim_start().starts_with("<<<<<<<") {
            continue;
        }
        let search: Vec<&str> = lines.by_ref().take_while(|line| !line.trim_start().starts_with("=====")).collect();
        let replace: Vec<&str> = lines.by_ref().take_while(|line| !line.trim_start().starts_with(">>>>>>>")).collect();
        new = replace_lines(&new, &search, &replace)?;
        any = true;
    }
    any.then_some(new)
}

/// Applies a unified diff by its lines; its line numbers are not believed. `None` when `block` is none, or does not fit.
fn diff(old: &str, block: &str) -> Option<String> {
    let is_hunk = |line: &str| line.starts_with("@@");
    let is_head = |line: &str| line.starts_with("--- ") || line.starts_with("+++ ") || line.starts_with("diff ");
    let changed =
        block.lines().filter(|line| !is_head(line) && (line.starts_with('-') || line.starts_with('+'))).count();
    let plain = block.lines().filter(|line| !line.is_empty() && !line.starts_with([' ', '-', '+', '@', '\\'])).count();
    if changed == 0 || (!block.lines().any(is_hunk) && plain > 0) {
        return None;
    }
    let mut new = old.to_owned();
    let body: Vec<&str> = block.lines().filter(|line| !is_head(line)).collect();
    for hunk in body.split(|line| is_hunk(line)).filter(|hunk| !hunk.is_empty()) {
        let without = |mark: char| -> Vec<&str> {
            let kept = hunk.iter().filter(|line| !line.starts_with(mark));
            kept.map(|line| line.get(1..).unwrap_or_default()).collect()
        };
        let (search, replace) = (without('+'), without('-'));
        new = replace_lines(&new, &search, &replace)?;
    }
    Some(new)
}

/// Replaces the lines of `old` that are `search`, up to spaces, or else those that are most like it.
fn replace_lines(old: &str, search: &[&str], replace: &[&str]) -> Option<String> {
    let search = trim_blank(search);
    let replace = trim_blank(replace);
    if search.is_empty() {
        return None;
    }
    let lines: Vec<&str> = old.lines().collect();
    let is_equal = |at: usize| {
        lines.len() >= at + search.len()
            && search.iter().zip(&lines[at..]).all(|(wanted, line)| squeeze(wanted) == squeeze(line))
    };
    let at = (0..lines.len()).find(|&at| is_equal(at));
    let (start, end) = match at {
        Some(at) => (at, at + search.len()),
        None => most_alike(&lines, search, 0)?,
    };
    Some(spliced(old, start, end, &reindented(&lines[start..end], replace)))
}

/// New texts in which `block` replaces what it is a new version of.
fn code(before: &Snapshot, line: usize, block: &str) -> Vec<String> {
    let old = before.rope().to_string();
    let leaves_out = block.lines().any(is_elision);
    let block: &str = &block.lines().filter(|line| !is_elision(line)).collect::<Vec<_>>().join("\n");
    let after = Snapshot::of_text(before.path().map(Path::to_owned), block);
    let (old_items, new_items) = (items::items(before), items::items(&after));
    let mut found = Vec::new();
    if !leaves_out && is_whole(&old_items, &new_items, &old, block) {
        found.push(ended_as(&old, block));
    }
    if new_items.iter().any(|item| !item.name.is_empty()) {
        found.extend(merged(before, &old_items, &after, &new_items));
    }
    if found.is_empty() {
        let lines: Vec<&str> = old.lines().collect();
        let wanted: Vec<&str> = block.lines().collect();
        let wanted = trim_blank(&wanted);
        if let Some((start, end)) = most_alike(&lines, wanted, line) {
            found.push(spliced(&old, start, end, &reindented(&lines[start..end], wanted)));
        }
    }
    found
}

/// Whether a line only says that something stays as it is.
fn is_elision(line: &str) -> bool {
    let line = line.trim();
    let comment = line.strip_prefix("//").or_else(|| line.strip_prefix('#')).map(str::trim);
    comment.is_some_and(|text| {
        text.starts_with("...") || text.starts_with('…') || text.contains("rest of the") || text.contains("unchanged")
    })
}

/// Whether `block`, which leaves nothing out in words, is a new version of the whole file: it has most of its items.
fn is_whole(old_items: &[Item], new_items: &[Item], old: &str, block: &str) -> bool {
    // Tests are not shown, so an answer without them is no new version of all.
    let loses_tests = old_items.iter().any(|item| item.is_test && !new_items.iter().any(|new| new.is_same(item)));
    if loses_tests {
        return false;
    }
    let named: Vec<&Item> = old_items.iter().filter(|item| !item.name.is_empty()).collect();
    let kept = named.iter().filter(|item| new_items.iter().any(|new| new.is_same(item))).count();
    let (old_lines, new_lines) = (old.lines().count(), block.lines().count());
    if named.is_empty() {
        new_lines * 2 >= old_lines
    } else {
        kept == named.len() || kept * 4 >= named.len() * 3 && kept > 1
    }
}

/// `before` with the items of `after` in place of those of the same name, and those that are new beside them.
fn merged(before: &Snapshot, old_items: &[Item], after: &Snapshot, new_items: &[Item]) -> Option<String> {
    let old = before.rope().to_string();
    // Replacements by bytes of the old text; insertions are empty ranges.
    let mut edits: Vec<(std::ops::Range<usize>, String)> = Vec::new();
    let mut extra: Vec<String> = Vec::new();
    for new in new_items {
        let new_text = items::text_of(after, &new.bytes);
        if new.is_import() {
            if !old.contains(new_text.trim()) {
                let first = old_items.iter().find(|item| item.is_import()).or(old_items.first());
                let at = first.map_or(0, |item| item.bytes.start);
                edits.push((at..at, format!("{}\n", new_text.trim())));
            }
            continue;
        }
        if new.name.is_empty() {
            continue;
        }
        if let Some(known) = old_items.iter().find(|item| item.is_same(new)) {
            edits.extend(replacement(before, known, after, new));
            continue;
        }
        // A method shown without the implementation around it, or a bare function among the tests' neighbours.
        let members = |item: &Item| if new.members.is_empty() { vec![new.clone()] } else { same_owner(item, new) };
        let mut is_placed = false;
        for owner in old_items {
            for member in members(owner) {
                if let Some(known) = owner.members.iter().find(|known| known.is_same(&member)) {
                    edits.extend(replacement(before, known, after, &member));
                    is_placed = true;
                }
            }
        }
        if !is_placed {
            extra.push(new_text);
        }
    }
    if !extra.is_empty() {
        let first = edits.iter().map(|(bytes, _)| bytes.start).filter(|&at| at > 0).min();
        let owner = first.and_then(|at| old_items.iter().find(|item| item.bytes.contains(&at)));
        let at = owner.map_or(old.len(), |item| item.bytes.start);
        let gap = if at == old.len() { "\n" } else { "" };
        edits.push((at..at, format!("{gap}{}\n\n", extra.join("\n\n").trim_end())));
    }
    let mut new = old;
    edits.sort_by_key(|(bytes, _)| std::cmp::Reverse((bytes.start, bytes.end)));
    let mut last_start = usize::MAX;
    for (bytes, text) in edits {
        if bytes.end > last_start {
            // Two versions of one item: only one can be meant, and it is in place.
            continue;
        }
        last_start = bytes.start;
        if new.is_char_boundary(bytes.start) && new.is_char_boundary(bytes.end) {
            new.replace_range(bytes, &text);
        }
    }
    Some(new)
}

/// The members of `new` if it is another version of `owner`: an implementation whose head was changed or cut.
fn same_owner(owner: &Item, new: &Item) -> Vec<Item> {
    let subject =
        |name: &str| name.rsplit(' ').next().unwrap_or_default().split('<').next().unwrap_or_default().to_owned();
    if owner.kind == new.kind && subject(&owner.name) == subject(&new.name) { new.members.clone() } else { Vec::new() }
}

/// The edit that puts `new` in place of `old`. What stands above an item is replaced only by what stands above the other.
fn replacement(
    before: &Snapshot,
    old: &Item,
    after: &Snapshot,
    new: &Item,
) -> Option<(std::ops::Range<usize>, String)> {
    let has_head = new.bytes.start < new.own_start;
    let (from, to) = if has_head { (old.bytes.start, new.bytes.start) } else { (old.own_start, new.own_start) };
    let old_text = items::text_of(before, &(from..old.bytes.end));
    let new_text = items::text_of(after, &(to..new.bytes.end));
    let (old_lines, new_lines): (Vec<&str>, Vec<&str>) = (old_text.lines().collect(), new_text.lines().collect());
    let text = reindented(&old_lines, &new_lines).join("\n");
    Some((from..old.bytes.end, text.trim_start_matches([' ', '\t']).to_owned()))
}

/// First and past-the-last of the lines that are most like `wanted`, those near `near` first. `None` when none are.
fn most_alike(lines: &[&str], wanted: &[&str], near: usize) -> Option<(usize, usize)> {
    if wanted.is_empty() {
        return None;
    }
    let joined = |lines: &[&str]| lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join("\n");
    let text = joined(wanted);
    let mut best: Option<(f32, usize, usize, usize)> = None;
    let lengths = wanted.len().saturating_sub(LENGTH_DRIFT).max(1)..=wanted.len() + LENGTH_DRIFT;
    for length in lengths {
        for start in 0..(lines.len() + 1).saturating_sub(length) {
            let part = joined(&lines[start..start + length]);
            let ratio = alike(&part, &text);
            let distance = if (start..start + length).contains(&near) { 0 } else { start.abs_diff(near) };
            let is_better = best.is_none_or(|(known, far, ..)| (ratio, far) > (known, distance));
            if ratio >= ALIKE && is_better {
                best = Some((ratio, distance, start, start + length));
            }
        }
    }
    best.map(|(_, _, start, end)| (start, end))
}

/// How alike two texts are, 0 to 1.
fn alike(a: &str, b: &str) -> f32 {
    let (short, long) = (a.len().min(b.len()), a.len().max(b.len()));
    // The ratio cannot be higher than this.
    if (2 * short) as f32 / ((short + long).max(1) as f32) < ALIKE {
        return 0.0;
    }
    strsim::sorensen_dice(a, b) as f32
}

/// `new` indented as `old` is.
fn reindented(old: &[&str], new: &[&str]) -> Vec<String> {
    let indent = |lines: &[&str]| -> String {
        let first = lines.iter().find(|line| !line.trim().is_empty()).copied().unwrap_or_default();
        first.chars().take_while(|ch| matches!(ch, ' ' | '\t')).collect()
    };
    let (wanted, given) = (indent(old), indent(new));
    let shift = |line: &&str| match line.strip_prefix(given.as_str()) {
        _ if line.trim().is_empty() => String::new(),
        Some(rest) => format!("{wanted}{rest}"),
        // Indented less than the first line.
        None => line.trim_start().to_owned(),
    };
    new.iter().map(shift).collect()
}

fn spliced(old: &str, start: usize, end: usize, new: &[String]) -> String {
    let lines: Vec<&str> = old.lines().collect();
    let mut all: Vec<&str> = lines[..start].to_vec();
    all.extend(new.iter().map(String::as_str));
    all.extend(&lines[end..]);
    ended_as(old, &all.join("\n"))
}

/// `new` with a line break at its end if `old` has one.
fn ended_as(old: &str, new: &str) -> String {
    let new = new.trim_end_matches('\n');
    if old.ends_with('\n') { format!("{new}\n") } else { new.to_owned() }
}

fn trim_blank<'a, 'b>(lines: &'b [&'a str]) -> &'b [&'a str] {
    let first = lines.iter().position(|line| !line.trim().is_empty()).unwrap_or(lines.len());
    let last = lines.iter().rposition(|line| !line.trim().is_empty()).map_or(first, |last| last + 1);
    &lines[first..last]
}

fn squeeze(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;

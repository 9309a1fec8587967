//! Pieces of evidence made from what was found: code, what tools printed, changes, a map of the workspace. Each is cut to the
//! tokens that it may take; nothing is looked for here.

use std::path::Path;

use halfline_context::{Piece, Snapshot, TokenCounter};

use super::super::changes::Change;
use super::super::{CommandOutput, Diagnostic, Evidence, Sources};
use super::{Gathered, Item, Task};

/// What the files of the workspace define, a line each.
pub(super) fn map_of_workspace(sources: &Sources, tokens: usize, counter: &dyn TokenCounter) -> Option<Item> {
    let mut left = tokens;
    let mut text = String::new();
    let mut lines = 0;
    for file in sources.workspace.files() {
        let names: Vec<&str> =
            file.definitions.iter().filter(|one| one.container.is_none()).map(|one| one.name.as_str()).collect();
        let line = format!("{}: {}\n", sources.workspace.display_path(&file.path), names.join(", "));
        let cost = counter.count(&line);
        if cost > left {
            break;
        }
        left -= cost;
        lines += 1;
        text += &line;
    }
    (lines > 0).then(|| Item {
        evidence: Evidence {
            path: "workspace".to_owned(),
            lines: (1, lines),
            why: "files and what they define".to_owned(),
        },
        text,
        fence: "text".to_owned(),
        found: true,
    })
}

/// Code, which was `asked` about if it is of one of these files, and else was found.
pub(super) fn code_item(piece: Piece, snapshot: &Snapshot, asked: &[String]) -> Item {
    // Of the file itself, the editor knows best; a file that was never saved has no name to tell it by.
    let is_own = snapshot.path().is_some_and(|path| path.ends_with(&piece.path));
    let own = snapshot.language();
    let by_name = halfline_grammars::by_path(Path::new(&piece.path));
    let language = if is_own { own.or(by_name) } else { by_name.or(own) };
    Item {
        found: !asked.contains(&piece.path),
        evidence: Evidence { path: piece.path, lines: piece.lines, why: piece.why },
        text: piece.text,
        fence: language.map_or("text", |language| language.name()).to_owned(),
    }
}

/// Each file's changes in its share of `tokens`, and where they do not all fit, what changes in all.
pub(super) fn of_changes(task: Task, changes: &[Change], tokens: usize, counter: &dyn TokenCounter) -> Gathered {
    let share = tokens / changes.len().max(1);
    let mut items: Vec<Item> = Vec::new();
    let mut is_cut = false;
    for change in changes {
        let fits = counter.count(&change.text) <= share;
        is_cut |= !fits;
        let text = if fits { change.text.clone() } else { cut_to(&change.text, share, counter) };
        let evidence =
            Evidence { path: change.path.clone(), lines: change.lines, why: "what changes in it".to_owned() };
        items.push(Item { evidence, text, fence: "diff".to_owned(), found: false });
    }
    if is_cut {
        let line = |change: &Change| format!("{} +{} -{}\n", change.path, change.added, change.removed);
        let evidence =
            Evidence { path: "changes".to_owned(), lines: (1, changes.len()), why: "files that change".to_owned() };
        let text = changes.iter().map(line).collect();
        items.insert(0, Item { evidence, text, fence: "text".to_owned(), found: false });
    }
    Gathered { task, items, files: Vec::new(), diagnostics: Vec::new() }
}

/// What a command printed: its end, where what went wrong stands.
pub(super) fn output_item(output: &CommandOutput, tokens: usize, counter: &dyn TokenCounter) -> Item {
    let lines: Vec<&str> = output.text.lines().collect();
    let mut first = lines.len();
    let mut left = tokens;
    while first > 0 {
        let cost = counter.count(lines[first - 1]) + 1;
        if cost > left {
            break;
        }
        left -= cost;
        first -= 1;
    }
    let how = if output.passed { "which succeeded" } else { "which failed" };
    Item {
        evidence: Evidence {
            path: output.command.clone(),
            lines: ((first + 1).min(lines.len()).max(1), lines.len().max(1)),
            why: format!("what the command printed, {how}"),
        },
        text: lines[first..].join("\n"),
        fence: "text".to_owned(),
        found: false,
    }
}

pub(super) fn diagnostic_item(
    sources: &Sources,
    diagnostic: &Diagnostic,
    tokens: usize,
    counter: &dyn TokenCounter,
) -> Item {
    let mut text = diagnostic.text();
    if counter.count(&text) > tokens {
        text = cut_to(&text, tokens.max(40), counter);
    }
    let path = sources.workspace.display_path(&sources.absolute(&diagnostic.path));
    let lines = (diagnostic.start.line as usize + 1, diagnostic.end.line as usize + 1);
    let source = diagnostic.source.as_deref().unwrap_or("the checker");
    let evidence = Evidence { path, lines, why: format!("what {source} says") };
    Item { evidence, text, fence: "text".to_owned(), found: false }
}

/// The first lines of `text` that fit into `tokens`; of a first line that does not, its start.
fn cut_to(text: &str, tokens: usize, counter: &dyn TokenCounter) -> String {
    let mut kept = String::new();
    for line in text.lines() {
        if counter.count(&kept) + counter.count(line) > tokens {
            if kept.is_empty() {
                kept = line.chars().take(tokens * 2).collect();
            }
            kept.push('…');
            break;
        }
        kept.push_str(line);
        kept.push('\n');
    }
    kept.trim_end().to_owned()
}

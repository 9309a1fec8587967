//! What a debugging prompt needs: the code at a place, numbered, and the definitions of what it names.
//!
//! Every piece carries its path and lines, so that an answer can cite it and the citation can be checked.

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::path::Path;

use crate::budget::TokenCounter;
use crate::completion::{Piece, is_plain_member, own_path, piece_of};
use crate::document::Snapshot;
use crate::resolve::resolve;
use crate::symbols;
use crate::syntax::{self, ScopeKind};
use crate::text;
use crate::workspace::Workspace;

/// Lines shown above and below the place when its function is too long to show, or there is none.
const LINES_AROUND: usize = 8;
/// A file of at most this many lines is shown whole.
const WHOLE_FILE_LINES: usize = 12;
/// Lines of one definition that are shown.
const PIECE_LINES: usize = 10;
/// A name with more definitions than this says nothing.
const MOST_PLACES: usize = 3;

/// Lines that a question is about.
#[derive(Clone, Debug)]
pub struct Focus {
    /// The file.
    pub snapshot: Snapshot,
    /// The lines, from 0.
    pub lines: RangeInclusive<usize>,
    /// What is said about them: a diagnostic's message, a question.
    pub message: String,
}

/// The code around `focus` with line numbers, then the imports it uses, then the definitions that it and the message
/// name: in the same file, then in the workspace. Most important first, in at most `tokens` tokens.
pub fn gather_debugging(
    focus: &Focus,
    tokens: usize,
    counter: &dyn TokenCounter,
    workspace: Option<&Workspace>,
) -> Vec<Piece> {
    let mut gathering = Gathering { counter, left: tokens, pieces: Vec::new() };
    let shown = show_place(focus, workspace, &mut gathering);
    let names = names_of(focus);
    show_imports(focus, workspace, &shown, &names, &mut gathering);
    for name in &names {
        show_definition(focus, workspace, &shown, name, &mut gathering);
    }
    gathering.pieces
}

/// Lines `first..=last` of `snapshot` (from 0) as `  12 | code`, those in `marked` with `>` in front.
pub fn numbered(snapshot: &Snapshot, lines: &RangeInclusive<usize>, marked: Option<&RangeInclusive<usize>>) -> String {
    let rope = snapshot.rope();
    let last = (*lines.end()).min(rope.len_lines().saturating_sub(1));
    let width = (last + 1).to_string().len();
    let mut out = String::new();
    for line in *lines.start()..=last {
        let mark = if marked.is_some_and(|marked| marked.contains(&line)) { '>' } else { ' ' };
        let row = format!("{mark}{:>width$} | {}", line + 1, text::line_content(rope, line));
        out.push_str(row.trim_end());
        out.push('\n');
    }
    out
}

struct Gathering<'a> {
    counter: &'a dyn TokenCounter,
    left: usize,
    pieces: Vec<Piece>,
}

impl Gathering<'_> {
    /// Keeps `piece` if it fits; says whether it did.
    fn take(&mut self, piece: Piece) -> bool {
        let cost = self.counter.count(&piece.text);
        let place = |other: &Piece| other.path == piece.path && other.lines == piece.lines;
        let fits = cost <= self.left && !self.pieces.iter().any(place);
        if fits {
            self.left -= cost;
            self.pieces.push(piece);
        }
        fits
    }
}

/// Shows the enclosing function if it fits into two thirds of the budget, otherwise as many lines around as do; returns
/// the lines shown.
fn show_place(focus: &Focus, workspace: Option<&Workspace>, gathering: &mut Gathering<'_>) -> RangeInclusive<usize> {
    let snapshot = &focus.snapshot;
    let rope = snapshot.rope();
    // A file that ends with a line break has an empty last line, which shows nothing.
    let ends_with_break = rope.len_chars() > 0 && text::line_content(rope, rope.len_lines() - 1).len_chars() == 0;
    let last_line = (rope.len_lines() - 1).saturating_sub(usize::from(ends_with_break));
    let (first, last) = ((*focus.lines.start()).min(last_line), (*focus.lines.end()).min(last_line));
    let around = |lines: usize| first.saturating_sub(lines)..=(last + lines).min(last_line);
    let place = text::line_to_char(rope, first) + syntax_column(snapshot, first);
    let scopes = syntax::enclosing_scopes(snapshot, place);
    let whole = |kind: ScopeKind| scopes.iter().find(|scope| scope.kind == kind).map(|scope| scope.lines(rope));

    let mut candidates = Vec::new();
    if let Some((start, end)) = whole(ScopeKind::Function) {
        candidates.push((start..=end.max(last), "the function around it"));
    } else if let Some((start, end)) = whole(ScopeKind::Type) {
        candidates.push((start..=end.max(last), "the type around it"));
    }
    candidates.extend([LINES_AROUND, 3, 0].map(|lines| (around(lines), "the lines around it")));
    if last_line < WHOLE_FILE_LINES {
        candidates.insert(0, (0..=last_line, "the file"));
    }
    let limit = gathering.left * 2 / 3;
    for (lines, why) in candidates {
        let shown = numbered(snapshot, &lines, Some(&(first..=last)));
        if gathering.counter.count(&shown) <= limit {
            let path = own_path(snapshot, workspace);
            let whole = (lines.start() + 1, lines.end() + 1);
            gathering.take(Piece { path, lines: whole, text: shown, why: why.to_owned() });
            return lines;
        }
    }
    first..=last
}

/// Column of the first character of `line` that is not space: the place whose scopes are those of the line's code.
fn syntax_column(snapshot: &Snapshot, line: usize) -> usize {
    let content = text::line_content(snapshot.rope(), line);
    let indent = content.chars().take_while(|ch| ch.is_whitespace()).count();
    (indent + 1).min(content.len_chars())
}

/// Names in the message's backticks or quotes first, then those on the lines, then all others in the message.
fn names_of(focus: &Focus) -> Vec<String> {
    let rope = focus.snapshot.rope();
    let start = text::line_to_char(rope, *focus.lines.start());
    let end = text::line_to_char(rope, focus.lines.end().saturating_add(1));
    let words = |text: &str| -> Vec<String> {
        let words = text.split(|ch: char| ch != '_' && !ch.is_alphanumeric());
        words.filter(|word| word.len() > 1 && !word.starts_with(char::is_numeric)).map(str::to_owned).collect()
    };
    let quoted = focus.message.split(['`', '\'', '"']).skip(1).step_by(2);
    let mut names: Vec<String> = quoted.flat_map(words).collect();
    names.extend(symbols::identifiers(&focus.snapshot, start..end));
    names.extend(words(&focus.message));
    let mut seen = HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

fn show_imports(
    focus: &Focus,
    workspace: Option<&Workspace>,
    shown: &RangeInclusive<usize>,
    names: &[String],
    gathering: &mut Gathering<'_>,
) {
    for (first, last) in symbols::import_lines(&symbols::imports(&focus.snapshot)) {
        let text = text::lines(focus.snapshot.rope(), first, last);
        let used =
            text.split(|ch: char| ch != '_' && !ch.is_alphanumeric()).any(|word| names.iter().any(|name| name == word));
        if used && !shown.contains(&first) {
            let path = own_path(&focus.snapshot, workspace);
            let text = numbered(&focus.snapshot, &(first..=last), None);
            gathering.take(Piece { path, lines: (first + 1, last + 1), text, why: "an import it uses".to_owned() });
        }
    }
}

fn show_definition(
    focus: &Focus,
    workspace: Option<&Workspace>,
    shown: &RangeInclusive<usize>,
    name: &str,
    gathering: &mut Gathering<'_>,
) {
    let own = focus.snapshot.definitions();
    let same_file: Vec<usize> = (0..own.len()).filter(|&index| own[index].name == name).collect();
    if !same_file.is_empty() {
        for index in same_file.into_iter().take(MOST_PLACES) {
            if !shown.contains(&own[index].lines.0) {
                gathering.take(piece_of(own_path(&focus.snapshot, workspace), own, index, PIECE_LINES));
            }
        }
        return;
    }
    let Some(workspace) = workspace else { return };
    let own_file = focus.snapshot.path().unwrap_or(Path::new(""));
    let mut places = resolve(workspace, own_file, &symbols::imports(&focus.snapshot), name);
    if places.is_empty() {
        places = workspace.find(name);
    }
    places.retain(|found| found.file.path != own_file);
    if places.iter().any(|found| !is_plain_member(found.definition())) {
        places.retain(|found| !is_plain_member(found.definition()));
    }
    if places.len() <= MOST_PLACES {
        for found in &places {
            let path = workspace.display_path(&found.file.path);
            gathering.take(piece_of(path, &found.file.definitions, found.index, PIECE_LINES));
        }
    }
}

#[cfg(test)]
mod tests;

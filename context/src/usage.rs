//! What else a question about code needs: who calls the code at a place, which tests cover it, and what a search finds
//! for the rest.
//!
//! Files are read from disk here, so everything has a deadline; what is not ready by then is left out. A file that has
//! changed since it was indexed is passed over: its lines are not where the index says.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use halfline_grammars::TagKind;

use crate::budget::TokenCounter;
use crate::completion::{Piece, container_type, is_plain_member, own_path, shared_parents};
use crate::debugging::{Focus, numbered};
use crate::document::Snapshot;
use crate::resolve::has_word;
use crate::retrieval::{By, SearchOptions, is_test, search};
use crate::symbols::{self, Definition};
use crate::text;
use crate::workspace::{FileSymbols, Workspace, read_text};

/// Files that are read for callers and tests.
const MOST_FILES: usize = 40;
/// Callers, and tests, that are shown.
const MOST_CALLERS: usize = 3;
const MOST_TESTS: usize = 2;
/// Lines of a test that are shown.
const TEST_LINES: usize = 16;
/// Lines shown above and below a call.
const AROUND_CALL: usize = 2;
/// Places that a search adds, and lines of each.
const MOST_RELATED: usize = 4;
const RELATED_LINES: usize = 16;
/// A place with less of the best one's score than this has little to do with the question.
const LEAST_SHARE: f32 = 0.4;

/// The definition around a place: what the place belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Its name.
    pub name: String,
    /// First and last line of all of it, from 0.
    pub lines: (usize, usize),
    /// Where it stands: the first line of the type or implementation around it.
    container: Option<String>,
    /// Whether it can only be reached through a value or a type.
    is_member: bool,
}

/// The innermost function or type around `line` (from 0).
pub fn subject(snapshot: &Snapshot, line: usize) -> Option<Subject> {
    let around = snapshot.definitions().iter().filter(|one| {
        one.lines.0 <= line && line <= one.lines.1 && !matches!(one.kind, TagKind::Field | TagKind::Module)
    });
    around.min_by_key(|one| one.lines.1 - one.lines.0).map(|one| Subject {
        name: one.name.clone(),
        lines: one.lines,
        container: one.container.clone(),
        is_member: is_plain_member(one),
    })
}

/// The places that use the definition around `focus`: tests of it, then callers, in at most `tokens` tokens, without
/// what `shown` has already.
pub fn gather_usage(
    focus: &Focus,
    shown: &[Piece],
    tokens: usize,
    counter: &dyn TokenCounter,
    workspace: &Workspace,
    deadline: Instant,
) -> Vec<Piece> {
    let Some(subject) = subject(&focus.snapshot, *focus.lines.start()) else { return Vec::new() };
    let own_file = focus.snapshot.path().unwrap_or(Path::new(""));
    let mut files = workspace.mentions(&subject.name);
    let owner = subject.container.as_deref().and_then(container_type);
    // A method's name alone says little: who calls it names its type as well, as a rule.
    files.retain(|file| {
        file.path == own_file
            || (file.is_kin_of(focus.snapshot.language())
                && owner.as_ref().is_none_or(|owner| !subject.is_member || file.mentions(owner)))
    });
    files.sort_by_key(|file| (file.path != own_file, std::cmp::Reverse(shared_parents(own_file, &file.path))));
    let (mut tests, mut callers) = (Vec::new(), Vec::new());
    for file in files.iter().take(MOST_FILES) {
        if Instant::now() > deadline || tests.len() >= 4 * MOST_TESTS && callers.len() >= MOST_CALLERS {
            break;
        }
        let snapshot = match file.path == own_file {
            true => focus.snapshot.clone(),
            false => match read(workspace, file) {
                Some(snapshot) => snapshot,
                None => continue,
            },
        };
        let is_own = file.path == own_file;
        for user in users(workspace, &snapshot, &subject, is_own) {
            if user.is_test { tests.push(user) } else { callers.push(user) }
        }
    }
    // A test that is called after what it tests covers it best.
    tests.sort_by_key(|test| !test.name.to_lowercase().contains(&subject.name.to_lowercase()));
    let mut shelf = Shelf { counter, left: tokens, shown, pieces: Vec::new() };
    let mut taken = 0;
    for test in tests {
        taken += usize::from(taken < MOST_TESTS && shelf.take(test.piece));
    }
    taken = 0;
    for caller in callers {
        taken += usize::from(taken < MOST_CALLERS && shelf.take(caller.piece));
    }
    shelf.pieces
}

/// The places that a search finds for `question`, in at most `tokens` tokens, without what `shown` has already.
pub fn gather_related(
    question: &str,
    shown: &[Piece],
    tokens: usize,
    counter: &dyn TokenCounter,
    workspace: &Workspace,
    deadline: Instant,
) -> Vec<Piece> {
    let mut shelf = Shelf { counter, left: tokens, shown, pieces: Vec::new() };
    let options = SearchOptions { limit: 2 * MOST_RELATED, per_file: 1, by: By::Both, ..SearchOptions::default() };
    let hits = search(workspace, question, &options).hits;
    let least = hits.first().map_or(0.0, |hit| hit.score * LEAST_SHARE);
    for hit in hits.iter().filter(|hit| hit.score >= least && !hit.stale) {
        if shelf.pieces.len() >= MOST_RELATED || Instant::now() > deadline {
            break;
        }
        let (path, lines) = (workspace.root().join(&hit.path), (hit.lines.0 - 1, hit.lines.1 - 1));
        let in_editor = workspace.lines_in_editor(&path, lines);
        let on_disk = || Some((read(workspace, &workspace.file(&path)?)?, lines));
        let Some((snapshot, lines)) = in_editor.or_else(on_disk) else { continue };
        let lines = best_window(&snapshot, question, lines);
        let what = hit.symbol.as_ref().map(|symbol| format!(", {symbol}")).unwrap_or_default();
        shelf.take(Piece {
            path: hit.path.clone(),
            lines: (lines.0 + 1, lines.1 + 1),
            text: numbered(&snapshot, &(lines.0..=lines.1), None),
            why: format!("found by searching{what}"),
        });
    }
    shelf.pieces
}

/// A place that uses the subject.
struct User {
    piece: Piece,
    /// The definition that it stands in.
    name: String,
    is_test: bool,
}

/// The first use of the subject in each definition of a file.
fn users(workspace: &Workspace, snapshot: &Snapshot, subject: &Subject, is_own: bool) -> Vec<User> {
    let path = own_path(snapshot, Some(workspace));
    let rope = snapshot.rope();
    let definitions = snapshot.definitions();
    let imports = symbols::import_lines(&symbols::imports(snapshot));
    let comment = snapshot.language().and_then(|language| language.line_comment());
    let mut found: Vec<User> = Vec::new();
    let mut last: Option<(usize, usize)> = None;
    for line in 0..rope.len_lines() {
        let is_inside = is_own && subject.lines.0 <= line && line <= subject.lines.1;
        let is_import = imports.iter().any(|(first, last)| (*first..=*last).contains(&line));
        let content = text::line_content(rope, line).to_string();
        let is_comment = comment.is_some_and(|mark| content.trim_start().starts_with(mark));
        if is_inside || is_import || is_comment || !has_word(&content, &subject.name) {
            continue;
        }
        let Some(around) = function_around(definitions, line) else { continue };
        // Another definition of the same name is no use of this one.
        if around.name == subject.name || last.replace(around.lines) == Some(around.lines) {
            continue;
        }
        let is_test = is_test(&path)
            || around.name.starts_with("test")
            || definitions.iter().any(|one| {
                one.kind == TagKind::Module && one.name == "tests" && one.lines.0 <= line && line <= one.lines.1
            });
        let (first, end) = match is_test {
            true => {
                let first = around.lines.0.max(line.saturating_sub(TEST_LINES - 2));
                (first, around.lines.1.min(first + TEST_LINES - 1))
            }
            false => (line.saturating_sub(AROUND_CALL).max(around.lines.0), (line + AROUND_CALL).min(around.lines.1)),
        };
        let why = match is_test {
            true => format!("a test of {}", subject.name),
            false => format!("{} uses {}", around.name, subject.name),
        };
        let marked = (!is_test).then_some(line..=line);
        let text = numbered(snapshot, &(first..=end), marked.as_ref());
        let piece = Piece { path: path.clone(), lines: (first + 1, end + 1), text, why };
        found.push(User { piece, name: around.name.clone(), is_test });
    }
    found
}

/// The innermost function around `line`, or else the innermost definition that is no module.
fn function_around(definitions: &[Definition], line: usize) -> Option<&Definition> {
    let around = definitions.iter().filter(|one| one.lines.0 <= line && line <= one.lines.1);
    let around: Vec<&Definition> =
        around.filter(|one| !matches!(one.kind, TagKind::Module | TagKind::Field | TagKind::Constant)).collect();
    around.into_iter().min_by_key(|one| one.lines.1 - one.lines.0)
}

/// Of the lines of a hit, the stretch with most of the question's words.
fn best_window(snapshot: &Snapshot, question: &str, (first, last): (usize, usize)) -> (usize, usize) {
    let rope = snapshot.rope();
    let last = last.min(rope.len_lines().saturating_sub(1));
    if last < first + RELATED_LINES {
        return (first, last);
    }
    let words = crate::retrieval::tokens::words(question);
    let scores: Vec<usize> = (first..=last)
        .map(|line| {
            let mut found = crate::retrieval::tokens::words(&text::line_content(rope, line).to_string());
            found.sort_unstable();
            found.dedup();
            found.iter().filter(|word| word.len() > 2 && words.contains(word)).count()
        })
        .collect();
    let best = (0..=scores.len() - RELATED_LINES)
        .max_by_key(|&start| (scores[start..start + RELATED_LINES].iter().sum::<usize>(), std::cmp::Reverse(start)))
        .unwrap_or_default();
    (first + best, first + best + RELATED_LINES - 1)
}

/// What there is room for.
struct Shelf<'a> {
    counter: &'a dyn TokenCounter,
    left: usize,
    shown: &'a [Piece],
    pieces: Vec<Piece>,
}

impl Shelf<'_> {
    /// Keeps `piece` if it fits and shows what nothing shows yet; says whether it did.
    fn take(&mut self, piece: Piece) -> bool {
        let cost = self.counter.count(&piece.text);
        let overlaps = |other: &Piece| {
            other.path == piece.path && other.lines.0 <= piece.lines.1 && piece.lines.0 <= other.lines.1
        };
        let fits = cost <= self.left && !self.shown.iter().chain(&self.pieces).any(overlaps);
        if fits {
            self.left -= cost;
            self.pieces.push(piece);
        }
        fits
    }
}

/// The file as it is in the editor, or as it was indexed.
fn read(workspace: &Workspace, file: &Arc<FileSymbols>) -> Option<Snapshot> {
    if let Some(snapshot) = workspace.open_text(&file.path) {
        return Some(snapshot);
    }
    let text = read_text(&file.path).ok()?;
    (!Workspace::is_stale(file)).then(|| Snapshot::of_text(Some(file.path.clone()), &text))
}

#[cfg(test)]
mod tests;

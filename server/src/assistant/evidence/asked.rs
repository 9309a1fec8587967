//! Evidence for a free question: what the user points at, what the question names, then who uses that and what a search finds.

use std::time::Instant;

use halfline_context::debugging::numbered;
use halfline_context::{Focus, Piece, Snapshot, TokenCounter, gather_debugging, gather_related, gather_usage};

use super::items::{code_item, map_of_workspace, output_item};
use super::{
    About, AssistantError, FEWEST_TOKENS, Gathered, Place, SURROUNDINGS_TIME, Sources, Task, cost, frames, own_path,
};

/// Lines of a definition that a question without files names.
const DEFINITION_LINES: usize = 40;
/// Definitions that a question without files may bring in.
const MOST_DEFINITIONS: usize = 4;
/// Of the evidence budget, what a search may add to a question at least: one over this.
const SEARCH_SHARE: usize = 3;

/// What is known once the code that a question points at has been read.
pub(super) struct Pointed {
    pub(super) gathered: Gathered,
    question: String,
    /// The code pointed at, and whether that is more than a whole file.
    focuses: Vec<(Focus, bool)>,
    shown: Vec<Piece>,
    /// Files that the question names, as pieces of them have it.
    asked: Vec<String>,
    left: usize,
}

/// What `question` points at, in at most `tokens`.
pub(super) fn pointed(
    sources: &Sources,
    tokens: usize,
    counter: &dyn TokenCounter,
    question: String,
    about: &About,
) -> Result<Pointed, AssistantError> {
    let started = Instant::now();
    sources.refresh();
    let refreshed = started.elapsed();
    let About { files, symbols, outputs } = about;
    let mut focuses = Vec::new();
    for file in files {
        let snapshot = sources.read(&file.path)?;
        let lines = file.lines.clone().unwrap_or(0..=snapshot.rope().len_lines().saturating_sub(1));
        focuses.push((Focus { snapshot, lines, message: question.clone() }, file.lines.is_some()));
    }
    // A trace in the question points at code as well as a person does.
    focuses.extend(frames::of(sources, &question).into_iter().map(|focus| (focus, true)));
    let share = tokens / (focuses.len() + outputs.len() + usize::from(!symbols.is_empty())).max(1);
    let task = Task::Answer(question.clone());
    let mut gathered = Gathered { task, items: Vec::new(), files: Vec::new(), diagnostics: Vec::new() };
    gathered.items.extend(outputs.iter().map(|output| output_item(output, share, counter)));
    let mut left = tokens.saturating_sub(gathered.items.iter().map(|item| counter.count(&item.text)).sum());
    let mut shown: Vec<Piece> = Vec::new();
    for (focus, _) in &focuses {
        shown.extend(gather_debugging(focus, share, counter, Some(&sources.workspace)));
        gathered.files.push(focus.snapshot.clone());
    }
    drop_covered(&mut shown);
    left = left.saturating_sub(cost(&shown, counter));
    let plain = Snapshot::of_text(None, "");
    let mut asked: Vec<String> = focuses.iter().map(|(focus, _)| own_path(sources, &focus.snapshot)).collect();
    let file_of = |piece: &Piece| {
        let at = asked.iter().position(|path| *path == piece.path).unwrap_or(0);
        focuses.get(at).map_or(&plain, |(focus, _)| &focus.snapshot)
    };
    gathered.items.extend(shown.iter().map(|piece| code_item(piece.clone(), file_of(piece), &asked)));
    let named = match (symbols.is_empty(), focuses.is_empty() && outputs.is_empty()) {
        (false, _) => definitions_named(sources, share, counter, &symbols.join(" ")),
        (true, true) => definitions_named(sources, tokens - tokens / SEARCH_SHARE, counter, &question),
        (true, false) => Vec::new(),
    };
    for (piece, snapshot) in named {
        left = left.saturating_sub(counter.count(&piece.text));
        let lines = piece.lines.0 - 1..=piece.lines.1 - 1;
        shown.push(piece.clone());
        asked.push(piece.path.clone());
        gathered.items.push(code_item(piece, &snapshot, &asked));
        focuses.push((Focus { snapshot: snapshot.clone(), lines, message: String::new() }, true));
        gathered.files.push(snapshot);
    }
    tracing::debug!(?refreshed, whole = ?started.elapsed(), "read what a question points at");
    Ok(Pointed { gathered, question, focuses, shown, asked, left })
}

/// Adds what else might be meant, and says whose history is of interest.
pub(super) fn around(
    sources: &Sources,
    tokens: usize,
    counter: &dyn TokenCounter,
    pointed: Pointed,
) -> (Gathered, Option<Place>) {
    let started = Instant::now();
    let Pointed { mut gathered, question, focuses, mut shown, asked, mut left } = pointed;
    let plain = Snapshot::of_text(None, "");
    // Only lines that someone points at have callers and a history; a whole file has too many.
    let pointed = focuses.iter().find(|(_, is_narrow)| *is_narrow).map(|(focus, _)| focus);
    let deadline = Instant::now() + SURROUNDINGS_TIME;
    let mut more = Vec::new();
    if let Some(focus) = pointed.filter(|_| left >= 2 * FEWEST_TOKENS) {
        more = gather_usage(focus, &shown, left / 2, counter, &sources.workspace, deadline);
        left = left.saturating_sub(cost(&more, counter));
        shown.extend(more.iter().cloned());
    }
    if left >= FEWEST_TOKENS {
        let related = gather_related(&question, &shown, left, counter, &sources.workspace, deadline);
        left = left.saturating_sub(cost(&related, counter));
        more.extend(related);
    }
    gathered.items.extend(more.into_iter().map(|piece| code_item(piece, &plain, &asked)));
    if gathered.items.is_empty() {
        gathered.items.extend(map_of_workspace(sources, tokens / 2, counter));
    }
    tracing::debug!(whole = ?started.elapsed(), "read what else a question may be about");
    let place = pointed.map(|focus| Place::new(focus, left));
    (gathered, place)
}

/// Leaves out what other pieces show with more around it: frames of one trace lie in each other's files.
fn drop_covered(pieces: &mut Vec<Piece>) {
    let all = pieces.clone();
    let size = |piece: &Piece| piece.lines.1 - piece.lines.0;
    let covers = |other: &Piece, piece: &Piece| {
        other.path == piece.path
            && other.lines.0 <= piece.lines.0
            && piece.lines.1 <= other.lines.1
            && size(other) > size(piece)
    };
    let mut index = 0;
    pieces.retain(|piece| {
        index += 1;
        !all.iter().any(|other| covers(other, piece)) && !all[..index - 1].contains(piece)
    });
}

/// The code of definitions whose names the question contains, in at most `tokens`.
fn definitions_named(
    sources: &Sources,
    tokens: usize,
    counter: &dyn TokenCounter,
    question: &str,
) -> Vec<(Piece, Snapshot)> {
    let mut left = tokens;
    let mut named = Vec::new();
    let words = question.split(|ch: char| ch != '_' && !ch.is_alphanumeric()).filter(|word| word.len() > 2);
    for found in words.flat_map(|word| sources.workspace.find(word)).take(MOST_DEFINITIONS) {
        let Ok(snapshot) = sources.read(&found.file.path) else { continue };
        let (first, last) = found.definition().lines;
        let last = last.min(first + DEFINITION_LINES - 1);
        let piece = Piece {
            path: sources.workspace.display_path(&found.file.path),
            lines: (first + 1, last + 1),
            text: numbered(&snapshot, &(first..=last), None),
            why: format!("definition of {}", found.definition().name),
        };
        let cost = counter.count(&piece.text);
        let is_known =
            named.iter().any(|(known, _): &(Piece, Snapshot)| (&known.path, known.lines) == (&piece.path, piece.lines));
        if cost <= left && !is_known {
            left -= cost;
            named.push((piece, snapshot));
        }
    }
    named
}

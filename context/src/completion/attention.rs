//! What the person has just been busy with: places edited a moment ago, and what is wrong beside the cursor.

use super::{Piece, Window, own_path};
use crate::document::Snapshot;
use crate::text;
use crate::workspace::{Workspace, is_secret};

/// Lines shown above and below a line that was edited.
const AROUND_EDIT: usize = 3;
/// Places of edits that are shown.
const MOST_EDITS: usize = 3;
/// A problem so many lines from the cursor is beside it.
const BESIDE: usize = 2;
const MOST_PROBLEMS: usize = 3;
/// Characters of one problem's message.
const MESSAGE_CHARS: usize = 160;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Attention {
    /// Texts and the lines (from 0) where they were edited, the latest first.
    pub edits: Vec<(Snapshot, usize)>,
    /// What the editor says is wrong with the text: line, from 0, and message.
    pub problems: Vec<(usize, String)>,
}

impl Attention {
    /// The places that were edited and that the window does not show, the latest first.
    pub(super) fn edited(&self, window: &Window<'_>, workspace: Option<&Workspace>) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = Vec::new();
        // A person may write into files that are never read otherwise.
        let may_be_shown = |snapshot: &Snapshot| snapshot.path().is_some_and(|path| !is_secret(path));
        for (snapshot, line) in self.edits.iter().filter(|(snapshot, _)| may_be_shown(snapshot)) {
            let is_own = snapshot.path() == window.snapshot.path();
            let last_line = snapshot.rope().len_lines() - 1;
            let (first, last) = (line.saturating_sub(AROUND_EDIT), (line + AROUND_EDIT).min(last_line));
            let path = own_path(snapshot, workspace);
            let is_known = |piece: &Piece| piece.path == path && piece.lines.0 <= last + 1 && first < piece.lines.1;
            if (is_own && window.shows_line(*line)) || pieces.iter().any(is_known) {
                continue;
            }
            let text = text::lines(snapshot.rope(), first, last).trim_end().to_owned();
            if !text.trim().is_empty() {
                pieces.push(Piece { path, lines: (first + 1, last + 1), text, why: "edited a moment ago".to_owned() });
            }
        }
        pieces.truncate(MOST_EDITS);
        pieces
    }

    /// What is wrong beside the cursor.
    pub(super) fn wrong(&self, window: &Window<'_>, workspace: Option<&Workspace>) -> Option<Piece> {
        let here = window.snapshot.rope().char_to_line(window.cursor);
        let beside: Vec<_> = self.problems.iter().filter(|(line, _)| line.abs_diff(here) <= BESIDE).collect();
        let (first, last) = (beside.iter().map(|one| one.0).min()?, beside.iter().map(|one| one.0).max()?);
        let comment = window.snapshot.language().and_then(|language| language.line_comment()).unwrap_or("#");
        let line = |(line, message): &&(usize, String)| {
            let message: String = message.lines().next().unwrap_or_default().chars().take(MESSAGE_CHARS).collect();
            format!("{comment} line {}: {message}", line + 1)
        };
        Some(Piece {
            path: own_path(window.snapshot, workspace),
            lines: (first + 1, last + 1),
            text: beside.iter().take(MOST_PROBLEMS).map(line).collect::<Vec<_>>().join("\n"),
            why: "what is wrong beside the cursor".to_owned(),
        })
    }
}

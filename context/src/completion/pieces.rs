//! The lines from elsewhere that a completion depends on: which, in which order, and why.
//!
//! The members of what stands before the dot come first, then what is wrong beside the cursor and what was edited. Other
//! candidates are names with a weight: the callee of the open call, what the file imports and does not use yet, names near the cursor, then the other imports. Each name leads to definitions, through the
//! imports where they say so. The heaviest that fit the budget are shown, ordered by how long they last and by place and
//! not by weight: what is shown above the prefix should change as rarely as possible while one types.

use std::cell::OnceCell;
use std::collections::HashSet;
use std::path::Path;
use std::time::Instant;

use halfline_grammars::TagKind;
use rustc_hash::FxBuildHasher;

use super::attention::Attention;
use super::expression::{is_word, last_word, open_call};
use super::members::{Members, Whose};
use super::typing::{File, Typing};
use super::{Piece, Window, is_plain_member, own_path, piece_of};
use super::{declarations, similar};
use crate::budget::TokenCounter;
use crate::resolve::{Reach, resolve_module, resolve_within};
use crate::retrieval::is_test;
use crate::symbols::{self, Definition, Import};
use crate::text;
use crate::workspace::{FileSymbols, Found, Workspace};

/// A name defined in more places than this says nothing.
const MOST_PLACES: usize = 3;
/// Of the budget, the part that imports may take: one over this.
const IMPORTS_SHARE: usize = 3;
/// The same for one place that was edited, and for what is wrong beside the cursor.
const EDITS_SHARE: usize = 4;
const PROBLEMS_SHARE: usize = 4;
/// The same for code that is like what is being written.
const SIMILAR_SHARE: usize = 2;
/// Names that are looked up for one completion.
const MOST_NAMES: usize = 80;
/// Lines of one definition that a piece shows.
const PIECE_LINES: usize = 10;
/// Of the budget, the part that the members of what stands before the dot may take: one over this.
const MEMBERS_SHARE: usize = 2;
/// Lines above the cursor, and half as many below, that tell which members matter.
const NEAR_LINES: usize = 8;
/// Tokens of the line that names a piece's file.
const PATH_TOKENS: usize = 10;

/// A name, how much it matters, and why.
struct Candidate {
    name: String,
    weight: f32,
    why: Why,
}

#[derive(Clone, Copy, PartialEq)]
enum Why {
    Call,
    Unused,
    Near,
    Imported,
    Returned,
}

/// How soon a piece gives way to another: what is computed for a prompt can be used again up to the first thing that has
/// changed, so that what changes soonest stands last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Lasts {
    /// As long as the names around the cursor.
    Long,
    /// As long as the line that is written.
    ALine,
    /// Until the next edit or diagnostic.
    AMoment,
}

const CALL_WEIGHT: f32 = 10.0;
const UNUSED_WEIGHT: f32 = 6.0;
const NEAR_WEIGHT: f32 = 5.0;
const NEAR_STEP: f32 = 0.1;
const RETURNED_WEIGHT: f32 = 2.0;
const IMPORTED_WEIGHT: f32 = 1.0;

/// Whether an expression, and with it a name, may start after `before`, the start of a line.
fn starts_name(before: &str) -> bool {
    const WORDS: [&str; 13] =
        ["return", "in", "not", "and", "or", "if", "elif", "while", "await", "raise", "yield", "except", "with"];
    let text = before.trim_end();
    match text.chars().next_back() {
        None => true,
        Some(ch) if is_word(ch) => {
            text.len() < before.len() && last_word(text).is_some_and(|word| WORDS.contains(&word))
        }
        Some(ch) => "=([{,:!&|<>+-*/".contains(ch) && !text.ends_with("::"),
    }
}

/// The names of the imports that stand in the file's code outside of these.
fn used_names(window: &Window<'_>, imports: &[Import]) -> HashSet<String> {
    let rope = window.snapshot.rope();
    let mut unseen: HashSet<&str, FxBuildHasher> = imports.iter().map(|import| import.name.as_str()).collect();
    let mut used = HashSet::new();
    let mut start = 0;
    let lines = symbols::import_lines(imports);
    for (first, end) in lines.iter().map(|(first, last)| (*first, last + 1)).chain([(rope.len_lines(), 0)]) {
        let stop = text::line_to_char(rope, first);
        if start < stop {
            let slice = rope.slice(start..stop).to_string();
            for word in slice.split(|ch: char| !is_word(ch)) {
                used.extend(unseen.take(word).map(str::to_owned));
            }
        }
        start = text::line_to_char(rope, end).max(start);
    }
    used
}

fn hidden_imports(window: &Window<'_>, own_path: &str, imports: &[Import]) -> Option<Piece> {
    let places = symbols::import_lines(imports);
    let hidden: Vec<_> = places.iter().filter(|(_, last)| !window.shows_line(*last)).collect();
    let (first, last) = (hidden.first()?, hidden.last()?);
    let lines = hidden.iter().map(|(first, last)| text::lines(window.snapshot.rope(), *first, *last));
    Some(Piece {
        path: own_path.to_owned(),
        lines: (first.0 + 1, last.1 + 1),
        text: lines.collect::<String>().trim_end().to_owned(),
        why: "imports of this file".to_owned(),
    })
}

/// What a name led to: something to show, and the types that it returns.
#[derive(Default)]
struct Lead {
    piece: Option<Piece>,
    returns: Vec<String>,
}

/// Finds definitions for the names of one window.
pub(super) struct Finder<'a> {
    window: &'a Window<'a>,
    workspace: Option<&'a Workspace>,
    imports: &'a [Import],
    own_path: String,
    typing: &'a Typing<'a>,
    /// What stands before the dot, and its members.
    members: Option<&'a (Members, Whose)>,
    /// The imports whose names stand in the file's other code, once somebody asks.
    uses: OnceCell<HashSet<String>>,
}

impl<'a> Finder<'a> {
    pub(super) fn new(
        window: &'a Window<'a>,
        typing: &'a Typing<'a>,
        members: Option<&'a (Members, Whose)>,
    ) -> Finder<'a> {
        let own_path = own_path(window.snapshot, typing.workspace);
        Finder {
            window,
            workspace: typing.workspace,
            imports: typing.imports,
            own_path,
            typing,
            members,
            uses: OnceCell::new(),
        }
    }

    /// The pieces for the window, each with its rank, in at most `tokens` tokens, ready by `deadline`.
    pub(super) fn gather(
        &self,
        attention: &Attention,
        tokens: usize,
        counter: &dyn TokenCounter,
        deadline: Instant,
    ) -> Vec<(usize, Piece)> {
        let window = self.window;
        let mut shelf = Shelf { counter, left: tokens, pieces: Vec::new(), own_path: &self.own_path };
        if let Some(piece) = hidden_imports(window, &self.own_path, self.imports) {
            shelf.take(Lasts::Long, piece, tokens / IMPORTS_SHARE);
        }
        if let Some(piece) = self.members_piece(tokens / MEMBERS_SHARE, counter) {
            shelf.take(Lasts::ALine, piece, tokens);
        }
        if let Some(piece) = attention.wrong(window, self.workspace) {
            shelf.take(Lasts::AMoment, piece, tokens / PROBLEMS_SHARE);
        }
        for piece in attention.edited(window, self.workspace) {
            shelf.take(Lasts::AMoment, piece, tokens / EDITS_SHARE);
        }
        let mut candidates = self.candidates();
        let mut done = HashSet::new();
        let mut next = 0;
        let mut similar = Some(|| similar::similar_code(window, &self.own_path, self.workspace, deadline));
        while next < candidates.len().min(MOST_NAMES) && Instant::now() <= deadline {
            let Candidate { name, weight, why } = &candidates[next];
            // What is called here and whose members may follow comes before code that is only alike.
            if *weight <= UNUSED_WEIGHT
                && let Some(similar) = similar.take()
            {
                shelf.take_first(similar(), tokens / SIMILAR_SHARE);
            }
            next += 1;
            if !done.insert(name.clone()) {
                continue;
            }
            let (weight, why) = (*weight, *why);
            let mut follow = Vec::new();
            for found in self.pieces(name, why) {
                follow.extend(found.returns);
                if let Some(piece) = found.piece {
                    shelf.take(Lasts::Long, piece, tokens);
                }
            }
            // What a function returns is what the next line works with.
            if weight > RETURNED_WEIGHT {
                let at = candidates.partition_point(|candidate| candidate.weight >= RETURNED_WEIGHT).max(next);
                let returned =
                    follow.into_iter().map(|name| Candidate { name, weight: RETURNED_WEIGHT, why: Why::Returned });
                candidates.splice(at..at, returned);
            }
        }
        if let Some(similar) = similar {
            shelf.take_first(similar(), tokens / SIMILAR_SHARE);
        }
        shelf.in_order()
    }

    /// What may follow the dot before the cursor.
    fn members_piece(&self, tokens: usize, counter: &dyn TokenCounter) -> Option<Piece> {
        let (members, whose) = self.members.as_ref()?;
        let (path, lines, title) = match whose {
            Whose::Type(place) => {
                let definition = self.typing.definition(place);
                let path = match &place.file {
                    File::Own if self.shows_all(definition) => return None,
                    File::Own => self.own_path.clone(),
                    File::Other(file) => self.workspace?.display_path(&file.path),
                };
                let title = definition.signature.lines().find(|line| line.contains(&definition.name))?;
                (path, (definition.lines.0 + 1, definition.lines.1 + 1), title)
            }
            Whose::Module(file) => (self.workspace?.display_path(&file.path), (1, file.lines), ""),
        };
        let rope = self.window.snapshot.rope();
        let line = rope.char_to_line(self.window.cursor);
        let around = text::lines(rope, line.saturating_sub(NEAR_LINES), line + NEAR_LINES / 2);
        let comment = self.window.snapshot.language().and_then(|language| language.line_comment()).unwrap_or("#");
        let text = members.text(title, &around, comment, tokens, counter, self.workspace);
        Some(Piece { path, lines, text, why: format!("members of {}, which may follow", members.of) })
    }

    fn uses(&self) -> &HashSet<String> {
        self.uses.get_or_init(|| used_names(self.window, self.imports))
    }

    /// The names that are imported and not used, where a name may start, without what is typed of them.
    pub(super) fn unused(&self) -> Option<Vec<String>> {
        let line = self.window.typed();
        let before = line.trim_end_matches(is_word);
        let typed = &line[before.len()..];
        if !starts_name(before) {
            return None;
        }
        let uses = self.uses();
        let bound = self.imports.iter().filter(|import| import.name.len() > 1 && !import.path.is_empty());
        let unused = bound.filter(|import| !uses.contains(&import.name));
        let names: Vec<String> =
            unused.filter_map(|import| import.name.strip_prefix(typed)).map(str::to_owned).collect();
        (!names.is_empty()).then_some(names)
    }

    fn candidates(&self) -> Vec<Candidate> {
        let mut found = Vec::new();
        let mut add = |name: &str, weight, why| found.push(Candidate { name: name.to_owned(), weight, why });
        if let Some(callee) = open_call(&self.window.typed()) {
            add(callee, CALL_WEIGHT, Why::Call);
        }
        for (index, name) in self.window.names().iter().enumerate() {
            add(name, NEAR_WEIGHT - index as f32 * NEAR_STEP, Why::Near);
        }
        let uses = self.uses();
        for import in self.imports.iter().filter(|import| import.name.len() > 1 && !import.path.is_empty()) {
            match uses.contains(&import.name) {
                false => add(&import.name, UNUSED_WEIGHT, Why::Unused),
                true => add(&import.name, IMPORTED_WEIGHT, Why::Imported),
            }
        }
        found.sort_by(|a, b| b.weight.total_cmp(&a.weight));
        found
    }

    fn pieces(&self, name: &str, why: Why) -> Vec<Lead> {
        let own = self.window.snapshot.definitions();
        let fits = |definition: &Definition| {
            definition.name == name
                && (!is_plain_member(definition) || (why == Why::Call && definition.kind == TagKind::Method))
        };
        if let Some(index) = own.iter().position(fits) {
            let definition = &own[index];
            let is_seen = self.window.shows_line(definition.lines.0);
            let piece = (!is_seen).then(|| piece_of(self.own_path.clone(), own, index, PIECE_LINES));
            return vec![Lead { piece: piece.map(|piece| explained(piece, why)), returns: returned(definition) }];
        }
        let Some(workspace) = self.workspace else { return Vec::new() };
        let found = self.elsewhere(workspace, name, why);
        let lead = |found: &Found| {
            let path = workspace.display_path(&found.file.path);
            let piece = piece_of(path, &found.file.definitions, found.index, PIECE_LINES);
            Lead { piece: Some(explained(piece, why)), returns: returned(found.definition()) }
        };
        let mut leads: Vec<Lead> = found.iter().map(lead).collect();
        if leads.is_empty() && why == Why::Unused {
            let own_file = self.window.snapshot.path().unwrap_or(Path::new(""));
            let module = resolve_module(workspace, own_file, self.imports, &[name.to_owned()]);
            leads.extend(
                module
                    .and_then(|file| module_outline(workspace, &file, PIECE_LINES))
                    .map(|piece| Lead { piece: Some(explained(piece, why)), returns: Vec::new() }),
            );
        }
        leads
    }

    /// The definition of `name` in other files that is meant here, if that can be told.
    fn elsewhere(&self, workspace: &Workspace, name: &str, why: Why) -> Vec<Found> {
        let own_file = self.window.snapshot.path().unwrap_or(Path::new(""));
        // What is merely near need not be looked up outside the workspace: its readers know it, and so does the model.
        let reach = if why == Why::Near { Reach::Workspace } else { Reach::Everywhere };
        let mut resolved = resolve_within(workspace, reach, own_file, self.imports, name);
        resolved.retain(|found| found.file.path != own_file);
        if !resolved.is_empty() {
            resolved.truncate(1);
            return resolved;
        }
        let language = self.window.snapshot.language();
        let is_python = language.is_some_and(|language| language.name() == "python");
        let follows = is_python || language.is_some_and(|language| language.name() == "rust");
        // An import that leads out of the workspace names something else than what is defined in it under that name.
        let is_own = |first: &String| matches!(first.as_str(), "crate" | "self" | "super") || first.starts_with('.');
        let is_foreign =
            |import: &Import| import.name == name && import.path.first().is_some_and(|first| !is_own(first));
        if follows && self.imports.iter().any(is_foreign) {
            return Vec::new();
        }
        let mut places = workspace.find_in_few(name);
        let is_test = is_test(&workspace.display_path(own_file));
        places.retain(|found| {
            let file = &found.file;
            found.definition().kind != TagKind::Field
                && file.path != own_file
                && file.is_kin_of(language)
                && (is_test || !self::is_test(&workspace.display_path(&file.path)))
        });
        let (members, tops): (Vec<Found>, Vec<Found>) =
            places.into_iter().partition(|found| is_plain_member(found.definition()));
        let nearest = |places: &[Found]| {
            places
                .iter()
                .rev()
                .max_by_key(|found| shared_parents(own_file, &found.file.path))
                .cloned()
                .into_iter()
                .collect()
        };
        // In Python what is not imported can only be reached through a value, whose type was seen elsewhere.
        let tops_count = if is_python && why != Why::Returned { 0 } else { tops.len() };
        match why {
            _ if (1..=MOST_PLACES).contains(&tops_count) => nearest(&tops),
            Why::Call if tops_count == 0 && members.len() <= MOST_PLACES => nearest(&members),
            Why::Near if tops_count == 0 && members.len() == 1 && name.contains('_') => members,
            _ => Vec::new(),
        }
    }

    /// Whether the window shows a definition to its end.
    fn shows_all(&self, definition: &Definition) -> bool {
        self.window.shows_line(definition.lines.0) && self.window.shows_line(definition.lines.1)
    }
}

/// The heads of what a module defines for others.
fn module_outline(workspace: &Workspace, file: &FileSymbols, most_lines: usize) -> Option<Piece> {
    let public = file.definitions.iter().filter(|definition| {
        definition.container.is_none() && !definition.name.starts_with('_') && definition.kind != TagKind::Constant
    });
    let heads =
        public.filter_map(|definition| definition.signature.lines().find(|line| line.contains(&definition.name)));
    let heads: Vec<&str> = heads.take(most_lines).collect();
    let name = file.path.file_stem()?.to_string_lossy();
    (!heads.is_empty()).then(|| Piece {
        path: workspace.display_path(&file.path),
        lines: (1, file.lines),
        text: heads.join("\n"),
        why: format!("outline of {name}"),
    })
}

/// The types that a definition leads to: what a function returns, what a field is.
fn returned(definition: &Definition) -> Vec<String> {
    let written = match definition.kind {
        TagKind::Function | TagKind::Method => declarations::returned(definition),
        TagKind::Field | TagKind::Constant => declarations::annotated(definition),
        _ => None,
    };
    written.map(declarations::type_words).unwrap_or_default()
}

fn explained(mut piece: Piece, why: Why) -> Piece {
    let reason = match why {
        Why::Call => ", which is being called",
        Why::Unused => ", imported and not used yet",
        Why::Near => ", named nearby",
        Why::Imported => ", imported",
        Why::Returned => ", returned by what is named nearby",
    };
    piece.why.push_str(reason);
    piece
}

/// How many directories two paths have in common from the start.
pub(crate) fn shared_parents(one: &Path, other: &Path) -> usize {
    one.components().zip(other.components()).take_while(|(a, b)| a == b).count()
}

/// The pieces chosen so far, and what is left of the budget.
struct Shelf<'a> {
    counter: &'a dyn TokenCounter,
    left: usize,
    pieces: Vec<(Lasts, Piece)>,
    own_path: &'a str,
}

impl Shelf<'_> {
    /// Keeps `piece` if it fits, costs at most `limit`, and says something new.
    fn take(&mut self, lasts: Lasts, piece: Piece, limit: usize) {
        if self.pieces.iter().any(|(_, other)| covers(other, &piece)) {
            return;
        }
        let is_headed = self.pieces.iter().any(|(known, other)| (known, &other.path) == (&lasts, &piece.path));
        let cost = self.counter.count(&piece.text) + if is_headed { 0 } else { PATH_TOKENS };
        if cost <= limit.min(self.left) {
            self.left -= cost;
            self.pieces.push((lasts, piece));
        }
    }

    /// Keeps the first of `pieces`, cut to what fits: up to half of its lines from the start, which are like those above
    /// the cursor, then from the end.
    fn take_first(&mut self, pieces: Vec<Piece>, limit: usize) {
        let Some(mut piece) = pieces.into_iter().next() else { return };
        let lines: Vec<&str> = piece.text.lines().collect();
        let (mut first, mut end) = (0, lines.len());
        while first < end && self.counter.count(&lines[first..end].join("\n")) + PATH_TOKENS > limit.min(self.left) {
            if first < lines.len() / 2 {
                first += 1;
            } else {
                end -= 1;
            }
        }
        piece.lines = (piece.lines.0 + first, piece.lines.0 + end.saturating_sub(1));
        piece.text = lines[first..end].join("\n");
        if !piece.text.trim().is_empty() {
            self.take(Lasts::ALine, piece, limit);
        }
    }

    /// What lasts longest first; of that this file's pieces, then the others by place. Each with its rank.
    fn in_order(self) -> Vec<(usize, Piece)> {
        let Shelf { pieces, own_path, .. } = self;
        let is_covered = |piece: &Piece| pieces.iter().any(|(_, other)| other != piece && covers(other, piece));
        let mut shown: Vec<(usize, &(Lasts, Piece))> =
            (1..).zip(pieces.iter().filter(|(_, piece)| !is_covered(piece))).collect();
        shown.sort_by_key(|(_, (lasts, piece))| (*lasts, piece.path != own_path, &piece.path, piece.lines));
        shown.into_iter().map(|(rank, (_, piece))| (rank, piece.clone())).collect()
    }
}

/// Whether `other` already shows every line of `piece`, as the outline of a type shows its methods.
fn covers(other: &Piece, piece: &Piece) -> bool {
    let is_shown = |line: &str| other.text.lines().any(|shown| shown.trim() == line.trim());
    other.path == piece.path
        && (other.lines == piece.lines || (other.text.len() > piece.text.len() && piece.text.lines().all(is_shown)))
}

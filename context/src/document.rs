//! An open document: text that is edited, and snapshots of it that are read elsewhere meanwhile.
//!
//! An edit costs what the rope and the old tree's edit cost, never a parse: the tree of a text is made by the first
//! reader who asks its snapshot for it, from the newest tree that was ever made of this document. What a tree means is
//! `syntax`'s matter.

use std::fmt;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use halfline_grammars::Language;
use ropey::Rope;
use tree_sitter::{InputEdit, ParseOptions, Point, Tree};

use crate::symbols::{self, Definition, Import, OldSymbols, Symbols};
use crate::text::{self, Encoding, Position};

/// Files over this many bytes get no tree.
const TREE_BYTES: usize = 2 << 20;
/// Files with a line over this many bytes get no tree: minified code and data.
const TREE_LINE_BYTES: usize = 50_000;
/// One parse may take this long.
const PARSE_TIME: Duration = Duration::from_millis(500);
/// After so many parses that took too long, a document gets no tree any more.
const PARSE_FAILURES: u32 = 3;

/// A document that an editor has open. Its state is a [`Snapshot`], replaced at every edit.
#[derive(Debug)]
pub struct Document {
    current: Snapshot,
}

/// A document at one moment. Clones share everything; a snapshot never changes.
#[derive(Clone)]
pub struct Snapshot {
    inner: Arc<Inner>,
}

struct Inner {
    identity: Arc<Identity>,
    version: i32,
    rope: Rope,
    /// A tree of an earlier text, with every edit since applied to it, for the parser to start from.
    base: Option<Tree>,
    tree: OnceLock<Option<Tree>>,
    symbols: OnceLock<Arc<Symbols>>,
    /// The newest symbols that were read of an earlier text.
    basis: Option<Basis>,
    shape: Shape,
}

/// Symbols of an earlier text, and what has happened to it since.
#[derive(Clone)]
struct Basis {
    symbols: Arc<Symbols>,
    /// The tree that they were read from, with every edit since applied to it.
    tree: Tree,
    /// Length of the text that they were read from, in bytes and lines.
    bytes: usize,
    lines: usize,
    /// What was edited since, in bytes of the present text.
    dirty: Range<usize>,
}

/// What stays the same while a document is edited.
struct Identity {
    path: Option<PathBuf>,
    language_id: String,
    language: Option<&'static Language>,
    slow_parses: AtomicU32,
}

/// What a text is like, as far as parsing cares.
#[derive(Clone, Copy)]
struct Shape {
    /// A line is longer than a tree is made for.
    long_lines: bool,
    /// There is, or was, a `\r` without `\n`. The parser counts lines by `\n` alone, so its positions and ours would
    /// part, and an edit described in ours would corrupt the old tree: such a text is parsed from the start each time.
    lone_cr: bool,
}

impl Document {
    /// A document as an editor opens it. The language is told by `language_id`, then by the path.
    pub fn new(path: Option<PathBuf>, language_id: &str, version: i32, text: &str) -> Document {
        let by_content = || path.as_deref().and_then(|path| halfline_grammars::by_content(path, text));
        let language = match halfline_grammars::by_language_id(language_id) {
            // Editors take headers of C++ for C.
            Some(language) if language.name() == "c" => {
                by_content().filter(|other| other.is_kin(language)).or(Some(language))
            }
            known => known.or_else(by_content),
        };
        let identity = Identity { path, language_id: language_id.to_owned(), language, slow_parses: AtomicU32::new(0) };
        Document { current: Snapshot::fresh(Arc::new(identity), version, Rope::from_str(text)) }
    }

    /// Replaces `range` (everything when `None`) by `text`. A range whose end comes first is taken the other way round.
    pub fn apply(&mut self, range: Option<(Position, Position)>, text: &str, encoding: Encoding) {
        let inner = &*self.current.inner;
        let Some((start, end)) = range else {
            if inner.shape.long_lines || inner.shape.lone_cr {
                self.current = Snapshot::fresh(inner.identity.clone(), inner.version, Rope::from_str(text));
                return;
            }
            // Some editors send the whole text at every key.
            let (changed, text) = difference(&inner.rope, text);
            if !changed.is_empty() || !text.is_empty() {
                self.current = self.current.edited(changed, text);
            }
            return;
        };
        let start = text::position_to_char(&inner.rope, start, encoding);
        let end = text::position_to_char(&inner.rope, end, encoding);
        self.current = self.current.edited(start.min(end)..start.max(end), text);
    }

    /// Replaces the characters at these offsets (clamped to the text) by `text`.
    pub fn replace(&mut self, range: Range<usize>, text: &str) {
        self.current = self.current.with_edit(range, text);
    }

    /// Notes the version that the editor gave to the present text.
    pub fn set_version(&mut self, version: i32) {
        let inner = &*self.current.inner;
        self.current = Snapshot::from_inner(Inner {
            identity: inner.identity.clone(),
            version,
            rope: inner.rope.clone(),
            base: inner.base.clone(),
            tree: inner.tree.clone(),
            symbols: inner.symbols.clone(),
            basis: inner.basis.clone(),
            shape: inner.shape,
        });
    }

    /// The document as it is now. Costs a reference count.
    pub fn snapshot(&self) -> Snapshot {
        self.current.clone()
    }
}

impl Snapshot {
    /// A snapshot of a text that no editor has open, such as a file read from disk.
    pub fn of_text(path: Option<PathBuf>, text: &str) -> Snapshot {
        Document::new(path, "", 0, text).snapshot()
    }

    /// The text.
    pub fn rope(&self) -> &Rope {
        &self.inner.rope
    }

    /// The file, when the document is one.
    pub fn path(&self) -> Option<&Path> {
        self.inner.identity.path.as_deref()
    }

    /// The editor's version of this text.
    pub fn version(&self) -> i32 {
        self.inner.version
    }

    /// What the editor calls the language.
    pub fn language_id(&self) -> &str {
        &self.inner.identity.language_id
    }

    /// The language, when it is one we know.
    pub fn language(&self) -> Option<&'static Language> {
        self.inner.identity.language
    }

    /// The syntax tree; `None` for an unknown language, and for files that are too large or took too long. The first
    /// call parses, others that come meanwhile wait for it.
    pub fn tree(&self) -> Option<&Tree> {
        self.inner.tree.get_or_init(|| self.parse()).as_ref()
    }

    /// What this text defines, in order; nothing without a tree. The first call computes it.
    pub fn definitions(&self) -> &[Definition] {
        &self.symbols().definitions
    }

    /// What this text brings in, in order; nothing without a tree. The first call computes it.
    pub(crate) fn imports(&self) -> &[Import] {
        &self.symbols().imports
    }

    pub(crate) fn symbols(&self) -> &Symbols {
        self.inner.symbols.get_or_init(|| Arc::new(self.read_symbols()))
    }

    /// This text with the characters at these offsets (clamped to the text) replaced by `text`: what an edit would give.
    pub fn with_edit(&self, range: Range<usize>, text: &str) -> Snapshot {
        let end = range.end.min(self.rope().len_chars());
        self.edited(range.start.min(end)..end, text)
    }

    fn from_inner(inner: Inner) -> Snapshot {
        Snapshot { inner: Arc::new(inner) }
    }

    fn new(
        identity: Arc<Identity>,
        version: i32,
        rope: Rope,
        base: Option<Tree>,
        basis: Option<Basis>,
        shape: Shape,
    ) -> Snapshot {
        let (tree, symbols) = (OnceLock::new(), OnceLock::new());
        Snapshot::from_inner(Inner { identity, version, rope, base, tree, symbols, basis, shape })
    }

    /// From the symbols of an earlier text where there are some, since an edit touches few of them.
    fn read_symbols(&self) -> Symbols {
        let (Some(basis), Some(tree)) = (&self.inner.basis, self.tree()) else { return symbols::symbols(self) };
        let dirty = basis.dirty.clone();
        let dirty = if basis.tree.root_node().kind() == tree.root_node().kind() {
            let changed = basis.tree.changed_ranges(tree);
            changed.fold(dirty, |dirty, range| dirty.start.min(range.start_byte)..dirty.end.max(range.end_byte))
        } else if self.language().is_some_and(|language| language.errors_hide_nothing()) {
            // To the parser everything has changed with the root; below it hardly anything has.
            let changed = changed_children(&basis.tree, tree);
            dirty.start.min(changed.start)..dirty.end.max(changed.end)
        } else {
            return symbols::symbols(self);
        };
        let old = OldSymbols { symbols: &basis.symbols, bytes: basis.bytes, lines: basis.lines };
        symbols::symbols_after_edits(self, &old, dirty)
    }

    fn fresh(identity: Arc<Identity>, version: i32, rope: Rope) -> Snapshot {
        let shape = Shape {
            long_lines: rope.lines().any(|line| line.len_bytes() > TREE_LINE_BYTES),
            lone_cr: has_lone_cr(&rope, 0..rope.len_chars()),
        };
        Snapshot::new(identity, version, rope, None, None, shape)
    }

    /// This snapshot with the characters in `range` (which must be within the text) replaced.
    fn edited(&self, range: Range<usize>, text: &str) -> Snapshot {
        let inner = &*self.inner;
        let mut rope = inner.rope.clone();
        rope.remove(range.clone());
        rope.insert(range.start, text);
        let new_end = range.start + text.chars().count();

        let first_line = rope.char_to_line(range.start);
        let shape = Shape {
            long_lines: inner.shape.long_lines
                || rope.line(first_line).len_bytes() > TREE_LINE_BYTES
                || text.lines().any(|line| line.len() > TREE_LINE_BYTES),
            // Removing either half of a `\r\n` next to the edit leaves a lone one too.
            lone_cr: inner.shape.lone_cr || has_lone_cr(&rope, range.start.saturating_sub(1)..new_end),
        };
        let newest = inner.tree.get().and_then(Option::as_ref).or(inner.base.as_ref());
        let start_byte = inner.rope.char_to_byte(range.start);
        let old_end_byte = inner.rope.char_to_byte(range.end);
        let new_end_byte = start_byte + text.len();
        let edit = InputEdit {
            start_byte,
            old_end_byte,
            new_end_byte,
            start_position: point(&inner.rope, start_byte),
            old_end_position: point(&inner.rope, old_end_byte),
            new_end_position: point(&rope, new_end_byte),
        };
        let edited = |tree: &Tree| {
            let mut tree = tree.clone();
            tree.edit(&edit);
            tree
        };
        let base = newest.filter(|_| !shape.lone_cr).map(edited);
        let basis = self.basis().filter(|_| !shape.lone_cr).map(|basis| {
            // What was dirty behind the edit moves with the text; within it, it is part of what is dirty now.
            let moved = |byte: usize| match byte {
                byte if byte >= old_end_byte => byte - old_end_byte + new_end_byte,
                byte if byte > start_byte => new_end_byte,
                byte => byte,
            };
            let dirty = match basis.dirty.is_empty() {
                true => start_byte..new_end_byte,
                false => moved(basis.dirty.start).min(start_byte)..moved(basis.dirty.end).max(new_end_byte),
            };
            // An empty range would count as no edit at all.
            let dirty = dirty.start..dirty.end.max(dirty.start + 1);
            Basis { tree: edited(&basis.tree), dirty, ..basis }
        });
        Snapshot::new(inner.identity.clone(), inner.version, rope, base, basis, shape)
    }

    /// What a text that comes from this one can start from.
    fn basis(&self) -> Option<Basis> {
        let inner = &*self.inner;
        let read = inner.symbols.get().zip(inner.tree.get().and_then(Option::as_ref));
        match read {
            Some((symbols, tree)) => Some(Basis {
                symbols: symbols.clone(),
                tree: tree.clone(),
                bytes: inner.rope.len_bytes(),
                lines: inner.rope.len_lines(),
                dirty: 0..0,
            }),
            None => inner.basis.clone(),
        }
    }

    fn parse(&self) -> Option<Tree> {
        let Inner { identity, rope, shape, base, .. } = &*self.inner;
        let language = identity.language?;
        let slow = identity.slow_parses.load(Ordering::Relaxed) >= PARSE_FAILURES;
        if slow || shape.long_lines || rope.len_bytes() > TREE_BYTES {
            return None;
        }
        let deadline = Instant::now() + PARSE_TIME;
        let mut in_time = |_: &tree_sitter::ParseState| match Instant::now() < deadline {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        };
        let options = ParseOptions::new().progress_callback(&mut in_time);
        let mut chunk = |byte: usize, _: Point| match rope.get_chunk_at_byte(byte) {
            Some((chunk, start, ..)) => chunk.as_bytes().get(byte - start..).unwrap_or_default(),
            None => &[],
        };
        let tree = language.parser().parse_with_options(&mut chunk, base.as_ref(), Some(options));
        if tree.is_none() {
            identity.slow_parses.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(path = ?identity.path, bytes = rope.len_bytes(), "parsing took too long");
        }
        tree
    }
}

/// The characters of `old` that have changed, and what they are in `new`.
fn difference<'a>(old: &Rope, new: &'a str) -> (Range<usize>, &'a str) {
    let same = old.chars().zip(new.chars()).take_while(|(a, b)| a == b);
    let (chars, bytes) = same.fold((0, 0), |(chars, bytes), (ch, _)| (chars + 1, bytes + ch.len_utf8()));
    let (left, mut rest) = (old.len_chars() - chars, &new[bytes..]);
    let mut behind = 0;
    let mut from_end = old.chars_at(old.len_chars()).reversed();
    while behind < left
        && let Some(ch) = rest.chars().next_back()
        && from_end.next() == Some(ch)
    {
        rest = &rest[..rest.len() - ch.len_utf8()];
        behind += 1;
    }
    (chars..old.len_chars() - behind, rest)
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("path", &self.path())
            .field("version", &self.version())
            .field("bytes", &self.rope().len_bytes())
            .finish_non_exhaustive()
    }
}

/// What is left of the text of `new` without the children of its root that `old` has too, at the start and at the end.
fn changed_children(old: &Tree, new: &Tree) -> Range<usize> {
    let children = |tree: &Tree| {
        let mut cursor = tree.walk();
        let mut children = Vec::new();
        let mut is_child = cursor.goto_first_child();
        while is_child {
            let node = cursor.node();
            // A node without an error is what its text says, and that is the same in the same place.
            children.push((node.kind_id(), node.byte_range(), node.has_changes() || node.has_error()));
            is_child = cursor.goto_next_sibling();
        }
        children
    };
    let (old, new, end) = (children(old), children(new), new.root_node().end_byte());
    let same = old.iter().zip(&new).take_while(|(old, new)| old == new && !old.2).count();
    let start = same.checked_sub(1).map_or(0, |last| new[last].1.end);
    let (old, new) = (&old[same..], &new[same..]);
    let same = old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new && !old.2).count();
    start..if same > 0 { new[new.len() - same].1.start } else { end }
}

/// Row and byte column, as the parser counts them.
fn point(rope: &Rope, byte: usize) -> Point {
    let line = rope.byte_to_line(byte);
    Point::new(line, byte - rope.line_to_byte(line))
}

/// Whether one of the characters in `range` is a `\r` that no `\n` follows.
fn has_lone_cr(rope: &Rope, range: Range<usize>) -> bool {
    let mut chars = rope.chars_at(range.start).take(range.len() + 1).peekable();
    let mut left = range.len();
    while let Some(ch) = chars.next() {
        if left == 0 {
            break;
        }
        left -= 1;
        if ch == '\r' && chars.peek() != Some(&'\n') {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests;

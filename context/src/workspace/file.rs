//! What is known of one file: what it defines, brings in and names.

use std::fs::Metadata;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use halfline_grammars::Language;
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};
use std::hash::BuildHasher;
use tree_sitter::{ParseOptions, ParseState, Tree};

use crate::retrieval::chunk::{self, Chunk};
use crate::symbols::{self, Definition, Import, Source};

/// One parse may take this long; a file that takes longer is not indexed.
const PARSE_TIME: Duration = Duration::from_secs(2);

/// What one file defines and names, as it was on disk when it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSymbols {
    /// The file.
    pub path: PathBuf,
    /// What it defines, in order.
    pub definitions: Vec<Definition>,
    /// What it brings in, in order.
    pub imports: Vec<Import>,
    /// Lines of text.
    pub lines: usize,
    /// Chunks that it was cut into for the search.
    pub(crate) chunks: usize,
    /// Hashes of the identifiers in it, sorted, each once.
    pub(super) names: Vec<u32>,
    pub(super) stamp: Stamp,
}

/// What tells that a file has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    /// Nanoseconds since 1970; 0 when not known.
    modified: u64,
    pub(super) bytes: u64,
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Stamp {
        let since = metadata.modified().ok().and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        let modified = since.and_then(|since| u64::try_from(since.as_nanos()).ok()).unwrap_or_default();
        Stamp { modified, bytes: metadata.len() }
    }
}

impl FileSymbols {
    /// Reads a file's text; also gives what the search needs of it.
    pub(super) fn read(path: PathBuf, stamp: Stamp, text: &str) -> Result<(FileSymbols, Vec<Chunk>), String> {
        let language = halfline_grammars::by_path(&path).ok_or("in a language that is not known")?;
        let tree = parse(language, text).ok_or("too slow to parse")?;
        let source = Source::new(language, text);
        let definitions = symbols::definitions_of(&source, &tree);
        let imports = symbols::imports_of(&source, &tree);
        let chunks = chunk::cut(&source, &definitions);
        let file = FileSymbols {
            path,
            imports,
            lines: source.line_count(),
            chunks: chunks.len(),
            names: names(&tree, text),
            stamp,
            definitions,
        };
        Ok((file, chunks))
    }

    /// Whether an identifier of this name stands somewhere in the file. May be wrong for one name in millions.
    pub fn mentions(&self, name: &str) -> bool {
        self.names.binary_search(&short_hash(name)).is_ok()
    }

    /// The language by the file's name.
    pub fn language(&self) -> Option<&'static Language> {
        halfline_grammars::by_path(&self.path)
    }
}

/// A hash that is the same in every process of one version.
pub(crate) fn hash(text: &str) -> u64 {
    FxBuildHasher.hash_one(text)
}

/// The identity of a file within its workspace, by its path there.
pub(crate) fn path_hash(root: &Path, path: &Path) -> u64 {
    hash(&path.strip_prefix(root).unwrap_or(path).to_string_lossy())
}

fn short_hash(name: &str) -> u32 {
    (hash(name) >> 32) as u32
}

fn parse(language: &'static Language, text: &str) -> Option<Tree> {
    let deadline = Instant::now() + PARSE_TIME;
    let mut in_time = |_: &ParseState| match Instant::now() < deadline {
        true => ControlFlow::Continue(()),
        false => ControlFlow::Break(()),
    };
    let options = ParseOptions::new().progress_callback(&mut in_time);
    let bytes = text.as_bytes();
    let mut chunk = |byte: usize, _| bytes.get(byte..).unwrap_or_default();
    language.parser().parse_with_options(&mut chunk, None, Some(options))
}

/// Hashes of the identifiers of a tree: its named leaves that look like a name.
fn names(tree: &Tree, text: &str) -> Vec<u32> {
    let mut found = Vec::new();
    let mut cursor = tree.walk();
    loop {
        if cursor.goto_first_child() {
            continue;
        }
        let node = cursor.node();
        if node.is_named() {
            let word = &text[node.byte_range()];
            let starts_as_name = |ch: char| ch == '_' || ch.is_alphabetic();
            if word.len() <= 64 && word.starts_with(starts_as_name) && !word.contains(char::is_whitespace) {
                found.push(short_hash(word));
            }
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                found.sort_unstable();
                found.dedup();
                found.shrink_to_fit();
                return found;
            }
        }
    }
}

//! What is known of one file: what it defines, brings in and names.

use std::cell::RefCell;
use std::fs::Metadata;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use halfline_grammars::Language;
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};
use std::hash::BuildHasher;
use tree_sitter::{ParseOptions, ParseState, Parser, Tree};

use crate::retrieval::chunk::{self, Chunk};
use crate::symbols::{self, Definition, Import, Parsed, Skeleton, Source, Symbols};

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
    /// Hashes of the words in it that look like a name, sorted, each once.
    pub(super) names: Vec<u32>,
    pub(crate) stamp: Stamp,
}

/// What tells that a file has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    /// Nanoseconds since 1970; 0 when not known.
    modified: u64,
    pub(super) bytes: u64,
}

thread_local! {
    /// Kept from file to file, with the memory that it works in.
    static PARSER: RefCell<Parser> = RefCell::new(Parser::new());
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
        let language = halfline_grammars::by_content(&path, text).ok_or("in a language that is not known")?;
        let source = Source::new(language, text);
        let Symbols { definitions, imports } = read_symbols(&source).ok_or("too slow to parse")?;
        let chunks = chunk::cut(&source, &definitions);
        let file = FileSymbols {
            path,
            imports,
            lines: source.line_count(),
            chunks: chunks.len(),
            names: names(text),
            stamp,
            definitions,
        };
        Ok((file, chunks))
    }

    /// Whether this name stands somewhere in the file, be it in a comment. May be wrong for one name in millions.
    pub fn mentions(&self, name: &str) -> bool {
        self.names.binary_search(&short_hash(name)).is_ok()
    }

    /// Whether files of `language` can use what this one defines.
    pub(crate) fn is_kin_of(&self, language: Option<&Language>) -> bool {
        self.language().zip(language).is_some_and(|(own, other)| own.is_kin(other))
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

/// What a file defines and brings in, by its skeleton if that will do; `None` when parsing takes too long.
fn read_symbols(source: &Source<'_>) -> Option<Symbols> {
    if let Some(skeleton) = Skeleton::of(source.language, source.text, 0..source.text.len())
        && let Some(tree) = parse(source.language, skeleton.text())
        && !tree.root_node().has_error()
    {
        let parsed = Parsed { tree: &tree, text: skeleton.text(), skeleton: Some(&skeleton) };
        return Some(symbols::symbols_of(source, &parsed));
    }
    let text = source.text.as_bytes();
    let tree = parse(source.language, text)?;
    Some(symbols::symbols_of(source, &Parsed { tree: &tree, text, skeleton: None }))
}

fn parse(language: &'static Language, text: &[u8]) -> Option<Tree> {
    let deadline = Instant::now() + PARSE_TIME;
    let mut in_time = |_: &ParseState| match Instant::now() < deadline {
        true => ControlFlow::Continue(()),
        false => ControlFlow::Break(()),
    };
    let options = ParseOptions::new().progress_callback(&mut in_time);
    let mut chunk = |byte: usize, _| text.get(byte..).unwrap_or_default();
    PARSER.with_borrow_mut(|parser| {
        // After a parse that was given up the next one would go on with it.
        parser.reset();
        parser.set_language(language.grammar()).ok()?;
        parser.parse_with_options(&mut chunk, None, Some(options))
    })
}

/// Hashes of the words of a text that look like a name, those in strings and comments included: a walk through its tree
/// would leave those out, and was a good part of the time that a file took.
fn names(text: &str) -> Vec<u32> {
    let mut found = Distinct::default();
    let mut note = |word: &str| {
        if word.len() <= 64 && !word.starts_with(|ch: char| ch.is_numeric()) {
            found.add(short_hash(word));
        }
    };
    if text.is_ascii() {
        let is_part = |byte: &u8| *byte == b'_' || byte.is_ascii_alphanumeric();
        let bytes = text.as_bytes();
        let mut at = 0;
        while let Some(start) = bytes[at..].iter().position(is_part).map(|len| at + len) {
            at = bytes[start..].iter().position(|byte| !is_part(byte)).map_or(bytes.len(), |len| start + len);
            note(&text[start..at]);
        }
    } else {
        let is_part = |ch: char| ch == '_' || ch.is_alphanumeric();
        text.split(|ch| !is_part(ch)).filter(|word| !word.is_empty()).for_each(note);
    }
    found.sorted()
}

/// Numbers, each once. Most words of a file have been seen a few lines before.
struct Distinct {
    /// The last number seen of those that share their lowest bits.
    seen: Vec<u32>,
    all: Vec<u32>,
}

impl Default for Distinct {
    fn default() -> Self {
        Distinct { seen: vec![0; 1 << 12], all: Vec::new() }
    }
}

impl Distinct {
    fn add(&mut self, number: u32) {
        let slot = number as usize % self.seen.len();
        if self.seen[slot] != number || number == 0 {
            self.seen[slot] = number;
            self.all.push(number);
        }
    }

    fn sorted(mut self) -> Vec<u32> {
        self.all.sort_unstable();
        self.all.dedup();
        self.all.shrink_to_fit();
        self.all
    }
}

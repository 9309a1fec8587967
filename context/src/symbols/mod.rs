//! Names: what a file defines, and which names a stretch of it uses.
//!
//! One file at a time; which file of a workspace defines a name is `workspace`'s matter.

mod docs;
mod extract;
mod imports;
mod skeleton;

pub use extract::{Defined, Definition, identifiers, outline};
pub use imports::{EVERYTHING, Import, import_lines, imports};

pub(crate) use extract::{OldSymbols, Parsed, Source, Symbols, symbols, symbols_after_edits, symbols_of};
pub(crate) use skeleton::Skeleton;

//! Names: what a file defines, and which names a stretch of it uses.
//!
//! One file at a time; which file of a workspace defines a name is `workspace`'s matter.

mod docs;
mod extract;
mod imports;
mod skeleton;

pub use extract::{Defined, Definition, definitions, identifiers, outline};
pub use imports::{EVERYTHING, Import, import_lines, imports};

pub(crate) use extract::{OldDefinitions, Parsed, Source, definitions_after_edits, symbols_of};
pub(crate) use imports::read_imports;
pub(crate) use skeleton::Skeleton;

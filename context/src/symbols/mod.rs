//! Names: what a file defines, and which names a stretch of it uses.
//!
//! One file at a time; which file of a workspace defines a name is `workspace`'s matter.

mod extract;

pub use extract::{Definition, definitions, identifiers, imports, outline};

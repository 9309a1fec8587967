//! Text, syntax and symbols of a workspace, and what of them goes into a prompt.
//!
//! Plain data in, plain data out: nothing here knows a model or the language server protocol. Tokens are counted
//! through [`TokenCounter`].

pub mod document;
pub mod text;

pub use document::{Document, Snapshot};
pub use text::{Encoding, Position};

/// A text that can be edited and cloned cheaply, cut into lines where LSP cuts.
pub use ropey::Rope;

//! Text, syntax and symbols of a workspace, finding places in it, and what of all this goes into a prompt.
//!
//! Plain data in, plain data out: nothing here knows a model or the language server protocol. Tokens are counted
//! through [`TokenCounter`].

pub mod budget;
pub mod completion;
pub mod debugging;
pub mod document;
mod resolve;
pub mod retrieval;
pub mod symbols;
pub mod syntax;
pub mod text;
mod usage;
pub mod workspace;

pub use budget::{Budget, TokenCounter};
pub use completion::{Attention, Beside, CompletionContext, Expected, Origin, Piece, gather_completion};
pub use debugging::{Focus, gather_debugging};
pub use document::{Document, Snapshot};
pub use resolve::resolve;
pub use retrieval::{By, Dense, Embedder, Hit, PathFilter, Results, SearchOptions, search};
pub use text::{Encoding, Position};
pub use usage::{Subject, gather_related, gather_usage, subject};
pub use workspace::Workspace;

/// A text that can be edited and cloned cheaply, cut into lines where LSP cuts.
pub use ropey::Rope;

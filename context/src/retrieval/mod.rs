//! Finding places of a workspace, by words and by meaning.

pub(crate) mod chunk;
mod dense;
mod query;
mod rank;
pub(crate) mod tokens;
mod vectors;
pub(crate) mod words;

pub use dense::{Computed, Coverage, Dense, Embedder};
pub(crate) use rank::is_test;
pub use rank::{By, DENSE, Hit, PathFilter, Results, Retriever, SearchOptions, WORDS, search};

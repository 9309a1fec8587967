//! Finding places of a workspace, by words and by meaning.

pub(crate) mod chunk;
mod cut;
mod dense;
mod filter;
mod keeping;
mod places;
mod plain;
mod query;
mod rank;
mod store;
pub(crate) mod tokens;
mod vectors;
pub(crate) mod words;

pub use dense::{ComputeError, Computed, Coverage, Dense, Embedder};
pub use filter::PathFilter;
pub use plain::PlainSearch;
pub(crate) use rank::is_test;
pub use rank::{By, DENSE, Hit, Results, Retriever, SearchOptions, WORDS, search};
pub use store::{Asked, ChunkId, ChunkRecord, Likenesses, VectorStore};

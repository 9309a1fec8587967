//! Finding places of a workspace by words.

pub(crate) mod chunk;
mod query;
mod rank;
pub(crate) mod tokens;
pub(crate) mod words;

pub(crate) use rank::is_test;
pub use rank::{Hit, SearchOptions, search};

//! Models as files: which ones are known, how they get onto the disk, and which of them this machine can run.
//!
//! Nothing here reads weights; `gguf` does. Nothing here prints: callers get events and show them.

pub mod choose;
mod error;
pub mod fit;
pub mod manifest;
pub mod pull;
pub mod store;

pub use choose::{Choice, Wanted, choose, recommended};
pub use error::StoreError;
pub use manifest::{Manifest, Model, Role};
pub use store::{Entry, State, Store};

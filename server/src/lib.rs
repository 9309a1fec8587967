//! The program behind `halfline`: language server, command line, completion pipeline and assistant.

mod allowed;
pub mod assistant;
mod cache;
pub mod cli;
pub mod commands;
pub mod completion;
pub mod config;
pub mod embedding;
pub mod engine_host;
pub mod handlers;
pub mod lsp;
pub mod policy;
mod qdrant;
pub mod recent;

pub use cache::cache_directory;

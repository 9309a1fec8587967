//! The program behind `halfline`: language server, command line, completion pipeline and assistant.

pub mod config;
pub mod engine_host;

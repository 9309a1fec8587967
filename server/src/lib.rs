//! The program behind `halfline`: language server, command line, completion pipeline and assistant.

pub mod cli;
pub mod config;
pub mod engine_host;

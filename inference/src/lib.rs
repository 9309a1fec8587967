//! Models on disk, tokenizer, transformer, kernels, caches, speculative decoding and the scheduler that runs it all.
//!
//! Tokens in, tokens out: nothing here knows an editor, a file of the user's or a programming language.

pub mod cache;
pub mod decode;
pub mod device;
pub mod embed;
mod engine;
pub mod gguf;
pub mod kernels;
pub mod models;
pub mod remote;
mod request;
mod scheduler;
#[doc(hidden)]
pub mod testing;
pub mod tokenizer;
#[cfg(test)]
mod toy;
pub mod transformer;

pub use engine::{Engine, EngineError, EngineInfo, EngineOptions, EngineStatus, LoadEvent, TokenCost};
pub use request::{
    Event, Finish, Generation, Preference, Priority, Request, Sampling, Score, SpeculationStats, StopReason, Timings,
    TokenStats,
};

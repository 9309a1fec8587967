//! Engines that run elsewhere: the client against a server that misbehaves, and the real binary that falls back on its own
//! model when it does.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod chain;
mod client;
mod completing;
mod routing;
mod tools;
mod withheld;

//! What the end-to-end tests share: the real binary, a client that talks to its language server, and models small enough
//! to make on the spot. The tests themselves are in `tests/`.

mod binary;
mod client;
mod home;
mod qdrant;
mod scripted;

pub use binary::binary;
pub use client::{Client, Options, Reply};
pub use home::Home;
pub use qdrant::FakeQdrant;
pub use scripted::{Act, Handler, Received, Scripted};

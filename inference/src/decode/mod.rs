//! From scores to text: choosing tokens, proposing and verifying several at once, knowing when to stop.

pub(crate) mod answer;
mod beginning;
pub(crate) mod chunk;
pub mod sampler;
pub(crate) mod sequence;
pub(crate) mod speculative;
pub mod stop;

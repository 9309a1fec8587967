//! Speculative decoding: tokens guessed cheaply, and checked all at once by the target model.
//!
//! The target's choice always wins, so speculation changes when an answer comes and never what it says.

pub(crate) mod policy;
pub(crate) mod propose;
pub(crate) mod verify;

/// The most tokens proposed at once. Past sixteen, the chance that all are right is gone on any text but copies.
pub(crate) const MOST_PROPOSED: usize = 16;

/// Where proposals come from. Each has its own record of acceptance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The sequence itself, where its last two or three tokens stood before.
    ShortLookup,
    /// The sequence itself, where its last four or more tokens stood before.
    LongLookup,
    /// The draft model.
    Draft,
}

impl Source {
    pub(crate) const ALL: [Source; 3] = [Source::ShortLookup, Source::LongLookup, Source::Draft];
}

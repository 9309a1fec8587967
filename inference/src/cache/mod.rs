//! What is kept between tokens and between requests: keys and values, and the sequences they belong to.

pub mod kv;
pub(crate) mod prefix;
pub mod tensor;

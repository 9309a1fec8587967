//! What is kept between tokens and between requests: keys and values.

pub mod kv;

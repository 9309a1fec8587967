//! The `halfline` program.
fn main() {}

//! The language server, from the outside: the real binary over its standard input and output.

mod completion;
mod documents;
mod fix;
mod lifecycle;
mod malformed;

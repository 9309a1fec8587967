//! The language server, from the outside: the real binary over its standard input and output.

mod chat;
mod completion;
mod documents;
mod fix;
mod lenses;
mod lifecycle;
mod malformed;
mod why;
mod writing;

//! One file for each method of LSP: what the server does when the message comes.
//!
//! What a handler does before its first `await` happens in the order of the client's messages (see `lsp::serve`): edits
//! are applied there, and snapshots taken there.

pub mod code_action;
pub mod code_lens;
pub mod completion;
pub mod did_change;
pub mod did_change_configuration;
pub mod did_close;
pub mod did_open;
pub mod did_save;
pub mod document_text;
pub mod execute_command;
pub mod feedback;
pub mod initialize;
pub mod initialized;
pub mod inline_completion;

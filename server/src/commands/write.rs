//! What `halfline.test` and `halfline.doc` share: the place they are about.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::lsp_types::{Position, Url};

use super::{fix, project_of};
use crate::assistant::fix::{Extent, Order, files_of};
use crate::lsp::{Server, convert};

/// A definition, and whether the user is to be asked about the change.
#[derive(Deserialize)]
pub(super) struct Argument {
    uri: Url,
    position: Position,
    #[serde(default)]
    pub(super) apply: bool,
}

/// The place as the assistant takes it.
pub(super) fn order(server: &Server, argument: &Argument) -> Result<Order> {
    let path = convert::to_path(&argument.uri)
        .and_then(|path| path.canonicalize().ok())
        .ok_or_else(|| Error::invalid_params(format!("{} is no file on disk; save it first", argument.uri)))?;
    let (root, is_tree): (PathBuf, bool) = match project_of(server, &path)? {
        Some(root) => (root, true),
        None => (path.parent().unwrap_or(Path::new("/")).to_owned(), false),
    };
    let below = path.strip_prefix(&root).unwrap_or(&path).to_owned();
    let extent = if is_tree { Extent::Tree } else { Extent::Files(files_of(&root, &below)) };
    let open = fix::open_files(server, &root);
    Ok(Order { root, extent, path: below, line: argument.position.line as usize, open })
}

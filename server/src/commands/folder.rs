//! The workspace that a command is about, where it is about no document in particular.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use tower_lsp::jsonrpc::Result;
use tower_lsp::lsp_types::Url;

use super::project_of;
use crate::lsp::{Server, convert};

/// The argument of a command about a whole workspace: `{"uri"?}`, a document of it. Without one, the client's folder is meant.
#[derive(Deserialize)]
pub(super) struct Place {
    pub(super) uri: Option<Url>,
}

/// The root of the workspace that is meant; that of a file on its own is the directory that it lies in.
pub(super) fn root(server: &Server, place: &Place) -> Result<PathBuf> {
    let path = place.uri.as_ref().and_then(convert::to_path);
    let around = match &path {
        Some(path) => project_of(server, path)?.or_else(|| path.parent().map(Path::to_owned)),
        None => None,
    };
    let root = server.session()?.client.root.clone().or(around).unwrap_or_default();
    // On the command line, too, the real path is what counts.
    Ok(root.canonicalize().unwrap_or(root))
}

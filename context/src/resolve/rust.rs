//! Modules of Rust: `crate`, `self`, `super`, members of the workspace, and crates of the registry.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Steps, Target, first_file, inside};
use crate::workspace::{FileSymbols, Workspace};

/// Follows a path that stands in the file at `from`.
pub(super) fn follow(workspace: &Workspace, from: &Path, path: &[String], steps: Steps<'_>) -> Option<Target> {
    let child = |file: &Path, name: &str| child(workspace, file, name).into_iter().collect::<Vec<_>>();
    let (first, mut rest) = path.split_first()?;
    let start = match first.as_str() {
        "crate" => crate_root(workspace, from)?,
        "self" => workspace.file_or_dependency(from)?,
        "super" => {
            let mut module = parent(workspace, from)?;
            while let Some(("super", more)) = rest.split_first().map(|(first, more)| (first.as_str(), more)) {
                module = parent(workspace, &module.path)?;
                rest = more;
            }
            module
        }
        name => {
            // In editions since 2018 a path may start with what the module itself has in scope.
            let here = workspace.file_or_dependency(from);
            let has_child = here.as_ref().is_some_and(|here| self::child(workspace, &here.path, name).is_some());
            if let Some(here) = here.filter(|_| has_child) {
                return inside(workspace, &here, path, steps, &child);
            }
            workspace.crate_root(from, name, steps.walk.reach)?
        }
    };
    inside(workspace, &start, rest, steps, &child)
}

/// The file of the module `name` that is declared in `file`.
fn child(workspace: &Workspace, file: &Path, name: &str) -> Option<Arc<FileSymbols>> {
    let directory = children_directory(workspace, file)?;
    first_file(workspace, [directory.join(format!("{name}.rs")), directory.join(name).join("mod.rs")])
}

/// Where the modules lie that a file declares.
fn children_directory(workspace: &Workspace, file: &Path) -> Option<PathBuf> {
    let directory = file.parent()?;
    let stem = file.file_stem()?.to_str()?;
    let is_root = matches!(stem, "mod" | "lib" | "main") || is_target(workspace, file);
    Some(if is_root { directory.to_owned() } else { directory.join(stem) })
}

/// Whether a file is a crate of its own: a test, a bench, an example or one of several programs.
fn is_target(workspace: &Workspace, file: &Path) -> bool {
    let Some(directory) = file.parent() else { return false };
    let name = directory.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let is_module = || workspace.file_or_dependency(&directory.join("mod.rs")).is_some();
    matches!(name, "tests" | "benches" | "examples" | "bin") && !is_module()
}

/// The file of the module around that of `file`.
fn parent(workspace: &Workspace, file: &Path) -> Option<Arc<FileSymbols>> {
    let directory = file.parent()?;
    let own_directory = if file.file_stem()? == "mod" { directory.parent()? } else { directory };
    let name = own_directory.file_name()?.to_str()?;
    let beside = own_directory.parent()?.join(format!("{name}.rs"));
    let roots = ["mod.rs", "lib.rs", "main.rs"].map(|root| own_directory.join(root));
    first_file(workspace, roots.into_iter().filter(|root| root != file).chain([beside]))
}

/// The root of the crate that `file` belongs to.
fn crate_root(workspace: &Workspace, file: &Path) -> Option<Arc<FileSymbols>> {
    for directory in file.ancestors().skip(1) {
        if is_target(workspace, &directory.join("any.rs")) {
            let own = file.strip_prefix(directory).ok()?.components().next()?;
            let own = directory.join(own);
            return first_file(workspace, [own.clone(), own.join("main.rs")]);
        }
        let roots = ["lib.rs", "main.rs"].map(|root| directory.join(root));
        if let Some(root) = first_file(workspace, roots) {
            return Some(root);
        }
        if directory == workspace.root() {
            return None;
        }
    }
    None
}

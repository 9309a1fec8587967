//! Modules of Python: packages, relative imports, stubs, and virtual environments.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Target, first_file, inside};
use crate::workspace::{FileSymbols, Workspace};

/// Follows a path that stands in the file at `from`.
pub(super) fn follow(workspace: &Workspace, from: &Path, path: &[String], steps: usize) -> Option<Target> {
    let child = |file: &Path, name: &str| child(workspace, file, name);
    let (first, rest) = path.split_first()?;
    if first.starts_with('.') {
        let directory = from.ancestors().nth(first.len())?;
        let package = package(workspace, directory);
        return match (package, rest.split_first()) {
            (Some(package), _) => inside(workspace, &package, rest, steps, &child),
            // A package without `__init__.py`.
            (None, Some((name, rest))) => inside(workspace, &module(workspace, directory, name)?, rest, steps, &child),
            (None, None) => None,
        };
    }
    let within = from.ancestors().skip(1).take_while(|directory| directory.starts_with(workspace.root()));
    let bases: Vec<PathBuf> = [workspace.root().to_owned(), workspace.root().join("src")]
        .into_iter()
        .chain(within.map(Path::to_owned))
        .chain(workspace.site_packages().iter().cloned())
        .collect();
    bases.into_iter().find_map(|mut directory| {
        // A directory without `__init__.py` is a package too.
        for (at, name) in path.iter().enumerate() {
            if let Some(start) = module(workspace, &directory, name) {
                return inside(workspace, &start, &path[at + 1..], steps, &child);
            }
            directory.push(name);
        }
        None
    })
}

/// The module `name` in the package whose file is `file`.
fn child(workspace: &Workspace, file: &Path, name: &str) -> Option<Arc<FileSymbols>> {
    (file.file_stem()? == "__init__").then(|| module(workspace, file.parent()?, name))?
}

/// The module or package `name` in `directory`. A stub says more than the code beside it, but only of types.
fn module(workspace: &Workspace, directory: &Path, name: &str) -> Option<Arc<FileSymbols>> {
    let beside = ["py", "pyi"].map(|ending| directory.join(format!("{name}.{ending}")));
    first_file(workspace, beside).or_else(|| package(workspace, &directory.join(name)))
}

fn package(workspace: &Workspace, directory: &Path) -> Option<Arc<FileSymbols>> {
    first_file(workspace, ["__init__.py", "__init__.pyi"].map(|name| directory.join(name)))
}

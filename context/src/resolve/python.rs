//! Modules of Python: packages, relative imports, stubs, and virtual environments.
//!
//! A stub says more of types than the code beside it, so it comes first; what it leaves out is looked for in the code.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Reach, Steps, Target, files, inside};
use crate::workspace::{FileSymbols, Workspace};

/// Follows a path that stands in the file at `from`.
pub(super) fn follow(workspace: &Workspace, from: &Path, path: &[String], steps: Steps<'_>) -> Option<Target> {
    let child = |file: &Path, name: &str| child(workspace, file, name);
    let within = |start: &Arc<FileSymbols>, rest: &[String]| inside(workspace, start, rest, steps, &child);
    let (first, rest) = path.split_first()?;
    if first.starts_with('.') {
        let directory = from.ancestors().nth(first.len())?;
        let packages = package(workspace, directory);
        if !packages.is_empty() {
            return packages.iter().find_map(|package| within(package, rest));
        }
        // A package without `__init__.py`.
        let (name, rest) = rest.split_first()?;
        return modules(workspace, directory, name).iter().find_map(|module| within(module, rest));
    }
    let around = from.ancestors().skip(1).take_while(|directory| directory.starts_with(workspace.root()));
    // Where type checkers look for stubs that somebody wrote for other people's packages.
    let stubs = workspace.root().join("typings");
    let bases: Vec<PathBuf> = [stubs, workspace.root().to_owned(), workspace.root().join("src")]
        .into_iter()
        .chain(around.map(Path::to_owned))
        .collect();
    let installed = (steps.walk.reach == Reach::Everywhere).then(|| workspace.site_packages());
    let mut bases = bases.into_iter().chain(installed.iter().flat_map(|found| found.iter().cloned()));
    bases.find_map(|mut directory| {
        // A directory without `__init__.py` is a package too.
        for (at, name) in path.iter().enumerate() {
            let starts = modules(workspace, &directory, name);
            if !starts.is_empty() {
                return starts.iter().find_map(|start| within(start, &path[at + 1..]));
            }
            directory.push(name);
        }
        None
    })
}

/// The module `name` in the package whose file is `file`.
fn child(workspace: &Workspace, file: &Path, name: &str) -> Vec<Arc<FileSymbols>> {
    match (file.file_stem().is_some_and(|stem| stem == "__init__"), file.parent()) {
        (true, Some(directory)) => modules(workspace, directory, name),
        _ => Vec::new(),
    }
}

/// The files of the module or package `name` in `directory`: stubs, also those that are installed by themselves, then code.
fn modules(workspace: &Workspace, directory: &Path, name: &str) -> Vec<Arc<FileSymbols>> {
    let mut found = package(workspace, &directory.join(format!("{name}-stubs")));
    found.extend(files(workspace, ["pyi", "py"].map(|ending| directory.join(format!("{name}.{ending}")))));
    found.extend(package(workspace, &directory.join(name)));
    found
}

fn package(workspace: &Workspace, directory: &Path) -> Vec<Arc<FileSymbols>> {
    files(workspace, ["__init__.pyi", "__init__.py"].map(|name| directory.join(name)))
}

//! From a name in a file to its definition: through the file's imports, other files' re-exports, and the modules of Rust
//! and Python as they lie in directories.
//!
//! Within the workspace nothing is read from disk. A dependency's source (a crate of the cargo registry, a package of a
//! virtual environment) is read when a name leads there, and kept.

mod python;
mod rust;

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::symbols::{Definition, EVERYTHING, Import};
use crate::workspace::{FileSymbols, Found, Workspace};

/// Imports that lead to imports are followed so far.
const MOST_STEPS: usize = 6;
/// Files that import everything from others are followed so broadly.
const MOST_GLOBS: usize = 8;
/// Imports that are followed for one name at all. Crates that re-export everything from each other have ways without end,
/// and a name that none of them has would be looked for on all.
const MOST_FOLLOWED: usize = 64;

/// How much further imports may be followed.
#[derive(Clone, Copy)]
struct Steps<'a> {
    deep: usize,
    left: &'a Cell<usize>,
}

impl Steps<'_> {
    /// What is left after one import more; `None` when that is one too many.
    fn next(self) -> Option<Self> {
        let deep = self.deep.checked_sub(1)?;
        self.left.set(self.left.get().checked_sub(1)?);
        Some(Steps { deep, left: self.left })
    }
}

/// Follows a path that stands in the file at `from`, with all steps that there are.
fn follow_from(workspace: &Workspace, from: &Path, path: &[String], left: &Cell<usize>) -> Option<Target> {
    follow(workspace, from, path, Steps { deep: MOST_STEPS, left })
}

/// The definitions that `name` means in the file at `path`, which has these imports. Empty when no import says where it
/// is from, or what it names is not on disk.
pub fn resolve(workspace: &Workspace, path: &Path, imports: &[Import], name: &str) -> Vec<Found> {
    let left = Cell::new(MOST_FOLLOWED);
    let named = imports.iter().filter(|import| import.name == name && !import.path.is_empty());
    let mut found: Vec<Found> =
        named.flat_map(|import| definitions(follow_from(workspace, path, &import.path, &left))).collect();
    if found.is_empty() {
        for import in imports.iter().filter(|import| import.name == EVERYTHING).take(MOST_GLOBS) {
            let mut inside = import.path.clone();
            if let Some(last) = inside.last_mut() {
                *last = name.to_owned();
            }
            found = definitions(follow_from(workspace, path, &inside, &left));
            if !found.is_empty() {
                break;
            }
        }
    }
    found
}

/// The same for a path whose first segment stands in the file.
pub(crate) fn resolve_path(workspace: &Workspace, path: &Path, imports: &[Import], segments: &[String]) -> Vec<Found> {
    let left = Cell::new(MOST_FOLLOWED);
    definitions(whole_paths(path, imports, segments).find_map(|whole| follow_from(workspace, path, &whole, &left)))
}

/// The file that is the module which a path means in the file at `path`, which has these imports.
pub(crate) fn resolve_module(
    workspace: &Workspace,
    path: &Path,
    imports: &[Import],
    segments: &[String],
) -> Option<Arc<FileSymbols>> {
    let left = Cell::new(MOST_FOLLOWED);
    whole_paths(path, imports, segments).find_map(|whole| match follow_from(workspace, path, &whole, &left)? {
        Target::Module(file) => Some(file),
        Target::Definitions(_) => None,
    })
}

/// What a path in the file at `path` may stand for: its first segment as it was imported; in Rust also as it is written.
fn whole_paths<'a>(
    path: &Path,
    imports: &'a [Import],
    segments: &'a [String],
) -> impl Iterator<Item = Vec<String>> + 'a {
    let first = segments.first();
    let imported = imports.iter().filter(move |import| Some(&import.name) == first && !import.path.is_empty());
    let imported = imported.map(|import| import.path.iter().chain(&segments[1..]).cloned().collect());
    let is_rust = halfline_grammars::by_path(path).is_some_and(|language| language.name() == "rust");
    imported.chain(is_rust.then(|| segments.to_vec()))
}

/// What a path leads to.
#[derive(Clone, Debug)]
enum Target {
    /// A file that is a module.
    Module(Arc<FileSymbols>),
    /// Definitions of one name in one file.
    Definitions(Vec<Found>),
}

fn definitions(target: Option<Target>) -> Vec<Found> {
    match target {
        Some(Target::Definitions(found)) => found,
        Some(Target::Module(_)) | None => Vec::new(),
    }
}

/// Follows a path that stands in the file at `from`.
fn follow(workspace: &Workspace, from: &Path, path: &[String], steps: Steps<'_>) -> Option<Target> {
    let steps = steps.next()?;
    match halfline_grammars::by_path(from)?.name() {
        "rust" => rust::follow(workspace, from, path, steps),
        "python" => python::follow(workspace, from, path, steps),
        _ => None,
    }
}

/// What `path` means from inside the module `file`: `child` knows where a submodule lies, of several files the best first.
fn inside(
    workspace: &Workspace,
    file: &Arc<FileSymbols>,
    path: &[String],
    steps: Steps<'_>,
    child: &dyn Fn(&Path, &str) -> Vec<Arc<FileSymbols>>,
) -> Option<Target> {
    let Some((first, rest)) = path.split_first() else { return Some(Target::Module(file.clone())) };
    for module in child(&file.path, first) {
        let found = inside(workspace, &module, rest, steps, child);
        if found.is_some() {
            return found;
        }
    }
    let own = own_definitions(file, first, rest);
    if !own.is_empty() {
        return Some(Target::Definitions(own));
    }
    for import in file.imports.iter().filter(|import| import.name == *first && !import.path.is_empty()) {
        // `mod name;` leads to the child that was not there.
        if import.path.first().is_some_and(|start| start == "self") && import.path.len() == 2 {
            continue;
        }
        let whole: Vec<String> = import.path.iter().chain(rest).cloned().collect();
        let found = follow(workspace, &file.path, &whole, steps);
        if found.is_some() {
            return found;
        }
    }
    for import in file.imports.iter().filter(|import| import.name == EVERYTHING).take(MOST_GLOBS) {
        let prefix = import.path.len().saturating_sub(1);
        let whole: Vec<String> = import.path.iter().take(prefix).chain(path).cloned().collect();
        let found = follow(workspace, &file.path, &whole, steps);
        if found.is_some() {
            return found;
        }
    }
    None
}

/// The definitions in `file` that `first` means, or, where a path goes on, the member of it.
fn own_definitions(file: &Arc<FileSymbols>, first: &str, rest: &[String]) -> Vec<Found> {
    let all = |fits: &dyn Fn(&Definition) -> bool| -> Vec<Found> {
        let indices = file.definitions.iter().enumerate().filter(|(_, definition)| fits(definition));
        indices.map(|(index, _)| Found { file: file.clone(), index }).collect()
    };
    let top = |definition: &Definition| definition.name == first && definition.container.is_none();
    match rest.last() {
        None => all(&top),
        Some(member) if !all(&top).is_empty() => all(&|definition| {
            definition.name == *member && definition.container.as_ref().is_none_or(|line| has_word(line, first))
        }),
        Some(_) => Vec::new(),
    }
}

/// Whether `word` stands in `line` as a whole word.
pub(crate) fn has_word(line: &str, word: &str) -> bool {
    line.split(|ch: char| ch != '_' && !ch.is_alphanumeric()).any(|part| part == word)
}

/// Those of these files that are there.
fn files(workspace: &Workspace, paths: impl IntoIterator<Item = PathBuf>) -> Vec<Arc<FileSymbols>> {
    paths.into_iter().filter_map(|path| workspace.file_or_dependency(&path)).collect()
}

/// The first of these files that is there.
fn first_file(workspace: &Workspace, paths: impl IntoIterator<Item = PathBuf>) -> Option<Arc<FileSymbols>> {
    paths.into_iter().find_map(|path| workspace.file_or_dependency(&path))
}

#[cfg(test)]
mod tests;

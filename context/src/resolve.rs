//! From a name in a file to its definition: through the file's imports, other files' re-exports, and the modules of Rust
//! and Python as they lie in directories.
//!
//! Within the workspace nothing is read from disk. A dependency's source (a crate of the cargo registry, a package of a
//! virtual environment) is read when a name leads there, and kept.

mod python;
mod rust;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::{Path, PathBuf};
use std::slice;
use std::sync::Arc;

use crate::symbols::{Definition, EVERYTHING, Import};
use crate::workspace::{FileSymbols, Found, Workspace, is_late};

/// Imports that lead to imports are followed so far.
const MOST_STEPS: usize = 6;
/// Files that import everything from others are followed so broadly.
const MOST_GLOBS: usize = 8;
/// Imports that are followed from one place at all. Crates that re-export everything from each other have ways without end,
/// and a name that none of them has would be looked for on all.
const MOST_FOLLOWED: usize = 64;

/// How far imports are followed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Also to the sources of dependencies.
    Everywhere,
    /// To files of the workspace.
    Workspace,
}

/// What has been followed while one thing is looked for.
struct Walk {
    reach: Reach,
    left: Cell<usize>,
    /// Paths and the files that they stand in, with how deep it was looked from there.
    asked: RefCell<HashMap<(PathBuf, Vec<String>), usize>>,
}

/// How much further imports may be followed.
#[derive(Clone, Copy)]
struct Steps<'a> {
    deep: usize,
    walk: &'a Walk,
}

impl Steps<'_> {
    /// What is left when `path` in the file at `from` is followed; `None` when that is too much, or was in vain already.
    fn next(self, from: &Path, path: &[String]) -> Option<Self> {
        let deep = self.deep.checked_sub(1).filter(|_| !is_late())?;
        let mut asked = self.walk.asked.borrow_mut();
        let before = asked.entry((from.to_owned(), path.to_vec()));
        if let Entry::Occupied(before) = &before
            && *before.get() >= deep
        {
            return None;
        }
        before.insert_entry(deep);
        self.walk.left.set(self.walk.left.get().checked_sub(1)?);
        Some(Steps { deep, ..self })
    }
}

/// Follows these paths, which stand in the file at `from`, to the first thing that is `wanted`. What is near is looked at
/// first, whichever path leads there.
fn search<T>(
    workspace: &Workspace,
    reach: Reach,
    from: &Path,
    paths: &[Vec<String>],
    wanted: impl Fn(Target) -> Option<T>,
) -> Option<T> {
    let walk = Walk { reach, left: Cell::new(MOST_FOLLOWED), asked: RefCell::default() };
    let tries = (1..=MOST_STEPS).flat_map(|deep| paths.iter().map(move |path| (deep, path)));
    let mut found = tries.filter_map(|(deep, path)| follow(workspace, from, path, Steps { deep, walk: &walk }));
    found.find_map(wanted)
}

/// The definitions that `name` means in the file at `path`, which has these imports. Empty when no import says where it
/// is from, or what it names is not on disk.
pub fn resolve(workspace: &Workspace, path: &Path, imports: &[Import], name: &str) -> Vec<Found> {
    resolve_within(workspace, Reach::Everywhere, path, imports, name)
}

/// The same, as far as `reach`.
pub(crate) fn resolve_within(
    workspace: &Workspace,
    reach: Reach,
    path: &Path,
    imports: &[Import],
    name: &str,
) -> Vec<Found> {
    let named = imports.iter().filter(|import| import.name == name && !import.path.is_empty());
    let found: Vec<Found> = named
        .filter_map(|import| search(workspace, reach, path, slice::from_ref(&import.path), definitions))
        .flatten()
        .collect();
    if !found.is_empty() {
        return found;
    }
    let globs = imports.iter().filter(|import| import.name == EVERYTHING).take(MOST_GLOBS);
    let inside = globs.map(|import| {
        let mut inside = import.path.clone();
        if let Some(last) = inside.last_mut() {
            *last = name.to_owned();
        }
        inside
    });
    search(workspace, reach, path, &inside.collect::<Vec<_>>(), definitions).unwrap_or_default()
}

/// The same for a path whose first segment stands in the file.
pub(crate) fn resolve_path(workspace: &Workspace, path: &Path, imports: &[Import], segments: &[String]) -> Vec<Found> {
    let mut paths = whole_paths(path, imports, segments);
    paths.find_map(|whole| search(workspace, Reach::Everywhere, path, &[whole], definitions)).unwrap_or_default()
}

/// The file that is the module which a path means in the file at `path`, which has these imports.
pub(crate) fn resolve_module(
    workspace: &Workspace,
    path: &Path,
    imports: &[Import],
    segments: &[String],
) -> Option<Arc<FileSymbols>> {
    let module = |target| match target {
        Target::Module(file) => Some(file),
        Target::Definitions(_) => None,
    };
    whole_paths(path, imports, segments).find_map(|whole| search(workspace, Reach::Everywhere, path, &[whole], module))
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

fn definitions(target: Target) -> Option<Vec<Found>> {
    match target {
        Target::Definitions(found) => Some(found),
        Target::Module(_) => None,
    }
}

/// Follows a path that stands in the file at `from`.
fn follow(workspace: &Workspace, from: &Path, path: &[String], steps: Steps<'_>) -> Option<Target> {
    let steps = steps.next(from, path)?;
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

//! A copy of the user's files in which candidates are tried. Nothing here ever writes to the originals.
//!
//! Files are copied, never linked: a test that writes into a file would write into the user's. Where the file system can
//! share blocks (`copy_file_range`), a copy costs no space. The copy of a project keeps its place in the cache directory
//! from one time to the next, together with the build's outputs, so that a build tool finds its work done.
//!
//! Shared with the user are only directories of installed packages (`LINKED`): a test that writes into them writes into the
//! user's.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::Texts;
use crate::cache::workspace_name;

/// The most files that are copied.
const MOST_FILES: usize = 50_000;
/// The most bytes that are copied.
const MOST_BYTES: u64 = 1 << 30;
/// Trees of at most so many files are brought back to the original before every check, whatever tests have left there.
const TIDY_FILES: usize = 2_000;
/// Directories of installed packages: needed to run anything, too large to copy, and linked to.
const LINKED: [&str; 4] = ["node_modules", ".venv", "venv", "env"];
/// Files by which a directory says that it is a Python project, which may be installed in editable mode.
const PYTHON_PROJECT: [&str; 3] = ["pyproject.toml", "setup.cfg", "setup.py"];
/// Directories in which such files are there to be looked at, and nothing is installed from.
const SAMPLES: [&str; 6] = ["docs", "examples", "fixtures", "test", "testdata", "tests"];
/// Directories that nothing needs.
const LEFT_OUT: [&str; 9] =
    [".git", ".hg", ".jj", "__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".tox", ".halfline"];

/// What is copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Everything below the root.
    Tree,
    /// These files, relative to the root.
    Files(Vec<PathBuf>),
}

/// A copy of the files below a root.
#[derive(Debug)]
pub(super) struct Scratch {
    root: PathBuf,
    extent: Extent,
    /// What an editor has open and not saved.
    open: Texts,
    tree: PathBuf,
    target: PathBuf,
    /// The files that are copied, in order, relative to the root.
    files: Vec<PathBuf>,
    /// The files whose copy differs from the original on purpose.
    changed: HashSet<PathBuf>,
    /// Held as long as this lives: nobody else may use the same place.
    _lock: Option<File>,
    _temporary: TempDir,
}

impl Scratch {
    /// Copies `extent` of `root`. `cache` is where copies of projects are kept.
    pub(super) fn new(root: &Path, extent: Extent, open: Texts, cache: &Path) -> io::Result<Scratch> {
        let temporary = tempfile::Builder::new().prefix("halfline-").tempdir()?;
        let mut place = temporary.path().to_owned();
        let mut lock = None;
        if extent == Extent::Tree {
            let kept = cache.join("checks").join(workspace_name(root));
            fs::create_dir_all(&kept)?;
            let file = File::options().create(true).truncate(false).write(true).open(kept.join("lock"))?;
            match file.try_lock() {
                Ok(()) => {
                    lock = Some(file);
                    place = kept;
                }
                // Someone else is at work on the same project; a place of our own is slower, and right.
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        let mut scratch = Scratch {
            root: root.to_owned(),
            extent,
            open,
            tree: place.join("tree"),
            target: place.join("target"),
            files: Vec::new(),
            changed: HashSet::new(),
            _lock: lock,
            _temporary: temporary,
        };
        fs::create_dir_all(scratch.temporary())?;
        scratch.copy_all()?;
        Ok(scratch)
    }

    /// The root of the copy.
    pub(super) fn tree(&self) -> &Path {
        &self.tree
    }

    /// The files that are copied, in order, relative to the root.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        self.files.clone()
    }

    /// Directories of the copy that Python packages are imported from, where the project says that it is one: what was installed
    /// in editable mode leads to the originals, and these go before it.
    pub(super) fn python_roots(&self) -> Vec<PathBuf> {
        let is_named =
            |path: &PathBuf, names: &[&str]| path.file_name().is_some_and(|name| names.iter().any(|one| name == *one));
        let is_sample = |path: &Path| path.iter().any(|part| SAMPLES.iter().any(|name| part == *name));
        let mut projects: Vec<&Path> =
            self.files.iter().filter(|path| is_named(path, &PYTHON_PROJECT)).filter_map(|path| path.parent()).collect();
        projects.retain(|project| !is_sample(project));
        projects.sort_by_key(|project| project.components().count());
        projects.dedup();
        let has_code = |directory: &Path| {
            let from = self.files.partition_point(|path| path.as_path() < directory);
            let mut below = self.files[from..].iter().take_while(|path| path.starts_with(directory));
            below.any(|path| path.extension().is_some_and(|ending| ending == "py"))
        };
        let roots = projects.into_iter().flat_map(|project| [project.join("src"), project.to_owned()]);
        let in_copy =
            |root: PathBuf| if root.as_os_str().is_empty() { self.tree.clone() } else { self.tree.join(root) };
        roots.filter(|root| has_code(root)).map(in_copy).collect()
    }

    /// Where build tools keep their outputs.
    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    /// Where programs put temporary files; gone with this.
    pub(super) fn temporary(&self) -> PathBuf {
        self._temporary.path().join("tmp")
    }

    /// The original's text of a file, as the editor has it or as it is on disk.
    pub(super) fn original(&self, path: &Path) -> io::Result<String> {
        match self.open.get(path) {
            Some(text) => Ok(text.clone()),
            None => halfline_context::workspace::read_text(&self.root.join(path)),
        }
    }

    /// Makes the copy the original with `texts` in it.
    pub(super) fn put(&mut self, texts: &Texts) -> io::Result<()> {
        if self.files.len() <= TIDY_FILES {
            self.copy_all_but(texts)?;
        } else {
            for path in std::mem::take(&mut self.changed) {
                if texts.contains_key(&path) {
                    continue;
                }
                match self.original(&path) {
                    Ok(text) => self.write(&path, text.as_bytes())?,
                    // It was new.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => fs::remove_file(self.tree.join(&path))?,
                    Err(error) => return Err(error),
                }
            }
        }
        for (path, text) in texts {
            self.write(path, text.as_bytes())?;
            self.changed.insert(path.clone());
        }
        Ok(())
    }

    fn copy_all(&mut self) -> io::Result<()> {
        self.copy_all_but(&BTreeMap::new())
    }

    fn copy_all_but(&mut self, texts: &Texts) -> io::Result<()> {
        fs::create_dir_all(&self.tree)?;
        let mut plan = Plan::default();
        match &self.extent {
            Extent::Tree => plan.walk(&self.root, &self.tree, Path::new(""))?,
            Extent::Files(files) => plan.files.extend(files.iter().cloned()),
        }
        plan.files.extend(self.open.keys().cloned());
        self.files = plan.files.iter().cloned().collect();
        self.files.sort_unstable();
        let above: Vec<PathBuf> = plan
            .files
            .iter()
            .chain(&plan.links)
            .flat_map(|file| file.ancestors().skip(1))
            .map(Path::to_owned)
            .collect();
        plan.directories.extend(above);
        remove_strangers(&self.tree, Path::new(""), &plan)?;
        for path in plan.files.iter().filter(|path| !texts.contains_key(*path)) {
            match self.open.get(path) {
                Some(text) => self.write(path, text.as_bytes())?,
                None => self.copy(path)?,
            }
        }
        for path in &plan.links {
            link(&self.root.join(path), &self.tree.join(path))?;
        }
        self.changed.clear();
        Ok(())
    }

    /// Copies a file whose copy is not the same. One that is stays as it is: its time tells build tools so.
    fn copy(&self, path: &Path) -> io::Result<()> {
        let (from, to) = (self.root.join(path), self.tree.join(path));
        if is_same(&from, &to)? {
            return Ok(());
        }
        make_room(&to)?;
        fs::copy(&from, &to)?;
        // Some file systems copy the time too, and a build tool would take an older one for no change.
        let mut permissions = fs::metadata(&to)?.permissions();
        set_writable(&mut permissions);
        fs::set_permissions(&to, permissions)?;
        File::options().write(true).open(&to)?.set_modified(std::time::SystemTime::now())
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let to = self.tree.join(path);
        if fs::read(&to).is_ok_and(|present| present == bytes) && !is_link(&to) {
            return Ok(());
        }
        make_room(&to)?;
        fs::write(&to, bytes)
    }
}

/// What a copy has.
#[derive(Default)]
struct Plan {
    files: HashSet<PathBuf>,
    links: HashSet<PathBuf>,
    directories: HashSet<PathBuf>,
    bytes: u64,
}

impl Plan {
    fn walk(&mut self, root: &Path, tree: &Path, below: &Path) -> io::Result<()> {
        let entries = match fs::read_dir(root.join(below)) {
            Ok(entries) => entries,
            // What the user may not read, a check of the user's would not see either.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(()),
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            let (name, path) = (entry.file_name(), below.join(entry.file_name()));
            let name = name.to_string_lossy();
            let kind = entry.file_type()?;
            let inside_itself = tree.starts_with(root.join(&path));
            if kind.is_dir() {
                if LINKED.contains(&name.as_ref()) && is_packages(&entry.path()) {
                    self.links.insert(path);
                } else if !LEFT_OUT.contains(&name.as_ref()) && !inside_itself && !is_build_output(&entry.path()) {
                    self.directories.insert(path.clone());
                    self.walk(root, tree, &path)?;
                }
            } else if kind.is_file() || entry.path().is_file() {
                self.bytes += fs::metadata(entry.path()).map_or(0, |metadata| metadata.len());
                self.files.insert(path);
                if self.files.len() > MOST_FILES || self.bytes > MOST_BYTES {
                    return Err(io::Error::other(format!(
                        "{} is too large to copy (over {MOST_FILES} files or {} MiB); name a smaller directory with --root",
                        root.display(),
                        MOST_BYTES >> 20
                    )));
                }
            }
        }
        Ok(())
    }
}

/// Whether a directory was marked as one that a tool can make again, as cargo does with `target`.
fn is_build_output(directory: &Path) -> bool {
    directory.join("CACHEDIR.TAG").is_file()
}

fn is_packages(directory: &Path) -> bool {
    directory.file_name().is_some_and(|name| name == "node_modules") || directory.join("pyvenv.cfg").is_file()
}

fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink())
}

fn is_same(from: &Path, to: &Path) -> io::Result<bool> {
    let Ok(present) = fs::symlink_metadata(to) else { return Ok(false) };
    if !present.is_file() || present.len() != fs::metadata(from)?.len() {
        return Ok(false);
    }
    Ok(fs::read(from)? == fs::read(to)?)
}

/// Makes the directories above `path`, and takes away what stands there if it is no plain file: writing through a link
/// that a test has left would write to who knows where.
fn make_room(path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(_) => Ok(()),
    }
}

/// Removes what is in the copy and not in the plan.
fn remove_strangers(tree: &Path, below: &Path, plan: &Plan) -> io::Result<()> {
    for entry in fs::read_dir(tree.join(below))? {
        let entry = entry?;
        let path = below.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            if plan.directories.contains(&path) {
                remove_strangers(tree, &path, plan)?;
            } else {
                fs::remove_dir_all(entry.path())?;
            }
        } else if kind.is_symlink() || !plan.files.contains(&path) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn set_writable(permissions: &mut fs::Permissions) {
    use std::os::unix::fs::PermissionsExt;
    permissions.set_mode(permissions.mode() | 0o600);
}

#[cfg(not(unix))]
fn set_writable(permissions: &mut fs::Permissions) {
    permissions.set_readonly(false);
}

#[cfg(unix)]
fn link(from: &Path, to: &Path) -> io::Result<()> {
    make_room(to)?;
    std::os::unix::fs::symlink(from, to)
}

#[cfg(not(unix))]
fn link(from: &Path, to: &Path) -> io::Result<()> {
    make_room(to)?;
    std::os::windows::fs::symlink_dir(from, to)
}

#[cfg(test)]
mod tests;

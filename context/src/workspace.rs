//! What is known of a directory: its source files, the names that they define, bring in and use, and their words.
//!
//! A scan reads what is new or has changed, told by size and time of change, in parallel; look-ups never touch the disk.
//! With a directory to keep its index in, a workspace starts with what was known last time. Which files are read at all
//! is [`walk`]'s matter, how symbols are stored [`store`]'s, and how words are searched `retrieval`'s.

mod dependencies;
mod file;
mod kept;
mod known;
mod open;
mod scan;
mod store;
mod update;
mod walk;
mod watch;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{
    Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError,
};
use std::time::{Duration, Instant};

use crate::completion::Remembered;
use crate::resolve::Reach;
use crate::retrieval::chunk::Chunk;
use crate::retrieval::words::{Words, Writing};
use crate::retrieval::{Dense, Embedder, VectorStore};
use crate::symbols::Definition;
use dependencies::Dependencies;
use kept::Kept;
use known::Known;
use open::OpenFiles;
use walk::{Seen, Walked};

pub(crate) use dependencies::{is_late, within};
pub use file::FileSymbols;
pub(crate) use file::{Stamp, hash, path_hash};
pub use scan::{ScanLimits, ScanReport};
pub use walk::{MAX_FILE_BYTES, Skipped, is_secret, read_text};
pub use watch::{Watching, watch};

/// A name that more files define is everywhere.
const FEW_FILES: usize = 32;
/// Files in which mentions of a name are counted.
const MOST_COUNTED: usize = 512;

/// A definition found by name.
#[derive(Clone, Debug)]
pub struct Found {
    /// The file that it is in.
    pub file: Arc<FileSymbols>,
    /// Its place in `file.definitions`.
    pub index: usize,
}

impl Found {
    /// The definition.
    pub fn definition(&self) -> &Definition {
        &self.file.definitions[self.index]
    }
}

/// A directory and what is known of the files under it. Safe to use from any thread, also during a scan.
#[derive(Debug)]
pub struct Workspace {
    root: PathBuf,
    known: RwLock<Known>,
    open: OpenFiles,
    kept: Option<Kept>,
    /// What is known of the meaning of its chunks, once a model for that is there.
    dense: OnceLock<Dense>,
    dependencies: Dependencies,
    /// Code like that above the cursors, as it was last found.
    remembered: Remembered,
    /// Held by a scan: two at once would read everything twice.
    scanning: Mutex<()>,
}

impl Workspace {
    /// The workspace at `root`, with nothing read yet and nothing kept. It cannot be searched by words.
    pub fn new(root: impl Into<PathBuf>) -> Workspace {
        let root = root.into();
        Workspace {
            known: RwLock::new(Known::of(root.clone())),
            root,
            open: OpenFiles::default(),
            kept: None,
            dense: OnceLock::new(),
            dependencies: Dependencies::default(),
            remembered: Remembered::default(),
            scanning: Mutex::default(),
        }
    }

    /// The workspace at `root` with what is kept of it under `cache`; what cannot be read there counts as not kept.
    /// Nothing is read from the workspace itself.
    pub fn open(root: impl Into<PathBuf>, cache: &Path) -> Workspace {
        let root: PathBuf = root.into();
        let mut workspace = Workspace::new(root);
        let name = workspace.root.file_name().map_or("root".into(), |name| name.to_string_lossy());
        let directory = cache.join(format!("{name}-{:016x}", hash(&workspace.root.to_string_lossy())));
        let words_directory = directory.join("words");
        let words = std::fs::create_dir_all(&words_directory)
            .map_err(|error| error.to_string())
            .and_then(|()| Words::open(&words_directory).map_err(|error| error.to_string()));
        match words {
            Ok(words) => {
                let stored = store::load(&directory, &workspace.root).unwrap_or_default();
                workspace.known_mut().fill(stored.files, stored.refused);
                workspace.kept = Some(Kept::new(directory, words, stored.generation));
            }
            Err(error) => tracing::warn!(directory = %directory.display(), "the index cannot be kept: {error}"),
        }
        workspace
    }

    /// The generation of the index: another one knows other words.
    pub fn generation(&self) -> u64 {
        self.kept.as_ref().map_or(0, |kept| kept.words.loaded_generation())
    }

    pub(crate) fn remembered(&self) -> &Remembered {
        &self.remembered
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Walks the directory and reads what is new or changed; files that are gone are forgotten if the walk completes.
    /// Blocks for up to `limits.time` and a file's reading; ends early once `cancelled` is set.
    pub fn scan(&self, limits: &ScanLimits, cancelled: &AtomicBool) -> ScanReport {
        self.scan_with(limits, cancelled, |_, _| {})
    }

    /// The same; `progress` hears how many of how many files have been read, from several threads.
    pub fn scan_with(
        &self,
        limits: &ScanLimits,
        cancelled: &AtomicBool,
        progress: impl Fn(usize, usize) + Sync,
    ) -> ScanReport {
        let deadline = Instant::now() + limits.time;
        let go_on = || !cancelled.load(Ordering::Relaxed) && Instant::now() <= deadline;
        let Some(_alone) = self.wait_for_other_scans(go_on) else {
            let mut report = ScanReport::default();
            self.count(&mut report);
            return report;
        };
        let Walked { files: mut seen, directories, skipped } = walk::walk(&self.root, go_on);
        let mut report = ScanReport { complete: go_on(), skipped, ..ScanReport::default() };
        if seen.len() > limits.files {
            seen.sort_by(|a, b| a.path.cmp(&b.path));
            seen.truncate(limits.files);
            report.complete = false;
        }

        let mut writing = self.writing();
        let mut dirty = false;
        if let (Some(kept), Some(words)) = (&self.kept, &writing)
            && !kept.agrees()
        {
            dirty = true;
            if let Err(error) = self.go_back_to_stored(kept, words) {
                tracing::warn!("the word index cannot be cleared: {error}");
                writing = None;
            }
        }
        let changed: Vec<&Seen> = {
            let known = self.known();
            for seen in &seen {
                if let Some((_, why)) = known.refused.get(&seen.path).filter(|(stamp, _)| *stamp == seen.stamp) {
                    report.skipped.push(Skipped { path: seen.path.clone(), why: why.clone() });
                }
            }
            seen.iter().filter(|seen| known.stamp(&seen.path) != Some(seen.stamp)).collect()
        };
        let outcome = self.read_all(&changed, limits.bytes, &go_on, writing.as_ref(), &progress);
        report.read = outcome.read;
        report.complete &= outcome.complete;
        report.skipped.extend(outcome.skipped);
        report.skipped.sort();
        dirty |= !changed.is_empty();
        if report.complete {
            let seen: HashSet<&Path> = seen.iter().map(|seen| seen.path.as_path()).collect();
            let is_gone = |path: &&PathBuf| !seen.contains(path.as_path());
            let gone: Vec<PathBuf> = self.known().ids.keys().filter(is_gone).cloned().collect();
            dirty |= !gone.is_empty();
            gone.iter().for_each(|path| self.forget(path, writing.as_ref()));
            self.known_mut().refused.retain(|path, _| seen.contains(path.as_path()));
        }
        if dirty {
            self.keep(writing);
        }
        let crates = dependencies::members(&self.known());
        {
            let mut known = self.known_mut();
            known.crates = crates;
            known.directories = directories;
        }
        self.count(&mut report);
        report
    }

    /// Whether a scan would look at the file at `path`, source or not: it lies inside, and is neither hidden nor ignored.
    pub fn would_read(&self, path: &Path) -> bool {
        walk::comes_by(&self.root, path)
    }

    /// The definitions with exactly this name, ordered by path and place.
    pub fn find(&self, name: &str) -> Vec<Found> {
        let known = self.known();
        let ids = known.names.get(&hash(name)).map(Vec::as_slice).unwrap_or_default();
        let mut files: Vec<Arc<FileSymbols>> =
            ids.iter().filter_map(|&id| known.files.get(id as usize)?.clone()).collect();
        drop(known);
        let open = self.open_files();
        files.retain(|file| !open.iter().any(|open| open.path() == file.path));
        files.extend(open.iter().filter(|open| open.defines(name)).map(|open| self.symbols_of_open(open)));
        files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        files
            .into_iter()
            .flat_map(|file| {
                let matching = file.definitions.iter().enumerate().filter(|(_, definition)| definition.name == name);
                matching.map(|(index, _)| Found { file: file.clone(), index }).collect::<Vec<_>>()
            })
            .collect()
    }

    /// The same, where few files define the name: one that is everywhere says nothing.
    pub(crate) fn find_in_few(&self, name: &str) -> Vec<Found> {
        let is_everywhere = self.known().names.get(&hash(name)).is_some_and(|ids| ids.len() > FEW_FILES);
        if is_everywhere { Vec::new() } else { self.find(name) }
    }

    /// The files in which an identifier of this name stands, ordered by path.
    pub fn mentions(&self, name: &str) -> Vec<Arc<FileSymbols>> {
        let mut files = self.files();
        files.retain(|file| file.mentions(name));
        files.into_iter().map(|file| self.open_file(&file.path).unwrap_or(file)).collect()
    }

    /// In how many files each of these names stands; in a large workspace, of some files only.
    pub(crate) fn mention_counts(&self, names: &[&str]) -> Vec<usize> {
        let known = self.known();
        let step = known.files.len() / MOST_COUNTED + 1;
        let mut counts = vec![0; names.len()];
        for file in known.files.iter().step_by(step).flatten() {
            for (count, name) in counts.iter_mut().zip(names) {
                *count += usize::from(file.mentions(name));
            }
        }
        counts
    }

    /// What is known of the file at `path`, as it is in the editor or else on disk.
    pub fn file(&self, path: &Path) -> Option<Arc<FileSymbols>> {
        self.open_file(path).or_else(|| self.known().get(path).cloned())
    }

    /// The same, or a file of a dependency, which is read if it has to be.
    pub(crate) fn file_or_dependency(&self, path: &Path) -> Option<Arc<FileSymbols>> {
        self.file(path).or_else(|| self.dependencies.file(&self.root, path))
    }

    /// The root file of the crate that the file `from` calls `name`: one of the workspace, or one that it depends on if
    /// those are within `reach`.
    pub(crate) fn crate_root(&self, from: &Path, name: &str, reach: Reach) -> Option<Arc<FileSymbols>> {
        let own = |name: &str| self.known().crates.get(name).cloned();
        let renamed = || own(&self.dependencies.package(&self.root, from, name)?.replace('-', "_"));
        let outside = || match reach {
            Reach::Everywhere => self.dependencies.crate_root(&self.root, from, name),
            Reach::Workspace => None,
        };
        self.file_or_dependency(&own(name).or_else(renamed).or_else(outside)?)
    }

    /// Where packages of Python are installed for this workspace.
    pub(crate) fn site_packages(&self) -> Arc<[PathBuf]> {
        self.dependencies.site_packages(&self.root)
    }

    /// The files with these [`path_hash`]es.
    pub(crate) fn files_by_hash(&self, wanted: &HashSet<u64>) -> HashMap<u64, Arc<FileSymbols>> {
        let known = self.known();
        let file = |hash: &u64| Some((*hash, known.files.get(*known.by_hash.get(hash)? as usize)?.clone()?));
        wanted.iter().filter_map(file).collect()
    }

    /// Every file known, ordered by path.
    pub fn files(&self) -> Vec<Arc<FileSymbols>> {
        let mut files: Vec<_> = self.known().files.iter().flatten().cloned().collect();
        files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        files
    }

    /// Whether the last scan looked into this directory.
    fn knows_directory(&self, path: &Path) -> bool {
        self.known().directories.iter().any(|directory| directory == path)
    }

    /// The directories that the last scan looked into.
    fn directories(&self) -> Vec<PathBuf> {
        self.known().directories.clone()
    }

    /// The path of `path` as a reader wants it: relative to the workspace where it is inside, and to where packages lie
    /// for a dependency, with `/`.
    pub fn display_path(&self, path: &Path) -> String {
        let inside = path.strip_prefix(&self.root).ok().or_else(|| self.dependencies.display_path(path));
        inside.unwrap_or(path).to_string_lossy().replace('\\', "/")
    }

    /// The words of the workspace; `None` where none are kept.
    pub(crate) fn words(&self) -> Option<&Words> {
        self.kept.as_ref().map(|kept| &kept.words)
    }

    /// Makes the workspace one that can be searched by meaning: with the vectors that are kept, and those that
    /// [`Dense::compute`] will add. The first model stays.
    pub fn embed_with(&self, embedder: Arc<dyn Embedder>) -> &Dense {
        self.dense.get_or_init(|| Dense::open(self, embedder, None))
    }

    /// The same with vectors that a store elsewhere has, or will have.
    pub fn embed_at(&self, embedder: Arc<dyn Embedder>, store: Arc<dyn VectorStore>) -> &Dense {
        self.dense.get_or_init(|| Dense::open(self, embedder, Some(store)))
    }

    /// The vectors of the workspace, if there is a model for them.
    pub fn dense(&self) -> Option<&Dense> {
        self.dense.get()
    }

    /// Where the index is kept, if it is.
    pub(crate) fn directory(&self) -> Option<&Path> {
        self.kept.as_ref().map(|kept| kept.directory.as_path())
    }

    /// Whether the file on disk is another than the one that was read.
    pub(crate) fn is_stale(file: &FileSymbols) -> bool {
        !std::fs::metadata(&file.path).is_ok_and(|metadata| Stamp::of(&metadata) == file.stamp)
    }

    /// The right to scan; `None` when another scan outlasts what `go_on` allows.
    fn wait_for_other_scans(&self, go_on: impl Fn() -> bool) -> Option<MutexGuard<'_, ()>> {
        loop {
            match self.scanning.try_lock() {
                Ok(guard) => return Some(guard),
                Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) if go_on() => std::thread::sleep(Duration::from_millis(5)),
                Err(TryLockError::WouldBlock) => return None,
            }
        }
    }

    fn writing(&self) -> Option<Writing<'_>> {
        self.kept.as_ref().and_then(|kept| kept.words.write())
    }

    /// Reads all of `changed` with every core; stops when `go_on` says so or after so many bytes.
    fn read_all(
        &self,
        changed: &[&Seen],
        most_bytes: u64,
        go_on: &(impl Fn() -> bool + Sync),
        writing: Option<&Writing<'_>>,
        progress: &(impl Fn(usize, usize) + Sync),
    ) -> ReadOutcome {
        let (next, bytes) = (AtomicUsize::new(0), AtomicU64::new(0));
        let work = || {
            let mut outcome = ReadOutcome { read: 0, complete: true, skipped: Vec::new() };
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(seen) = changed.get(index) else { return outcome };
                if !go_on() || bytes.fetch_add(seen.stamp.bytes, Ordering::Relaxed) >= most_bytes {
                    outcome.complete = false;
                    return outcome;
                }
                match read_file(&seen.path, seen.stamp) {
                    Ok((file, chunks)) => {
                        self.learn(file, chunks, writing);
                        outcome.read += 1;
                    }
                    Err(why) => {
                        self.forget(&seen.path, writing);
                        self.known_mut().refused.insert(seen.path.clone(), (seen.stamp, why.clone()));
                        outcome.skipped.push(Skipped { path: seen.path.clone(), why });
                    }
                }
                progress(index + 1, changed.len());
            }
        };
        std::thread::scope(|scope| {
            let threads = walk::threads().min(changed.len().max(1));
            let helpers: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
            let mut all = work();
            for helper in helpers {
                // A thread that panicked leaves its files unread; the next scan reads them.
                let outcome = helper.join().unwrap_or_default();
                all.read += outcome.read;
                all.complete &= outcome.complete;
                all.skipped.extend(outcome.skipped);
            }
            all
        })
    }

    fn learn(&self, file: FileSymbols, chunks: Vec<Chunk>, writing: Option<&Writing<'_>>) {
        let is_new = self.known().get(&file.path).is_none();
        self.write_words(&file.path, chunks, is_new, writing);
        self.known_mut().put(Arc::new(file));
    }

    /// Puts `chunks` in the place of a file's words, of which there are none if it is new, or notes that nobody has.
    fn write_words(&self, path: &Path, chunks: Vec<Chunk>, is_new: bool, writing: Option<&Writing<'_>>) {
        let Some(kept) = &self.kept else { return };
        let Some(writing) = writing else { return kept.note_unwritten() };
        if let Err(error) = writing.replace(path_hash(&self.root, path), chunks, is_new) {
            tracing::warn!(path = %path.display(), "its words are not indexed: {error}");
            kept.note_unwritten();
        }
    }

    fn forget(&self, path: &Path, writing: Option<&Writing<'_>>) {
        if self.known().get(path).is_some() {
            self.write_words(path, Vec::new(), false, writing);
            self.known_mut().remove(path);
        }
    }

    /// Writes what is known to disk, words first, if this process is the one that writes.
    fn keep(&self, writing: Option<Writing<'_>>) {
        let (Some(kept), Some(writing)) = (&self.kept, writing) else { return };
        // Taken before it is asked whether all was written: a scan that may not write can be under way beside this.
        let files = self.files();
        if kept.is_unwritten() {
            return writing.abandon();
        }
        let generation = kept.words.generation().max(kept.generation.load(Ordering::Relaxed)) + 1;
        if let Err(error) = writing.commit(generation) {
            tracing::warn!("the word index cannot be written: {error}");
            kept.note_unwritten();
            return;
        }
        kept.generation.store(generation, Ordering::Relaxed);
        let files: Vec<&FileSymbols> = files.iter().map(AsRef::as_ref).collect();
        let saved = store::save(&kept.directory, &self.root, generation, &files, &self.known().refused);
        if let Err(error) = saved {
            tracing::warn!(directory = %kept.directory.display(), "the index cannot be written: {error}");
        }
    }

    fn count(&self, report: &mut ScanReport) {
        for file in self.known().files.iter().flatten() {
            report.files += 1;
            report.bytes += file.stamp.bytes;
            report.symbols += file.definitions.len();
            report.chunks += file.chunks;
            if let Some(language) = file.language() {
                *report.languages.entry(language.name().to_owned()).or_default() += 1;
            }
        }
    }

    // A panic elsewhere leaves the maps consistent: what is read into them is complete before they are locked.
    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn known_mut(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What reading many files came to.
#[derive(Default)]
struct ReadOutcome {
    read: usize,
    complete: bool,
    skipped: Vec<Skipped>,
}

fn read_file(path: &Path, stamp: Stamp) -> Result<(FileSymbols, Vec<Chunk>), String> {
    FileSymbols::read(path.to_owned(), stamp, &walk::read_source(path)?)
}

#[cfg(test)]
mod tests;

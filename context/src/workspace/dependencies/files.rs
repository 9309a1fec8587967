//! Files of dependencies, read when somebody asks for them and kept.
//!
//! Who has set a limit with [`within`] waits no longer than that: the file is then read in the background, and is there the
//! next time. Everyone else waits.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::super::file::{FileSymbols, Stamp};
use super::super::walk;
use super::{BELIEVED, stamp};

/// Files that are kept; beyond this no more are read.
const MOST_FILES: usize = 2_000;
/// Paths at which nothing was found that are remembered.
const MOST_ABSENT: usize = 8_000;

thread_local! {
    /// Until when this thread may wait for a file, if that was said, and whether it did without one.
    static LIMIT: Cell<Option<(Instant, bool)>> = const { Cell::new(None) };
}

/// Runs `work`, in which no file of a dependency is waited for past `deadline`, and no import followed; says whether all
/// that was wanted came in time.
pub(crate) fn within<T>(deadline: Instant, work: impl FnOnce() -> T) -> (T, bool) {
    let before = LIMIT.replace(Some((deadline, false)));
    let result = work();
    let missed = LIMIT.replace(before).is_some_and(|(_, missed)| missed);
    (result, !missed)
}

/// Whether this thread works [`within`] a limit, and that is over: what was wanted is then missed.
pub(crate) fn is_late() -> bool {
    let late = LIMIT.get().filter(|(deadline, _)| Instant::now() > *deadline);
    if let Some((deadline, _)) = late {
        LIMIT.set(Some((deadline, true)));
    }
    late.is_some()
}

/// The files.
#[derive(Debug, Default)]
pub(super) struct Files(Arc<Shelf>);

#[derive(Debug, Default)]
struct Shelf {
    state: Mutex<State>,
    /// Told whenever a file was read.
    read: Condvar,
}

#[derive(Debug, Default)]
struct State {
    known: HashMap<PathBuf, Known>,
    /// Known paths at which there is nothing.
    absent: usize,
    reading: HashSet<PathBuf>,
}

/// What was read, or that nothing could be.
#[derive(Debug)]
struct Known {
    file: Option<Arc<FileSymbols>>,
    stamp: Option<Stamp>,
    /// When that was last true.
    at: Instant,
}

impl Files {
    /// The file at `path`, if it can be read, and in time where there is a limit.
    pub(super) fn get(&self, path: &Path) -> Option<Arc<FileSymbols>> {
        let mut state = self.0.lock();
        if let Some(known) = state.known.get_mut(path) {
            if known.at.elapsed() < BELIEVED {
                return known.file.clone();
            }
            if known.stamp == stamp(path) {
                known.at = Instant::now();
                return known.file.clone();
            }
        }
        let Some((deadline, _)) = LIMIT.get() else {
            drop(state);
            return self.0.read(path);
        };
        // That nothing is there is known at once.
        if stamp(path).is_none() {
            state.keep(path, None, None);
            return None;
        }
        if state.reading.insert(path.to_owned()) {
            let (shelf, wanted) = (self.0.clone(), path.to_owned());
            let reader = std::thread::Builder::new().name("dependency".to_owned());
            if reader.spawn(move || shelf.read(&wanted)).is_err() {
                state.reading.remove(path);
                return None;
            }
        }
        let left = deadline.saturating_duration_since(Instant::now());
        let waited = self.0.read.wait_timeout_while(state, left, |state| state.reading.contains(path));
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.reading.contains(path) {
            LIMIT.set(Some((deadline, true)));
            return None;
        }
        state.known.get(path)?.file.clone()
    }
}

impl Shelf {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads a file, and lets everyone know who waits for it.
    fn read(&self, path: &Path) -> Option<Arc<FileSymbols>> {
        let stamp = stamp(path);
        let read = |stamp: Stamp| {
            let text = walk::read_text(path).ok()?;
            Some(Arc::new(FileSymbols::read(path.to_owned(), stamp, &text).ok()?.0))
        };
        let has_room = self.lock().has_room(path);
        let file = stamp.filter(|_| has_room).and_then(read);
        let mut state = self.lock();
        state.keep(path, stamp, file.clone());
        state.reading.remove(path);
        self.read.notify_all();
        file
    }
}

impl State {
    fn has_room(&self, path: &Path) -> bool {
        self.known.contains_key(path) || self.known.len() - self.absent < MOST_FILES
    }

    fn keep(&mut self, path: &Path, stamp: Option<Stamp>, file: Option<Arc<FileSymbols>>) {
        if self.absent >= MOST_ABSENT {
            self.known.retain(|_, known| known.file.is_some());
            self.absent = 0;
        }
        self.absent += usize::from(file.is_none());
        let before = self.known.insert(path.to_owned(), Known { file, stamp, at: Instant::now() });
        self.absent -= usize::from(before.is_some_and(|before| before.file.is_none()));
    }
}

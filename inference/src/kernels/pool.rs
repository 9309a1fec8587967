//! Threads for the kernels: each has a share of the pieces and takes them in order, so that it reads on in memory where it
//! has stopped; who is done takes of the others' last ones, so that a thread that loses its core delays only the piece it
//! holds.
//!
//! Between the steps of one forward pass threads spin for some microseconds, since waking one costs more than a step;
//! after that they sleep, so an idle engine takes no time at all.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

/// Spins before a waiting worker sleeps: tens of microseconds.
const SPINS: u32 = 4_000;

/// A fixed number of threads, the calling one among them.
#[derive(Debug)]
pub struct Pool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    /// The number of the last job.
    number: u64,
}

#[derive(Debug)]
struct Shared {
    /// For each thread what is left of its share, the calling thread's first.
    shares: Box<[Share]>,
    /// Pieces of the job, and those finished.
    pieces: AtomicUsize,
    done: AtomicUsize,
    /// The job's closure; read only after a piece was taken, which keeps the job alive.
    job: AtomicPtr<Job<'static>>,
    sleeping: AtomicUsize,
    /// Whether the calling thread sleeps until the last piece is finished.
    waiting: AtomicBool,
    sleep: Mutex<()>,
    wake: Condvar,
    finished: Condvar,
    panicked: AtomicBool,
    stop: AtomicBool,
}

struct Job<'a> {
    run: &'a (dyn Fn(usize) + Sync),
}

/// The number of a job (24 bits), the end of the pieces left (20 bits), and the first of them (20 bits). One word, so that a
/// thread that comes late cannot take a piece of another job than the one it looked at. On a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Share(AtomicU64);

const PIECE_BITS: u64 = 20;
const PIECE_MASK: u64 = (1 << PIECE_BITS) - 1;

impl Share {
    fn set(&self, number: u64, pieces: Range<usize>) {
        let number = (number & 0xff_ffff) << (2 * PIECE_BITS);
        self.0.store(number | (pieces.end as u64) << PIECE_BITS | pieces.start as u64, Ordering::SeqCst);
    }

    fn left(state: u64) -> Range<usize> {
        (state & PIECE_MASK) as usize..(state >> PIECE_BITS & PIECE_MASK) as usize
    }

    fn is_empty(&self) -> bool {
        Share::left(self.0.load(Ordering::SeqCst)).is_empty()
    }

    /// Takes the first piece, or for another thread the last.
    fn take(&self, first: bool) -> Option<usize> {
        let mut state = self.0.load(Ordering::SeqCst);
        loop {
            let left = Share::left(state);
            if left.is_empty() {
                return None;
            }
            let (piece, next) = if first { (left.start, state + 1) } else { (left.end - 1, state - (1 << PIECE_BITS)) };
            match self.0.compare_exchange_weak(state, next, Ordering::SeqCst, Ordering::SeqCst) {
                Ok(_) => return Some(piece),
                Err(now) => state = now,
            }
        }
    }
}

impl Pool {
    /// A pool of `threads` threads, at least one.
    pub fn new(threads: usize) -> Pool {
        let shared = Arc::new(Shared {
            shares: (0..threads.max(1)).map(|_| Share::default()).collect(),
            pieces: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            job: AtomicPtr::new(std::ptr::null_mut()),
            sleeping: AtomicUsize::new(0),
            waiting: AtomicBool::new(false),
            sleep: Mutex::new(()),
            wake: Condvar::new(),
            finished: Condvar::new(),
            panicked: AtomicBool::new(false),
            stop: AtomicBool::new(false),
        });
        let workers = (1..threads.max(1))
            .filter_map(|i| {
                let shared = Arc::clone(&shared);
                std::thread::Builder::new().name(format!("halfline-kernel-{i}")).spawn(move || shared.work(i)).ok()
            })
            .collect();
        Pool { shared, workers, number: 0 }
    }

    /// Threads, the calling one among them.
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Runs `job` once for each piece of `0..pieces`, on all threads, and returns when all are done.
    ///
    /// # Panics
    /// When a piece panicked, or `pieces` is a million or more.
    pub fn run(&mut self, pieces: usize, job: impl Fn(usize) + Sync) {
        if pieces <= 1 || self.workers.is_empty() {
            (0..pieces).for_each(job);
            return;
        }
        assert!((pieces as u64) < PIECE_MASK, "{pieces} pieces");
        let shared = &*self.shared;
        let mut handed = Job { run: &job };
        shared.pieces.store(pieces, Ordering::Relaxed);
        shared.done.store(0, Ordering::Relaxed);
        shared.job.store((&raw mut handed).cast(), Ordering::Relaxed);
        self.number += 1;
        let threads = self.workers.len() + 1;
        for (i, share) in shared.shares.iter().take(threads).enumerate() {
            share.set(self.number, pieces * i / threads..pieces * (i + 1) / threads);
        }
        if shared.sleeping.load(Ordering::SeqCst) > 0 {
            drop(shared.sleep.lock());
            shared.wake.notify_all();
        }
        while shared.take_and_run(0) {}
        let mut spins = 0u32;
        while shared.done.load(Ordering::Acquire) < pieces {
            if spins < SPINS {
                spins += 1;
                std::hint::spin_loop();
            } else {
                shared.wait_until_done(pieces);
            }
        }
        assert!(!shared.panicked.swap(false, Ordering::Relaxed), "a kernel thread panicked");
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        drop(self.shared.sleep.lock());
        self.shared.wake.notify_all();
        for worker in self.workers.drain(..) {
            // A worker's panic was reported when it happened.
            let _ = worker.join();
        }
    }
}

impl Shared {
    /// Takes one piece of the current job and runs it, if need be one of another thread's share; false when none is left.
    fn take_and_run(&self, thread: usize) -> bool {
        let (before, own) = self.shares.split_at(thread);
        let taken = own[0].take(true).or_else(|| own[1..].iter().chain(before).find_map(|share| share.take(false)));
        let Some(piece) = taken else { return false };
        // SAFETY: the piece was taken from the job that `job` was set for before its share was, and `Pool::run`, which
        // owns what it points to, waits until this piece is counted as done.
        let job = unsafe { &*self.job.load(Ordering::Relaxed) };
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (job.run)(piece))).is_err() {
            self.panicked.store(true, Ordering::Relaxed);
        }
        // The job may be gone as soon as its last piece is counted; the number of its pieces is looked up before.
        let pieces = self.pieces.load(Ordering::Relaxed);
        let is_last = self.done.fetch_add(1, Ordering::SeqCst) + 1 == pieces;
        if is_last && self.waiting.load(Ordering::SeqCst) {
            drop(self.sleep.lock());
            self.finished.notify_one();
        }
        true
    }

    /// Sleeps until all pieces are done. A worker that holds the last one may have lost its core to another program; it
    /// gets ours only when that falls idle, which a thread that spins or yields never lets it. `waiting` is raised before
    /// `done` is looked at again and a worker looks at `waiting` after raising `done`, so one of the two sees the other.
    fn wait_until_done(&self, pieces: usize) {
        let Ok(mut guard) = self.sleep.lock() else { return };
        self.waiting.store(true, Ordering::SeqCst);
        while self.done.load(Ordering::SeqCst) < pieces {
            let Ok(held) = self.finished.wait(guard) else { break };
            guard = held;
        }
        self.waiting.store(false, Ordering::SeqCst);
    }

    fn work(&self, thread: usize) {
        let mut spins = 0;
        while !self.stop.load(Ordering::Relaxed) {
            if self.take_and_run(thread) {
                spins = 0;
            } else if spins < SPINS {
                spins += 1;
                std::hint::spin_loop();
            } else {
                self.rest();
                spins = 0;
            }
        }
    }

    /// Sleeps until a job comes. `sleeping` is raised before the shares are looked at again and `run` looks at `sleeping`
    /// after setting them, so one of the two sees the other.
    fn rest(&self) {
        let Ok(guard) = self.sleep.lock() else { return };
        self.sleeping.fetch_add(1, Ordering::SeqCst);
        let idle = self.shares.iter().all(Share::is_empty);
        if idle && !self.stop.load(Ordering::SeqCst) {
            drop(self.wake.wait(guard));
        }
        self.sleeping.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::Pool;

    #[test]
    fn every_piece_runs_once_in_thousands_of_jobs() {
        let mut pool = Pool::new(3);
        for job in 0..5_000 {
            let pieces = job % 17;
            let counts: Vec<AtomicUsize> = (0..pieces).map(|_| AtomicUsize::new(0)).collect();
            pool.run(pieces, |i| {
                counts[i].fetch_add(1, Ordering::Relaxed);
            });
            assert!(counts.iter().all(|c| c.load(Ordering::Relaxed) == 1), "job {job}");
            if job % 1_000 == 0 {
                // Long enough for the workers to fall asleep.
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
        }
    }

    #[test]
    fn a_caller_that_sleeps_hears_of_the_last_piece() {
        let mut pool = Pool::new(2);
        for job in 0..200 {
            let caller = std::thread::current().id();
            let done = AtomicUsize::new(0);
            pool.run(2, |_| {
                // Longer than the caller spins.
                if std::thread::current().id() != caller {
                    std::thread::sleep(std::time::Duration::from_millis(2));
                }
                done.fetch_add(1, Ordering::Relaxed);
            });
            assert_eq!(done.into_inner(), 2, "job {job}");
        }
    }

    #[test]
    fn a_panic_in_a_piece_reaches_the_caller_and_the_pool_goes_on() {
        let mut pool = Pool::new(2);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            pool.run(8, |i| assert!(i != 5, "piece five"));
        }));
        assert!(result.is_err());
        let sum = AtomicUsize::new(0);
        pool.run(10, |i| {
            sum.fetch_add(i, Ordering::Relaxed);
        });
        assert_eq!(sum.into_inner(), 45);
    }
}

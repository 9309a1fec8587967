//! Threads for the kernels: work is handed out in pieces to whoever is free, so that a thread that loses its core delays
//! only the piece it holds.
//!
//! Between the steps of one forward pass threads spin for some microseconds, since waking one costs more than a step;
//! after that they sleep, so an idle engine takes no time at all.

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
}

#[derive(Debug)]
struct Shared {
    /// The job under way: its number (24 bits), its pieces (20 bits), and the next piece (20 bits). One word, so that a
    /// worker that comes late cannot take a piece of another job than the one it looked at.
    state: AtomicU64,
    /// Pieces finished.
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

const PIECE_BITS: u64 = 20;
const PIECE_MASK: u64 = (1 << PIECE_BITS) - 1;

impl Pool {
    /// A pool of `threads` threads, at least one.
    pub fn new(threads: usize) -> Pool {
        let shared = Arc::new(Shared {
            state: AtomicU64::new(0),
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
                std::thread::Builder::new().name(format!("halfline-kernel-{i}")).spawn(move || shared.work()).ok()
            })
            .collect();
        Pool { shared, workers }
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
        shared.done.store(0, Ordering::Relaxed);
        shared.job.store((&raw mut handed).cast(), Ordering::Relaxed);
        let number = (shared.state.load(Ordering::Relaxed) >> (2 * PIECE_BITS)).wrapping_add(1) & 0xff_ffff;
        shared.state.store(number << (2 * PIECE_BITS) | (pieces as u64) << PIECE_BITS, Ordering::SeqCst);
        if shared.sleeping.load(Ordering::SeqCst) > 0 {
            drop(shared.sleep.lock());
            shared.wake.notify_all();
        }
        while shared.take_and_run() {}
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
    /// Takes one piece of the current job and runs it; false when none is left.
    fn take_and_run(&self) -> bool {
        let mut state = self.state.load(Ordering::SeqCst);
        loop {
            let (pieces, next) = (state >> PIECE_BITS & PIECE_MASK, state & PIECE_MASK);
            if next >= pieces {
                return false;
            }
            match self.state.compare_exchange_weak(state, state + 1, Ordering::SeqCst, Ordering::SeqCst) {
                Ok(_) => {
                    // SAFETY: the piece was taken from the job that `job` was set for before `state` was, and `Pool::run`,
                    // which owns what it points to, waits until this piece is counted as done.
                    let job = unsafe { &*self.job.load(Ordering::Relaxed) };
                    let run = std::panic::AssertUnwindSafe(|| (job.run)(next as usize));
                    if std::panic::catch_unwind(run).is_err() {
                        self.panicked.store(true, Ordering::Relaxed);
                    }
                    let is_last = self.done.fetch_add(1, Ordering::SeqCst) + 1 == pieces as usize;
                    if is_last && self.waiting.load(Ordering::SeqCst) {
                        drop(self.sleep.lock());
                        self.finished.notify_one();
                    }
                    return true;
                }
                Err(now) => state = now,
            }
        }
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

    fn work(&self) {
        let mut spins = 0;
        while !self.stop.load(Ordering::Relaxed) {
            if self.take_and_run() {
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

    /// Sleeps until a job comes. `sleeping` is raised before `state` is looked at again and `run` looks at `sleeping` after
    /// setting `state`, so one of the two sees the other.
    fn rest(&self) {
        let Ok(guard) = self.sleep.lock() else { return };
        self.sleeping.fetch_add(1, Ordering::SeqCst);
        let state = self.state.load(Ordering::SeqCst);
        let idle = (state & PIECE_MASK) >= (state >> PIECE_BITS & PIECE_MASK);
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

//! A second Halfline that outlives this one by a moment, and ends what it has left behind: a signal that kills leaves no time to
//! do so oneself. It waits for the end of a pipe that nobody else holds; the system closes that whatever happens. On Linux
//! only, where the descendants of a command are found by their environment.
//!
//! The usual ways do not do: a signal at the parent's death (`PR_SET_PDEATHSIG`) reaches the direct child alone, and comes when the
//! thread ends that started it.

#[cfg(target_os = "linux")]
use linux as system;
#[cfg(not(target_os = "linux"))]
use other as system;

/// From now on, the first command of this process starts its guard. Only for the program itself: the guard is the same
/// executable.
pub(crate) fn start_first() {
    system::start_first();
}

/// Starts the guard, if this process wants one and has none.
pub(super) fn watch() {
    system::watch();
}

/// Ends the commands whose marks begin with `marks`.
pub(crate) fn end_left(marks: &str) {
    system::end_left(marks);
}

#[cfg(target_os = "linux")]
mod linux {
    use std::os::unix::process::CommandExt;
    use std::process::{Child, Command, Stdio};
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    static IS_WANTED: AtomicBool = AtomicBool::new(false);

    pub(super) fn start_first() {
        IS_WANTED.store(true, Ordering::SeqCst);
    }

    pub(super) fn watch() {
        // The child holds the pipe's other end, which closes when this process ends.
        static GUARD: OnceLock<Option<Child>> = OnceLock::new();
        if IS_WANTED.load(Ordering::SeqCst) {
            GUARD.get_or_init(|| {
                let started = start();
                started
                    .inspect_err(|error| tracing::warn!("commands may outlive a Halfline that is killed: {error}"))
                    .ok()
            });
        }
    }

    fn start() -> std::io::Result<Child> {
        // The link leads to this very program even when its file was replaced meanwhile.
        Command::new("/proc/self/exe")
            .arg0("halfline")
            .args(["guard", super::super::own_marks()])
            // Marked itself, it would be ended with a command that has started Halfline.
            .env_clear()
            .current_dir("/")
            // No key of a terminal is meant for it.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
    }

    pub(super) fn end_left(marks: &str) {
        // A process that is just becoming another program shows no environment for a moment.
        const ROUNDS: usize = 4;
        for _ in 0..ROUNDS {
            super::super::kill_with(&format!("{}={marks}", super::super::RUN_VARIABLE));
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    pub(super) fn start_first() {}

    pub(super) fn watch() {}

    pub(super) fn end_left(_marks: &str) {}
}

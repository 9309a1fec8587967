//! Watching the editor that started the server, so that the server does not outlive it.

use std::time::Duration;

use sysinfo::{Pid, Process, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System};

/// How often the parent is looked for.
const INTERVAL: Duration = Duration::from_secs(2);

/// Resolves when the process is gone. A number that is taken by another process later counts as gone. Never resolves
/// where processes cannot be looked at.
pub(crate) async fn gone(process_id: u32) {
    let mut started = None;
    loop {
        match tokio::task::spawn_blocking(move || look(process_id)).await {
            Ok(Look::Runs { since }) if *started.get_or_insert(since) == since => {}
            Ok(Look::Runs { .. } | Look::Gone) => return,
            Ok(Look::Unknown) | Err(_) => std::future::pending().await,
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

enum Look {
    /// It runs, since so many seconds after 1970 began.
    Runs { since: u64 },
    /// There is no such process (any more).
    Gone,
    /// This system does not say.
    Unknown,
}

fn look(process_id: u32) -> Look {
    let Ok(mut system) = System::new() else { return Look::Unknown };
    let pid = Pid::from_u32(process_id);
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, ProcessRefreshKind::nothing());
    let is_dead = |process: &&Process| matches!(process.status(), ProcessStatus::Zombie | ProcessStatus::Dead);
    match system.process(pid).filter(|process| !is_dead(process)) {
        Some(process) => Look::Runs { since: process.start_time() },
        None => Look::Gone,
    }
}

//! Runs a checker or a test: bounded in time, memory and output, and ended with everything it started, whether it ends,
//! takes too long, or nobody waits any more. `guard` does that where Halfline itself was killed.

pub(super) mod guard;

use std::collections::HashMap;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

/// Bytes of output kept of each stream.
const OUTPUT_BYTES: usize = 16 << 20;
/// How long the pipes of a command that has ended are read.
const DRAIN_TIME: Duration = Duration::from_secs(2);
/// How long a command that ran out of time may use to say where it was.
const LAST_WORDS: Duration = Duration::from_millis(300);
/// Bytes that one file written by a command may have.
const FILE_BYTES: u64 = 2 << 30;
/// Variable by which the descendants of a command are known, whatever group or session they moved to.
const RUN_VARIABLE: &str = "HALFLINE_RUN";

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// With this exit code; `None` when a signal ended it.
    Exited(Option<i32>),
    /// It was ended because its time was over.
    TimedOut,
}

/// What a command printed.
#[derive(Debug)]
pub(super) struct Output {
    /// Standard output; broken UTF-8 becomes U+FFFD.
    pub(super) stdout: String,
    /// Standard error.
    pub(super) stderr: String,
    /// How it ended.
    pub(super) ending: Ending,
    /// How long it ran.
    pub(super) time: Duration,
}

impl Output {
    /// Whether it exited with 0.
    pub(super) fn success(&self) -> bool {
        self.ending == Ending::Exited(Some(0))
    }
}

/// Runs `command` as [`run_until`] does; running out of time is an error here.
pub(super) async fn run(command: Command, time: Duration) -> Result<Output, String> {
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    let output = run_until(command, time).await?;
    match output.ending {
        Ending::Exited(_) => Ok(output),
        Ending::TimedOut => Err(format!("{program} took longer than {} s and was ended", time.as_secs())),
    }
}

/// Runs `command` with nothing on its input, for at most `time`. The error says in words why it could not start.
pub(super) async fn run_until(mut command: Command, time: Duration) -> Result<Output, String> {
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    let marker = new_marker();
    command.env(RUN_VARIABLE, &marker);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    if ENDING.load(Ordering::SeqCst) {
        return Err(format!("{program} was not started: Halfline is ending"));
    }
    guard::watch();
    let started = Instant::now();
    let child = command.spawn().map_err(|error| format!("cannot start {program}: {error}"))?;
    let id = child.id();
    let mut group = Group { child, id, marker };
    live().insert(group.marker.clone(), id);
    group.limit();
    let stdout = Reader::start(group.child.stdout.take());
    let stderr = Reader::start(group.child.stderr.take());
    let ending = match tokio::time::timeout(time, group.child.wait()).await {
        Ok(Ok(status)) => Ending::Exited(status.code()),
        Ok(Err(error)) => return Err(format!("cannot wait for {program}: {error}")),
        Err(_) => {
            group.ask_where();
            tokio::time::sleep(LAST_WORDS).await;
            Ending::TimedOut
        }
    };
    let time = started.elapsed();
    // Whoever is left holds the pipes open, and would go on for ever.
    drop(group);
    let _ = tokio::time::timeout(DRAIN_TIME, async {
        stdout.end().await;
        stderr.end().await;
    })
    .await;
    Ok(Output { stdout: stdout.text(), stderr: stderr.text(), ending, time })
}

/// A child that leads a process group. Dropped, it takes its whole group with it, and whoever of its descendants has
/// left the group: `cargo` would leave its compilers running, and a test its servers.
struct Group {
    child: Child,
    /// The child's id, which is the group's. Kept here, because a child that was waited for no longer says it.
    id: Option<u32>,
    marker: String,
}

impl Group {
    /// Bounds what the command may take. Of a candidate fix nobody knows whether it ends.
    fn limit(&self) {
        #[cfg(target_os = "linux")]
        if let Some(pid) = self.pid() {
            use rustix::process::{Resource, Rlimit, prlimit};
            let at_most = |bytes: u64| Rlimit { current: Some(bytes), maximum: Some(bytes) };
            for (resource, limit) in
                [(Resource::Data, memory_bytes()), (Resource::Fsize, FILE_BYTES), (Resource::Core, 0)]
            {
                // A limit that cannot be set is one that is lower already.
                let _ = prlimit(Some(pid), resource, at_most(limit));
            }
        }
    }

    /// Lets a program with a handler for it (Python's faulthandler) print its stack.
    fn ask_where(&self) {
        #[cfg(unix)]
        if let Some(pid) = self.pid() {
            let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::ABORT);
        }
    }

    #[cfg(unix)]
    fn pid(&self) -> Option<rustix::process::Pid> {
        rustix::process::Pid::from_raw(i32::try_from(self.id?).ok()?)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        end(&self.marker, self.id);
        live().remove(&self.marker);
    }
}

/// Ends every command that runs, with all that it has started: for a program that is told to end.
pub(crate) fn end_all() {
    ENDING.store(true, Ordering::SeqCst);
    // One that was just being started is known a moment later.
    for pause in [Duration::from_millis(20), Duration::ZERO] {
        for (marker, id) in live().iter() {
            end(marker, *id);
        }
        std::thread::sleep(pause);
    }
}

/// Whether no command may start any more.
static ENDING: AtomicBool = AtomicBool::new(false);

/// The commands that run, by their markers, with the ids of their groups.
fn live() -> MutexGuard<'static, HashMap<String, Option<u32>>> {
    static LIVE: LazyLock<Mutex<HashMap<String, Option<u32>>>> = LazyLock::new(Mutex::default);
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn end(marker: &str, id: Option<u32>) {
    #[cfg(unix)]
    if let Some(pid) = id.and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?)) {
        let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
    }
    #[cfg(target_os = "linux")]
    kill_marked(marker);
    #[cfg(not(target_os = "linux"))]
    let _ = (marker, id);
}

/// Ends every process whose environment has `marker`, until none is left that it can see.
#[cfg(target_os = "linux")]
fn kill_marked(marker: &str) {
    kill_with(&format!("{RUN_VARIABLE}={marker}\0"));
}

/// Ends every process whose environment has `text`, until none is left that it can see.
#[cfg(target_os = "linux")]
fn kill_with(text: &str) {
    const ROUNDS: usize = 5;
    let wanted = text.as_bytes();
    for _ in 0..ROUNDS {
        let Ok(processes) = std::fs::read_dir("/proc") else { return };
        let ids = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        let marked: Vec<i32> = ids
            .filter(|id| {
                // Those of other users cannot be read, and are not ours; those that ended have nothing to read.
                let environment = std::fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
                environment.windows(wanted.len()).any(|part| part == wanted)
            })
            .collect();
        if marked.is_empty() {
            return;
        }
        for pid in marked.into_iter().filter_map(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
}

/// Bytes of memory that each process of a command may take: half of the machine's.
#[cfg(target_os = "linux")]
fn memory_bytes() -> u64 {
    static BYTES: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
    *BYTES.get_or_init(|| {
        let ram = sysinfo::MemoryRefreshKind::nothing().with_ram();
        let system = sysinfo::System::new_with_specifics(sysinfo::RefreshKind::nothing().with_memory(ram));
        system.map_or(0, |system| system.total_memory() / 2).max(2 << 30)
    })
}

fn new_marker() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{}{}", own_marks(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// How the markers of all commands of this process begin; those of no other do.
fn own_marks() -> &'static str {
    static MARKS: LazyLock<String> = LazyLock::new(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        format!("{}-{}-", std::process::id(), now.as_nanos())
    });
    &MARKS
}

/// Reads a stream to its end in the background.
struct Reader {
    bytes: Arc<Mutex<Vec<u8>>>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Reader {
    fn start(stream: Option<impl AsyncRead + Unpin + Send + 'static>) -> Reader {
        let bytes: Arc<Mutex<Vec<u8>>> = Arc::default();
        let kept = bytes.clone();
        let task = stream.map(|mut stream| {
            tokio::spawn(async move {
                let mut piece = vec![0; 64 << 10];
                // What was read before an error is still worth showing. What is over the limit is read and dropped, or
                // the writer would block for ever.
                while let Ok(count @ 1..) = stream.read(&mut piece).await {
                    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                    let room = OUTPUT_BYTES.saturating_sub(kept.len());
                    kept.extend_from_slice(&piece[..count.min(room)]);
                }
            })
        });
        Reader { bytes, task: Mutex::new(task) }
    }

    async fn end(&self) {
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            let _ = task.await;
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests;

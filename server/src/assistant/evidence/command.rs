//! Runs a checker: bounded in time and output, and ended with everything it started when nobody waits any more.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

/// Bytes of output kept of each stream.
const OUTPUT_BYTES: u64 = 16 << 20;

/// What a command printed.
#[derive(Debug)]
pub(super) struct Output {
    /// Standard output; broken UTF-8 becomes U+FFFD.
    pub(super) stdout: String,
    /// Standard error.
    pub(super) stderr: String,
    /// Whether it exited with 0.
    pub(super) success: bool,
}

/// Runs `command` with nothing on its input. The error says why there is no output, in words.
pub(super) async fn run(mut command: Command, time: Duration) -> Result<Output, String> {
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    let child = command.spawn().map_err(|error| format!("cannot start {program}: {error}"))?;
    let mut group = Group { child };
    let (stdout, stderr) = (group.child.stdout.take(), group.child.stderr.take());
    let all = async { tokio::join!(read(stdout), read(stderr), group.child.wait()) };
    match tokio::time::timeout(time, all).await {
        Err(_) => Err(format!("{program} took longer than {} s and was ended", time.as_secs())),
        Ok((_, _, Err(error))) => Err(format!("cannot wait for {program}: {error}")),
        Ok((stdout, stderr, Ok(status))) => Ok(Output { stdout, stderr, success: status.success() }),
    }
}

/// A child that leads a process group. Dropped before it has ended, it takes its whole group with it: `cargo` would
/// otherwise leave its compilers running.
struct Group {
    child: Child,
}

impl Drop for Group {
    fn drop(&mut self) {
        // A child that was waited for has no id any more, so this cannot hit a stranger.
        #[cfg(unix)]
        if let Some(pid) = self.child.id().and_then(|id| rustix::process::Pid::from_raw(id as i32)) {
            let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
        }
    }
}

async fn read(stream: Option<impl AsyncRead + Unpin>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        // What was read before an error is still worth showing.
        let _ = (&mut stream).take(OUTPUT_BYTES).read_to_end(&mut bytes).await;
        // The rest is read and dropped, or the writer would block for ever.
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

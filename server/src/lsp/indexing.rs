//! Reading the client's folder: once when the session starts, then whatever changes.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use halfline_context::Workspace;
use halfline_context::workspace::{self, ScanLimits, Watching};
use tokio::sync::watch;

/// How far reading a workspace is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexState {
    /// Under way: files read, of how many that were new or had changed.
    Reading(usize, usize),
    /// Done, with so many files known.
    Done(usize),
}

/// The reading of a workspace, in a thread of its own, which goes on to follow changes while this lives.
#[derive(Debug)]
pub struct Indexing {
    state: watch::Receiver<IndexState>,
    /// There once everything has been read.
    _watching: Arc<OnceLock<Watching>>,
}

impl Indexing {
    /// Starts to read and returns at once.
    pub fn start(workspace: Arc<Workspace>) -> Indexing {
        let (sender, state) = watch::channel(IndexState::Reading(0, 0));
        let watching = Arc::new(OnceLock::new());
        let watched = watching.clone();
        let read = move || {
            let report = workspace.scan_with(&ScanLimits::default(), &AtomicBool::new(false), |done, all| {
                sender.send_replace(IndexState::Reading(done, all));
            });
            tracing::info!(
                files = report.files,
                symbols = report.symbols,
                read = report.read,
                complete = report.complete,
                "indexed"
            );
            match workspace::watch(workspace) {
                // Nobody else sets it.
                Ok(watching) => drop(watched.set(watching)),
                Err(error) => tracing::warn!("changes on disk are not followed: {error}"),
            }
            sender.send_replace(IndexState::Done(report.files));
        };
        if let Err(error) = std::thread::Builder::new().name("index".to_owned()).spawn(read) {
            tracing::error!("cannot start a thread to read the workspace: {error}");
        }
        Indexing { state, _watching: watching }
    }

    /// Whether the workspace has been read, for a thread that waits for it; true too where reading it has ended early.
    pub fn is_over(&self) -> impl Fn() -> bool + Send + 'static {
        let state = self.state.clone();
        move || matches!(*state.borrow(), IndexState::Done(_)) || state.has_changed().is_err()
    }

    /// The state now and every change of it.
    pub fn subscribe(&self) -> watch::Receiver<IndexState> {
        self.state.clone()
    }
}

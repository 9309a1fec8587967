//! Work for a moment in which nobody asks for anything: there is at most one, and whatever happens next ends it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::task::AbortHandle;

/// How long nothing happens before it begins.
const PAUSE: Duration = Duration::from_millis(300);

/// The work that waits or runs.
#[derive(Debug, Default)]
pub struct Idle {
    current: Mutex<Option<AbortHandle>>,
}

impl Idle {
    /// Does `work` after a pause, in place of what was to be done before.
    pub fn plan(&self, work: impl Future<Output = ()> + Send + 'static) {
        let task = tokio::spawn(async move {
            tokio::time::sleep(PAUSE).await;
            work.await;
        });
        self.replace(Some(task.abort_handle()));
    }

    /// Ends it.
    pub fn stop(&self) {
        self.replace(None);
    }

    fn replace(&self, next: Option<AbortHandle>) {
        let before = std::mem::replace(&mut *self.current.lock().unwrap_or_else(PoisonError::into_inner), next);
        if let Some(before) = before {
            before.abort();
        }
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn only_the_last_plan_is_carried_out() {
        let idle = Idle::default();
        let plan = || {
            let (done, is_done) = oneshot::channel();
            idle.plan(async move { done.send(()).expect("the test waits for it") });
            is_done
        };
        let (first, second) = (plan(), plan());
        // What is ended drops what it holds.
        assert!(first.await.is_err());
        assert!(second.await.is_ok());
        let third = plan();
        idle.stop();
        assert!(third.await.is_err());
    }
}

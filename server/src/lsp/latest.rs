//! Of several requests about the same document only the latest matters; the others are told so.

use std::sync::atomic::{AtomicU64, Ordering};

use dashmap::DashMap;
use tokio::sync::oneshot;
use tower_lsp::lsp_types::Url;

/// The latest request for each document.
#[derive(Debug, Default)]
pub struct Latest {
    current: DashMap<Url, (u64, oneshot::Sender<()>)>,
    next: AtomicU64,
}

/// A request's claim to be the latest. Dropping it gives the claim up.
#[derive(Debug)]
pub struct Claim<'a> {
    latest: &'a Latest,
    uri: Url,
    number: u64,
    superseded: oneshot::Receiver<()>,
}

impl Latest {
    /// Makes this request the latest one for `uri` and supersedes the one before it.
    pub fn claim(&self, uri: &Url) -> Claim<'_> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, superseded) = oneshot::channel();
        // The sender that this replaces is dropped, which resolves its receiver.
        self.current.insert(uri.clone(), (number, sender));
        Claim { latest: self, uri: uri.clone(), number, superseded }
    }
}

impl Claim<'_> {
    /// Resolves when a newer request has been made.
    pub async fn superseded(&mut self) {
        let _ = (&mut self.superseded).await;
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.latest.current.remove_if(&self.uri, |_, (number, _)| *number == self.number);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn only_the_older_claim_on_the_same_document_is_superseded() {
        let latest = Latest::default();
        let (a, b) = (Url::parse("file:///a").unwrap(), Url::parse("file:///b").unwrap());
        let mut first = latest.claim(&a);
        let mut other = latest.claim(&b);
        let mut second = latest.claim(&a);
        assert!(first.superseded().now_or_never().is_some());
        assert!(other.superseded().now_or_never().is_none());
        drop(first);
        assert!(second.superseded().now_or_never().is_none());
        drop((other, second));
        assert!(latest.current.is_empty());
    }
}

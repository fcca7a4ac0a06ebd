//! Work that goes on beside the main work and ends with it: watching for signals, drawing progress.

use std::future::Future;

use tokio::task::JoinHandle;

/// A task that is dropped when this is.
#[derive(Debug)]
#[must_use = "the task ends when this is dropped"]
pub struct Background(JoinHandle<()>);

/// Starts a task beside the caller.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn background(work: impl Future<Output = ()> + Send + 'static) -> Background {
    Background(tokio::spawn(work))
}

impl Drop for Background {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn runs_beside_and_ends_when_dropped() {
        let (sender, started) = oneshot::channel();
        let (held, mut dropped) = oneshot::channel::<()>();
        let task = background(async move {
            let _held = held;
            sender.send(()).expect("the test waits");
            std::future::pending::<()>().await;
        });
        started.await.expect("it runs");
        drop(task);
        // The runtime of a test has one thread: it has dropped the task when this one goes on.
        tokio::task::yield_now().await;
        assert_eq!(
            dropped.try_recv(),
            Err(oneshot::error::TryRecvError::Closed),
            "what it held is gone"
        );
    }
}

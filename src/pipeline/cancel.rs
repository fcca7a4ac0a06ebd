//! Asking running work to stop.

use tokio::sync::watch;

/// The end that asks; asking twice is the same as once.
#[derive(Debug)]
pub struct Canceller(watch::Sender<bool>);

impl Canceller {
    /// Asks all holders of the [`Cancel`] to stop.
    pub fn cancel(&self) {
        self.0.send_replace(true);
    }
}

/// The end that is asked.
#[derive(Clone, Debug)]
pub struct Cancel(watch::Receiver<bool>);

impl Cancel {
    /// A pair of ends.
    pub fn pair() -> (Canceller, Self) {
        let (sender, receiver) = watch::channel(false);
        (Canceller(sender), Self(receiver))
    }

    /// An end that nobody will ever ask.
    pub fn never() -> Self {
        Self::pair().1
    }

    /// Whether it has been asked.
    pub fn is_cancelled(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is asked; for ever if it never is.
    pub async fn cancelled(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|asked| *asked).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn asked_once_is_asked_for_all() {
        let (canceller, cancel) = Cancel::pair();
        let other = cancel.clone();
        assert!(!cancel.is_cancelled() && other.cancelled().now_or_never().is_none());
        canceller.cancel();
        other.cancelled().await;
        assert!(cancel.is_cancelled());
        assert!(Cancel::never().cancelled().now_or_never().is_none());
    }
}

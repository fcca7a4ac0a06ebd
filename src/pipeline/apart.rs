//! Work on a thread and a runtime of its own: whatever computes elsewhere does not keep it waiting.

use std::future::Future;
use std::io;

use tokio::runtime::Builder;
use tokio::sync::oneshot;

/// Work on a thread of its own, which ends when this is dropped.
#[derive(Debug)]
#[must_use = "the work ends when this is dropped"]
pub struct Apart {
    /// Its other end learns that this is gone.
    _held: oneshot::Sender<()>,
}

/// Starts work on a thread of its own.
///
/// # Errors
/// When the system refuses the thread or what a runtime needs.
pub fn apart(work: impl Future<Output = ()> + Send + 'static) -> io::Result<Apart> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (held, dropped) = oneshot::channel();
    let until_dropped = async move {
        tokio::select! {
            () = work => {}
            _ = dropped => {}
        }
    };
    std::thread::Builder::new().spawn(move || runtime.block_on(until_dropped))?;
    Ok(Apart { _held: held })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn runs_while_the_caller_blocks_and_ends_when_dropped() {
        let (sender, began) = mpsc::channel();
        let (held, dropped) = mpsc::channel::<()>();
        let work = apart(async move {
            let _held = held;
            sender.send(()).expect("the test waits");
            std::future::pending::<()>().await;
        });
        let work = work.expect("a thread");
        // The only thread of this runtime waits here, as one that computes would.
        began.recv().expect("it runs");
        drop(work);
        let gone = dropped.recv();
        assert_eq!(gone, Err(mpsc::RecvError), "what it held is gone");
    }
}

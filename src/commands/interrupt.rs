//! Ctrl-C: the first asks to stop, the second stops at once. A request to terminate counts as one.

use std::time::Duration;

#[cfg(feature = "query")]
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::jobs::JobError;
use crate::pipeline::{Apart, Cancel, apart};
use crate::ui::{Exit, Ui};

/// How long a verb may take to end once it was asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// Until what it is at is done, as that is worth keeping.
    Endless,
    /// This long: it changes nothing, and where it computes it may not see that it is asked.
    #[cfg_attr(
        not(feature = "query"),
        expect(dead_code, reason = "only the SQL engine computes")
    )]
    Until(Duration),
}

/// What is to be asked to stop, and the watch over the signals. Without a watch, where the system refuses
/// it, its own way stays: the process ends at once.
pub(super) fn watch_signals(ui: &Ui, patience: Patience) -> (Cancel, Option<Apart>) {
    let (canceller, cancel) = Cancel::pair();
    let ui = ui.clone();
    let watch = apart(async move {
        let Ok(mut signals) = Signals::new() else {
            return;
        };
        signals.next().await;
        ui.alert("stopping; again to quit at once");
        canceller.cancel();
        let longest = match patience {
            Patience::Endless => Duration::MAX,
            Patience::Until(longest) => longest,
        };
        let exit = match timeout(longest, signals.next()).await {
            Ok(()) => Exit::Interrupted,
            Err(_) => ui.end(Err(JobError::Interrupted.into())),
        };
        std::process::exit(i32::from(exit.code()));
    });
    (cancel, watch.ok())
}

/// Waits for one Ctrl-C; forever where it cannot be waited for. A second one ends the process, if the caller
/// has not come to see the first.
#[cfg(feature = "query")]
pub(super) async fn asked() {
    let (sender, first) = oneshot::channel();
    let watch = apart(async move {
        let Ok(mut signals) = Signals::new() else {
            return;
        };
        signals.next().await;
        // Nobody waits any more where the caller is done.
        let _ = sender.send(());
        signals.next().await;
        std::process::exit(i32::from(Exit::Interrupted.code()));
    });
    if watch.is_err() || first.await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    #[expect(clippy::unnecessary_wraps, reason = "the same as elsewhere")]
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

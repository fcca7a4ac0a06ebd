//! Ctrl-C: the first asks to stop, the second stops at once. A request to terminate counts as one.

use crate::pipeline::{Background, Cancel, background};
use crate::ui::{Exit, Ui};

/// What is to be asked to stop, and the watch over the signals.
pub(super) fn watch_signals(ui: &Ui) -> (Cancel, Background) {
    let (canceller, cancel) = Cancel::pair();
    let ui = ui.clone();
    let watch = background(async move {
        let Ok(mut signals) = Signals::new() else {
            // Without a watch the system's own way stays: the process ends at once.
            return;
        };
        signals.next().await;
        ui.alert("stopping; again to quit at once");
        canceller.cancel();
        signals.next().await;
        std::process::exit(i32::from(Exit::Interrupted.code()));
    });
    (cancel, watch)
}

/// Waits for one Ctrl-C; forever where it cannot be waited for.
#[cfg(feature = "query")]
pub(super) async fn asked() {
    match Signals::new() {
        Ok(mut signals) => signals.next().await,
        Err(_) => std::future::pending().await,
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

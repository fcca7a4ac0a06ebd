//! Something small at regular intervals beside something long.

use std::time::Duration;

use tokio::time::{Instant, interval_at};

/// Waits for `work`, and does `chore` every `period` until then.
pub async fn keep_doing<T>(
    work: impl Future<Output = T>,
    period: Duration,
    chore: impl AsyncFn(),
) -> T {
    let mut work = std::pin::pin!(work);
    let mut ticks = interval_at(Instant::now() + period, period);
    loop {
        tokio::select! {
            biased;
            done = &mut work => return done,
            _ = ticks.tick() => {}
        }
        tokio::select! {
            biased;
            done = &mut work => return done,
            () = chore() => {}
        }
    }
}

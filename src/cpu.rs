//! The one bridge from async code to CPU work: as many threads as cores.
//!
//! `tokio` threads only wait for the network; inflating, parsing, sorting and encoding run here.

use futures::channel::oneshot;

/// Runs `work` on the CPU pool and waits for its result without blocking the async runtime.
///
/// A job whose caller has gone away before it started is not run at all.
///
/// # Panics
/// Carries a panic of `work` over to the caller.
pub async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = oneshot::channel();
    rayon::spawn(move || {
        if !sender.is_canceled() {
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            drop(sender.send(result));
        }
    });
    match receiver.await {
        Ok(Ok(value)) => value,
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        Err(oneshot::Canceled) => unreachable!("a CPU job answers unless its caller went away"),
    }
}

/// Stack of [`on_large_stack`], of which only what is used takes memory.
const LARGE_STACK: usize = 256 << 20;

/// Runs `work`, which goes deep into what others have nested, on a thread of its own.
///
/// # Panics
/// Carries a panic of `work` over to the caller.
pub fn on_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|threads| {
        let thread = std::thread::Builder::new().stack_size(LARGE_STACK);
        match thread.spawn_scoped(threads, work) {
            Ok(thread) => thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(error) => panic!("the system refuses a thread: {error}"),
        }
    })
}

/// How many CPU jobs can run at the same time.
pub fn threads() -> usize {
    rayon::current_num_threads()
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn returns_what_the_work_returns() {
        assert_eq!(super::run(|| 6 * 7).await, 42);
    }

    #[tokio::test]
    #[should_panic(expected = "boom")]
    async fn carries_a_panic_over() {
        super::run(|| panic!("boom")).await;
    }
}

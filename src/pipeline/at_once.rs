//! Work of which several pieces are done at the same time, whether or not anybody waits for them.

use futures::stream::{Stream, StreamExt};

use super::fetch::Task;

/// Starts up to `most` pieces of work as tasks of their own, and yields what comes of them in order. What
/// is not yet done is dropped with the stream.
pub fn at_once<'a, W>(
    work: impl Stream<Item = W> + Send + 'a,
    most: usize,
) -> impl Stream<Item = W::Output> + Send + 'a
where
    W: Future<Output: Send + 'static> + Send + 'static,
{
    work.map(|piece| Task::spawn(piece).finish())
        .buffered(most.max(1))
}

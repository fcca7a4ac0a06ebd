//! A producer that calls back and a consumer that wants a stream, side by side.

use std::future::poll_fn;

use futures::channel::mpsc;

/// The producer's end.
#[derive(Debug)]
pub struct Feeder<T>(mpsc::Sender<T>);

impl<T> Feeder<T> {
    /// Hands an item on, waiting for room; `false` if the consumer has gone away.
    pub async fn give(&mut self, item: T) -> bool {
        poll_fn(|context| self.0.poll_ready(context)).await.is_ok()
            && self.0.start_send(item).is_ok()
    }
}

/// The consumer's end: a stream of items.
pub type Feed<T> = mpsc::Receiver<T>;

/// Runs both until both are done. At most `bound + 1` items wait between them.
///
/// The stream ends when the producer is done; the producer learns from [`Feeder::give`] that the
/// consumer is.
pub async fn feed<T, A, B>(
    bound: usize,
    produce: impl AsyncFnOnce(Feeder<T>) -> A,
    consume: impl AsyncFnOnce(Feed<T>) -> B,
) -> (A, B) {
    let (sender, receiver) = mpsc::channel(bound);
    futures::join!(produce(Feeder(sender)), consume(receiver))
}

#[cfg(test)]
mod tests {
    use futures::StreamExt as _;

    use super::*;

    #[tokio::test]
    async fn everything_arrives_and_a_lost_consumer_is_noticed() {
        let count = async |mut feeder: Feeder<u32>| {
            let mut given = 0;
            for item in 0..1000 {
                if !feeder.give(item).await {
                    break;
                }
                given += 1;
            }
            given
        };
        let (given, taken) = feed(3, count, async |items| items.collect::<Vec<u32>>().await).await;
        assert_eq!((given, taken), (1000, (0..1000).collect()));
        let (given, taken) = feed(3, count, async |items| {
            items.take(10).collect::<Vec<u32>>().await
        })
        .await;
        assert_eq!(taken.len(), 10);
        assert!(given < 20, "{given}");
    }
}

//! Objects from the source, several at a time, in order, within a budget of bytes.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

use crate::store::{ErrorKind, ObjectMeta, Store, StoreError, full_name};

/// Bounds of the fetches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchLimits {
    /// Most fetches at the same time.
    pub jobs: usize,
    /// Most bytes that are being fetched or lie fetched and not yet taken.
    pub bytes: u64,
    /// Objects larger than this are not fetched but left to be read in ranges.
    pub whole: u64,
}

/// What came of a fetch.
#[derive(Debug)]
pub enum Content {
    /// All of the object's bytes.
    Whole(Bytes),
    /// The object is larger than [`FetchLimits::whole`]: nothing was fetched.
    Large,
    /// The fetch failed.
    Failed(StoreError),
}

/// An object and what came of its fetch. It occupies its share of the byte budget until dropped.
#[derive(Debug)]
pub struct Fetched {
    /// The object as listed.
    pub object: ObjectMeta,
    /// Its bytes, or why there are none.
    pub content: Content,
    permit: Option<OwnedSemaphorePermit>,
}

impl Fetched {
    /// Bytes of the budget that it occupies.
    pub(super) fn occupies(&self) -> u64 {
        let permits = self
            .permit
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits);
        permits as u64 * UNIT
    }

    /// The object and its content; its share of the budget is given back.
    pub fn into_parts(self) -> (ObjectMeta, Content) {
        (self.object, self.content)
    }
}

/// One permit stands for this many bytes.
const UNIT: u64 = 1024;

fn permits(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

/// Pauses before an object is asked for again that could not be had for a reason that passes. The store
/// has tried several times by then.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];

/// Objects that may be waited for in vain before nothing is waited for any more: where a server is gone,
/// all of them fail.
const VAIN: usize = 64;

/// How many times as many objects as are being fetched may be waiting to be taken. Where order is kept,
/// one that is slow to come would otherwise hold up all behind it; the budget of bytes still holds.
const AHEAD: usize = 4;

/// Fetches the objects and yields them in the same order.
///
/// Bodies are read eagerly into the budget, as one that is paused trips stalled-stream checks.
pub fn fetch<'a>(
    store: Arc<dyn Store>,
    objects: impl Stream<Item = ObjectMeta> + Send + 'a,
    limits: FetchLimits,
) -> impl Stream<Item = Fetched> + Send + 'a {
    under_way(store, objects, limits)
        .buffered(tasks(limits))
        .flat_map(stream::iter)
}

/// Fetches the objects and yields them as they arrive.
pub fn fetch_unordered<'a>(
    store: Arc<dyn Store>,
    objects: impl Stream<Item = ObjectMeta> + Send + 'a,
    limits: FetchLimits,
) -> impl Stream<Item = Fetched> + Send + 'a {
    under_way(store, objects, limits)
        .buffer_unordered(tasks(limits))
        .flat_map(stream::iter)
}

/// Tasks that fetch or wait for their turn. Who asks for one fetch at a time gets them in order, which
/// several tasks would not keep.
fn tasks(limits: FetchLimits) -> usize {
    match limits.jobs {
        0 | 1 => 1,
        jobs => jobs * AHEAD,
    }
}

/// An object with its share of the budget.
type Wanted = (ObjectMeta, Option<OwnedSemaphorePermit>);

/// A task for each object, or for some that the store reads best together, of which
/// [`FetchLimits::jobs`] fetch at a time.
fn under_way<'a>(
    store: Arc<dyn Store>,
    objects: impl Stream<Item = ObjectMeta> + Send + 'a,
    limits: FetchLimits,
) -> impl Stream<Item = impl Future<Output = Vec<Fetched>> + Send> + Send + 'a {
    // An object of the largest size must always fit.
    let total = permits(limits.bytes).max(permits(limits.whole)).max(1);
    let budget = Arc::new(Semaphore::new(total as usize));
    let slots = Arc::new(Semaphore::new(limits.jobs.max(1)));
    let vain = Arc::new(AtomicUsize::new(0));
    let together = store.reads_together().max(1);
    objects
        .then(move |object| {
            let cost = if object.size > limits.whole {
                1
            } else {
                permits(object.size).max(1)
            };
            let budget = Arc::clone(&budget);
            async move { (object, budget.acquire_many_owned(cost).await.ok()) }
        })
        // Those at hand: nothing is waited for.
        .ready_chunks(together)
        .map(move |wanted| {
            let store = Arc::clone(&store);
            let slots = Arc::clone(&slots);
            let vain = Arc::clone(&vain);
            Task::spawn(async move {
                let slot = slots.acquire().await;
                let fetched = some(store.as_ref(), wanted, limits.whole, &vain).await;
                drop(slot);
                fetched
            })
            .finish()
        })
}

async fn some(
    store: &dyn Store,
    wanted: Vec<Wanted>,
    whole: u64,
    vain: &AtomicUsize,
) -> Vec<Fetched> {
    let small = |object: &ObjectMeta| !object.archived && (1..=whole).contains(&object.size);
    let mut read = if wanted.len() > 1 {
        let small = wanted.iter().filter(|(object, _)| small(object));
        let names: Vec<(&str, Option<&str>)> = small
            .map(|(object, _)| (object.key.as_str(), version(object)))
            .collect();
        store.get_together(&names).await.into_iter()
    } else {
        Vec::new().into_iter()
    };
    let mut fetched = Vec::with_capacity(wanted.len());
    for (object, permit) in wanted {
        let bytes = if small(&object) { read.next() } else { None };
        let content =
            match bytes.map(|bytes| bytes.and_then(|it| complete(store, &object, None, it))) {
                Some(Ok(bytes)) => Content::Whole(bytes),
                // What failed is tried again, by itself.
                Some(Err(_)) | None => one(store, &object, whole, vain).await,
            };
        fetched.push(Fetched {
            object,
            content,
            permit,
        });
    }
    fetched
}

async fn one(store: &dyn Store, object: &ObjectMeta, whole: u64, vain: &AtomicUsize) -> Content {
    if object.archived {
        return Content::Failed(archived(store, object));
    } else if object.size > whole {
        return Content::Large;
    } else if object.size == 0 {
        return Content::Whole(Bytes::new());
    }
    match get(store, object, None, vain).await {
        Ok(bytes) => Content::Whole(bytes),
        Err(error) => Content::Failed(error),
    }
}

/// An object's bytes, or a range of them, in the version that was listed and as many as there must be.
///
/// Asks again after a pause, `vain` permitting, which counts how often that was of no use.
pub(super) async fn get(
    store: &dyn Store,
    object: &ObjectMeta,
    range: Option<Range<u64>>,
    vain: &AtomicUsize,
) -> Result<Bytes, StoreError> {
    let mut pauses = PAUSES.iter();
    loop {
        let error = match get_once(store, object, range.clone()).await {
            Ok(bytes) => {
                if pauses.len() < PAUSES.len() {
                    vain.store(0, Ordering::Relaxed);
                }
                return Ok(bytes);
            }
            Err(error) => error,
        };
        let brief = matches!(error.kind, ErrorKind::Network | ErrorKind::Throttled);
        match pauses.next() {
            Some(pause) if brief && vain.load(Ordering::Relaxed) < VAIN => {
                tokio::time::sleep(*pause).await;
            }
            _ => {
                vain.fetch_add(usize::from(brief), Ordering::Relaxed);
                return Err(error);
            }
        }
    }
}

async fn get_once(
    store: &dyn Store,
    object: &ObjectMeta,
    range: Option<Range<u64>>,
) -> Result<Bytes, StoreError> {
    let bytes = store
        .get(&object.key, range.clone(), version(object))
        .await?;
    complete(store, object, range, bytes)
}

/// The version of an object that was listed.
fn version(object: &ObjectMeta) -> Option<&str> {
    Some(object.etag.as_str()).filter(|etag| !etag.is_empty())
}

/// The bytes of an object or of a range of it, if there are as many as there must be: a store knows how
/// long a body says it is; only the listing says how long it must be.
fn complete(
    store: &dyn Store,
    object: &ObjectMeta,
    range: Option<Range<u64>>,
    bytes: Bytes,
) -> Result<Bytes, StoreError> {
    let expected = range.map_or(object.size, |range| range.end - range.start);
    if bytes.len() as u64 == expected || version(object).is_none() {
        return Ok(bytes);
    }
    Err(StoreError {
        kind: ErrorKind::Network,
        action: "read",
        place: full_name(store.root(), &object.key),
        cause: format!("{} bytes came instead of {expected}", bytes.len()),
    })
}

/// The failure of reading an object that lies in an archive class.
pub fn archived(store: &dyn Store, object: &ObjectMeta) -> StoreError {
    StoreError {
        kind: ErrorKind::Archived,
        action: "read",
        place: full_name(store.root(), &object.key),
        cause: "it lies in an archive storage class".to_owned(),
    }
}

/// A spawned task that ends when nobody waits for it any more.
pub(super) struct Task<T>(JoinHandle<T>);

impl<T: Send + 'static> Task<T> {
    pub(super) fn spawn(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self(tokio::spawn(work))
    }

    pub(super) async fn finish(mut self) -> T {
        match (&mut self.0).await {
            Ok(value) => value,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Body, MemoryStore, Precondition};

    #[tokio::test]
    async fn order_is_kept_and_large_or_missing_objects_are_told() {
        let store = Arc::new(MemoryStore::default());
        for (key, size) in [("a", 10), ("b", 5000), ("c", 2000)] {
            let body = Body::Bytes(vec![b'x'; size].into());
            store
                .put(key, body, Precondition::Always)
                .await
                .expect("memory");
        }
        let mut objects: Vec<ObjectMeta> = store.list("", None).concat_pages().await;
        objects.push(ObjectMeta {
            key: "gone".to_owned(),
            ..objects[0].clone()
        });
        let limits = FetchLimits {
            jobs: 2,
            bytes: 1024,
            whole: 2000,
        };
        let found: Vec<Fetched> = fetch(store, futures::stream::iter(objects), limits)
            .map(|mut fetched| {
                fetched.permit = None;
                fetched
            })
            .collect()
            .await;
        let keys: Vec<&str> = found.iter().map(|f| f.object.key.as_str()).collect();
        assert_eq!(keys, ["a", "b", "c", "gone"]);
        assert!(matches!(&found[0].content, Content::Whole(bytes) if bytes.len() == 10));
        assert!(matches!(found[1].content, Content::Large));
        assert!(
            matches!(&found[3].content, Content::Failed(error) if error.kind == ErrorKind::NotFound)
        );
    }

    trait ConcatPages {
        async fn concat_pages(self) -> Vec<ObjectMeta>;
    }

    impl<S: Stream<Item = crate::store::Result<Vec<ObjectMeta>>> + Unpin> ConcatPages for S {
        async fn concat_pages(mut self) -> Vec<ObjectMeta> {
            let mut all = Vec::new();
            while let Some(page) = self.next().await {
                all.extend(page.expect("memory"));
            }
            all
        }
    }
}

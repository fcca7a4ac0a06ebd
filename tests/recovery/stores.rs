//! Stores that misbehave: they die, let runs meet, overlap, or give nothing.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt as _;
use futures::stream::{BoxStream, StreamExt as _};
use s3logs::store::{Body, ErrorKind, MemoryStore, ObjectMeta, Precondition, Store, StoreError};
use tokio::sync::Barrier;

type Result<T> = std::result::Result<T, StoreError>;

/// A store that dies at a chosen call, before it or after it with the answer lost, and stays dead.
#[derive(Debug)]
pub(super) struct Mortal {
    inner: Arc<MemoryStore>,
    pub(super) calls: AtomicU64,
    dies_at: u64,
    answer_lost: bool,
    /// Where runs meet before they put their first commit.
    meeting: Option<Arc<Barrier>>,
}

impl Mortal {
    pub(super) fn immortal(inner: &Arc<MemoryStore>) -> Arc<Self> {
        Self::dying(inner, u64::MAX, false)
    }

    pub(super) fn dying(inner: &Arc<MemoryStore>, dies_at: u64, answer_lost: bool) -> Arc<Self> {
        Arc::new(Self {
            inner: Arc::clone(inner),
            calls: AtomicU64::new(0),
            dies_at,
            answer_lost,
            meeting: None,
        })
    }

    pub(super) fn meeting(inner: &Arc<MemoryStore>, meeting: &Arc<Barrier>) -> Arc<Self> {
        Self::meeting_and_dying(inner, meeting, u64::MAX, false)
    }

    pub(super) fn meeting_and_dying(
        inner: &Arc<MemoryStore>,
        meeting: &Arc<Barrier>,
        dies_at: u64,
        answer_lost: bool,
    ) -> Arc<Self> {
        Arc::new(Self {
            inner: Arc::clone(inner),
            calls: AtomicU64::new(0),
            dies_at,
            answer_lost,
            meeting: Some(Arc::clone(meeting)),
        })
    }

    fn dead(&self) -> StoreError {
        StoreError {
            kind: ErrorKind::Credentials,
            action: "reach",
            place: self.inner.root().to_owned(),
            cause: "dead".to_owned(),
        }
    }

    async fn call<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let number = self.calls.fetch_add(1, Ordering::SeqCst);
        if number > self.dies_at || number == self.dies_at && !self.answer_lost {
            return Err(self.dead());
        }
        let done = work.await;
        if number == self.dies_at {
            return Err(self.dead());
        }
        done
    }
}

#[async_trait]
impl Store for Mortal {
    fn root(&self) -> &str {
        self.inner.root()
    }

    fn list(&self, prefix: &str, after: Option<&str>) -> BoxStream<'_, Result<Vec<ObjectMeta>>> {
        let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
        futures::stream::once(self.call(async move {
            let pages = self.inner.list(&prefix, after.as_deref());
            let pages: Vec<_> = pages.try_collect().await?;
            Ok(pages.into_iter().flatten().collect())
        }))
        .boxed()
    }

    async fn folders(&self, prefix: &str) -> Result<Vec<String>> {
        self.call(self.inner.folders(prefix)).await
    }

    async fn get(&self, key: &str, range: Option<Range<u64>>, etag: Option<&str>) -> Result<Bytes> {
        self.call(self.inner.get(key, range, etag)).await
    }

    async fn put(&self, key: &str, body: Body, when: Precondition) -> Result<String> {
        if let Some(meeting) = &self.meeting
            && key.ends_with("commits/00000000000000000001.json.zst")
        {
            // Once to say that it has come this far, once to be let go on.
            meeting.wait().await;
            meeting.wait().await;
        }
        self.call(self.inner.put(key, body, when)).await
    }

    async fn delete(&self, keys: &[String]) -> Result<()> {
        self.call(self.inner.delete(keys)).await
    }

    fn etag_is_content(&self) -> bool {
        true
    }
}

/// A store whose pages have two objects of which the first came before.
#[derive(Debug)]
pub(super) struct Overlapping(pub(super) Arc<MemoryStore>);

#[async_trait]
impl Store for Overlapping {
    fn root(&self) -> &str {
        self.0.root()
    }

    fn list(&self, prefix: &str, after: Option<&str>) -> BoxStream<'_, Result<Vec<ObjectMeta>>> {
        let whole = self.0.list(prefix, after).try_concat();
        futures::stream::once(whole)
            .map_ok(|all: Vec<ObjectMeta>| {
                let pages: Vec<_> = all.windows(2).map(|page| Ok(page.to_vec())).collect();
                futures::stream::iter(pages)
            })
            .try_flatten()
            .boxed()
    }

    async fn folders(&self, prefix: &str) -> Result<Vec<String>> {
        self.0.folders(prefix).await
    }

    async fn get(&self, key: &str, range: Option<Range<u64>>, etag: Option<&str>) -> Result<Bytes> {
        self.0.get(key, range, etag).await
    }

    async fn put(&self, key: &str, body: Body, when: Precondition) -> Result<String> {
        self.0.put(key, body, when).await
    }

    async fn delete(&self, keys: &[String]) -> Result<()> {
        self.0.delete(keys).await
    }

    fn etag_is_content(&self) -> bool {
        true
    }
}

/// A store that lists its objects but gives none of them.
#[derive(Debug)]
pub(super) struct Unreadable(pub(super) Arc<MemoryStore>);

#[async_trait]
impl Store for Unreadable {
    fn root(&self) -> &str {
        self.0.root()
    }

    fn list(&self, prefix: &str, after: Option<&str>) -> BoxStream<'_, Result<Vec<ObjectMeta>>> {
        self.0.list(prefix, after)
    }

    async fn folders(&self, prefix: &str) -> Result<Vec<String>> {
        self.0.folders(prefix).await
    }

    async fn get(&self, key: &str, _: Option<Range<u64>>, _: Option<&str>) -> Result<Bytes> {
        Err(StoreError {
            kind: ErrorKind::Network,
            action: "read",
            place: key.to_owned(),
            cause: "cut off".to_owned(),
        })
    }

    async fn put(&self, key: &str, body: Body, when: Precondition) -> Result<String> {
        self.0.put(key, body, when).await
    }

    async fn delete(&self, keys: &[String]) -> Result<()> {
        self.0.delete(keys).await
    }

    fn etag_is_content(&self) -> bool {
        true
    }
}

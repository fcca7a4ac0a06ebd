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

/// A store that dies at a chosen call, before it or after it with the answer lost, and stays dead;
/// or one that lets other runs come in between.
#[derive(Debug)]
pub(super) struct Mortal {
    inner: Arc<MemoryStore>,
    pub(super) calls: AtomicU64,
    dies_at: u64,
    answer_lost: bool,
    /// Where runs meet before they put their first commit.
    meeting: Option<Arc<Barrier>>,
    /// Each call waits for others that are due, how often depends on this; 0 for not at all.
    hesitation: u64,
    /// Whether a put looks for the object first and stores it a while later.
    looks_first: bool,
    puts_are_atomic: bool,
}

impl Mortal {
    fn sound(inner: &Arc<MemoryStore>) -> Self {
        Self {
            inner: Arc::clone(inner),
            calls: AtomicU64::new(0),
            dies_at: u64::MAX,
            answer_lost: false,
            meeting: None,
            hesitation: 0,
            looks_first: false,
            puts_are_atomic: false,
        }
    }

    pub(super) fn immortal(inner: &Arc<MemoryStore>) -> Arc<Self> {
        Arc::new(Self::sound(inner))
    }

    pub(super) fn dying(inner: &Arc<MemoryStore>, dies_at: u64, answer_lost: bool) -> Arc<Self> {
        Arc::new(Self {
            dies_at,
            answer_lost,
            ..Self::sound(inner)
        })
    }

    pub(super) fn meeting(inner: &Arc<MemoryStore>, meeting: &Arc<Barrier>) -> Arc<Self> {
        Self::meeting_and_dying(inner, meeting, u64::MAX, false)
    }

    // Runs that hold each other for gone would clear each other's probes away.
    pub(super) fn meeting_and_dying(
        inner: &Arc<MemoryStore>,
        meeting: &Arc<Barrier>,
        dies_at: u64,
        answer_lost: bool,
    ) -> Arc<Self> {
        Arc::new(Self {
            dies_at,
            answer_lost,
            meeting: Some(Arc::clone(meeting)),
            puts_are_atomic: true,
            ..Self::sound(inner)
        })
    }

    pub(super) fn hesitant(inner: &Arc<MemoryStore>, hesitation: u64) -> Arc<Self> {
        Arc::new(Self {
            hesitation,
            puts_are_atomic: true,
            ..Self::sound(inner)
        })
    }

    pub(super) fn looking_first(inner: &Arc<MemoryStore>) -> Arc<Self> {
        Arc::new(Self {
            looks_first: true,
            ..Self::sound(inner)
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
        let mixed = self.hesitation.wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ number);
        for _ in 0..mixed >> 60 {
            tokio::task::yield_now().await;
        }
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
        let first_commit = key.ends_with("commits/00000000000000000001.json.zst");
        if let (Some(meeting), true) = (&self.meeting, first_commit) {
            // Once to say that it has come this far, once to be let go on.
            meeting.wait().await;
            meeting.wait().await;
        }
        if self.looks_first
            && when == Precondition::Absent
            && self.call(self.inner.get(key, None, None)).await.is_err()
        {
            tokio::task::yield_now().await;
            return self.inner.put(key, body, Precondition::Always).await;
        }
        self.call(self.inner.put(key, body, when)).await
    }

    async fn delete(&self, keys: &[String]) -> Result<()> {
        self.call(self.inner.delete(keys)).await
    }

    fn puts_are_atomic(&self) -> bool {
        self.puts_are_atomic
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
                let two = all.len().clamp(1, 2);
                let pages: Vec<_> = all.windows(two).map(|page| Ok(page.to_vec())).collect();
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

    fn lists_from(&self) -> bool {
        self.0.lists_from()
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

//! A store in memory whose `ETag`s are MD5 sums as on S3, with objects that misbehave.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};

use crate::store::{
    Body, ErrorKind, ObjectMeta, PART_SIZE, Precondition, Result, Store, StoreError,
};

use super::checksum::Sum;

#[derive(Debug, Default)]
pub(super) struct TestStore {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    objects: BTreeMap<String, (Bytes, String)>,
    /// Listed, but gone when they are read.
    ghosts: BTreeSet<String>,
    /// Objects of which other bytes arrive.
    corrupt: BTreeSet<String>,
    denied: BTreeSet<String>,
    archived: BTreeSet<String>,
    /// Encrypted so that `ETag`s are no sums.
    by_key: bool,
    gets: u64,
    puts: Vec<String>,
}

fn etag(bytes: &[u8]) -> String {
    let md5 = |bytes: &[u8]| {
        let mut sum = Sum::default();
        sum.update(bytes);
        sum.hex()
    };
    let part = usize::try_from(PART_SIZE).expect("fits");
    if bytes.len() <= part {
        return md5(bytes);
    }
    let mut sums = Vec::new();
    for part in bytes.chunks(part) {
        let hex = md5(part);
        let pair = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("a sum");
        sums.extend((0..16).map(|at| pair(2 * at)));
    }
    format!("{}-{}", md5(&sums), bytes.len().div_ceil(part))
}

impl TestStore {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, key: &str, bytes: &[u8]) {
        let value = (Bytes::copy_from_slice(bytes), etag(bytes));
        self.inner().objects.insert(key.to_owned(), value);
    }

    pub(super) fn bytes(&self, key: &str) -> Option<Bytes> {
        self.inner()
            .objects
            .get(key)
            .map(|(bytes, _)| bytes.clone())
    }

    pub(super) fn keys(&self) -> Vec<String> {
        self.inner().objects.keys().cloned().collect()
    }

    pub(super) fn ghost(&self, key: &str) {
        self.inner().ghosts.insert(key.to_owned());
    }

    pub(super) fn corrupt(&self, key: &str) {
        self.inner().corrupt.insert(key.to_owned());
    }

    pub(super) fn deny(&self, key: &str) {
        self.inner().denied.insert(key.to_owned());
    }

    pub(super) fn archive(&self, key: &str) {
        self.inner().archived.insert(key.to_owned());
    }

    /// From now on nothing that looks like a sum is one.
    pub(super) fn encrypt(&self) {
        let mut inner = self.inner();
        inner.by_key = true;
        for (_, etag) in inner.objects.values_mut() {
            *etag = etag.chars().rev().collect();
        }
    }

    pub(super) fn gets(&self) -> u64 {
        self.inner().gets
    }

    pub(super) fn puts(&self) -> Vec<String> {
        self.inner().puts.clone()
    }
}

fn error(kind: ErrorKind, action: &'static str, key: &str) -> StoreError {
    let cause = format!("{kind:?}");
    StoreError {
        kind,
        action,
        place: format!("s3://test/{key}"),
        cause,
    }
}

#[async_trait]
impl Store for TestStore {
    fn root(&self) -> &'static str {
        "s3://test"
    }

    fn list(&self, prefix: &str, _: Option<&str>) -> BoxStream<'_, Result<Vec<ObjectMeta>>> {
        let inner = self.inner();
        let mut all: Vec<ObjectMeta> = inner
            .objects
            .iter()
            .filter(|(key, _)| key.starts_with(prefix))
            .map(|(key, (bytes, etag))| ObjectMeta {
                key: key.clone(),
                size: bytes.len() as u64,
                etag: etag.clone(),
                modified: 0,
                archived: inner.archived.contains(key),
            })
            .collect();
        // Listings of some servers are not sorted.
        all.reverse();
        let pages: Vec<_> = all.chunks(7).map(|page| Ok(page.to_vec())).collect();
        stream::iter(pages).boxed()
    }

    async fn folders(&self, _: &str) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    async fn get(&self, key: &str, range: Option<Range<u64>>, want: Option<&str>) -> Result<Bytes> {
        let mut inner = self.inner();
        inner.gets += 1;
        if inner.denied.contains(key) {
            return Err(error(ErrorKind::Denied, "read", key));
        }
        let Some((bytes, etag)) = inner
            .objects
            .get(key)
            .filter(|_| !inner.ghosts.contains(key))
        else {
            return Err(error(ErrorKind::NotFound, "read", key));
        };
        if want.is_some_and(|want| want != etag) {
            return Err(error(ErrorKind::Changed, "read", key));
        }
        let clamp = |at: u64| usize::try_from(at).expect("fits").min(bytes.len());
        let range = range.map_or(0..bytes.len(), |range| clamp(range.start)..clamp(range.end));
        let mut found = bytes.slice(range).to_vec();
        if inner.corrupt.contains(key)
            && let Some(last) = found.last_mut()
        {
            *last ^= 1;
        }
        Ok(found.into())
    }

    async fn put(&self, key: &str, body: Body, when: Precondition) -> Result<String> {
        let bytes: Bytes = match body {
            Body::Bytes(bytes) => bytes,
            Body::File(path) => std::fs::read(path).expect("a file to put").into(),
        };
        let mut inner = self.inner();
        if inner.denied.contains(key) {
            return Err(error(ErrorKind::Denied, "write", key));
        }
        if when == Precondition::Absent && inner.objects.contains_key(key) {
            return Err(error(ErrorKind::Exists, "write", key));
        }
        let mut etag = etag(&bytes);
        if inner.corrupt.contains(key) || inner.by_key {
            etag = etag.chars().rev().collect();
        }
        inner.puts.push(key.to_owned());
        inner.objects.insert(key.to_owned(), (bytes, etag.clone()));
        Ok(etag)
    }

    async fn delete(&self, keys: &[String]) -> Result<()> {
        let mut inner = self.inner();
        for key in keys {
            inner.objects.remove(key);
        }
        Ok(())
    }

    fn etag_is_content(&self) -> bool {
        true
    }

    async fn etag_is_md5(&self, _: &str) -> Result<bool> {
        Ok(!self.inner().by_key)
    }
}

/// Remembers what it is told of.
#[derive(Debug, Default)]
pub(super) struct Recorder(Mutex<Vec<crate::event::Event>>);

impl crate::event::Observer for Recorder {
    fn on(&self, event: &crate::event::Event) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(event.clone());
    }
}

impl Recorder {
    /// The failures, as `key: step: error`, sorted.
    pub(super) fn failures(&self) -> Vec<String> {
        let events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut failures: Vec<String> = events
            .iter()
            .filter_map(|event| match event {
                crate::event::Event::Failed { key, step, error } => {
                    Some(format!("{key}: {step}: {error}"))
                }
                _ => None,
            })
            .collect();
        failures.sort();
        failures
    }
}

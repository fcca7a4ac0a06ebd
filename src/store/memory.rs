//! A store in memory, for tests.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};

use super::{Body, ErrorKind, ObjectMeta, Precondition, Result, Store, StoreError};

/// Objects in a map. `ETag`s are CRC-32 sums; nothing is ever modified later than time 0.
#[derive(Debug, Default)]
pub struct MemoryStore {
    objects: Mutex<BTreeMap<String, Bytes>>,
}

impl MemoryStore {
    fn objects(&self) -> MutexGuard<'_, BTreeMap<String, Bytes>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn error(&self, kind: ErrorKind, action: &'static str, key: &str) -> StoreError {
        let cause = format!("{kind:?}");
        StoreError {
            kind,
            action,
            place: super::full_name(self.root(), key),
            cause,
        }
    }
}

fn meta(key: &str, bytes: &Bytes) -> ObjectMeta {
    ObjectMeta {
        key: key.to_owned(),
        size: bytes.len() as u64,
        etag: etag(bytes),
        modified: 0,
        archived: false,
    }
}

fn etag(bytes: &Bytes) -> String {
    format!("{:08x}", crc32fast::hash(bytes))
}

#[async_trait]
impl Store for MemoryStore {
    fn root(&self) -> &'static str {
        "memory:"
    }

    fn list(&self, prefix: &str, after: Option<&str>) -> BoxStream<'_, Result<Vec<ObjectMeta>>> {
        let all: Vec<ObjectMeta> = self
            .objects()
            .iter()
            .filter(|(key, _)| key.starts_with(prefix))
            .filter(|(key, _)| after.is_none_or(|after| key.as_str() > after))
            .map(|(key, bytes)| meta(key, bytes))
            .collect();
        let pages: Vec<_> = all.chunks(1000).map(|page| Ok(page.to_vec())).collect();
        stream::iter(pages).boxed()
    }

    async fn folders(&self, prefix: &str) -> Result<Vec<String>> {
        let mut found: Vec<String> = self
            .objects()
            .keys()
            .filter_map(|key| {
                let end = key.strip_prefix(prefix)?.find('/')?;
                key.get(..prefix.len() + end + 1).map(str::to_owned)
            })
            .collect();
        found.dedup();
        Ok(found)
    }

    async fn get(
        &self,
        key: &str,
        range: Option<Range<u64>>,
        expect: Option<&str>,
    ) -> Result<Bytes> {
        let objects = self.objects();
        let bytes = objects
            .get(key)
            .ok_or_else(|| self.error(ErrorKind::NotFound, "read", key))?;
        if expect.is_some_and(|expect| expect != etag(bytes)) {
            return Err(self.error(ErrorKind::Changed, "read", key));
        }
        let clamp = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
        Ok(match range {
            Some(range) => bytes.slice(clamp(range.start)..clamp(range.end)),
            None => bytes.clone(),
        })
    }

    async fn put(&self, key: &str, body: Body, when: Precondition) -> Result<String> {
        let bytes = match body {
            Body::Bytes(bytes) => bytes,
            Body::File(path) => std::fs::read(path)
                .map_err(|_| self.error(ErrorKind::Other, "write", key))?
                .into(),
        };
        let mut objects = self.objects();
        let there = objects.get(key).map(etag);
        match when {
            Precondition::Absent if there.is_some() => {
                return Err(self.error(ErrorKind::Exists, "write", key));
            }
            Precondition::Unchanged(expect) if there.as_ref() != Some(&expect) => {
                return Err(self.error(ErrorKind::Changed, "write", key));
            }
            _ => {}
        }
        let etag = etag(&bytes);
        objects.insert(key.to_owned(), bytes);
        Ok(etag)
    }

    async fn delete(&self, keys: &[String]) -> Result<()> {
        let mut objects = self.objects();
        for key in keys {
            objects.remove(key);
        }
        Ok(())
    }

    fn lists_from(&self) -> bool {
        true
    }

    fn puts_are_atomic(&self) -> bool {
        true
    }

    fn etag_is_content(&self) -> bool {
        true
    }
}

//! The files of a dataset as the engine reads them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::DateTime;
use datafusion::object_store::path::Path;
use datafusion::object_store::{
    Attributes, CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult,
    MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, Result,
};
use futures::stream::{self, BoxStream, StreamExt};

use crate::store::{ErrorKind, Store, StoreError};
use crate::units::Day;

/// A dataset's live files, read-only. Its listing is that of the commits: what else lies in the
/// folders is not there.
#[derive(Debug)]
pub(super) struct DatasetFiles {
    store: Arc<dyn Store>,
    /// Empty, or ends in `/`.
    base: String,
    /// Sizes by path.
    sizes: BTreeMap<String, u64>,
    requests: AtomicU64,
    bytes: AtomicU64,
}

impl DatasetFiles {
    pub(super) fn new(store: Arc<dyn Store>, base: &str, sizes: BTreeMap<String, u64>) -> Self {
        Self {
            store,
            base: base.to_owned(),
            sizes,
            requests: AtomicU64::default(),
            bytes: AtomicU64::default(),
        }
    }

    /// The days that a table has files of, by their folders.
    pub(super) fn days(&self, table: &str) -> BTreeSet<Day> {
        let folder = format!("{table}/dt=");
        let from = self.sizes.range(folder.clone()..);
        from.map_while(|(path, _)| path.strip_prefix(&folder))
            .filter_map(|rest| rest.split('/').next()?.parse().ok())
            .collect()
    }

    /// Requests made and bytes read so far.
    pub(super) fn read_so_far(&self) -> (u64, u64) {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (count(&self.requests), count(&self.bytes))
    }

    fn meta(path: &str, size: u64) -> ObjectMeta {
        ObjectMeta {
            location: Path::from(path),
            // Names carry the hash of the content: a file never changes.
            last_modified: DateTime::UNIX_EPOCH,
            size,
            e_tag: None,
            version: None,
        }
    }

    async fn read(&self, path: &str, range: Range<u64>) -> Result<Bytes> {
        let (key, length) = (format!("{}{path}", self.base), range.end - range.start);
        let read = self.store.get(&key, Some(range), None).await;
        let bytes = read.map_err(|error| failure(path, &error))?;
        if bytes.len() as u64 != length {
            let source = format!("{path} is shorter than its commit says").into();
            return Err(Error::Generic {
                store: "s3logs",
                source,
            });
        }
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(bytes)
    }
}

impl fmt::Display for DatasetFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.store.root(), self.base)
    }
}

fn failure(path: &str, error: &StoreError) -> Error {
    let (path, source) = (path.to_owned(), Box::new(error.clone()));
    match error.kind {
        ErrorKind::NotFound => Error::NotFound { path, source },
        _ => Error::Generic {
            store: "s3logs",
            source,
        },
    }
}

/// A prefix as names begin with it; the root is no folder.
fn folder(prefix: Option<&Path>) -> String {
    match prefix.map(Path::as_ref) {
        None | Some("") => String::new(),
        Some(prefix) => format!("{prefix}/"),
    }
}

fn read_only<T>() -> Result<T> {
    Err(Error::NotImplemented {
        operation: "write".to_owned(),
        implementer: "a dataset that is only read".to_owned(),
    })
}

#[async_trait]
impl ObjectStore for DatasetFiles {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let path = location.as_ref();
        let Some(size) = self.sizes.get(path).copied() else {
            let source = "no commit names it".into();
            let path = path.to_owned();
            return Err(Error::NotFound { path, source });
        };
        let range = match &options.range {
            None => 0..size,
            Some(range) => range.as_range(size).map_err(|error| Error::Generic {
                store: "s3logs",
                source: Box::new(error),
            })?,
        };
        let bytes = if options.head || range.is_empty() {
            Bytes::new()
        } else {
            self.read(path, range.clone()).await?
        };
        Ok(GetResult {
            payload: GetResultPayload::Stream(stream::iter([Ok(bytes)]).boxed()),
            meta: Self::meta(path, size),
            range,
            attributes: Attributes::default(),
        })
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let folder = folder(prefix);
        let from = self.sizes.range(folder.clone()..);
        let below = from.take_while(|(path, _)| path.starts_with(&folder));
        let found: Vec<_> = below
            .map(|(path, size)| Ok(Self::meta(path, *size)))
            .collect();
        stream::iter(found).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let folder = folder(prefix);
        let mut found = ListResult {
            common_prefixes: Vec::new(),
            objects: Vec::new(),
        };
        for (path, size) in self.sizes.range(folder.clone()..) {
            let Some(rest) = path.strip_prefix(&folder) else {
                break;
            };
            match rest.split_once('/') {
                None => found.objects.push(Self::meta(path, *size)),
                Some((name, _)) => {
                    let folder = Path::from(format!("{folder}{name}"));
                    if found.common_prefixes.last() != Some(&folder) {
                        found.common_prefixes.push(folder);
                    }
                }
            }
        }
        Ok(found)
    }

    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        read_only()
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        read_only()
    }

    fn delete_stream(
        &self,
        _: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        stream::iter([read_only()]).boxed()
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        read_only()
    }
}

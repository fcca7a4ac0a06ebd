//! S3 and what speaks its protocol: the only folder that knows the SDK.

mod client;
mod error;
mod list;
mod read;
mod write;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::{Delete, ObjectIdentifier, RequestPayer, ServerSideEncryption};
use bytes::Bytes;
use futures::stream::BoxStream;

use super::{Body, ErrorKind, ObjectMeta, Precondition, Result, Store, StoreError, full_name};
use error::explain;
use list::Begun;

pub use client::{AccessKeys, AwsOptions, Patience};
pub use write::PART_SIZE;

/// Most keys of one delete request.
const DELETE_KEYS: usize = 1000;

/// A bucket.
#[derive(Debug)]
pub struct S3Store {
    client: Client,
    bucket: String,
    root: String,
    payer: Option<RequestPayer>,
    pause: Duration,
    counts: Counts,
    /// A listing that has been begun and may go on.
    begun: Mutex<Option<Begun>>,
}

#[derive(Debug, Default)]
struct Counts {
    get: AtomicU64,
    list: AtomicU64,
    put: AtomicU64,
    delete: AtomicU64,
    head: AtomicU64,
}

impl S3Store {
    /// A bucket behind a client built from the options and the SDK's own chain. No request is made.
    pub async fn open(bucket: &str, options: &AwsOptions) -> Self {
        Self {
            // Boxed: the chain's future is large, and every future around this one would be, too.
            client: Box::pin(client::connect(options)).await,
            bucket: bucket.to_owned(),
            root: format!("s3://{bucket}"),
            payer: options.request_payer.then_some(RequestPayer::Requester),
            pause: options.patience.pause / 4,
            counts: Counts::default(),
            begun: Mutex::default(),
        }
    }

    fn error<E>(
        &self,
        error: &SdkError<E, HttpResponse>,
        action: &'static str,
        key: &str,
    ) -> StoreError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let (kind, cause) = explain(error);
        self.plain_error(kind, action, key, cause)
    }

    fn plain_error(
        &self,
        kind: ErrorKind,
        action: &'static str,
        key: &str,
        cause: String,
    ) -> StoreError {
        StoreError {
            kind,
            action,
            place: full_name(&self.root, key),
            cause,
        }
    }

    /// Deletes at most [`DELETE_KEYS`] objects.
    async fn delete_some(&self, keys: &[String]) -> Result<()> {
        self.counts.delete.fetch_add(1, Ordering::Relaxed);
        let first = keys.first().map(String::as_str).unwrap_or_default();
        let plain = |error: &dyn std::fmt::Display| {
            self.plain_error(ErrorKind::Other, "delete", first, error.to_string())
        };
        let names = keys
            .iter()
            .map(|key| ObjectIdentifier::builder().key(key).build())
            .collect::<std::result::Result<Vec<_>, _>>()
            .map_err(|error| plain(&error))?;
        let delete = Delete::builder()
            .set_objects(Some(names))
            .quiet(true)
            .build()
            .map_err(|error| plain(&error))?;
        let answer = self
            .client
            .delete_objects()
            .bucket(&self.bucket)
            .delete(delete)
            .set_request_payer(self.payer.clone())
            .send()
            .await
            .map_err(|error| self.error(&error, "delete", first))?;
        let Some(failed) = answer.errors().first() else {
            return Ok(());
        };
        let code = failed.code().unwrap_or_default();
        let cause = format!("{code}: {}", failed.message().unwrap_or_default());
        let kind = error::kind_of_code(code).unwrap_or(ErrorKind::Other);
        Err(self.plain_error(kind, "delete", failed.key().unwrap_or(first), cause))
    }
}

fn plain_etag(etag: &str) -> String {
    etag.trim_matches('"').to_owned()
}

#[async_trait]
impl Store for S3Store {
    fn root(&self) -> &str {
        &self.root
    }

    fn list(&self, prefix: &str, after: Option<&str>) -> BoxStream<'_, Result<Vec<ObjectMeta>>> {
        self.pages(prefix, after, false)
    }

    /// The first page is kept: the next listing of the prefix begins with it instead of asking again.
    fn list_in_no_order(&self, prefix: &str) -> BoxStream<'_, Result<Vec<ObjectMeta>>> {
        self.pages(prefix, None, true)
    }

    async fn folders(&self, prefix: &str) -> Result<Vec<String>> {
        self.folder_names(prefix).await
    }

    async fn get(&self, key: &str, range: Option<Range<u64>>, etag: Option<&str>) -> Result<Bytes> {
        self.read(key, range.as_ref(), etag).await
    }

    async fn put(&self, key: &str, body: Body, when: Precondition) -> Result<String> {
        self.store(key, &body, &when).await
    }

    async fn delete(&self, keys: &[String]) -> Result<()> {
        for some in keys.chunks(DELETE_KEYS) {
            self.delete_some(some).await?;
        }
        Ok(())
    }

    fn requests(&self) -> BTreeMap<&'static str, u64> {
        let counts = &self.counts;
        [
            ("GET", &counts.get),
            ("LIST", &counts.list),
            ("PUT", &counts.put),
            ("DELETE", &counts.delete),
            ("HEAD", &counts.head),
        ]
        .into_iter()
        .map(|(kind, count)| (kind, count.load(Ordering::Relaxed)))
        .filter(|(_, count)| *count > 0)
        .collect()
    }

    fn lists_from(&self) -> bool {
        true
    }

    fn etag_is_content(&self) -> bool {
        true
    }
    async fn etag_is_md5(&self, key: &str) -> Result<bool> {
        self.counts.head.fetch_add(1, Ordering::Relaxed);
        let head = self
            .client
            .head_object()
            .bucket(&self.bucket)
            .key(key)
            .set_request_payer(self.payer.clone())
            .send()
            .await
            .map_err(|error| self.error(&error, "read", key))?;
        let by_key = matches!(
            head.server_side_encryption(),
            Some(ServerSideEncryption::AwsKms | ServerSideEncryption::AwsKmsDsse)
        );
        Ok(!by_key && head.sse_customer_algorithm().is_none())
    }
}

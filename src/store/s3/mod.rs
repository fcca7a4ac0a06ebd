//! S3 and what speaks its protocol: the only folder that knows the SDK.

mod client;
mod error;
mod read;
mod write;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::{
    Delete, EncodingType, ObjectIdentifier, ObjectStorageClass, RequestPayer, ServerSideEncryption,
};
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};

use super::{Body, ErrorKind, ObjectMeta, Precondition, Result, Store, StoreError, full_name};
use error::explain;

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
}

#[derive(Debug, Default)]
struct Counts {
    get: AtomicU64,
    list: AtomicU64,
    put: AtomicU64,
    delete: AtomicU64,
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

    /// One page of a listing, and where the next one begins.
    async fn page(
        &self,
        prefix: &str,
        delimiter: Option<&str>,
        from: &From,
    ) -> Result<(ListObjectsV2Output, Option<From>)> {
        self.counts.list.fetch_add(1, Ordering::Relaxed);
        let mut request = self
            .client
            .list_objects_v2()
            .bucket(&self.bucket)
            .prefix(prefix)
            // XML cannot hold control characters, and turns some of them into others.
            .encoding_type(EncodingType::Url)
            .set_delimiter(delimiter.map(str::to_owned))
            .set_request_payer(self.payer.clone());
        request = match from {
            From::Start(after) => request.set_start_after(after.clone()),
            From::Token(token) => request.continuation_token(token),
        };
        let mut answer = request
            .send()
            .await
            .map_err(|error| self.error(&error, "list", prefix))?;
        // A server that does not know the encoding does not name it.
        if answer.encoding_type == Some(EncodingType::Url) {
            let objects = answer.contents.iter_mut().flatten();
            let folders = answer.common_prefixes.iter_mut().flatten();
            let keys = objects.map(|object| &mut object.key);
            let names = keys.chain(folders.map(|folder| &mut folder.prefix));
            names.flatten().for_each(decode);
        }
        let next = answer
            .next_continuation_token()
            .filter(|_| answer.is_truncated == Some(true))
            .map(|token| From::Token(token.to_owned()));
        Ok((answer, next))
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

/// Where a listing goes on.
enum From {
    Start(Option<String>),
    Token(String),
}

fn plain_etag(etag: &str) -> String {
    etag.trim_matches('"').to_owned()
}

/// Undoes the encoding of names in listings: `%XX` is a byte, `+` a space.
fn decode(name: &mut String) {
    if !name.contains(['%', '+']) {
        return;
    }
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digit = |at: usize| char::from(*after.get(at)?).to_digit(16);
        let escaped = digit(0).zip(digit(1)).filter(|_| first == b'%');
        let byte = match escaped.map(|(high, low)| u8::try_from(high << 4 | low)) {
            Some(Ok(byte)) => byte,
            _ if first == b'+' => b' ',
            _ => first,
        };
        bytes.push(byte);
        rest = after
            .get(if escaped.is_some() { 2 } else { 0 }..)
            .unwrap_or_default();
    }
    *name = String::from_utf8_lossy(&bytes).into_owned();
}

fn object_meta(object: aws_sdk_s3::types::Object) -> Option<ObjectMeta> {
    Some(ObjectMeta {
        size: object
            .size
            .and_then(|size| u64::try_from(size).ok())
            .unwrap_or(0),
        etag: object.e_tag.as_deref().map(plain_etag).unwrap_or_default(),
        modified: object
            .last_modified
            .map_or(0, |time| i64::try_from(time.as_nanos() / 1000).unwrap_or(0)),
        archived: matches!(
            object.storage_class,
            Some(ObjectStorageClass::Glacier | ObjectStorageClass::DeepArchive)
        ),
        key: object.key?,
    })
}

#[async_trait]
impl Store for S3Store {
    fn root(&self) -> &str {
        &self.root
    }

    fn list(&self, prefix: &str, after: Option<&str>) -> BoxStream<'_, Result<Vec<ObjectMeta>>> {
        let start = From::Start(after.map(str::to_owned));
        let prefix = prefix.to_owned();
        stream::try_unfold(Some((prefix, start)), move |state| async move {
            let Some((prefix, from)) = state else {
                return Ok(None);
            };
            let (page, next) = self.page(&prefix, None, &from).await?;
            let objects = page.contents.unwrap_or_default();
            let objects = objects.into_iter().filter_map(object_meta).collect();
            Ok(Some((objects, next.map(|next| (prefix, next)))))
        })
        .boxed()
    }

    async fn folders(&self, prefix: &str) -> Result<Vec<String>> {
        let mut found = Vec::new();
        let mut from = From::Start(None);
        loop {
            let (page, next) = self.page(prefix, Some("/"), &from).await?;
            let prefixes = page.common_prefixes.unwrap_or_default();
            found.extend(prefixes.into_iter().filter_map(|folder| folder.prefix));
            match next {
                Some(next) => from = next,
                None => return Ok(found),
            }
        }
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
        self.counts.get.fetch_add(1, Ordering::Relaxed);
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

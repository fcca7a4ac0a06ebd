//! S3 and what speaks its protocol: the only file that calls the S3 SDK.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::{ByteStream, Length};
use aws_sdk_s3::types::{
    CompletedMultipartUpload, CompletedPart, Delete, ObjectIdentifier, ObjectStorageClass,
    RequestPayer, ServerSideEncryption,
};
use bytes::{Bytes, BytesMut};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

use super::s3_error::explain;
use super::{Body, ErrorKind, ObjectMeta, Precondition, Result, Store, StoreError, full_name};

/// How the AWS chain is to be used; everything unset comes from environment and profile.
#[derive(Clone, Debug, Default)]
pub struct AwsOptions {
    /// Profile of the shared configuration.
    pub profile: Option<String>,
    /// Region of the bucket.
    pub region: Option<String>,
    /// Endpoint of an S3-compatible server.
    pub endpoint_url: Option<String>,
    /// Agree to pay for requests and transfer of requester-pays buckets.
    pub request_payer: bool,
    /// Send requests without a signature, for public buckets.
    pub no_sign_request: bool,
}

/// Size of a part of a multipart upload, and the size from which files are sent in parts.
pub const PART_SIZE: u64 = 16 << 20;

/// Parts in flight at the same time. Parts are streamed from the file, not held.
const PARTS_IN_FLIGHT: usize = 4;

/// How often a body that broke off is taken up again.
const BODY_ATTEMPTS: u32 = 6;

/// A bucket.
#[derive(Debug)]
pub struct S3Store {
    client: Client,
    bucket: String,
    root: String,
    payer: Option<RequestPayer>,
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
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .retry_config(RetryConfig::adaptive().with_max_attempts(6))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(Duration::from_secs(10))
                    .read_timeout(Duration::from_secs(30))
                    .build(),
            );
        if let Some(profile) = &options.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = &options.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(endpoint) = &options.endpoint_url {
            loader = loader.endpoint_url(endpoint);
        }
        if options.no_sign_request {
            loader = loader.no_credentials();
        }
        let shared = loader.load().await;
        let mut config = aws_sdk_s3::config::Builder::from(&shared)
            .force_path_style(shared.endpoint_url().is_some() || options.endpoint_url.is_some());
        if shared.region().is_none() {
            config = config.region(Region::new("us-east-1"));
        }
        Self {
            client: Client::from_conf(config.build()),
            bucket: bucket.to_owned(),
            root: format!("s3://{bucket}"),
            payer: options.request_payer.then_some(RequestPayer::Requester),
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

    async fn page(&self, prefix: &str, from: &From) -> Result<(Vec<ObjectMeta>, Option<From>)> {
        self.counts.list.fetch_add(1, Ordering::Relaxed);
        let mut request = self
            .client
            .list_objects_v2()
            .bucket(&self.bucket)
            .prefix(prefix)
            .set_request_payer(self.payer.clone());
        request = match from {
            From::Start(after) => request.set_start_after(after.clone()),
            From::Token(token) => request.continuation_token(token),
        };
        let answer = request
            .send()
            .await
            .map_err(|error| self.error(&error, "list", prefix))?;
        let next = answer
            .next_continuation_token()
            .map(|token| From::Token(token.to_owned()));
        let objects = answer
            .contents
            .unwrap_or_default()
            .into_iter()
            .filter_map(object_meta)
            .collect();
        Ok((objects, next.filter(|_| answer.is_truncated == Some(true))))
    }

    /// One GET, its body read eagerly; what arrived before a break is kept in `buffer`.
    async fn fill(
        &self,
        key: &str,
        want: &Want<'_>,
        buffer: &mut BytesMut,
    ) -> std::result::Result<String, Broken> {
        self.counts.get.fetch_add(1, Ordering::Relaxed);
        let done = buffer.len() as u64;
        let range = match &want.range {
            Some(range) => Some(format!(
                "bytes={}-{}",
                range.start + done,
                range.end.saturating_sub(1)
            )),
            None if done > 0 => Some(format!("bytes={done}-")),
            None => None,
        };
        let answer = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(key)
            .set_range(range)
            .set_if_match(want.etag.as_ref().map(|etag| format!("\"{etag}\"")))
            .set_request_payer(self.payer.clone())
            .send()
            .await
            .map_err(|error| Broken::Request(self.error(&error, "read", key)))?;
        let etag = answer.e_tag().map(plain_etag).unwrap_or_default();
        let expected = done
            + answer
                .content_length()
                .and_then(|n| u64::try_from(n).ok())
                .unwrap_or(0);
        if buffer.is_empty() {
            buffer.reserve(usize::try_from(expected).unwrap_or(0));
        }
        let mut body = answer.body;
        while let Some(chunk) = body.next().await {
            match chunk {
                Ok(chunk) => buffer.extend_from_slice(&chunk),
                Err(error) => {
                    return Err(Broken::Body {
                        etag,
                        cause: error.to_string(),
                    });
                }
            }
        }
        if (buffer.len() as u64) < expected {
            let cause = format!("the body ended after {} of {expected} bytes", buffer.len());
            return Err(Broken::Body { etag, cause });
        }
        Ok(etag)
    }

    async fn put_parts(
        &self,
        key: &str,
        path: &Path,
        size: u64,
        when: &Precondition,
    ) -> Result<String> {
        let created = self
            .client
            .create_multipart_upload()
            .bucket(&self.bucket)
            .key(key)
            .set_request_payer(self.payer.clone())
            .send()
            .await
            .map_err(|error| self.error(&error, "write", key))?;
        let upload = created.upload_id().unwrap_or_default();
        match self.send_parts(key, path, size, upload, when).await {
            Ok(etag) => Ok(etag),
            Err(error) => {
                // Best effort: an abandoned upload costs storage until it is aborted.
                let abort = self
                    .client
                    .abort_multipart_upload()
                    .bucket(&self.bucket)
                    .key(key);
                drop(abort.upload_id(upload).send().await);
                Err(error)
            }
        }
    }

    async fn send_parts(
        &self,
        key: &str,
        path: &Path,
        size: u64,
        upload: &str,
        when: &Precondition,
    ) -> Result<String> {
        let count = i32::try_from(size.div_ceil(PART_SIZE)).unwrap_or(i32::MAX);
        let parts: Vec<CompletedPart> = stream::iter(1..=count)
            .map(|number| self.send_part(key, path, size, upload, number))
            .buffered(PARTS_IN_FLIGHT)
            .try_collect()
            .await?;
        let (absent, matching) = conditions(when);
        let done = self
            .client
            .complete_multipart_upload()
            .bucket(&self.bucket)
            .key(key)
            .upload_id(upload)
            .set_if_none_match(absent)
            .set_if_match(matching)
            .multipart_upload(
                CompletedMultipartUpload::builder()
                    .set_parts(Some(parts))
                    .build(),
            )
            .set_request_payer(self.payer.clone())
            .send()
            .await
            .map_err(|error| self.put_error(&error, key, when))?;
        Ok(done.e_tag().map(plain_etag).unwrap_or_default())
    }

    async fn send_part(
        &self,
        key: &str,
        path: &Path,
        size: u64,
        upload: &str,
        number: i32,
    ) -> Result<CompletedPart> {
        self.counts.put.fetch_add(1, Ordering::Relaxed);
        let offset = u64::try_from(number - 1).unwrap_or(0) * PART_SIZE;
        let body = ByteStream::read_from()
            .path(path)
            .offset(offset)
            .length(Length::Exact(PART_SIZE.min(size - offset)))
            .build()
            .await
            .map_err(|error| self.plain_error(ErrorKind::Other, "write", key, error.to_string()))?;
        let sent = self
            .client
            .upload_part()
            .bucket(&self.bucket)
            .key(key)
            .upload_id(upload)
            .part_number(number)
            .body(body)
            .set_request_payer(self.payer.clone())
            .send()
            .await
            .map_err(|error| self.error(&error, "write", key))?;
        Ok(CompletedPart::builder()
            .part_number(number)
            .set_e_tag(sent.e_tag)
            .set_checksum_crc32(sent.checksum_crc32)
            .build())
    }

    /// 412 means "exists" or "changed", depending on what was asked.
    fn put_error<E>(
        &self,
        error: &SdkError<E, HttpResponse>,
        key: &str,
        when: &Precondition,
    ) -> StoreError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let mut error = self.error(error, "write", key);
        if error.kind == ErrorKind::Changed && *when == Precondition::Absent {
            error.kind = ErrorKind::Exists;
        }
        error
    }

    async fn put_once(&self, key: &str, body: &Body, when: &Precondition) -> Result<String> {
        self.counts.put.fetch_add(1, Ordering::Relaxed);
        let stream = match body {
            Body::Bytes(bytes) => ByteStream::from(bytes.clone()),
            Body::File(path) => {
                let file = |error: &dyn std::fmt::Display| {
                    self.plain_error(
                        ErrorKind::Other,
                        "write",
                        key,
                        format!("{}: {error}", path.display()),
                    )
                };
                let size = tokio::fs::metadata(path)
                    .await
                    .map_err(|error| file(&error))?
                    .len();
                if size > PART_SIZE {
                    return self.put_parts(key, path, size, when).await;
                }
                ByteStream::from_path(path)
                    .await
                    .map_err(|error| file(&error))?
            }
        };
        let (absent, matching) = conditions(when);
        let answer = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .body(stream)
            .set_if_none_match(absent)
            .set_if_match(matching)
            .set_request_payer(self.payer.clone())
            .send()
            .await
            .map_err(|error| self.put_error(&error, key, when))?;
        Ok(answer.e_tag().map(plain_etag).unwrap_or_default())
    }
}

/// Where a listing goes on.
enum From {
    Start(Option<String>),
    Token(String),
}

struct Want<'a> {
    range: Option<&'a Range<u64>>,
    etag: Option<String>,
}

enum Broken {
    /// The request itself failed; the SDK has retried what can be retried.
    Request(StoreError),
    /// The body broke off or failed its checksum.
    Body { etag: String, cause: String },
}

fn plain_etag(etag: &str) -> String {
    etag.trim_matches('"').to_owned()
}

fn conditions(when: &Precondition) -> (Option<String>, Option<String>) {
    match when {
        Precondition::Always => (None, None),
        Precondition::Absent => (Some("*".to_owned()), None),
        Precondition::Unchanged(etag) => (None, Some(format!("\"{etag}\""))),
    }
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
            let (objects, next) = self.page(&prefix, &from).await?;
            Ok(Some((objects, next.map(|next| (prefix, next)))))
        })
        .boxed()
    }

    async fn folders(&self, prefix: &str) -> Result<Vec<String>> {
        self.counts.list.fetch_add(1, Ordering::Relaxed);
        let answer = self
            .client
            .list_objects_v2()
            .bucket(&self.bucket)
            .prefix(prefix)
            .delimiter("/")
            .set_request_payer(self.payer.clone())
            .send()
            .await
            .map_err(|error| self.error(&error, "list", prefix))?;
        Ok(answer
            .common_prefixes()
            .iter()
            .filter_map(|found| found.prefix().map(str::to_owned))
            .collect())
    }

    async fn get(&self, key: &str, range: Option<Range<u64>>, etag: Option<&str>) -> Result<Bytes> {
        if range.as_ref().is_some_and(Range::is_empty) {
            return Ok(Bytes::new());
        }
        let mut want = Want {
            range: range.as_ref(),
            etag: etag.map(str::to_owned),
        };
        let mut buffer = BytesMut::new();
        let mut attempt = 1;
        loop {
            match self.fill(key, &want, &mut buffer).await {
                Ok(_) => return Ok(buffer.freeze()),
                Err(Broken::Request(error)) => return Err(error),
                Err(Broken::Body { cause, .. }) if attempt >= BODY_ATTEMPTS => {
                    let cause = format!("{cause}; gave up after {attempt} attempts");
                    return Err(self.plain_error(ErrorKind::Network, "read", key, cause));
                }
                Err(Broken::Body { etag, cause }) => {
                    // Bytes that failed their checksum are not worth keeping.
                    if cause.contains("checksum") {
                        buffer.clear();
                    }
                    if !etag.is_empty() {
                        want.etag.get_or_insert(etag);
                    }
                    tokio::time::sleep(Duration::from_millis(50 << attempt.min(5))).await;
                    attempt += 1;
                }
            }
        }
    }

    async fn put(&self, key: &str, body: Body, when: Precondition) -> Result<String> {
        let mut attempt = 0;
        loop {
            match self.put_once(key, &body, &when).await {
                // 409 ConditionalRequestConflict: another conditional write was under way.
                Err(error) if error.cause.contains("ConditionalRequestConflict") && attempt < 5 => {
                    attempt += 1;
                    tokio::time::sleep(Duration::from_millis(50 << attempt)).await;
                }
                other => return other,
            }
        }
    }

    async fn delete(&self, keys: &[String]) -> Result<()> {
        for some in keys.chunks(1000) {
            self.counts.delete.fetch_add(1, Ordering::Relaxed);
            let first = some.first().map(String::as_str).unwrap_or_default();
            let plain = |error: &dyn std::fmt::Display| {
                self.plain_error(ErrorKind::Other, "delete", first, error.to_string())
            };
            let names = some
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
            if let Some(failed) = answer.errors().first() {
                let code = failed.code().unwrap_or_default();
                let kind = if code == "AccessDenied" {
                    ErrorKind::Denied
                } else {
                    ErrorKind::Other
                };
                let cause = format!("{code}: {}", failed.message().unwrap_or_default());
                return Err(self.plain_error(kind, "delete", failed.key().unwrap_or(first), cause));
            }
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

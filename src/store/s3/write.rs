//! Puts: in one request, or in parts.

use std::path::Path;
use std::sync::atomic::Ordering;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::{ByteStream, Length};
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use futures::stream::{self, StreamExt, TryStreamExt};

use super::super::{Body, ErrorKind, Precondition, Result, StoreError};
use super::{S3Store, plain_etag};

/// Size of a part of a multipart upload, and the size above which files are sent in parts.
pub const PART_SIZE: u64 = 16 << 20;

/// Parts in flight at the same time. Parts are streamed from the file, not held.
const PARTS_IN_FLIGHT: usize = 4;

/// How often a put that met another conditional write under way is tried again.
const CONFLICTS: u32 = 5;

impl S3Store {
    pub(super) async fn store(
        &self,
        key: &str,
        body: &Body,
        when: &Precondition,
    ) -> Result<String> {
        let mut attempt = 0;
        loop {
            match self.put_once(key, body, when).await {
                // 409: another conditional write was under way.
                Err(error)
                    if error.cause.contains("ConditionalRequestConflict")
                        && attempt < CONFLICTS =>
                {
                    attempt += 1;
                    tokio::time::sleep(self.pause * (1 << attempt)).await;
                }
                other => return other,
            }
        }
    }

    async fn put_once(&self, key: &str, body: &Body, when: &Precondition) -> Result<String> {
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
        self.counts.put.fetch_add(1, Ordering::Relaxed);
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

    async fn put_parts(
        &self,
        key: &str,
        path: &Path,
        size: u64,
        when: &Precondition,
    ) -> Result<String> {
        self.counts.put.fetch_add(2, Ordering::Relaxed);
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

    /// 412 means "exists" or "changed", depending on what was asked; what is gone has changed, too.
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
        match (when, &error.kind) {
            (Precondition::Absent, ErrorKind::Changed) => error.kind = ErrorKind::Exists,
            (Precondition::Unchanged(_), ErrorKind::NotFound) => error.kind = ErrorKind::Changed,
            _ => {}
        }
        error
    }
}

fn conditions(when: &Precondition) -> (Option<String>, Option<String>) {
    match when {
        Precondition::Always => (None, None),
        Precondition::Absent => (Some("*".to_owned()), None),
        Precondition::Unchanged(etag) => (None, Some(format!("\"{etag}\""))),
    }
}

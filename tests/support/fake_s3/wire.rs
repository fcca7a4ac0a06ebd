//! Small translations between the wire and what is stored.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use md5::{Digest, Md5};
use s3s::dto::{ChecksumType, Range, StorageClass, StreamingBlob};
use s3s::{S3Result, TrailingHeaders, s3_error};

use super::memory::{State, StoredObject};

impl State {
    /// The region to tell: S3's first one until a test sets another.
    pub(super) fn region_name(&self) -> String {
        self.region
            .clone()
            .unwrap_or_else(|| "us-east-1".to_owned())
    }
}

impl StoredObject {
    /// The storage class as a header, which S3 leaves out for standard objects.
    pub(super) fn class_header(&self) -> Option<StorageClass> {
        (self.class != StorageClass::STANDARD).then(|| StorageClass::from(self.class.clone()))
    }

    /// The number of tags as a header, which S3 leaves out if there are none.
    pub(super) fn tag_count(&self) -> Option<i32> {
        i32::try_from(self.tags.len())
            .ok()
            .filter(|count| *count > 0)
    }
}

/// The checksum type that stands beside a checksum.
pub(super) fn whole_if(checksummed: bool) -> Option<ChecksumType> {
    checksummed.then(|| ChecksumType::from_static(ChecksumType::FULL_OBJECT))
}

/// The bytes a range asks for, with the `Content-Range` that says so.
pub(super) fn cut(data: &Bytes, range: Option<Range>) -> S3Result<(Bytes, Option<String>)> {
    let Some(range) = range else {
        return Ok((data.clone(), None));
    };
    let within = range.check(data.len() as u64)?;
    if within.is_empty() {
        return Err(s3_error!(InvalidRange));
    }
    let content_range = format!("bytes {}-{}/{}", within.start, within.end - 1, data.len());
    let in_memory = |position| usize::try_from(position).map_err(|_| s3_error!(InvalidRange));
    let part = data.slice(in_memory(within.start)?..in_memory(within.end)?);
    Ok((part, Some(content_range)))
}

/// Takes in an upload and compares it with the sums that came with it, before or behind the body.
/// Returns the bytes and their CRC32, if one was sent.
pub(super) async fn receive(
    body: Option<StreamingBlob>,
    md5: Option<&str>,
    crc32: Option<String>,
    trailers: Option<TrailingHeaders>,
) -> S3Result<(Bytes, Option<String>)> {
    let data = read(body).await?;
    let crc32 = crc32.or_else(|| trailing_crc32(trailers.as_ref()));
    verify(&data, md5, crc32.as_deref())?;
    Ok((data, crc32))
}

async fn read(body: Option<StreamingBlob>) -> S3Result<Bytes> {
    let Some(body) = body else {
        return Ok(Bytes::new());
    };
    let collected = body.try_fold(BytesMut::new(), |mut data, chunk| async move {
        data.extend_from_slice(&chunk);
        Ok(data)
    });
    let data = collected
        .await
        .map_err(|error| s3_error!(IncompleteBody, "{error}"))?;
    Ok(data.freeze())
}

/// The CRC32 that followed a chunked body; only there once the body was read.
fn trailing_crc32(trailers: Option<&TrailingHeaders>) -> Option<String> {
    let crc32 = |headers: &http::HeaderMap| {
        let value = headers.get("x-amz-checksum-crc32")?;
        value.to_str().ok().map(str::to_owned)
    };
    trailers?.read(crc32).flatten()
}

/// Compares sums, which are base64 on the wire, with the bytes.
fn verify(data: &[u8], md5: Option<&str>, crc32: Option<&str>) -> S3Result<()> {
    if md5.is_some_and(|sent| sent != BASE64_STANDARD.encode(Md5::digest(data))) {
        let message = "The Content-MD5 you specified did not match what we received.";
        return Err(s3_error!(BadDigest, "{message}"));
    }
    if crc32.is_some_and(|sent| sent != BASE64_STANDARD.encode(crc32fast::hash(data).to_be_bytes()))
    {
        let message = "The CRC32 you specified did not match the calculated checksum.";
        return Err(s3_error!(BadDigest, "{message}"));
    }
    Ok(())
}

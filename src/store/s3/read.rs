//! Reads: a GET whose body is taken up again where it breaks off.

use std::ops::Range;
use std::sync::atomic::Ordering;

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use bytes::{Bytes, BytesMut};

use super::super::{ErrorKind, Result, StoreError};
use super::error::{causes, innermost};
use super::{S3Store, plain_etag};

/// How many requests are made for one body.
const BODY_ATTEMPTS: u32 = 6;

/// A read under way.
struct Reading<'a> {
    key: &'a str,
    range: Option<&'a Range<u64>>,
    /// The version that every answer must be of; the first answer names it if the caller does not.
    etag: Option<String>,
    /// What has arrived.
    buffer: BytesMut,
    /// How long the first answer said it would be.
    length: Option<u64>,
}

/// Why a read did not come to its end.
enum Broken {
    /// The request itself failed; the SDK has retried what can be retried.
    Request(StoreError),
    /// The body broke off or failed its checksum. The SDK never retries a body.
    Body(String),
}

impl S3Store {
    pub(super) async fn read(
        &self,
        key: &str,
        range: Option<&Range<u64>>,
        etag: Option<&str>,
    ) -> Result<Bytes> {
        if range.is_some_and(Range::is_empty) {
            return Ok(Bytes::new());
        }
        let mut reading = Reading {
            key,
            range,
            etag: etag.map(str::to_owned),
            buffer: BytesMut::new(),
            length: None,
        };
        let mut attempt = 1;
        loop {
            match self.go_on(&mut reading).await {
                Ok(()) => return Ok(reading.buffer.freeze()),
                Err(Broken::Request(error)) => return Err(error),
                Err(Broken::Body(cause)) if attempt == BODY_ATTEMPTS => {
                    let cause = format!("{cause}; gave up after {attempt} attempts");
                    return Err(self.plain_error(ErrorKind::Network, "read", key, cause));
                }
                Err(Broken::Body(_)) => {
                    tokio::time::sleep(self.pause * (1 << attempt)).await;
                    attempt += 1;
                }
            }
        }
    }

    /// One GET for what is still missing.
    async fn go_on(&self, reading: &mut Reading<'_>) -> std::result::Result<(), Broken> {
        self.counts.get.fetch_add(1, Ordering::Relaxed);
        let missing = reading.missing();
        let answer = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(reading.key)
            .set_range(missing.clone())
            .set_if_match(reading.etag.as_ref().map(|etag| format!("\"{etag}\"")))
            .set_request_payer(self.payer.clone())
            .send()
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            // Nothing lies there: the range begins at the object's end or behind it.
            Err(error)
                if reading.buffer.is_empty()
                    && error.raw_response().map(|raw| raw.status().as_u16()) == Some(416) =>
            {
                return Ok(());
            }
            Err(error) => return Err(Broken::Request(self.error(&error, "read", reading.key))),
        };
        let given = answer.content_range().and_then(bytes_of);
        if missing.is_some() && given.as_ref().map(|given| given.start) != Some(reading.next()) {
            let cause = "the server answered with another range than it was asked for".to_owned();
            let error = self.plain_error(ErrorKind::Other, "read", reading.key, cause);
            return Err(Broken::Request(error));
        }
        reading.take(answer, given).await.map_err(Broken::Body)
    }
}

impl Reading<'_> {
    /// Position in the object of the next byte that is missing.
    fn next(&self) -> u64 {
        self.range.map_or(0, |range| range.start) + self.buffer.len() as u64
    }

    /// The range to ask for; none for a whole object of which nothing has arrived.
    fn missing(&self) -> Option<String> {
        match (self.range, self.next()) {
            (Some(range), next) => Some(format!("bytes={next}-{}", range.end - 1)),
            (None, 0) => None,
            (None, next) => Some(format!("bytes={next}-")),
        }
    }

    /// Reads the body to its end. What arrives before a break is kept.
    async fn take(
        &mut self,
        answer: GetObjectOutput,
        given: Option<Range<u64>>,
    ) -> std::result::Result<(), String> {
        if self.etag.is_none() {
            self.etag = answer.e_tag().map(plain_etag);
        }
        let promised = answer.content_length().and_then(|n| u64::try_from(n).ok());
        let here = given.map(|given| given.end - given.start).or(promised);
        let done = self.buffer.len() as u64;
        let length = *self.length.get_or_insert(done + here.unwrap_or(0));
        if done == 0 {
            self.buffer.reserve(usize::try_from(length).unwrap_or(0));
        }
        let mut body = answer.body;
        while let Some(chunk) = body.next().await {
            match chunk {
                Ok(chunk) => self.buffer.extend_from_slice(&chunk),
                Err(error) => {
                    let causes = causes(&error);
                    if causes
                        .iter()
                        .any(|cause| cause.contains("checksum mismatch"))
                    {
                        // Nobody knows which of the bytes are wrong, or how many there should be.
                        self.buffer.clear();
                        self.length = None;
                    }
                    return Err(innermost(&causes));
                }
            }
        }
        if (self.buffer.len() as u64) < length {
            let arrived = self.buffer.len();
            return Err(format!("the body ended after {arrived} of {length} bytes"));
        }
        Ok(())
    }
}

/// The bytes that a `Content-Range` such as `bytes 5-9/100` names.
fn bytes_of(content_range: &str) -> Option<Range<u64>> {
    let (bytes, _) = content_range.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = bytes.split_once('-')?;
    let range = first.parse().ok()?..last.parse::<u64>().ok()?.checked_add(1)?;
    (range.start <= range.end).then_some(range)
}

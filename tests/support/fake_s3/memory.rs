//! The objects of the fake S3 server and the rules for reading and writing one of them.
//!
//! Everything here is synchronous and runs under one lock, so that a condition and the write it
//! guards can never be split. [`super::operations`] puts the S3 protocol in front of it. Nothing is
//! ever evicted: the bound is what a test stores.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use md5::{Digest, Md5};
use s3s::dto::ETagCondition;
use s3s::{S3Result, s3_error};

use super::listing::Order;
use super::multipart::Upload;

/// 2026-01-01T00:00:00Z, the time of a fresh server: tests that compare times see the same every run.
const START_OF_CLOCK: Duration = Duration::from_hours(490_896);
/// S3 never lists more keys in one answer.
const LARGEST_PAGE: usize = 1000;
/// S3 refuses smaller parts, but for the last one.
const SMALLEST_PART: usize = 5 * 1024 * 1024;

/// The objects of one bucket, in byte order of their keys.
pub(super) type Bucket = BTreeMap<String, StoredObject>;

/// One object, with what S3 remembers beside its bytes.
#[derive(Clone, Debug)]
pub(super) struct StoredObject {
    pub(super) data: Bytes,
    pub(super) etag: String,
    pub(super) modified: SystemTime,
    pub(super) class: String,
    pub(super) crc32: Option<String>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) headers: KeptHeaders,
}

/// The request headers that a PUT stores and a GET gives back.
#[derive(Clone, Debug, Default)]
pub(super) struct KeptHeaders {
    pub(super) content_type: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) metadata: Option<s3s::dto::Metadata>,
}

/// The `ETag` conditions of a request.
#[derive(Clone, Debug, Default)]
pub(super) struct Conditions {
    if_match: Option<ETagCondition>,
    if_none_match: Option<ETagCondition>,
}

/// Everything the server stores, and the switches that change how it answers.
#[derive(Debug)]
pub(super) struct State {
    pub(super) buckets: BTreeMap<String, Bucket>,
    pub(super) uploads: BTreeMap<String, Upload>,
    pub(super) uploads_begun: usize,
    pub(super) now: SystemTime,
    pub(super) region: Option<String>,
    pub(super) order: Order,
    pub(super) page_size: usize,
    pub(super) smallest_part: usize,
    pub(super) conditional_put: bool,
    /// Session tokens that are refused.
    pub(super) expired: Vec<String>,
    /// Whether a put looks for the object first and stores it a while later.
    pub(super) hesitates: bool,
}

/// A shared handle on the stored objects; the backend behind the S3 protocol.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory(Arc<Mutex<State>>);

impl Memory {
    /// Takes the one lock that every operation runs under.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for State {
    fn default() -> Self {
        Self {
            buckets: BTreeMap::new(),
            uploads: BTreeMap::new(),
            uploads_begun: 0,
            now: SystemTime::UNIX_EPOCH + START_OF_CLOCK,
            region: None,
            order: Order::Bytes,
            page_size: LARGEST_PAGE,
            smallest_part: SMALLEST_PART,
            conditional_put: true,
            expired: Vec::new(),
            hesitates: false,
        }
    }
}

impl State {
    /// Creates an empty bucket; S3 refuses a second one of that name.
    pub(super) fn create_bucket(&mut self, bucket: &str) -> S3Result<()> {
        if self.buckets.contains_key(bucket) {
            return Err(s3_error!(BucketAlreadyOwnedByYou));
        }
        self.buckets.insert(bucket.to_owned(), Bucket::new());
        Ok(())
    }

    /// The bucket of that name, or `NoSuchBucket`.
    pub(super) fn bucket(&self, bucket: &str) -> S3Result<&Bucket> {
        self.buckets
            .get(bucket)
            .ok_or_else(|| s3_error!(NoSuchBucket))
    }

    /// The bucket of that name for writing, or `NoSuchBucket`.
    pub(super) fn bucket_mut(&mut self, bucket: &str) -> S3Result<&mut Bucket> {
        self.buckets
            .get_mut(bucket)
            .ok_or_else(|| s3_error!(NoSuchBucket))
    }

    /// The object of that key, or `NoSuchBucket` / `NoSuchKey`.
    pub(super) fn object(&self, bucket: &str, key: &str) -> S3Result<&StoredObject> {
        self.bucket(bucket)?
            .get(key)
            .ok_or_else(|| s3_error!(NoSuchKey))
    }

    /// The object of that key for writing, or `NoSuchBucket` / `NoSuchKey`.
    pub(super) fn object_mut(&mut self, bucket: &str, key: &str) -> S3Result<&mut StoredObject> {
        self.bucket_mut(bucket)?
            .get_mut(key)
            .ok_or_else(|| s3_error!(NoSuchKey))
    }

    /// Stores an object if the conditions hold for what is there now. Returns its `ETag`.
    pub(super) fn store(
        &mut self,
        bucket: &str,
        key: &str,
        object: StoredObject,
        conditions: &Conditions,
    ) -> S3Result<String> {
        let honoured = self.conditional_put;
        let objects = self.bucket_mut(bucket)?;
        if honoured {
            conditions.check_write(objects.get(key))?;
        }
        let etag = object.etag.clone();
        objects.insert(key.to_owned(), object);
        Ok(etag)
    }

    /// A standard-class object of these bytes, last modified at the time of the fixed clock.
    pub(super) fn new_object(&self, data: Bytes) -> StoredObject {
        StoredObject {
            etag: hex(&Md5::digest(&data)),
            data,
            modified: self.now,
            class: "STANDARD".to_owned(),
            crc32: None,
            tags: BTreeMap::new(),
            headers: KeptHeaders::default(),
        }
    }

    /// Makes listings answer at most this many keys, and never more than S3's own 1000.
    pub(super) fn set_page_size(&mut self, keys: usize) {
        self.page_size = keys.clamp(1, LARGEST_PAGE);
    }
}

impl StoredObject {
    /// Whether S3 would want a restore before it gives the bytes out.
    pub(super) fn is_archived(&self) -> bool {
        matches!(self.class.as_str(), "GLACIER" | "DEEP_ARCHIVE")
    }
}

impl Conditions {
    /// The conditions of these headers.
    pub(super) fn new(
        if_match: Option<ETagCondition>,
        if_none_match: Option<ETagCondition>,
    ) -> Self {
        Self {
            if_match,
            if_none_match,
        }
    }

    /// Whether a GET or HEAD of this object may go on: 412 or 304 otherwise.
    pub(super) fn check_read(&self, object: &StoredObject) -> S3Result<()> {
        if self
            .if_match
            .as_ref()
            .is_some_and(|wanted| !matches(wanted, &object.etag))
        {
            return Err(s3_error!(PreconditionFailed));
        }
        if self
            .if_none_match
            .as_ref()
            .is_some_and(|known| matches(known, &object.etag))
        {
            return Err(s3_error!(NotModified));
        }
        Ok(())
    }

    /// Whether a write over `present` may go on. As on S3, `If-None-Match` only knows `*`.
    pub(super) fn check_write(&self, present: Option<&StoredObject>) -> S3Result<()> {
        match (&self.if_none_match, present) {
            (Some(ETagCondition::ETag(_)), _) => return Err(s3_error!(NotImplemented)),
            (Some(ETagCondition::Any), Some(_)) => return Err(s3_error!(PreconditionFailed)),
            _ => {}
        }
        match (&self.if_match, present) {
            (Some(_), None) => Err(s3_error!(NoSuchKey)),
            (Some(wanted), Some(object)) if !matches(wanted, &object.etag) => {
                Err(s3_error!(PreconditionFailed))
            }
            _ => Ok(()),
        }
    }
}

fn matches(condition: &ETagCondition, etag: &str) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(wanted) => wanted.value() == etag,
    }
}

/// Lower-case hexadecimal digits of these bytes.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

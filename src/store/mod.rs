//! Where bytes live: S3, a local folder, memory.
//!
//! A small interface of our own instead of a general one: we need the SDK's whole credential chain,
//! create-if-absent puts, and errors in categories that callers act on. SDK types stay inside
//! `s3`.

mod local;
mod location;
mod memory;
mod s3;
mod staging;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

pub use local::LocalStore;
pub use location::Location;
pub use memory::MemoryStore;
pub use s3::{AccessKeys, AwsOptions, PART_SIZE, Patience, S3Store};
pub use staging::Staging;

/// Result of a store's operation.
pub type Result<T> = std::result::Result<T, StoreError>;

/// What a listing tells about an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectMeta {
    /// Its key, relative to the store's root.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
    /// Changes when the content does. S3: the `ETag` without quotes; local: size and time of change.
    pub etag: String,
    /// When it was last modified, microseconds UTC.
    pub modified: i64,
    /// Whether it lies in an archive and must be restored before it can be read.
    pub archived: bool,
}

/// What to put.
#[derive(Clone, Debug)]
pub enum Body {
    /// Bytes in memory.
    Bytes(Bytes),
    /// A file; a local store may move it instead of copying it.
    File(PathBuf),
}

/// When a put may happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// Whatever is there is replaced.
    Always,
    /// Only if there is no such object; otherwise [`ErrorKind::Exists`].
    Absent,
    /// Only if the object has this `ETag`; otherwise [`ErrorKind::Changed`].
    Unchanged(String),
}

/// A place for objects under string keys.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync {
    /// What keys are relative to: `s3://bucket` or `file:///folder`. With a key it names an object
    /// the same way from every machine that sees the store.
    fn root(&self) -> &str;

    /// All objects whose key begins with `prefix` and, where `after` is given, comes after it in
    /// the store's own order; in pages. The order of keys differs between servers.
    fn list(&self, prefix: &str, after: Option<&str>) -> BoxStream<'_, Result<Vec<ObjectMeta>>>;

    /// All objects whose key begins with `prefix`, in whatever order lets the first ones come
    /// soonest. For a look: a listing that follows may begin with what was seen here.
    fn list_in_no_order(&self, prefix: &str) -> BoxStream<'_, Result<Vec<ObjectMeta>>> {
        self.list(prefix, None)
    }

    /// Names of the "folders" right below `prefix`, each ending in `/`.
    async fn folders(&self, prefix: &str) -> Result<Vec<String>>;

    /// The object's bytes, or a range of them. With `etag` the object must still be that version.
    ///
    /// A body that breaks off is resumed; the length is checked.
    async fn get(&self, key: &str, range: Option<Range<u64>>, etag: Option<&str>) -> Result<Bytes>;

    /// Stores an object; atomic, never half of it. Returns the new `ETag`.
    async fn put(&self, key: &str, body: Body, when: Precondition) -> Result<String>;

    /// Deletes objects; those that do not exist are no error.
    async fn delete(&self, keys: &[String]) -> Result<()>;

    /// Requests made so far, by kind, without those that were repeated for one answer; empty where they
    /// cost nothing.
    fn requests(&self) -> BTreeMap<&'static str, u64> {
        BTreeMap::new()
    }

    /// A folder from which [`Body::File`] can be moved into place without a copy.
    fn staging(&self) -> Option<PathBuf> {
        None
    }

    /// Number of fetches that make sense at the same time.
    fn parallel_fetches(&self) -> usize {
        32
    }

    /// Number of objects that are best read by one call of [`get_together`](Self::get_together).
    fn reads_together(&self) -> usize {
        1
    }

    /// All bytes of objects, each with its key and the version it must have; one result for each.
    async fn get_together(&self, objects: &[(&str, Option<&str>)]) -> Vec<Result<Bytes>> {
        let mut all = Vec::with_capacity(objects.len());
        for (key, etag) in objects {
            all.push(self.get(key, None, *etag).await);
        }
        all
    }

    /// Whether a listing can begin behind a key without walking up to it.
    fn lists_from(&self) -> bool {
        false
    }

    /// Whether [`Precondition::Absent`] is known to let one of several writers through, so that nobody
    /// needs to try. Servers promise it, and not all of them keep to it.
    fn puts_are_atomic(&self) -> bool {
        false
    }

    /// Whether the `ETag` depends on the content alone, so that it may go into names of outputs.
    fn etag_is_content(&self) -> bool;

    /// Whether the object's `ETag` is made of MD5 sums of its bytes. It looks the same where it is
    /// not (S3: keys from KMS or from the customer), so this is asked when such a sum differs.
    async fn etag_is_md5(&self, _key: &str) -> Result<bool> {
        Ok(self.etag_is_content())
    }
}

/// Categories of failure that callers and hints act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// There is no such object.
    NotFound,
    /// There is no such bucket or folder.
    NoRoot,
    /// The object is there already ([`Precondition::Absent`]).
    Exists,
    /// The object is another version now.
    Changed,
    /// Access is denied.
    Denied,
    /// The credentials are missing or expired or refused.
    Credentials,
    /// The bucket is in another region (named if the server told).
    WrongRegion(Option<String>),
    /// The object lies in an archive class.
    Archived,
    /// The server asks for patience; retries were used up.
    Throttled,
    /// The connection failed; retries were used up.
    Network,
    /// No room is left.
    Full,
    /// The name cannot be stored here.
    BadName,
    /// Anything else.
    Other,
}

impl ErrorKind {
    /// Whether trying again later may help without anybody changing anything.
    pub fn passes(&self) -> bool {
        !matches!(self, Self::BadName)
    }

    /// Whether the whole run cannot go on, as every other object would meet the same.
    pub fn is_general(&self) -> bool {
        matches!(
            self,
            Self::NoRoot | Self::Credentials | Self::WrongRegion(_) | Self::Full
        )
    }
}

/// A failed operation: which action on which object, and why.
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot {action} {place}: {cause}")]
pub struct StoreError {
    /// Category.
    pub kind: ErrorKind,
    /// What was being done: `list`, `read`, `write`, `delete`.
    pub action: &'static str,
    /// The object or prefix, with the store's root.
    pub place: String,
    /// The reason in the words of the server or the system.
    pub cause: String,
}

/// Full name of an object: root and key.
pub fn full_name(root: &str, key: &str) -> String {
    format!("{root}/{key}")
}

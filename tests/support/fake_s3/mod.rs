//! An S3 server inside the test process: real HTTP and real signatures over a map in memory.
//!
//! One [`FakeS3`] per test. It runs on its own thread, so that a plain `#[test]` can start it and
//! point the real binary at [`FakeS3::endpoint`]; it stops when dropped. Beside serving, it can
//! misbehave on demand ([`Fault`]) and remembers what it was asked ([`LoggedRequest`]).
//!
//! Left out, answered 501: versions, copies, ACLs, lifecycle, logging and notification settings.
//! Addressing is path style only.

mod fault;
mod gauge;
mod listing;
mod log;
mod memory;
mod multipart;
mod operations;
#[cfg(test)]
mod selftest;
mod server;
mod wire;

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::sync::oneshot;

pub use self::fault::{ALWAYS, Fault};
pub use self::listing::Order;
pub use self::log::LoggedRequest;

use self::memory::Conditions;
use self::server::Site;

/// A request that does not come within this time never comes.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running server. Dropping it cuts all connections and frees its port.
pub struct FakeS3 {
    site: Arc<Site>,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Life of the server.
impl FakeS3 {
    /// Starts an empty server on a free port of the loopback interface.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        listener
            .set_nonblocking(true)
            .expect("a fresh listener takes options");
        let address = listener
            .local_addr()
            .expect("a bound listener has an address");
        let site = Arc::new(Site::new());
        let (stop, stopped) = oneshot::channel();
        let served = Arc::clone(&site);
        let thread = std::thread::spawn(move || server::serve(listener, &served, stopped));
        Self {
            site,
            address,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// The URL to give as endpoint.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The access key that is let in.
    pub fn access_key(&self) -> &'static str {
        self.site.user.access_key
    }

    /// The secret key of [`Self::access_key`].
    pub fn secret_key(&self) -> &'static str {
        self.site.user.secret_key
    }
}

impl Drop for FakeS3 {
    fn drop(&mut self) {
        // Both only fail if the thread panicked; its message is already on stderr.
        let _ = self.stop.take().map(|stop| stop.send(()));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// What is stored. These reach the objects directly: unlogged, and out of reach of faults.
impl FakeS3 {
    /// Creates an empty bucket. S3 wants names of at least three characters.
    pub fn create_bucket(&self, bucket: &str) {
        self.site
            .memory
            .lock()
            .create_bucket(bucket)
            .expect("a test creates a bucket once");
    }

    /// Stores an object, without a checksum.
    pub fn put(&self, bucket: &str, key: &str, data: impl AsRef<[u8]>) {
        self.put_class(bucket, key, data, "STANDARD");
    }

    /// Stores an object in a storage class; `GLACIER` and `DEEP_ARCHIVE` cannot be read.
    pub fn put_class(&self, bucket: &str, key: &str, data: impl AsRef<[u8]>, storage_class: &str) {
        let mut state = self.site.memory.lock();
        let mut object = state.new_object(Bytes::copy_from_slice(data.as_ref()));
        storage_class.clone_into(&mut object.class);
        let stored = state.store(bucket, key, object, &Conditions::default());
        stored.expect("a test creates the bucket before it stores objects");
    }

    /// The bytes of an object, archived or not.
    pub fn get(&self, bucket: &str, key: &str) -> Option<Bytes> {
        self.site
            .memory
            .lock()
            .object(bucket, key)
            .ok()
            .map(|object| object.data.clone())
    }

    /// The `ETag` of an object, without quotes.
    pub fn etag(&self, bucket: &str, key: &str) -> Option<String> {
        self.site
            .memory
            .lock()
            .object(bucket, key)
            .ok()
            .map(|object| object.etag.clone())
    }

    /// The tags of an object; none if there is no such object.
    pub fn tags(&self, bucket: &str, key: &str) -> BTreeMap<String, String> {
        self.site
            .memory
            .lock()
            .object(bucket, key)
            .map(|object| object.tags.clone())
            .unwrap_or_default()
    }

    /// The keys that begin with `prefix`, in byte order.
    pub fn keys(&self, bucket: &str, prefix: &str) -> Vec<String> {
        let state = self.site.memory.lock();
        let objects = state.bucket(bucket).into_iter().flatten();
        objects
            .map(|(key, _)| key.clone())
            .filter(|key| key.starts_with(prefix))
            .collect()
    }

    /// How many objects a bucket holds.
    pub fn object_count(&self, bucket: &str) -> usize {
        self.site
            .memory
            .lock()
            .bucket(bucket)
            .map_or(0, BTreeMap::len)
    }

    /// How many multipart uploads were begun and neither completed nor aborted.
    pub fn open_uploads(&self) -> usize {
        self.site.memory.lock().uploads.len()
    }

    /// Removes an object. Returns whether there was one.
    pub fn remove(&self, bucket: &str, key: &str) -> bool {
        self.site
            .memory
            .lock()
            .bucket_mut(bucket)
            .is_ok_and(|objects| objects.remove(key).is_some())
    }
}

/// What kind of server this is.
impl FakeS3 {
    /// Sets the fixed clock: what is stored from now on was last modified then. A fresh server
    /// lives at 2026-01-01T00:00:00Z.
    pub fn set_time(&self, now: SystemTime) {
        self.site.memory.lock().now = now;
    }

    /// Answers at most this many keys per listing page (at most 1000, as S3).
    pub fn page_size(&self, keys: usize) {
        self.site.memory.lock().set_page_size(keys);
    }

    /// Lists keys in this order.
    pub fn list_order(&self, order: Order) {
        self.site.memory.lock().order = order;
    }

    /// Accepts multipart parts from this size on, instead of 5 MiB.
    pub fn smallest_part(&self, bytes: usize) {
        self.site.memory.lock().smallest_part = bytes;
    }

    /// Ignores `If-None-Match` and `If-Match` on writes without a word, as old compatible servers do.
    pub fn without_conditional_put(&self) {
        self.site.memory.lock().conditional_put = false;
    }

    /// Looks whether a put may happen, and does it a while later whatever came between, as servers
    /// do that translate to another store.
    pub fn with_hesitant_put(&self) {
        self.site.memory.lock().hesitates = true;
    }

    /// Moves all buckets to a region: a request signed for another gets 301 `PermanentRedirect`
    /// with `x-amz-bucket-region`. Until then any region is fine.
    pub fn region(&self, name: &str) {
        self.site.memory.lock().region = Some(name.to_owned());
    }
}

/// What was asked.
impl FakeS3 {
    /// All requests since the start or [`Self::clear_log`], in order of arrival.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.site.log().clone()
    }

    /// How many requests matched; the words are those of [`Self::fault`].
    pub fn count(&self, action: &str, key_part: &str) -> usize {
        self.site
            .log()
            .iter()
            .filter(|request| request.is_for(action, key_part))
            .count()
    }

    /// Waits until so many matching requests have come; fails when they do not.
    #[track_caller]
    pub fn wait_for(&self, action: &str, key_part: &str, times: usize) {
        let missing = |log: &mut Vec<LoggedRequest>| {
            log.iter()
                .filter(|request| request.is_for(action, key_part))
                .count()
                < times
        };
        let waited = self
            .site
            .asked
            .wait_timeout_while(self.site.log(), PATIENCE, missing);
        let (log, outcome) = waited.unwrap_or_else(PoisonError::into_inner);
        let log = log.clone();
        assert!(
            !outcome.timed_out(),
            "no {times} requests for {action} {key_part} among {log:#?}"
        );
    }

    /// Forgets the requests and connections so far, and the most concurrent of them.
    pub fn clear_log(&self) {
        self.site.log().clear();
        self.site.gets.forget();
        self.site.connections.store(0, Ordering::SeqCst);
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> usize {
        self.site.connections.load(Ordering::SeqCst)
    }

    /// How many `GetObject` requests were under way at once at most, from their arrival until
    /// their last byte was handed out.
    pub fn most_concurrent_gets(&self) -> usize {
        self.site.gets.most()
    }
}

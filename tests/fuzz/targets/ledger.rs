//! The ledger as found in a store: read, or refused with a reason, the same each time.

use std::sync::{Arc, LazyLock};

use s3logs::ledger::Journal;
use s3logs::store::{Body, MemoryStore, Precondition, Store};
use tokio::runtime::{Builder, Runtime};

use super::parts;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    Builder::new_current_thread()
        .build()
        .expect("a runtime of one thread")
});

/// Puts each part of the input as a record: its name below `_s3logs/` on the first line, its bytes
/// on the others. A name after `!` is of a record that is to be compressed.
pub(super) fn ledger(data: &[u8]) {
    RUNTIME.block_on(async {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        for part in parts(data) {
            let end = part.iter().position(|byte| *byte == b'\n');
            let (name, body) = part.split_at(end.unwrap_or(part.len()));
            let body = body.get(1..).unwrap_or_default();
            let (name, body) = match name.strip_prefix(b"!") {
                Some(name) => (name, zstd::encode_all(body, 1).expect("to memory")),
                None => (name, body.to_vec()),
            };
            let key = format!("lake/_s3logs/{}", String::from_utf8_lossy(name));
            let put = store.put(&key, Body::Bytes(body.into()), Precondition::Always);
            put.await.expect("to memory");
        }
        let journal = Journal::new(store, "lake/");
        let [first, second] = [journal.load().await, journal.load().await];
        match (first, second) {
            (Ok(first), Ok(second)) => {
                assert_eq!(first.ledger.head(), second.ledger.head());
                assert_eq!(first.is_empty(), second.is_empty());
            }
            (Err(first), Err(second)) => {
                assert_eq!(first.to_string(), second.to_string());
                assert!(!first.to_string().is_empty());
            }
            (first, second) => panic!("{first:?}, then {second:?}"),
        }
    });
}

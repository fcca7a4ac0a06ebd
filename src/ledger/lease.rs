//! The lease: it only keeps two runs from doing the same work. Correctness comes from the commit
//! numbers.

mod probe;

use std::sync::Arc;

use futures::stream::TryStreamExt;
use serde::{Deserialize, Serialize};

use crate::store::{Body, ErrorKind, Precondition, Store, StoreError};

/// How long a lease lasts without being renewed: 2 minutes.
pub const TERM_MICROS: i64 = 120 * 1_000_000;

/// Who holds a lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Host name.
    pub host: String,
    /// Identifies one boot of the host, where the system tells.
    pub boot: String,
    /// Process id.
    pub pid: u32,
    /// When the process was started, in the system's own count; tells a reused pid apart.
    pub started: u64,
}

/// The content of the lock object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Lock {
    owner: Owner,
    since: i64,
    expires: i64,
}

/// A live lease of another run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("another run holds the destination: process {} on {} since {}", owner.pid, owner.host, crate::units::rfc3339(*since))]
pub struct Held {
    /// Who.
    pub owner: Owner,
    /// Since when, microseconds UTC.
    pub since: i64,
    /// Until when, unless renewed.
    pub expires: i64,
}

/// A lease that is ours.
#[derive(Debug)]
pub struct Lease {
    store: Arc<dyn Store>,
    path: String,
    owner: Owner,
    since: i64,
}

/// How an attempt to get the lease ended.
#[derive(Debug)]
pub enum Acquired {
    /// It is ours.
    Ours(Lease),
    /// Another run has it.
    Held(Held),
}

impl Lease {
    /// Looks who holds leases of the destination or of shards of its sources.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn holders(store: &dyn Store, base: &str) -> Result<Vec<Held>, StoreError> {
        let mut held = Vec::new();
        let mut pages = store.list(&lock_path(base, None), None);
        while let Some(page) = pages.try_next().await? {
            for object in page {
                held.extend(Self::holder_of(store, &object.key).await?);
            }
        }
        Ok(held)
    }

    async fn holder_of(store: &dyn Store, path: &str) -> Result<Option<Held>, StoreError> {
        match store.get(path, None, None).await {
            Ok(bytes) => Ok(serde_json::from_slice::<Lock>(&bytes).ok().map(Held::from)),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Takes a lease of the destination: the one at `path`, see [`lock_path`].
    ///
    /// A lease that has expired at `now`, or whose owner `gone` says no longer lives, is taken
    /// over; any with `take_over`.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn acquire(
        store: Arc<dyn Store>,
        path: String,
        owner: Owner,
        now: i64,
        take_over: bool,
        gone: impl Fn(&Owner) -> bool,
    ) -> Result<Acquired, StoreError> {
        let lease = Self {
            store,
            path,
            owner,
            since: now,
        };
        match lease.put(now, Precondition::Absent).await {
            Ok(()) => return Ok(Acquired::Ours(lease)),
            Err(error) if error.kind == ErrorKind::Exists => {}
            Err(error) => return Err(error),
        }
        if let Some(held) = Self::holder_of(lease.store.as_ref(), &lease.path).await?
            && held.owner != lease.owner
            && held.expires > now
            && !take_over
            && !gone(&held.owner)
        {
            return Ok(Acquired::Held(held));
        }
        lease.put(now, Precondition::Always).await?;
        Ok(Acquired::Ours(lease))
    }

    /// Whether the store honours create-if-absent: a second such put of the lock must fail. One that
    /// does not may also mean that another run, which had taken the lease over, has given it back.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn store_is_conditional(&self, now: i64) -> Result<bool, StoreError> {
        match self.put(now, Precondition::Absent).await {
            Ok(()) => Ok(false),
            Err(error) if error.kind == ErrorKind::Exists => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Extends the lease from `now`.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn renew(&self, now: i64) -> Result<(), StoreError> {
        self.put(now, Precondition::Always).await
    }

    /// Gives the lease back, unless another run has taken it over.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn release(self) -> Result<(), StoreError> {
        let bytes = match self.store.get(&self.path, None, None).await {
            Ok(bytes) => bytes,
            Err(error) if error.kind == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let ours =
            serde_json::from_slice::<Lock>(&bytes).is_ok_and(|lock| lock.owner == self.owner);
        if ours {
            self.store.delete(std::slice::from_ref(&self.path)).await
        } else {
            Ok(())
        }
    }

    async fn put(&self, now: i64, when: Precondition) -> Result<(), StoreError> {
        let lock = Lock {
            owner: self.owner.clone(),
            since: self.since,
            expires: now + TERM_MICROS,
        };
        self.store
            .put(&self.path, Body::Bytes(lock.bytes().into()), when)
            .await?;
        Ok(())
    }
}

impl Lock {
    fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a lock holds strings and numbers")
    }
}

impl From<Lock> for Held {
    fn from(lock: Lock) -> Self {
        Self {
            owner: lock.owner,
            since: lock.since,
            expires: lock.expires,
        }
    }
}

/// Where the lease of the destination under `base` lies; runs on different shards have their own.
pub fn lock_path(base: &str, shard: Option<&str>) -> String {
    match shard {
        Some(shard) => format!("{base}_s3logs/lock-{}", shard.replace('/', "-of-")),
        None => format!("{base}_s3logs/lock"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;

    fn owner(pid: u32) -> Owner {
        Owner {
            host: "h".to_owned(),
            boot: "b".to_owned(),
            pid,
            started: 1,
        }
    }

    async fn acquire(
        store: &Arc<MemoryStore>,
        pid: u32,
        now: i64,
        take_over: bool,
        dead: bool,
    ) -> Option<Lease> {
        let store: Arc<dyn Store> = store.clone();
        match Lease::acquire(
            store,
            lock_path("d/", None),
            owner(pid),
            now,
            take_over,
            |_| dead,
        )
        .await
        .expect("a store")
        {
            Acquired::Ours(lease) => Some(lease),
            Acquired::Held(_) => None,
        }
    }

    #[tokio::test]
    async fn one_at_a_time_until_it_expires_or_its_owner_is_gone() {
        let store = Arc::new(MemoryStore::default());
        let first = acquire(&store, 1, 0, false, false).await.expect("free");
        assert!(first.store_is_conditional(0).await.expect("a store"));
        assert!(
            acquire(&store, 2, TERM_MICROS - 1, false, false)
                .await
                .is_none()
        );
        assert!(
            acquire(&store, 2, 1, true, false).await.is_some(),
            "with --take-over"
        );
        assert!(
            acquire(&store, 3, 1, false, true).await.is_some(),
            "its owner is gone"
        );
        // Taken over and given back: the next probe of the lock takes it again.
        let other = acquire(&store, 3, 1, true, false).await.expect("taken");
        other.release().await.expect("a store");
        assert!(!first.store_is_conditional(1).await.expect("a store"));
        let sound = first.one_of_many_wins(1, |_| false).await;
        assert!(sound.expect("a store"), "the store is not to blame");
        let last = acquire(&store, 4, 2 * TERM_MICROS, false, false)
            .await
            .expect("it expired");
        first.release().await.expect("a store");
        assert!(
            acquire(&store, 5, 2 * TERM_MICROS, false, false)
                .await
                .is_none(),
            "not ours to give back"
        );
        last.release().await.expect("a store");
        assert!(
            acquire(&store, 5, 2 * TERM_MICROS, false, false)
                .await
                .is_some()
        );
    }
}

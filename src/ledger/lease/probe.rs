//! Whether a store keeps writers apart: of several create-if-absent puts of one object at the same
//! time exactly one may succeed. A server that looks first and then writes passes for sound while its
//! puts come one after the other.

use bytes::Bytes;
use futures::future::join_all;
use futures::stream::TryStreamExt;

use crate::store::{Body, ErrorKind, Precondition, Store, StoreError};

use super::{Lease, Lock, Owner, TERM_MICROS};

/// How many puts race for an object.
const PUTS: i64 = 8;

/// How many races there are. In the first, connections are still being made, which spreads the puts.
const RACES: u32 = 2;

impl Lease {
    /// Whether of several create-if-absent puts at the same time exactly one succeeds.
    ///
    /// The object of a race goes when it is over. One that a killed run left goes by the rules of
    /// leases: when it has expired, or its owner is gone.
    ///
    /// Cost: about twenty requests, in five round trips; none where the store is known to be sound.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn one_of_many_wins(
        &self,
        now: i64,
        gone: impl Fn(&Owner) -> bool,
    ) -> Result<bool, StoreError> {
        let store = self.store.as_ref();
        if store.puts_are_atomic() {
            return Ok(true);
        }
        let folder = self.path.rfind('/').map_or(0, |end| end + 1);
        let prefix = format!("{}probe-", &self.path[..folder]);
        sweep(store, &prefix, now, gone).await?;
        let Owner { pid, started, .. } = self.owner;
        for number in 0..RACES {
            let path = format!("{prefix}{pid}-{started}-{now}-{number}");
            let sound = self.race(&path, now).await;
            store.delete(std::slice::from_ref(&path)).await?;
            if !sound? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn race(&self, path: &str, now: i64) -> Result<bool, StoreError> {
        let bodies: Vec<Bytes> = (0..PUTS)
            .map(|number| {
                let lock = Lock {
                    owner: self.owner.clone(),
                    since: now + number,
                    expires: now + TERM_MICROS,
                };
                lock.bytes().into()
            })
            .collect();
        let puts = bodies.iter().map(|body| {
            let body = Body::Bytes(body.clone());
            self.store.put(path, body, Precondition::Absent)
        });
        let mut winner = None;
        for (body, put) in bodies.iter().zip(join_all(puts).await) {
            match put {
                Ok(_) if winner.is_some() => return Ok(false),
                Ok(_) => winner = Some(body),
                Err(error) if error.kind == ErrorKind::Exists => {}
                Err(error) => return Err(error),
            }
        }
        // Nobody knows of having won where the answer was lost and the put repeated.
        let there = self.store.get(path, None, None).await?;
        Ok(winner.is_none_or(|body| *body == there))
    }
}

/// Removes what killed runs have left.
async fn sweep(
    store: &dyn Store,
    prefix: &str,
    now: i64,
    gone: impl Fn(&Owner) -> bool,
) -> Result<(), StoreError> {
    let pages: Vec<_> = store.list(prefix, None).try_collect().await?;
    for object in pages.into_iter().flatten() {
        let held = Lease::holder_of(store, &object.key).await?;
        if held.is_none_or(|held| held.expires <= now || gone(&held.owner)) {
            store.delete(&[object.key]).await?;
        }
    }
    Ok(())
}

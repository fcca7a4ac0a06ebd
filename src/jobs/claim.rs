//! A dataset for one run alone.

use std::sync::Arc;
use std::time::Duration;

use crate::ledger::{Acquired, Lease, Owner, lock_path};
use crate::pipeline::{Cancel, keep_doing};

use super::JobError;
use super::source::Destination;

/// How often a lease is renewed: a quarter of its term.
pub(super) const RENEWAL: Duration = Duration::from_secs(30);

/// Who asks for a dataset.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Who we are, for the lease.
    pub owner: Owner,
    /// The clock, microseconds UTC; only the lease looks at it.
    pub now: fn() -> i64,
    /// Whether the process that holds a lease surely no longer lives.
    pub gone: fn(&Owner) -> bool,
}

impl Claim {
    /// Does work while no other run is at work on the dataset, on all of it or on a shard. When it
    /// is cancelled the work ends wherever it is, as if the process had been killed.
    ///
    /// A run on a shard that begins later is not kept out: it has a lease of its own.
    ///
    /// # Errors
    /// [`JobError::Held`] if another run is at work, and what the work or the store reports.
    pub(super) async fn alone<T>(
        &self,
        destination: &Destination,
        cancel: &Cancel,
        work: impl Future<Output = Result<T, JobError>>,
    ) -> Result<T, JobError> {
        let (store, base) = (&destination.store, &destination.base);
        let now = (self.now)();
        for held in Lease::holders(store.as_ref(), base).await? {
            let live = held.expires > now && held.owner != self.owner;
            if live && !(self.gone)(&held.owner) {
                return Err(held.into());
            }
        }
        let (store, path) = (Arc::clone(store), lock_path(base, None));
        let owner = self.owner.clone();
        let lease = match Lease::acquire(store, path, owner, now, false, self.gone).await? {
            Acquired::Ours(lease) => lease,
            Acquired::Held(held) => return Err(held.into()),
        };
        let renew = || async { drop(lease.renew((self.now)()).await) };
        let work = async {
            tokio::select! {
                biased;
                () = cancel.cancelled() => Err(JobError::Interrupted),
                done = work => done,
            }
        };
        let done = keep_doing(work, RENEWAL, renew).await;
        let released = lease.release().await;
        let done = done?;
        released?;
        Ok(done)
    }
}

//! What comes before the first batch: the lease, the ledger, and how far back to list.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::event::{Event, Observer};
use crate::ledger::{Acquired, Journal, Lease, Ledger, Loaded, lock_path};
use crate::plan::Horizons;
use crate::store::full_name;
use crate::units::Day;

use super::super::JobError;
use super::super::source::{Destination, Source};
use super::SyncOptions;

fn shard_name(options: &SyncOptions) -> Option<String> {
    options.shard.map(|shard| shard.to_string())
}

pub(super) async fn take_lease(
    destination: &Destination,
    options: &SyncOptions,
) -> Result<Lease, JobError> {
    let now = (options.now)();
    let acquired = Lease::acquire(
        Arc::clone(&destination.store),
        lock_path(&destination.base, shard_name(options).as_deref()),
        options.owner.clone(),
        now,
        options.take_over,
        options.gone,
    )
    .await?;
    let lease = match acquired {
        Acquired::Ours(lease) => lease,
        Acquired::Held(held) => return Err(held.into()),
    };
    if !options.single_writer
        && !lease.store_is_conditional(now).await?
        && let Err(error) = keeps_apart(&lease, destination, options).await
    {
        lease.release().await?;
        return Err(error);
    }
    Ok(lease)
}

/// Refuses a store that lets two of several writers through at the same time.
///
/// Needed before the first commit: what races is the commit numbers, and this costs some requests. A
/// later run only looks whether conditions are honoured at all, which a dataset that has moved to
/// another server may show.
pub(super) async fn keeps_apart(
    lease: &Lease,
    destination: &Destination,
    options: &SyncOptions,
) -> Result<(), JobError> {
    let sound = lease
        .one_of_many_wins((options.now)(), options.gone)
        .await?;
    if sound {
        return Ok(());
    }
    Err(JobError::Unconditional {
        place: destination.shown.clone(),
    })
}

/// Which keys need not be listed: those far behind what is committed, unless the user says since
/// when to look.
pub(super) fn horizons(source: &Source, ledger: &Ledger, lookback: Option<i64>) -> Horizons {
    let range = &source.selection.range;
    let Some(lookback) = lookback.filter(|_| range.is_open()) else {
        return Horizons::within(*range);
    };
    let mut horizons = Horizons::lookback(lookback);
    let start = full_name(source.store.root(), "");
    for (head, separator, newest) in ledger.newest() {
        if let Some(head) = head.strip_prefix(&start)
            && head.starts_with(&source.prefix)
        {
            horizons.learn(head, separator, newest);
        }
    }
    horizons
}

/// Of the keys that a listing left out, those that the user did not leave out.
pub(super) fn beyond_lookback(
    source: &Source,
    left_out: BTreeMap<String, Day>,
) -> BTreeMap<String, Day> {
    if source.selection.range.is_open() {
        left_out
    } else {
        BTreeMap::new()
    }
}

/// Reads the ledger, and refuses a place where Parquet files lie without one.
pub(super) async fn load(journal: &Journal, destination: &Destination) -> Result<Loaded, JobError> {
    let loaded = journal.load().await?;
    if loaded.ledger.head() > 0 {
        return Ok(loaded);
    }
    let files = destination.table_files().await?;
    // Another first run may have begun meanwhile; its intent was there before its files.
    let again = journal.load().await?;
    let planned = again.intents.iter().flat_map(|intent| &intent.outputs);
    let planned: BTreeSet<String> = planned.map(|path| destination.key(path)).collect();
    let stray = files.iter().find(|file| !planned.contains(*file));
    let Some(file) = stray.filter(|_| again.ledger.head() == 0) else {
        return Ok(again);
    };
    Err(JobError::Misuse {
        what: format!(
            "{} holds Parquet files, such as {file}, but no ledger",
            destination.shown
        ),
        hint: "their rows would count twice; choose an empty place, bring _s3logs/commits back, or make them again with `s3logs ledger rebuild --from-files DEST`"
            .to_owned(),
    })
}

/// An object is its full address: the same logs from elsewhere are other objects.
pub(super) fn warn_of_another_root(source: &Source, ledger: &Ledger, observer: &dyn Observer) {
    let root = source.store.root();
    if let (false, Some(other)) = (ledger.roots().contains(root), ledger.roots().first()) {
        let message = format!(
            "the dataset has objects from {other} and now gets some from {root}; if these are copies of the same logs, their rows will be in it twice"
        );
        observer.on(&Event::Warned { message });
    }
}

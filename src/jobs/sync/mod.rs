//! The whole path, incremental and exactly once:
//! list, plan, fetch, inflate, parse, split by day, sort, Parquet, put, commit.

mod begin;
mod commit;
mod dedupe;
mod plan;
mod resume;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::event::{Event, Observer};
use crate::ledger::{Bucket, Folding, Journal, Lease, Ledger, ObjectId, Owner, Standing};
use crate::outcome::{Outcome, Requests};
use crate::pipeline::{Cancel, Work, keep_doing};
use crate::plan::{Batch, Limits, Planner, Shard};
use crate::store::ObjectMeta;
use crate::units::{DAY_MICROS, Day};

use super::JobError;
use super::claim::RENEWAL;
use super::place::{Place, staging};
use super::source::{Destination, Nothing, Source};
use super::work::WorkOptions;

use commit::Leftovers;

use begin::{beyond_lookback, horizons, keeps_apart, load, take_lease, warn_of_another_root};

pub use plan::{Planned, plan};

/// Settings of a run.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub struct SyncOptions {
    /// How objects are worked on.
    pub work: WorkOptions,
    /// Who we are, for the lease.
    pub owner: Owner,
    /// The clock, microseconds UTC; only the lease looks at it.
    pub now: fn() -> i64,
    /// Whether the process that holds a lease surely no longer lives.
    pub gone: fn(&Owner) -> bool,
    /// Try lasting failures and skipped objects again.
    pub retry_failed: bool,
    /// The user vouches for there being no other run: for stores without conditional puts.
    pub single_writer: bool,
    /// Take the lease whoever holds it.
    pub take_over: bool,
    /// What goes into one commit.
    pub limits: Limits,
    /// When commits are folded into a checkpoint.
    pub folding: Folding,
    /// How far behind the newest committed key of the same kind keys are listed, microseconds;
    /// without it, and where the selection says since when, all are.
    pub lookback: Option<i64>,
    /// Only this part of the source's keys is this run's; others have theirs.
    pub shard: Option<Shard>,
    /// Leave rows out whose whole line is that of another row of the same table and day.
    pub dedupe: bool,
}

/// How a run ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What was done.
    pub outcome: Outcome,
    /// Why there was nothing to look at, if there was nothing.
    pub nothing: Option<Nothing>,
    /// Whether the user stopped it.
    pub interrupted: bool,
    /// What keys begin with of which those beyond the lookback were not listed: from before that day.
    pub not_listed: BTreeMap<String, Day>,
}

/// The usual lookback: 14 days. The worst lateness seen in the wild is 9.
pub const LOOKBACK: i64 = 14 * DAY_MICROS;

/// Brings the dataset up to date with the source.
///
/// Memory: [`WorkOptions::memory`], plus the ledger and what is known of the objects of one batch
/// ([`Limits::within`]). With `dedupe` the fingerprints of rows that wait to be written are within it;
/// on the local disk lie 16 bytes for each row known of the days of two batches.
///
/// # Errors
/// [`JobError`]; whatever was committed before it stays, and the next run goes on from there.
pub async fn sync(
    source: &Source,
    place: &Place,
    options: &SyncOptions,
    observer: &Arc<dyn Observer>,
    cancel: &Cancel,
) -> Result<Report, JobError> {
    let source = &place.apart(source)?;
    if let Some(nothing) = source.nothing().await? {
        return Ok(Report {
            nothing: Some(nothing),
            ..Report::default()
        });
    }
    sync_into(source, &place.open().await?, options, observer, cancel).await
}

/// Brings a dataset in any store up to date with the source.
///
/// # Errors
/// As [`sync`].
pub async fn sync_into(
    source: &Source,
    destination: &Destination,
    options: &SyncOptions,
    observer: &Arc<dyn Observer>,
    cancel: &Cancel,
) -> Result<Report, JobError> {
    let lease = take_lease(destination, options).await?;
    let work = run(source, destination, &lease, options, observer, cancel);
    // A lease that cannot be renewed may be taken by another run: that costs work, not rows.
    let renew = || async { drop(lease.renew((options.now)()).await) };
    let done = keep_doing(work, RENEWAL, renew).await;
    let released = lease.release().await;
    let mut report = done?;
    released?;
    let (from, to) = (source.store.requests(), destination.store.requests());
    report.outcome.requests = Requests::default().and(from).and(to);
    Ok(report)
}

async fn run(
    source: &Source,
    destination: &Destination,
    lease: &Lease,
    options: &SyncOptions,
    observer: &Arc<dyn Observer>,
    cancel: &Cancel,
) -> Result<Report, JobError> {
    let staging = staging(destination)?;
    let journal =
        Journal::new(Arc::clone(&destination.store), &destination.base).folding(options.folding);
    let loaded = load(&journal, destination).await?;
    if loaded.ledger.head() == 0 && !options.single_writer {
        keeps_apart(lease, destination, options).await?;
    }
    warn_of_another_root(source, &loaded.ledger, observer.as_ref());
    let mut work = options.work.work(source, staging.folder().to_owned(), true);
    work.reading.rules.fingerprints = options.dedupe;
    let mut sync = Sync {
        source,
        destination,
        work,
        dedupe: options.dedupe,
        told: BTreeSet::new(),
        owner: options.owner.clone(),
        now: options.now,
        gone: options.gone,
        retry: options.retry_failed,
        limits: options.limits,
        lookback: options.lookback,
        shard: options.shard,
        not_listed: BTreeMap::new(),
        observer,
        cancel,
        journal,
        ledger: loaded.ledger,
        outcome: Outcome::default(),
    };
    let done = sync.all(loaded.intents).await;
    let mut report = Report {
        outcome: sync.outcome,
        not_listed: sync.not_listed,
        ..Report::default()
    };
    match done {
        Ok(nothing) => report.nothing = nothing,
        Err(JobError::Interrupted) => report.interrupted = true,
        Err(error) => return Err(error),
    }
    Ok(report)
}

/// A run under way.
struct Sync<'a> {
    source: &'a Source,
    destination: &'a Destination,
    work: Work,
    dedupe: bool,
    /// Tables and days whose rows without fingerprints were told of.
    told: BTreeSet<(String, Day)>,
    owner: Owner,
    now: fn() -> i64,
    gone: fn(&Owner) -> bool,
    retry: bool,
    limits: Limits,
    lookback: Option<i64>,
    shard: Option<Shard>,
    not_listed: BTreeMap<String, Day>,
    observer: &'a Arc<dyn Observer>,
    cancel: &'a Cancel,
    journal: Journal,
    ledger: Ledger,
    outcome: Outcome,
}

impl Sync<'_> {
    async fn all(
        &mut self,
        intents: Vec<crate::ledger::Intent>,
    ) -> Result<Option<Nothing>, JobError> {
        for intent in intents {
            self.resume(intent).await?;
        }
        self.journal.fold(&mut self.ledger).await?;
        let mut planner = Planner::new(self.limits);
        let (mut objects, mut bytes) = (0, 0);
        let (source, observer) = (self.source, Arc::clone(self.observer));
        let horizons = horizons(source, &self.ledger, self.lookback);
        let each = source.each_young::<JobError>(&horizons, observer.as_ref(), async |object| {
            if self.cancel.is_cancelled() {
                return Err(JobError::Interrupted);
            }
            if self.is_new(&object).await? {
                objects += 1;
                bytes += object.size;
                observer.on(&Event::Planned { objects, bytes });
                if let Some(batch) = planner.push(object) {
                    self.batch(batch).await?;
                }
            }
            Ok(true)
        });
        // Boxed, as every future around it would be as large.
        let seen = Box::pin(each).await?;
        if let Some(batch) = planner.finish() {
            self.batch(batch).await?;
        }
        self.not_listed = beyond_lookback(source, seen.left_out);
        let unselected = seen.wanted == 0 && seen.objects > 0;
        Ok(unselected.then_some(Nothing::Unselected {
            objects: seen.objects,
        }))
    }

    /// Counts a listed object and tells whether there is work to do.
    async fn is_new(&mut self, object: &ObjectMeta) -> Result<bool, JobError> {
        if self.shard.is_some_and(|shard| !shard.has(&object.key)) {
            return Ok(false);
        }
        let objects = &mut self.outcome.objects;
        objects.listed += 1;
        let id = self.source.id(&object.key);
        self.journal.hold(&mut self.ledger, [id.bucket]).await?;
        match self.ledger.standing(id, &object.etag, self.retry) {
            Standing::New => {
                objects.new += 1;
                return Ok(true);
            }
            Standing::Done => {}
            Standing::Remembered => objects.remembered += 1,
            Standing::Ignored => objects.ignored += 1,
            Standing::Changed => {
                objects.changed += 1;
                let key = object.key.clone();
                self.observer.on(&Event::Replaced { key });
            }
        }
        Ok(false)
    }

    async fn batch(&mut self, objects: Vec<ObjectMeta>) -> Result<(), JobError> {
        // The ledger may have caught up with other runs since these were listed.
        self.hold(&objects).await?;
        let batch = self.batch_of(self.unsettled(objects));
        self.settle(batch, Leftovers::default()).await
    }

    /// Reads what the ledger knows of objects.
    async fn hold(&mut self, objects: &[ObjectMeta]) -> Result<(), JobError> {
        let buckets = objects.iter().map(|object| Bucket::of(&object.key));
        Ok(self.journal.hold(&mut self.ledger, buckets).await?)
    }

    /// A batch in the objects' present generation.
    fn batch_of(&self, objects: Vec<ObjectMeta>) -> Batch {
        let generation = self.generation(&objects);
        Batch::new(objects, &self.source.origin(), generation)
    }

    fn generation(&self, objects: &[ObjectMeta]) -> u64 {
        self.ids(objects)
            .map(|id| self.ledger.commit_of(id))
            .max()
            .unwrap_or(0)
    }

    fn ids(&self, objects: &[ObjectMeta]) -> impl Iterator<Item = ObjectId> {
        objects.iter().map(|object| self.source.id(&object.key))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::event::Silent;
    use crate::plan::Selection;
    use crate::store::{AwsOptions, Location};

    fn place(path: &Path) -> Place {
        Place {
            location: Location::Local(path.to_owned()),
            aws: AwsOptions::default(),
        }
    }

    fn options() -> SyncOptions {
        SyncOptions {
            work: WorkOptions::default(),
            owner: Owner {
                host: "h".to_owned(),
                boot: "b".to_owned(),
                pid: 1,
                started: 1,
            },
            now: || 0,
            gone: |_| false,
            retry_failed: false,
            single_writer: false,
            take_over: false,
            limits: Limits::default(),
            folding: Folding::default(),
            lookback: Some(LOOKBACK),
            shard: None,
            dedupe: false,
        }
    }

    async fn fixtures(name: &str) -> Source {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fixtures")
            .join(name);
        let aws = AwsOptions::default();
        Source::open(&Location::Local(path), &aws, Selection::default())
            .await
            .expect("the fixtures are there")
    }

    async fn sync_to(source: &Source, dataset: &Path, options: &SyncOptions) -> Outcome {
        let observer: Arc<dyn Observer> = Arc::new(Silent);
        let report = sync(
            source,
            &place(dataset),
            options,
            &observer,
            &Cancel::never(),
        )
        .await;
        report.expect("a run that ends well").outcome
    }

    #[tokio::test]
    async fn a_second_run_does_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let source = fixtures("logs").await;
        let first = sync_to(&source, folder.path(), &options()).await;
        assert_eq!((first.objects.new, first.objects.committed), (31, 31));
        assert_eq!(first.tables["s3_access"].rows, 212);
        assert_eq!(first.tables["cloudfront"].rows, 148);
        let second = sync_to(&source, folder.path(), &options()).await;
        assert_eq!((second.objects.listed, second.objects.new), (31, 0));
        assert!(second.tables.is_empty());
    }

    #[tokio::test]
    async fn a_format_selects_and_the_others_stay_new() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut source = fixtures("logs").await;
        source.selection.format = crate::formats::find("cloudfront");
        let first = sync_to(&source, folder.path(), &options()).await;
        assert_eq!((first.objects.committed, first.objects.unwanted), (13, 18));
        assert_eq!(first.tables.len(), 1);
        source.selection.format = None;
        let second = sync_to(&source, folder.path(), &options()).await;
        assert_eq!((second.objects.new, second.objects.committed), (18, 18));
        assert_eq!(second.tables["s3_access"].rows, 212);
    }

    #[tokio::test]
    async fn lasting_failures_are_remembered_until_asked_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let source = fixtures("damaged").await;
        let first = sync_to(&source, folder.path(), &options()).await.objects;
        assert_eq!((first.committed, first.failed, first.skipped), (3, 2, 4));
        let second = sync_to(&source, folder.path(), &options()).await.objects;
        assert_eq!((second.new, second.remembered, second.ignored), (0, 2, 4));
        let retry = SyncOptions {
            retry_failed: true,
            ..options()
        };
        let third = sync_to(&source, folder.path(), &retry).await.objects;
        assert_eq!((third.committed, third.failed, third.skipped), (0, 2, 4));
    }
}

//! Raw objects to Parquet, once, without a ledger.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::event::{Event, Observer};
use crate::ledger::Journal;
use crate::outcome::{Outcome, Requests};
use crate::pipeline::{Cancel, Work, run_batch};
use crate::plan::{Batch, Limits, Planner};
use crate::store::{ErrorKind, ObjectMeta};

use super::JobError;
use super::place::{Place, staging};
use super::publish::{count, ready};
use super::source::{Destination, Nothing, Source};
use super::sync::{Planned, Report};
use super::work::WorkOptions;

/// Converts everything that the source selects. Done again it writes the same files.
///
/// # Errors
/// [`JobError`]; files of batches that were finished before it stay. A destination that `sync`
/// keeps is refused, as files beside its ledger would count twice.
pub async fn convert(
    source: &Source,
    place: &Place,
    options: &WorkOptions,
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
    refuse_ledger(place).await?;
    let destination = place.open().await?;
    let before = destination.table_files().await?;
    let staging = staging(&destination)?;
    let mut convert = Convert {
        destination: &destination,
        work: options.work(source, staging.folder().to_owned(), false),
        observer: observer.as_ref(),
        cancel,
        outcome: Outcome::default(),
        others: before,
    };
    let done = convert.all(source).await;
    convert.warn_of_others();
    let mut report = Report {
        outcome: convert.outcome,
        ..Report::default()
    };
    let (from, to) = (source.store.requests(), destination.store.requests());
    report.outcome.requests = Requests::default().and(from).and(to);
    match done {
        Ok(nothing) => report.nothing = nothing,
        Err(JobError::Interrupted) => report.interrupted = true,
        Err(error) => return Err(error),
    }
    Ok(report)
}

/// Tells what [`convert`] would do.
///
/// # Errors
/// [`JobError`].
pub async fn plan(
    source: &Source,
    place: &Place,
    observer: &dyn Observer,
) -> Result<Planned, JobError> {
    let source = &place.apart(source)?;
    refuse_ledger(place).await?;
    let mut planned = Planned {
        nothing: source.nothing().await?,
        ..Planned::default()
    };
    let mut batches = Planner::new(Limits::default());
    let seen = source
        .each::<JobError>(observer, async |object| {
            planned.objects.listed += 1;
            planned.add(&object.key, object.modified, object.size);
            planned.batches += u64::from(batches.push(object).is_some());
            Ok(true)
        })
        .await?;
    planned.batches += u64::from(batches.finish().is_some());
    if seen.wanted == 0 && seen.objects > 0 {
        planned.nothing = Some(Nothing::Unselected {
            objects: seen.objects,
        });
    }
    Ok(planned)
}

async fn refuse_ledger(place: &Place) -> Result<(), JobError> {
    let destination = match place.open_existing().await {
        Ok(destination) => destination,
        Err(error) if error.kind == ErrorKind::NoRoot => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let journal = Journal::new(Arc::clone(&destination.store), &destination.base);
    if journal.is_begun().await? {
        return Err(JobError::Misuse {
            what: format!("{} is a dataset that sync keeps", destination.shown),
            hint: "use `s3logs sync` to add to it, or convert to another place".to_owned(),
        });
    }
    Ok(())
}

/// A run under way.
struct Convert<'a> {
    destination: &'a Destination,
    work: Work,
    observer: &'a dyn Observer,
    cancel: &'a Cancel,
    outcome: Outcome,
    /// Parquet files that were there before and that this run has not written again.
    others: BTreeSet<String>,
}

impl Convert<'_> {
    fn warn_of_others(&self) {
        if let Some(file) = self.others.first() {
            let message = format!(
                "{} Parquet files of earlier conversions are there as well, such as {file}; their rows count too",
                self.others.len()
            );
            self.observer.on(&Event::Warned { message });
        }
    }

    async fn all(&mut self, source: &Source) -> Result<Option<Nothing>, JobError> {
        let mut batches = Planner::new(Limits::default());
        let observer = self.observer;
        let seen = source
            .each::<JobError>(observer, async |object| {
                if self.cancel.is_cancelled() {
                    return Err(JobError::Interrupted);
                }
                self.outcome.objects.listed += 1;
                self.outcome.objects.new += 1;
                match batches.push(object) {
                    Some(objects) => self.batch(source, objects).await.map(|()| true),
                    None => Ok(true),
                }
            })
            .await?;
        if let Some(objects) = batches.finish() {
            self.batch(source, objects).await?;
        }
        let unselected = seen.wanted == 0 && seen.objects > 0;
        Ok(unselected.then_some(Nothing::Unselected {
            objects: seen.objects,
        }))
    }

    async fn batch(&mut self, source: &Source, objects: Vec<ObjectMeta>) -> Result<(), JobError> {
        let batch = Batch::new(objects, &source.origin(), 0);
        let mut encoded = run_batch(&self.work, batch.objects, self.observer, self.cancel).await?;
        let files = ready(&batch.id, &mut encoded);
        let outputs = files.outputs.clone();
        for path in files.paths() {
            self.others.remove(&self.destination.key(&path));
        }
        files.put(self.destination, self.observer).await?;
        count(&mut self.outcome, encoded, &outputs);
        Ok(())
    }
}

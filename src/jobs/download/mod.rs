//! Raw objects to a local folder, verified; doing it again fetches only what is missing.

mod look;
mod write;

use std::fs;
use std::path::{Path, PathBuf};

use futures::stream::{self, StreamExt};
use tokio::sync::Semaphore;

use crate::event::{Event, Observer};
use crate::pipeline::{Cancel, Feed, Feeder, FetchLimits, feed, fetch_unordered};
use crate::store::{LocalStore, ObjectMeta, StoreError};

use super::JobError;
use super::source::{Seen, Source};
use super::transfer::{Fate, Tally, TransferOptions, Transferred};
use write::WRITTEN;

/// Larger objects are read in ranges of this size.
const RANGE: u64 = 8 << 20;

/// Listed objects that wait to be looked at.
const AHEAD: usize = 1000;

/// Most objects whose files are looked at in one go, and how many such goes there are at the same time.
const LOOKED_AT: usize = 256;
const LOOKS: usize = 2;

/// Ends the names of files that are not complete, as [`LocalStore`] leaves them out of listings.
const UNFINISHED: &str = ".s3logs-tmp";

/// Copies the wanted objects to files below `folder`, under their keys below the source's prefix.
///
/// A file appears under its name when it is complete: its size is checked, and its MD5 sum where
/// the `ETag` is one. A file that is there already is left alone if it matches in the same way, or,
/// where the `ETag` is no sum, if it has the size and is not older than the object. Holds at most
/// `options.memory` bytes of objects. When asked to stop, files being written are finished if
/// they have arrived, and dropped otherwise.
///
/// # Errors
/// What concerns all objects; a failure of one is counted and reported as [`Event::Failed`].
pub async fn download(
    source: &Source,
    folder: &Path,
    options: &TransferOptions,
    observer: &dyn Observer,
    cancel: &Cancel,
) -> Result<Transferred, JobError> {
    let job = Download::new(source, folder, *options, observer, cancel)?;
    let list = async |mut feeder: Feeder<ObjectMeta>| {
        let each = source.each(observer, async |object: ObjectMeta| {
            Ok::<_, StoreError>(feeder.give(object).await)
        });
        tokio::select! {
            seen = each => seen,
            () = cancel.cancelled() => Ok(Seen::default()),
        }
    };
    let (seen, done) = feed(AHEAD, list, async |objects| job.run(objects).await).await;
    done?;
    seen?;
    job.tally.end(cancel.is_cancelled())
}

struct Download<'a> {
    source: &'a Source,
    /// Without it nothing is there yet, and nothing is written.
    local: Option<LocalStore>,
    folder: PathBuf,
    options: TransferOptions,
    observer: &'a dyn Observer,
    cancel: &'a Cancel,
    jobs: usize,
    tally: Tally,
    /// One permit for each object that is read in ranges.
    ranges: Semaphore,
}

impl<'a> Download<'a> {
    fn new(
        source: &'a Source,
        folder: &Path,
        options: TransferOptions,
        observer: &'a dyn Observer,
        cancel: &'a Cancel,
    ) -> Result<Self, StoreError> {
        let local = if options.dry_run {
            LocalStore::open(folder).ok()
        } else {
            // Made by `create`, but opened plainly: copies need not be synced one by one.
            LocalStore::create(folder, "")?;
            Some(LocalStore::open(folder)?)
        };
        let canonical = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        let jobs = options
            .jobs
            .unwrap_or_else(|| source.store.parallel_fetches());
        let ranges = usize::try_from(options.memory / 2 / RANGE).unwrap_or(usize::MAX);
        Ok(Self {
            source,
            local,
            folder: canonical,
            options,
            observer,
            cancel,
            jobs: jobs.max(1),
            tally: Tally::default(),
            ranges: Semaphore::new(ranges.clamp(1, jobs.max(1))),
        })
    }

    async fn run(&self, objects: Feed<ObjectMeta>) -> Result<(), JobError> {
        let wanted = objects
            .ready_chunks(LOOKED_AT)
            .map(|objects| self.look(objects))
            .buffered(LOOKS)
            .flat_map(stream::iter)
            .filter_map(async |(object, fate)| match fate {
                None => {
                    self.tally.planned(object.size, self.observer);
                    Some(Ok(object))
                }
                Some(fate) => self
                    .tally
                    .settle(&object.key, fate, self.observer)
                    .err()
                    .map(Err),
            });
        if self.options.dry_run {
            return self.only_count(wanted).await;
        }
        let limits = FetchLimits {
            jobs: self.jobs,
            bytes: self.options.memory / 2,
            whole: RANGE.min(self.options.memory / 2),
        };
        let mut general = None;
        let objects = wanted
            .scan(&mut general, |general, object| {
                std::future::ready(object.map_err(|error| **general = Some(error)).ok())
            })
            .boxed();
        {
            let fates = fetch_unordered(self.source.store.clone(), objects, limits)
                .take_until(self.cancel.cancelled())
                .map(|fetched| self.arrive(fetched))
                .buffer_unordered(self.jobs)
                .ready_chunks(WRITTEN)
                // What arrives while some are written is written next, all at once.
                .then(|arrived| self.write(arrived))
                .flat_map(stream::iter);
            let mut fates = std::pin::pin!(fates);
            while let Some((object, fate)) = fates.next().await {
                if let Fate::Done(bytes) = fate {
                    self.observer.on(&Event::Fetched {
                        key: object.key.clone(),
                        bytes,
                    });
                }
                self.tally.settle(&object.key, fate, self.observer)?;
            }
        }
        general.map_or(Ok(()), Err)
    }

    async fn only_count(
        &self,
        wanted: impl futures::Stream<Item = Result<ObjectMeta, JobError>>,
    ) -> Result<(), JobError> {
        let mut wanted = std::pin::pin!(wanted.take_until(self.cancel.cancelled()));
        while let Some(object) = wanted.next().await {
            let object = object?;
            self.tally
                .settle(&object.key, Fate::Done(object.size), self.observer)?;
        }
        Ok(())
    }

    fn below<'k>(&self, object: &'k ObjectMeta) -> &'k str {
        self.source.below(&object.key)
    }

    fn shown(&self, below: &str) -> String {
        self.folder.join(below).display().to_string()
    }
}

#[cfg(test)]
mod tests;

//! Raw objects to a local folder, verified; doing it again fetches only what is missing.

use std::fs;
use std::path::{Path, PathBuf};

use futures::stream::StreamExt;
use tempfile::NamedTempFile;
use tokio::sync::Semaphore;

use crate::cpu;
use crate::event::{Event, Observer};
use crate::pipeline::{Cancel, Content, Feed, Feeder, FetchLimits, Fetched, feed, fetch};
use crate::store::{
    Body, ErrorKind, LocalStore, ObjectMeta, Precondition, Store, StoreError, full_name,
};

use super::JobError;
use super::checksum::{self, Sum};
use super::source::{Seen, Source};
use super::transfer::{Fate, Tally, TransferOptions, Transferred, file_error, modified_micros};

/// Larger objects are read in ranges of this size.
const RANGE: u64 = 8 << 20;

/// Listed objects that wait to be looked at.
const AHEAD: usize = 1000;

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
            .map(|object| async move {
                self.tally.listed();
                let fate = self.look(&object).await;
                (object, fate)
            })
            .buffered(self.jobs)
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
            let fates = fetch(self.source.store.clone(), objects, limits)
                .take_until(self.cancel.cancelled())
                .map(|fetched| async move {
                    let fate = self.store(&fetched).await;
                    (fetched, fate)
                })
                .buffer_unordered(self.jobs);
            let mut fates = std::pin::pin!(fates);
            while let Some((fetched, fate)) = fates.next().await {
                if let Fate::Done(bytes) = fate {
                    self.observer.on(&Event::Fetched {
                        key: fetched.object.key.clone(),
                        bytes,
                    });
                }
                self.tally
                    .settle(&fetched.object.key, fate, self.observer)?;
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

    fn place(&self, below: &str) -> String {
        self.folder.join(below).display().to_string()
    }

    /// Whether the object needs fetching: if not, its fate.
    async fn look(&self, object: &ObjectMeta) -> Option<Fate> {
        let below = self.below(object);
        if !can_be_a_path(below) {
            let error = StoreError {
                kind: ErrorKind::BadName,
                action: "write",
                place: full_name(self.source.store.root(), &object.key),
                cause: "the key cannot be a file name (an empty or dotted segment)".to_owned(),
            };
            return Some(Fate::Failed("write", error));
        }
        self.local.as_ref()?;
        match self.is_there(object, self.folder.join(below)).await {
            Ok(true) => Some(Fate::Present),
            Ok(false) => None,
            Err(error) => {
                let error = file_error(&error, "read", self.place(below));
                Some(Fate::Failed("read", error))
            }
        }
    }

    async fn is_there(&self, object: &ObjectMeta, path: PathBuf) -> std::io::Result<bool> {
        // Whatever is in the way of a path is told when it is written.
        let Ok(meta) = tokio::fs::metadata(&path).await else {
            return Ok(false);
        };
        if !meta.is_file() || meta.len() != object.size {
            return Ok(false);
        }
        let store = self.source.store.as_ref();
        if checksum::is_plain_md5(&object.etag) {
            let same = checksum::object_matches(store, &object.key, &object.etag, path).await?;
            if let Some(same) = same {
                return Ok(same);
            }
        }
        Ok(modified_micros(&meta) >= object.modified)
    }

    async fn store(&self, fetched: &Fetched) -> Fate {
        let Some(local) = &self.local else {
            return Fate::Stopped;
        };
        let object = &fetched.object;
        match &fetched.content {
            Content::Failed(error) => Fate::Failed("fetch", error.clone()),
            Content::Large => tokio::select! {
                fate = self.in_ranges(local, object) => fate,
                () = self.cancel.cancelled() => Fate::Stopped,
            },
            Content::Whole(bytes) => {
                let length = bytes.len() as u64;
                let sum = self.sum_wanted(object).then(|| {
                    let bytes = bytes.clone();
                    cpu::run(move || {
                        let mut sum = Sum::default();
                        sum.update(&bytes);
                        sum
                    })
                });
                let sum = match sum {
                    Some(sum) => Some(sum.await),
                    None => None,
                };
                if let Err(error) = self.verify(object, length, sum).await {
                    return Fate::Failed("fetch", error);
                }
                self.put(local, object, Body::Bytes(bytes.clone())).await
            }
        }
    }

    fn sum_wanted(&self, object: &ObjectMeta) -> bool {
        self.source.store.etag_is_content() && checksum::is_plain_md5(&object.etag)
    }

    async fn verify(
        &self,
        object: &ObjectMeta,
        length: u64,
        sum: Option<Sum>,
    ) -> Result<(), StoreError> {
        let store = self.source.store.as_ref();
        let wrong = |cause: String| StoreError {
            kind: ErrorKind::Changed,
            action: "read",
            place: full_name(store.root(), &object.key),
            cause,
        };
        if length != object.size {
            let cause = format!("{length} bytes arrived, {} were listed", object.size);
            return Err(wrong(cause));
        }
        match sum {
            Some(sum)
                if !sum.hex().eq_ignore_ascii_case(&object.etag)
                    && !checksum::is_no_md5(store, &object.key).await =>
            {
                Err(wrong("checksum does not match".to_owned()))
            }
            _ => Ok(()),
        }
    }

    async fn put(&self, local: &LocalStore, object: &ObjectMeta, body: Body) -> Fate {
        let put = local
            .put(self.below(object), body, Precondition::Always)
            .await;
        match put {
            Ok(_) => Fate::Done(object.size),
            Err(mut error) => {
                if error.kind == ErrorKind::Exists {
                    error.kind = ErrorKind::BadName;
                    error.cause = String::from("a file is where its folder should be");
                }
                Fate::Failed("write", error)
            }
        }
    }

    /// Fetches a large object range by range into a file beside its place.
    async fn in_ranges(&self, local: &LocalStore, object: &ObjectMeta) -> Fate {
        let Ok(_permit) = self.ranges.acquire().await else {
            return Fate::Stopped;
        };
        let below = self.below(object);
        let path = self.folder.join(below);
        let failed = |error: &std::io::Error| {
            Fate::Failed("write", file_error(error, "write", self.place(below)))
        };
        let parent = path.parent().unwrap_or(&self.folder).to_owned();
        let temporary = cpu::run(move || {
            fs::create_dir_all(&parent)?;
            tempfile::Builder::new()
                .prefix(".")
                .suffix(UNFINISHED)
                .tempfile_in(&parent)
        });
        let mut file = match temporary.await {
            Ok(file) => file,
            Err(error) => return failed(&error),
        };
        let mut sum = self.sum_wanted(object).then(Sum::default);
        let mut at = 0;
        while at < object.size {
            let range = at..object.size.min(at + RANGE);
            let etag = Some(object.etag.as_str()).filter(|etag| !etag.is_empty());
            let got = self
                .source
                .store
                .get(&object.key, Some(range.clone()), etag);
            let bytes = match got.await {
                Ok(bytes) => bytes,
                Err(error) => return Fate::Failed("fetch", error),
            };
            if bytes.len() as u64 != range.end - range.start {
                let end = range.start + bytes.len() as u64;
                return match self.verify(object, end, None).await {
                    Err(error) => Fate::Failed("fetch", error),
                    Ok(()) => Fate::Stopped,
                };
            }
            at = range.end;
            (file, sum) = match append(file, sum, bytes).await {
                Ok(both) => both,
                Err(error) => return failed(&error),
            };
        }
        if let Err(error) = self.verify(object, at, sum).await {
            return Fate::Failed("fetch", error);
        }
        self.put(local, object, Body::File(file.path().to_owned()))
            .await
    }
}

/// Appends to a file, off the async threads.
async fn append(
    mut file: NamedTempFile,
    mut sum: Option<Sum>,
    bytes: bytes::Bytes,
) -> std::io::Result<(NamedTempFile, Option<Sum>)> {
    use std::io::Write as _;
    cpu::run(move || {
        if let Some(sum) = &mut sum {
            sum.update(&bytes);
        }
        file.write_all(&bytes)?;
        Ok((file, sum))
    })
    .await
}

/// Whether a key leads to a file inside the folder.
fn can_be_a_path(key: &str) -> bool {
    !key.ends_with(UNFINISHED)
        && key
            .split('/')
            .all(|part| !matches!(part, "" | "." | "..") && !part.contains('\0'))
}

#[cfg(test)]
mod tests;

//! Raw objects to a local folder, verified; doing it again fetches only what is missing.

use std::fs;
use std::path::{Path, PathBuf};

use futures::channel::mpsc::Receiver;
use futures::stream::StreamExt;
use tempfile::NamedTempFile;
use tokio::sync::Semaphore;

use crate::cpu;
use crate::event::{Event, Observer};
use crate::pipeline::{Cancel, Content, Feeder, FetchLimits, Fetched, feed, fetch};
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

    async fn run(&self, objects: Receiver<ObjectMeta>) -> Result<(), JobError> {
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
                    error.cause = "a file is where its folder should be".to_owned();
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
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::event::Silent;
    use crate::jobs::test_store::{Recorder, TestStore};
    use crate::plan::Selection;

    fn source(store: Arc<dyn Store>, prefix: &str) -> Source {
        Source {
            store,
            prefix: prefix.to_owned(),
            selection: Selection::default(),
        }
    }

    async fn run(source: &Source, folder: &Path) -> Transferred {
        let options = TransferOptions::default();
        download(source, folder, &options, &Silent, &Cancel::never())
            .await
            .expect("a download")
    }

    /// Everything below the folder, with the files that are not complete.
    fn files(folder: &Path) -> Vec<String> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                found.extend(files(&path));
            } else {
                found.push(path.display().to_string());
            }
        }
        found.sort();
        found
    }

    fn names(folder: &Path) -> Vec<String> {
        let root = format!("{}/", folder.display());
        let names = files(folder).into_iter();
        names.map(|name| name.replace(&root, "")).collect()
    }

    #[tokio::test]
    async fn a_second_run_fetches_nothing() {
        let store = Arc::new(TestStore::default());
        for number in 0..50 {
            store.add(
                &format!("logs/a/{number}"),
                format!("line {number}\n").as_bytes(),
            );
        }
        store.add("logs/large", &vec![b'x'; 9 << 20]);
        store.add("logs/empty", b"");
        store.add("other/not-this", b"");
        let source = source(store.clone(), "logs/");
        let folder = tempfile::tempdir().expect("a folder");
        let done = run(&source, folder.path()).await;
        assert_eq!((done.listed, done.transferred, done.failed), (52, 52, 0));
        assert_eq!(
            fs::read(folder.path().join("a/7")).expect("a file"),
            b"line 7\n"
        );
        assert_eq!(
            fs::read(folder.path().join("large")).expect("a file"),
            vec![b'x'; 9 << 20]
        );
        assert_eq!(names(folder.path()).len(), 52);
        let gets = store.gets();
        let again = run(&source, folder.path()).await;
        assert_eq!((again.transferred, again.present), (0, 52));
        assert_eq!(store.gets(), gets);
        // A file that was damaged since, at its old size, is fetched again.
        fs::write(folder.path().join("a/7"), b"line X\n").expect("a file");
        let again = run(&source, folder.path()).await;
        assert_eq!((again.transferred, again.present), (1, 51));
        assert_eq!(
            fs::read(folder.path().join("a/7")).expect("a file"),
            b"line 7\n"
        );
    }

    #[tokio::test]
    async fn bad_objects_cost_themselves_only() {
        let store = Arc::new(TestStore::default());
        for key in [
            "../x",
            "a//b",
            "./c",
            "good",
            "gone",
            "rotten",
            "cold",
            "secret",
            "t.s3logs-tmp",
            "both/file",
        ] {
            store.add(key, b"some bytes");
        }
        store.add("both", b"other bytes");
        store.add("rotten-large", &vec![b'x'; 9 << 20]);
        store.ghost("gone");
        store.corrupt("rotten");
        store.corrupt("rotten-large");
        store.archive("cold");
        store.deny("secret");
        let outside = tempfile::tempdir().expect("a folder");
        let folder = outside.path().join("in");
        let recorder = Recorder::default();
        let options = TransferOptions {
            // One after the other, so that it is known which of the clashing keys comes first.
            jobs: Some(1),
            ..TransferOptions::default()
        };
        let done = download(
            &source(store, ""),
            &folder,
            &options,
            &recorder,
            &Cancel::never(),
        )
        .await
        .expect("a download");
        assert_eq!((done.listed, done.transferred, done.failed), (12, 2, 10));
        assert_eq!(names(outside.path()), ["in/both/file", "in/good"]);
        let failures = recorder.failures();
        let told = [
            "../x: write: ",
            "./c: write: ",
            "a//b: write: ",
            "both: write: ",
            "cold: fetch: ",
            "gone: fetch: ",
            "rotten-large: fetch: ",
            "rotten: fetch: ",
            "secret: fetch: ",
            "t.s3logs-tmp: write: ",
        ];
        assert_eq!(failures.len(), told.len());
        for (failure, start) in failures.iter().zip(told) {
            assert!(failure.starts_with(start), "{failure}");
        }
        assert!(
            failures[7].ends_with("checksum does not match"),
            "{}",
            failures[7]
        );
    }

    #[tokio::test]
    async fn etags_that_are_no_sums_go_by_time() {
        let store = Arc::new(TestStore::default());
        store.add("a", b"some bytes");
        store.encrypt();
        let folder = tempfile::tempdir().expect("a folder");
        let bucket = source(store, "");
        assert_eq!(run(&bucket, folder.path()).await.transferred, 1);
        assert_eq!(run(&bucket, folder.path()).await.present, 1);
        let copy = tempfile::tempdir().expect("a folder");
        let local = source(
            Arc::new(LocalStore::open(folder.path()).expect("a store")),
            "",
        );
        assert_eq!(run(&local, copy.path()).await.transferred, 1);
        assert_eq!(run(&local, copy.path()).await.present, 1);
        let old = fs::File::options()
            .write(true)
            .open(copy.path().join("a"))
            .expect("a file");
        old.set_modified(std::time::UNIX_EPOCH).expect("a time");
        assert_eq!(run(&local, copy.path()).await.transferred, 1);
    }

    #[tokio::test]
    async fn a_job_ends_that_is_refused_stopped_or_only_asked() {
        let store = Arc::new(TestStore::default());
        for key in ["a", "b", "c"] {
            store.add(key, b"some bytes");
        }
        let bucket = source(store.clone(), "");
        let folder = tempfile::tempdir().expect("a folder");
        let dry = TransferOptions {
            dry_run: true,
            ..TransferOptions::default()
        };
        let target = folder.path().join("new");
        let done = download(&bucket, &target, &dry, &Silent, &Cancel::never())
            .await
            .expect("a plan");
        assert_eq!((done.transferred, done.bytes), (3, 30));
        assert!(!target.exists() && store.gets() == 0);
        let (canceller, cancel) = Cancel::pair();
        canceller.cancel();
        let options = TransferOptions::default();
        let done = download(&bucket, folder.path(), &options, &Silent, &cancel)
            .await
            .expect("a stop");
        assert!(done.interrupted && done.transferred == 0);
        assert!(files(folder.path()).is_empty());
        for key in ["a", "b", "c"] {
            store.deny(key);
        }
        let refused = download(&bucket, folder.path(), &options, &Silent, &Cancel::never()).await;
        assert!(matches!(refused, Err(JobError::Store(error)) if error.kind == ErrorKind::Denied));
    }
}

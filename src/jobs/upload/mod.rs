//! A local folder to the destination, verified; doing it again sends only what is missing.
//!
//! A folder that holds a dataset arrives as one: its commits go last and in order, so that nobody
//! finds a commit that names a file which is not there yet.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::stream::{self, Stream, StreamExt, TryStreamExt};

use crate::event::{Event, Observer};
use crate::pipeline::Cancel;
use crate::store::{
    Body, ErrorKind, LocalStore, ObjectMeta, Precondition, Store, StoreError, full_name,
};
use crate::table::path::OWN;

use super::JobError;
use super::checksum;
use super::source::Destination;
use super::transfer::{Fate, Tally, TransferOptions, Transferred, file_error};

/// Sends every file below `folder` to the destination, under its path.
///
/// What is there already with the same size and sum is left alone; where the `ETag` is no sum, what
/// is not older than the file. Of a dataset's own files the lock, the intents and temporary files
/// stay behind. Holds the listing of the destination (about 200 bytes an object and its key), and
/// of files at most a buffer each: the store streams them. When asked to stop, no file is begun any
/// more and those under way are finished, as parts of an upload that breaks off would stay behind.
///
/// # Errors
/// What concerns all files, [`JobError::Misuse`] if the folder is a dataset and the destination
/// another one; a failure of one file is counted and reported as [`Event::Failed`].
pub async fn upload(
    folder: &Path,
    destination: &Destination,
    options: &TransferOptions,
    observer: &dyn Observer,
    cancel: &Cancel,
) -> Result<Transferred, JobError> {
    let job = Upload::new(folder, destination, *options, observer, cancel).await?;
    let commits = job.commits().await?;
    job.check_history(&commits).await?;
    job.send_all("", |path| !is_own(path)).await?;
    job.send_all(&format!("{OWN}/"), is_own_to_send).await?;
    job.send_commits(&commits).await?;
    if !commits.is_empty() {
        job.warn_of_others();
    }
    job.tally.end(cancel.is_cancelled())
}

fn is_own(path: &str) -> bool {
    path.strip_prefix(OWN)
        .is_some_and(|rest| rest.starts_with('/'))
}

fn own_path(path: &str) -> &str {
    path.get(OWN.len() + 1..).unwrap_or_default()
}

/// Records of a dataset that are of use elsewhere, but for the commits.
fn is_own_to_send(path: &str) -> bool {
    let path = own_path(path);
    !path.starts_with("lock")
        && !["tmp/", "intents/", "commits/"]
            .iter()
            .any(|one| path.starts_with(one))
}

struct Upload<'a> {
    local: LocalStore,
    folder: PathBuf,
    destination: &'a Destination,
    options: TransferOptions,
    observer: &'a dyn Observer,
    cancel: &'a Cancel,
    jobs: usize,
    tally: Tally,
    /// What the destination holds, by path; files that are found here are taken out.
    there: Mutex<HashMap<String, ObjectMeta>>,
}

impl<'a> Upload<'a> {
    async fn new(
        folder: &Path,
        destination: &'a Destination,
        options: TransferOptions,
        observer: &'a dyn Observer,
        cancel: &'a Cancel,
    ) -> Result<Self, JobError> {
        let local = LocalStore::open(folder)?;
        let (from, to) = (local.root(), destination.store.root());
        if Path::new(from).starts_with(to) || Path::new(to).starts_with(from) {
            return Err(JobError::Misuse {
                what: format!(
                    "{} and {} lie within each other",
                    folder.display(),
                    destination.shown
                ),
                hint: "name a folder and a destination apart from each other".to_owned(),
            });
        }
        let mut there = HashMap::new();
        let mut pages = destination.store.list(&destination.base, None);
        let cancelled = cancel.cancelled();
        let mut cancelled = std::pin::pin!(cancelled);
        loop {
            let page = tokio::select! {
                page = pages.try_next() => page?,
                () = &mut cancelled => None,
            };
            let Some(page) = page else { break };
            for object in page {
                if let Some(path) = object.key.strip_prefix(&destination.base) {
                    there.insert(path.to_owned(), object);
                }
            }
        }
        let jobs = options
            .jobs
            .unwrap_or_else(|| destination.store.parallel_fetches());
        Ok(Self {
            folder: fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned()),
            local,
            destination,
            options,
            observer,
            cancel,
            jobs: jobs.max(1),
            tally: Tally::default(),
            there: Mutex::new(there),
        })
    }

    fn there(&self) -> MutexGuard<'_, HashMap<String, ObjectMeta>> {
        self.there.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The folder's commits, oldest first.
    async fn commits(&self) -> Result<Vec<ObjectMeta>, StoreError> {
        let mut commits: Vec<ObjectMeta> =
            self.files(&format!("{OWN}/commits/")).try_collect().await?;
        commits.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        Ok(commits)
    }

    fn files(&self, prefix: &str) -> impl Stream<Item = Result<ObjectMeta, StoreError>> {
        self.local
            .list(prefix, None)
            .map_ok(|page| stream::iter(page).map(Ok))
            .try_flatten()
    }

    /// Refuses to mix two datasets: what is committed there must be the folder's own past.
    async fn check_history(&self, commits: &[ObjectMeta]) -> Result<(), JobError> {
        if commits.is_empty() {
            return Ok(());
        }
        let prefix = format!("{OWN}/commits/");
        let mut theirs: HashMap<String, ObjectMeta> = self
            .there()
            .iter()
            .filter(|(path, _)| path.starts_with(&prefix))
            .map(|(path, object)| (path.clone(), object.clone()))
            .collect();
        for ours in commits {
            if let Some(their) = theirs.remove(&ours.key)
                && (their.size != ours.size || !self.is_same_commit(ours).await?)
            {
                return Err(self.differ(&ours.key, "is another one there"));
            }
        }
        match theirs.keys().min() {
            Some(path) => Err(self.differ(path, "is not in the folder")),
            None => Ok(()),
        }
    }

    async fn is_same_commit(&self, ours: &ObjectMeta) -> Result<bool, JobError> {
        let key = self.destination.key(&ours.key);
        let their = self.destination.store.get(&key, None, None).await?;
        Ok(their == self.local.get(&ours.key, None, None).await?)
    }

    fn differ(&self, path: &str, how: &str) -> JobError {
        JobError::Misuse {
            what: format!(
                "{} holds another dataset than {}: {path} {how}",
                self.destination.shown,
                self.folder.display()
            ),
            hint: "name an empty destination, or sync to it instead of uploading".to_owned(),
        }
    }

    async fn send_all(&self, prefix: &str, wanted: fn(&str) -> bool) -> Result<(), JobError> {
        let fates = self
            .files(prefix)
            .try_filter(|file| std::future::ready(wanted(&file.key)))
            .take_until(self.cancel.cancelled())
            .map(|file| async move {
                let file = file?;
                let fate = self.send(&file, Precondition::Always).await;
                Ok::<_, StoreError>((file, fate))
            })
            .buffer_unordered(self.jobs);
        let mut fates = std::pin::pin!(fates);
        while let Some(result) = fates.next().await {
            let (file, fate) = result?;
            self.settle(&file.key, fate)?;
        }
        Ok(())
    }

    fn settle(&self, path: &str, fate: Fate) -> Result<(), JobError> {
        if let Fate::Done(bytes) = fate
            && !self.options.dry_run
        {
            self.observer.on(&Event::Stored {
                key: self.destination.key(path),
                bytes,
            });
        }
        self.tally.settle(path, fate, self.observer)
    }

    async fn send_commits(&self, commits: &[ObjectMeta]) -> Result<(), JobError> {
        for commit in commits {
            if self.cancel.is_cancelled() {
                break;
            }
            let mut fate = if self.tally.has_failures() && !self.there().contains_key(&commit.key) {
                self.tally.listed();
                Fate::Failed("write", self.left_out(&commit.key))
            } else {
                self.send(commit, Precondition::Absent).await
            };
            if let Fate::Failed(_, error) = &fate
                && error.kind == ErrorKind::Exists
            {
                if !self.is_same_commit(commit).await? {
                    return Err(self.differ(&commit.key, "is another one there"));
                }
                fate = Fate::Present;
            }
            self.settle(&commit.key, fate)?;
        }
        Ok(())
    }

    fn left_out(&self, path: &str) -> StoreError {
        StoreError {
            kind: ErrorKind::Other,
            action: "write",
            place: full_name(self.destination.store.root(), &self.destination.key(path)),
            cause: "left out, as files that it may name could not be sent".to_owned(),
        }
    }

    async fn send(&self, file: &ObjectMeta, when: Precondition) -> Fate {
        self.tally.listed();
        let path = self.folder.join(&file.key);
        let unreadable = |error: &std::io::Error| {
            Fate::Failed("read", file_error(error, "read", self.place(file)))
        };
        let their = self.there().remove(&file.key);
        match self.is_there(file, their, &path).await {
            Ok(true) => return Fate::Present,
            Ok(false) => {}
            Err(error) => return unreadable(&error),
        }
        self.tally.planned(file.size, self.observer);
        if self.options.dry_run {
            return Fate::Done(file.size);
        }
        let store = self.destination.store.as_ref();
        let key = self.destination.key(&file.key);
        let etag = match store.put(&key, Body::File(path.clone()), when).await {
            Ok(etag) => etag,
            Err(error) => return Fate::Failed("write", error),
        };
        match checksum::object_matches(store, &key, &etag, path).await {
            Ok(Some(false)) => Fate::Failed(
                "write",
                StoreError {
                    kind: ErrorKind::Changed,
                    action: "write",
                    place: full_name(store.root(), &key),
                    cause: "checksum does not match".to_owned(),
                },
            ),
            Ok(_) => Fate::Done(file.size),
            Err(error) => unreadable(&error),
        }
    }

    fn place(&self, file: &ObjectMeta) -> String {
        self.folder.join(&file.key).display().to_string()
    }

    async fn is_there(
        &self,
        file: &ObjectMeta,
        their: Option<ObjectMeta>,
        path: &Path,
    ) -> std::io::Result<bool> {
        let Some(their) = their.filter(|their| their.size == file.size) else {
            return Ok(false);
        };
        let store = self.destination.store.as_ref();
        let same = checksum::object_matches(store, &their.key, &their.etag, path.to_owned());
        Ok(same.await?.unwrap_or(their.modified >= file.modified))
    }

    /// Readers that know no ledger count every Parquet file there is.
    fn warn_of_others(&self) {
        let others = self
            .there()
            .keys()
            .filter(|path| path.ends_with(".parquet") && !is_own(path))
            .count();
        if others > 0 && !self.cancel.is_cancelled() {
            self.observer.on(&Event::Warned {
                message: format!(
                    "{} holds {others} Parquet files that are not in the folder; readers count their rows too",
                    self.destination.shown
                ),
            });
        }
    }
}

#[cfg(test)]
mod tests;

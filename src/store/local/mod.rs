//! A local folder. Puts are atomic; as a destination they are also durable.

mod staged;
mod walk;

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};

use super::{Body, ErrorKind, ObjectMeta, Precondition, Result, Store, StoreError, full_name};
use staged::{Staged, unlocked};
use walk::{Names, Ramble, Walk};

/// Small files that are read in one go.
const READS_TOGETHER: usize = 32;

/// Ends the names of files that are not complete; listings leave them out.
const UNFINISHED: &str = ".s3logs-tmp";

/// Files below a folder; keys are their paths with `/`.
#[derive(Clone, Debug)]
pub struct LocalStore {
    folder: PathBuf,
    root: String,
    staging: Option<PathBuf>,
    /// Folders that are known to be on disk.
    synced: Arc<Mutex<HashSet<PathBuf>>>,
}

impl LocalStore {
    /// A folder to read from or to copy to. It must exist.
    ///
    /// # Errors
    /// [`ErrorKind::NoRoot`] if there is no such folder.
    pub fn open(folder: &Path) -> Result<Self> {
        let canonical = fs::canonicalize(folder)
            .and_then(|path| {
                if path.is_dir() {
                    Ok(path)
                } else {
                    Err(io::ErrorKind::NotADirectory.into())
                }
            })
            .map_err(|error| {
                let mut error = store_error(&error, "open", folder.display().to_string());
                if error.kind == ErrorKind::NotFound {
                    error.kind = ErrorKind::NoRoot;
                }
                error
            })?;
        let root = format!("file://{}", canonical.display());
        Ok(Self {
            folder: canonical,
            root,
            staging: None,
            synced: Arc::default(),
        })
    }

    /// A folder to write a dataset to; made if it does not exist. Every put is synced to disk
    /// before it becomes visible, and files are staged under `staging`, relative to the folder.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn create(folder: &Path, staging: &str) -> Result<Self> {
        make_root(folder)
            .map_err(|error| store_error(&error, "create", folder.display().to_string()))?;
        let mut store = Self::open(folder)?;
        store.staging = Some(store.folder.join(staging));
        Ok(store)
    }

    /// Does something with many small files on a thread where it may wait for them, all in one go: handing
    /// each to another thread costs more than reading or writing it.
    pub async fn in_one_go<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> T {
        let store = self.clone();
        blocking(move || work(&store)).await
    }

    /// Puts bytes in place of whatever is there, on the caller's thread. Atomic, and not durable.
    ///
    /// # Errors
    /// As [`Store::put`].
    pub fn put_here(&self, key: &str, bytes: &[u8]) -> Result<()> {
        let path = self.path("write", key)?;
        self.write_here(&path, bytes)
            .map_err(|error| self.error(&error, "write", key))
    }

    fn write_here(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let parent = path.parent().unwrap_or(&self.folder);
        let mut staged = match unlocked(parent) {
            // Its folder is made when it turns out that there is none: most of the time there is.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.make_folder(parent)?;
                unlocked(parent)?
            }
            other => other?,
        };
        staged.write_all(bytes)?;
        staged.persist(path).map(drop).map_err(|error| error.error)
    }

    fn path(&self, action: &'static str, key: &str) -> Result<PathBuf> {
        let bad = key
            .split('/')
            .any(|part| matches!(part, "" | "." | "..") || part.contains('\0'));
        if bad {
            return Err(StoreError {
                kind: ErrorKind::BadName,
                action,
                place: full_name(&self.root, key),
                cause: "the key cannot be a file name (an empty or dotted segment)".to_owned(),
            });
        }
        Ok(self.folder.join(key))
    }

    fn error(&self, error: &io::Error, action: &'static str, key: &str) -> StoreError {
        store_error(error, action, full_name(&self.root, key))
    }

    fn write(&self, path: &Path, body: Body, when: &Precondition) -> io::Result<String> {
        let parent = path.parent().unwrap_or(&self.folder);
        let durable = self.staging.is_some();
        self.make_folder(parent)?;
        let staged = Staged::new(body, self.staging.as_deref().unwrap_or(parent))?;
        if durable {
            staged.sync()?;
        }
        // Now, as another run may delete it as soon as it is in its place.
        let etag = etag_of(&staged.metadata()?);
        match when {
            Precondition::Always => staged.replace(path)?,
            Precondition::Absent => staged.create(path)?,
            Precondition::Unchanged(etag) => {
                match fs::metadata(path) {
                    Ok(meta) if etag_of(&meta) == *etag => {}
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => return Err(io::ErrorKind::StaleNetworkFileHandle.into()),
                }
                staged.replace(path)?;
            }
        }
        if durable {
            File::open(parent)?.sync_all()?;
        }
        Ok(etag)
    }

    /// Makes a folder and those above it.
    ///
    /// A durable file needs durable folders: each is synced into the one above it, once, and also
    /// where it is there already: whoever made it may have been killed before that.
    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder).map_err(|error| match error.kind() {
            // A file where a folder should be.
            io::ErrorKind::AlreadyExists => io::ErrorKind::NotADirectory.into(),
            _ => error,
        })?;
        if self.staging.is_none() {
            return Ok(());
        }
        let synced = || self.synced.lock().unwrap_or_else(PoisonError::into_inner);
        let below = |at: &&Path| *at != self.folder && at.starts_with(&self.folder);
        for folder in folder.ancestors().take_while(below) {
            let done = synced().contains(folder);
            if let (Some(parent), false) = (folder.parent(), done) {
                File::open(parent)?.sync_all()?;
                synced().insert(folder.to_owned());
            }
        }
        Ok(())
    }
}

/// Makes the folder of a dataset and those above it, each new one synced into the one above it.
fn make_root(folder: &Path) -> io::Result<()> {
    let folder = std::path::absolute(folder)?;
    let missing: Vec<&Path> = folder.ancestors().take_while(|at| !at.exists()).collect();
    fs::create_dir_all(&folder)?;
    for parent in missing.iter().filter_map(|folder| folder.parent()) {
        // One that may be written but not read cannot be synced.
        if let Ok(parent) = File::open(parent) {
            parent.sync_all()?;
        }
    }
    Ok(())
}

/// A file of which no part exists: a folder, or a name below something that is none.
fn absent(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::NotADirectory => io::ErrorKind::NotFound.into(),
        _ => error,
    }
}

fn store_error(error: &io::Error, action: &'static str, place: String) -> StoreError {
    let kind = match error.kind() {
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        io::ErrorKind::AlreadyExists => ErrorKind::Exists,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::Denied,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::Full,
        io::ErrorKind::NotADirectory
        | io::ErrorKind::IsADirectory
        | io::ErrorKind::InvalidFilename => ErrorKind::BadName,
        io::ErrorKind::StaleNetworkFileHandle => ErrorKind::Changed,
        _ => ErrorKind::Other,
    };
    StoreError {
        kind,
        action,
        place,
        cause: error.to_string(),
    }
}

fn etag_of(meta: &fs::Metadata) -> String {
    format!("{:x}-{:x}", meta.len(), modified_nanos(meta))
}

fn modified_nanos(meta: &fs::Metadata) -> u128 {
    meta.modified()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .map_or(0, |since| since.as_nanos())
}

fn meta_of(key: String, meta: &fs::Metadata) -> ObjectMeta {
    ObjectMeta {
        key,
        size: meta.len(),
        etag: etag_of(meta),
        modified: i64::try_from(modified_nanos(meta) / 1000).unwrap_or(i64::MAX),
        archived: false,
    }
}

/// Reads a file, or a range of it, in the version that is expected.
fn read(path: &Path, range: Option<Range<u64>>, expect: Option<&str>) -> io::Result<Bytes> {
    let mut file = File::open(path).map_err(absent)?;
    let meta = file.metadata()?;
    if meta.is_dir() {
        return Err(io::ErrorKind::NotFound.into());
    }
    if expect.is_some_and(|expect| expect != etag_of(&meta)) {
        return Err(io::ErrorKind::StaleNetworkFileHandle.into());
    }
    let range = range.map_or(0..meta.len(), |range| {
        range.start..range.end.min(meta.len())
    });
    if range.start > 0 {
        file.seek(SeekFrom::Start(range.start))?;
    }
    let length = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
    // Read into memory that is not filled with zeros first.
    let mut bytes = Vec::with_capacity(length);
    file.take(length as u64).read_to_end(&mut bytes)?;
    if bytes.len() < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes.into())
}

/// Runs file system work off the async threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    joined(tokio::task::spawn_blocking(work).await)
}

fn joined<T>(ended: std::result::Result<T, tokio::task::JoinError>) -> T {
    match ended {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

#[async_trait]
impl Store for LocalStore {
    fn root(&self) -> &str {
        &self.root
    }

    fn list(&self, prefix: &str, after: Option<&str>) -> BoxStream<'_, Result<Vec<ObjectMeta>>> {
        let mut walk = Walk::new(self.clone(), prefix, after);
        pages(move || walk.next_page())
    }

    fn list_in_no_order(&self, prefix: &str) -> BoxStream<'_, Result<Vec<ObjectMeta>>> {
        let mut ramble = Ramble::new(self.clone(), prefix);
        pages(move || ramble.next_page())
    }

    async fn folders(&self, prefix: &str) -> Result<Vec<String>> {
        let folder = prefix
            .rfind('/')
            .map_or("", |end| &prefix[..=end])
            .to_owned();
        let (store, prefix) = (self.clone(), prefix.to_owned());
        blocking(move || {
            let mut names = Vec::new();
            for name in Names::of(&store, &folder)? {
                let key = format!("{folder}{}", name?);
                if key.ends_with('/') && key.starts_with(&prefix) {
                    names.push(key);
                }
            }
            names.sort_unstable();
            Ok(names)
        })
        .await
    }

    async fn get(&self, key: &str, range: Option<Range<u64>>, etag: Option<&str>) -> Result<Bytes> {
        let path = self.path("read", key)?;
        let expect = etag.map(str::to_owned);
        blocking(move || read(&path, range, expect.as_deref()))
            .await
            .map_err(|error| self.error(&error, "read", key))
    }

    fn reads_together(&self) -> usize {
        READS_TOGETHER
    }

    async fn get_together(&self, objects: &[(&str, Option<&str>)]) -> Vec<Result<Bytes>> {
        let wanted: Vec<(String, Option<String>)> = objects
            .iter()
            .map(|(key, etag)| ((*key).to_owned(), etag.map(str::to_owned)))
            .collect();
        let store = self.clone();
        // A hop to another thread costs more than most reads.
        let all = move || {
            let one = |(key, etag): &(String, Option<String>)| {
                let path = store.path("read", key)?;
                read(&path, None, etag.as_deref()).map_err(|error| store.error(&error, "read", key))
            };
            wanted.iter().map(one).collect()
        };
        blocking(all).await
    }

    async fn put(&self, key: &str, body: Body, when: Precondition) -> Result<String> {
        let path = self.path("write", key)?;
        let store = self.clone();
        blocking(move || store.write(&path, body, &when))
            .await
            .map_err(|error| self.error(&error, "write", key))
    }

    async fn delete(&self, keys: &[String]) -> Result<()> {
        for key in keys {
            let path = self.path("delete", key)?;
            match blocking(move || fs::remove_file(path).map_err(absent)).await {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(self.error(&error, "delete", key));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn staging(&self) -> Option<PathBuf> {
        self.staging.clone()
    }

    fn parallel_fetches(&self) -> usize {
        4
    }

    fn puts_are_atomic(&self) -> bool {
        true
    }

    fn etag_is_content(&self) -> bool {
        false
    }
}

/// Pages until an empty one; while one is used, the next is made.
fn pages<F>(next_page: F) -> BoxStream<'static, Result<Vec<ObjectMeta>>>
where
    F: FnMut() -> Result<Vec<ObjectMeta>> + Send + 'static,
{
    let make = |mut next_page: F| {
        tokio::task::spawn_blocking(move || {
            let page = next_page();
            (next_page, page)
        })
    };
    stream::unfold(Some(Next::Unmade(next_page)), move |next| async move {
        let making = match next? {
            Next::Unmade(next_page) => make(next_page),
            Next::Made(making) => making,
        };
        let (next_page, page) = joined(making.await);
        match page {
            Ok(page) if page.is_empty() => None,
            Ok(page) => Some((Ok(page), Some(Next::Made(make(next_page))))),
            Err(error) => Some((Err(error), None)),
        }
    })
    .boxed()
}

/// What comes next of a listing: nothing is made before it is asked for the first time.
enum Next<F> {
    Unmade(F),
    Made(tokio::task::JoinHandle<(F, Result<Vec<ObjectMeta>>)>),
}

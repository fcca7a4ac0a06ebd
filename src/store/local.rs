//! A local folder. Puts are atomic; as a destination they are also durable.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use tempfile::NamedTempFile;

use super::{Body, ErrorKind, ObjectMeta, Precondition, Result, Store, StoreError, full_name};

/// Objects on a page of a listing.
const PAGE: usize = 1000;

/// Ends the names of files that are not complete; listings leave them out.
const UNFINISHED: &str = ".s3logs-tmp";

/// Files below a folder; keys are their paths with `/`.
#[derive(Clone, Debug)]
pub struct LocalStore {
    folder: PathBuf,
    root: String,
    staging: Option<PathBuf>,
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
        })
    }

    /// A folder to write a dataset to; made if it does not exist. Every put is synced to disk
    /// before it becomes visible, and files are staged under `staging`, relative to the folder.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn create(folder: &Path, staging: &str) -> Result<Self> {
        fs::create_dir_all(folder)
            .map_err(|error| store_error(&error, "create", folder.display().to_string()))?;
        let mut store = Self::open(folder)?;
        store.staging = Some(store.folder.join(staging));
        Ok(store)
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
        fs::create_dir_all(parent)?;
        let temporary = self.stage(body, parent)?;
        if self.staging.is_some() {
            temporary.as_file().sync_all()?;
        }
        match when {
            Precondition::Always => {
                temporary.persist(path).map_err(|error| error.error)?;
            }
            Precondition::Absent => {
                fs::hard_link(temporary.path(), path)?;
                drop(temporary);
            }
            Precondition::Unchanged(etag) => {
                if etag_of(&fs::metadata(path)?) != *etag {
                    return Err(io::ErrorKind::StaleNetworkFileHandle.into());
                }
                temporary.persist(path).map_err(|error| error.error)?;
            }
        }
        if self.staging.is_some() {
            File::open(parent)?.sync_all()?;
        }
        Ok(etag_of(&fs::metadata(path)?))
    }

    /// The body as a file that can be moved into place.
    fn stage(&self, body: Body, parent: &Path) -> io::Result<NamedTempFile> {
        let folder = self.staging.as_deref().unwrap_or(parent);
        fs::create_dir_all(folder)?;
        let mut temporary = tempfile::Builder::new()
            .prefix(".")
            .suffix(UNFINISHED)
            .tempfile_in(folder)?;
        match body {
            Body::Bytes(bytes) => temporary.write_all(&bytes)?,
            Body::File(source) if source.starts_with(folder) => {
                fs::rename(&source, temporary.path())?;
                let file = File::open(temporary.path())?;
                let path = temporary.into_temp_path();
                return Ok(NamedTempFile::from_parts(file, path));
            }
            Body::File(source) => {
                io::copy(&mut File::open(source)?, temporary.as_file_mut())?;
            }
        }
        Ok(temporary)
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

/// Runs file system work off the async threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// A walk through a folder in the byte order of keys.
struct Walk {
    store: LocalStore,
    prefix: String,
    after: Option<String>,
    /// Entries still to visit, last first: key and whether it is a folder.
    pending: Vec<(String, bool)>,
    started: bool,
}

impl Walk {
    fn next_page(&mut self) -> Result<Vec<ObjectMeta>> {
        if !std::mem::replace(&mut self.started, true) {
            let folder = self
                .prefix
                .rfind('/')
                .map_or("", |end| &self.prefix[..=end])
                .to_owned();
            self.enter(&folder)?;
        }
        let mut page = Vec::new();
        while page.len() < PAGE {
            let Some((key, is_folder)) = self.pending.pop() else {
                break;
            };
            if is_folder {
                self.enter(&key)?;
                continue;
            }
            match fs::metadata(self.store.folder.join(&key)) {
                Ok(meta) if meta.is_file() => page.push(meta_of(key, &meta)),
                Ok(_) => {}
                // It was there a moment ago.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(self.store.error(&error, "list", &key)),
            }
        }
        Ok(page)
    }

    fn enter(&mut self, folder: &str) -> Result<()> {
        let entries = match fs::read_dir(self.store.folder.join(folder)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(self.store.error(&error, "list", folder)),
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| self.store.error(&error, "list", folder))?;
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                return Err(StoreError {
                    kind: ErrorKind::BadName,
                    action: "list",
                    place: full_name(
                        &self.store.root,
                        &format!("{folder}{}", name.to_string_lossy()),
                    ),
                    cause: "the file name is not UTF-8".to_owned(),
                });
            };
            let key = format!("{folder}{name}{}", if is_folder { "/" } else { "" });
            if !name.ends_with(UNFINISHED) && self.wanted(&key, is_folder) {
                found.push((key, is_folder));
            }
        }
        found.sort_unstable_by(|a, b| b.0.cmp(&a.0));
        self.pending.append(&mut found);
        Ok(())
    }

    fn wanted(&self, key: &str, is_folder: bool) -> bool {
        let in_prefix =
            key.starts_with(&self.prefix) || (is_folder && self.prefix.starts_with(key));
        let after = self
            .after
            .as_deref()
            .is_none_or(|after| key > after || (is_folder && after.starts_with(key)));
        in_prefix && after
    }
}

#[async_trait]
impl Store for LocalStore {
    fn root(&self) -> &str {
        &self.root
    }

    fn list(&self, prefix: &str, after: Option<&str>) -> BoxStream<'_, Result<Vec<ObjectMeta>>> {
        let walk = Walk {
            store: self.clone(),
            prefix: prefix.to_owned(),
            after: after.map(str::to_owned),
            pending: Vec::new(),
            started: false,
        };
        stream::unfold(Some(walk), |walk| async {
            let mut walk = walk?;
            let (walk, page) = blocking(move || {
                let page = walk.next_page();
                (walk, page)
            })
            .await;
            match page {
                Ok(page) if page.is_empty() => None,
                Ok(page) => Some((Ok(page), Some(walk))),
                Err(error) => Some((Err(error), None)),
            }
        })
        .boxed()
    }

    async fn folders(&self, prefix: &str) -> Result<Vec<String>> {
        let folder = prefix
            .rfind('/')
            .map_or("", |end| &prefix[..=end])
            .to_owned();
        let path = self.folder.join(&folder);
        let prefix = prefix.to_owned();
        Ok(blocking(move || {
            let entries = fs::read_dir(path).into_iter().flatten().flatten();
            let mut names: Vec<String> = entries
                .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
                .filter_map(|entry| Some(format!("{folder}{}/", entry.file_name().to_str()?)))
                .filter(|name| name.starts_with(&prefix))
                .collect();
            names.sort();
            names
        })
        .await)
    }

    async fn get(&self, key: &str, range: Option<Range<u64>>, etag: Option<&str>) -> Result<Bytes> {
        let path = self.path("read", key)?;
        let expect = etag.map(str::to_owned);
        let read = move || -> io::Result<Bytes> {
            let mut file = File::open(path)?;
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
            let length =
                usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
            let mut bytes = vec![0; length];
            file.read_exact(&mut bytes)?;
            Ok(bytes.into())
        };
        blocking(read)
            .await
            .map_err(|error| self.error(&error, "read", key))
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
            match blocking(move || fs::remove_file(path)).await {
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

    fn etag_is_content(&self) -> bool {
        false
    }
}

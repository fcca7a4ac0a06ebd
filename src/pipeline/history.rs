//! The fingerprints of the rows that are committed, at hand as files on the local disk.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tempfile::{NamedTempFile, TempPath};

use crate::cpu;
use crate::store::{ErrorKind, Store};
use crate::units::Day;

use super::WorkError;
use super::parts::hash_of;
use super::prints::have_common;

/// Bytes read from the store at a time.
const RANGE: u64 = 4 << 20;

/// A file of fingerprints that a commit names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KnownLines {
    /// Its key in the store.
    pub key: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// The first digits of the SHA-256 of its bytes, in hex.
    pub hash: String,
}

/// A copy on the local disk; none where the file is missing or damaged.
#[derive(Clone, Debug)]
struct Copied {
    file: Option<Arc<TempPath>>,
    /// Whether the batch at hand has asked for it.
    used: bool,
}

/// The files of fingerprints as of one commit, by table and day.
///
/// Bound: 4 MiB of memory, and on the local disk 16 bytes for each row known of the days of one batch
/// and the next.
#[derive(Debug)]
pub struct History {
    store: Arc<dyn Store>,
    folder: PathBuf,
    files: BTreeMap<(String, Day), BTreeSet<KnownLines>>,
    copies: Mutex<BTreeMap<String, Copied>>,
}

impl History {
    /// The history made of these files of a store. Copies go to `folder`; those that the last batch
    /// used are taken over from `before`.
    pub fn new(
        store: Arc<dyn Store>,
        folder: &Path,
        files: BTreeMap<(String, Day), BTreeSet<KnownLines>>,
        before: Option<&Self>,
    ) -> Self {
        let mut copies = before.map_or_else(BTreeMap::new, |before| before.copies().clone());
        copies.retain(|_, copy| std::mem::take(&mut copy.used));
        Self {
            store,
            folder: folder.to_owned(),
            files,
            copies: Mutex::new(copies),
        }
    }

    fn copies(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Copied>> {
        self.copies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The files of a day.
    fn day(&self, table: &str, day: Day) -> impl Iterator<Item = &KnownLines> {
        let files = self.files.get(&(table.to_owned(), day));
        files.into_iter().flatten()
    }

    /// Copies of the files of a day, without those that cannot be used.
    pub(super) async fn copies_of(
        &self,
        table: &str,
        day: Day,
    ) -> Result<Vec<Arc<TempPath>>, WorkError> {
        let mut copies = Vec::new();
        for file in self.day(table, day) {
            copies.extend(self.copy(file).await?);
        }
        Ok(copies)
    }

    /// Keys of the files of a day that are missing or damaged, as far as they were asked for.
    pub fn unusable(&self, table: &str, day: Day) -> Vec<String> {
        let copies = self.copies();
        let lost = |key: &&String| copies.get(*key).is_some_and(|copy| copy.file.is_none());
        let keys = self.day(table, day).map(|file| &file.key);
        keys.filter(lost).cloned().collect()
    }

    /// Whether a file of fingerprints of this table and day has one in common with those that are
    /// known here and not in `before`.
    ///
    /// # Errors
    /// What the store reports, or the local disk.
    pub async fn adds_any_of(
        &self,
        file: &Path,
        (table, day): (&str, Day),
        before: &Self,
    ) -> Result<bool, WorkError> {
        let known: BTreeSet<&KnownLines> = before.day(table, day).collect();
        for new in self.day(table, day).filter(|file| !known.contains(file)) {
            let Some(copy) = self.copy(new).await? else {
                continue;
            };
            let file = file.to_owned();
            let common = cpu::run(move || have_common(&copy, &file)).await;
            if common.map_err(|error| WorkError::temporary(&self.folder, &error))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn copy(&self, file: &KnownLines) -> Result<Option<Arc<TempPath>>, WorkError> {
        if let Some(copy) = self.copies().get_mut(&file.key) {
            copy.used = true;
            return Ok(copy.file.clone());
        }
        let made = self.fetch(file).await?.map(Arc::new);
        let copy = Copied {
            file: made.clone(),
            used: true,
        };
        self.copies().insert(file.key.clone(), copy);
        Ok(made)
    }

    async fn fetch(&self, file: &KnownLines) -> Result<Option<TempPath>, WorkError> {
        let io = |error: io::Error| WorkError::temporary(&self.folder, &error);
        let mut copy = NamedTempFile::new_in(&self.folder).map_err(io)?;
        let mut at = 0;
        while at < file.bytes {
            let range = at..(at + RANGE).min(file.bytes);
            let (end, wanted) = (range.end, range.end - at);
            let bytes = match self.store.get(&file.key, Some(range), None).await {
                Ok(bytes) if bytes.len() as u64 == wanted => bytes,
                Ok(_) => return Ok(None),
                Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            copy.write_all(&bytes).map_err(io)?;
            at = end;
        }
        let path = copy.into_temp_path();
        let hash = hash_of(&path).map_err(io)?;
        Ok(hash.starts_with(&file.hash).then_some(path))
    }
}

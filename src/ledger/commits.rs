//! Commit records in a store: listed without a gap, put once.

use futures::stream::TryStreamExt;
use serde::Serialize;

use crate::store::{Body, ErrorKind, ObjectMeta, Precondition, StoreError};

use super::Commit;
use super::compression::compress;
use super::journal::{CommitFile, Journal, LedgerError, json, sequence_of, unreadable};

impl Journal {
    /// The commit records after a number, in their order. The record with that number has to be
    /// there too: a ledger whose beginning is lost is not gone on with.
    ///
    /// # Errors
    /// [`LedgerError`]: one of them is missing, or what the store reports.
    pub async fn commit_files(&self, after: u64) -> Result<Vec<CommitFile>, LedgerError> {
        let folder = format!("{}commits/", self.base);
        let from = (after > 1).then(|| self.commit_path(after - 1));
        let pages: Vec<_> = self
            .store
            .list(&folder, from.as_deref())
            .try_collect()
            .await?;
        let mut files = Vec::new();
        let marker = self.marker_path();
        for object in pages.into_iter().flatten() {
            if object.key == marker {
                if self.rebuilding {
                    continue;
                }
                return Err(LedgerError::Unfinished { path: marker });
            }
            let sequence = sequence_of(&object.key)?;
            if sequence >= after {
                files.push(commit_file(sequence, object));
            }
        }
        files.sort_unstable_by_key(|file| file.sequence);
        files.dedup_by_key(|file| file.sequence);
        let first = after.max(1);
        let missing =
            |number: u64| unreadable(&self.commit_path(number), "it is missing".to_owned());
        if after > 0 && files.is_empty() {
            return Err(missing(after));
        }
        for (index, file) in files.iter().enumerate() {
            let number = first.saturating_add(index as u64);
            if file.path != self.commit_path(file.sequence) {
                return Err(unreadable(
                    &file.path,
                    "its name is no sequence number".to_owned(),
                ));
            }
            if file.sequence != number {
                return Err(missing(number));
            }
        }
        files.retain(|file| file.sequence > after);
        Ok(files)
    }

    /// Commits: the one point at which outputs begin to count.
    ///
    /// # Errors
    /// [`ErrorKind::Exists`] if another writer has taken this number; otherwise what the store
    /// reports.
    pub async fn put_commit(&self, sequence: u64, commit: &Commit) -> Result<(), StoreError> {
        let (path, bytes) = self.commit_record(sequence, commit);
        if !self.rebuilding {
            match self.store.get(&self.marker_path(), None, None).await {
                // Whoever looks closer is told.
                Ok(_) => return Err(self.being_rebuilt()),
                Err(error) if error.kind == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        let put = self
            .store
            .put(
                &path,
                Body::Bytes(bytes.clone().into()),
                Precondition::Absent,
            )
            .await;
        match put {
            Err(error) if error.kind == ErrorKind::Exists => {
                // The answer to our own put may have been lost and the put repeated by the SDK.
                let there = self.store.get(&path, None, None).await?;
                if there == bytes { Ok(()) } else { Err(error) }
            }
            other => other.map(|_| ()),
        }
    }

    fn being_rebuilt(&self) -> StoreError {
        StoreError {
            kind: ErrorKind::Exists,
            action: "write",
            place: self.marker_path(),
            cause: "the ledger is being made again".to_owned(),
        }
    }

    /// Where a commit lies, and its bytes: the same for the same commit.
    pub fn commit_record(&self, sequence: u64, commit: &Commit) -> (String, Vec<u8>) {
        (
            self.commit_path(sequence),
            compress(&json(&Numbered { sequence, commit })),
        )
    }

    /// Records as they lie in a folder (`commits/`, `intents/`, …), whatever is in them.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn records(&self, folder: &str) -> Result<Vec<ObjectMeta>, StoreError> {
        let prefix = format!("{}{folder}", self.base);
        let pages: Vec<_> = self.store.list(&prefix, None).try_collect().await?;
        Ok(pages.into_iter().flatten().collect())
    }

    /// The record that says that the commits are being made anew.
    pub fn marker_path(&self) -> String {
        format!("{}commits/rebuild.json", self.base)
    }
}

/// A commit as it is written: with its number, so that a copy under another name is found out.
#[derive(Serialize)]
struct Numbered<'a> {
    sequence: u64,
    #[serde(flatten)]
    commit: &'a Commit,
}

fn commit_file(sequence: u64, object: ObjectMeta) -> CommitFile {
    CommitFile {
        sequence,
        path: object.key,
        bytes: object.size,
        written: object.modified,
    }
}

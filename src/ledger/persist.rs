//! The ledger in a store: `_s3logs/intents/<batch>.json` and `_s3logs/commits/<sequence>.json.zst`.

use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{StreamExt, TryStreamExt};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::{Body, ErrorKind, Precondition, Store, StoreError};

use super::{Commit, FORMAT_VERSION, IllegalMove, Intent, Ledger};

/// Ends the names of records that are compressed.
const COMPRESSED: &str = ".zst";

/// Records fetched at the same time when the ledger is read.
const FETCHES: usize = 16;

/// Largest record read, inflated: a commit of 50,000 objects with long keys is about 30 MiB.
const MAX_RECORD: u64 = 512 << 20;

/// Why the ledger cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// A record is damaged or out of order.
    #[error("the ledger record {path} cannot be read: {cause}")]
    Unreadable {
        /// The record.
        path: String,
        /// What is wrong with it.
        cause: String,
    },
    /// A record was written by a newer version of the program.
    #[error(
        "the ledger record {path} has format version {found}; this program knows {FORMAT_VERSION}"
    )]
    Newer {
        /// The record.
        path: String,
        /// Its version.
        found: u32,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The ledger as found, and what was left open.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The states as of the newest commit.
    pub ledger: Ledger,
    /// Intents that were not removed: work that broke off.
    pub intents: Vec<Intent>,
}

impl Loaded {
    /// Whether there is no commit and no intent.
    pub fn is_empty(&self) -> bool {
        self.ledger.head() == 0 && self.intents.is_empty()
    }
}

/// Reads and writes the records of one destination.
#[derive(Clone, Debug)]
pub struct Journal {
    store: Arc<dyn Store>,
    base: String,
}

impl Journal {
    /// The journal under `base`, the destination's prefix (empty, or ending in `/`).
    pub fn new(store: Arc<dyn Store>, base: &str) -> Self {
        Self {
            store,
            base: format!("{base}_s3logs/"),
        }
    }

    /// Reads all commits and open intents.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn load(&self) -> Result<Loaded, LedgerError> {
        let mut ledger = Ledger::default();
        self.catch_up(&mut ledger).await?;
        let mut intents = Vec::new();
        for path in self.names("intents/").await? {
            match self.read::<Intent>(&path).await {
                Ok(intent) => intents.push(intent),
                // Another run finished it in this moment.
                Err(LedgerError::Store(error)) if error.kind == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Loaded { ledger, intents })
    }

    /// Whether there is any commit or open intent.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn is_begun(&self) -> Result<bool, StoreError> {
        for folder in ["commits/", "intents/"] {
            if !self.names(folder).await?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes in the commits that came after the ledger's newest.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn catch_up(&self, ledger: &mut Ledger) -> Result<(), LedgerError> {
        let mut newer = Vec::new();
        for path in self.names("commits/").await? {
            let number = path
                .rsplit('/')
                .next()
                .and_then(|name| name.split('.').next()?.parse::<u64>().ok());
            match number {
                Some(number) if number > ledger.head() => newer.push((number, path)),
                Some(_) => {}
                None => {
                    let cause = "its name is no sequence number".to_owned();
                    return Err(LedgerError::Unreadable { path, cause });
                }
            }
        }
        newer.sort_unstable();
        let mut commits = futures::stream::iter(newer)
            .map(|(number, path)| async move {
                let commit = self.read::<Commit>(&path).await?;
                Ok::<_, LedgerError>((number, path, commit))
            })
            .buffered(FETCHES);
        while let Some((number, path, commit)) = commits.try_next().await? {
            ledger
                .apply(number, &commit)
                .map_err(|IllegalMove(cause)| LedgerError::Unreadable { path, cause })?;
        }
        Ok(())
    }

    /// Writes an intent down; doing it again replaces it.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn put_intent(&self, intent: &Intent) -> Result<(), StoreError> {
        let body = Body::Bytes(json(intent).into());
        self.store
            .put(&self.intent_path(&intent.batch), body, Precondition::Always)
            .await?;
        Ok(())
    }

    /// Removes an intent whose batch is settled.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn remove_intent(&self, batch: &str) -> Result<(), StoreError> {
        self.store.delete(&[self.intent_path(batch)]).await
    }

    /// Commits: the one point at which outputs begin to count.
    ///
    /// # Errors
    /// [`ErrorKind::Exists`] if another writer has taken this number; otherwise what the store
    /// reports.
    pub async fn put_commit(&self, sequence: u64, commit: &Commit) -> Result<(), StoreError> {
        let bytes = compress(&json(commit));
        let path = format!("{}commits/{sequence:020}.json{COMPRESSED}", self.base);
        let put = self
            .store
            .put(&path, Body::Bytes(bytes.clone()), Precondition::Absent)
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

    fn intent_path(&self, batch: &str) -> String {
        format!("{}intents/{batch}.json", self.base)
    }

    async fn names(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let prefix = format!("{}{folder}", self.base);
        let pages: Vec<_> = self.store.list(&prefix, None).try_collect().await?;
        Ok(pages.into_iter().flatten().map(|meta| meta.key).collect())
    }

    async fn read<T: DeserializeOwned>(&self, path: &str) -> Result<T, LedgerError> {
        let bytes = self.store.get(path, None, None).await?;
        let unreadable = |cause: String| LedgerError::Unreadable {
            path: path.to_owned(),
            cause,
        };
        let text = if path.ends_with(COMPRESSED) {
            decompress(&bytes)
                .map_err(|error| unreadable(error.to_string()))?
                .into()
        } else {
            bytes
        };
        let version: Version =
            serde_json::from_slice(&text).map_err(|error| unreadable(error.to_string()))?;
        if version.version > FORMAT_VERSION {
            return Err(LedgerError::Newer {
                path: path.to_owned(),
                found: version.version,
            });
        }
        serde_json::from_slice(&text).map_err(|error| unreadable(error.to_string()))
    }
}

#[derive(serde::Deserialize)]
struct Version {
    version: u32,
}

fn json<T: Serialize>(record: &T) -> Vec<u8> {
    serde_json::to_vec(record).expect("records hold strings, numbers and lists of them")
}

fn compress(bytes: &[u8]) -> Bytes {
    zstd::encode_all(bytes, 3)
        .expect("compressing from memory to memory")
        .into()
}

fn decompress(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut out = Vec::new();
    zstd::Decoder::new(bytes)?
        .take(MAX_RECORD)
        .read_to_end(&mut out)?;
    Ok(out)
}

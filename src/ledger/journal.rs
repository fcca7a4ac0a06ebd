//! The ledger in a store, under `_s3logs/`:
//!
//! - `intents/<batch>-<hash>.json`: work under way;
//! - `commits/<sequence>.json.zst`: what counts;
//! - `checkpoints/<sequence>.json.zst` and `segments/<bucket>-<sequence>.zst`: commits, folded;
//! - `commits/rebuild.json`: the commits are being made anew and must not be used. Every reader of
//!   the ledger lists its folder.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use futures::stream::{self, StreamExt, TryStreamExt};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::{ErrorKind, Store, StoreError};

use super::checkpoint::{Checkpoint, Folding, SegmentRef};
use super::compression::decompress;
use super::object_id::ID_RULES;
use super::segment::{Damage, Segment};
use super::{Bucket, Census, Commit, FORMAT_VERSION, IllegalMove, Intent, Ledger};

/// Ends the names of records that are compressed.
const COMPRESSED: &str = ".zst";

/// Records fetched at the same time, and how many bytes of them at most (or a single one): inflated
/// and decoded they take some ten times as much.
const FETCHES: usize = 32;
const FETCH_BYTES: u64 = 2 << 20;

/// How often what another run may have replaced in this moment is looked for again.
const LOOKS: usize = 5;

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
    /// The commits are being made anew.
    #[error("the ledger is being made anew, which has not ended: {path} is still there")]
    Unfinished {
        /// The record that says so.
        path: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The ledger as found, and what was left open.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The states as of the newest commit; no bucket is held yet.
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

/// A commit record in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitFile {
    /// Its number.
    pub sequence: u64,
    /// Where it is.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// When the store says it was written, microseconds UTC.
    pub written: i64,
}

/// Reads and writes the records of one destination.
#[derive(Clone, Debug)]
pub struct Journal {
    pub(super) store: Arc<dyn Store>,
    pub(super) base: String,
    pub(super) folding: Folding,
    pub(super) rebuilding: bool,
}

impl Journal {
    /// The journal under `base`, the destination's prefix (empty, or ending in `/`).
    pub fn new(store: Arc<dyn Store>, base: &str) -> Self {
        Self {
            store,
            base: format!("{base}_s3logs/"),
            folding: Folding::default(),
            rebuilding: false,
        }
    }

    /// The same for the one who makes the commits anew.
    #[must_use]
    pub fn rebuilding(self) -> Self {
        Self {
            rebuilding: true,
            ..self
        }
    }

    /// The same, folding at other times.
    #[must_use]
    pub fn folding(self, folding: Folding) -> Self {
        Self { folding, ..self }
    }

    /// Reads the newest checkpoint, the commits after it, and the open intents.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn load(&self) -> Result<Loaded, LedgerError> {
        let ledger = self.load_ledger().await?;
        let intents = self.intents().await?;
        Ok(Loaded { ledger, intents })
    }

    /// Reads all commits: no checkpoint is trusted.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn census(&self) -> Result<Census, LedgerError> {
        let mut census = Census::default();
        self.history(0, |sequence, commit| {
            census.apply(sequence, &commit)?;
            Ok(ControlFlow::Continue(()))
        })
        .await?;
        Ok(census)
    }

    async fn load_ledger(&self) -> Result<Ledger, LedgerError> {
        let mut ledger = Ledger::default();
        for _ in 0..LOOKS {
            let Some((_, path)) = self.checkpoints().await?.pop() else {
                break;
            };
            match self.read::<Checkpoint>(&path).await {
                // Made by other rules: what is folded lies in other buckets.
                Ok(checkpoint) if checkpoint.id_rules != ID_RULES => break,
                Ok(checkpoint) => {
                    ledger = Ledger::at(checkpoint);
                    break;
                }
                // Another run has made a newer one and removed this.
                Err(LedgerError::Store(error)) if error.kind == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        self.catch_up(&mut ledger).await?;
        Ok(ledger)
    }

    /// Whether there is any commit or open intent.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn is_begun(&self) -> Result<bool, StoreError> {
        for folder in ["commits/", "intents/"] {
            let prefix = format!("{}{folder}", self.base);
            let mut pages = self.store.list(&prefix, None);
            while let Some(page) = pages.try_next().await? {
                if !page.is_empty() {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Takes in the commits that came after the ledger's newest.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn catch_up(&self, ledger: &mut Ledger) -> Result<(), LedgerError> {
        let head = ledger.head();
        self.history(head, |sequence, commit| {
            ledger.apply(sequence, &commit)?;
            Ok(ControlFlow::Continue(()))
        })
        .await
    }

    /// Reads the commits after a number, in their order, until told to stop.
    ///
    /// # Errors
    /// [`LedgerError`]; what `take` returns is that the record is unreadable.
    pub async fn history(
        &self,
        after: u64,
        mut take: impl FnMut(u64, Commit) -> Result<ControlFlow<()>, IllegalMove>,
    ) -> Result<(), LedgerError> {
        let files = self.commit_files(after).await?;
        let mut rest = files.as_slice();
        while !rest.is_empty() {
            let mut bytes = 0;
            let within = rest.iter().take(FETCHES).take_while(|file| {
                bytes += file.bytes;
                bytes <= FETCH_BYTES
            });
            let (next, others) = rest.split_at(within.count().max(1));
            rest = others;
            let mut commits = stream::iter(next)
                .map(|file| async move { Ok((file, self.read::<Commit>(&file.path).await?)) })
                .buffered(FETCHES);
            while let Some((file, commit)) = commits.try_next().await.map_err(gone)? {
                let taken = take(file.sequence, commit)
                    .map_err(|IllegalMove(cause)| unreadable(&file.path, cause))?;
                if taken.is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Reads one commit.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn read_commit(&self, sequence: u64) -> Result<Commit, LedgerError> {
        self.read(&self.commit_path(sequence)).await.map_err(gone)
    }

    /// Reads the segments of these buckets, so that the ledger can be asked about their objects.
    /// May let go of others.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn hold(
        &self,
        ledger: &mut Ledger,
        buckets: impl IntoIterator<Item = Bucket>,
    ) -> Result<(), LedgerError> {
        let buckets: BTreeSet<Bucket> = buckets.into_iter().collect();
        for look in 1.. {
            let missing = ledger.missing(&buckets);
            if missing.is_empty() {
                break;
            }
            ledger.make_room(&buckets);
            let mut read = stream::iter(ledger.missing(&buckets))
                .map(|(bucket, place)| async move {
                    Ok::<_, LedgerError>((bucket, self.read_segment(bucket, place).await?))
                })
                .buffered(FETCHES);
            loop {
                match read.try_next().await {
                    Ok(Some((bucket, segment))) => ledger.put(bucket, segment),
                    Ok(None) => break,
                    // Two newer checkpoints may have been made since the ledger was read.
                    Err(LedgerError::Store(error))
                        if error.kind == ErrorKind::NotFound && look < LOOKS =>
                    {
                        *ledger = self.load_ledger().await?;
                        break;
                    }
                    Err(error) => return Err(gone(error)),
                }
            }
        }
        Ok(())
    }

    async fn read_segment(
        &self,
        bucket: Bucket,
        place: SegmentRef,
    ) -> Result<Segment, LedgerError> {
        let path = self.segment_path(bucket, place.sequence);
        let bytes = self.store.get(&path, None, None).await?;
        Segment::decode(&bytes, bucket, place.sequence).map_err(|damage| match damage {
            Damage::Newer(found) => LedgerError::Newer {
                path: path.clone(),
                found,
            },
            Damage::Broken(cause) => unreadable(&path, cause),
        })
    }

    pub(super) fn commit_path(&self, sequence: u64) -> String {
        format!("{}commits/{sequence:020}.json{COMPRESSED}", self.base)
    }

    pub(super) async fn names(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let records = self.records(folder).await?.into_iter();
        Ok(records.map(|meta| meta.key).collect())
    }

    pub(super) async fn read<T: DeserializeOwned>(&self, path: &str) -> Result<T, LedgerError> {
        let bytes = self.store.get(path, None, None).await?;
        let text = if path.ends_with(COMPRESSED) {
            decompress(&bytes)
                .map_err(|error| unreadable(path, error.to_string()))?
                .into()
        } else {
            bytes
        };
        let head: Head =
            serde_json::from_slice(&text).map_err(|error| unreadable(path, error.to_string()))?;
        if head.version > FORMAT_VERSION {
            return Err(LedgerError::Newer {
                path: path.to_owned(),
                found: head.version,
            });
        }
        if let Some(sequence) = head.sequence.and_then(|it| it.as_u64())
            && sequence_of(path)? != sequence
        {
            let cause = format!("it is number {sequence} under another name");
            return Err(unreadable(path, cause));
        }
        serde_json::from_slice(&text).map_err(|error| unreadable(path, error.to_string()))
    }
}

#[derive(serde::Deserialize)]
struct Head {
    version: u32,
    /// Looked at after the version: newer records may have anything there.
    sequence: Option<serde_json::Value>,
}

pub(super) fn sequence_of(path: &str) -> Result<u64, LedgerError> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let number = name.split('.').next().and_then(|name| name.parse().ok());
    number.ok_or_else(|| unreadable(path, "its name is no sequence number".to_owned()))
}

pub(super) fn unreadable(path: &str, cause: String) -> LedgerError {
    LedgerError::Unreadable {
        path: path.to_owned(),
        cause,
    }
}

/// A record that others refer to has to be there.
fn gone(error: LedgerError) -> LedgerError {
    match error {
        LedgerError::Store(error) if error.kind == ErrorKind::NotFound => {
            unreadable(&error.place, "it is missing".to_owned())
        }
        other => other,
    }
}

pub(super) fn json<T: Serialize>(record: &T) -> Vec<u8> {
    serde_json::to_vec(record).expect("records hold strings, numbers and lists of them")
}

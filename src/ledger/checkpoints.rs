//! Checkpoints in a store: made when enough commits have come, removed when newer ones are there.
//!
//! Segments are written first, under names of their own, then the checkpoint that names them. The
//! newest two checkpoints and their segments stay, so that a run that has just read one still finds
//! its segments.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use crate::store::{Body, ErrorKind, Precondition, StoreError};

use super::checkpoint::Checkpoint;
use super::compression::compress;
use super::journal::{Journal, LedgerError, json, sequence_of, unreadable};
use super::{Bucket, Census, FORMAT_VERSION, Ledger};

/// Checkpoints that stay.
const KEPT: usize = 2;

impl Journal {
    /// Makes a checkpoint if enough has happened since the last one.
    ///
    /// # Errors
    /// [`LedgerError`]. The ledger is as good as before then; nothing of the dataset depends on it.
    pub async fn fold(&self, ledger: &mut Ledger) -> Result<(), LedgerError> {
        if !ledger.is_due(self.folding) {
            return Ok(());
        }
        // A checkpoint as of an older commit than others have made by now would be of no use.
        self.catch_up(ledger).await?;
        let newest = self.checkpoints().await?.pop();
        if newest.is_some_and(|(sequence, _)| sequence > ledger.folded()) {
            *ledger = self.load().await?.ledger;
            if !ledger.is_due(self.folding) {
                return Ok(());
            }
        }
        self.checkpoint(ledger).await?;
        self.prune().await
    }

    async fn checkpoint(&self, ledger: &mut Ledger) -> Result<(), LedgerError> {
        let sequence = ledger.head();
        let mut segments = BTreeMap::new();
        for bucket in ledger.touched() {
            self.hold(ledger, [bucket]).await?;
            if ledger.head() != sequence {
                // It was read again: others have made newer checkpoints.
                return Ok(());
            }
            let (record, place) = ledger.fold(bucket);
            let path = self.segment_path(bucket, sequence);
            let body = Body::Bytes(record.into());
            self.store.put(&path, body, Precondition::Always).await?;
            segments.insert(bucket, place);
        }
        let checkpoint = json(&ledger.checkpoint(&segments));
        let body = Body::Bytes(compress(&checkpoint).into());
        let path = self.checkpoint_path(sequence);
        self.store.put(&path, body, Precondition::Always).await?;
        ledger.adopt(segments);
        Ok(())
    }

    /// Reads everything that is folded and compares it with all commits.
    ///
    /// Memory: 16 bytes per object of those segments that are held at a time.
    ///
    /// # Errors
    /// [`LedgerError`]: it cannot be read, or says something else.
    pub async fn check_folded(&self, census: &Census) -> Result<(), LedgerError> {
        let mut ledger = self.load().await?.ledger;
        let mut folded: BTreeMap<Bucket, u64> = BTreeMap::new();
        for bucket in ledger.buckets() {
            self.hold(&mut ledger, [bucket]).await?;
            let settled = ledger.settled(bucket);
            let known = settled.filter(|id| census.recorded(*id).is_some());
            match known.count() as u64 {
                0 => {}
                known => drop(folded.insert(bucket, known)),
            }
        }
        let differs = ledger.head() == census.head() && folded != census.buckets();
        if differs && ledger.folded() > 0 {
            return Err(LedgerError::Unreadable {
                path: self.checkpoint_path(ledger.folded()),
                cause: "it has other objects than the commits".to_owned(),
            });
        }
        Ok(())
    }

    /// The checkpoints, oldest first.
    pub(super) async fn checkpoints(&self) -> Result<Vec<(u64, String)>, LedgerError> {
        let mut found = Vec::new();
        for path in self.names("checkpoints/").await? {
            found.push((sequence_of(&path)?, path));
        }
        found.sort_unstable();
        Ok(found)
    }

    fn checkpoint_path(&self, sequence: u64) -> String {
        format!("{}checkpoints/{sequence:020}.json.zst", self.base)
    }

    pub(super) fn segment_path(&self, bucket: Bucket, sequence: u64) -> String {
        format!("{}segments/{bucket}-{sequence:020}.zst", self.base)
    }

    /// Removes what only older checkpoints name.
    ///
    /// Segments as new as the second newest checkpoint stay even if nothing names them: another run
    /// may be about to.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn prune(&self) -> Result<(), LedgerError> {
        let mut old = self.checkpoints().await?;
        let kept = old.split_off(old.len().saturating_sub(KEPT));
        let Some((oldest, _)) = kept.first().filter(|_| !old.is_empty()) else {
            return Ok(());
        };
        let mut named = BTreeSet::new();
        for (_, path) in &kept {
            let checkpoint = match self.read::<Checkpoint>(path).await {
                Ok(checkpoint) => checkpoint,
                // Others are further on and clean up.
                Err(LedgerError::Store(error)) if error.kind == ErrorKind::NotFound => {
                    return Ok(());
                }
                Err(error) => return Err(error),
            };
            let segments = checkpoint.segments.iter();
            named
                .extend(segments.map(|(bucket, place)| self.segment_path(*bucket, place.sequence)));
        }
        let mut astray = self.names("segments/").await?;
        let is_older = |path: &str| segment_sequence(path).is_some_and(|made| made < *oldest);
        astray.retain(|path| !named.contains(path) && is_older(path));
        let old: Vec<String> = old.into_iter().map(|(_, path)| path).collect();
        for gone in [astray, old] {
            if !gone.is_empty() {
                self.store.delete(&gone).await?;
            }
        }
        Ok(())
    }

    /// Takes all commits in, whatever checkpoints there are.
    ///
    /// # Errors
    /// [`LedgerError`], where the commits cannot be read, or where there is a checkpoint of later
    /// ones.
    pub async fn replay(&self) -> Result<Ledger, LedgerError> {
        let mut ledger = Ledger::default();
        self.catch_up(&mut ledger).await?;
        let checkpoints = self.names("checkpoints/").await?;
        let newest = checkpoints.iter().filter_map(|path| sequence_of(path).ok());
        match newest.max() {
            Some(newest) if newest > ledger.head() => Err(unreadable(
                &self.commit_path(newest),
                "it is missing".to_owned(),
            )),
            _ => Ok(ledger),
        }
    }

    /// Makes the checkpoints anew from the commits. Returns the ledger as of the newest commit.
    ///
    /// # Errors
    /// [`LedgerError`]; those of [`replay`](Self::replay) before anything is removed.
    pub async fn rebuild(&self) -> Result<Ledger, LedgerError> {
        let commits = self.replay().await?.head();
        for folder in ["checkpoints/", "segments/"] {
            let names = self.names(folder).await?;
            if !names.is_empty() {
                self.store.delete(&names).await?;
            }
        }
        let mut ledger = Ledger::default();
        while ledger.head() < commits {
            let head = ledger.head();
            let mut due = false;
            self.history(head, |sequence, commit| {
                ledger.apply(sequence, &commit)?;
                due = ledger.is_due(self.folding);
                Ok(if due {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                })
            })
            .await?;
            if due {
                self.checkpoint(&mut ledger).await?;
                self.prune().await?;
            }
        }
        Ok(ledger)
    }

    /// How far the making of new commits has come; `None` if none is under way.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn stage(&self) -> Result<Option<Stage>, LedgerError> {
        match self.read::<Marker>(&self.marker_path()).await {
            Ok(marker) => Ok(Some(marker.stage)),
            Err(LedgerError::Store(error)) if error.kind == ErrorKind::NotFound => Ok(None),
            // Whoever wrote it, the old records may still be there.
            Err(LedgerError::Unreadable { .. }) => Ok(Some(Stage::Old)),
            Err(error) => Err(error),
        }
    }

    /// Says that new commits are being made, and how far that has come; `None` that it has ended.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn put_stage(&self, stage: Option<Stage>) -> Result<(), StoreError> {
        let path = self.marker_path();
        let Some(stage) = stage else {
            return self.store.delete(&[path]).await;
        };
        let marker = Marker {
            version: FORMAT_VERSION,
            stage,
        };
        let body = Body::Bytes(json(&marker).into());
        self.store.put(&path, body, Precondition::Always).await?;
        Ok(())
    }
}

/// How far the making of new commits has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Old records are still there.
    Old,
    /// What is there is new.
    New,
}

#[derive(Debug, Serialize, Deserialize)]
struct Marker {
    version: u32,
    stage: Stage,
}

/// The number in a segment's name; none for what is no segment of ours.
fn segment_sequence(path: &str) -> Option<u64> {
    let name = path.rsplit('/').next()?.strip_suffix(".zst")?;
    name.rsplit('-').next()?.parse().ok()
}

//! Checkpoints in a store: made when enough commits have come, removed when newer ones are there.
//!
//! Segments are written first, under names of their own, then the checkpoint that names them. The
//! newest two checkpoints and their segments stay, so that a run that has just read one still finds
//! its segments.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use crate::store::{Body, ErrorKind, Precondition};

use super::checkpoint::Checkpoint;
use super::compression::compress;
use super::journal::{Journal, LedgerError, json, sequence_of};
use super::{Bucket, Ledger};

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
        let touched = ledger.touched();
        self.hold(ledger, touched).await?;
        let folded = ledger.fold();
        let sequence = folded.checkpoint.sequence;
        for (bucket, segment) in &folded.segments {
            let body = Body::Bytes(segment.encode(*bucket, sequence).into());
            let path = self.segment_path(*bucket, sequence);
            self.store.put(&path, body, Precondition::Always).await?;
        }
        let body = Body::Bytes(compress(&json(&folded.checkpoint)).into());
        let path = format!("{}checkpoints/{sequence:020}.json.zst", self.base);
        self.store.put(&path, body, Precondition::Always).await?;
        ledger.adopt(folded);
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

    /// Makes the checkpoints anew from the commits. Returns the ledger as of the newest commit.
    ///
    /// # Errors
    /// [`LedgerError`], where the commits cannot be read.
    pub async fn rebuild(&self) -> Result<Ledger, LedgerError> {
        // All of it is read once before anything is removed.
        let mut commits = 0;
        self.history(0, |sequence, _| {
            commits = sequence;
            Ok(ControlFlow::Continue(()))
        })
        .await?;
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
}

/// The number in a segment's name; none for what is no segment of ours.
fn segment_sequence(path: &str) -> Option<u64> {
    let name = path.rsplit('/').next()?.strip_suffix(".zst")?;
    name.rsplit('-').next()?.parse().ok()
}

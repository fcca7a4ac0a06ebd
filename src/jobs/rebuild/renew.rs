//! Old records out, new ones in.

use bytes::Bytes;

use crate::ledger::{Journal, Stage};
use crate::store::{Body, ErrorKind, ObjectMeta, Precondition, Staging};

use super::super::JobError;
use super::super::quarantine::quarantine;
use super::super::source::Destination;
use super::survey::Survey;
use super::{Moved, Rebuilt};

/// Folders of old records beside the commits.
const FOLDERS: [&str; 3] = ["intents/", "checkpoints/", "segments/"];

/// New commits on their way.
///
/// The order matters: the marker comes first and goes last, so that nobody takes what is there in
/// between for a ledger. Each step leaves alone what an earlier attempt has finished.
pub(super) struct Renewal<'a> {
    pub(super) destination: &'a Destination,
    pub(super) journal: Journal,
    pub(super) survey: Survey,
    /// Where files are copied by; none if nothing is to be written.
    pub(super) staging: Option<Staging>,
}

impl Renewal<'_> {
    /// Keeps every reader of the ledger off; or tells what there is, or would be, to do.
    pub(super) async fn begin(&self) -> Result<Option<Rebuilt>, JobError> {
        let stage = self.journal.stage().await?;
        if stage.is_none() && self.is_done().await? {
            let ledger = self.journal.replay().await?;
            return Ok(Some(Rebuilt {
                unchanged: true,
                ..Rebuilt::of(&ledger, true)
            }));
        }
        let old = stage != Some(Stage::New);
        if self.staging.is_none() {
            return Ok(Some(self.plan(self.put_all_away(old).await?)));
        }
        if old {
            self.journal.put_stage(Some(Stage::Old)).await?;
        }
        Ok(None)
    }

    /// Replaces the old records.
    pub(super) async fn finish(&self) -> Result<Rebuilt, JobError> {
        let old = self.journal.stage().await? != Some(Stage::New);
        let moved = self.put_all_away(old).await?;
        self.journal.put_stage(Some(Stage::New)).await?;
        self.put_commits().await?;
        let ledger = self.journal.rebuild().await?;
        self.journal.put_stage(None).await?;
        Ok(Rebuilt {
            moved,
            ..Rebuilt::of(&ledger, true)
        })
    }

    fn plan(&self, moved: Vec<Moved>) -> Rebuilt {
        let batches = &self.survey.batches;
        Rebuilt {
            from_files: true,
            commits: batches.len() as u64,
            objects: batches.iter().map(|batch| batch.objects).sum(),
            rows: batches.iter().map(|batch| batch.rows).sum(),
            files: batches.iter().map(|batch| batch.files).sum(),
            moved,
            ..Rebuilt::default()
        }
    }

    /// Moves what is astray, and all records that are not new.
    async fn put_all_away(&self, old: bool) -> Result<Vec<Moved>, JobError> {
        let mut moved = Vec::new();
        for (path, size) in &self.survey.astray {
            moved.push(self.put_away(path, *size).await?);
        }
        for folder in FOLDERS {
            // Once all is new, checkpoints are ours.
            if old || folder == "intents/" {
                for record in self.journal.records(folder).await? {
                    moved.push(self.put_record_away(&record).await?);
                }
            }
        }
        self.put_old_commits_away(&mut moved).await?;
        Ok(moved)
    }

    /// Whether all is as it would be in the end.
    async fn is_done(&self) -> Result<bool, JobError> {
        let commits = self.journal.records("commits/").await?;
        let intents = self.journal.records("intents/").await?;
        let clean = self.survey.astray.is_empty() && intents.is_empty();
        if !clean || commits.len() != self.survey.batches.len() {
            return Ok(false);
        }
        for (sequence, record) in (1..).zip(&commits) {
            if !self.is_new(sequence, &record.key).await? {
                return Ok(false);
            }
        }
        let Ok(mut loaded) = self.journal.load().await else {
            return Ok(false);
        };
        let ledger = &mut loaded.ledger;
        let buckets: Vec<_> = ledger.tally().days.keys().copied().collect();
        Ok(self.journal.hold(ledger, buckets).await.is_ok())
    }

    /// Whether what lies at a path is the new commit of this number.
    async fn is_new(&self, sequence: u64, path: &str) -> Result<bool, JobError> {
        let index = usize::try_from(sequence)
            .ok()
            .and_then(|n| n.checked_sub(1));
        let Some(batch) = index.and_then(|index| self.survey.batches.get(index)) else {
            return Ok(false);
        };
        let commit = batch.commit(self.destination).await?;
        let (new, bytes) = self.journal.commit_record(sequence, &commit);
        Ok(new == path && self.get(path).await?.as_deref() == Some(bytes.as_slice()))
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, JobError> {
        match self.destination.store.get(key, None, None).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn put_old_commits_away(&self, moved: &mut Vec<Moved>) -> Result<(), JobError> {
        let marker = self.journal.marker_path();
        for record in self.journal.records("commits/").await? {
            let name = record.key.rsplit('/').next().unwrap_or_default();
            let number = name.split('.').next().and_then(|name| name.parse().ok());
            let kept = match number {
                Some(sequence) => self.is_new(sequence, &record.key).await?,
                None => record.key == marker,
            };
            if !kept {
                moved.push(self.put_record_away(&record).await?);
            }
        }
        Ok(())
    }

    async fn put_commits(&self) -> Result<(), JobError> {
        for (sequence, batch) in (1..).zip(&self.survey.batches) {
            let commit = batch.commit(self.destination).await?;
            let (path, bytes) = self.journal.commit_record(sequence, &commit);
            if self.get(&path).await?.as_deref() != Some(bytes.as_slice()) {
                let body = Body::Bytes(bytes.into());
                let store = &self.destination.store;
                store.put(&path, body, Precondition::Absent).await?;
            }
        }
        Ok(())
    }

    async fn put_record_away(&self, record: &ObjectMeta) -> Result<Moved, JobError> {
        let path = self.destination.path(&record.key);
        self.put_away(path, record.size).await
    }

    async fn put_away(&self, path: &str, size: u64) -> Result<Moved, JobError> {
        let to = match &self.staging {
            Some(staging) => Some(quarantine(self.destination, staging, path, size).await?),
            None => None,
        };
        let path = path.to_owned();
        Ok(Moved { path, to })
    }
}

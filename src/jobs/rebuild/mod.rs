//! A ledger made again: its checkpoints from its commits, or its commits from the Parquet files.

mod renew;
mod survey;

use std::sync::Arc;

use serde::Serialize;

use crate::ledger::{Folding, Journal, Ledger, LedgerError};
use crate::pipeline::Cancel;

use super::JobError;
use super::claim::Claim;
use super::place::staging;
use super::source::Destination;

use renew::Renewal;
use survey::survey;

/// Settings of a rebuild.
#[derive(Clone, Debug)]
pub struct RebuildOptions {
    /// Who asks for the dataset.
    pub claim: Claim,
    /// When commits are folded into a checkpoint.
    pub folding: Folding,
    /// Only tell what would be done.
    pub dry_run: bool,
}

/// What was made again, and what was moved out of the way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rebuilt {
    /// Whether the commits were made from the Parquet files.
    pub from_files: bool,
    /// Commits of the ledger.
    pub commits: u64,
    /// Objects in them that are done.
    pub objects: u64,
    /// Rows in their files.
    pub rows: u64,
    /// Their Parquet files.
    pub files: u64,
    /// Whether the ledger was already as the files say, so that nothing was written.
    pub unchanged: bool,
    /// Files of no complete batch, and ledger records that were not used again.
    #[serde(skip)]
    pub moved: Vec<Moved>,
}

/// Something that is in quarantine now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// Where it was.
    pub path: String,
    /// Where it is; none if it is only told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// Makes the checkpoints of a dataset again from its commits. A dry run only reads them.
///
/// # Errors
/// [`JobError::Held`] if another run is at work; [`JobError::Ledger`] if the commits cannot be read,
/// or if there are files and no commit. Nothing has been changed then.
pub async fn from_commits(
    destination: &Destination,
    options: &RebuildOptions,
    cancel: &Cancel,
) -> Result<Rebuilt, JobError> {
    let journal = journal(destination).folding(options.folding);
    let begun = journal.is_begun().await? || !journal.records("checkpoints/").await?.is_empty();
    let files = destination.table_files().await?;
    if !begun && files.is_empty() {
        return Err(JobError::NoDataset {
            place: destination.shown.clone(),
        });
    }
    let work = async {
        let ledger = journal.replay().await?;
        if let (0, Some(file)) = (ledger.head(), files.first()) {
            return Err(JobError::Ledger(LedgerError::Unreadable {
                path: destination.key("_s3logs/commits/"),
                cause: format!("there is no commit, but {file}"),
            }));
        }
        if options.dry_run {
            return Ok(ledger);
        }
        Ok(journal.rebuild().await?)
    };
    let ledger = if options.dry_run {
        work.await?
    } else {
        options.claim.alone(destination, cancel, work).await?
    };
    Ok(Rebuilt::of(&ledger, false))
}

/// Makes the commits of a dataset again from what its Parquet files say, then its checkpoints.
///
/// A batch whose Parquet files are all there with their sizes counts. Where two of them have an
/// object in common, the one with more objects counts, of equal ones the one whose name comes first.
/// All other Parquet files and files of rejected lines in the places of our tables, and the old
/// records, are moved to `_s3logs/quarantine/`. What they hold is new to the next run.
///
/// While the old records are not yet replaced, every reader of the ledger refuses it. A run that
/// broke off is finished by another one, which ends the same.
///
/// Memory: about 150 bytes per file, 40 per object, and one commit.
///
/// # Errors
/// As [`from_commits`]; [`JobError::Misuse`] if no file says what it was made from.
pub async fn from_files(
    destination: &Destination,
    options: &RebuildOptions,
    cancel: &Cancel,
) -> Result<Rebuilt, JobError> {
    if destination.table_files().await?.is_empty() && !journal(destination).is_begun().await? {
        return Err(JobError::NoDataset {
            place: destination.shown.clone(),
        });
    }
    let work = async {
        let mut renewal = Renewal {
            destination,
            journal: journal(destination).folding(options.folding).rebuilding(),
            survey: survey(destination).await?,
            staging: if options.dry_run {
                None
            } else {
                Some(staging(destination)?)
            },
        };
        if let Some(known) = renewal.begin().await? {
            return Ok(known);
        }
        // A run may have committed before it could know; from now on none can.
        renewal.survey = survey(destination).await?;
        renewal.finish().await
    };
    if options.dry_run {
        return work.await;
    }
    options.claim.alone(destination, cancel, work).await
}

fn journal(destination: &Destination) -> Journal {
    Journal::new(Arc::clone(&destination.store), &destination.base)
}

impl Rebuilt {
    fn of(ledger: &Ledger, from_files: bool) -> Self {
        let tables = || ledger.tally().tables.values();
        let days = || tables().flat_map(|table| table.days.values());
        Self {
            from_files,
            commits: ledger.head(),
            objects: tables().map(|table| table.objects).sum(),
            rows: days().map(|files| files.rows).sum(),
            files: days().map(|files| files.files).sum(),
            ..Self::default()
        }
    }
}

//! What the ledger of a dataset tells.

mod story;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ledger::{
    Bucket, CommitFile, Entry, Files, Held, Journal, KeyState, Lateness, Lease, Ledger, Loaded,
    Table, Unsettled,
};
use crate::units::Day;

use super::JobError;
use super::source::Destination;

pub use story::{Story, story};

/// Commits that are told one by one.
const LAST_COMMITS: u64 = 5;

/// A dataset as of its newest commit.
///
/// Memory: one entry per day and table, and one per object that failed or was skipped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Number of the newest commit; 0 if there is none.
    pub head: u64,
    /// Number of the newest commit that is folded into a checkpoint; 0 if there is none.
    pub folded: u64,
    /// Objects by state.
    pub states: BTreeMap<&'static str, u64>,
    /// Objects by the day that their keys carry.
    pub days: BTreeMap<Bucket, DayStates>,
    /// How late objects came.
    pub lateness: Lateness,
    /// What is in each table.
    pub tables: BTreeMap<String, TableStatus>,
    /// The last commits, newest first.
    pub commits: Vec<LastCommit>,
    /// Objects that could not be done, by name.
    pub failures: Vec<Unsettled>,
    /// Objects that are no logs, by name.
    pub skipped: Vec<Unsettled>,
    /// Batches that broke off; the next run finishes them.
    pub open: Vec<OpenIntent>,
    /// The runs at work.
    pub leases: Vec<Held>,
}

/// Objects of a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DayStates {
    /// Those that are done.
    pub committed: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that are no logs.
    pub skipped: u64,
}

/// One table of a dataset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableStatus {
    /// Objects whose rows are in it.
    pub objects: u64,
    /// Its rows.
    pub rows: u64,
    /// Lines left out because a row has the same line.
    pub duplicates: u64,
    /// Lines kept as rejects.
    pub rejects: u64,
    /// Objects of which only the lines before a damage are in it.
    pub partial: u64,
    /// Its Parquet files.
    pub files: u64,
    /// Their size.
    pub bytes: u64,
    /// Earliest day with rows.
    pub first_day: Option<Day>,
    /// Latest day with rows.
    pub last_day: Option<Day>,
}

/// A commit and what it brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastCommit {
    /// Its number.
    pub sequence: u64,
    /// When the store says it was written, microseconds UTC.
    pub written: i64,
    /// Its batch.
    pub batch: String,
    /// Objects that it settled.
    pub objects: u64,
    /// Rows in its files.
    pub rows: u64,
    /// Its files.
    pub files: u64,
    /// Their size.
    pub bytes: u64,
}

/// A batch that broke off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenIntent {
    /// The batch.
    pub batch: String,
    /// Objects in it.
    pub objects: u64,
}

/// Reads a dataset's ledger.
///
/// # Errors
/// [`JobError`]; [`JobError::NoDataset`] where there is no ledger.
pub async fn status(destination: &Destination) -> Result<Status, JobError> {
    let leases = Lease::holders(destination.store.as_ref(), &destination.base).await?;
    let journal = Journal::new(Arc::clone(&destination.store), &destination.base);
    let loaded = match load(destination, &journal).await {
        // A first run is at work.
        Err(JobError::NoDataset { .. }) if !leases.is_empty() => Loaded::default(),
        other => other?,
    };
    let Loaded {
        mut ledger,
        intents,
    } = loaded;
    let unsettled = ledger.unsettled_buckets();
    journal.hold(&mut ledger, unsettled).await?;
    let mut status = Status {
        head: ledger.head(),
        folded: ledger.folded(),
        lateness: ledger.tally().lateness.clone(),
        leases,
        commits: last_commits(&journal, ledger.head()).await?,
        ..Status::default()
    };
    status.add_objects(&ledger);
    let tables = ledger.tally().tables.iter();
    status.tables = tables
        .map(|(name, table)| (name.clone(), table_status(table)))
        .collect();
    status.open = intents
        .iter()
        .map(|intent| OpenIntent {
            batch: intent.batch.clone(),
            objects: intent.inputs.len() as u64,
        })
        .collect();
    Ok(status)
}

impl Status {
    fn add_objects(&mut self, ledger: &Ledger) {
        for (bucket, objects) in &ledger.tally().days {
            *self.states.entry("committed").or_default() += objects.objects;
            let day = self.days.entry(*bucket).or_default();
            day.committed += objects.objects;
            day.bytes += objects.bytes;
        }
        for (bucket, one) in ledger.unsettled() {
            let name = one.entry.state.name();
            *self.states.entry(name).or_default() += 1;
            let day = self.days.entry(bucket).or_default();
            if let KeyState::Skipped { .. } = one.entry.state {
                day.skipped += 1;
                self.skipped.push(one.clone());
            } else {
                day.failed += 1;
                self.failures.push(one.clone());
            }
        }
        for list in [&mut self.failures, &mut self.skipped] {
            list.sort_by(|a, b| a.name.cmp(&b.name));
        }
    }
}

fn table_status(table: &Table) -> TableStatus {
    let sum = |what: fn(&Files) -> u64| table.days.values().map(what).sum();
    TableStatus {
        objects: table.objects,
        rows: sum(|files| files.rows),
        duplicates: table.duplicates,
        rejects: table.rejects,
        partial: table.partial,
        files: sum(|files| files.files),
        bytes: sum(|files| files.bytes),
        first_day: table.days.keys().next().copied(),
        last_day: table.days.keys().next_back().copied(),
    }
}

async fn last_commits(journal: &Journal, head: u64) -> Result<Vec<LastCommit>, JobError> {
    let mut commits = Vec::new();
    let files = journal
        .commit_files(head.saturating_sub(LAST_COMMITS))
        .await?;
    for CommitFile {
        sequence, written, ..
    } in files.into_iter().rev()
    {
        let commit = journal.read_commit(sequence).await?;
        commits.push(LastCommit {
            sequence,
            written,
            batch: commit.batch,
            objects: commit.inputs.len() as u64,
            rows: commit.outputs.iter().map(|output| output.rows).sum(),
            files: commit.outputs.len() as u64,
            bytes: commit.outputs.iter().map(|output| output.bytes).sum(),
        });
    }
    Ok(commits)
}

async fn load(destination: &Destination, journal: &Journal) -> Result<Loaded, JobError> {
    if !journal.is_begun().await? {
        return Err(JobError::NoDataset {
            place: destination.shown.clone(),
        });
    }
    Ok(journal.load().await?)
}

/// What is known of an object that no commit names.
fn uncommitted(input: &crate::ledger::Input) -> Entry {
    Entry {
        etag: input.etag.clone(),
        size: input.size,
        state: input.state.clone(),
        commit: 0,
    }
}

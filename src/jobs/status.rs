//! What the ledger of a dataset tells.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ledger::{Entry, Held, Journal, KeyState, Lease, Loaded};
use crate::units::Day;

use super::JobError;
use super::source::Destination;

/// A dataset as of its newest commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Number of the newest commit; 0 if there is none.
    pub head: u64,
    /// Objects by state.
    pub states: BTreeMap<&'static str, u64>,
    /// What is in each table.
    pub tables: BTreeMap<String, TableStatus>,
    /// Objects that could not be done, by name.
    pub failures: Vec<Story>,
    /// Objects that are no logs, by name.
    pub skipped: Vec<Story>,
    /// Batches that broke off; the next run finishes them.
    pub open: Vec<OpenIntent>,
    /// The run at work, if any.
    pub lease: Option<Held>,
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

/// A batch that broke off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenIntent {
    /// The batch.
    pub batch: String,
    /// Objects in it.
    pub objects: u64,
}

/// One object and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// Its full name: `s3://bucket/key` or `file:///folder/key`.
    pub name: String,
    /// What the ledger has on it.
    pub entry: Entry,
}

/// Reads a dataset's ledger.
///
/// # Errors
/// [`JobError`]; [`JobError::NoDataset`] where there is no ledger.
pub async fn status(destination: &Destination) -> Result<Status, JobError> {
    let lease = Lease::holder(destination.store.as_ref(), &destination.base).await?;
    let Loaded { ledger, intents } = match load(destination).await {
        // A first run is at work.
        Err(JobError::NoDataset { .. }) if lease.is_some() => Loaded::default(),
        other => other?,
    };
    let mut status = Status {
        head: ledger.head(),
        lease,
        ..Status::default()
    };
    for (name, entry) in ledger.entries() {
        *status.states.entry(entry.state.name()).or_default() += 1;
        let story = || Story {
            name: name.to_owned(),
            entry: entry.clone(),
        };
        match &entry.state {
            KeyState::Committed(done) => {
                let table = status.tables.entry(done.table.clone()).or_default();
                table.objects += 1;
                table.duplicates += done.duplicates;
                table.rejects += done.rejects;
                table.partial += u64::from(done.partial);
            }
            KeyState::Failed { .. } => status.failures.push(story()),
            KeyState::Skipped { .. } => status.skipped.push(story()),
            _ => {}
        }
    }
    for output in ledger.outputs().values() {
        let table = status.tables.entry(output.table.clone()).or_default();
        table.rows += output.rows;
        table.files += 1;
        table.bytes += output.bytes;
        let day = Some(output.day);
        table.first_day = table.first_day.min(day).or(day);
        table.last_day = table.last_day.max(day);
    }
    let by_name = |a: &Story, b: &Story| a.name.cmp(&b.name);
    status.failures.sort_by(by_name);
    status.skipped.sort_by(by_name);
    status.open = intents
        .iter()
        .map(|intent| OpenIntent {
            batch: intent.batch.clone(),
            objects: intent.inputs.len() as u64,
        })
        .collect();
    Ok(status)
}

/// What is known of an object, by its full name, its key, or the end of its key after a `/`.
///
/// # Errors
/// [`JobError`]; an object that is not known gives an empty list.
pub async fn story(destination: &Destination, key: &str) -> Result<Vec<Story>, JobError> {
    let Loaded { ledger, intents } = load(destination).await?;
    let end = format!("/{key}");
    let mut found: Vec<Story> = ledger
        .entries()
        .filter(|(name, _)| *name == key || name.ends_with(&end))
        .map(|(name, entry)| Story {
            name: name.to_owned(),
            entry: entry.clone(),
        })
        .collect();
    for intent in &intents {
        for input in &intent.inputs {
            let name = crate::store::full_name(&intent.root, &input.key);
            let known = found.iter().any(|story| story.name == name);
            if !known && (name == key || name.ends_with(&end)) {
                found.push(Story {
                    name,
                    entry: Entry {
                        etag: input.etag.clone(),
                        size: input.size,
                        state: input.state.clone(),
                        commit: 0,
                    },
                });
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

async fn load(destination: &Destination) -> Result<Loaded, JobError> {
    let journal = Journal::new(Arc::clone(&destination.store), &destination.base);
    if !journal.is_begun().await? {
        return Err(JobError::NoDataset {
            place: destination.shown.clone(),
        });
    }
    Ok(journal.load().await?)
}

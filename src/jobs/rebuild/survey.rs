//! What the Parquet files say: which batches are complete, and which files belong to none.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use crate::formats;
use crate::ledger::{
    Commit, FORMAT_VERSION, FileRecord, LedgerError, Lines, NoProvenance, ObjectId, Output,
    Provenance, Rejects,
};
use crate::table::path::{data_file, lines_file, parse_data_file, rejects_file};

use super::super::JobError;
use super::super::content::footer_of;
use super::super::source::Destination;

/// Files that are looked at at the same time.
const FILES: usize = 16;

/// What there is.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// Batches that count, in the order of their commits.
    pub(super) batches: Vec<Batch>,
    /// Files in the places of our tables that belong to none of them, with their sizes.
    pub(super) astray: BTreeMap<String, u64>,
}

/// A complete batch.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub(super) name: String,
    /// The file that tells what the batch was made from, and where in it.
    pub(super) carrier: String,
    place: (u64, u64),
    bytes: u64,
    pub(super) objects: u64,
    pub(super) rows: u64,
    pub(super) files: u64,
    /// Root and first key: the order of commits.
    first: (String, String),
}

/// A batch as its last file tells it, complete or not.
struct Told {
    batch: Batch,
    files: Vec<(String, u64)>,
    rejects: Vec<String>,
    objects: Vec<ObjectId>,
}

/// Reads the ends of all files, and the records in them.
pub(super) async fn survey(destination: &Destination) -> Result<Survey, JobError> {
    let there = ours(destination).await?;
    let parquet = there.iter().filter(|(path, _)| is_data(path));
    let mut looked = stream::iter(parquet)
        .map(|(path, size)| async move {
            Ok::<_, JobError>((path, look(destination, path, *size).await?))
        })
        .buffered(FILES);
    let (mut told, mut sound) = (Vec::new(), BTreeSet::new());
    while let Some((path, found)) = looked.try_next().await? {
        let Some(found) = found else { continue };
        sound.insert(path.as_str());
        told.extend(found);
    }
    drop(looked);
    if told.is_empty() && there.keys().any(|path| is_data(path)) {
        return Err(JobError::Misuse {
            what: format!(
                "no Parquet file in {} says what it was made from",
                destination.shown
            ),
            hint: "only files of sync do; those of convert and of older versions do not".to_owned(),
        });
    }
    told.retain(|told| {
        let complete = |(path, bytes): &(String, u64)| {
            sound.contains(path.as_str()) && there.get(path) == Some(bytes)
        };
        told.files.iter().all(complete)
    });
    Ok(choose(told, there))
}

/// Keeps batches that have no object in common; the rest is astray.
fn choose(mut told: Vec<Told>, mut there: BTreeMap<String, u64>) -> Survey {
    let order = |told: &Told| {
        (
            std::cmp::Reverse(told.batch.objects),
            told.batch.name.clone(),
        )
    };
    told.sort_by_cached_key(|told| (order(told), told.batch.carrier.clone()));
    let (mut taken, mut batches) = (HashSet::new(), Vec::new());
    for one in told {
        if one.objects.iter().any(|id| taken.contains(id)) {
            continue;
        }
        taken.extend(one.objects);
        for path in one.files.iter().map(|(path, _)| path).chain(&one.rejects) {
            there.remove(path);
        }
        batches.push(one.batch);
    }
    batches.sort_by(|a, b| (&a.first, &a.name).cmp(&(&b.first, &b.name)));
    Survey {
        batches,
        astray: there,
    }
}

/// Parquet files and files of rejected lines in the places of our tables.
async fn ours(destination: &Destination) -> Result<BTreeMap<String, u64>, JobError> {
    let mut there = destination.contents().await?;
    let is_rejects = |path: &str| {
        let mut tables = formats::ALL.iter().map(|format| format.table);
        tables.any(|table| path.starts_with(&format!("_s3logs/{table}/rejects/")))
    };
    there.retain(|path, _| is_data(path) || is_rejects(path));
    Ok(there)
}

fn is_data(path: &str) -> bool {
    let mut tables = formats::ALL.iter().map(|format| format.table);
    path.ends_with(".parquet") && tables.any(|table| path.starts_with(&format!("{table}/dt=")))
}

/// What a file tells of its batch, if it does; `None` for a file that cannot be read.
async fn look(
    destination: &Destination,
    path: &str,
    size: u64,
) -> Result<Option<Option<Told>>, JobError> {
    let Ok(footer) = footer_of(destination, path, size).await? else {
        return Ok(None);
    };
    let Some(place) = footer.embedded else {
        return Ok(Some(None));
    };
    let record = record(destination, path, place, size).await?;
    let Some((record, name)) = record.zip(parse_data_file(path)) else {
        return Ok(Some(None));
    };
    let is_own = |own: &FileRecord| {
        let named = own.table == name.table && own.day == name.day && own.part == name.part;
        named && own.rows == footer.rows
    };
    if !record.files.last().is_some_and(is_own) {
        return Ok(Some(None));
    }
    let commit = commit_of(&record, path, size);
    let outputs = commit.outputs.iter();
    let files: Vec<_> = outputs.map(|one| (one.path.clone(), one.bytes)).collect();
    let inputs = commit.inputs.iter();
    Ok(Some(Some(Told {
        batch: Batch {
            name: commit.batch.clone(),
            carrier: path.to_owned(),
            place,
            bytes: size,
            objects: commit.inputs.len() as u64,
            rows: commit.outputs.iter().map(|output| output.rows).sum(),
            files: files.len() as u64,
            first: (
                commit.root.clone(),
                inputs
                    .clone()
                    .next()
                    .map(|one| one.key.clone())
                    .unwrap_or_default(),
            ),
        },
        files,
        rejects: commit.rejects.iter().map(|one| one.path.clone()).collect(),
        objects: inputs
            .map(|one| ObjectId::of(&commit.root, &one.key))
            .collect(),
    })))
}

/// The record in a file; `None` where what is there is none.
async fn record(
    destination: &Destination,
    path: &str,
    (offset, length): (u64, u64),
    size: u64,
) -> Result<Option<Provenance>, JobError> {
    let Some(end) = offset.checked_add(length).filter(|end| *end <= size) else {
        return Ok(None);
    };
    let key = destination.key(path);
    let bytes = destination.store.get(&key, Some(offset..end), None).await?;
    match Provenance::decode(&bytes) {
        Ok(record) => Ok(Some(record)),
        Err(NoProvenance::Broken(_)) => Ok(None),
        Err(NoProvenance::Newer(found)) => {
            Err(JobError::Ledger(LedgerError::Newer { path: key, found }))
        }
    }
}

/// The commit that a record stands for, read from the file at `path`.
fn commit_of(record: &Provenance, path: &str, size: u64) -> Commit {
    let batch = parse_data_file(path).map_or("", |file| file.batch);
    let last = record.files.len().saturating_sub(1);
    let output = |(index, file): (usize, &FileRecord)| Output {
        path: if index == last {
            path.to_owned()
        } else {
            data_file(&file.table, file.day, batch, file.part, &file.hash)
        },
        table: file.table.clone(),
        day: file.day,
        rows: file.rows,
        bytes: if index == last { size } else { file.bytes },
        min_ts: file.min_ts,
        max_ts: file.max_ts,
    };
    let rejects = record.rejects.iter().map(|file| Rejects {
        path: rejects_file(&file.table, batch, &file.hash),
        table: file.table.clone(),
        lines: file.lines,
    });
    let lines = record.lines.iter().map(|file| Lines {
        path: lines_file(&file.table, file.day, batch, &file.hash),
        table: file.table.clone(),
        day: file.day,
        rows: file.rows,
        duplicates: file.duplicates,
    });
    let mut outputs: Vec<Output> = record.files.iter().enumerate().map(output).collect();
    // As a run would have named them.
    outputs.sort_by_key(|output| (output.table.clone(), output.day));
    Commit {
        version: FORMAT_VERSION,
        batch: batch.to_owned(),
        root: record.root.clone(),
        inputs: record.inputs.clone(),
        outputs,
        rejects: rejects.collect(),
        lines: lines.collect(),
        removed: Vec::new(),
    }
}

impl Batch {
    /// Its commit, from its file.
    pub(super) async fn commit(&self, destination: &Destination) -> Result<Commit, JobError> {
        let record = record(destination, &self.carrier, self.place, self.bytes).await?;
        let record = record.ok_or_else(|| {
            JobError::Ledger(LedgerError::Unreadable {
                path: destination.key(&self.carrier),
                cause: "its record of the batch has changed in this moment".to_owned(),
            })
        })?;
        Ok(commit_of(&record, &self.carrier, self.bytes))
    }
}

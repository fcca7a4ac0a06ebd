//! What is off with the files, put right.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use serde::Serialize;

use crate::event::Observer;
use crate::formats;
use crate::ledger::{Commit, Done, Journal, KeyState, Lines};
use crate::pipeline::{Cancel, Encoded, Work, run_batch};
use crate::store::{ObjectMeta, Staging};

use super::super::JobError;
use super::super::claim::Claim;
use super::super::lines::history;
use super::super::place::staging;
use super::super::publish::ready;
use super::super::quarantine::quarantine;
use super::super::rebuild::Moved;
use super::super::source::{Destination, Source};
use super::{Problem, Verified, VerifyOptions, verify};

/// What was put right, and what could not be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repaired {
    /// Files that no commit names, now in quarantine.
    pub moved: Vec<Moved>,
    /// Files that were made again from the source.
    pub made: Vec<String>,
    /// Files that were not.
    pub unrepaired: Vec<Unrepaired>,
}

/// A file that cannot be made again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unrepaired {
    /// Its path.
    pub path: String,
    /// Why.
    pub why: String,
}

/// Checks a dataset, repairs its files, and checks it again.
///
/// Parquet files that no commit names and no open intent plans are moved to `_s3logs/quarantine/`.
/// Files that are missing or damaged are made again: the batch of the commit that names them is run
/// over the same objects, which gives the same names if it gives the same bytes. Only a file of the
/// right name is put. A dry run reads all of this, but writes nothing.
///
/// Memory: as [`sync`](super::super::sync::sync).
///
/// # Errors
/// [`JobError::Held`] if another run is at work, and those of [`verify`].
pub async fn repair(
    source: &Source,
    destination: &Destination,
    options: &VerifyOptions,
    (claim, dry_run): (&Claim, bool),
    observer: &Arc<dyn Observer>,
    cancel: &Cancel,
) -> Result<(Repaired, Verified), JobError> {
    let work = async {
        let before = verify(source, destination, options, observer, cancel).await?;
        let mut repair = Repair {
            source,
            destination,
            options,
            observer: observer.as_ref(),
            cancel,
            journal: Journal::new(Arc::clone(&destination.store), &destination.base),
            staging: staging_of(destination, dry_run)?,
            dry_run,
            repaired: Repaired::default(),
        };
        repair.all(&before).await?;
        let repaired = repair.repaired;
        if dry_run || repaired.moved.is_empty() && repaired.made.is_empty() {
            return Ok((repaired, before));
        }
        let after = verify(source, destination, options, observer, cancel).await?;
        Ok((repaired, after))
    };
    if dry_run {
        return Box::pin(work).await;
    }
    claim.alone(destination, cancel, Box::pin(work)).await
}

/// A dry run leaves no trace in the destination.
fn staging_of(destination: &Destination, dry_run: bool) -> Result<Staging, JobError> {
    if !dry_run {
        return staging(destination);
    }
    let folder = std::env::temp_dir();
    Staging::open(&folder).map_err(|error| JobError::Temporary {
        folder: folder.display().to_string(),
        cause: error.to_string(),
    })
}

struct Repair<'a> {
    source: &'a Source,
    destination: &'a Destination,
    options: &'a VerifyOptions,
    observer: &'a dyn Observer,
    cancel: &'a Cancel,
    journal: Journal,
    staging: Staging,
    dry_run: bool,
    repaired: Repaired,
}

impl Repair<'_> {
    async fn all(&mut self, before: &Verified) -> Result<(), JobError> {
        let (mut orphans, mut bad) = (BTreeSet::new(), BTreeSet::new());
        for problem in &before.problems {
            match problem {
                Problem::Orphan { path } => drop(orphans.insert(path.clone())),
                Problem::Missing { path }
                | Problem::Differs { path, .. }
                | Problem::Damaged { path, .. } => drop(bad.insert(path.clone())),
                _ => {}
            }
        }
        if !orphans.is_empty() {
            self.put_away(orphans).await?;
        }
        if bad.is_empty() {
            return Ok(());
        }
        let mut commits = Vec::new();
        let names_bad = |sequence, commit: Commit| {
            if paths_of(&commit).any(|path| bad.contains(path)) {
                commits.push(sequence);
            }
            Ok(ControlFlow::Continue(()))
        };
        self.journal.history(0, names_bad).await?;
        for sequence in commits {
            let commit = self.journal.read_commit(sequence).await?;
            self.make_again(&commit, &bad).await?;
        }
        Ok(())
    }

    /// Moves files away that are still nobody's: what was being written when they were listed is by
    /// now in an intent, and what was in an intent is by now in a commit.
    async fn put_away(&mut self, orphans: BTreeSet<String>) -> Result<(), JobError> {
        let intents = self.journal.intents().await?;
        let census = self.journal.census().await?;
        let planned = |path: &String| intents.iter().any(|one| one.outputs.contains(path));
        let there = self.destination.contents().await?;
        for path in orphans {
            let Some(size) = there.get(&path) else {
                continue;
            };
            if census.outputs().contains_key(&path) || planned(&path) {
                continue;
            }
            let to = if self.dry_run {
                None
            } else {
                Some(quarantine(self.destination, &self.staging, &path, *size).await?)
            };
            self.repaired.moved.push(Moved { path, to });
        }
        Ok(())
    }

    /// Runs the batch of a commit again and puts those of its files that are bad.
    async fn make_again(
        &mut self,
        commit: &Commit,
        bad: &BTreeSet<String>,
    ) -> Result<(), JobError> {
        let wanted: BTreeSet<String> = paths_of(commit)
            .filter(|path| bad.contains(*path))
            .cloned()
            .collect();
        let root = self.source.store.root();
        if commit.root != root {
            let why = format!("its objects are from {}, not from {root}", commit.root);
            self.give_up(wanted, &why);
            return Ok(());
        }
        let (mut work, objects) = self.work_of(commit);
        if !commit.lines.is_empty() {
            let known = self.lines_before(commit).await?;
            work.reading.rules.fingerprints = true;
            let (folder, to) = (work.folder.clone(), self.destination);
            work.history = Some(Arc::new(history(to, &known, &folder, None)));
        }
        let ran = run_batch(&work, objects, self.observer, self.cancel);
        let mut encoded = Box::pin(ran).await?;
        let why = difference(commit, &encoded);
        let files = ready(&commit.batch, &mut encoded).only(&wanted);
        let made = files.paths();
        if !self.dry_run {
            files.put(self.destination, self.observer).await?;
        }
        let lost = wanted.into_iter().filter(|path| !made.contains(path));
        self.give_up(lost.collect(), &why);
        self.repaired.made.extend(made);
        Ok(())
    }

    /// The files of line fingerprints that were known when a batch was committed.
    async fn lines_before(&self, commit: &Commit) -> Result<BTreeMap<String, Lines>, JobError> {
        let mut known = BTreeMap::new();
        let collect = |_, earlier: Commit| {
            if earlier.batch == commit.batch {
                return Ok(ControlFlow::Break(()));
            }
            let lines = earlier.lines.into_iter();
            known.extend(lines.map(|lines| (lines.path.clone(), lines)));
            Ok(ControlFlow::Continue(()))
        };
        self.journal.history(0, collect).await?;
        Ok(known)
    }

    fn give_up(&mut self, paths: BTreeSet<String>, why: &str) {
        let unrepaired = paths.into_iter().map(|path| Unrepaired {
            path,
            why: why.to_owned(),
        });
        self.repaired.unrepaired.extend(unrepaired);
    }

    /// The objects of a commit that are done, and how they were read.
    fn work_of(&self, commit: &Commit) -> (Work, Vec<ObjectMeta>) {
        let folder = self.staging.folder().to_owned();
        let mut work = self.options.work.work(self.source, folder, true);
        let done = done_in(commit);
        let tables: BTreeSet<&str> = done.values().map(|done| done.table.as_str()).collect();
        let only = tables.first().filter(|_| tables.len() == 1);
        work.reading.rules.format = only.and_then(|table| formats::find(table));
        work.reading.rules.keep_partial = done.values().any(|done| done.partial);
        // Where an ETag changes with every copy, the names of the files tell whether it is the same.
        let strong = self.source.store.etag_is_content();
        let inputs = commit.inputs.iter();
        let objects = inputs
            .filter(|input| done.contains_key(input.key.as_str()))
            .map(|input| ObjectMeta {
                key: input.key.clone(),
                size: input.size,
                etag: if strong {
                    input.etag.clone()
                } else {
                    String::new()
                },
                modified: input.modified,
                archived: false,
            });
        (work, objects.collect())
    }
}

fn paths_of(commit: &Commit) -> impl Iterator<Item = &String> {
    let outputs = commit.outputs.iter().map(|output| &output.path);
    let rejects = commit.rejects.iter().map(|rejects| &rejects.path);
    let lines = commit.lines.iter().map(|lines| &lines.path);
    outputs.chain(rejects).chain(lines)
}

fn done_in(commit: &Commit) -> BTreeMap<&str, &Done> {
    let inputs = commit.inputs.iter();
    let done = inputs.filter_map(|input| match &input.state {
        KeyState::Committed(done) => Some((input.key.as_str(), done)),
        _ => None,
    });
    done.collect()
}

/// Why a batch gives other files than it gave.
fn difference(commit: &Commit, encoded: &Encoded) -> String {
    let mut done = done_in(commit);
    for (object, state) in &encoded.objects {
        let recorded = done.remove(object.key.as_str());
        match state {
            KeyState::Written(found) if recorded == Some(found) => {}
            KeyState::Failed { step, error, .. } => {
                return format!("{}: {step}: {error}", object.key);
            }
            KeyState::Skipped { why } => return format!("{}: {why}", object.key),
            _ => return format!("{} has other lines than it had", object.key),
        }
    }
    if let Some(key) = done.into_keys().next() {
        return format!("{key} is of another format now");
    }
    "its objects give other bytes now: another version of s3logs wrote it, or another --memory or --zstd-level".to_owned()
}

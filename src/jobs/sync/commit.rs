//! A batch becomes part of the dataset: intent, files, commit.

use std::collections::{BTreeSet, HashMap};

use crate::event::Event;
use crate::ledger::{
    Commit, FORMAT_VERSION, IllegalMove, Input, Intent, KeyState, LedgerError, Standing, Step,
};
use crate::pipeline::{Encoded, run_batch};
use crate::plan::Batch;
use crate::store::{ErrorKind, ObjectMeta};

use super::super::JobError;
use super::super::publish::{Ready, count, ready};
use super::Sync;

/// Reads of a damaged object after which it is held for damaged where it lies.
const DAMAGED: u32 = 3;

/// How an attempt to commit ended.
enum Attempt {
    Committed(u64),
    /// Another run's commit has touched some of the batch's objects.
    Lost,
    /// Another run's commit made lines known that are rows of the batch.
    Overtaken,
}

/// What attempts at a batch have made visible: removed when the batch is settled, but for the files
/// that its commit names.
#[derive(Debug, Default)]
pub(super) struct Leftovers {
    files: BTreeSet<String>,
    /// Names of intents.
    intents: BTreeSet<String>,
}

impl Leftovers {
    /// Those of an intent. Without `remove` it stays when its files have gone: a run that may still
    /// live could put them once more and die.
    pub(super) fn of(intent: &Intent, remove: bool) -> Self {
        let name = remove.then(|| intent.name.clone());
        Self {
            files: intent.outputs.iter().cloned().collect(),
            intents: name.into_iter().collect(),
        }
    }
}

impl Sync<'_> {
    /// Reads the batch's objects, puts its files and commits.
    pub(super) async fn settle(
        &mut self,
        mut batch: Batch,
        mut leftovers: Leftovers,
    ) -> Result<(), JobError> {
        loop {
            self.hold(&batch.objects).await?;
            if self.generation(&batch.objects) > batch.generation {
                // A commit has touched it: nobody can commit it any more.
                let live = self.live_files(&batch).await?;
                self.clean_up(&mut leftovers, &live).await?;
                batch = self.batch_of(self.unsettled(batch.objects));
            }
            // What was begun is finished, whatever this run would have chosen.
            if leftovers.files.is_empty() && self.unsettled(batch.objects.clone()).is_empty() {
                return Ok(());
            }
            self.look_back();
            let objects = batch.objects.clone();
            // Boxed: it is large, and every future around this one would be, too.
            let batch_run = run_batch(&self.work, objects, self.observer.as_ref(), self.cancel);
            let mut encoded = Box::pin(batch_run).await?;
            if encoded.objects.is_empty() {
                self.outcome.objects.unwanted += encoded.unwanted;
                return Ok(());
            }
            let files = ready(&batch.id, &mut encoded);
            self.warn_of_gaps(&files);
            let commit = Commit {
                version: FORMAT_VERSION,
                batch: batch.id.clone(),
                root: self.source.store.root().to_owned(),
                inputs: self.inputs(&encoded),
                outputs: files.outputs.clone(),
                rejects: files.rejects.clone(),
                lines: files.lines.clone(),
                removed: Vec::new(),
            };
            let paths = files.paths();
            if !paths.is_empty() {
                leftovers.files.extend(paths);
                let intent = self.put_intent(&batch, &encoded, &leftovers.files).await?;
                leftovers.intents.insert(intent);
                files.put(self.destination, self.observer.as_ref()).await?;
            }
            match self.commit(&batch, &commit, &files).await? {
                Attempt::Committed(sequence) => {
                    self.count(sequence, &commit, encoded);
                    let live = paths_of(&commit).collect();
                    self.clean_up(&mut leftovers, &live).await?;
                    return Ok(self.journal.fold(&mut self.ledger).await?);
                }
                Attempt::Lost => {
                    let live = self.live_files(&batch).await?;
                    self.clean_up(&mut leftovers, &live).await?;
                    batch = self.batch_of(self.unsettled(batch.objects));
                }
                // Another run may be about to commit the very files: they stay until it cannot.
                Attempt::Overtaken => {}
            }
        }
    }

    async fn put_intent(
        &self,
        batch: &Batch,
        encoded: &Encoded,
        paths: &BTreeSet<String>,
    ) -> Result<String, JobError> {
        let states = encoded.objects.iter();
        let states: HashMap<&str, &KeyState> = states
            .map(|(object, state)| (object.key.as_str(), state))
            .collect();
        let state = |key: &str| states.get(key).copied().cloned();
        let inputs = batch.objects.iter().map(|object| Input {
            key: object.key.clone(),
            etag: object.etag.clone(),
            size: object.size,
            modified: object.modified,
            state: state(&object.key).unwrap_or(KeyState::Listed),
        });
        let intent = Intent {
            name: String::new(),
            written: 0,
            owner: Some(self.owner.clone()),
            version: FORMAT_VERSION,
            batch: batch.id.clone(),
            generation: batch.generation,
            shard: self.shard.map(|shard| shard.to_string()),
            root: self.source.store.root().to_owned(),
            inputs: inputs.collect(),
            outputs: paths.iter().cloned().collect(),
        };
        Ok(self.journal.put_intent(&intent).await?)
    }

    /// The batch's objects as a commit names them; failures carry on counting.
    fn inputs(&self, encoded: &Encoded) -> Vec<Input> {
        let inputs = encoded.objects.iter().map(|(object, state)| {
            let mut state = state.clone().committed();
            if let KeyState::Failed {
                attempts,
                step,
                lasting,
                ..
            } = &mut state
            {
                *attempts += self.ledger.attempts(self.source.id(&object.key));
                // Damaged on the way every time: its `ETag` is no sum, but from a key of KMS.
                *lasting |= *step == Step::Gunzip && *attempts >= DAMAGED;
            }
            Input {
                key: object.key.clone(),
                etag: object.etag.clone(),
                size: object.size,
                modified: object.modified,
                state,
            }
        });
        inputs.collect()
    }

    /// Commits under the next free number, unless another run has taken objects of the batch.
    async fn commit(
        &mut self,
        batch: &Batch,
        commit: &Commit,
        files: &Ready,
    ) -> Result<Attempt, JobError> {
        loop {
            // The ledger may have caught up with other runs since the batch was planned.
            if self.generation(&batch.objects) > batch.generation {
                return Ok(Attempt::Lost);
            }
            if self.is_overtaken(files).await? {
                return Ok(Attempt::Overtaken);
            }
            let sequence = self.ledger.head() + 1;
            match self.journal.put_commit(sequence, commit).await {
                Ok(()) => {
                    self.ledger.apply(sequence, commit).map_err(out_of_order)?;
                    return Ok(Attempt::Committed(sequence));
                }
                Err(error) if error.kind == ErrorKind::Exists => {
                    self.journal.catch_up(&mut self.ledger).await?;
                    if self.ledger.head() < sequence {
                        let what = format!("commit {sequence} exists but is not listed");
                        return Err(out_of_order(IllegalMove(what)));
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Those of the objects that no commit has settled.
    pub(super) fn unsettled(&self, objects: Vec<ObjectMeta>) -> Vec<ObjectMeta> {
        let new = |object: &ObjectMeta| {
            let id = self.source.id(&object.key);
            self.ledger.standing(id, &object.etag, self.retry) == Standing::New
        };
        objects.into_iter().filter(new).collect()
    }

    /// Files that count, if another run has committed the batch.
    ///
    /// It then has all of the batch's objects that are done, after the batch's generation.
    async fn live_files(&self, batch: &Batch) -> Result<BTreeSet<String>, JobError> {
        let done = self.ids(&batch.objects);
        let done = done.filter(|id| self.ledger.is_done(*id));
        let commits: BTreeSet<u64> = done.map(|id| self.ledger.commit_of(id)).collect();
        for sequence in commits.range(batch.generation + 1..) {
            let commit = self.journal.read_commit(*sequence).await?;
            if commit.batch == batch.id {
                return Ok(paths_of(&commit).collect());
            }
        }
        Ok(BTreeSet::new())
    }

    /// Removes files of a batch that are not live, then its intents.
    async fn clean_up(
        &self,
        leftovers: &mut Leftovers,
        live: &BTreeSet<String>,
    ) -> Result<(), JobError> {
        let Leftovers { files, intents } = std::mem::take(leftovers);
        if files.is_empty() {
            return Ok(());
        }
        let astray: Vec<String> = files
            .into_iter()
            .filter(|path| !live.contains(path))
            .map(|path| self.destination.key(&path))
            .collect();
        if !astray.is_empty() {
            self.destination.store.delete(&astray).await?;
        }
        if intents.is_empty() {
            return Ok(());
        }
        Ok(self.journal.remove_intents(&intents).await?)
    }

    fn count(&mut self, sequence: u64, commit: &Commit, encoded: Encoded) {
        count(&mut self.outcome, encoded, &commit.outputs);
        self.observer.on(&Event::Committed {
            sequence,
            objects: commit.inputs.len() as u64,
            rows: commit.outputs.iter().map(|output| output.rows).sum(),
        });
    }
}

/// The files that a commit names.
fn paths_of(commit: &Commit) -> impl Iterator<Item = String> {
    let outputs = commit.outputs.iter().map(|output| &output.path);
    let rejects = commit.rejects.iter().map(|rejects| &rejects.path);
    let lines = commit.lines.iter().map(|lines| &lines.path);
    outputs.chain(rejects).chain(lines).cloned()
}

fn out_of_order(IllegalMove(cause): IllegalMove) -> JobError {
    JobError::Ledger(LedgerError::Unreadable {
        path: "commits".to_owned(),
        cause,
    })
}

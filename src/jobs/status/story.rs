//! One object's story.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::ledger::{Bucket, Commit, Entry, Input, Journal, KeyState, Ledger, Loaded, ObjectId};
use crate::store::full_name;

use super::super::JobError;
use super::super::source::Destination;
use super::{load, uncommitted};

/// One object and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// Its full name: `s3://bucket/key` or `file:///folder/key`.
    pub name: String,
    /// When the store said it was last modified, microseconds UTC.
    pub modified: i64,
    /// What became of it in the end.
    pub entry: Entry,
    /// The batch it was in.
    pub batch: String,
    /// The files in which its rows are: those of its batch and table.
    pub outputs: Vec<String>,
    /// The file in which its rejected lines are, if it has any.
    pub rejects: Option<String>,
}

/// What is known of an object, by its full name, its key, or the end of its key after a `/`.
///
/// A whole name or key is looked up; for the end of one, the commits of the day that it carries are
/// read, or all of them.
///
/// # Errors
/// [`JobError`]; an object that is not known gives an empty list.
pub async fn story(destination: &Destination, key: &str) -> Result<Vec<Story>, JobError> {
    let journal = Journal::new(Arc::clone(&destination.store), &destination.base);
    let Loaded {
        mut ledger,
        intents,
    } = load(destination, &journal).await?;
    let mut search = Search {
        key,
        end: format!("/{key}"),
        found: BTreeMap::new(),
    };
    for commits in [
        by_name(&journal, &mut ledger, key).await?,
        by_day(&journal, &mut ledger, key).await?,
    ] {
        for sequence in commits {
            search.look(sequence, &journal.read_commit(sequence).await?);
        }
        if !search.found.is_empty() {
            break;
        }
    }
    if search.found.is_empty() {
        let every = |sequence, commit: Commit| {
            search.look(sequence, &commit);
            Ok(ControlFlow::Continue(()))
        };
        journal.history(0, every).await?;
    }
    for intent in &intents {
        for input in &intent.inputs {
            let name = full_name(&intent.root, &input.key);
            if search.is_meant(&name) && !search.found.contains_key(&name) {
                let story = Story {
                    name: name.clone(),
                    modified: input.modified,
                    entry: uncommitted(input),
                    batch: intent.batch.clone(),
                    outputs: Vec::new(),
                    rejects: None,
                };
                search.found.insert(name, story);
            }
        }
    }
    Ok(search.found.into_values().collect())
}

/// The commits of objects that have this name, or this key below one of the roots.
async fn by_name(
    journal: &Journal,
    ledger: &mut Ledger,
    key: &str,
) -> Result<BTreeSet<u64>, JobError> {
    let below = |root: &str| {
        let rest = key.strip_prefix(root)?.strip_prefix('/')?;
        Some(ObjectId::of(root, rest))
    };
    let roots = ledger.roots().iter();
    let ids: Vec<ObjectId> = roots
        .flat_map(|root| [below(root), Some(ObjectId::of(root, key))])
        .flatten()
        .collect();
    let buckets = ids.iter().map(|id| id.bucket);
    journal.hold(ledger, buckets).await?;
    let commits = ids.iter().map(|id| ledger.commit_of(*id));
    Ok(commits.filter(|commit| *commit > 0).collect())
}

/// The commits of objects whose keys carry the same day as the end of a key.
async fn by_day(
    journal: &Journal,
    ledger: &mut Ledger,
    key: &str,
) -> Result<BTreeSet<u64>, JobError> {
    let bucket = Bucket::of(key);
    if bucket == Bucket::Undated {
        return Ok(BTreeSet::new());
    }
    journal.hold(ledger, [bucket]).await?;
    Ok(ledger.commits_of(bucket))
}

/// What is looked for, and what was found.
struct Search<'a> {
    key: &'a str,
    end: String,
    found: BTreeMap<String, Story>,
}

impl Search<'_> {
    fn is_meant(&self, name: &str) -> bool {
        name == self.key || name.ends_with(&self.end)
    }

    /// Looks through a commit; later ones tell how earlier stories went on.
    fn look(&mut self, sequence: u64, commit: &Commit) {
        for input in &commit.inputs {
            let name = full_name(&commit.root, &input.key);
            if self.is_meant(&name) {
                let story = told(name.clone(), sequence, commit, input);
                self.found.insert(name, story);
            }
        }
    }
}

fn told(name: String, sequence: u64, commit: &Commit, input: &Input) -> Story {
    let mut entry = uncommitted(input);
    entry.commit = sequence;
    let done = match &input.state {
        KeyState::Committed(done) => Some(done),
        _ => None,
    };
    let has_rows = done.filter(|done| done.rows > 0);
    let outputs = commit.outputs.iter();
    let outputs = outputs.filter(|output| has_rows.is_some_and(|done| done.table == output.table));
    let has_rejects = done.filter(|done| done.rejects > 0);
    let mut rejects = commit.rejects.iter();
    let rejects = rejects.find(|file| has_rejects.is_some_and(|done| done.table == file.table));
    Story {
        name,
        modified: input.modified,
        entry,
        batch: commit.batch.clone(),
        outputs: outputs.map(|output| output.path.clone()).collect(),
        rejects: rejects.map(|file| file.path.clone()),
    }
}

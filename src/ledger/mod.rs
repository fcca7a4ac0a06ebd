//! What has been done: one state per source object, and the protocol that keeps it true.
//!
//! The destination itself is the truth. A batch of objects becomes part of the dataset by one
//! create-if-absent put of a commit record; everything before it can be done again, and everything
//! it names is final. Commit records hold no clock and no host, so the same work gives the same
//! bytes.

mod lease;
mod persist;
mod records;
mod state;

pub use lease::{Acquired, Held, Lease, Owner, TERM_MICROS, lock_path};
pub use persist::{Journal, LedgerError, Loaded};
pub use records::{Commit, FORMAT_VERSION, Input, Intent, Lines, Output, Rejects};
pub use state::{Done, IllegalMove, KeyState, Step};

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::store::full_name;

/// What the ledger knows of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The version that was read.
    pub etag: String,
    /// Its size in bytes.
    pub size: u64,
    /// What became of it.
    pub state: KeyState,
    /// The commit that says so; 0 while no commit does.
    pub commit: u64,
}

/// The states of all objects and the files that are live, as of one commit.
///
/// Memory: grows with every object ever seen; loading 100,000 of them was measured at a peak of
/// about 700 bytes each.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    entries: HashMap<Box<str>, Entry>,
    outputs: BTreeMap<String, Output>,
    rejects: BTreeMap<String, Rejects>,
    lines: BTreeMap<String, Lines>,
    roots: BTreeSet<String>,
    head: u64,
}

/// What a listed object is to the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Never seen, or failed in a way that passes: to be done.
    New,
    /// Done, in this version.
    Done,
    /// Failed for good, in this version.
    Remembered,
    /// Found to be no log, in this version.
    Ignored,
    /// Done, but the object has been replaced since.
    Changed,
}

impl Ledger {
    /// Number of the newest commit.
    pub fn head(&self) -> u64 {
        self.head
    }

    /// The entry of an object, by its full name (`s3://bucket/key`).
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.get(name)
    }

    /// All entries, in no order.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries
            .iter()
            .map(|(name, entry)| (name.as_ref(), entry))
    }

    /// The live Parquet files, by path.
    pub fn outputs(&self) -> &BTreeMap<String, Output> {
        &self.outputs
    }

    /// The files of rejected lines, by path.
    pub fn rejects(&self) -> &BTreeMap<String, Rejects> {
        &self.rejects
    }

    /// The files of line fingerprints, by path. Memory: about 250 bytes each.
    pub fn lines(&self) -> &BTreeMap<String, Lines> {
        &self.lines
    }

    /// Roots of the sources whose objects it knows.
    pub fn roots(&self) -> &BTreeSet<String> {
        &self.roots
    }

    /// What a listed object is to the ledger. With `retry`, lasting failures and skips are new.
    pub fn standing(&self, name: &str, etag: &str, retry: bool) -> Standing {
        let Some(entry) = self.entries.get(name) else {
            return Standing::New;
        };
        match &entry.state {
            KeyState::Committed(_) if entry.etag == etag => Standing::Done,
            KeyState::Committed(_) => Standing::Changed,
            KeyState::Failed { lasting: true, .. } | KeyState::Skipped { .. } => {
                if retry || entry.etag != etag {
                    Standing::New
                } else if matches!(entry.state, KeyState::Skipped { .. }) {
                    Standing::Ignored
                } else {
                    Standing::Remembered
                }
            }
            _ => Standing::New,
        }
    }

    /// Number of the newest commit that any of these objects is in, in whatever state; 0 if none is.
    ///
    /// A batch is committed only in the generation that it was made in, and its name carries it. So
    /// once a commit has touched one of its objects, nobody can commit it any more or make files of
    /// the same names, and its files may be deleted.
    pub fn generation<'a>(&self, names: impl Iterator<Item = &'a str>) -> u64 {
        names
            .filter_map(|name| self.entries.get(name))
            .map(|entry| entry.commit)
            .max()
            .unwrap_or(0)
    }

    /// How often an object has failed so far.
    pub fn attempts(&self, name: &str) -> u32 {
        match self.entries.get(name).map(|entry| &entry.state) {
            Some(KeyState::Failed { attempts, .. }) => *attempts,
            _ => 0,
        }
    }

    /// Takes a commit in. Checks first; on error nothing has changed.
    ///
    /// # Errors
    /// [`IllegalMove`] if the commit is not the next one or takes an object back that is done.
    pub fn apply(&mut self, sequence: u64, commit: &Commit) -> Result<(), IllegalMove> {
        if sequence != self.head + 1 {
            return Err(IllegalMove(format!(
                "commit {sequence} cannot follow commit {}",
                self.head
            )));
        }
        for input in &commit.inputs {
            let name = full_name(&commit.root, &input.key);
            if let Some(Entry {
                state: KeyState::Committed(_),
                commit,
                ..
            }) = self.get(&name)
            {
                return Err(IllegalMove(format!(
                    "{name} is in commit {commit} already and again in {sequence}"
                )));
            }
        }
        if let Some(output) = commit
            .outputs
            .iter()
            .find(|output| self.outputs.contains_key(&output.path))
        {
            return Err(IllegalMove(format!(
                "commit {sequence} adds {}, which is live already",
                output.path
            )));
        }
        if let Some(path) = commit
            .removed
            .iter()
            .find(|path| !self.outputs.contains_key(*path))
        {
            return Err(IllegalMove(format!(
                "commit {sequence} removes {path}, which is not live"
            )));
        }
        for input in &commit.inputs {
            let entry = Entry {
                etag: input.etag.clone(),
                size: input.size,
                state: input.state.clone(),
                commit: sequence,
            };
            self.entries
                .insert(full_name(&commit.root, &input.key).into(), entry);
        }
        if !commit.inputs.is_empty() {
            self.roots.insert(commit.root.clone());
        }
        for path in &commit.removed {
            self.outputs.remove(path);
        }
        for output in &commit.outputs {
            self.outputs.insert(output.path.clone(), output.clone());
        }
        for rejects in &commit.rejects {
            self.rejects.insert(rejects.path.clone(), rejects.clone());
        }
        for lines in &commit.lines {
            self.lines.insert(lines.path.clone(), lines.clone());
        }
        self.head = sequence;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done() -> KeyState {
        KeyState::Committed(Done {
            table: "t".to_owned(),
            lines: 2,
            rows: 2,
            ..Done::default()
        })
    }

    fn commit(key: &str, state: KeyState) -> Commit {
        Commit {
            root: "s3://b".to_owned(),
            inputs: vec![Input {
                key: key.to_owned(),
                etag: "e".to_owned(),
                size: 1,
                modified: 0,
                state,
            }],
            ..Commit::default()
        }
    }

    #[test]
    fn an_object_is_done_once() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.standing("s3://b/k", "e", false), Standing::New);
        ledger
            .apply(1, &commit("k", done()))
            .expect("the first commit");
        assert_eq!(ledger.standing("s3://b/k", "e", true), Standing::Done);
        assert_eq!(
            ledger.standing("s3://b/k", "other", false),
            Standing::Changed
        );
        let before = ledger.get("s3://b/k").cloned();
        assert!(ledger.apply(2, &commit("k", done())).is_err());
        assert_eq!(
            (ledger.head(), ledger.get("s3://b/k").cloned()),
            (1, before)
        );
    }

    #[test]
    fn commits_follow_each_other() {
        let mut ledger = Ledger::default();
        assert!(ledger.apply(2, &commit("k", done())).is_err());
        ledger
            .apply(1, &commit("k", done()))
            .expect("the first commit");
        assert!(ledger.apply(1, &commit("l", done())).is_err());
    }

    #[test]
    fn failures_are_tried_again_or_remembered() {
        let mut ledger = Ledger::default();
        let failed = |lasting| KeyState::Failed {
            step: Step::Gunzip,
            error: "cut".to_owned(),
            attempts: 1,
            lasting,
        };
        ledger
            .apply(1, &commit("passing", failed(false)))
            .expect("a commit");
        ledger
            .apply(2, &commit("lasting", failed(true)))
            .expect("a commit");
        assert_eq!(ledger.standing("s3://b/passing", "e", false), Standing::New);
        assert_eq!(
            ledger.standing("s3://b/lasting", "e", false),
            Standing::Remembered
        );
        assert_eq!(ledger.standing("s3://b/lasting", "e", true), Standing::New);
        assert_eq!(
            ledger.standing("s3://b/lasting", "changed", false),
            Standing::New
        );
        assert_eq!(ledger.attempts("s3://b/lasting"), 1);
    }
}

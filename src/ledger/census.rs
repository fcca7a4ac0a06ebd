//! All objects and files of a dataset, from all of its commits: for those who check everything.

use std::collections::{BTreeMap, HashMap};

use crate::store::full_name;

use super::{
    Bucket, Commit, Done, Entry, IllegalMove, KeyState, Lines, ObjectId, Output, Rejects, Standing,
    Unsettled, etag_mark, is_version,
};

/// What is recorded of an object that is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The commit that has it.
    pub commit: u64,
    /// What it gave.
    pub done: Done,
}

/// The lines of an object: see [`Done`].
#[derive(Clone, Copy, Debug)]
pub struct Counts {
    /// All of them.
    pub lines: u64,
    /// Those that became rows.
    pub rows: u64,
    /// Those left out because a row has the same line.
    pub duplicates: u64,
    /// Those kept as rejects.
    pub rejects: u64,
    /// Header and blank lines.
    pub comments: u64,
}

/// What is recorded, in less memory.
#[derive(Clone, Copy, Debug)]
struct Compact {
    counts: Counts,
    commit: u64,
    etag: u32,
    table: u16,
    partial: bool,
}

/// All objects and files, as of the newest commit.
///
/// Memory: about 100 bytes per object and 300 per file.
#[derive(Clone, Debug, Default)]
pub struct Census {
    head: u64,
    objects: HashMap<ObjectId, Compact>,
    unsettled: BTreeMap<ObjectId, Unsettled>,
    outputs: BTreeMap<String, Output>,
    rejects: BTreeMap<String, Rejects>,
    lines: BTreeMap<String, Lines>,
    tables: Vec<String>,
    roots: BTreeMap<String, u64>,
}

impl Census {
    /// Number of the newest commit.
    pub fn head(&self) -> u64 {
        self.head
    }

    /// The live Parquet files, by path.
    pub fn outputs(&self) -> &BTreeMap<String, Output> {
        &self.outputs
    }

    /// The files of rejected lines, by path.
    pub fn rejects(&self) -> &BTreeMap<String, Rejects> {
        &self.rejects
    }

    /// Roots of the sources, each with the objects from there that are done.
    pub fn roots(&self) -> &BTreeMap<String, u64> {
        &self.roots
    }

    /// The files of line fingerprints, by path.
    pub fn lines(&self) -> &BTreeMap<String, Lines> {
        &self.lines
    }

    /// A count of what the objects gave, summed up by table.
    pub fn sum(&self, what: fn(&Counts) -> u64) -> BTreeMap<&str, u64> {
        let mut sums = BTreeMap::new();
        for compact in self.objects.values() {
            if let Some(table) = self.tables.get(usize::from(compact.table)) {
                let sum: &mut u64 = sums.entry(table.as_str()).or_default();
                *sum = sum.saturating_add(what(&compact.counts));
            }
        }
        sums
    }

    /// An object that failed or is no log.
    pub fn unsettled(&self, id: ObjectId) -> Option<&Entry> {
        self.unsettled.get(&id).map(|one| &one.entry)
    }

    /// An object that is done.
    pub fn recorded(&self, id: ObjectId) -> Option<Recorded> {
        let compact = self.objects.get(&id)?;
        let done = Done {
            table: self.tables.get(usize::from(compact.table))?.clone(),
            lines: compact.counts.lines,
            rows: compact.counts.rows,
            duplicates: compact.counts.duplicates,
            rejects: compact.counts.rejects,
            comments: compact.counts.comments,
            partial: compact.partial,
        };
        let commit = compact.commit;
        Some(Recorded { commit, done })
    }

    /// What a listed object is to the ledger; see [`Ledger::standing`](super::Ledger::standing).
    pub fn standing(&self, id: ObjectId, etag: &str) -> Standing {
        match (self.objects.get(&id), self.unsettled(id)) {
            (Some(compact), _) if is_version(compact.etag, etag) => Standing::Done,
            (Some(_), _) => Standing::Changed,
            (None, Some(entry)) if entry.etag == etag => match &entry.state {
                KeyState::Skipped { .. } => Standing::Ignored,
                KeyState::Failed { lasting: true, .. } => Standing::Remembered,
                _ => Standing::New,
            },
            _ => Standing::New,
        }
    }

    /// Takes the next commit in.
    ///
    /// # Errors
    /// [`IllegalMove`] if it is not the next, takes back what is done, or does not fit the files
    /// that are live.
    pub fn apply(&mut self, sequence: u64, commit: &Commit) -> Result<(), IllegalMove> {
        let refuse = |what: String| Err(IllegalMove(what));
        if sequence != self.head + 1 {
            let head = self.head;
            return refuse(format!("commit {sequence} cannot follow commit {head}"));
        }
        for input in &commit.inputs {
            let id = ObjectId::of(&commit.root, &input.key);
            let name = full_name(&commit.root, &input.key);
            // Within a commit the same hash may be another name's.
            let before = self.objects.get(&id).map(|before| before.commit);
            if let Some(before) = before.filter(|before| *before != sequence) {
                return refuse(format!(
                    "{name} is in commit {before} already and again in {sequence}"
                ));
            }
            if !input.state.is_settled() {
                return refuse(format!("{name} is not settled by commit {sequence}"));
            }
            match &input.state {
                KeyState::Committed(done) => self.settle(id, &commit.root, sequence, input, done),
                state => {
                    let entry = Entry {
                        etag: input.etag.clone(),
                        size: input.size,
                        state: state.clone(),
                        commit: sequence,
                    };
                    self.unsettled.insert(id, Unsettled { name, entry });
                }
            }
        }
        for output in &commit.removed {
            if self.outputs.remove(&output.path).is_none() {
                let path = &output.path;
                return refuse(format!(
                    "commit {sequence} removes {path}, which is not live"
                ));
            }
        }
        for output in &commit.outputs {
            let path = output.path.clone();
            if self.outputs.insert(path, output.clone()).is_some() {
                let path = &output.path;
                return refuse(format!(
                    "commit {sequence} adds {path}, which is live already"
                ));
            }
        }
        let rejects = commit.rejects.iter();
        self.rejects
            .extend(rejects.map(|file| (file.path.clone(), file.clone())));
        let lines = commit.lines.iter();
        self.lines
            .extend(lines.map(|file| (file.path.clone(), file.clone())));
        self.head = sequence;
        Ok(())
    }

    fn settle(&mut self, id: ObjectId, root: &str, commit: u64, input: &super::Input, done: &Done) {
        let table = self.tables.iter().position(|table| *table == done.table);
        let table = table.unwrap_or_else(|| {
            self.tables.push(done.table.clone());
            self.tables.len() - 1
        });
        self.unsettled.remove(&id);
        let counts = Counts {
            lines: done.lines,
            rows: done.rows,
            duplicates: done.duplicates,
            rejects: done.rejects,
            comments: done.comments,
        };
        let compact = Compact {
            counts,
            commit,
            etag: etag_mark(&input.etag),
            table: u16::try_from(table).unwrap_or(u16::MAX),
            partial: done.partial,
        };
        self.objects.insert(id, compact);
        match self.roots.get_mut(root) {
            Some(count) => *count += 1,
            None => drop(self.roots.insert(root.to_owned(), 1)),
        }
    }

    /// Objects that are done, by the bucket of their keys.
    pub fn buckets(&self) -> BTreeMap<Bucket, u64> {
        let mut buckets = BTreeMap::new();
        for id in self.objects.keys() {
            *buckets.entry(id.bucket).or_default() += 1;
        }
        buckets
    }
}

//! What has been done: one state per source object, and the protocol that keeps it true.
//!
//! The destination itself is the truth. A batch of objects becomes part of the dataset by one
//! create-if-absent put of a commit record; everything before it can be done again, and everything
//! it names is final. Commit records hold no clock and no host, so the same work gives the same
//! bytes. From time to time commits are folded: a checkpoint and its segments hold the states of
//! all objects in a tenth of the bytes, by the day that keys carry, and a run reads only the days
//! that it needs.

mod census;
mod checkpoint;
mod checkpoints;
mod columns;
mod commits;
mod compression;
mod fold;
mod intents;
mod journal;
mod lease;
mod live;
mod object_id;
mod provenance;
mod records;
mod segment;
mod state;
mod tally;

pub use census::{Census, Counts, Recorded};
pub use checkpoint::Folding;
pub use checkpoints::Stage;
pub use journal::{CommitFile, Journal, LedgerError, Loaded};
pub use lease::{Acquired, Held, Lease, Owner, TERM_MICROS, lock_path};
pub use live::LiveFiles;
pub use object_id::{Bucket, ID_RULES, ObjectId, etag_mark};
pub use provenance::{FileRecord, LinesRecord, NoProvenance, Provenance, RejectsRecord};
pub use records::{Commit, FORMAT_VERSION, Input, Intent, Lines, Output, Rejects};
pub use segment::Unsettled;
pub use state::{Done, IllegalMove, KeyState, Step};
pub use tally::{Files, Lateness, Objects, Table, Tally};

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::schema::{key_period, key_stamp};
use crate::store::full_name;

use checkpoint::Checkpoint;
use object_id::is_version;
use segment::{Segment, Settled};

/// What the ledger knows of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The version that was read.
    pub etag: String,
    /// Its size in bytes.
    pub size: u64,
    /// What became of it.
    #[serde(flatten)]
    pub state: KeyState,
    /// The commit that says so; 0 while no commit does.
    pub commit: u64,
}

/// The states of objects as of one commit.
///
/// Memory: 16 bytes per object of the days that are held, about 48 per object of the commits that
/// are not folded yet ([`Folding`]), and the whole [`Entry`] of those that failed or are no log.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// The newest checkpoint, with everything but its segments brought up to date.
    now: Checkpoint,
    /// The newest commit that is folded.
    folded: u64,
    /// Segments that are held.
    held: BTreeMap<Bucket, Segment>,
    /// What came after the checkpoint.
    recent: BTreeMap<Bucket, Recent>,
    recent_objects: u64,
}

/// States that are not folded yet.
#[derive(Clone, Debug, Default)]
struct Recent {
    settled: HashMap<u64, (u32, u32)>,
    unsettled: BTreeMap<u64, Unsettled>,
}

/// What a listed object is to the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// What is known of an object.
enum Known<'a> {
    Settled(Settled),
    Unsettled(&'a Entry),
}

impl Ledger {
    /// Number of the newest commit.
    pub fn head(&self) -> u64 {
        self.now.sequence
    }

    /// Number of the newest commit that is folded; 0 if there is no checkpoint.
    pub fn folded(&self) -> u64 {
        self.folded
    }

    /// The files of line fingerprints, by path. Memory: about 250 bytes each.
    pub fn lines(&self) -> &BTreeMap<String, Lines> {
        &self.now.lines
    }

    /// Roots of the sources whose objects it knows.
    pub fn roots(&self) -> &BTreeSet<String> {
        &self.now.roots
    }

    /// Sums over all commits.
    pub fn tally(&self) -> &Tally {
        &self.now.tally
    }

    /// Kinds of keys (their beginning with their root, what separates year, month and day) and the
    /// newest time of what is done of each, microseconds UTC.
    pub fn newest(&self) -> impl Iterator<Item = (&str, char, i64)> {
        self.now.newest.iter().flat_map(|(separator, heads)| {
            let heads = heads.iter();
            heads.map(|(head, time)| (head.as_str(), *separator, *time))
        })
    }

    /// Buckets in which objects failed or are no log.
    pub fn unsettled_buckets(&self) -> BTreeSet<Bucket> {
        let folded = self.now.segments.iter();
        let folded = folded.filter(|(_, segment)| segment.unsettled > 0);
        let recent = self.recent.iter();
        let recent = recent.filter(|(_, recent)| !recent.unsettled.is_empty());
        let folded = folded.map(|(bucket, _)| *bucket);
        folded.chain(recent.map(|(bucket, _)| *bucket)).collect()
    }

    /// Objects of the buckets that are held that failed or are no log.
    pub fn unsettled(&self) -> impl Iterator<Item = (Bucket, &Unsettled)> {
        let folded = self.held.iter().flat_map(|(bucket, segment)| {
            let recent = self.recent.get(bucket);
            let newer = move |name: &u64| {
                recent.is_some_and(|recent| {
                    recent.settled.contains_key(name) || recent.unsettled.contains_key(name)
                })
            };
            let of_segment = segment.unsettled.iter();
            of_segment.filter_map(move |(name, one)| (!newer(name)).then_some((*bucket, one)))
        });
        let recent = self.recent.iter().flat_map(|(bucket, recent)| {
            let recent = recent.unsettled.values();
            recent.map(move |one| (*bucket, one))
        });
        folded.chain(recent)
    }

    /// Commits that have objects of a bucket, which must be held.
    pub fn commits_of(&self, bucket: Bucket) -> BTreeSet<u64> {
        let mut commits = BTreeSet::new();
        if let Some(segment) = self.held.get(&bucket) {
            commits.extend(segment.settled.iter().map(|one| u64::from(one.commit)));
            commits.extend(segment.unsettled.values().map(|one| one.entry.commit));
        }
        if let Some(recent) = self.recent.get(&bucket) {
            commits.extend(
                recent
                    .settled
                    .values()
                    .map(|(_, commit)| u64::from(*commit)),
            );
            commits.extend(recent.unsettled.values().map(|one| one.entry.commit));
        }
        commits
    }

    /// What a listed object is to the ledger. With `retry`, lasting failures and skips are new. One
    /// that is done in a version that is not known (an empty `ETag`) is done in any.
    ///
    /// # Panics
    /// If the object's bucket is not held ([`Journal::hold`]): to take it for new would be a guess,
    /// and could double its rows.
    pub fn standing(&self, id: ObjectId, etag: &str, retry: bool) -> Standing {
        match self.known(id) {
            None => Standing::New,
            Some(Known::Settled(one)) if is_version(one.etag, etag) => Standing::Done,
            Some(Known::Settled(_)) => Standing::Changed,
            Some(Known::Unsettled(entry)) => match &entry.state {
                _ if retry || entry.etag != etag => Standing::New,
                KeyState::Skipped { .. } => Standing::Ignored,
                KeyState::Failed { lasting: true, .. } => Standing::Remembered,
                _ => Standing::New,
            },
        }
    }

    /// Number of the newest commit that an object is in, in whatever state; 0 if in none.
    ///
    /// The newest of a batch's objects is its generation. A batch is committed only in the
    /// generation that it was made in, and its name carries it. So once a commit has touched one of
    /// its objects, nobody can commit it any more or make files of the same names, and its files
    /// may be deleted.
    ///
    /// # Panics
    /// As [`standing`](Self::standing).
    pub fn commit_of(&self, id: ObjectId) -> u64 {
        match self.known(id) {
            None => 0,
            Some(Known::Settled(one)) => one.commit.into(),
            Some(Known::Unsettled(entry)) => entry.commit,
        }
    }

    /// Whether an object is done, in whatever version.
    ///
    /// # Panics
    /// As [`standing`](Self::standing).
    pub fn is_done(&self, id: ObjectId) -> bool {
        matches!(self.known(id), Some(Known::Settled(_)))
    }

    /// How often an object has failed so far.
    ///
    /// # Panics
    /// As [`standing`](Self::standing).
    pub fn attempts(&self, id: ObjectId) -> u32 {
        match self.known(id) {
            Some(Known::Unsettled(Entry {
                state: KeyState::Failed { attempts, .. },
                ..
            })) => *attempts,
            _ => 0,
        }
    }

    fn known(&self, id: ObjectId) -> Option<Known<'_>> {
        assert!(self.holds(id.bucket), "{} is not held", id.bucket);
        self.resident(id)
    }

    /// What is known of an object without its segment, if that is not held.
    fn resident(&self, id: ObjectId) -> Option<Known<'_>> {
        if let Some(recent) = self.recent.get(&id.bucket) {
            if let Some((etag, commit)) = recent.settled.get(&id.name) {
                return Some(Known::Settled(Settled {
                    name: id.name,
                    etag: *etag,
                    commit: *commit,
                }));
            }
            if let Some(one) = recent.unsettled.get(&id.name) {
                return Some(Known::Unsettled(&one.entry));
            }
        }
        let segment = self.held.get(&id.bucket)?;
        let settled = segment.find(id.name).copied().map(Known::Settled);
        let unsettled = || segment.unsettled.get(&id.name);
        settled.or_else(|| unsettled().map(|one| Known::Unsettled(&one.entry)))
    }

    /// Takes a commit in. Checks first; on error nothing has changed.
    ///
    /// # Errors
    /// [`IllegalMove`] if the commit is not the next one or takes an object back that is known to be
    /// done.
    pub fn apply(&mut self, sequence: u64, commit: &Commit) -> Result<(), IllegalMove> {
        let number = follows(self.head(), sequence)?;
        let mut placed = Vec::with_capacity(commit.inputs.len());
        let mut seen = HashSet::with_capacity(commit.inputs.len());
        for input in &commit.inputs {
            let period = key_period(&input.key);
            let id = ObjectId::within(period.into(), &commit.root, &input.key);
            if let Some(Known::Settled(one)) = self.resident(id) {
                return Err(IllegalMove(format!(
                    "{} is in commit {} already and again in {sequence}",
                    full_name(&commit.root, &input.key),
                    one.commit
                )));
            }
            if !seen.insert(input.key.as_str()) || !input.state.is_settled() {
                return Err(IllegalMove(format!(
                    "{} is twice in commit {sequence}, or not settled by it",
                    full_name(&commit.root, &input.key)
                )));
            }
            placed.push((id, period));
        }
        for (input, (id, period)) in commit.inputs.iter().zip(placed) {
            if let KeyState::Committed(done) = &input.state {
                self.now.tally.add_object(input, done, period);
                self.learn(&commit.root, &input.key);
            }
            self.remember(number, &commit.root, input, id);
        }
        if !commit.inputs.is_empty() {
            self.now.roots.insert(commit.root.clone());
        }
        self.recent_objects += commit.inputs.len() as u64;
        self.now.tally.add_files(commit);
        let lines = commit.lines.iter();
        let lines = lines.map(|lines| (lines.path.clone(), lines.clone()));
        self.now.lines.extend(lines);
        self.now.sequence = sequence;
        Ok(())
    }

    fn remember(&mut self, commit: u32, root: &str, input: &Input, id: ObjectId) {
        let recent = self.recent.entry(id.bucket).or_default();
        if let KeyState::Committed(_) = &input.state {
            recent.unsettled.remove(&id.name);
            let settled = (etag_mark(&input.etag), commit);
            recent.settled.insert(id.name, settled);
            return;
        }
        let entry = Entry {
            etag: input.etag.clone(),
            size: input.size,
            state: input.state.clone(),
            commit: commit.into(),
        };
        let name = full_name(root, &input.key);
        recent.unsettled.insert(id.name, Unsettled { name, entry });
    }

    /// Keeps the newest time of a kind of keys.
    fn learn(&mut self, root: &str, key: &str) {
        let Some(stamp) = key_stamp(key) else { return };
        let head = full_name(root, key.get(..stamp.start).unwrap_or_default());
        let heads = self.now.newest.entry(stamp.separator).or_default();
        let newest = heads.entry(head).or_insert(stamp.period.from);
        *newest = stamp.period.from.max(*newest);
    }
}

/// The number of a commit that comes after `head`.
fn follows(head: u64, sequence: u64) -> Result<u32, IllegalMove> {
    if sequence != head + 1 {
        let what = format!("commit {sequence} cannot follow commit {head}");
        return Err(IllegalMove(what));
    }
    u32::try_from(sequence).map_err(|_| IllegalMove(format!("there can be no commit {sequence}")))
}

#[cfg(test)]
mod tests;

//! What commits add up to: a checkpoint says which segments hold the folded states, and the sums.
//!
//! Checkpoints and segments only spare a run the reading of all commits. Every one of them can be
//! made again from the commits.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::object_id::ID_RULES;
use super::{Bucket, FORMAT_VERSION, Lines, Tally};

/// The record under `_s3logs/checkpoints/`: all commits up to one, folded.
///
/// Memory: some 60 bytes per day that keys carry and per beginning of keys, its [`Tally`], and about
/// 250 bytes per file of line fingerprints, of which `--dedupe` makes one per batch, table and day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    /// [`FORMAT_VERSION`] of the writer.
    pub(super) version: u32,
    /// [`ID_RULES`] of the writer.
    pub(super) id_rules: u32,
    /// The newest commit that is folded in.
    pub(super) sequence: u64,
    /// Where the states of the objects of each bucket are.
    pub(super) segments: BTreeMap<Bucket, SegmentRef>,
    /// Roots of the sources that objects came from.
    pub(super) roots: BTreeSet<String>,
    /// Of the objects that are done: the newest time of each kind of keys, microseconds UTC. A kind
    /// has a beginning (root and all that comes before the time) and a separator between year,
    /// month and day.
    pub(super) newest: BTreeMap<char, BTreeMap<String, i64>>,
    /// The files of line fingerprints, by path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) lines: BTreeMap<String, Lines>,
    /// Sums.
    pub(super) tally: Tally,
}

/// A segment in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SegmentRef {
    /// The checkpoint it was written for, part of its name.
    pub(super) sequence: u64,
    /// Objects in it.
    pub(super) objects: u64,
    /// Those of them that failed or are no log.
    pub(super) unsettled: u64,
}

impl Default for Checkpoint {
    fn default() -> Self {
        Self {
            version: FORMAT_VERSION,
            id_rules: ID_RULES,
            sequence: 0,
            segments: BTreeMap::new(),
            roots: BTreeSet::new(),
            newest: BTreeMap::new(),
            lines: BTreeMap::new(),
            tally: Tally::default(),
        }
    }
}

/// When commits are folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Folding {
    /// After so many commits.
    pub commits: u64,
    /// Or so many objects.
    pub objects: u64,
}

/// A run reads at most 32 small records beside the checkpoint; with 48 bytes for each object that
/// is not folded yet, 200,000 of them take some 10 MB.
impl Default for Folding {
    fn default() -> Self {
        Self {
            commits: 32,
            objects: 200_000,
        }
    }
}

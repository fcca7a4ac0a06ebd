//! Commits folded into segments: what is held of them, and when and how that is written.

use std::collections::{BTreeMap, BTreeSet};

use super::checkpoint::{Checkpoint, Folding, SegmentRef};
use super::segment::{Segment, Settled};
use super::{Bucket, Ledger, ObjectId};

/// Objects that are held before segments that are not needed are let go: 64 MB.
const HELD_OBJECTS: usize = 4_000_000;

/// A checkpoint to be written, and the segments that are new in it.
#[derive(Debug)]
pub(super) struct Folded {
    pub(super) checkpoint: Checkpoint,
    pub(super) segments: BTreeMap<Bucket, Segment>,
}

impl Ledger {
    /// As of a checkpoint, with nothing held.
    pub(super) fn at(checkpoint: Checkpoint) -> Self {
        Self {
            folded: checkpoint.sequence,
            now: checkpoint,
            ..Self::default()
        }
    }

    /// Whether the states of a bucket's objects are all here.
    pub(super) fn holds(&self, bucket: Bucket) -> bool {
        self.held.contains_key(&bucket) || !self.now.segments.contains_key(&bucket)
    }

    /// All buckets with objects that are done, or were tried.
    pub(super) fn buckets(&self) -> BTreeSet<Bucket> {
        let folded = self.now.segments.keys();
        folded.chain(self.recent.keys()).copied().collect()
    }

    /// The objects of a bucket that are done; it must be held.
    pub(super) fn settled(&self, bucket: Bucket) -> impl Iterator<Item = ObjectId> {
        let folded = self.held.get(&bucket).into_iter();
        let folded = folded.flat_map(|segment| segment.settled.iter().map(|one| one.name));
        let recent = self.recent.get(&bucket).into_iter();
        let recent = recent.flat_map(|recent| recent.settled.keys().copied());
        folded
            .chain(recent)
            .map(move |name| ObjectId { bucket, name })
    }

    /// The segments of those of the buckets that are not held.
    pub(super) fn missing(&self, buckets: &BTreeSet<Bucket>) -> Vec<(Bucket, SegmentRef)> {
        let missing = buckets.iter().filter(|bucket| !self.holds(**bucket));
        missing
            .filter_map(|bucket| Some((*bucket, *self.now.segments.get(bucket)?)))
            .collect()
    }

    pub(super) fn put(&mut self, bucket: Bucket, segment: Segment) {
        self.held.insert(bucket, segment);
    }

    /// Lets go of segments, before others are read, if much is held. Those in `needed` stay.
    pub(super) fn make_room(&mut self, needed: &BTreeSet<Bucket>) {
        let held: usize = self.held.values().map(Segment::len).sum();
        if held > HELD_OBJECTS {
            self.held.retain(|bucket, _| needed.contains(bucket));
        }
    }

    /// Whether enough has happened since the last checkpoint for another one.
    pub(super) fn is_due(&self, folding: Folding) -> bool {
        self.head() - self.folded >= folding.commits || self.recent_objects >= folding.objects
    }

    /// Buckets with states that are not folded.
    pub(super) fn touched(&self) -> BTreeSet<Bucket> {
        self.recent.keys().copied().collect()
    }

    /// What a checkpoint now would be. The touched buckets must be held.
    pub(super) fn fold(&self) -> Folded {
        let mut folded = Folded {
            checkpoint: self.now.clone(),
            segments: BTreeMap::new(),
        };
        for (bucket, recent) in &self.recent {
            let mut segment = self.held.get(bucket).cloned().unwrap_or_default();
            let settled = recent.settled.iter();
            let settled = settled.map(|(name, (etag, commit))| Settled {
                name: *name,
                etag: *etag,
                commit: *commit,
            });
            segment.take(settled.collect(), recent.unsettled.clone());
            let place = SegmentRef {
                sequence: self.head(),
                objects: segment.len() as u64,
                unsettled: segment.unsettled.len() as u64,
            };
            folded.checkpoint.segments.insert(*bucket, place);
            folded.segments.insert(*bucket, segment);
        }
        folded
    }

    /// Goes on from a checkpoint that has been written.
    pub(super) fn adopt(&mut self, folded: Folded) {
        self.folded = folded.checkpoint.sequence;
        self.now = folded.checkpoint;
        self.held.extend(folded.segments);
        self.recent.clear();
        self.recent_objects = 0;
    }
}

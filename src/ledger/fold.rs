//! Commits folded into segments: what is held of them, and when and how that is written.

use std::collections::{BTreeMap, BTreeSet};

use super::checkpoint::{Checkpoint, Folding, SegmentRef};
use super::segment::{Segment, Settled};
use super::{Bucket, Ledger, ObjectId, Recent};

/// Objects that are held before segments that are not needed are let go: 64 MB.
const HELD_OBJECTS: usize = 4_000_000;

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

    /// The record of a bucket's states as of now. The bucket must be held.
    ///
    /// Memory: 16 bytes per object that is not folded yet, and the record.
    pub(super) fn fold(&self, bucket: Bucket) -> (Vec<u8>, SegmentRef) {
        let none = Segment::default();
        let held = self.held.get(&bucket).unwrap_or(&none);
        let recent = self.recent.get(&bucket).map(Segment::from);
        held.encode(&recent.unwrap_or_default(), bucket, self.head())
    }

    /// Goes on from a checkpoint that has been written, of which these segments are new.
    pub(super) fn adopt(&mut self, segments: BTreeMap<Bucket, SegmentRef>) {
        while let Some((bucket, recent)) = self.recent.pop_first() {
            // What was let go of meanwhile is read again when it is asked for.
            if self.holds(bucket) {
                self.held.entry(bucket).or_default().take((&recent).into());
            }
        }
        self.now.segments.extend(segments);
        self.folded = self.head();
        self.recent_objects = 0;
    }

    /// The checkpoint that names these segments instead of older ones.
    pub(super) fn checkpoint(&self, segments: &BTreeMap<Bucket, SegmentRef>) -> Checkpoint {
        let mut checkpoint = self.now.clone();
        checkpoint.segments.extend(segments);
        checkpoint
    }
}

impl From<&Recent> for Segment {
    fn from(recent: &Recent) -> Self {
        let settled = recent.settled.iter();
        let settled = settled.map(|(name, (etag, commit))| Settled {
            name: *name,
            etag: *etag,
            commit: *commit,
        });
        let mut settled: Vec<Settled> = settled.collect();
        settled.sort_unstable_by_key(|one| one.name);
        Self {
            settled,
            unsettled: recent.unsettled.clone(),
        }
    }
}

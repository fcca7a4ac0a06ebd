//! The folded states of one bucket's objects.
//!
//! Layout, compressed as one zstd frame with a checksum: a line of JSON ([`Header`]), then per
//! settled object, in the order of their hashes and plane by plane (the first byte of all, the
//! second byte of all, …): 7 bytes of the difference to the hash before it, 3 bytes of the `ETag`'s
//! hash, 4 bytes of the commit less the lowest one. The planes that hold little compress to nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::compression::{compress, decompress};
use super::{Bucket, Entry, FORMAT_VERSION};

/// An object that is done. 16 bytes in memory, about 10 in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Settled {
    /// [`ObjectId::name`](super::ObjectId).
    pub(super) name: u64,
    /// [`etag_mark`](super::etag_mark).
    pub(super) etag: u32,
    /// The commit that has it.
    pub(super) commit: u32,
}

/// An object that failed or is no log, under its full name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsettled {
    /// Root and key.
    pub name: String,
    /// What is known of it.
    #[serde(flatten)]
    pub entry: Entry,
}

/// What is known of the objects of a bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Segment {
    /// Sorted by name.
    pub(super) settled: Vec<Settled>,
    /// By [`ObjectId::name`](super::ObjectId).
    pub(super) unsettled: BTreeMap<u64, Unsettled>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    version: u32,
    bucket: Bucket,
    /// As of this commit.
    sequence: u64,
    settled: u64,
    first_commit: u32,
    unsettled: BTreeMap<u64, Unsettled>,
}

/// Bytes of a settled object: name, `ETag`, commit.
const WIDTHS: [usize; 3] = [7, 3, 4];
const WIDTH: usize = 14;

impl Segment {
    pub(super) fn find(&self, name: u64) -> Option<&Settled> {
        let at = self.settled.binary_search_by_key(&name, |one| one.name);
        self.settled.get(at.ok()?)
    }

    /// Objects in it.
    pub(super) fn len(&self) -> usize {
        self.settled.len() + self.unsettled.len()
    }

    /// Takes newer states in. An object that is done stays so.
    pub(super) fn take(&mut self, mut settled: Vec<Settled>, unsettled: BTreeMap<u64, Unsettled>) {
        for one in &settled {
            self.unsettled.remove(&one.name);
        }
        self.unsettled.extend(unsettled);
        self.settled.append(&mut settled);
        self.settled.sort_unstable_by_key(|one| one.name);
    }

    pub(super) fn encode(&self, bucket: Bucket, sequence: u64) -> Vec<u8> {
        let first_commit = self.settled.iter().map(|one| one.commit).min().unwrap_or(0);
        let header = Header {
            version: FORMAT_VERSION,
            bucket,
            sequence,
            settled: self.settled.len() as u64,
            first_commit,
            unsettled: self.unsettled.clone(),
        };
        let mut bytes = serde_json::to_vec(&header).expect("strings, numbers and maps of them");
        bytes.push(b'\n');
        let mut last = 0;
        let rows: Vec<[u64; 3]> = self
            .settled
            .iter()
            .map(|one| {
                let step = one.name - std::mem::replace(&mut last, one.name);
                [step, one.etag.into(), (one.commit - first_commit).into()]
            })
            .collect();
        for (column, width) in WIDTHS.into_iter().enumerate() {
            for byte in (0..width).rev() {
                bytes.extend(rows.iter().map(|row| row[column].to_le_bytes()[byte]));
            }
        }
        compress(&bytes)
    }

    /// # Errors
    /// What is wrong with the bytes.
    pub(super) fn decode(bytes: &[u8], bucket: Bucket, sequence: u64) -> Result<Self, Damage> {
        let bytes = decompress(bytes).map_err(|error| Damage::Broken(error.to_string()))?;
        let end = memchr::memchr(b'\n', &bytes);
        let (header, planes) = bytes.split_at(end.unwrap_or(bytes.len()));
        let header: Header =
            serde_json::from_slice(header).map_err(|error| Damage::Broken(error.to_string()))?;
        if header.version > FORMAT_VERSION {
            return Err(Damage::Newer(header.version));
        }
        let planes = planes.get(1..).unwrap_or_default();
        let count = planes.len() / WIDTH;
        if (header.bucket, header.sequence) != (bucket, sequence) {
            return Err(Damage::Broken("it belongs to another place".to_owned()));
        }
        if count * WIDTH != planes.len() || count as u64 != header.settled {
            return Err(Damage::Broken("its length is wrong".to_owned()));
        }
        Ok(Self {
            settled: settled(planes, count, header.first_commit)
                .ok_or_else(|| Damage::Broken("its numbers are out of range".to_owned()))?,
            unsettled: header.unsettled,
        })
    }
}

/// Why bytes are no segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Damage {
    /// A newer program wrote it.
    Newer(u32),
    /// They are damaged.
    Broken(String),
}

fn settled(planes: &[u8], count: usize, first_commit: u32) -> Option<Vec<Settled>> {
    let number = |row: usize, first: usize, width: usize| {
        (first..first + width).fold(0_u64, |number, plane| {
            number << 8 | u64::from(planes[plane * count + row])
        })
    };
    let mut name = 0_u64;
    let rows = (0..count).map(|row| {
        name = name.checked_add(number(row, 0, 7))?;
        let commit = u32::try_from(number(row, 10, 4)).ok()?;
        Some(Settled {
            name,
            etag: u32::try_from(number(row, 7, 3)).ok()?,
            commit: first_commit.checked_add(commit)?,
        })
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::KeyState;
    use super::*;

    fn one(name: u64, etag: u32, commit: u32) -> Settled {
        Settled { name, etag, commit }
    }

    fn skipped(name: &str) -> Unsettled {
        let state = KeyState::Skipped {
            why: "no log".to_owned(),
        };
        let entry = Entry {
            etag: "e".to_owned(),
            size: 1,
            state,
            commit: 3,
        };
        Unsettled {
            name: name.to_owned(),
            entry,
        }
    }

    proptest! {
        #[test]
        fn a_segment_is_read_as_it_was_written(
            objects in proptest::collection::btree_map(0..1_u64 << 56, (0..1_u32 << 24, 5..90_u32), 0..50),
        ) {
            let objects = objects.into_iter();
            let settled: Vec<_> = objects.map(|(name, (etag, commit))| one(name, etag, commit)).collect();
            let unsettled = BTreeMap::from([(9, skipped("s3://b/é"))]);
            let segment = Segment { settled, unsettled };
            let bytes = segment.encode(Bucket::Undated, 90);
            let read = Segment::decode(&bytes, Bucket::Undated, 90);
            prop_assert_eq!(read.as_ref(), Ok(&segment));
            prop_assert!(Segment::decode(&bytes, Bucket::Undated, 91).is_err());
            for one in &segment.settled {
                prop_assert_eq!(segment.find(one.name), Some(one));
            }
        }

        /// The frame's checksum finds what its syntax does not.
        #[test]
        fn a_flipped_bit_is_noticed(at in any::<prop::sample::Index>(), bit in 0..8_u8) {
            let settled = (1..40_u32).map(|n| one(u64::from(n) << 40, n, 1)).collect();
            let segment = Segment { settled, unsettled: BTreeMap::new() };
            let mut bytes = segment.encode(Bucket::Undated, 1);
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            let read = Segment::decode(&bytes, Bucket::Undated, 1);
            prop_assert!(read.is_err() || read.as_ref() == Ok(&segment), "{read:?}");
        }
    }

    #[test]
    fn what_is_done_is_no_longer_unsettled() {
        let mut segment = Segment::default();
        segment.take(Vec::new(), BTreeMap::from([(7, skipped("a"))]));
        segment.take(vec![one(7, 1, 4)], BTreeMap::new());
        assert_eq!((segment.len(), segment.unsettled.len()), (1, 0));
        assert_eq!(segment.find(7), Some(&one(7, 1, 4)));
    }
}

//! The folded states of one bucket's objects.
//!
//! Layout, compressed as one zstd frame with a checksum: a line of JSON ([`Header`]), then per
//! settled object, in the order of their hashes and plane by plane (the first byte of all, the
//! second byte of all, …): 7 bytes of the difference to the hash before it, 3 bytes of the `ETag`'s
//! hash, 4 bytes of the commit less the lowest one. The planes that hold little compress to nothing.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use super::checkpoint::SegmentRef;
use super::compression::{compressed, decompress};
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

/// What a header has in every version.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

/// Bytes of a settled object: name, `ETag`, commit.
const WIDTHS: [usize; 3] = [7, 3, 4];
const WIDTH: usize = 14;

/// Bytes of planes that are compressed at a time.
const PIECE: usize = 64 << 10;

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
    ///
    /// Memory: those of both once more while they are moved, if they have to be.
    pub(super) fn take(&mut self, newer: Self) {
        for one in &newer.settled {
            self.unsettled.remove(&one.name);
        }
        self.unsettled.extend(newer.unsettled);
        self.settled.reserve_exact(newer.settled.len());
        self.settled.extend(newer.settled);
        self.settled.sort_unstable_by_key(|one| one.name);
    }

    /// The record of these states with newer ones taken in, and what a checkpoint says of it.
    ///
    /// Memory: the record, about 10 bytes per object.
    pub(super) fn encode(
        &self,
        newer: &Self,
        bucket: Bucket,
        sequence: u64,
    ) -> (Vec<u8>, SegmentRef) {
        let commits = merged(&self.settled, &newer.settled).map(|one| one.commit);
        let first_commit = commits.min().unwrap_or(0);
        let count = self.settled.len() + newer.settled.len();
        let header = Header {
            version: FORMAT_VERSION,
            bucket,
            sequence,
            settled: count as u64,
            first_commit,
            unsettled: self.unsettled_with(newer),
        };
        let place = SegmentRef {
            sequence,
            objects: (count + header.unsettled.len()) as u64,
            unsettled: header.unsettled.len() as u64,
        };
        let text = serde_json::to_vec(&header).expect("strings, numbers and maps of them");
        let room = text.len() + count * WIDTH;
        let record = compressed(room, |out| {
            out.write_all(&text)?;
            out.write_all(b"\n")?;
            self.write_planes(newer, first_commit, out)
        });
        (record, place)
    }

    /// Goes through the objects once for each plane, so that no plane is held.
    fn write_planes(&self, newer: &Self, first_commit: u32, out: &mut dyn Write) -> io::Result<()> {
        let mut piece = Vec::with_capacity(PIECE);
        for (column, width) in WIDTHS.into_iter().enumerate() {
            for byte in (0..width).rev() {
                let mut last = 0;
                for one in merged(&self.settled, &newer.settled) {
                    let number = match column {
                        0 => one.name - std::mem::replace(&mut last, one.name),
                        1 => one.etag.into(),
                        _ => (one.commit - first_commit).into(),
                    };
                    piece.push(number.to_le_bytes()[byte]);
                    if piece.len() == PIECE {
                        out.write_all(&piece)?;
                        piece.clear();
                    }
                }
            }
        }
        out.write_all(&piece)
    }

    fn unsettled_with(&self, newer: &Self) -> BTreeMap<u64, Unsettled> {
        let is_done = |name: &u64| newer.find(*name).is_some();
        let old = self.unsettled.iter().filter(|(name, _)| !is_done(name));
        let all = old.chain(&newer.unsettled);
        all.map(|(name, one)| (*name, one.clone())).collect()
    }

    /// # Errors
    /// What is wrong with the bytes.
    pub(super) fn decode(bytes: &[u8], bucket: Bucket, sequence: u64) -> Result<Self, Damage> {
        let bytes = decompress(bytes).map_err(|error| Damage::Broken(error.to_string()))?;
        let end = memchr::memchr(b'\n', &bytes);
        let (header, planes) = bytes.split_at(end.unwrap_or(bytes.len()));
        let broken = |error: serde_json::Error| Damage::Broken(error.to_string());
        let Version { version } = serde_json::from_slice(header).map_err(broken)?;
        if version > FORMAT_VERSION {
            return Err(Damage::Newer(version));
        }
        let header: Header = serde_json::from_slice(header).map_err(broken)?;
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

/// Both in the order of their names.
fn merged<'a>(
    old: &'a [Settled],
    newer: &'a [Settled],
) -> impl Iterator<Item = &'a Settled> + use<'a> {
    let (mut old, mut newer) = (old.iter().peekable(), newer.iter().peekable());
    std::iter::from_fn(move || match (old.peek(), newer.peek()) {
        (Some(one), Some(other)) if other.name < one.name => newer.next(),
        (None, _) => newer.next(),
        _ => old.next(),
    })
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
            let (newer, older) = settled.iter().partition(|one| one.etag % 3 == 0);
            let unsettled = BTreeMap::from([(9, skipped("s3://b/é"))]);
            let newer = Segment { settled: newer, unsettled };
            let unsettled = newer.settled.first().map(|one| (one.name, skipped("s3://b/was")));
            let unsettled = unsettled.into_iter().chain([(9, skipped("s3://b/older"))]);
            let mut segment = Segment { settled: older, unsettled: unsettled.collect() };
            let (bytes, place) = segment.encode(&newer, Bucket::Undated, 90);
            segment.take(newer);
            prop_assert_eq!(&segment.settled, &settled);
            let read = Segment::decode(&bytes, Bucket::Undated, 90);
            prop_assert_eq!(read.as_ref(), Ok(&segment));
            prop_assert_eq!((place.objects, place.unsettled), (segment.len() as u64, segment.unsettled.len() as u64));
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
            let (mut bytes, _) = segment.encode(&Segment::default(), Bucket::Undated, 1);
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            let read = Segment::decode(&bytes, Bucket::Undated, 1);
            prop_assert!(read.is_err() || read.as_ref() == Ok(&segment), "{read:?}");
        }
    }

    #[test]
    fn what_is_done_is_no_longer_unsettled() {
        let mut segment = Segment::default();
        let unsettled = BTreeMap::from([(7, skipped("a"))]);
        segment.take(Segment {
            unsettled,
            ..Segment::default()
        });
        let settled = vec![one(7, 1, 4)];
        segment.take(Segment {
            settled,
            ..Segment::default()
        });
        assert_eq!((segment.len(), segment.unsettled.len()), (1, 0));
        assert_eq!(segment.find(7), Some(&one(7, 1, 4)));
    }
}

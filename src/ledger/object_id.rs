//! How the ledger tells objects apart without holding their names.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::schema::{KeyPeriod, key_period};
use crate::units::Day;

/// Version of the rule that puts objects into buckets and of the hashes. Folded records of another
/// version are not used: an object would be looked for where it is not.
pub const ID_RULES: u32 = 1;

/// Objects that are folded together: those whose keys carry the same day, or none.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(into = "String", try_from = "String")]
pub enum Bucket {
    /// The key carries no time.
    #[default]
    Undated,
    /// The day in which the key's time begins.
    Day(Day),
}

impl Bucket {
    /// The bucket of a key.
    pub fn of(key: &str) -> Self {
        key_period(key).into()
    }
}

impl From<Option<KeyPeriod>> for Bucket {
    fn from(period: Option<KeyPeriod>) -> Self {
        period.map_or(Self::Undated, |period| Self::Day(period.day()))
    }
}

const UNDATED: &str = "undated";

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Undated => f.write_str(UNDATED),
            Self::Day(day) => day.fmt(f),
        }
    }
}

impl From<Bucket> for String {
    fn from(bucket: Bucket) -> Self {
        bucket.to_string()
    }
}

impl TryFrom<String> for Bucket {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == UNDATED {
            return Ok(Self::Undated);
        }
        text.parse().map(Self::Day)
    }
}

/// An object: its bucket and 56 bits of the SHA-256 of its full name.
///
/// Among a million objects of one day, a new one is taken for another with a chance of 2^-36; it
/// then counts as replaced, which is reported, unless the 24 bits of its `ETag` agree too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    /// Where it is folded.
    pub bucket: Bucket,
    /// The hash, below 2^56.
    pub name: u64,
}

impl ObjectId {
    /// The object with this key below a root.
    pub fn of(root: &str, key: &str) -> Self {
        Self::within(Bucket::of(key), root, key)
    }

    /// The same where the key's bucket is known.
    pub(super) fn within(bucket: Bucket, root: &str, key: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(root);
        hash.update("/");
        hash.update(key);
        Self {
            bucket,
            name: first_bytes(hash, 7),
        }
    }
}

/// 24 bits of the SHA-256 of an `ETag`.
pub fn etag_mark(etag: &str) -> u32 {
    let mut hash = Sha256::new();
    hash.update(etag);
    u32::try_from(first_bytes(hash, 3)).unwrap_or(u32::MAX)
}

fn first_bytes(hash: Sha256, count: usize) -> u64 {
    let digest = hash.finalize();
    let first = digest.iter().take(count);
    first.fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is written down depends on these: a change needs another [`ID_RULES`].
    #[test]
    fn ids_never_change() {
        let shown: Vec<String> = [
            "AWSLogs/1/2026/03/04/2026-03-05-00-00-00-0123456789ABCDEF",
            "logs/2026-03-05-10-11-12-0123456789ABCDEF",
            "cf/E1.2026-03-05-10.a1b2c3d4.gz",
            "2026/03/04/log",
            "x/2026-03.merged.gz",
            "readme",
        ]
        .iter()
        .map(|key| {
            let id = ObjectId::of("s3://b", key);
            format!("{} {:014x}", id.bucket, id.name)
        })
        .collect();
        insta::assert_debug_snapshot!(shown);
        assert_eq!(ID_RULES, 1);
        assert_eq!(etag_mark("d41d8cd98f00b204e9800998ecf8427e"), 0x00f2_15fa);
    }

    #[test]
    fn buckets_are_written_as_text() {
        for bucket in [Bucket::Undated, Bucket::of("a/2026-03-05-10-11-12-A")] {
            let text = serde_json::to_string(&bucket).expect("text");
            let back: Bucket = serde_json::from_str(&text).expect("a bucket");
            assert_eq!(back, bucket);
        }
        assert!(serde_json::from_str::<Bucket>("\"someday\"").is_err());
    }
}

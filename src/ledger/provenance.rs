//! What a batch was made from, kept in the last of its Parquet files: with it the commits can be
//! made again where the ledger is lost.
//!
//! It depends on the objects that are done and on the files alone, so the same objects give the same
//! bytes, whatever failed beside them and whenever they were stored.

use serde::{Deserialize, Serialize};

use crate::units::Day;

use super::compression::{compress, decompress};
use super::records::in_columns;
use super::{FORMAT_VERSION, Input};

/// A batch as its last file tells it.
///
/// Memory: as a [`Commit`](super::Commit) of the batch, which is held anyway; written, it takes about
/// 26 bytes per object, and 12 where `ETag`s are empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// [`FORMAT_VERSION`] of the writer.
    pub version: u32,
    /// Root of the source.
    pub root: String,
    /// The objects that are done. None has a time, and those of stores whose `ETag`s depend on more
    /// than the content have an empty one: their version is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "in_columns")]
    pub inputs: Vec<Input>,
    /// The batch's Parquet files. The last is the one that this record is in.
    pub files: Vec<FileRecord>,
    /// The batch's files of rejected lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejects: Vec<RejectsRecord>,
    /// The batch's files of line fingerprints.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<LinesRecord>,
}

/// A Parquet file of the batch; its name follows from this and the batch's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// Its table.
    pub table: String,
    /// The day of its rows.
    pub day: Day,
    /// Its number among the batch's files of that table and day.
    pub part: usize,
    /// Rows in it.
    pub rows: u64,
    /// Earliest event time, microseconds UTC.
    pub min_ts: i64,
    /// Latest event time, microseconds UTC.
    pub max_ts: i64,
    /// Its size; 0 for the file that the record is in.
    pub bytes: u64,
    /// The first 8 hex digits of its SHA-256; empty for the file that the record is in.
    pub hash: String,
}

/// A file of rejected lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectsRecord {
    /// The table the lines were meant for.
    pub table: String,
    /// Lines in it.
    pub lines: u64,
    /// The first 8 hex digits of its SHA-256.
    pub hash: String,
}

/// A file of line fingerprints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinesRecord {
    /// The table of the rows.
    pub table: String,
    /// The day of the rows.
    pub day: Day,
    /// Fingerprints in it.
    pub rows: u64,
    /// Lines of this day that were left out.
    pub duplicates: u64,
    /// The first 8 hex digits of its SHA-256.
    pub hash: String,
}

/// Why bytes are no such record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoProvenance {
    /// A newer program wrote it.
    Newer(u32),
    /// They are damaged.
    Broken(String),
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

impl Provenance {
    /// The record as it lies in a file.
    ///
    /// # Panics
    /// Never: it holds strings, numbers and lists of them.
    pub fn encode(&self) -> Vec<u8> {
        compress(&serde_json::to_vec(self).expect("strings, numbers and lists of them"))
    }

    /// # Errors
    /// [`NoProvenance`].
    pub fn decode(bytes: &[u8]) -> Result<Self, NoProvenance> {
        let broken = |cause: String| NoProvenance::Broken(cause);
        let text = decompress(bytes).map_err(|error| broken(error.to_string()))?;
        let Version { version } =
            serde_json::from_slice(&text).map_err(|error| broken(error.to_string()))?;
        if version > FORMAT_VERSION {
            return Err(NoProvenance::Newer(version));
        }
        let record: Self =
            serde_json::from_slice(&text).map_err(|error| broken(error.to_string()))?;
        if record.files.is_empty() {
            return Err(broken("it names no file".to_owned()));
        }
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::super::{Done, KeyState};
    use super::*;

    fn record() -> Provenance {
        Provenance {
            version: FORMAT_VERSION,
            root: "s3://b".to_owned(),
            inputs: Vec::new(),
            files: vec![FileRecord {
                table: "t".to_owned(),
                day: Day(20_000),
                part: 0,
                rows: 5,
                min_ts: 1,
                max_ts: 2,
                bytes: 0,
                hash: String::new(),
            }],
            rejects: Vec::new(),
            lines: Vec::new(),
        }
    }

    /// S3's `ETag`s are 16 random bytes each, and so are 8 bytes of a key.
    #[test]
    fn an_object_takes_about_thirty_bytes() {
        let hex = |n: u64, text: &str| {
            let mut hash = Sha256::new();
            hash.update(format!("{n}{text}"));
            let digest = hash.finalize();
            let bytes = digest.iter().take(16);
            let number = bytes.fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
            format!("{number:032x}")
        };
        let input = |n: u64| Input {
            key: format!(
                "logs/2026-03-05-10-11-{:02}-{}",
                n / 334,
                &hex(n, "key")[..16]
            ),
            etag: hex(n, "etag"),
            size: 500 + n % 900,
            modified: 0,
            state: KeyState::Committed(Done {
                table: "s3_access".to_owned(),
                lines: 1 + n % 5,
                rows: 1 + n % 5,
                ..Done::default()
            }),
        };
        let record = Provenance {
            inputs: (0..20_000).map(input).collect(),
            ..record()
        };
        let bytes = record.encode().len();
        assert!((24..=31).contains(&(bytes / 20_000)), "{bytes}");
    }

    #[test]
    fn a_record_is_read_as_it_was_written_or_not_at_all() {
        let bytes = record().encode();
        assert_eq!(Provenance::decode(&bytes), Ok(record()));
        for at in 0..bytes.len() {
            let mut garbled = bytes.clone();
            garbled[at] ^= 1;
            let read = Provenance::decode(&garbled);
            assert!(read.is_err() || read == Ok(record()), "byte {at}: {read:?}");
        }
        let newer = Provenance {
            version: FORMAT_VERSION + 1,
            ..record()
        };
        let read = Provenance::decode(&newer.encode());
        assert_eq!(read, Err(NoProvenance::Newer(FORMAT_VERSION + 1)));
    }
}

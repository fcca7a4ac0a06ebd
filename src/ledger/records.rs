//! What is written down: intents before outputs become visible, commits when they count.

use serde::{Deserialize, Serialize};

use crate::units::Day;

use super::columns::Columns;
use super::{KeyState, Owner};

/// Version of the records; readers refuse newer ones. Version 1 had the inputs of a commit as a
/// list.
pub const FORMAT_VERSION: u32 = 2;

/// Outputs that are about to become visible; written before the first of them is put.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// Its name in the store; see [`Journal::put_intent`](super::Journal::put_intent).
    #[serde(skip)]
    pub name: String,
    /// When the store says it was written, microseconds UTC.
    #[serde(skip)]
    pub written: i64,
    /// Who wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// [`FORMAT_VERSION`] of the writer.
    pub version: u32,
    /// The batch.
    pub batch: String,
    /// Newest commit that any of the objects was in when the batch was made: see
    /// [`Ledger::commit_of`](super::Ledger::commit_of).
    #[serde(default)]
    pub generation: u64,
    /// The shard of the run that made it, such as `2/16`; its runs finish it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<String>,
    /// Root of the source: `s3://bucket` or `file:///folder`.
    pub root: String,
    /// The batch's objects, so that the same grouping can be done again.
    pub inputs: Vec<Input>,
    /// Paths of the batch's files.
    pub outputs: Vec<String>,
}

/// One step of the dataset's history: the point at which its rows count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// [`FORMAT_VERSION`] of the writer.
    pub version: u32,
    /// The batch, or what else was committed.
    pub batch: String,
    /// Root of the source: `s3://bucket` or `file:///folder`.
    pub root: String,
    /// The objects that are settled.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "in_columns")]
    pub inputs: Vec<Input>,
    /// The files that count from now on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<Output>,
    /// The files of rejected lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejects: Vec<Rejects>,
    /// The files of line fingerprints, one per table and day; only of a run with `--dedupe`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<Lines>,
    /// Files that no longer count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<Output>,
}

/// How a commit's inputs are written.
pub(super) mod in_columns {
    use std::fmt;

    use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
    use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
    use serde::ser::{Serialize, Serializer};

    use super::{Columns, Input};

    pub(in crate::ledger) fn serialize<S: Serializer>(
        inputs: &[Input],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        Columns::of(inputs).serialize(to)
    }

    pub(in crate::ledger) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<Input>, D::Error> {
        from.deserialize_any(Inputs)
    }

    struct Inputs;

    impl<'de> Visitor<'de> for Inputs {
        type Value = Vec<Input>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the objects of a commit")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Vec<Input>, A::Error> {
            let columns = Columns::deserialize(MapAccessDeserializer::new(map))?;
            let inputs = columns.inputs();
            inputs.ok_or_else(|| A::Error::custom("its columns do not fit together"))
        }

        fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Vec<Input>, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(list))
        }
    }
}

impl Default for Commit {
    fn default() -> Self {
        Self {
            version: FORMAT_VERSION,
            batch: String::new(),
            root: String::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            rejects: Vec::new(),
            lines: Vec::new(),
            removed: Vec::new(),
        }
    }
}

/// A source object in an intent or commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Its key, relative to the root.
    pub key: String,
    /// The version that was read; empty where that is not known.
    pub etag: String,
    /// Its size in bytes.
    pub size: u64,
    /// When the store says it was last modified, microseconds UTC; 0 where that is not known.
    pub modified: i64,
    /// What became of it.
    #[serde(flatten)]
    pub state: KeyState,
}

/// A Parquet file of the dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Path relative to the destination.
    pub path: String,
    /// Its table.
    pub table: String,
    /// The day of all its rows.
    pub day: Day,
    /// Rows in it.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
    /// Earliest event time, microseconds UTC.
    pub min_ts: i64,
    /// Latest event time, microseconds UTC.
    pub max_ts: i64,
}

/// A file of rejected lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejects {
    /// Path relative to the destination.
    pub path: String,
    /// The table the lines were meant for.
    pub table: String,
    /// Lines in it.
    pub lines: u64,
}

/// A file with the fingerprints of the lines of a commit's rows of one day, and what was left out
/// because its line was known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lines {
    /// Path relative to the destination.
    pub path: String,
    /// The table of the rows.
    pub table: String,
    /// The day of the rows.
    pub day: Day,
    /// Fingerprints in it: one for each row of the commit in this table and day.
    pub rows: u64,
    /// Lines of this day that are no rows because a row has the same line.
    pub duplicates: u64,
}

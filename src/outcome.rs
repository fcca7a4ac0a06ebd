//! What a verb did, in numbers that add up.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};

use crate::units::Day;

/// Objects by what became of them in this run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ObjectCounts {
    /// Seen in the source and wanted.
    pub listed: u64,
    /// Of these, not done before.
    pub new: u64,
    /// Their rows are in the dataset since this run.
    pub committed: u64,
    /// Of these, damaged, and only the lines before the damage are in the dataset.
    pub partial: u64,
    /// No log.
    pub skipped: u64,
    /// Of another format than the one asked for; nothing is remembered of them.
    pub unwanted: u64,
    /// Could not be done in this run.
    pub failed: u64,
    /// Failed for good in an earlier run, and not tried again.
    pub remembered: u64,
    /// Found to be no log by an earlier run, and not looked at again.
    pub ignored: u64,
    /// Done by an earlier run and replaced in the source since; not read again.
    pub changed: u64,
}

/// What was done for one table. `lines = rows + duplicates + rejects + comments`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TableCounts {
    /// Objects read.
    pub objects: u64,
    /// Lines in them.
    pub lines: u64,
    /// Lines that became rows.
    pub rows: u64,
    /// Lines left out because a row has the same line.
    #[serde(skip_serializing_if = "is_zero")]
    pub duplicates: u64,
    /// Lines that are kept as rejects.
    pub rejects: u64,
    /// Header and blank lines.
    pub comments: u64,
    /// Bytes read, as they lie in the source.
    pub bytes_in: u64,
    /// Bytes of Parquet written.
    pub bytes_out: u64,
    /// Days with rows; JSON shows how many.
    #[serde(serialize_with = "how_many")]
    pub days: BTreeSet<Day>,
    /// Parquet files written.
    pub files: u64,
    /// Values that did not convert and became null, by column.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub unconverted: BTreeMap<&'static str, u64>,
    /// Texts in which bytes that are not UTF-8 were escaped.
    pub invalid_text: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
fn is_zero(value: &u64) -> bool {
    *value == 0
}

fn how_many<S: Serializer>(days: &BTreeSet<Day>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(days.len() as u64)
}

impl TableCounts {
    /// Adds what was done elsewhere for the same table.
    pub fn add(&mut self, other: &Self) {
        self.objects += other.objects;
        self.lines += other.lines;
        self.rows += other.rows;
        self.duplicates += other.duplicates;
        self.rejects += other.rejects;
        self.comments += other.comments;
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
        self.days.extend(&other.days);
        self.files += other.files;
        for (column, count) in &other.unconverted {
            *self.unconverted.entry(column).or_default() += count;
        }
        self.invalid_text += other.invalid_text;
    }
}

/// Requests to stores, by kind; none where they cost nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Requests(pub BTreeMap<&'static str, u64>);

impl Requests {
    /// Adds those made elsewhere.
    #[must_use]
    pub fn and(mut self, made: BTreeMap<&'static str, u64>) -> Self {
        for (kind, count) in made {
            *self.0.entry(kind).or_default() += count;
        }
        self
    }

    /// Whether there were none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What `sync` or `convert` did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Objects by what became of them.
    pub objects: ObjectCounts,
    /// By table name.
    pub tables: BTreeMap<&'static str, TableCounts>,
    /// Requests to the source and to the destination.
    pub requests: Requests,
}

impl Outcome {
    /// Lines rejected, over all tables.
    pub fn rejects(&self) -> u64 {
        self.tables.values().map(|table| table.rejects).sum()
    }

    /// Adds the counts of a table.
    pub fn add_table(&mut self, table: &'static str, counts: &TableCounts) {
        self.tables.entry(table).or_default().add(counts);
    }
}

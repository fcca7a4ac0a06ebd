//! The columns of a report, whatever its configuration left out.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Whole,
    /// An instant.
    Time,
}

/// A column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name, as in reports in Parquet. Those in CSV call `e_tag` `ETag`.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
}

const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, kind }
}

/// All columns that a report can have. The first two are in each.
pub const COLUMNS: [Column; 21] = [
    column("bucket", Kind::Text),
    column("key", Kind::Text),
    column("version_id", Kind::Text),
    column("is_latest", Kind::Flag),
    column("is_delete_marker", Kind::Flag),
    column("size", Kind::Whole),
    column("last_modified_date", Kind::Time),
    column("e_tag", Kind::Text),
    column("storage_class", Kind::Text),
    column("is_multipart_uploaded", Kind::Flag),
    column("replication_status", Kind::Text),
    column("encryption_status", Kind::Text),
    column("object_lock_retain_until_date", Kind::Time),
    column("object_lock_mode", Kind::Text),
    column("object_lock_legal_hold_status", Kind::Text),
    column("intelligent_tiering_access_tier", Kind::Text),
    column("bucket_key_status", Kind::Text),
    column("checksum_algorithm", Kind::Text),
    column("object_access_control_list", Kind::Text),
    column("object_owner", Kind::Text),
    column("lifecycle_expiration_date", Kind::Time),
];

impl Kind {
    /// The type in memory.
    pub fn data_type(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8View,
            Self::Flag => DataType::Boolean,
            Self::Whole => DataType::Int64,
            Self::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        }
    }
}

impl Column {
    /// What a report that lacks the column means: one of current versions alone does not say so in each row.
    pub fn otherwise(&self) -> Option<bool> {
        match self.name {
            "is_latest" => Some(true),
            "is_delete_marker" => Some(false),
            _ => None,
        }
    }
}

/// The columns as a schema.
pub fn schema() -> SchemaRef {
    let fields = COLUMNS
        .iter()
        .map(|column| Field::new(column.name, column.kind.data_type(), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// `LastModifiedDate` to `last_modified_date`, `ETag` to `e_tag`.
pub(super) fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::with_capacity(name.len() + 4);
    for (at, letter) in letters.iter().enumerate() {
        let after_lower = at > 0 && letters[at - 1].is_lowercase();
        let before_lower = letters.get(at + 1).is_some_and(|next| next.is_lowercase());
        if at > 0 && letter.is_uppercase() && (after_lower || before_lower) {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_csv_are_those_of_parquet() {
        for (csv, parquet) in [
            ("Bucket", "bucket"),
            ("ETag", "e_tag"),
            ("IsLatest", "is_latest"),
            ("ObjectLockRetainUntilDate", "object_lock_retain_until_date"),
            (
                "IntelligentTieringAccessTier",
                "intelligent_tiering_access_tier",
            ),
        ] {
            assert_eq!(snake_case(csv), parquet);
            assert!(COLUMNS.iter().any(|column| column.name == parquet));
        }
    }
}

//! What log objects there are, per day and format. Nothing is read but the listing.

use std::collections::BTreeMap;

use crate::event::Observer;
use crate::formats;
use crate::schema::{KeyPeriod, key_period};
use crate::store::ObjectMeta;
use crate::units::Day;

use super::JobError;
use super::source::{Seen, Source};

/// Stands for the format of an object whose name tells none.
pub const UNKNOWN: &str = "unknown";

/// Objects of one day and format.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// How many.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The first of their keys in byte order.
    pub first_key: String,
    /// The last of them.
    pub last_key: String,
}

/// What a source holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// All that was listed.
    pub seen: Seen,
    /// The wanted objects by day and name of the format. One row for each day and format.
    pub rows: BTreeMap<(Day, &'static str), Row>,
}

/// The day that an object's name carries, or else that of its last modification.
pub fn day_of(object: &ObjectMeta) -> Day {
    key_period(&object.key).map_or_else(|| Day::of_micros(object.modified), KeyPeriod::day)
}

/// Lists the wanted objects by day and format.
///
/// # Errors
/// What the store reports.
pub async fn list(source: &Source, observer: &dyn Observer) -> Result<Listing, JobError> {
    let mut rows: BTreeMap<(Day, &'static str), Row> = BTreeMap::new();
    let seen = each(source, observer, |object, day, format| {
        let row = rows.entry((day, format)).or_default();
        if row.objects == 0 || object.key < row.first_key {
            row.first_key.clone_from(&object.key);
        }
        if object.key > row.last_key {
            row.last_key.clone_from(&object.key);
        }
        row.objects += 1;
        row.bytes += object.size;
        Ok(())
    })
    .await?;
    Ok(Listing { seen, rows })
}

/// Hands the wanted objects to `take` one by one, in the store's order and with a page of the
/// listing in memory: the object, its day, and the format that the user or its name says.
///
/// # Errors
/// What the store reports, or what `take` returns.
pub async fn each(
    source: &Source,
    observer: &dyn Observer,
    mut take: impl FnMut(&ObjectMeta, Day, &'static str) -> Result<(), JobError>,
) -> Result<Seen, JobError> {
    source
        .each(observer, async |object: ObjectMeta| {
            let format = source
                .selection
                .format
                .or_else(|| formats::by_name(&object.key))
                .map_or(UNKNOWN, |format| format.name);
            take(&object, day_of(&object), format)?;
            Ok(true)
        })
        .await
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::event::Silent;
    use crate::jobs::test_store::TestStore;
    use crate::plan::Selection;

    #[tokio::test]
    async fn objects_are_counted_by_day_and_format() {
        let store = TestStore::default();
        for (key, bytes) in [
            ("logs/2026-03-01-10-15-42-0A1B2C3D4E5F6789", "12345"),
            ("logs/2026-03-01-23-59-58-3D4E5F6789012A3B", "123"),
            ("logs/E2EXAMPLE1.2026-03-01-10.a1b2c3d4.gz", "1"),
            ("logs/readme", "12"),
            ("logs/_s3logs/commits/1", "12"),
        ] {
            store.add(key, bytes.as_bytes());
        }
        let source = Source {
            store: Arc::new(store),
            prefix: "logs/".to_owned(),
            selection: Selection::default(),
            single: false,
            leave_out: None,
        };
        let listing = list(&source, &Silent).await.expect("a listing");
        let day: Day = "2026-03-01".parse().expect("a day");
        let rows: Vec<_> = listing
            .rows
            .iter()
            .map(|((day, format), row)| (*day, *format, row.objects, row.bytes))
            .collect();
        assert_eq!(
            rows,
            [
                (Day(0), UNKNOWN, 1, 2),
                (day, "cloudfront", 1, 1),
                (day, "s3-access", 2, 8),
            ]
        );
        let row = &listing.rows[&(day, "s3-access")];
        assert!(row.first_key.ends_with("6789") && row.last_key.ends_with("2A3B"));
        assert_eq!((listing.seen.objects, listing.seen.wanted), (4, 4));
    }
}

//! Splits rows by event day, without copying them.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::TimestampMicrosecondType;
use arrow::record_batch::RecordBatch;

use crate::units::{DAY_MICROS, Day};

/// Rows of one batch that belong together.
#[derive(Clone, Debug)]
pub struct Piece {
    /// The batch; pieces of several days share it.
    pub records: Arc<RecordBatch>,
    /// The rows in input order; `None` stands for all.
    pub rows: Option<Vec<u32>>,
}

impl Piece {
    /// How many rows it has.
    pub fn len(&self) -> usize {
        self.rows.as_ref().map_or(self.records.num_rows(), Vec::len)
    }

    /// Which row of the batch one of its rows is.
    #[inline]
    pub(super) fn row(&self, index: u32) -> usize {
        let row = self
            .rows
            .as_ref()
            .map_or(index, |rows| rows[index as usize]);
        row as usize
    }

    /// Whether it has no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The event times of a batch: its first column.
///
/// # Panics
/// If the batch was not made from a `Layout`, whose first column is always `ts`.
pub(super) fn times(records: &RecordBatch) -> &[i64] {
    records
        .column(0)
        .as_primitive::<TimestampMicrosecondType>()
        .values()
}

/// Splits a batch by the day of its event times; each day's rows keep their order.
pub fn split_by_day(records: RecordBatch) -> BTreeMap<Day, Piece> {
    debug_assert_eq!(records.column(0).null_count(), 0, "a row has an event time");
    let records = Arc::new(records);
    let mut days: BTreeMap<Day, Vec<u32>> = BTreeMap::new();
    let mut run: Option<(i64, &mut Vec<u32>)> = None;
    for (row, time) in (0u32..).zip(times(&records)) {
        let start = time.div_euclid(DAY_MICROS);
        match &mut run {
            Some((current, rows)) if *current == start => rows.push(row),
            _ => {
                let rows = days.entry(Day::of_micros(*time)).or_default();
                rows.push(row);
                run = Some((start, rows));
            }
        }
    }
    let whole = days.len() == 1;
    days.into_iter()
        .map(|(day, rows)| {
            let rows = (!whole).then_some(rows);
            (
                day,
                Piece {
                    records: Arc::clone(&records),
                    rows,
                },
            )
        })
        .collect()
}

//! In which order the rows of pieces are written, and where their values are found.

use std::ops::Range;

use arrow::array::ArrayRef;

use super::partition::{Piece, times};

/// Bytes that the order of the rows takes for each: where it stands, and where its values are found.
pub const BYTES: usize = size_of::<Place>() + 4;

/// Where a row stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) time: i64,
    pub(super) piece: u32,
    /// Which of the piece's rows.
    pub(super) index: u32,
}

/// Every row of the pieces, by time; rows of one time as they come.
pub(super) fn sorted(pieces: &[Piece]) -> Vec<Place> {
    let mut order = Vec::with_capacity(pieces.iter().map(Piece::len).sum());
    for (piece, rows) in (0u32..).zip(pieces) {
        let times = times(&rows.records);
        let place = |(index, time)| Place { time, piece, index };
        match &rows.rows {
            None => order.extend((0u32..).zip(times.iter().copied()).map(place)),
            Some(rows) => {
                let times = rows.iter().map(|row| times[*row as usize]);
                order.extend((0u32..).zip(times).map(place));
            }
        }
    }
    order.sort_by_key(|place| place.time);
    order
}

/// Some rows of the pieces in the order of the pieces, one after the other, and where among them each is
/// that is written.
///
/// A column is read in that order, which is that of memory, and picked from afterwards.
#[derive(Debug)]
pub(super) struct Layout {
    /// A piece, and which of its rows are laid out.
    stretches: Vec<(u32, Range<u32>)>,
    /// Where each row that is written is among those laid out.
    pub(super) positions: Vec<u32>,
}

/// Rows of a batch.
#[derive(Clone, Debug)]
pub(super) enum Stretch<'a> {
    /// Neighbours.
    Run(Range<usize>),
    /// These.
    Listed(&'a [u32]),
}

impl Layout {
    /// Lays out the rows of the pieces between the first and the last that are to be written.
    pub(super) fn of(pieces: &[Piece], order: &[Place]) -> Self {
        let none = Range {
            start: u32::MAX,
            end: 0,
        };
        let mut used = vec![none; pieces.len()];
        for place in order {
            let range = &mut used[place.piece as usize];
            range.start = range.start.min(place.index);
            range.end = range.end.max(place.index + 1);
        }
        let mut laid_out = 0u32;
        let mut before = vec![0; pieces.len()];
        let mut stretches = Vec::new();
        for ((piece, range), before) in (0u32..).zip(used).zip(&mut before) {
            if !range.is_empty() {
                *before = laid_out.wrapping_sub(range.start);
                laid_out += range.end - range.start;
                stretches.push((piece, range));
            }
        }
        let position = |place: &Place| before[place.piece as usize].wrapping_add(place.index);
        Self {
            stretches,
            positions: order.iter().map(position).collect(),
        }
    }

    /// A column of the pieces, with the rows that are laid out.
    pub(super) fn column<'a>(
        &'a self,
        pieces: &'a [Piece],
        column: usize,
    ) -> impl Iterator<Item = (&'a ArrayRef, Stretch<'a>)> {
        self.stretches.iter().map(move |(piece, range)| {
            let piece = &pieces[*piece as usize];
            let range = range.start as usize..range.end as usize;
            let stretch = match &piece.rows {
                None => Stretch::Run(range),
                Some(rows) => Stretch::Listed(&rows[range]),
            };
            (piece.records.column(column), stretch)
        })
    }
}

impl Stretch<'_> {
    /// Lays out values of a column, by the row.
    pub(super) fn lay_out<T>(&self, out: &mut Vec<T>, value: impl Fn(usize) -> T) {
        match self {
            Self::Run(rows) => out.extend(rows.clone().map(value)),
            Self::Listed(rows) => out.extend(rows.iter().map(|row| value(*row as usize))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{AsArray, RecordBatch, TimestampMicrosecondArray};
    use arrow::datatypes::TimestampMicrosecondType;
    use proptest::prelude::*;

    use super::*;

    fn piece((times, every): (Vec<i64>, Option<usize>)) -> Piece {
        let rows = every.map(|every| {
            let rows = 0..u32::try_from(times.len()).expect("few rows");
            rows.step_by(every).collect()
        });
        let times = Arc::new(TimestampMicrosecondArray::from(times)) as ArrayRef;
        let records = RecordBatch::try_from_iter([("ts", times)]).expect("a column");
        Piece {
            records: Arc::new(records),
            rows,
        }
    }

    proptest! {
        #[test]
        fn a_layout_leads_to_each_row(
            pieces in proptest::collection::vec(
                (proptest::collection::vec(0..9i64, 0..20), proptest::option::of(1..4usize)), 0..6),
            group in 1..20usize,
        ) {
            let pieces: Vec<Piece> = pieces.into_iter().map(piece).collect();
            let order = sorted(&pieces);
            prop_assert!(order.is_sorted_by_key(|place| (place.time, place.piece, place.index)));
            prop_assert_eq!(order.len(), pieces.iter().map(Piece::len).sum::<usize>());
            for rows in order.chunks(group) {
                let layout = Layout::of(&pieces, rows);
                let mut laid_out = Vec::new();
                for (column, stretch) in layout.column(&pieces, 0) {
                    let times = column.as_primitive::<TimestampMicrosecondType>().values();
                    stretch.lay_out(&mut laid_out, |row| (Arc::as_ptr(column), row, times[row]));
                }
                for (place, position) in rows.iter().zip(&layout.positions) {
                    let piece = &pieces[place.piece as usize];
                    let expected = (Arc::as_ptr(piece.records.column(0)), piece.row(place.index), place.time);
                    prop_assert!(laid_out[*position as usize] == expected);
                }
            }
        }
    }
}

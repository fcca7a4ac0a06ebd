//! Columns of sorted rows to Parquet column chunks.
//!
//! The encodings are the two that every reader knows: plain, and numbers into a dictionary of plain
//! values. Texts come as dictionaries of their batches, so a text is hashed once per batch and not once
//! per row. Which encoding a chunk has is decided by its values, before the first page.
//!
//! Format: Parquet's Encodings.md and the comments of parquet.thrift.

mod hybrid;
mod numbers;
mod pages;
#[cfg(test)]
mod tests;
mod texts;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use parquet::errors::{ParquetError, Result};
use parquet::schema::types::ColumnDescPtr;

use super::order::{Layout, Place, Stretch};
use super::partition::Piece;

pub(super) use pages::{Chunk, Compressors, Zstd};

/// Rows in a data page.
const PAGE_ROWS: usize = 1 << 15;

/// Values of a data page, in bytes, after which the next page begins.
const PAGE_BYTES: usize = 1 << 20;

/// Largest dictionary page. Readers hold it whole.
const DICTIONARY_BYTES: usize = 1 << 20;

/// Some rows of a column of the pieces.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) pieces: &'a [Piece],
    pub(super) column: usize,
    /// The rows, in the order in which they are written.
    pub(super) order: &'a [Place],
    /// Where their values are found.
    pub(super) layout: &'a Layout,
}

impl<'a> Rows<'a> {
    fn len(&self) -> usize {
        self.order.len()
    }

    /// The column of each piece.
    fn columns(&self) -> impl Iterator<Item = &'a ArrayRef> {
        let column = self.column;
        let pieces = self.pieces.iter();
        pieces.map(move |piece| piece.records.column(column))
    }

    /// The pieces' columns with the rows that are laid out.
    fn stretches(&self) -> impl Iterator<Item = (&'a ArrayRef, Stretch<'a>)> {
        self.layout.column(self.pieces, self.column)
    }

    /// For each row, in the order in which they are written, its value among those laid out.
    fn picked<T: Copy>(&self, laid_out: &[T]) -> impl ExactSizeIterator<Item = T> {
        let positions = self.layout.positions.iter();
        positions.map(|position| laid_out[*position as usize])
    }
}

/// Encodes rows of a column as one column chunk.
///
/// Memory: 8 to 18 bytes per row, 16 for texts without a dictionary; for texts with one 20 bytes per
/// distinct text and 8 per entry of the batches' dictionaries; one page; the chunk.
pub(super) fn encode(
    data_type: &DataType,
    descr: &ColumnDescPtr,
    rows: Rows<'_>,
    zstd: &mut Zstd,
) -> Result<Chunk> {
    match data_type {
        DataType::Timestamp(..) => {
            numbers::encode::<TimestampMicrosecondType>(descr, rows, true, zstd)
        }
        DataType::Int32 => numbers::encode::<Int32Type>(descr, rows, false, zstd),
        DataType::Int64 => numbers::encode::<Int64Type>(descr, rows, false, zstd),
        DataType::Float64 => numbers::encode::<Float64Type>(descr, rows, false, zstd),
        DataType::Boolean => numbers::encode_bools(descr, rows, zstd),
        DataType::Utf8 => texts::encode_plain(descr, rows, zstd),
        DataType::Dictionary(..) => texts::encode_words(descr, rows, zstd),
        other => Err(ParquetError::General(format!(
            "no column of {other} is written"
        ))),
    }
}

/// Appends the definition levels of some rows, with their length before them as version 1 pages have
/// it: 1 for a value, 0 for a null. Of the rows, so many are `valid`.
fn levels(valid: usize, rows: impl ExactSizeIterator<Item = bool>, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    if valid == rows.len() || valid == 0 {
        hybrid::run(u32::from(valid > 0), rows.len(), 1, out);
    } else {
        let levels: Vec<u32> = rows.map(u32::from).collect();
        hybrid::encode(&levels, 1, out);
    }
    let length = u32::try_from(out.len() - start - 4).unwrap_or(u32::MAX);
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

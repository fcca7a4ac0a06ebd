//! Columns of numbers and of truth values.

use std::cmp::Ordering;
use std::hash::BuildHasher;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    ArrowPrimitiveType, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use hashbrown::{DefaultHashBuilder, HashTable};
use parquet::basic::Encoding;
use parquet::errors::Result;
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::schema::types::ColumnDescPtr;

use super::pages::{Chunk, DataPage, Pages, Zstd};
use super::{PAGE_ROWS, Rows, hybrid, levels};

/// Numbers as Parquet has them.
pub(super) trait Number: ArrowPrimitiveType {
    /// The value's bits, by which values are told apart.
    fn bits(value: Self::Native) -> u64;
    fn plain(values: &[Self::Native], out: &mut Vec<u8>);
    fn order(a: Self::Native, b: Self::Native) -> Ordering;
    fn statistics(values: ValueStatistics<Self::Native>) -> Statistics;

    /// The least and the greatest value as statistics show them.
    fn shown(bounds: (Self::Native, Self::Native)) -> (Self::Native, Self::Native) {
        bounds
    }
}

macro_rules! integer {
    ($kind:ty) => {
        impl Number for $kind {
            fn bits(value: Self::Native) -> u64 {
                u64::from_le_bytes(i64::from(value).to_le_bytes())
            }

            fn plain(values: &[Self::Native], out: &mut Vec<u8>) {
                out.reserve(size_of_val(values));
                for value in values {
                    out.extend_from_slice(&value.to_le_bytes());
                }
            }

            fn order(a: Self::Native, b: Self::Native) -> Ordering {
                a.cmp(&b)
            }

            fn statistics(values: ValueStatistics<Self::Native>) -> Statistics {
                Statistics::from(values.with_backwards_compatible_min_max(true))
            }
        }
    };
}

integer!(Int32Type);
integer!(Int64Type);
integer!(TimestampMicrosecondType);

impl Number for Float64Type {
    fn bits(value: f64) -> u64 {
        value.to_bits()
    }

    fn plain(values: &[f64], out: &mut Vec<u8>) {
        out.reserve(size_of_val(values));
        for value in values {
            out.extend_from_slice(&value.to_le_bytes());
        }
    }

    fn order(a: f64, b: f64) -> Ordering {
        a.total_cmp(&b)
    }

    fn statistics(values: ValueStatistics<f64>) -> Statistics {
        Statistics::from(values.with_backwards_compatible_min_max(true))
    }

    /// Zeros of either sign are equal, so bounds have the sign that includes both (parquet.thrift,
    /// `ColumnOrder`). There are no NaNs: they do not convert.
    fn shown((least, greatest): (f64, f64)) -> (f64, f64) {
        let least = if least == 0.0 { -0.0 } else { least };
        let greatest = if greatest == 0.0 { 0.0 } else { greatest };
        (least, greatest)
    }
}

/// The rows' values that are not null, one after the other, and which rows have one.
struct Gathered<N: Number> {
    values: Vec<N::Native>,
    /// Empty if all have.
    present: Vec<bool>,
}

fn gather<N: Number>(rows: Rows<'_>) -> Gathered<N> {
    let mut laid_out = Vec::new();
    let mut valid = Vec::new();
    let nulls = rows.stretches().any(|(column, _)| column.null_count() > 0);
    for (column, stretch) in rows.stretches() {
        let column = column.as_primitive::<N>();
        let values = column.values();
        stretch.lay_out(&mut laid_out, |row| values[row]);
        if nulls {
            match column.nulls() {
                Some(nulls) => stretch.lay_out(&mut valid, |row| nulls.is_valid(row)),
                None => valid.resize(laid_out.len(), true),
            }
        }
    }
    let values = rows.picked(&laid_out);
    if !nulls {
        return Gathered {
            values: values.collect(),
            present: Vec::new(),
        };
    }
    let present: Vec<bool> = rows.picked(&valid).collect();
    let values = values.zip(&present);
    let values = values.filter_map(|(value, present)| present.then_some(value));
    Gathered {
        values: values.collect(),
        present,
    }
}

/// Values that are looked at before the others, as a dictionary costs most where it does not pay.
const SAMPLE: usize = 2048;

/// Distinct values, and which of them each value is.
struct Distinct<N: Number> {
    values: Vec<N::Native>,
    numbers: Vec<u32>,
}

/// The distinct values, in the order of their first appearance, unless there are many.
fn distinct<N: Number>(all: &[N::Native]) -> Option<Distinct<N>> {
    let size = size_of::<N::Native>();
    let hasher = DefaultHashBuilder::default();
    let mut table: HashTable<(u64, u32)> = HashTable::new();
    let mut values = Vec::new();
    let mut numbers = Vec::with_capacity(all.len());
    let most = all.len() / size * (size - 2);
    for (row, value) in all.iter().enumerate() {
        if row == SAMPLE && values.len() > SAMPLE / size * (size - 2) {
            return None;
        }
        let bits = N::bits(*value);
        let hash = hasher.hash_one(bits);
        let found = table.entry(
            hash,
            |(known, _)| *known == bits,
            |(known, _)| hasher.hash_one(*known),
        );
        let number = found
            .or_insert_with(|| {
                values.push(*value);
                (bits, u32::try_from(values.len() - 1).unwrap_or(u32::MAX))
            })
            .get()
            .1;
        numbers.push(number);
        // Each value once, and two bytes or so for each row: no gain any more.
        if values.len() > most {
            return None;
        }
    }
    Some(Distinct { values, numbers })
}

pub(super) fn encode<N: Number>(
    descr: &ColumnDescPtr,
    rows: Rows<'_>,
    ascending: bool,
    zstd: &mut Zstd,
) -> Result<Chunk> {
    let Gathered { values, present } = gather::<N>(rows);
    let distinct = if ascending {
        None
    } else {
        distinct::<N>(&values)
    };
    let mut pages = Pages::new(descr, zstd);
    let mut bytes = Vec::new();
    let mut width = 0;
    if let Some(distinct) = &distinct {
        N::plain(&distinct.values, &mut bytes);
        width = hybrid::width(u32::try_from(distinct.values.len().saturating_sub(1))?);
        pages.dictionary(&bytes, distinct.values.len())?;
    }
    let mut all: Option<(N::Native, N::Native)> = None;
    let mut done = 0;
    for from in (0..rows.len()).step_by(PAGE_ROWS) {
        let length = PAGE_ROWS.min(rows.len() - from);
        let present = present.get(from..from + length).unwrap_or_default();
        let valid = if present.is_empty() {
            length
        } else {
            present.iter().filter(|present| **present).count()
        };
        let here = done..done + valid;
        done += valid;
        bytes.clear();
        levels(
            valid,
            (0..length).map(|row| present.get(row).copied().unwrap_or(true)),
            &mut bytes,
        );
        let encoding = if let Some(distinct) = &distinct {
            bytes.push(width);
            hybrid::encode(&distinct.numbers[here.clone()], width, &mut bytes);
            Encoding::RLE_DICTIONARY
        } else {
            N::plain(&values[here.clone()], &mut bytes);
            Encoding::PLAIN
        };
        let here = bounds::<N>(values[here].iter().copied());
        all = bounds::<N>(all.into_iter().chain(here).flat_map(|(a, b)| [a, b]));
        let shown = here.map(N::shown).map(|(least, greatest)| {
            let (mut from, mut to) = (Vec::new(), Vec::new());
            N::plain(&[least], &mut from);
            N::plain(&[greatest], &mut to);
            (from, to)
        });
        pages.data(DataPage {
            bytes: &bytes,
            encoding,
            rows: length,
            nulls: length - valid,
            bounds: shown,
        })?;
    }
    let (least, greatest) = all.map(N::shown).unzip();
    let statistics = ValueStatistics::new(least, greatest, None, Some(pages.nulls()), false);
    pages.finish(N::statistics(statistics), ascending)
}

fn bounds<N: Number>(values: impl Iterator<Item = N::Native>) -> Option<(N::Native, N::Native)> {
    values.fold(None, |bounds, value| {
        let (mut least, mut greatest) = bounds.unwrap_or((value, value));
        if N::order(value, least).is_lt() {
            least = value;
        }
        if N::order(value, greatest).is_gt() {
            greatest = value;
        }
        Some((least, greatest))
    })
}

pub(super) fn encode_bools(
    descr: &ColumnDescPtr,
    rows: Rows<'_>,
    zstd: &mut Zstd,
) -> Result<Chunk> {
    let mut laid_out = Vec::new();
    for (column, stretch) in rows.stretches() {
        let column = column.as_boolean();
        let value = |row| column.is_valid(row).then(|| column.value(row));
        stretch.lay_out(&mut laid_out, value);
    }
    let all: Vec<Option<bool>> = rows.picked(&laid_out).collect();
    let mut pages = Pages::new(descr, zstd);
    let mut bytes = Vec::new();
    let (mut least, mut greatest) = (None, None);
    for page in all.chunks(PAGE_ROWS) {
        bytes.clear();
        let valid: Vec<bool> = page.iter().flatten().copied().collect();
        levels(valid.len(), page.iter().map(Option::is_some), &mut bytes);
        // Plain truth values are single bits, the first one lowest.
        for eight in valid.chunks(8) {
            let bits = eight.iter().enumerate();
            bytes.push(bits.map(|(bit, value)| u8::from(*value) << bit).sum());
        }
        let (from, to) = (valid.iter().min(), valid.iter().max());
        least = least.into_iter().chain(from.copied()).min();
        greatest = greatest.into_iter().chain(to.copied()).max();
        let one = |value: &bool| vec![u8::from(*value)];
        pages.data(DataPage {
            bytes: &bytes,
            encoding: Encoding::PLAIN,
            rows: page.len(),
            nulls: page.len() - valid.len(),
            bounds: from.map(one).zip(to.map(one)),
        })?;
    }
    let statistics = ValueStatistics::new(least, greatest, None, Some(pages.nulls()), false);
    pages.finish(Statistics::from(statistics), false)
}

//! Columns of texts, with and without a dictionary.

use std::hash::BuildHasher;
use std::iter::Peekable;

use arrow::array::{Array, AsArray, StringArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Int32Type, UInt8Type, UInt16Type};
use hashbrown::{DefaultHashBuilder, HashTable};
use parquet::basic::Encoding;
use parquet::data_type::ByteArray;
use parquet::errors::{ParquetError, Result};
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::schema::types::ColumnDescPtr;

use super::pages::{Chunk, DataPage, Pages, Zstd};
use super::{DICTIONARY_BYTES, PAGE_BYTES, PAGE_ROWS, Rows, Stretch, hybrid, levels};

/// Stands for a null.
const NONE: u32 = u32::MAX;

/// Stands for a text that has no number yet.
const UNKNOWN: u32 = u32::MAX - 1;

/// Longest text in statistics; longer ones are cut to a bound.
const SHOWN: usize = 64;

/// Bytes before each plain text: its length.
const LENGTH: usize = 4;

/// The keys of a batch's dictionary.
enum Keys<'a> {
    U8(&'a [u8]),
    U16(&'a [u16]),
    I32(&'a [i32]),
}

/// A batch's column: keys, nulls, texts.
struct Words<'a> {
    keys: Keys<'a>,
    nulls: Option<&'a NullBuffer>,
    texts: &'a StringArray,
}

impl<'a> Words<'a> {
    fn new(column: &'a dyn Array) -> Result<Self> {
        let dictionary = column.as_any_dictionary();
        let keys = match dictionary.keys().data_type() {
            DataType::UInt8 => Keys::U8(dictionary.keys().as_primitive::<UInt8Type>().values()),
            DataType::UInt16 => Keys::U16(dictionary.keys().as_primitive::<UInt16Type>().values()),
            DataType::Int32 => Keys::I32(dictionary.keys().as_primitive::<Int32Type>().values()),
            other => {
                let message = format!("no dictionary has keys of {other}");
                return Err(ParquetError::General(message));
            }
        };
        Ok(Self {
            keys,
            nulls: dictionary.keys().nulls(),
            texts: dictionary.values().as_string::<i32>(),
        })
    }

    /// Lays out the entries of the rows: `first` and their keys, or that of nulls.
    fn lay_out(&self, stretch: &Stretch<'_>, first: u32, out: &mut Vec<u32>) {
        match self.keys {
            Keys::U8(keys) => self.lay_out_keys(stretch, out, |row| first + u32::from(keys[row])),
            Keys::U16(keys) => self.lay_out_keys(stretch, out, |row| first + u32::from(keys[row])),
            Keys::I32(keys) => {
                self.lay_out_keys(stretch, out, |row| first + keys[row].cast_unsigned());
            }
        }
    }

    fn lay_out_keys(
        &self,
        stretch: &Stretch<'_>,
        out: &mut Vec<u32>,
        entry: impl Fn(usize) -> u32,
    ) {
        match self.nulls {
            None => stretch.lay_out(out, entry),
            Some(nulls) => stretch.lay_out(out, |row| {
                if nulls.is_valid(row) {
                    entry(row)
                } else {
                    NULLS
                }
            }),
        }
    }
}

/// The entry of nulls, before those of the batches' dictionaries.
const NULLS: u32 = 0;

/// An entry of a batch's dictionary.
#[derive(Clone, Copy)]
struct Entry {
    /// The number of its text.
    number: u32,
    /// How many rows have it.
    rows: u32,
}

/// The distinct texts of the rows, and which of them each row has.
struct Gathered<'a> {
    texts: Vec<&'a str>,
    /// [`NONE`] where a row is null.
    numbers: Vec<u32>,
    /// How many rows are not null.
    valid: usize,
    /// Bytes of the rows' texts, plainly encoded.
    plain: usize,
}

/// Numbers texts in the order in which they are met.
#[derive(Default)]
struct Numbering<'a> {
    hasher: DefaultHashBuilder,
    table: HashTable<(u64, u32)>,
    texts: Vec<&'a str>,
}

impl<'a> Numbering<'a> {
    #[inline(never)]
    fn number(&mut self, text: &'a str) -> u32 {
        let hash = self.hasher.hash_one(text);
        let texts = &self.texts;
        let same = |(other, number): &(u64, u32)| *other == hash && texts[*number as usize] == text;
        if let Some((_, number)) = self.table.find(hash, same) {
            return *number;
        }
        let number = u32::try_from(texts.len()).unwrap_or(UNKNOWN - 1);
        self.table
            .insert_unique(hash, (hash, number), |(hash, _)| *hash);
        self.texts.push(text);
        number
    }
}

fn gather(rows: Rows<'_>) -> Result<Gathered<'_>> {
    let mut dictionaries: Vec<(u32, &StringArray)> = Vec::new();
    let mut entries = NULLS + 1;
    let mut laid_out = Vec::new();
    for (column, stretch) in rows.stretches() {
        let words = Words::new(column.as_ref())?;
        words.lay_out(&stretch, entries, &mut laid_out);
        dictionaries.push((entries, words.texts));
        entries += u32::try_from(words.texts.len())?;
    }
    let new = Entry {
        number: UNKNOWN,
        rows: 0,
    };
    let mut known = vec![new; entries as usize];
    known[NULLS as usize].number = NONE;
    let text_of = |entry: u32| {
        let dictionary = dictionaries.partition_point(|(first, _)| *first <= entry) - 1;
        let (first, texts) = dictionaries[dictionary];
        texts.value((entry - first) as usize)
    };
    let mut numbering = Numbering::default();
    let numbers = rows.picked(&laid_out).map(|entry| {
        let known = &mut known[entry as usize];
        known.rows += 1;
        if known.number == UNKNOWN {
            known.number = numbering.number(text_of(entry));
        }
        known.number
    });
    let numbers = numbers.collect();
    let texts = numbering.texts;
    let (mut valid, mut plain) = (0, 0);
    for entry in known.iter().filter(|entry| entry.number < UNKNOWN) {
        let rows = entry.rows as usize;
        valid += rows;
        plain += rows * (texts[entry.number as usize].len() + LENGTH);
    }
    Ok(Gathered {
        texts,
        numbers,
        valid,
        plain,
    })
}

/// Encodes a column whose batches have dictionaries.
pub(super) fn encode_words(
    descr: &ColumnDescPtr,
    rows: Rows<'_>,
    zstd: &mut Zstd,
) -> Result<Chunk> {
    let Gathered {
        texts,
        numbers,
        valid,
        plain,
    } = gather(rows)?;
    let distinct: usize = texts.iter().map(|text| text.len() + LENGTH).sum();
    let width = match hybrid::width(u32::try_from(texts.len().saturating_sub(1))?) {
        // In whole bytes their shares show, and the compressor makes less of them.
        5..=7 => 8,
        width => width,
    };
    let with_dictionary = distinct + valid * usize::from(width) / 8;
    if distinct > DICTIONARY_BYTES || with_dictionary > plain / 8 * 7 {
        let rows = numbers.iter().map(|number| {
            let text = texts.get(*number as usize);
            text.map(|text| text.as_bytes())
        });
        return plain_pages(descr, rows, zstd);
    }
    dictionary_pages(descr, &texts, &numbers, width, zstd)
}

fn dictionary_pages(
    descr: &ColumnDescPtr,
    texts: &[&str],
    numbers: &[u32],
    width: u8,
    zstd: &mut Zstd,
) -> Result<Chunk> {
    let mut pages = Pages::new(descr, zstd);
    let mut bytes = Vec::new();
    for text in texts {
        plain(text.as_bytes(), &mut bytes);
    }
    pages.dictionary(&bytes, texts.len())?;
    let mut all = Bounds::default();
    let mut kept = Vec::new();
    // Pages that have shown each text, so that it is compared once a page.
    let mut shown = vec![0; texts.len()];
    for (page, numbers) in (1u32..).zip(numbers.chunks(PAGE_ROWS)) {
        bytes.clear();
        let valid = without_nulls(numbers, &mut kept);
        let present = numbers.iter().map(|number| *number != NONE);
        levels(valid.len(), present, &mut bytes);
        bytes.push(width);
        hybrid::encode(valid, width, &mut bytes);
        let mut bounds = Bounds::default();
        for number in valid {
            let number = *number as usize;
            if shown[number] != page {
                shown[number] = page;
                bounds.add(texts[number].as_bytes());
            }
        }
        all.join(bounds);
        pages.data(DataPage {
            bytes: &bytes,
            encoding: Encoding::RLE_DICTIONARY,
            rows: numbers.len(),
            nulls: numbers.len() - valid.len(),
            bounds: bounds.shown(),
        })?;
    }
    let statistics = all.statistics(pages.nulls());
    pages.finish(statistics, false)
}

/// The numbers that are none of a null; copied only where there are nulls.
fn without_nulls<'n>(numbers: &'n [u32], kept: &'n mut Vec<u32>) -> &'n [u32] {
    if !numbers.contains(&NONE) {
        return numbers;
    }
    kept.clear();
    kept.extend(numbers.iter().filter(|number| **number != NONE));
    kept
}

/// Encodes a column without dictionaries.
pub(super) fn encode_plain(
    descr: &ColumnDescPtr,
    rows: Rows<'_>,
    zstd: &mut Zstd,
) -> Result<Chunk> {
    let columns: Vec<&StringArray> = rows.columns().map(AsArray::as_string).collect();
    let texts = rows.order.iter().map(|place| {
        let piece = place.piece as usize;
        let row = rows.pieces[piece].row(place.index);
        let column = columns[piece];
        column.is_valid(row).then(|| column.value(row).as_bytes())
    });
    plain_pages(descr, texts, zstd)
}

fn plain_pages<'a>(
    descr: &ColumnDescPtr,
    rows: impl Iterator<Item = Option<&'a [u8]>>,
    zstd: &mut Zstd,
) -> Result<Chunk> {
    let mut pages = Pages::new(descr, zstd);
    let mut bytes = Vec::new();
    let mut all = Bounds::default();
    let mut page = Vec::new();
    let mut rows = rows.peekable();
    while rows.peek().is_some() {
        fill(&mut page, &mut rows);
        bytes.clear();
        let valid = page.iter().flatten().count();
        levels(valid, page.iter().map(Option::is_some), &mut bytes);
        let mut bounds = Bounds::default();
        for text in page.iter().flatten() {
            plain(text, &mut bytes);
            bounds.add(text);
        }
        all.join(bounds);
        pages.data(DataPage {
            bytes: &bytes,
            encoding: Encoding::PLAIN,
            rows: page.len(),
            nulls: page.len() - valid,
            bounds: bounds.shown(),
        })?;
    }
    let statistics = all.statistics(pages.nulls());
    pages.finish(statistics, false)
}

/// Takes the rows of the next page: at least one, as long as they do not make [`PAGE_BYTES`].
fn fill<'a>(
    page: &mut Vec<Option<&'a [u8]>>,
    rows: &mut Peekable<impl Iterator<Item = Option<&'a [u8]>>>,
) {
    page.clear();
    let mut bytes = 0;
    while let Some(text) = rows.peek() {
        let before = bytes;
        bytes += text.map_or(0, |text| text.len() + LENGTH);
        if page.len() == PAGE_ROWS || before > 0 && bytes > PAGE_BYTES {
            return;
        }
        page.extend(rows.next());
    }
}

fn plain(text: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(text);
}

/// The least and the greatest of some texts, as bytes compare, each behind its first bytes: these
/// alone tell most texts apart.
#[derive(Clone, Copy, Default)]
struct Bounds<'a> {
    least: Option<(u64, &'a [u8])>,
    greatest: Option<(u64, &'a [u8])>,
}

impl<'a> Bounds<'a> {
    #[inline]
    fn add(&mut self, text: &'a [u8]) {
        let new = (start(text), text);
        if self.least.is_none_or(|least| new < least) {
            self.least = Some(new);
        }
        if self.greatest.is_none_or(|greatest| new > greatest) {
            self.greatest = Some(new);
        }
    }

    fn join(&mut self, other: Self) {
        for (_, text) in other.least.into_iter().chain(other.greatest) {
            self.add(text);
        }
    }

    fn shown(self) -> Option<(Vec<u8>, Vec<u8>)> {
        let ((_, least), (_, greatest)) = (self.least?, self.greatest?);
        Some((at_most(least).to_vec(), at_least(greatest)))
    }

    fn statistics(self, nulls: u64) -> Statistics {
        let (least, greatest) = self.shown().unzip();
        let exact = |shown: &Option<Vec<u8>>, text: Option<(u64, &[u8])>| {
            text.is_some() && shown.as_deref() == text.map(|(_, text)| text)
        };
        let (least_exact, greatest_exact) =
            (exact(&least, self.least), exact(&greatest, self.greatest));
        let (least, greatest) = (least.map(ByteArray::from), greatest.map(ByteArray::from));
        Statistics::from(
            ValueStatistics::new(least, greatest, None, Some(nulls), false)
                .with_min_is_exact(least_exact)
                .with_max_is_exact(greatest_exact),
        )
    }
}

/// The first bytes of a text as a number that compares as they do; zeros stand for those it lacks.
#[inline]
fn start(text: &[u8]) -> u64 {
    if let Some(first) = text.first_chunk::<8>() {
        return u64::from_be_bytes(*first);
    }
    let mut first = [0; 8];
    first[..text.len()].copy_from_slice(text);
    u64::from_be_bytes(first)
}

/// The beginning of a text, in whole characters: not above the text.
fn at_most(text: &[u8]) -> &[u8] {
    let Some(mut end) = (text.len() > SHOWN).then_some(SHOWN) else {
        return text;
    };
    while end > 0 && text[end] & 0xc0 == 0x80 {
        end -= 1;
    }
    &text[..end]
}

/// A short text that is not below the text: its beginning with the last character that can be
/// replaced by the next one replaced. The text itself where none can.
fn at_least(text: &[u8]) -> Vec<u8> {
    let start = at_most(text);
    if start.len() == text.len() {
        return text.to_vec();
    }
    let start = std::str::from_utf8(start).unwrap_or_default();
    let next = start.char_indices().rev().find_map(|(at, character)| {
        let next = char::from_u32(u32::from(character) + 1)?;
        let mut bound = start[..at].to_owned();
        bound.push(next);
        Some(bound.into_bytes())
    });
    next.unwrap_or_else(|| text.to_vec())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bounds_hold(text in "\\PC{0,100}|[a\u{10ffff}\u{d7ff}]{60,80}") {
            let (least, greatest) = (at_most(text.as_bytes()), at_least(text.as_bytes()));
            prop_assert!(least <= text.as_bytes() && text.as_bytes() <= &greatest[..]);
            prop_assert!(std::str::from_utf8(least).is_ok());
            prop_assert!(std::str::from_utf8(&greatest).is_ok());
            prop_assert!(least.len() <= SHOWN);
        }

        #[test]
        fn pages_hold_every_row(lengths in proptest::collection::vec(prop_oneof![0usize..10, Just(PAGE_BYTES), Just(PAGE_BYTES / 2)], 1..50)) {
            let texts: Vec<Vec<u8>> = lengths.iter().map(|length| vec![0; *length]).collect();
            let mut rows = texts.iter().map(|text| Some(&text[..])).peekable();
            let (mut page, mut seen) = (Vec::new(), Vec::new());
            while rows.peek().is_some() {
                fill(&mut page, &mut rows);
                prop_assert!(!page.is_empty());
                let bytes: usize = page.iter().flatten().map(|text| text.len() + LENGTH).sum();
                prop_assert!(page.len() == 1 || bytes <= PAGE_BYTES);
                seen.extend(page.iter().flatten().map(|text| text.len()));
            }
            prop_assert_eq!(seen, lengths);
        }
    }
}

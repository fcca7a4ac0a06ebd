//! The push machine: bytes in, batches of typed rows out.

mod lines;

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::Schema;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

use crate::schema::values::DateCache;
use crate::schema::{Layout, LogFormat, Source};

use super::columns::{Builder, Faults, Parts, Words};
use super::fingerprint::{Printer, Prints};
use super::lines::{Lines, LongLine};
use super::scan::Cuts;
use super::tabbed::Header;
use super::{Extra, Line};
use lines::TimeFields;

/// Longest line that is split; longer ones are rejected, with this many of their bytes kept.
pub const MAX_LINE: usize = 1 << 20;

/// Event times that have a day as readers write it: years 1 to 9999, after the zone is applied.
const YEARS: std::ops::Range<i64> = -62_135_596_800_000_000..253_402_300_800_000_000;

/// Lines that are cut before their fields are converted: they fit into the L2 cache.
const BLOCK_ROWS: usize = 128;

/// A line that is no row, kept as it stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Line number in the object, from 1.
    pub line: u64,
    /// Why it is no row.
    pub reason: String,
    /// The line's bytes, at most [`MAX_LINE`] of them.
    pub bytes: Vec<u8>,
}

impl Reject {
    /// Bytes held.
    pub fn memory(&self) -> usize {
        self.bytes.capacity() + self.reason.capacity() + size_of::<Self>()
    }
}

/// What became of an object's lines: `lines = rows + rejects + comments`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Pieces between line ends; a last piece without line end counts unless it is empty.
    pub lines: u64,
    /// Lines that became rows.
    pub rows: u64,
    /// Lines that are kept as rejects.
    pub rejects: u64,
    /// Header lines and blank lines.
    pub comments: u64,
}

/// Typed rows with what went wrong inside fields.
#[derive(Debug)]
pub struct Batch {
    /// The rows, in input order, with the columns of the format's [`Layout`]; dictionaries have the
    /// narrowest keys that do.
    pub records: RecordBatch,
    /// Per column with any: values that did not convert and became null.
    pub unconverted: Vec<(&'static str, u64)>,
    /// Texts in which bytes that are not UTF-8 were escaped.
    pub invalid_text: u64,
    /// Fingerprints of the rows' lines, where they were asked for.
    pub prints: Option<Prints>,
}

/// Turns the lines of one format into columns.
///
/// Holds the rows since the last [`flush`](Self::flush), one unfinished line of at most
/// [`MAX_LINE`] bytes, and the rejects since the last [`take_rejects`](Self::take_rejects).
#[derive(Debug)]
pub struct Decoder {
    format: &'static LogFormat,
    layout: Layout,
    header: Header,
    dates: DateCache,
    time_fields: TimeFields,
    /// An unfinished line.
    carry: LongLine,
    block: Block,
    times: Vec<i64>,
    fields: Vec<Builder>,
    object_names: Vec<Words>,
    extra: Words,
    faults: Vec<Faults>,
    other_invalid: u64,
    names: Vec<Option<Vec<u8>>>,
    counts: Counts,
    rejects: Vec<Reject>,
    printer: Option<Printer>,
}

/// Lines that have been cut and wait for their fields to be converted.
#[derive(Debug, Default)]
struct Block {
    /// Where fields of tab-separated lines begin.
    cuts: Cuts,
    /// From where to where the fields of space-separated lines reach.
    spans: Vec<(u32, u32)>,
    rows: Vec<Line>,
    /// What rows have beyond the known fields.
    extras: Vec<(usize, Extra)>,
    /// Bytes of the extras that are written out.
    extra_bytes: usize,
}

impl Counts {
    /// Adds those of other lines.
    pub fn add(&mut self, other: &Self) {
        self.lines += other.lines;
        self.rows += other.rows;
        self.rejects += other.rejects;
        self.comments += other.comments;
    }
}

impl Decoder {
    /// A decoder for one format.
    pub fn new(format: &'static LogFormat) -> Self {
        let layout = Layout::of(format);
        let pieces = object_name_columns(&layout).count();
        Self {
            format,
            header: Header::new(format),
            dates: DateCache::default(),
            time_fields: TimeFields::of(format),
            carry: LongLine::default(),
            block: Block::default(),
            times: Vec::new(),
            fields: format
                .fields
                .iter()
                .map(|field| Builder::new(field.kind))
                .collect(),
            object_names: (0..pieces).map(|_| Words::default()).collect(),
            extra: Words::default(),
            faults: vec![Faults::default(); format.fields.len()],
            other_invalid: 0,
            names: vec![None; pieces],
            counts: Counts::default(),
            rejects: Vec::new(),
            printer: None,
            layout,
        }
    }

    /// The same, taking the fingerprints of the rows' lines if `wanted`.
    #[must_use]
    pub fn with_fingerprints(mut self, wanted: bool) -> Self {
        self.printer = wanted.then(Printer::default);
        self
    }

    /// Starts an object; its key may fill columns of its own.
    pub fn begin(&mut self, key: &str) {
        self.header.reset();
        self.carry = LongLine::default();
        self.counts = Counts::default();
        self.names = object_name_columns(&self.layout)
            .map(|piece| piece(key).map(|text| text.as_bytes().to_vec()))
            .collect();
        if let Some(printer) = &mut self.printer {
            printer.begin(key, &self.names);
        }
    }

    /// Takes the next bytes of the object, in pieces of any size.
    pub fn decode(&mut self, bytes: &[u8]) {
        // Spans are 32 bits wide.
        for piece in bytes.chunks(1 << 30) {
            self.decode_piece(piece);
        }
    }

    /// Takes lines that were cut from the text of the object; [`begin`](Self::begin) before each piece that
    /// is not decoded after the one before it.
    pub fn decode_lines(&mut self, lines: &Lines) {
        if let Some(header) = &lines.header {
            self.header(header.strip_suffix(b"\r").unwrap_or(header));
        }
        if let Some(long) = &lines.long {
            self.only_line(&long.kept, (0, long.kept.len()), Some(long.length));
        }
        self.decode(&lines.text);
    }

    /// Ends the object, with its last line if that has no line end, and tells what it held.
    pub fn end(&mut self) -> Counts {
        if self.carry.length > 0 {
            self.finish_carry();
        }
        self.counts
    }

    /// The rejects so far, in line order.
    pub fn take_rejects(&mut self) -> Vec<Reject> {
        std::mem::take(&mut self.rejects)
    }

    /// Rows since the last flush.
    pub fn rows(&self) -> usize {
        self.times.len()
    }

    /// Bytes held by rows and rejects.
    pub fn memory(&self) -> usize {
        let rejects: usize = self.rejects.iter().map(Reject::memory).sum();
        let words = self.object_names.iter().map(Words::memory).sum::<usize>();
        self.times.len() * 8
            + self.fields.iter().map(Builder::memory).sum::<usize>()
            + words
            + self.extra.memory()
            + self.block.extra_bytes
            + self.printer.as_ref().map_or(0, Printer::memory)
            + rejects
    }

    /// Hands over the rows since the last flush; `None` if there are none.
    ///
    /// # Errors
    /// When the columns do not fit the schema, or a text column outgrew 2 GiB: a programming error,
    /// as callers flush long before.
    pub fn flush(&mut self) -> Result<Option<Batch>, ArrowError> {
        if self.times.is_empty() {
            return Ok(None);
        }
        let columns = Parts {
            format: self.format,
            layout: &self.layout,
            times: std::mem::take(&mut self.times),
            fields: &mut self.fields,
            object_names: &mut self.object_names,
            extra: &mut self.extra,
        }
        .assemble()?;
        let records = records(&self.layout, columns)?;
        let unconverted = self
            .format
            .fields
            .iter()
            .zip(&self.faults)
            .filter(|(_, faults)| faults.unconverted > 0)
            .map(|(field, faults)| (field.column, faults.unconverted))
            .collect();
        let invalid: u64 = self.faults.iter().map(|faults| faults.invalid).sum();
        self.faults.fill(Faults::default());
        let invalid_text = invalid + std::mem::take(&mut self.other_invalid);
        Ok(Some(Batch {
            records,
            unconverted,
            invalid_text,
            prints: self.printer.as_mut().map(Printer::take),
        }))
    }
}

/// The columns as a batch. Its schema is the layout's, but for the keys of dictionaries.
fn records(layout: &Layout, columns: Vec<ArrayRef>) -> Result<RecordBatch, ArrowError> {
    let fields = layout.schema.fields().iter().zip(&columns);
    let fields = fields.map(|(field, column)| {
        if field.data_type() == column.data_type() {
            Arc::clone(field)
        } else {
            let field = field.as_ref().clone();
            Arc::new(field.with_data_type(column.data_type().clone()))
        }
    });
    let schema = Schema::new(fields.collect::<Vec<_>>());
    RecordBatch::try_new(Arc::new(schema), columns)
}

fn object_name_columns(layout: &Layout) -> impl Iterator<Item = fn(&str) -> Option<&str>> {
    layout
        .columns
        .iter()
        .filter_map(|column| match column.source {
            Source::ObjectName(piece) => Some(piece),
            _ => None,
        })
}

//! The stages between an object's bytes and a Parquet file, one at a time, as the benchmarks measure them.

#![allow(
    dead_code,
    reason = "each of the programs that measure uses a part of this"
)]

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use s3logs::parse::{Decoder, Encoding, Inflater, WholeInflater};
use s3logs::schema::{Layout, LogFormat};
use s3logs::table::{Piece, WriteOptions, split_by_day, write_file};
use s3logs::units::Day;

/// Text that is decoded into one batch of rows.
const BATCH_TEXT: usize = 8 << 20;

/// Pieces of each day, each day's in the order of the objects.
pub(crate) type Days = Vec<Vec<Piece>>;

/// Time that this thread was running: what others do on the machine does not count, where the system tells (Linux).
pub(crate) struct Clock {
    ran: Option<Duration>,
    since: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self {
            ran: ran(),
            since: Instant::now(),
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        match (self.ran, ran()) {
            (Some(before), Some(now)) => now.saturating_sub(before),
            _ => self.since.elapsed(),
        }
    }
}

fn ran() -> Option<Duration> {
    let told = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanos = told.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanos))
}

/// Lets the caller's thread do what the file writer would share with other cores.
pub(crate) fn on_this_thread() {
    rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .use_current_thread()
        .build_global()
        .expect("no pool was made before");
}

/// A whole object.
pub(crate) fn inflate(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    inflate_again(&mut WholeInflater::default(), bytes, &mut text);
    text
}

/// The same into memory that is there, as a run does it.
pub(crate) fn inflate_again(whole: &mut WholeInflater, bytes: &[u8], text: &mut Vec<u8>) {
    text.clear();
    if whole.inflate(bytes, text, usize::MAX) {
        return;
    }
    text.clear();
    let mut inflater = Inflater::new(Encoding::of(bytes)).expect("an inflater");
    let mut at = 0;
    while at < bytes.len() {
        at += inflater
            .push(&bytes[at..], text, usize::MAX)
            .expect("whole logs");
    }
}

/// Named texts to typed columns; each batch goes to `take`.
pub(crate) fn decode<'a>(
    format: &'static LogFormat,
    texts: impl Iterator<Item = (&'a str, &'a [u8])>,
    mut take: impl FnMut(RecordBatch),
) -> u64 {
    let mut decoder = Decoder::new(format);
    let (mut rows, mut held) = (0, 0);
    let mut flush = |decoder: &mut Decoder| {
        if let Some(batch) = decoder.flush().expect("columns fit their schema") {
            take(batch.records);
        }
    };
    for (name, text) in texts {
        decoder.begin(name);
        decoder.decode(text);
        rows += decoder.end().rows;
        held += text.len();
        if held >= BATCH_TEXT {
            held = 0;
            flush(&mut decoder);
        }
    }
    flush(&mut decoder);
    rows
}

/// Rows by the day of their event.
pub(crate) fn split(batches: Vec<RecordBatch>) -> Days {
    let mut days: BTreeMap<Day, Vec<Piece>> = BTreeMap::new();
    for batch in batches {
        for (day, piece) in split_by_day(batch) {
            days.entry(day).or_default().push(piece);
        }
    }
    days.into_values().collect()
}

/// Bytes of Parquet for all days; the rows are sorted on the way.
pub(crate) fn encode(schema: &SchemaRef, days: &[Vec<Piece>]) -> usize {
    let options = WriteOptions::default();
    days.iter()
        .map(|pieces| {
            let mut out = Vec::new();
            write_file(schema, pieces, &options, &mut out).expect("memory takes all");
            out.len()
        })
        .sum()
}

/// Where the table's first column is all there is: what of [`encode`] is left is finding the order of the rows.
pub(crate) fn times_only(format: &LogFormat, days: &[Vec<Piece>]) -> (SchemaRef, Days) {
    let schema = Layout::of(format).schema;
    let times: SchemaRef = Schema::new(vec![schema.field(0).clone()]).into();
    let project = |piece: &Piece| Piece {
        records: piece
            .records
            .project(&[0])
            .expect("there is a first column")
            .into(),
        rows: piece.rows.clone(),
    };
    let days = days
        .iter()
        .map(|pieces| pieces.iter().map(project).collect());
    (times, days.collect())
}

//! Text to rows: every line is accounted for, and neither pieces nor groups change anything.

use std::collections::BTreeMap;

use arrow::array::Array as _;
use arrow::record_batch::RecordBatch;
use s3logs::formats;
use s3logs::parse::{Batch, Counts, Decoder, Reject, TextFormat};
use s3logs::schema::{Kind, Layout, LogFormat, Source, Syntax, values};
use serde_json::Value;

use super::dice::Dice;
use super::{parts, rows, tabbed};

/// An object name that every format can read something from.
const KEY: &str = "logs/E2EXAMPLE.2026-03-01-10.a1b2c3d4.gz";

/// Decodes the input, one or more objects, by the format found in it, or by all of them.
pub(super) fn decode(data: &[u8]) {
    let objects = parts(data);
    match formats::detect(data) {
        Ok(format) => check(format, &objects, Dice::of(data)),
        Err(_) => {
            for format in formats::ALL {
                check(format, &objects, Dice::of(data));
            }
        }
    }
}

/// What an object gave.
#[derive(Default)]
struct Gave {
    counts: Counts,
    rejects: Vec<Reject>,
    rows: Rows,
}

#[derive(Default)]
struct Rows {
    batches: Vec<RecordBatch>,
    unconverted: BTreeMap<&'static str, u64>,
    invalid_text: u64,
}

impl Rows {
    fn add(&mut self, batch: Option<Batch>) {
        let Some(batch) = batch else { return };
        for (column, count) in batch.unconverted {
            *self.unconverted.entry(column).or_default() += count;
        }
        self.invalid_text += batch.invalid_text;
        self.batches.push(batch.records);
    }

    fn extend(&mut self, other: Self) {
        self.batches.extend(other.batches);
        for (column, count) in other.unconverted {
            *self.unconverted.entry(column).or_default() += count;
        }
        self.invalid_text += other.invalid_text;
    }
}

fn check(format: &'static LogFormat, objects: &[&[u8]], mut dice: Dice) {
    // Each object by itself, whole.
    let mut alone: Vec<Gave> = Vec::new();
    for object in objects {
        let mut decoder = Decoder::new(format);
        decoder.begin(KEY);
        decoder.decode(object);
        let counts = decoder.end();
        let rejects = decoder.take_rejects();
        let mut rows = Rows::default();
        rows.add(decoder.flush().expect("columns fit the schema"));
        let gave = Gave {
            counts,
            rejects,
            rows,
        };
        every_line_is_accounted_for(format, object, &gave);
        alone.push(gave);
    }
    // All of them after each other, in pieces, with rows taken now and then.
    let mut decoder = Decoder::new(format);
    let mut rows = Rows::default();
    let mut expected = Rows::default();
    for (object, gave) in objects.iter().zip(alone) {
        decoder.begin(KEY);
        for piece in dice.pieces(object) {
            decoder.decode(piece);
            if dice.roll(4) == 0 {
                rows.add(decoder.flush().expect("columns fit the schema"));
            }
        }
        assert_eq!(decoder.end(), gave.counts);
        assert_eq!(decoder.take_rejects(), gave.rejects);
        expected.extend(gave.rows);
    }
    rows.add(decoder.flush().expect("columns fit the schema"));
    assert!(
        decoder.memory() < 1024,
        "{} bytes held of nothing",
        decoder.memory()
    );
    assert_eq!(rows::joined(&rows.batches), rows::joined(&expected.batches));
    assert_eq!(rows.unconverted, expected.unconverted);
    assert_eq!(rows.invalid_text, expected.invalid_text);
}

/// The lines of a text, without their `\n`; a last one without it counts unless it is empty.
fn lines(text: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    if lines.last().is_some_and(|last| last.is_empty()) {
        lines.pop();
    }
    lines
}

fn is_comment(format: &LogFormat, line: &[u8]) -> bool {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    line.is_empty() || (format.syntax == Syntax::Tabbed && line.starts_with(b"#"))
}

fn every_line_is_accounted_for(format: &LogFormat, text: &[u8], gave: &Gave) {
    let (lines, counts) = (lines(text), gave.counts);
    assert_eq!(counts.lines, lines.len() as u64);
    assert_eq!(counts.lines, counts.rows + counts.rejects + counts.comments);
    assert_eq!(counts.rejects, gave.rejects.len() as u64);
    let mut fates: Vec<&[u8]> = Vec::new();
    let mut rejects = gave.rejects.iter().peekable();
    let mut comments = 0;
    for (number, line) in (1..).zip(&lines) {
        if let Some(reject) = rejects.next_if(|reject| reject.line == number) {
            assert!(!is_comment(format, line) && !reject.reason.is_empty());
            assert!(line.starts_with(&reject.bytes), "it is kept as it stood");
            let record: Value = serde_json::from_slice(&reject.to_json_line(KEY)).expect("JSON");
            assert_eq!(record["line"], number);
        } else if is_comment(format, line) {
            comments += 1;
        } else {
            fates.push(line);
        }
    }
    assert!(
        rejects.next().is_none(),
        "rejects come in the order of lines"
    );
    assert_eq!(
        (counts.comments, counts.rows),
        (comments, fates.len() as u64)
    );
    let records = rows::joined(&gave.rows.batches);
    assert_eq!(
        counts.rows,
        records.as_ref().map_or(0, |r| r.num_rows() as u64)
    );
    if let Some(records) = records {
        for form in [TextFormat::Csv, TextFormat::Tsv] {
            let text = rows::text(&records, form);
            let ends = memchr::memchr_iter(b'\n', &text).count();
            assert!(
                ends > records.num_rows(),
                "a header, and a line of each row"
            );
        }
        values_stand_in_their_lines(format, &records, &fates);
        if format.syntax == Syntax::Tabbed {
            tabbed::nothing_of_a_line_is_lost(format, &records, &lines, &gave.rejects);
        }
    }
}

fn values_stand_in_their_lines(format: &LogFormat, records: &RecordBatch, lines: &[&[u8]]) {
    let layout = Layout::of(format);
    assert_eq!(records.schema(), layout.schema);
    assert_eq!(records.column(0).null_count(), 0, "every row has a time");
    let printed = rows::printed(records);
    assert_eq!(printed.len(), lines.len());
    for (row, line) in printed.iter().zip(lines) {
        texts_stand_in_order(format, &layout, row, &values::clean_utf8(line).0);
    }
}

/// The texts that are taken as they stand come after each other in their line, what is left over
/// last. (In a tabbed line, a header may give them any order.)
fn texts_stand_in_order(format: &LogFormat, layout: &Layout, row: &Value, line: &str) {
    let mut rest = line;
    for column in &layout.columns {
        let Some(text) = row.get(column.name).and_then(Value::as_str) else {
            continue;
        };
        match column.source {
            Source::Field(index) if matches!(format.fields[index].kind, Kind::Text | Kind::Id) => {
                assert_ne!(text, "-");
                let searched = match format.syntax {
                    Syntax::Tabbed => line,
                    Syntax::Spaced => rest,
                };
                let at = searched.find(text);
                let at = at.unwrap_or_else(|| panic!("{} {text:?} in {line:?}", column.name));
                rest = &searched[at + text.len()..];
            }
            Source::Extra if format.syntax == Syntax::Spaced => {
                assert!(
                    rest.trim_ascii_end().ends_with(text),
                    "{text:?} in {rest:?}"
                );
            }
            _ => {}
        }
    }
}

//! Rows as text: NDJSON, CSV, TSV.

use std::io::Write;

use arrow::csv::{Writer as CsvWriter, WriterBuilder as CsvBuilder};
use arrow::error::ArrowError;
use arrow::json::{LineDelimitedWriter, WriterBuilder as JsonBuilder, writer::LineDelimited};
use arrow::record_batch::RecordBatch;

/// Text forms of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextFormat {
    /// One JSON object a line; nulls are left out.
    Ndjson,
    /// Comma-separated with a header line.
    Csv,
    /// Tab-separated with a header line.
    Tsv,
}

/// Writes batches of one table to a stream. Buffers one batch.
pub struct TextWriter<W: Write>(Form<W>);

enum Form<W: Write> {
    Json(LineDelimitedWriter<W>),
    Csv(Box<CsvWriter<W>>),
}

impl<W: Write> std::fmt::Debug for TextWriter<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextWriter").finish_non_exhaustive()
    }
}

impl<W: Write> TextWriter<W> {
    /// A writer to `out`; `header` says whether CSV and TSV begin with their header line.
    pub fn new(out: W, format: TextFormat, header: bool) -> Self {
        let csv = |delimiter| {
            CsvBuilder::new()
                .with_header(header)
                .with_delimiter(delimiter)
                .with_timestamp_tz_format("%Y-%m-%dT%H:%M:%SZ".to_owned())
        };
        Self(match format {
            TextFormat::Ndjson => Form::Json(JsonBuilder::new().build::<W, LineDelimited>(out)),
            TextFormat::Csv => Form::Csv(Box::new(csv(b',').build(out))),
            TextFormat::Tsv => Form::Csv(Box::new(csv(b'\t').build(out))),
        })
    }

    /// Writes one batch.
    ///
    /// # Errors
    /// What the stream reports, as the `IoError` of Arrow.
    pub fn write(&mut self, records: &RecordBatch) -> Result<(), ArrowError> {
        match &mut self.0 {
            Form::Json(writer) => writer.write(records),
            Form::Csv(writer) => writer.write(records),
        }
    }
}

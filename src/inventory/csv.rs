//! Files in CSV: gzip to rows, piece by piece.

use std::io::Write as _;
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray, StringViewBuilder,
    new_null_array,
};
use arrow::compute::cast;
use arrow::csv::ReaderBuilder;
use arrow::csv::reader::Decoder;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use flate2::write::MultiGzDecoder;

use crate::schema::values::{clean_utf8, plain_key};

use super::columns::{COLUMNS, Column};
use super::{InventoryError, schema};

/// Rows of a batch.
const ROWS: usize = 8192;

/// Compressed bytes that are inflated at a time: to 64 MiB at the very most.
const PIECE: usize = 64 << 10;

/// Longest line: keys have at most 1,024 bytes, percent-encoded thrice as many.
const LONGEST: usize = 1 << 20;

/// Text of rows that are held.
const HELD: usize = 8 << 20;

/// Rows of one file, as its bytes come in.
///
/// Holds the text of one piece and the rows of one batch, at most 9 MiB of text.
#[derive(Debug)]
pub struct CsvRows {
    inflater: MultiGzDecoder<Vec<u8>>,
    decoder: Decoder,
    schema: SchemaRef,
    /// For each of [`COLUMNS`] its place in the file.
    places: Vec<Option<usize>>,
    bucket: String,
    /// Bytes of the line that is not over.
    line: usize,
    /// Bytes of the rows of the batch at hand.
    held: usize,
}

impl CsvRows {
    /// `columns` are those of the file, in order; `bucket` is the one that is listed.
    pub fn new(columns: &[String], bucket: &str) -> Self {
        let fields = columns.iter().enumerate();
        let fields = fields.map(|(at, _)| Field::new(at.to_string(), DataType::Utf8, true));
        let file = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let place = |column: &Column| columns.iter().position(|name| name == column.name);
        Self {
            inflater: MultiGzDecoder::new(Vec::new()),
            decoder: ReaderBuilder::new(file)
                .with_batch_size(ROWS)
                .build_decoder(),
            schema: schema(),
            places: COLUMNS.iter().map(place).collect(),
            bucket: bucket.to_owned(),
            line: 0,
            held: 0,
        }
    }

    /// Takes the next bytes of the file and hands over the rows that are whole.
    ///
    /// # Errors
    /// [`InventoryError::Damaged`].
    pub fn feed(
        &mut self,
        bytes: &[u8],
        mut take: impl FnMut(RecordBatch),
    ) -> Result<(), InventoryError> {
        for piece in bytes.chunks(PIECE) {
            self.inflater
                .write_all(piece)
                .map_err(|error| damaged(&error))?;
            let text = std::mem::take(self.inflater.get_mut());
            self.decode(&text, &mut take)?;
        }
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// [`InventoryError::Damaged`], where it is cut off too.
    pub fn finish(mut self, mut take: impl FnMut(RecordBatch)) -> Result<(), InventoryError> {
        self.inflater
            .try_finish()
            .map_err(|error| damaged(&error))?;
        let text = std::mem::take(self.inflater.get_mut());
        self.decode(&text, &mut take)?;
        // No more bytes end the last line.
        self.decoder.decode(&[]).map_err(|error| damaged(&error))?;
        self.flush(&mut take)
    }

    fn decode(
        &mut self,
        mut text: &[u8],
        take: &mut impl FnMut(RecordBatch),
    ) -> Result<(), InventoryError> {
        while !text.is_empty() {
            // Up to the end of a line, where there is one.
            let step = &text[..text.len().min(LONGEST)];
            let end = memchr::memrchr(b'\n', step).map_or(step.len(), |at| at + 1);
            let read = self.decoder.decode(&step[..end]);
            let read = read.map_err(|error| damaged(&error))?;
            self.line = match memchr::memrchr(b'\n', &step[..read]) {
                Some(at) => read - at - 1,
                None => self.line + read,
            };
            if self.line > LONGEST {
                let long = format!("a line has more than {LONGEST} bytes");
                return Err(InventoryError::Damaged(long));
            }
            self.held += read;
            text = &text[read..];
            if self.decoder.capacity() == 0 || (self.held > HELD && self.line == 0) {
                self.held = 0;
                self.flush(take)?;
            }
        }
        Ok(())
    }

    fn flush(&mut self, take: &mut impl FnMut(RecordBatch)) -> Result<(), InventoryError> {
        let rows = self.decoder.flush().map_err(|error| damaged(&error))?;
        if let Some(rows) = rows {
            take(self.convert(&rows).map_err(|error| damaged(&error))?);
        }
        Ok(())
    }

    fn convert(&self, rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let columns = COLUMNS.iter().zip(&self.places).map(|(column, place)| {
            let to = column.kind.data_type();
            match (place, column.name) {
                (Some(at), "key") => Ok(keys(rows.column(*at).as_string())),
                (Some(at), _) => cast(rows.column(*at), &to),
                (None, "bucket") => {
                    let same = std::iter::repeat_n(Some(&self.bucket), rows.num_rows());
                    cast(&same.collect::<StringArray>(), &to)
                }
                (None, _) => Ok(match column.otherwise() {
                    Some(flag) => Arc::new(BooleanArray::from(vec![flag; rows.num_rows()])),
                    None => new_null_array(&to, rows.num_rows()),
                }),
            }
        });
        let columns = columns.collect::<Result<_, _>>()?;
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
    }
}

/// Keys are percent-encoded once, with `+` for a space.
fn keys(written: &StringArray) -> ArrayRef {
    let mut keys = StringViewBuilder::with_capacity(written.len());
    for key in written {
        match key {
            Some(key) => {
                let plain = plain_key(key.as_bytes(), 1).key;
                keys.append_value(clean_utf8(&plain).0);
            }
            None => keys.append_null(),
        }
    }
    Arc::new(keys.finish())
}

fn damaged(error: &dyn std::error::Error) -> InventoryError {
    InventoryError::Damaged(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes()).expect("memory");
        encoder.finish().expect("memory")
    }

    fn read(
        columns: &[&str],
        bytes: &[u8],
        piece: usize,
    ) -> Result<Vec<RecordBatch>, InventoryError> {
        let columns: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
        let mut rows = CsvRows::new(&columns, "photos");
        let mut batches = Vec::new();
        for piece in bytes.chunks(piece) {
            rows.feed(piece, |batch| batches.push(batch))?;
        }
        rows.finish(|batch| batches.push(batch))?;
        Ok(batches)
    }

    const FULL: [&str; 6] = [
        "bucket",
        "key",
        "is_latest",
        "is_delete_marker",
        "size",
        "last_modified_date",
    ];

    /// Whatever a file inflates to, little of it is held.
    #[test]
    fn a_line_without_end_is_damage() {
        let endless = format!("\"photos\",\"{}\"\n", "a".repeat(3 * LONGEST));
        let told = read(&["bucket", "key"], &gzip(&endless), 1000).expect_err("too long");
        assert!(told.to_string().contains("a line has more than"), "{told}");
        let long = format!("\"photos\",\"{}\"\n", "a".repeat(LONGEST / 2)).repeat(40);
        let batches = read(&["bucket", "key"], &gzip(&long), 1000).expect("rows");
        let rows: Vec<usize> = batches.iter().map(RecordBatch::num_rows).collect();
        assert_eq!(rows.iter().sum::<usize>(), 40);
        assert!(rows.iter().all(|rows| *rows <= 18), "{rows:?}");
    }

    #[test]
    fn rows_with_their_types() {
        let text = "\"photos\",\"a+b%2Bc/%C3%A9\",\"true\",\"false\",\"17\",\"2026-03-01T10:00:00.000Z\"\n\
                    \"photos\",\"gone\",\"true\",\"true\",\"\",\"2026-03-01T10:00:01.500Z\"";
        for piece in [1, 7, 1000] {
            let batches = read(&FULL, &gzip(text), piece).expect("rows");
            let [batch] = &batches[..] else {
                panic!("one batch")
            };
            assert_eq!(batch.num_rows(), 2);
            let keys: Vec<_> = batch.column(1).as_string_view().iter().collect();
            assert_eq!(keys, [Some("a b+c/é"), Some("gone")]);
            let markers: Vec<_> = batch.column(4).as_boolean().iter().collect();
            assert_eq!(markers, [Some(false), Some(true)]);
            let sizes: Vec<_> = batch.column(5).as_primitive::<Int64Type>().iter().collect();
            assert_eq!(sizes, [Some(17), None]);
            let times = batch.column(6).as_primitive::<TimestampMicrosecondType>();
            assert_eq!(times.value(1) - times.value(0), 1_500_000);
        }
    }

    #[test]
    fn columns_that_a_report_lacks() {
        let batches = read(&["key"], &gzip("\"one\"\n"), 10).expect("rows");
        let batch = &batches[0];
        assert_eq!(batch.column(0).as_string_view().value(0), "photos");
        assert!(batch.column(3).as_boolean().value(0), "it is the latest");
        assert!(!batch.column(4).as_boolean().value(0), "it is no marker");
        assert_eq!(batch.column(5).null_count(), 1);
    }

    #[test]
    fn many_rows_are_many_batches() {
        let keys: Vec<String> = (0..20_000).map(|row| format!("\"k{row}\"")).collect();
        let text = keys.join("\n");
        let batches = read(&["key"], &gzip(&text), 1 << 20).expect("rows");
        let rows: Vec<usize> = batches.iter().map(RecordBatch::num_rows).collect();
        assert_eq!(rows, [ROWS, ROWS, 20_000 - 2 * ROWS]);
        let last = batches[2].column(1).as_string_view();
        assert_eq!(last.value(last.len() - 1), "k19999");
    }

    #[test]
    fn damage_is_told() {
        let whole = gzip("\"a\",\"b\"\n");
        for (columns, bytes) in [
            (&["key", "size"][..], &whole[..whole.len() - 5]),
            (&["key", "size"], b"no gzip at all"),
            (&["key"], &whole),
        ] {
            let read = read(columns, bytes, 100);
            assert!(matches!(read, Err(InventoryError::Damaged(_))), "{read:?}");
        }
    }
}

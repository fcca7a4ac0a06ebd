//! Rows of one day to one sorted Parquet file.
//!
//! The profile is the one that `DuckDB`, `ClickHouse`, Spark, Trino, Athena, Redshift Spectrum and
//! `PyArrow` all read: zstd, data page v1, dictionary and plain encodings only, INT64 microseconds
//! UTC, all columns optional, field ids, page statistics, no Arrow schema blob.

use std::io::Write;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use parquet::arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use rayon::prelude::*;

use super::column::{self, Chunk, Compressors, Rows};
use super::footer::COMMIT;
use super::order::{self, Layout};
use super::partition::Piece;

/// Most rows in a row group.
const ROW_GROUP_ROWS: usize = 1 << 20;

/// What a file is written with.
#[derive(Clone, Debug)]
pub struct WriteOptions {
    /// zstd level, 1 to 22.
    pub zstd_level: i32,
    /// Pairs for the file's footer.
    pub metadata: Vec<(String, String)>,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self {
            zstd_level: 1,
            metadata: Vec::new(),
        }
    }
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileSummary {
    /// Rows in the file.
    pub rows: u64,
    /// Earliest event time, microseconds UTC.
    pub min_ts: i64,
    /// Latest event time, microseconds UTC.
    pub max_ts: i64,
}

/// A Parquet file with all its rows, of which only the end is still to be written.
///
/// Memory: the metadata of its row groups and the statistics of their pages.
pub struct OpenFile<W: Write + Send> {
    file: SerializedFileWriter<W>,
    summary: FileSummary,
}

impl<W: Write + Send> OpenFile<W> {
    /// What is in it.
    pub fn summary(&self) -> FileSummary {
        self.summary
    }

    /// Puts bytes behind the last row group, where readers do not look, and says in the footer where
    /// they are: `s3logs.commit` = `offset,length`.
    ///
    /// # Errors
    /// What `out` reports.
    pub fn embed(&mut self, bytes: &[u8]) -> Result<(), ParquetError> {
        let place = format!("{},{}", self.file.bytes_written(), bytes.len());
        self.file.write_all(bytes)?;
        let pair = KeyValue::new(COMMIT.to_owned(), place);
        self.file.append_key_value_metadata(pair);
        Ok(())
    }

    /// Writes the end and gives back what the file was written to.
    ///
    /// # Errors
    /// What the encoder or `out` reports.
    pub fn close(self) -> Result<W, ParquetError> {
        self.file.into_inner()
    }
}

/// Sorts the pieces' rows by event time and writes them as one Parquet file to `out`.
///
/// Rows with the same time keep the order of the pieces and of their rows. The columns of a row
/// group are encoded on all cores of the current pool.
///
/// Memory beyond the pieces: [`order::BYTES`] per row, per core what `column::encode` holds, and
/// the encoded columns of one row group (at most 1,048,576 rows).
///
/// # Errors
/// What the encoder or `out` reports.
pub fn write_file<W: Write + Send>(
    schema: &SchemaRef,
    pieces: &[Piece],
    options: &WriteOptions,
    out: W,
) -> Result<FileSummary, ParquetError> {
    let file = write_rows(schema, pieces, options, out)?;
    let summary = file.summary();
    file.close()?;
    Ok(summary)
}

/// As [`write_file`], but for the file's end.
///
/// # Errors
/// What the encoder or `out` reports.
pub fn write_rows<W: Write + Send>(
    schema: &SchemaRef,
    pieces: &[Piece],
    options: &WriteOptions,
    out: W,
) -> Result<OpenFile<W>, ParquetError> {
    let order = order::sorted(pieces);
    let properties = properties(options)?;
    let writer_options = ArrowWriterOptions::new()
        .with_properties(properties)
        .with_skip_arrow_metadata(true);
    let writer = ArrowWriter::try_new_with_options(out, Arc::clone(schema), writer_options)?;
    let (mut file, _) = writer.into_serialized_writer()?;
    let compressors = Compressors::new(options.zstd_level);
    for rows in order.chunks(ROW_GROUP_ROWS) {
        let layout = Layout::of(pieces, rows);
        let descr = file.schema_descr();
        let encode = |column: usize| {
            let rows = Rows {
                pieces,
                column,
                order: rows,
                layout: &layout,
            };
            let data_type = schema.field(column).data_type();
            compressors.with(|zstd| column::encode(data_type, &descr.column(column), rows, zstd))
        };
        let chunks = (0..schema.fields().len())
            .into_par_iter()
            .with_max_len(1)
            .map(encode)
            .collect::<Result<Vec<Chunk>, ParquetError>>()?;
        let mut group = file.next_row_group()?;
        for chunk in chunks {
            group.append_column(&chunk.bytes, chunk.close)?;
        }
        group.close()?;
    }
    let time = |row: Option<&order::Place>| row.map_or(0, |row| row.time);
    let summary = FileSummary {
        rows: order.len() as u64,
        min_ts: time(order.first()),
        max_ts: time(order.last()),
    };
    Ok(OpenFile { file, summary })
}

fn properties(options: &WriteOptions) -> Result<WriterProperties, ParquetError> {
    let metadata = options
        .metadata
        .iter()
        .map(|(key, value)| KeyValue::new(key.clone(), value.clone()))
        .collect();
    let builder = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(options.zstd_level)?))
        .set_created_by(format!("s3logs version {}", env!("CARGO_PKG_VERSION")))
        .set_sorting_columns(Some(vec![SortingColumn {
            column_idx: 0,
            descending: false,
            nulls_first: false,
        }]))
        .set_key_value_metadata(Some(metadata));
    Ok(builder.build())
}

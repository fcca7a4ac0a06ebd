//! Rows of any columns as one Parquet file, for whoever reads on.

use std::io::Write;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

/// Rows of a row group.
const GROUP_ROWS: usize = 128 << 10;

/// A file under way. Memory: one row group, encoded.
pub struct Export<W: Write + Send>(ArrowWriter<W>);

impl<W: Write + Send> std::fmt::Debug for Export<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Export").finish_non_exhaustive()
    }
}

impl<W: Write + Send> Export<W> {
    /// Begins a file with these columns.
    ///
    /// # Errors
    /// Where a column has a type that Parquet does not know.
    pub fn new(out: W, schema: SchemaRef) -> Result<Self, ParquetError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .build();
        ArrowWriter::try_new(out, schema, Some(properties)).map(Self)
    }

    /// Adds rows.
    ///
    /// # Errors
    /// What the writer reports.
    pub fn write(&mut self, rows: &RecordBatch) -> Result<(), ParquetError> {
        self.0.write(rows)
    }

    /// Ends the file and hands the writer back.
    ///
    /// # Errors
    /// What the writer reports.
    pub fn finish(self) -> Result<W, ParquetError> {
        self.0.into_inner()
    }
}

//! Answers that are kept as tables, for the questions that start from them.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::datasource::MemTable;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::prelude::SessionContext;
use futures::stream::{self, TryStreamExt};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use tempfile::NamedTempFile;

use super::error::QueryError;
use super::spill::Spill;
use super::{Answer, Engine};

/// A table of the engine that holds what a query gave; it is gone when this is dropped.
pub struct Kept {
    context: SessionContext,
    name: String,
}

impl Kept {
    /// The name of the table in SQL.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // A table that is not there any more is as good.
        let _ = self.context.deregister_table(self.name.as_str());
    }
}

impl Engine {
    /// Runs a query and keeps its rows, so that several questions can be asked of them.
    ///
    /// Up to a 64th of the memory that the engine may take they are held, and the rest goes to a file.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn keep(&self, sql: &str) -> std::result::Result<Kept, QueryError> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let mut statements = self.statements(sql)?;
        let (Some(query), true) = (statements.pop(), statements.is_empty()) else {
            return Err(QueryError::Sql("not a single statement".to_owned()));
        };
        let answer = self.run(query).await?;
        let table = self.table_of(answer).await?;
        let name = format!("kept_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.context.register_table(name.as_str(), table)?;
        Ok(Kept {
            context: self.context.clone(),
            name,
        })
    }

    async fn table_of(
        &self,
        mut answer: Answer,
    ) -> std::result::Result<Arc<dyn TableProvider>, QueryError> {
        let most = self.memory / 64;
        let (mut held, mut batches) = (0, Vec::new());
        let mut file = None;
        while let Some(batch) = answer.batches.try_next().await? {
            let batch = alone(&batch)?;
            held += bytes_of(&batch);
            batches.push(batch);
            if held > most {
                let out = match &mut file {
                    Some(out) => out,
                    None => file.insert(Overflow::create(&self.spill, &answer.schema)?),
                };
                out.write(&mut batches)?;
                held = 0;
            }
        }
        let schema = answer.schema;
        match file {
            None => Ok(Arc::new(MemTable::try_new(schema, vec![batches])?)),
            Some(mut out) => {
                out.write(&mut batches)?;
                let rows = Arc::new(out.close()?);
                Ok(Arc::new(StreamingTable::try_new(schema, vec![rows])?))
            }
        }
    }
}

/// The rows without what their texts share with others.
fn alone(batch: &RecordBatch) -> std::result::Result<RecordBatch, QueryError> {
    let own = |column: &ArrayRef| match column.data_type() {
        DataType::Utf8View => Arc::new(column.as_string_view().gc()) as ArrayRef,
        _ => Arc::clone(column),
    };
    let columns = batch.columns().iter().map(own).collect();
    let own = RecordBatch::try_new(batch.schema(), columns);
    own.map_err(|error| QueryError::Failed(error.to_string()))
}

/// Bytes of the rows' values.
fn bytes_of(batch: &RecordBatch) -> u64 {
    let bytes = |column: &ArrayRef| match column.data_type() {
        DataType::Utf8View => {
            let texts = column.as_string_view().data_buffers().iter();
            texts.map(Buffer::len).sum::<usize>() + 16 * column.len()
        }
        other => column.len() * other.primitive_width().unwrap_or(16),
    };
    batch.columns().iter().map(bytes).sum::<usize>() as u64
}

/// Rows on the way to a file.
struct Overflow {
    file: NamedTempFile,
    writer: ArrowWriter<File>,
    schema: SchemaRef,
}

impl Overflow {
    fn create(spill: &Spill, schema: &SchemaRef) -> std::result::Result<Self, QueryError> {
        let failed = |error: std::io::Error| QueryError::Failed(error.to_string());
        let file = NamedTempFile::new_in(spill.path()).map_err(failed)?;
        let level = ZstdLevel::try_new(1).map_err(DataFusionError::from)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .build();
        let out = file.reopen().map_err(failed)?;
        let writer = ArrowWriter::try_new(out, Arc::clone(schema), Some(properties))
            .map_err(DataFusionError::from)?;
        Ok(Self {
            file,
            writer,
            schema: Arc::clone(schema),
        })
    }

    /// Writes the rows as a row group of their own, so that no more are held.
    fn write(&mut self, batches: &mut Vec<RecordBatch>) -> Result<()> {
        for batch in batches.drain(..) {
            self.writer.write(&batch)?;
        }
        self.writer.flush()?;
        Ok(())
    }

    fn close(self) -> Result<Rows> {
        self.writer.close()?;
        Ok(Rows {
            file: self.file,
            schema: self.schema,
        })
    }
}

/// Rows in a file, which is removed with the table.
#[derive(Debug)]
struct Rows {
    file: NamedTempFile,
    schema: SchemaRef,
}

impl PartitionStream for Rows {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let reader = || -> Result<_> {
            let reader = ParquetRecordBatchReaderBuilder::try_new(self.file.reopen()?)?;
            Ok(reader.build()?)
        };
        let batches: Box<dyn Iterator<Item = Result<RecordBatch>> + Send> = match reader() {
            Ok(batches) => Box::new(batches.map(|batch| Ok(batch?))),
            Err(error) => Box::new(std::iter::once(Err(error))),
        };
        let schema = Arc::clone(&self.schema);
        Box::pin(RecordBatchStreamAdapter::new(schema, stream::iter(batches)))
    }
}

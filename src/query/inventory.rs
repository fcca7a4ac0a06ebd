//! A report of S3 Inventory as a table.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::common::ScalarValue;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{cast, col, lit};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::prelude::SessionContext;
use futures::stream::{self, StreamExt, TryStreamExt};
use md5::{Digest as _, Md5};

use super::error::QueryError;
use super::files::DatasetFiles;
use super::{Engine, TableSize};
use crate::cpu;
use crate::inventory::{
    self, COLUMNS, CsvRows, DataFile, FileFormat, InventoryError, Manifest, is_report_folder,
};
use crate::store::{ErrorKind, Store, full_name};
use crate::units::hex;

/// Name of the table.
pub(super) const INVENTORY: &str = "inventory";

const MANIFEST: &str = "manifest.json";

/// Bytes of a file in CSV that are read at a time, and those of them that are inflated at a time.
const RANGE: u64 = 8 << 20;
const PIECE: usize = 256 << 10;

/// Largest manifest, which names some hundred bytes for each file of about a million objects.
const LARGEST_MANIFEST: usize = 64 << 20;

const PLACE: &str = "inventory://files/";

/// Where the files of a report are.
#[derive(Debug)]
struct Report {
    store: Arc<dyn Store>,
    /// Ends in `/`.
    folder: String,
    manifest: Manifest,
}

impl Engine {
    /// Adds a report of S3 Inventory as the table `inventory`. `name` is the key of its `manifest.json`, or
    /// of a folder with it, or of the folder of all reports, of which the newest counts.
    ///
    /// Files are looked for in the folder `data` beside the report's own, where S3 puts them, and in the
    /// report's folder, so that a copy works as well.
    ///
    /// # Errors
    /// [`QueryError::Inventory`] and what reading says.
    pub async fn add_inventory(
        &mut self,
        store: Arc<dyn Store>,
        name: &str,
    ) -> std::result::Result<(), QueryError> {
        let report = Report::find(store, name).await?;
        let files = &report.manifest.files;
        let size = TableSize {
            files: files.len() as u64,
            bytes: files.iter().map(|file| file.size).sum(),
            ..TableSize::default()
        };
        match report.manifest.format {
            // Parquet tells its columns in its files, and here is none.
            FileFormat::Parquet if !files.is_empty() => {
                report.register_parquet(&self.context).await?;
            }
            _ => {
                let table = StreamingTable::try_new(inventory::schema(), report.partitions())?;
                self.context.register_table(INVENTORY, Arc::new(table))?;
            }
        }
        self.tables.insert(INVENTORY.to_owned(), size);
        Ok(())
    }

    /// Whether there is an inventory.
    pub fn has_inventory(&self) -> bool {
        self.tables.contains_key(INVENTORY)
    }
}

impl Report {
    async fn find(store: Arc<dyn Store>, name: &str) -> std::result::Result<Self, QueryError> {
        let (key, json) = manifest_of(store.as_ref(), name).await?;
        let place = full_name(store.root(), &key);
        if json.len() > LARGEST_MANIFEST {
            let large = InventoryError::Manifest("it is larger than 64 MiB".to_owned());
            return Err(QueryError::Inventory(format!("{place}: {large}")));
        }
        let manifest = Manifest::parse(&json)
            .map_err(|error| QueryError::Inventory(format!("{place}: {error}")))?;
        let own = key.strip_suffix(MANIFEST).unwrap_or_default();
        let mut report = Self {
            store,
            folder: own.to_owned(),
            manifest,
        };
        report.find_data(own).await?;
        Ok(report)
    }

    /// Says where the first file lies; the others lie beside it.
    async fn find_data(&mut self, own: &str) -> std::result::Result<(), QueryError> {
        let Some(first) = self.manifest.files.first() else {
            return Ok(());
        };
        let above = own.trim_end_matches('/').rsplit_once('/');
        let beside =
            above.map_or_else(|| "data/".to_owned(), |(above, _)| format!("{above}/data/"));
        let named = first
            .key
            .rsplit_once('/')
            .map(|(folder, _)| format!("{folder}/"));
        let places = [
            Some(beside),
            Some(format!("{own}data/")),
            Some(own.to_owned()),
            named,
        ];
        for folder in places.into_iter().flatten() {
            let key = format!("{folder}{}", base_name(first));
            // There is no range of nothing.
            let range = (first.size > 0).then_some(0..1);
            match self.store.get(&key, range, None).await {
                Ok(_) => {
                    self.folder = folder;
                    return Ok(());
                }
                Err(error) if error.kind == ErrorKind::NotFound => {}
                Err(error) => return Err(QueryError::Inventory(error.to_string())),
            }
        }
        let missing = format!(
            "{} is not there, nor in a folder data beside {}",
            first.key,
            full_name(self.store.root(), own)
        );
        Err(QueryError::Inventory(missing))
    }

    /// As many parts as there are threads, each with files one after the other.
    fn partitions(self) -> Vec<Arc<dyn PartitionStream>> {
        let parts = cpu::threads().min(self.manifest.files.len()).max(1);
        let report = Arc::new(self);
        let part = |first| -> Arc<dyn PartitionStream> {
            Arc::new(Part {
                report: Arc::clone(&report),
                schema: inventory::schema(),
                first,
                step: parts,
            })
        };
        (0..parts).map(part).collect()
    }

    async fn register_parquet(self, context: &SessionContext) -> Result<()> {
        let named = self.manifest.files.iter();
        let sizes: BTreeMap<String, u64> = named
            .map(|file| (base_name(file).to_owned(), file.size))
            .collect();
        let files = DatasetFiles::new(self.store, &self.folder, sizes);
        let place = ObjectStoreUrl::parse(PLACE)?;
        context.register_object_store(place.as_ref(), Arc::new(files));
        let place = ListingTableUrl::parse(PLACE)?;
        let options =
            ListingOptions::new(Arc::new(ParquetFormat::default())).with_file_extension(".parquet");
        let schema = options.infer_schema(&context.state(), &place).await?;
        let config = ListingTableConfig::new(place)
            .with_listing_options(options)
            .with_schema(Arc::clone(&schema));
        let frame = context.read_table(Arc::new(ListingTable::try_new(config)?))?;
        let columns = COLUMNS.iter().map(|column| {
            let (name, to) = (column.name, column.kind.data_type());
            let value = match (schema.field_with_name(name), column.otherwise()) {
                (Ok(_), _) => cast(col(name), to),
                (Err(_), Some(flag)) => lit(flag),
                (Err(_), None) if name == "bucket" => lit(self.manifest.bucket.as_str()),
                (Err(_), None) => lit(ScalarValue::try_from(&to)?),
            };
            Ok(value.alias(name))
        });
        let view = frame
            .select(columns.collect::<Result<Vec<_>>>()?)?
            .into_view();
        context.register_table(INVENTORY, view)?;
        Ok(())
    }
}

fn wrong(text: String) -> DataFusionError {
    DataFusionError::External(Box::new(InventoryError::Damaged(text)))
}

fn base_name(file: &DataFile) -> &str {
    file.key.rsplit('/').next().unwrap_or(&file.key)
}

/// The manifest that a name means, and its key.
async fn manifest_of(
    store: &dyn Store,
    name: &str,
) -> std::result::Result<(String, bytes::Bytes), QueryError> {
    let folder = match name.trim_end_matches('/') {
        "" => String::new(),
        name if name.ends_with(MANIFEST) => {
            let read = store.get(name, None, None).await;
            let json = read.map_err(|error| QueryError::Inventory(error.to_string()))?;
            return Ok((name.to_owned(), json));
        }
        name => format!("{name}/"),
    };
    let failed = |error: crate::store::StoreError| QueryError::Inventory(error.to_string());
    let mut reports = store.folders(&folder).await.map_err(failed)?;
    let own_name = |path: &str| -> String {
        let path = path.trim_end_matches('/');
        path.rsplit('/').next().unwrap_or(path).to_owned()
    };
    reports.retain(|path| is_report_folder(&own_name(path)));
    reports.sort_by_key(|path| own_name(path));
    // A report that is being delivered has no manifest yet.
    let newest_first = reports
        .iter()
        .rev()
        .map(|path| format!("{folder}{}/", own_name(path)));
    for folder in std::iter::once(folder.clone()).chain(newest_first) {
        let key = format!("{folder}{MANIFEST}");
        match store.get(&key, None, None).await {
            Ok(json) => return Ok((key, json)),
            Err(error) if error.kind == ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
    }
    let place = full_name(store.root(), &folder);
    Err(QueryError::Inventory(format!(
        "{place} holds no {MANIFEST}, nor does a folder in it that is named like 2026-03-01T01-00Z"
    )))
}

/// Files in CSV that are read one after the other.
struct Part {
    report: Arc<Report>,
    schema: SchemaRef,
    first: usize,
    step: usize,
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "inventory {}/{}", self.first, self.step)
    }
}

impl PartitionStream for Part {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let report = Arc::clone(&self.report);
        let files = (self.first..report.manifest.files.len()).step_by(self.step);
        let rows = stream::iter(files).flat_map(move |at| {
            let reading = Reading::new(Arc::clone(&report), at);
            stream::try_unfold(reading, Reading::next)
                .map_ok(|batches| stream::iter(batches).map(Ok))
                .try_flatten()
        });
        Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.schema),
            rows,
        ))
    }
}

/// A file that is being read.
struct Reading {
    report: Arc<Report>,
    file: usize,
    /// Where the next range begins.
    at: u64,
    /// What is left of the range before it.
    range: Bytes,
    /// `None` when the file has been read.
    rows: Option<CsvRows>,
    md5: Md5,
}

impl Reading {
    fn new(report: Arc<Report>, file: usize) -> Self {
        let manifest = &report.manifest;
        Self {
            rows: Some(CsvRows::new(&manifest.columns, &manifest.bucket)),
            report,
            file,
            at: 0,
            range: Bytes::new(),
            md5: Md5::new(),
        }
    }

    /// The rows of the next piece.
    async fn next(mut self) -> Result<Option<(Vec<RecordBatch>, Self)>> {
        let Some(mut rows) = self.rows.take() else {
            return Ok(None);
        };
        let file = self.report.manifest.files[self.file].clone();
        let key = format!("{}{}", self.report.folder, base_name(&file));
        let place = full_name(self.report.store.root(), &key);
        let failed = |text: String| wrong(format!("{place}: {text}"));
        let damaged = |error: InventoryError| failed(error.to_string());
        if self.range.is_empty() {
            self.read(&key, file.size).await?;
        }
        let mut batches = Vec::new();
        let piece = self.range.split_to(self.range.len().min(PIECE));
        rows.feed(&piece, |batch| batches.push(batch))
            .map_err(damaged)?;
        if self.at < file.size || !self.range.is_empty() {
            self.rows = Some(rows);
            return Ok(Some((batches, self)));
        }
        let found = std::mem::take(&mut self.md5).finalize();
        let found = hex(&found);
        if file
            .md5
            .is_some_and(|md5| !md5.eq_ignore_ascii_case(&found))
        {
            return Err(failed("its MD5 is not that of its manifest".to_owned()));
        }
        rows.finish(|batch| batches.push(batch)).map_err(damaged)?;
        Ok(Some((batches, self)))
    }

    /// Reads the next range.
    async fn read(&mut self, key: &str, size: u64) -> Result<()> {
        let until = size.min(self.at + RANGE);
        if self.at == until {
            return Ok(());
        }
        let read = self.report.store.get(key, Some(self.at..until), None).await;
        let bytes = read.map_err(|error| wrong(error.to_string()))?;
        if bytes.len() as u64 != until - self.at {
            let place = full_name(self.report.store.root(), key);
            let short = format!("{place} is shorter than its manifest says");
            return Err(wrong(short));
        }
        self.md5.update(&bytes);
        (self.range, self.at) = (bytes, until);
        Ok(())
    }
}

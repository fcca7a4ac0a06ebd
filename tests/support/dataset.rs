//! Reads a dataset back with the plain Parquet reader, without a line of the program.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use arrow::json::WriterBuilder;
use arrow::json::writer::JsonArray;
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use super::fake_s3::FakeS3;

const DAY_MICROS: i64 = 86_400_000_000;

/// The Parquet files below a place, by path.
pub struct Dataset {
    files: BTreeMap<String, RecordBatch>,
}

impl Dataset {
    /// Reads all files of a folder.
    pub fn in_folder(folder: &Path) -> Self {
        let mut files = BTreeMap::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(next) = folders.pop() {
            for entry in std::fs::read_dir(next).expect("a folder") {
                let path = entry.expect("an entry of it").path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let name = path.strip_prefix(folder).expect("it lies below");
                let name = name.to_str().expect("we write plain names").to_owned();
                files.insert(name, std::fs::read(&path).expect("a file").into());
            }
        }
        Self::of(files)
    }

    /// Reads all objects below a prefix, which ends in `/` or is empty.
    pub fn in_bucket(fake: &FakeS3, bucket: &str, prefix: &str) -> Self {
        let keys = fake.keys(bucket, prefix).into_iter();
        let files = keys.filter_map(|key| {
            let bytes = fake.get(bucket, &key)?;
            Some((key.strip_prefix(prefix)?.to_owned(), bytes))
        });
        Self::of(files.collect())
    }

    /// Reads those of these files that are Parquet, by path below the dataset.
    pub fn of(mut files: BTreeMap<String, Bytes>) -> Self {
        files.retain(|path, _| {
            Path::new(path)
                .extension()
                .is_some_and(|end| end == "parquet")
        });
        let files = files.into_iter().map(|(path, bytes)| {
            let rows = read(bytes).unwrap_or_else(|error| panic!("{path}: {error}"));
            (path, rows)
        });
        let files = files.collect();
        Self { files }
    }

    /// The files, as paths below the dataset.
    pub fn paths(&self) -> Vec<&str> {
        self.files.keys().map(String::as_str).collect()
    }

    /// Rows of a table by day.
    pub fn rows_by_day(&self, table: &str) -> BTreeMap<String, u64> {
        let mut days = BTreeMap::new();
        for (day, rows) in self.table(table) {
            *days.entry(day.to_owned()).or_default() += rows.num_rows() as u64;
        }
        days
    }

    /// Sums of a column of integers by day; nulls count nothing.
    pub fn sums_by_day(&self, table: &str, column: &str) -> BTreeMap<String, i64> {
        let mut days = BTreeMap::new();
        for (day, rows) in self.table(table) {
            let column = rows.column_by_name(column).expect("a column of the table");
            let numbers = cast(column, &DataType::Int64).expect("a column of integers");
            let sum: i64 = numbers.as_primitive::<Int64Type>().iter().flatten().sum();
            *days.entry(day.to_owned()).or_default() += sum;
        }
        days
    }

    /// All rows of a table, nulls included, in the order of paths.
    pub fn rows(&self, table: &str) -> Vec<Value> {
        let mut text = Vec::new();
        let mut writer = WriterBuilder::new()
            .with_explicit_nulls(true)
            .build::<_, JsonArray>(&mut text);
        for (_, rows) in self.table(table) {
            writer.write(rows).expect("rows that JSON can hold");
        }
        writer.finish().expect("to memory");
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// A column of texts, nulls left out, in the order of paths.
    pub fn texts(&self, table: &str, column: &str) -> Vec<String> {
        let mut texts = Vec::new();
        for (_, rows) in self.table(table) {
            let column = rows.column_by_name(column).expect("a column");
            let column = cast(column, &DataType::Utf8).expect("texts");
            let values = column.as_string::<i32>().iter().flatten();
            texts.extend(values.map(str::to_owned));
        }
        texts
    }

    /// Fails unless every file holds rows of its own day alone, sorted by time.
    #[track_caller]
    pub fn assert_sound(&self) {
        for (path, rows) in &self.files {
            let times = rows.column_by_name("ts").expect("every table has ts");
            let times = times.as_primitive::<TimestampMicrosecondType>();
            assert_eq!(times.null_count(), 0, "{path}");
            assert!(times.values().is_sorted(), "{path} is not sorted");
            let (_, day) = table_and_day(path);
            let day: s3logs::units::Day = day.parse().expect("a day");
            for time in times.values() {
                assert_eq!(time.div_euclid(DAY_MICROS), i64::from(day.0), "{path}");
            }
        }
    }

    fn table<'a>(&'a self, table: &'a str) -> impl Iterator<Item = (&'a str, &'a RecordBatch)> {
        self.files.iter().filter_map(move |(path, rows)| {
            let (found, day) = table_and_day(path);
            (found == table).then_some((day, rows))
        })
    }
}

/// The two parts of `<table>/dt=<day>/<file>`.
fn table_and_day(path: &str) -> (&str, &str) {
    let parts: Vec<&str> = path.split('/').collect();
    match parts[..] {
        [table, day, _] => (table, day.strip_prefix("dt=").unwrap_or_default()),
        _ => panic!("{path} is no path of a dataset"),
    }
}

fn read(file: Bytes) -> Result<RecordBatch, parquet::errors::ParquetError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(file)?;
    let schema = builder.schema().clone();
    let batches = builder.build()?.collect::<Result<Vec<_>, _>>()?;
    let rows = concat_batches(&schema, &batches)?;
    let columns = rows.columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| Ok((field.name(), with_offset(column)?)));
    let columns = columns.collect::<Result<Vec<_>, ArrowError>>()?;
    Ok(RecordBatch::try_from_iter(columns)?)
}

/// The same times with their zone as an offset, the only kind that this build of Arrow can print.
fn with_offset(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match column.data_type() {
        DataType::Timestamp(unit, Some(zone)) if zone.as_ref() == "UTC" => {
            cast(column, &DataType::Timestamp(*unit, Some("+00:00".into())))
        }
        _ => Ok(column.clone()),
    }
}

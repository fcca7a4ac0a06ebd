//! The floor: what no program that makes this Parquet from these objects with these libraries gets below.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::{cast, concat_batches, sort_to_indices, take_record_batch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use s3logs::schema::{LogFormat, Syntax};
use s3logs::table::Piece;

use crate::stage::{self, Clock, Days};

/// One look at every byte for the ends of fields and lines.
pub(crate) fn scan(format: &LogFormat, texts: &[Vec<u8>]) -> Duration {
    let separator = match format.syntax {
        Syntax::Tabbed => b'\t',
        Syntax::Spaced => b' ',
    };
    let start = Clock::start();
    let found: usize = texts
        .iter()
        .map(|text| memchr::memchr2_iter(separator, b'\n', text).count())
        .sum();
    black_box(found);
    start.elapsed()
}

/// The file writer at its default level on columns that are in order, each in one piece.
pub(crate) fn encode(schema: &SchemaRef, days: &[Vec<Piece>]) -> Duration {
    let days: Days = days.iter().map(|pieces| vec![ready(pieces)]).collect();
    let start = Clock::start();
    black_box(stage::encode(schema, &days));
    start.elapsed()
}

/// A day's rows sorted into one batch whose dictionaries hold each value once.
fn ready(pieces: &[Piece]) -> Piece {
    let parts: Vec<RecordBatch> = pieces.iter().map(rows_of).collect();
    let all = concat_batches(&parts[0].schema(), &parts).expect("the same columns");
    let order = sort_to_indices(all.column(0), None, None).expect("times have an order");
    let sorted = take_record_batch(&all, &order).expect("rows of the batch");
    let kinds = pieces[0].records.schema();
    let kinds = kinds.fields().iter().map(|field| match field.data_type() {
        DataType::Dictionary(_, values) => {
            DataType::Dictionary(DataType::Int32.into(), values.clone())
        }
        other => other.clone(),
    });
    let records = cast_columns(&sorted, kinds);
    Piece {
        records: Arc::new(records),
        rows: None,
    }
}

/// The rows of a piece without dictionaries, whose keys differ from batch to batch.
fn rows_of(piece: &Piece) -> RecordBatch {
    let records = match &piece.rows {
        None => piece.records.as_ref().clone(),
        Some(rows) => take_record_batch(&piece.records, &UInt32Array::from(rows.clone()))
            .expect("rows of the batch"),
    };
    let schema = records.schema();
    let kinds = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Dictionary(_, values) => values.as_ref().clone(),
        other => other.clone(),
    });
    cast_columns(&records, kinds)
}

fn cast_columns(records: &RecordBatch, kinds: impl Iterator<Item = DataType>) -> RecordBatch {
    let schema = records.schema();
    let columns = schema.fields().iter().zip(records.columns()).zip(kinds);
    let (fields, columns): (Vec<Field>, Vec<ArrayRef>) = columns
        .map(|((field, column), kind)| {
            let column = cast(column, &kind).expect("the same values");
            (field.as_ref().clone().with_data_type(kind), column)
        })
        .unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("the same columns")
}

//! Rows that were found in several batches, to be compared.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Schema};
use arrow::record_batch::RecordBatch;
use s3logs::parse::{TextFormat, TextWriter};
use serde_json::Value;

/// The batches as one; `None` without rows.
pub(super) fn joined(batches: &[RecordBatch]) -> Option<RecordBatch> {
    let batches: Vec<RecordBatch> = batches.iter().map(with_wide_keys).collect();
    let schema = batches.first()?.schema();
    Some(concat_batches(&schema, &batches).expect("batches of one layout"))
}

/// The batch with the dictionaries of its layout, whose keys have 32 bits.
fn with_wide_keys(records: &RecordBatch) -> RecordBatch {
    let schema = records.schema();
    let columns = schema.fields().iter().zip(records.columns());
    let (fields, columns): (Vec<_>, Vec<ArrayRef>) = columns
        .map(|(field, column)| match field.data_type() {
            DataType::Dictionary(_, values) => {
                let wide = DataType::Dictionary(DataType::Int32.into(), values.clone());
                let column = cast(column, &wide).expect("wider keys");
                let field = field.as_ref().clone().with_data_type(wide);
                (Arc::new(field), column)
            }
            _ => (Arc::clone(field), Arc::clone(column)),
        })
        .unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("the same columns")
}

/// The rows as `parse` prints them, one JSON object each.
pub(super) fn printed(records: &RecordBatch) -> Vec<Value> {
    let out = text(records, TextFormat::Ndjson);
    let lines = out.split(|byte| *byte == b'\n');
    lines
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).expect("valid JSON"))
        .collect()
}

/// The rows in a text form.
pub(super) fn text(records: &RecordBatch, form: TextFormat) -> Vec<u8> {
    let mut out = Vec::new();
    TextWriter::new(&mut out, form, true)
        .write(records)
        .expect("to memory");
    out
}

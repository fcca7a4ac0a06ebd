//! Rows that were found in several batches, to be compared.

use arrow::compute::concat_batches;
use arrow::record_batch::RecordBatch;
use s3logs::parse::{TextFormat, TextWriter};
use serde_json::Value;

/// The batches as one; `None` without rows.
pub(super) fn joined(batches: &[RecordBatch]) -> Option<RecordBatch> {
    let schema = batches.first()?.schema();
    Some(concat_batches(&schema, batches).expect("batches of one layout"))
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

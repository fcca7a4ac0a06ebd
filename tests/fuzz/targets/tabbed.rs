//! Tab-separated lines, cut in the plainest way there is.

use std::collections::BTreeMap;

use arrow::record_batch::RecordBatch;
use s3logs::parse::Reject;
use s3logs::schema::{Kind, LogFormat, values};
use serde_json::Value;

use super::rows;

/// Every value of a line that became a row is in its column, or in `extra` under its name.
pub(super) fn nothing_of_a_line_is_lost(
    format: &LogFormat,
    records: &RecordBatch,
    lines: &[&[u8]],
    rejects: &[Reject],
) {
    let printed = rows::printed(records);
    let mut rows = printed.iter();
    let mut header: Vec<String> = Vec::new();
    for (number, line) in (1..).zip(lines) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.starts_with(b"#") {
            if let Some(names) = line.strip_prefix(b"#Fields:") {
                let names = String::from_utf8_lossy(names);
                header = names
                    .split(|c: char| c.is_ascii_whitespace())
                    .filter(|name| !name.is_empty())
                    .map(str::to_owned)
                    .collect();
            }
        } else if !line.is_empty() && rejects.iter().all(|reject| reject.line != number) {
            let row = rows.next().expect("a row for each line that is none else");
            row_holds(format, &header, line, row);
        }
    }
}

fn row_holds(format: &LogFormat, header: &[String], line: &[u8], row: &Value) {
    let mut columns: BTreeMap<&str, &[u8]> = BTreeMap::new();
    let mut extra = String::new();
    let mut known: Vec<&str> = Vec::new();
    for (wire, value) in line.split(|byte| *byte == b'\t').enumerate() {
        let name = header.get(wire).map(String::as_str);
        let field = match name {
            Some(name) => format.fields.iter().find(|field| field.wire == name),
            None if header.is_empty() => format.fields.get(wire),
            None => None,
        };
        match field.filter(|field| !known.contains(&field.wire)) {
            Some(field) => {
                known.push(field.wire);
                if value != b"-" && matches!(field.kind, Kind::Text | Kind::Id) {
                    columns.insert(field.column, value);
                }
            }
            None if value == b"-" => {}
            None => {
                if !extra.is_empty() {
                    extra.push(' ');
                }
                if let Some(name) = name {
                    extra.extend([name, "="]);
                }
                extra.push_str(&values::clean_utf8(value).0);
            }
        }
    }
    for field in format.fields {
        if matches!(field.kind, Kind::Text | Kind::Id) {
            let expected = columns
                .get(field.column)
                .map(|value| values::clean_utf8(value).0);
            let found = row.get(field.column).and_then(Value::as_str);
            assert_eq!(found, expected.as_deref(), "{} of {row}", field.column);
        }
    }
    let found = row.get("extra").and_then(Value::as_str).unwrap_or_default();
    assert_eq!(found, extra, "extra of {row}");
}

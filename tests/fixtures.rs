//! What the fixtures must become, as computed by a reader that shares no code with this one.

mod program;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use s3logs::formats;
use s3logs::parse::{
    Counts, Decoder, Encoding, InflateError, Inflater, Reject, TextFormat, TextWriter,
};
use s3logs::schema::LogFormat;
use serde_json::{Value, json};

/// Keys of a trap that are no columns of ours: how many fields the line has.
const WIDTH: &str = "width";

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(name)
}

fn expected(name: &str) -> Value {
    let text = std::fs::read(folder(name)).expect("a fixture");
    serde_json::from_slice(&text).expect("JSON")
}

/// The objects of a fixture's truth, by key.
fn objects(truth: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let objects = truth["objects"].as_object().expect("objects by key");
    objects.iter().map(|(key, truth)| (key.as_str(), truth))
}

/// An object's text, or what of it came before the damage.
fn inflate(bytes: &[u8]) -> (Vec<u8>, Result<(), InflateError>) {
    let mut text = Vec::new();
    let mut inflater = Inflater::new(Encoding::of(bytes)).expect("memory for it");
    let whole = inflater
        .push(bytes, &mut text, usize::MAX)
        .and_then(|_| inflater.finish());
    (text, whole)
}

/// What an object's text becomes.
struct Decoded {
    counts: Counts,
    rejects: Vec<Reject>,
    rows: Vec<Value>,
    /// Which row each line became.
    row_of_line: Vec<Option<usize>>,
}

/// Decodes line by line, to see which line becomes which row.
fn decode(format: &'static LogFormat, key: &str, text: &[u8]) -> Decoded {
    let mut decoder = Decoder::new(format);
    decoder.begin(key);
    let mut row_of_line = Vec::new();
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let before = decoder.rows();
        decoder.decode(line);
        if !line.ends_with(b"\n") {
            decoder.end();
        }
        row_of_line.push((decoder.rows() > before).then_some(before));
    }
    let counts = decoder.end();
    let rejects = decoder.take_rejects();
    let batch = decoder.flush().expect("columns fit the schema");
    let mut rows = Vec::new();
    if let Some(batch) = batch {
        let mut lines = Vec::new();
        TextWriter::new(&mut lines, TextFormat::Ndjson, false)
            .write(&batch.records)
            .expect("to memory");
        let lines = lines.split(|byte| *byte == b'\n');
        let lines = lines.filter(|line| !line.is_empty());
        rows.extend(lines.map(|line| serde_json::from_slice::<Value>(line).expect("JSON")));
    }
    Decoded {
        counts,
        rejects,
        rows,
        row_of_line,
    }
}

/// The column that is summed up in the truth.
fn bytes_column(format: &LogFormat) -> &'static str {
    match format.table {
        "cloudfront" => "sc_bytes",
        _ => "bytes_sent",
    }
}

/// Rows and bytes by day, as the truth writes them.
fn days(format: &LogFormat, rows: &[Value]) -> Value {
    let column = bytes_column(format);
    let mut days: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for row in rows {
        let time = row["ts"].as_str().expect("every row has a time");
        let day = days.entry(&time[..10]).or_default();
        day.0 += 1;
        day.1 += row[column].as_u64().unwrap_or(0);
    }
    let days = days.into_iter();
    days.map(|(day, (rows, bytes))| (day, json!({"rows": rows, column: bytes})))
        .collect()
}

/// Checks an object that becomes rows.
fn check_counts(key: &str, text: &[u8], truth: &Value) -> Decoded {
    let format = formats::detect(text).expect("a log");
    assert_eq!(truth["format"], format.table, "{key}");
    let decoded = decode(format, key, text);
    let counts = decoded.counts;
    let found = json!([counts.lines, counts.rows, counts.rejects, counts.comments]);
    let told = ["lines", "rows", "rejects", "comments"].map(|name| &truth[name]);
    assert_eq!(found, json!(told), "{key}: lines, rows, rejects, comments");
    assert_eq!(days(format, &decoded.rows), truth["days"], "{key}");
    decoded
}

#[test]
fn every_log_gives_its_lines_days_and_bytes() {
    let truth = expected("expected.json");
    let mut seen = 0;
    for (key, truth) in objects(&truth) {
        let bytes = std::fs::read(folder("logs").join(key)).expect("a fixture");
        let (text, whole) = inflate(&bytes);
        assert_eq!(whole, Ok(()), "{key}");
        assert_eq!(truth["stored_bytes"], bytes.len(), "{key}");
        assert_eq!(truth["text_bytes"], text.len(), "{key}");
        check_counts(key, &text, truth);
        seen += 1;
    }
    let told = |table: &str| truth["totals"][table]["objects"].as_u64();
    assert_eq!(told("cloudfront").zip(told("s3_access")), Some((13, 18)));
    assert_eq!(seen, 31);
}

#[test]
fn every_trap_gives_its_values() {
    let truth = expected("expected.json");
    let traps = truth["traps"].as_array().expect("a list");
    assert_eq!(traps.len(), 101);
    let mut objects: BTreeMap<&str, (&LogFormat, Decoded)> = BTreeMap::new();
    let mut wrong = Vec::new();
    for trap in traps {
        let key = trap["object"].as_str().expect("a key");
        let (format, decoded) = objects.entry(key).or_insert_with(|| {
            let bytes = std::fs::read(folder("logs").join(key)).expect("a fixture");
            let (text, _) = inflate(&bytes);
            let format = formats::detect(&text).expect("a log");
            (format, decode(format, key, &text))
        });
        let line = trap["line"]
            .as_u64()
            .and_then(|line| usize::try_from(line).ok());
        let line = line.expect("a line number");
        let row = decoded.row_of_line[line - 1].unwrap_or_else(|| panic!("{key}:{line}: no row"));
        let columns = trap["columns"].as_object().expect("columns by name");
        for (name, told) in columns.iter().filter(|(name, _)| *name != WIDTH) {
            if let Err(found) = check_value(format, &decoded.rows[row], name, told) {
                let what = &trap["trap"];
                wrong.push(format!(
                    "{key}:{line} {what}: {name} is {found}, not {told}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Compares one value of a trap; the error is what was found.
fn check_value(format: &LogFormat, row: &Value, name: &str, told: &Value) -> Result<(), Value> {
    let column = format.fields.iter().find(|field| field.wire == name);
    let column = column.map_or(name, |field| field.column);
    let found = match column {
        // Kept only where decoding cannot be undone.
        "key_logged" => match &row["key_raw"] {
            Value::Null => return Ok(()),
            raw => raw.clone(),
        },
        "user_agent_bytes" => json!(row["user_agent"].as_str().map(str::len)),
        column => row[column].clone(),
    };
    let known = column == "key_logged"
        || column == "user_agent_bytes"
        || s3logs::schema::Layout::of(format)
            .columns
            .iter()
            .any(|known| known.name == column);
    let same = match (&found, told) {
        (Value::Number(found), Value::String(told)) => found.as_f64() == told.parse().ok(),
        (Value::Bool(found), Value::String(told)) => *found == (told == "Yes"),
        (found, told) => found == told,
    };
    if known && same { Ok(()) } else { Err(found) }
}

#[test]
fn every_damaged_object_ends_as_told() {
    let truth = expected("expected_damaged.json");
    let mut states: BTreeMap<&str, u64> = BTreeMap::new();
    for (key, truth) in objects(&truth) {
        let bytes = std::fs::read(folder("damaged").join(key)).expect("a fixture");
        assert_eq!(truth["stored_bytes"], bytes.len(), "{key}");
        let (text, whole) = inflate(&bytes);
        let state = truth["state"].as_str().expect("a state");
        match state {
            "failed" => check_failed(key, &text, whole, truth),
            "skipped" => check_skipped(key, &text, truth),
            _ => check_committed(key, &text, truth),
        }
        *states.entry(state).or_default() += 1;
    }
    for state in ["committed", "failed", "skipped"] {
        assert_eq!(truth["totals"][state], states[state], "{state}");
    }
}

fn check_committed(key: &str, text: &[u8], truth: &Value) {
    let decoded = check_counts(key, text, truth);
    let none = Vec::new();
    let told = truth["reject_lines"].as_array().unwrap_or(&none);
    let lines = told.iter().map(|reject| &reject["line"]);
    let found = decoded.rejects.iter().map(|reject| json!(reject.line));
    assert!(found.eq(lines.cloned()), "{key}: {:?}", decoded.rejects);
    for (reject, told) in decoded.rejects.iter().zip(told) {
        let words = match told["reason"].as_str() {
            Some("bad time") => "no valid event time",
            _ => "no field",
        };
        assert!(reject.reason.contains(words), "{key}: {}", reject.reason);
        let number = usize::try_from(reject.line).expect("a small file");
        let line = text.split(|byte| *byte == b'\n').nth(number - 1);
        assert_eq!(
            Some(reject.bytes.as_slice()),
            line,
            "{key}: kept as it stood"
        );
    }
}

/// Whatever was readable before the damage showed is a matter of `--keep-partial`.
fn check_failed(key: &str, text: &[u8], whole: Result<(), InflateError>, truth: &Value) {
    let error = whole.expect_err("damaged");
    let cut = truth["reason"]
        .as_str()
        .is_some_and(|reason| reason.contains("truncated"));
    assert_eq!(error.what.contains("truncated"), cut, "{key}: {error}");
    let readable = &truth["readable"];
    assert_eq!(readable["text_bytes"], text.len(), "{key}");
    let end = text.iter().rposition(|byte| *byte == b'\n');
    let lines = &text[..=end.expect("some lines")];
    let format = formats::detect(lines).expect("a log");
    assert_eq!(truth["format"], format.table, "{key}");
    let counts = decode(format, key, lines).counts;
    assert_eq!(readable["whole_lines"], counts.lines, "{key}");
    // The truth takes every line that is no comment for a row. The flipped bit has put letters into
    // the times of two of them: nobody should keep part of an object that fails its checksum.
    assert_eq!(
        readable["whole_rows"],
        counts.lines - counts.comments,
        "{key}"
    );
    assert_eq!(counts.rejects, if cut { 0 } else { 2 }, "{key}");
}

fn check_skipped(key: &str, text: &[u8], truth: &Value) {
    let why = formats::detect(text).expect_err("no log of ours");
    let told = truth["reason"].as_str().unwrap_or_default();
    let words = match truth["format"].as_str() {
        Some("alb") => "load balancer",
        _ if told == "empty" => "no line",
        _ if told.contains("PNG") => "PNG",
        _ if told.contains("Parquet") => "Parquet",
        _ => panic!("{key}: {told} is not known here"),
    };
    assert!(why.contains(words), "{key}: {why}");
}

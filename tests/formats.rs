//! Every rule that holds for every log format, tried on its own samples.

use arrow::array::Array;
use arrow::record_batch::RecordBatch;
use proptest::prelude::*;
use s3logs::formats;
use s3logs::parse::{Counts, Decoder, Reject, TextFormat, TextWriter};
use s3logs::schema::{Expect, Layout, LogFormat, Sample};

/// An object name that every format can read something from.
const KEY: &str = "logs/E2EXAMPLE.2026-03-01-10.a1b2c3d4.gz";

fn decode(
    format: &'static LogFormat,
    text: &[u8],
    piece: usize,
) -> (Option<RecordBatch>, Counts, Vec<Reject>) {
    let mut decoder = Decoder::new(format);
    decoder.begin(KEY);
    for part in text.chunks(piece.max(1)) {
        decoder.decode(part);
    }
    let counts = decoder.end();
    let rejects = decoder.take_rejects();
    let batch = decoder.flush().expect("columns fit the schema");
    (batch.map(|batch| batch.records), counts, rejects)
}

fn json_rows(records: &RecordBatch) -> Vec<serde_json::Value> {
    let mut out = Vec::new();
    TextWriter::new(&mut out, TextFormat::Ndjson, true)
        .write(records)
        .expect("to memory");
    out.split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).expect("valid JSON"))
        .collect()
}

fn text_of(sample: &Sample) -> Vec<u8> {
    let mut text = Vec::new();
    if !sample.header.is_empty() {
        text.extend(sample.header.as_bytes());
        text.push(b'\n');
    }
    text.extend(sample.line);
    text.push(b'\n');
    text
}

/// Memory must be bounded by the text: a few bytes of a row could otherwise stand for a megabyte of names.
#[test]
fn unknown_columns_much_longer_than_their_line_make_a_reject() {
    let format = formats::find("cloudfront").expect("a format");
    let known = "date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query";
    let row = "2026-03-01\t00:00:01\tIAD1\t1\t192.0.2.1\tGET\thost\t/\t200\t-\t-\t-";
    for (name, rows) in [("a".repeat(50), 1), ("a".repeat(5000), 0)] {
        let text = format!("#Fields: {known} {name}\n{row}\tx\n");
        let (records, counts, rejects) = decode(format, text.as_bytes(), usize::MAX);
        assert_eq!((counts.rows, counts.rejects), (rows, 1 - rows), "{name}");
        match records {
            Some(records) => assert_eq!(json_rows(&records)[0]["extra"], format!("{name}=x")),
            None => assert!(rejects[0].reason.contains("unknown columns"), "{rejects:?}"),
        }
    }
}

#[test]
fn every_sample_gives_what_it_says() {
    for format in formats::ALL {
        for sample in format.samples {
            let (records, counts, rejects) = decode(format, &text_of(sample), usize::MAX);
            let what = format!("{}: {}", format.name, sample.about);
            match &sample.expect {
                Expect::Reject(reason) => {
                    assert_eq!((counts.rows, counts.rejects), (0, 1), "{what}");
                    assert!(
                        rejects[0].reason.contains(reason),
                        "{what}: {}",
                        rejects[0].reason
                    );
                    assert_eq!(rejects[0].bytes, sample.line, "{what}");
                }
                Expect::Row(columns) => {
                    assert_eq!((counts.rows, counts.rejects), (1, 0), "{what}: {rejects:?}");
                    let row = &json_rows(&records.expect("a row"))[0];
                    for (column, expected) in *columns {
                        let value = row.get(*column).unwrap_or(&serde_json::Value::Null);
                        let expected: serde_json::Value =
                            serde_json::from_str(expected).expect("samples hold JSON");
                        assert_eq!(value, &expected, "{what}: column {column}");
                    }
                }
            }
        }
    }
}

#[test]
fn every_format_is_found_by_its_samples_and_no_other_is() {
    for format in formats::ALL {
        for sample in format.samples {
            if let Expect::Row(_) = sample.expect {
                let found = formats::detect(&text_of(sample)).map(|found| found.name);
                assert_eq!(found, Ok(format.name), "{}", sample.about);
            }
        }
        assert_eq!(
            formats::find(format.name).map(|f| f.table),
            Some(format.table)
        );
        assert_eq!(format.table, format.name.replace('-', "_"));
    }
}

#[test]
fn column_names_are_snake_case_unique_and_documented() {
    for format in formats::ALL {
        let layout = Layout::of(format);
        assert_eq!(layout.columns[0].name, "ts");
        let mut seen = std::collections::BTreeSet::new();
        for column in &layout.columns {
            let name = column.name;
            assert!(
                name.chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'),
                "{name}"
            );
            assert!(seen.insert(name), "{name} twice in {}", format.name);
            assert!(!column.about.is_empty(), "{name}");
        }
    }
}

/// Readers bind to position, name and field id: columns only ever come at the end.
#[test]
fn schemas_are_frozen() {
    for format in formats::ALL {
        let layout = Layout::of(format);
        let lines: Vec<String> = layout
            .schema
            .fields()
            .iter()
            .map(|field| {
                format!(
                    "{} {} {}",
                    field.metadata()["PARQUET:field_id"],
                    field.name(),
                    field.data_type()
                )
            })
            .collect();
        insta::assert_snapshot!(format!("schema_{}", format.table), lines.join("\n"));
    }
}

#[test]
fn no_format_file_is_left_out() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/formats");
    let files = std::fs::read_dir(folder)
        .expect("the source folder")
        .count();
    assert_eq!(
        files,
        formats::ALL.len() + 1,
        "a file in src/formats is not in ALL"
    );
}

/// All samples of a format after each other, as one object.
fn all_samples(format: &LogFormat) -> Vec<u8> {
    format.samples.iter().flat_map(text_of).collect()
}

#[test]
fn long_lines_are_rejected_with_their_beginning() {
    for format in formats::ALL {
        for (length, rejected) in [(1 << 20, false), ((1 << 20) + 1, true)] {
            let mut text = vec![b'x'; length];
            text.push(b'\n');
            for piece in [1000, usize::MAX] {
                let (_, counts, rejects) = decode(format, &text, piece);
                assert_eq!((counts.lines, counts.rejects), (1, 1));
                assert_eq!(rejects[0].bytes.len(), 1 << 20);
                assert_eq!(
                    rejects[0].reason.contains("more than"),
                    rejected,
                    "{}",
                    rejects[0].reason
                );
            }
        }
    }
}

#[test]
fn a_last_line_without_end_and_carriage_returns_count() {
    for format in formats::ALL {
        let Expect::Row(_) = format.samples[0].expect else {
            panic!("the first sample is a row")
        };
        let mut text = text_of(&format.samples[0]);
        text.pop();
        let (_, counts, _) = decode(format, &text, 7);
        assert_eq!(counts.rows, 1);
        let mut windows = text_of(&format.samples[0]);
        windows.pop();
        windows.extend(b"\r\n\r\n\n");
        let (records, counts, _) = decode(format, &windows, 7);
        assert_eq!(counts.rows, 1);
        assert_eq!(counts.lines, counts.rows + counts.comments);
        let plain = decode(format, &text, usize::MAX).0;
        assert_eq!(records, plain);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_pieces_give_the_same_rows(piece in 1usize..400, which in 0..formats::ALL.len()) {
        let format = formats::ALL[which];
        let text = all_samples(format);
        let whole = decode(format, &text, usize::MAX);
        prop_assert_eq!(decode(format, &text, piece), whole);
    }

    #[test]
    fn no_input_panics_and_every_line_is_accounted_for(
        cuts in proptest::collection::vec((0usize..4000, any::<u8>()), 0..30),
        noise in proptest::collection::vec(any::<u8>(), 0..300),
        piece in 1usize..500,
        which in 0..formats::ALL.len(),
    ) {
        let format = formats::ALL[which];
        let mut text = all_samples(format);
        for (at, byte) in cuts {
            let at = at % text.len();
            text[at] = byte;
        }
        text.extend(&noise);
        let lines = text.split(|b| *b == b'\n').count() as u64 - u64::from(text.ends_with(b"\n") || text.is_empty());
        let (records, counts, rejects) = decode(format, &text, piece);
        prop_assert_eq!(counts.lines, lines);
        prop_assert_eq!(counts.lines, counts.rows + counts.rejects + counts.comments);
        prop_assert_eq!(counts.rejects, rejects.len() as u64);
        prop_assert_eq!(counts.rows, records.map_or(0, |records| records.num_rows() as u64));
    }

    /// Quotes, spaces and backslashes in client fields never move the fields after them.
    #[test]
    fn hostile_client_fields_shift_nothing(
        uri in "[ -~]{0,40}", referer in "[!-~]{0,30}", agent in "[ -~]{0,60}", tail in "[A-Za-z0-9]{1,20}",
    ) {
        // Two texts are ambiguous by nature: a referer that holds `" "`, an agent or URI of `-`.
        prop_assume!(agent != "-" && uri != "-" && !agent.starts_with("\" \""));
        let line = format!(
            "owner bucket [06/Feb/2026:00:01:57 +0000] 192.0.2.3 - A1 REST.GET.OBJECT k \"GET /{uri} HTTP/1.1\" 200 - 5 6 7 8 \"r{referer}\" \"{agent}\" - {tail} SigV4 - - host TLSv1.3 - - eu-west-1\n",
        );
        let format = formats::find("s3-access").expect("a format");
        let (records, counts, rejects) = decode(format, line.as_bytes(), usize::MAX);
        prop_assert_eq!(counts.rows, 1, "{:?}", rejects);
        let row = &json_rows(&records.expect("a row"))[0];
        prop_assert_eq!(&row["user_agent"], &serde_json::json!(agent));
        prop_assert_eq!(&row["referer"], &serde_json::json!(format!("r{referer}")));
        prop_assert_eq!(&row["host_id"], &serde_json::json!(tail));
        prop_assert_eq!(&row["source_region"], &serde_json::json!("eu-west-1"));
        prop_assert_eq!(&row["request_uri"], &serde_json::json!(format!("GET /{uri} HTTP/1.1")));
    }
}

#[test]
fn columns_have_the_length_of_the_batch() {
    for format in formats::ALL {
        let (records, counts, _) = decode(format, &all_samples(format), usize::MAX);
        let records = records.expect("rows");
        assert!(
            records
                .columns()
                .iter()
                .all(|column| column.len() as u64 == counts.rows)
        );
    }
}

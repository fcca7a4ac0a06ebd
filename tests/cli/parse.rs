//! `parse`: rows as text, from files, places and standard input.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::logs::{Logs, key, line};
use crate::support::env::{Ended, Env};

/// Lines of the day 5.
fn lines(numbers: std::ops::Range<u64>) -> Vec<u8> {
    let lines = numbers.map(|number| line(5, number));
    lines.collect::<String>().into_bytes()
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).expect("to memory");
    encoder.finish().expect("to memory")
}

/// The numbers of the lines whose rows are on standard output, in order of appearance.
#[track_caller]
fn numbers(ended: &Ended) -> Vec<u64> {
    let rows = ended.events().into_iter();
    rows.filter_map(|row| row["bytes_sent"].as_u64()).collect()
}

#[test]
fn standard_input_plain_and_compressed() {
    let env = Env::new();
    let text = lines(1..200);
    // Two members, as when files are joined.
    let joined = [gzip(&lines(1..100)), gzip(&lines(100..200))].concat();
    let zstd = zstd::encode_all(text.as_slice(), 1).expect("to memory");
    for input in [text, joined, zstd] {
        for args in [&["parse"][..], &["parse", "-"]] {
            let ended = env.run_with_input(args, &input).code(0);
            assert!(numbers(&ended).into_iter().eq(1..200));
        }
    }
    let row = env.run_with_input(["parse", "-q"], &lines(7..8)).code(0);
    row.stderr_is_empty();
    insta::assert_snapshot!(row.stdout());
    let nothing = env.run(["parse"]).code(0);
    nothing.stderr_contains("skipped -: not a log: it holds no line");
}

#[test]
fn tables_of_text() {
    let env = Env::new();
    let columns = ["--columns", "http_status,ts,key,referer"];
    let of = |form: &str| {
        let args = ["parse", "-q", "--output", form].into_iter().chain(columns);
        let ended = env.run_with_input(args, &lines(7..9)).code(0);
        ended.stderr_is_empty();
        ended.stdout().to_owned()
    };
    // As they were asked for, and null is nothing.
    assert_eq!(
        of("csv"),
        "http_status,ts,key,referer\n\
         200,2026-03-05T12:00:00Z,img/7.webp,\n\
         200,2026-03-05T12:00:00Z,img/8.webp,\n"
    );
    assert_eq!(of("tsv"), of("csv").replace(',', "\t"));
    assert_eq!(
        of("ndjson"),
        "{\"http_status\":200,\"ts\":\"2026-03-05T12:00:00Z\",\"key\":\"img/7.webp\"}\n\
         {\"http_status\":200,\"ts\":\"2026-03-05T12:00:00Z\",\"key\":\"img/8.webp\"}\n"
    );
    let all = env
        .run_with_input(["parse", "--output", "csv"], &lines(7..8))
        .code(0);
    assert!(
        all.stdout().starts_with("ts,bucket_owner,bucket,"),
        "{}",
        all.stdout()
    );
    assert_eq!(all.stdout().lines().count(), 2);
}

#[test]
fn values_that_need_quotes() {
    let env = Env::new();
    let text = line(5, 7).replace("\"curl/8\"", "\"a,\\\"b\tc\"");
    let args = |form| {
        [
            "parse",
            "-q",
            "--output",
            form,
            "--columns",
            "user_agent,bytes_sent",
        ]
    };
    let csv = env.run_with_input(args("csv"), text.as_bytes()).code(0);
    assert_eq!(csv.stdout(), "user_agent,bytes_sent\n\"a,\\\"\"b\tc\",7\n");
    let json = env.run_with_input(args("ndjson"), text.as_bytes()).code(0);
    assert_eq!(
        json.events(),
        [json!({"user_agent": "a,\\\"b\tc", "bytes_sent": 7})]
    );
}

#[test]
fn rejected_lines_go_to_their_file() {
    let env = Env::new();
    let torn = [lines(1..3), b"torn\n\xff\xfe raw\n\n".to_vec(), lines(3..4)].concat();
    std::fs::write(env.path(&key(5, 1)), &torn).expect("a file");
    let args = ["parse", &key(5, 1), "--rejects", "bad.ndjson"];
    let ended = env.run(args).code(3);
    assert_eq!(numbers(&ended), [1, 2, 3]);
    assert!(!ended.stderr().contains("torn"), "{}", ended.stderr());
    let kept = std::fs::read_to_string(env.path("bad.ndjson")).expect("a file");
    let kept: Vec<Value> = kept
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(kept.len(), 2);
    let first = ["object", "line", "text"].map(|name| &kept[0][name]);
    assert_eq!(json!(first), json!([key(5, 1), 3, "torn"]));
    let second = ["object", "line", "base64"].map(|name| &kept[1][name]);
    assert_eq!(json!(second), json!([key(5, 1), 4, "//4gcmF3"]));
    assert!(kept.iter().all(|reject| reject["reason"].is_string()));
    let allowed = env.run(args.iter().chain(&["--max-rejected", "2"]));
    drop(allowed.code(0));
    let one_less = env.run(args.iter().chain(&["--max-rejected", "1"]));
    one_less
        .code(3)
        .stderr_contains("2 lines rejected, more than --max-rejected 1");
}

#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let env = Env::new();
    std::fs::write(env.path("big"), lines(0..20_000)).expect("a file");
    for verb in ["parse big", "parse <big", "list --long ."] {
        let script = format!("(s3logs {verb}; echo $? >code) | head -n 1");
        let ended = env.shell(&script).code(0);
        assert_eq!(ended.stdout().lines().count(), 1, "{verb}");
        ended.stderr_is_empty();
        let code = std::fs::read_to_string(env.path("code")).expect("a file");
        assert_eq!(code, "0\n", "{verb}");
    }
}

#[test]
fn several_sources_in_their_order() {
    let env = Env::new();
    std::fs::write(env.path("one"), lines(100..103)).expect("a file");
    std::fs::write(env.path("two.gz"), gzip(&lines(200..203))).expect("a file");
    Logs::new(2).write(&env.path("folder"));
    let ended = env.run(["parse", "two.gz", "folder", "one"]).code(0);
    assert_eq!(
        numbers(&ended),
        [200, 201, 202, 1, 2, 3, 4, 5, 6, 100, 101, 102]
    );
    ended.stderr_contains("12 rows in ");
    let ended = env.run(["parse", "two.gz", "nowhere"]).code(1);
    assert_eq!(ended.stdout(), "", "nothing is read before all are known");
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/logs");
    let mixed = env.run(["parse", fixtures]).code(0);
    assert_eq!(mixed.events().len(), 360);
    let one = env
        .run(["parse", fixtures, "--format", "cloudfront"])
        .code(0);
    assert_eq!(one.events().len(), 148);
    one.stderr_contains("18 of another format");
}

#[test]
fn json_marks_what_is_no_row() {
    let env = Env::new();
    Logs::new(2).write(&env.path("in"));
    std::fs::write(env.path("in/torn.gz"), &gzip(&lines(1..50))[..60]).expect("a file");
    let ended = env.run(["parse", "--json", "in"]).code(3);
    let (events, rows): (Vec<Value>, Vec<Value>) = ended
        .events()
        .into_iter()
        .partition(|line| line.get("event").is_some());
    assert_eq!(rows.len(), 6);
    let kinds: Vec<&Value> = events.iter().map(|event| &event["event"]).collect();
    assert_eq!(json!(kinds), json!(["failed", "summary"]));
    assert_eq!(events[1]["tables"][0]["rows"], 6);
}

#[test]
fn line_ends_of_all_kinds() {
    let env = Env::new();
    let plain = lines(1..4);
    let open = plain.strip_suffix(b"\n").expect("a line end").to_vec();
    let text = String::from_utf8(plain.clone()).expect("ASCII");
    let windows = text.replace('\n', "\r\n").into_bytes();
    let windows_open = windows.strip_suffix(b"\r\n").expect("a line end").to_vec();
    let expected = env.run_with_input(["parse"], &plain).code(0);
    assert_eq!(numbers(&expected), [1, 2, 3]);
    for input in [
        open,
        windows,
        windows_open,
        [b"\n\n", plain.as_slice()].concat(),
    ] {
        let ended = env.run_with_input(["parse"], &input).code(0);
        assert_eq!(ended.stdout(), expected.stdout());
    }
}

/// Lines up to 1 MiB are rows; longer ones are rejected, and what follows them is read.
#[test]
fn very_long_lines() {
    const LONGEST: usize = 1 << 20;
    let env = Env::new();
    let around = line(5, 2);
    let of_length = |length: usize| {
        // The line end does not count.
        let padding = "a".repeat(length + 1 - around.len());
        around.replace("curl/8", &format!("curl/8{padding}"))
    };
    for (length, kept) in [(LONGEST, true), (LONGEST + 1, false), (5 * LONGEST, false)] {
        let long = of_length(length);
        assert_eq!(long.trim_end().len(), length);
        let text = [line(5, 1), long, line(5, 3)].concat();
        std::fs::write(env.path("log"), &text).expect("a file");
        let args = ["parse", "log", "--rejects", "bad"];
        let expected: &[u64] = if kept { &[1, 2, 3] } else { &[1, 3] };
        let code = if kept { 0 } else { 3 };
        for input in [
            text.into_bytes(),
            gzip(&std::fs::read(env.path("log")).expect("a file")),
        ] {
            let ended = env.run_with_input(["parse"], &input).code(code);
            assert_eq!(numbers(&ended), expected, "{length} from a stream");
        }
        assert_eq!(numbers(&env.run(args).code(code)), expected, "{length}");
        let bad = std::fs::read_to_string(env.path("bad")).expect("a file");
        assert_eq!(bad.lines().count(), usize::from(!kept), "{length}");
        assert_eq!(bad.contains("\"line\":2,"), !kept);
    }
}

#[test]
fn a_file_is_itself_and_not_its_siblings() {
    let env = Env::new();
    for name in ["access.log", "access.log.1", "access.log-old"] {
        std::fs::write(env.path(name), line(1, 1)).expect("a file");
    }
    let parsed = env.run(["parse", "access.log"]).code(0);
    assert_eq!(parsed.stdout().lines().count(), 1);
}

#[test]
fn a_log_is_not_overwritten_by_its_rejects() {
    let env = Env::new();
    std::fs::write(env.path("log"), line(1, 1)).expect("a file");
    let refused = env.run(["parse", "log", "--rejects", "log"]).code(2);
    refused.stderr_contains("--rejects names one of the logs");
    let kept = std::fs::read_to_string(env.path("log")).expect("a file");
    assert_eq!(kept, line(1, 1));
}

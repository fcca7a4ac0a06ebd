//! What scripts read: `--json`, and the streams.

use serde_json::{Value, json};

use super::SYNC;
use crate::cli::logs::{Logs, key};
use crate::support::env::{Ended, Env};

fn with<'a>(more: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    SYNC.into_iter().chain(more.iter().copied())
}

/// Fails unless all of standard output is lines of JSON with an event, and the last is the only
/// summary.
#[track_caller]
fn summary(ended: &Ended) -> Value {
    assert!(ended.raw_stdout().ends_with(b"}\n"), "{}", ended.stdout());
    let events = ended.events();
    let lines = ended.raw_stdout().split(|byte| *byte == b'\n').count() - 1;
    assert_eq!(events.len(), lines, "no blank lines");
    assert!(
        events.iter().all(|event| event["event"].is_string()),
        "{events:#?}"
    );
    assert_eq!(ended.events_of("summary").len(), 1);
    events.last().cloned().expect("a line")
}

#[test]
fn every_line_is_json_and_the_last_a_summary() {
    let fake = Logs::new(12).served();
    fake.put("logs", &format!("in/{}", key(5, 50)), "no log\n");
    fake.put(
        "logs",
        &format!("in/{}", key(5, 51)),
        &b"\x1f\x8b\x08torn"[..],
    );
    let env = Env::with_s3(&fake);
    let first = env.run(with(&["--json"])).code(3);
    let told = summary(&first);
    assert_eq!((&told["verb"], &told["exit"]), (&json!("sync"), &json!(3)));
    assert_eq!(told["interrupted"], false);
    let objects = &told["objects"];
    let counts = ["listed", "new", "committed", "skipped", "failed"].map(|name| &objects[name]);
    assert_eq!(json!(counts), json!([14, 14, 12, 1, 1]));
    let table = &told["tables"][0];
    let counts = [
        "objects", "lines", "rows", "rejects", "comments", "days", "files",
    ];
    let counts = counts.map(|name| &table[name]);
    assert_eq!(json!(counts), json!([12, 36, 36, 0, 0, 4, 4]));
    for (kind, times) in [
        ("parsed", 12),
        ("failed", 1),
        ("skipped", 1),
        ("written", 4),
        ("committed", 1),
    ] {
        assert_eq!(first.events_of(kind).len(), times, "{kind}");
    }
    let rows = first
        .events_of("parsed")
        .into_iter()
        .filter_map(|event| event["rows"].as_u64());
    assert_eq!(rows.sum::<u64>(), 36);
    // People are told the failures all the same.
    first
        .stderr_contains("failed  in/")
        .stderr_contains("skipped in/");
    let second = env.run(with(&["--json", "-q"])).code(0);
    let told = summary(&second);
    assert_eq!(told["objects"]["new"], 0);
    second.stderr_is_empty();
}

#[test]
fn a_failure_is_an_event_too() {
    let fake = Logs::new(3).served();
    fake.deny("ListBucket", "s3://logs");
    let ended = Env::with_s3(&fake).run(with(&["--json"])).code(1);
    let events = ended.events();
    let error = events.last().expect("a line");
    assert_eq!(
        (&error["event"], &error["kind"], &error["exit"]),
        (&json!("error"), &json!("denied"), &json!(1))
    );
    assert!(
        error["hints"][0]
            .as_str()
            .is_some_and(|hint| hint.contains("arn:aws:s3:::logs"))
    );
}

#[test]
fn plans_are_summaries_as_well() {
    let fake = Logs::new(12).served();
    let ended = Env::with_s3(&fake)
        .run(with(&["--json", "--dry-run"]))
        .code(0);
    let told = summary(&ended);
    assert_eq!(
        (&told["dry_run"], &told["objects"]["new"]),
        (&json!(true), &json!(12))
    );
    let first = json!({"day": "2026-03-02", "format": "s3-access", "objects": 4, "bytes": told["days"][0]["bytes"]});
    assert_eq!(told["days"][0], first);
}

#[test]
fn quiet_runs_tell_errors_only() {
    let fake = Logs::new(12).served();
    let env = Env::with_s3(&fake);
    for _ in 0..2 {
        let ended = env.run(with(&["-q"])).code(0);
        assert_eq!(ended.stdout(), "");
        ended.stderr_is_empty();
    }
    fake.put(
        "logs",
        &format!("in/{}", key(5, 51)),
        &b"\x1f\x8b\x08torn"[..],
    );
    let ended = env.run(with(&["-q"])).code(3);
    assert_eq!((ended.stdout(), ended.stderr().lines().count()), ("", 1));
    let verbose = env.run(with(&["-v", "--retry-failed"])).code(3);
    verbose.stderr_contains("gunzip");
}

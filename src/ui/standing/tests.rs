use serde_json::Value;

use super::*;
use crate::jobs::status::{DayStates, LastCommit, OpenIntent, TableStatus};
use crate::ledger::{Bucket, Done, Entry, Held, Owner, Step, Unsettled};
use crate::units::Day;

fn one(name: &str, state: KeyState) -> Unsettled {
    Unsettled {
        name: format!("s3://logs/{name}"),
        entry: Entry {
            etag: "0123abcd".to_owned(),
            size: 2048,
            state,
            commit: 7,
        },
    }
}

fn story(name: &str, state: KeyState) -> Story {
    let Unsettled { name, entry } = one(name, state);
    let is_done = matches!(entry.state, KeyState::Committed(_));
    let outputs = is_done.then(|| "s3_access/dt=2024-02-28/b0b0-00-a1b2c3d4.parquet".to_owned());
    Story {
        name,
        modified: 1_709_251_199_000_000,
        entry,
        batch: "b0b0".to_owned(),
        outputs: outputs.into_iter().collect(),
        rejects: is_done.then(|| "_s3logs/s3_access/rejects/b0b0.ndjson.gz".to_owned()),
    }
}

fn failed(lasting: bool) -> KeyState {
    KeyState::Failed {
        step: Step::Gunzip,
        error: "the stream ends early".to_owned(),
        attempts: 3,
        lasting,
    }
}

fn done() -> KeyState {
    KeyState::Committed(Done {
        table: "s3_access".to_owned(),
        lines: 12,
        rows: 10,
        duplicates: 0,
        rejects: 1,
        comments: 1,
        partial: false,
    })
}

fn status() -> Status {
    let table = TableStatus {
        objects: 5000,
        rows: 499_980,
        duplicates: 0,
        rejects: 20,
        partial: 0,
        files: 2,
        bytes: 11 << 20,
        first_day: "2024-02-28".parse().ok(),
        last_day: "2024-02-29".parse().ok(),
    };
    let day = DayStates {
        committed: 4990,
        bytes: 10 << 20,
        failed: 2,
        skipped: 0,
    };
    let late = DayStates {
        committed: 10,
        skipped: 1,
        ..DayStates::default()
    };
    let why = "not a log: it is a PNG image".to_owned();
    Status {
        head: 7,
        states: [("committed", 5000), ("failed", 2), ("skipped", 1)].into(),
        tables: [("s3_access".to_owned(), table)].into(),
        failures: vec![one("a.gz", failed(true)), one("b.gz", failed(false))],
        skipped: vec![one("c.png", KeyState::Skipped { why })],
        folded: 4,
        days: [(Bucket::Undated, late), (Bucket::Day(Day(19_781)), day)].into(),
        lateness: serde_json::from_str(r#"{"counts":{"20":90,"40":10},"max":9000}"#)
            .expect("a scale"),
        commits: vec![LastCommit {
            sequence: 7,
            written: 1_709_251_199_000_000,
            batch: "b0b0".to_owned(),
            objects: 40,
            rows: 1000,
            files: 2,
            bytes: 50_000,
        }],
        open: vec![OpenIntent {
            batch: "b0b0".to_owned(),
            objects: 40,
        }],
        leases: vec![Held {
            owner: Owner {
                host: "build-7".to_owned(),
                boot: String::new(),
                pid: 4711,
                started: 1,
            },
            since: 1_709_251_199_000_000,
            expires: 1_709_251_319_000_000,
        }],
    }
}

#[test]
fn a_dataset_in_words() {
    insta::assert_snapshot!(status_text(&status(), "s3://lake/logs"));
    assert_eq!(
        status_text(&Status::default(), "lake"),
        "lake: nothing has been committed there\n"
    );
}

#[test]
fn a_dataset_as_json() {
    let lines: Vec<String> = status_json(&status())
        .iter()
        .map(Value::to_string)
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn an_object_in_words_and_as_json() {
    let stories = [story("a.gz", failed(true)), story("d.gz", done())];
    let lines: Vec<String> = stories_json(&stories)
        .iter()
        .map(Value::to_string)
        .collect();
    insta::assert_snapshot!(format!(
        "{}---\n{}",
        stories_text(&stories),
        lines.join("\n")
    ));
}

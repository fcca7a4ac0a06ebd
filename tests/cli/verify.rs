//! `verify`: what is off is found, and what is not is not.

mod repair;

use serde_json::{Value, json};

use super::logs::{Logs, key, line};
use crate::support::env::{Ended, Env};
use crate::support::fake_s3::FakeS3;

const VERIFY: [&str; 4] = ["verify", "--json", "s3://logs/in", "s3://lake/set"];

fn synced() -> (FakeS3, Env) {
    let fake = Logs::new(6).served();
    let env = Env::with_s3(&fake);
    drop(env.run(["sync", "s3://logs/in", "s3://lake/set"]).code(0));
    (fake, env)
}

/// Kind and key or path of each problem.
fn problems(ended: &Ended) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let lines = ended.events().into_iter();
    lines
        .filter(|line| line["problem"].is_string())
        .map(|line| {
            let of = ["key", "path", "table"].map(|name| text(&line[name]));
            (text(&line["problem"]), of.concat())
        })
        .collect()
}

fn parquet(fake: &FakeS3) -> Vec<String> {
    let mut keys = fake.keys("lake", "set/s3_access/");
    keys.retain(|key| key.ends_with(".parquet"));
    keys
}

#[test]
fn a_dataset_that_is_complete() {
    let (fake, env) = synced();
    fake.clear_log();
    let ended = env.run(VERIFY).code(0);
    assert_eq!(problems(&ended), []);
    let summary = ended.events_of("summary").remove(0);
    assert_eq!(summary["objects"], json!({"committed": 6}));
    let counts = ["recounted", "lines", "rows", "problems"].map(|name| &summary[name]);
    assert_eq!(json!(counts), json!([6, 18, 18, 0]));
    let writes = fake
        .requests()
        .into_iter()
        .filter(|request| request.method != "GET");
    assert_eq!(writes.collect::<Vec<_>>(), [], "it only reads");

    fake.clear_log();
    let quick = env.run(VERIFY.iter().chain(&["--quick"])).code(0);
    assert_eq!(quick.events_of("summary")[0]["recounted"], 0);
    assert_eq!(fake.count("GetObject", "in/"), 0);
}

#[test]
fn every_kind_of_damage_is_named() {
    let (fake, env) = synced();
    let files = parquet(&fake);
    let path = |key: &str| key.trim_start_matches("set/").to_owned();
    let expect = |expected: &[(&str, String)]| {
        let found = problems(&env.run(VERIFY).code(1));
        let expected: Vec<(String, String)> = expected
            .iter()
            .map(|(kind, of)| ((*kind).to_owned(), of.clone()))
            .collect();
        assert_eq!(found, expected);
    };

    let new = format!("in/{}", key(9, 90));
    fake.put("logs", &new, line(9, 90));
    expect(&[("unknown", new.clone())]);
    fake.remove("logs", &new);

    let whole = fake.get("lake", &files[0]).expect("a file");
    fake.remove("lake", &files[0]);
    expect(&[("missing", path(&files[0]))]);
    fake.put("lake", &files[0], &whole[..whole.len() - 1]);
    expect(&[("differs", path(&files[0]))]);
    let mut garbled = whole.to_vec();
    let end = garbled.len() - 20;
    garbled[end..].fill(0);
    fake.put("lake", &files[0], garbled);
    expect(&[("damaged", path(&files[0]))]);
    let other = fake.get("lake", &files[1]).expect("a file");
    fake.put("lake", &files[0], whole);

    let orphan = "set/s3_access/dt=2026-03-02/left-over.parquet";
    fake.put("lake", orphan, other);
    expect(&[("orphan", path(orphan))]);
    fake.remove("lake", orphan);
    drop(env.run(VERIFY).code(0));
}

#[test]
fn objects_that_changed_or_went_are_told() {
    let (fake, env) = synced();
    let name = format!("in/{}", Logs::new(1).keys()[0]);
    fake.put("logs", &name, line(2, 500));
    let found = problems(&env.run(VERIFY).code(1));
    assert_eq!(found, [("replaced".to_owned(), name.clone())]);
    fake.remove("logs", &name);
    let ended = env.run(VERIFY).code(0);
    assert_eq!(ended.events_of("summary")[0]["gone"], 1);
}

#[test]
fn an_empty_source_proves_nothing() {
    let (_fake, env) = synced();
    let ended = env
        .run(["verify", "s3://logs/typo/", "s3://lake/set"])
        .code(1);
    ended.stdout_contains("no object in the source, so nothing is proved");
}

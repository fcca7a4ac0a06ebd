//! `status`: what a dataset holds, and what became of every object.

use serde_json::{Value, json};

use super::logs::{Logs, key, line};
use crate::support::env::Env;
use crate::support::fake_s3::{ALWAYS, FakeS3, Fault};

/// A dataset with 6 objects that are done, one that is torn, one that vanished, one that is no log
/// and one with a rejected line.
fn synced() -> (FakeS3, Env) {
    let fake = Logs::new(6).served();
    let of = |object| format!("in/{}", key(5, object));
    fake.put("logs", &of(50), &b"\x1f\x8b\x08\0\0\0\0\0\0\x03torn"[..]);
    fake.put("logs", &of(51), line(5, 51));
    fake.put("logs", &of(52), &b"\x89PNG\r\n\x1a\n"[..]);
    fake.put("logs", &of(53), line(5, 53) + "rejected\n");
    fake.fault(
        "GetObject",
        &of(51),
        ALWAYS,
        Fault::Status(404, "NoSuchKey"),
    );
    let env = Env::with_s3(&fake);
    drop(env.run(["sync", "s3://logs/in", "s3://lake/set"]).code(3));
    drop(env.run(["sync", "s3://logs/in", "s3://lake/set"]).code(3));
    (fake, env)
}

/// Sizes of Parquet files are those of one version of the writer.
fn without_sizes(text: &str) -> String {
    let size = regex::Regex::new("[0-9.]+ KiB  2026").expect("a pattern");
    size.replace_all(text, "[SIZE]  2026").into_owned()
}

#[test]
fn a_dataset_and_what_failed() {
    let (fake, env) = synced();
    fake.clear_log();
    let told = env.run(["status", "s3://lake/set"]).code(0);
    told.stderr_is_empty();
    insta::assert_snapshot!(without_sizes(told.stdout()));
    let writes = fake
        .requests()
        .into_iter()
        .filter(|request| request.method != "GET");
    assert_eq!(writes.collect::<Vec<_>>(), []);
    let told = env.run(["status", "s3://lake/set", "--json"]).code(0);
    let states: Vec<Value> = told
        .events_of("state")
        .into_iter()
        .map(|line| json!([line["state"], line["objects"]]))
        .collect();
    assert_eq!(
        json!(states),
        json!([["committed", 7], ["failed", 2], ["skipped", 1]])
    );
    let table = told.events_of("table").remove(0);
    let counts = ["objects", "rows", "rejects", "files"].map(|name| &table[name]);
    assert_eq!(json!(counts), json!([7, 19, 1, 5]));
    assert_eq!(told.events_of("failure").len(), 2);
    assert_eq!(
        told.events().pop().map(|line| line["verb"].clone()),
        Some(json!("status"))
    );
}

#[test]
fn the_story_of_one_object() {
    let (_fake, env) = synced();
    let mut story = String::new();
    let name = key(5, 50);
    for asked in [
        name.clone(),
        format!("in/{name}"),
        format!("s3://logs/in/{name}"),
    ] {
        let told = env.run(["status", "s3://lake/set", &asked]).code(0);
        told.stdout_contains("1 attempt; again only with --retry-failed");
        assert!(story.is_empty() || story == told.stdout(), "{asked}");
        told.stdout().clone_into(&mut story);
    }
    for object in [51, 52, 53] {
        let told = env
            .run(["status", "s3://lake/set", &key(5, object)])
            .code(0);
        story.push_str(told.stdout());
    }
    let done = env.run(["status", "s3://lake/set", &key(2, 0)]).code(0);
    story.push_str(done.stdout());
    insta::assert_snapshot!(story);
    let json = env
        .run(["status", "s3://lake/set", &key(5, 51), "--json"])
        .code(0);
    let line = json.events_of("object").remove(0);
    let found = ["state", "step", "attempts", "lasting"].map(|name| &line[name]);
    assert_eq!(json!(found), json!(["failed", "fetch", 2, false]));
}

#[test]
fn objects_that_are_not_known() {
    let (fake, env) = synced();
    fake.put("logs", &format!("in/{}", key(9, 1)), line(9, 1));
    // Half a name is no name.
    for asked in [key(9, 1), key(5, 50)[5..].to_owned(), "nothing".to_owned()] {
        let told = env.run(["status", "s3://lake/set", &asked]).code(1);
        assert_eq!(told.stdout(), "");
        told.stderr_contains(&format!(
            "error: the ledger of s3://lake/set does not know an object {asked}\nhint: "
        ));
    }
}

#[test]
fn work_that_broke_off_and_work_under_way() {
    let logs = Logs::new(6);
    let fake = logs.served();
    let env = Env::with_s3(&fake);
    fake.fault("PutObject", "commits/", 1, Fault::Hang);
    let run = env.start(["sync", "s3://logs/in", "s3://lake/set"]);
    fake.wait_for("PutObject", "commits/", 1);
    let told = env.run(["status", "s3://lake/set"]).code(0);
    told.stdout_contains("broken off, to be finished by the next sync:\n  batch ");
    told.stdout_contains(" of 6 objects\n");
    told.stdout_contains(&format!("at work: process {} on ", run.id()));
    let one = env.run(["status", "s3://lake/set", logs.keys()[0]]).code(0);
    one.stdout_contains("  not committed, batch ");
    one.stdout_contains("  written: work on it broke off");
    run.kill().killed();
    drop(env.run(["sync", "s3://logs/in", "s3://lake/set"]).code(0));
    let told = env.run(["status", "s3://lake/set"]).code(0);
    assert!(!told.stdout().contains("broken off"), "{}", told.stdout());
    assert!(!told.stdout().contains("at work"), "{}", told.stdout());
}

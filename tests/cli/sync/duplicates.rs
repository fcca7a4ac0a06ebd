//! `--dedupe`, as a user sees it: what is told, counted and proved.

use serde_json::json;

use super::SYNC;
use crate::cli::logs::{Logs, key, line, numbers};
use crate::support::dataset::Dataset;
use crate::support::env::{Ended, Env};
use crate::support::fake_s3::FakeS3;

const VERIFY: [&str; 4] = ["verify", "--json", "s3://logs/in", "s3://lake/set"];

fn dedupe(env: &Env) -> Ended {
    env.run(SYNC.iter().chain(&["--dedupe"])).code(0)
}

/// Six objects, and one with lines of three of them, one of these twice.
fn doubled() -> (FakeS3, Env) {
    let fake = Logs::new(6).served();
    let env = Env::with_s3(&fake);
    let again = line(2, 1) + &line(3, 4) + &line(3, 4) + &line(2, 6) + &line(3, 100);
    fake.put("logs", &format!("in/{}", key(4, 99)), again);
    (fake, env)
}

fn rows(fake: &FakeS3) -> Vec<u64> {
    numbers(&Dataset::in_bucket(fake, "lake", "set/"))
}

/// Problems that `verify` names.
fn problems(ended: &Ended) -> Vec<String> {
    let lines = ended.events().into_iter();
    let problem = |line: serde_json::Value| line["problem"].as_str().map(str::to_owned);
    lines.filter_map(problem).collect()
}

#[test]
fn by_default_every_line_is_a_row() {
    let (fake, env) = doubled();
    drop(env.run(SYNC).code(0));
    assert_eq!(rows(&fake).len(), 18 + 5);
    let told = env.run(["status", "s3://lake/set"]).code(0);
    assert!(!told.stdout().contains("duplicates"), "{}", told.stdout());
    assert_eq!(fake.keys("lake", "set/_s3logs/s3_access/lines/"), [""; 0]);
    drop(env.run(VERIFY).code(0));
}

#[test]
fn what_is_left_out_is_told_and_proved() {
    let (fake, env) = doubled();
    let dry = env
        .run(SYNC.iter().chain(&["--dedupe", "--dry-run"]))
        .code(0);
    dry.stdout_contains("7 objects (");
    assert_eq!(fake.object_count("lake"), 0);
    let told = dedupe(&env);
    told.stderr_is_empty();
    told.stdout_contains("table      objects  lines  rows  duplicates  rejects");
    told.stdout_contains("s3_access        7     23    19           4        0");
    assert_eq!(rows(&fake), [(1..=18).collect(), vec![100]].concat());

    let status = env.run(["status", "s3://lake/set"]).code(0);
    status.stdout_contains("table      objects  rows  duplicates  rejects");
    status.stdout_contains("s3_access        7    19           4        0");
    let status = env.run(["status", "--json", "s3://lake/set"]).code(0);
    assert_eq!(status.events_of("table")[0]["duplicates"], 4);
    let story = ["status", "s3://lake/set", &key(4, 99)];
    let story = env.run(story).code(0);
    story.stdout_contains("done: 5 lines = 1 row, 4 duplicates, 0 rejects, 0 comments");

    let verified = env.run(VERIFY).code(0);
    let summary = verified.events_of("summary").remove(0);
    let counts = ["lines", "rows", "duplicates", "problems"].map(|name| &summary[name]);
    assert_eq!(json!(counts), json!([23, 19, 4, 0]));
    let verified = env.run(["verify", "s3://logs/in", "s3://lake/set"]).code(0);
    verified.stdout_contains("4 lines left out, each the same as a row");
}

#[test]
fn later_deliveries_are_found_and_counted() {
    let (fake, env) = doubled();
    drop(dedupe(&env));
    fake.put(
        "logs",
        &format!("in/{}", key(5, 1)),
        line(2, 1) + &line(4, 7),
    );
    let summary = env.run(SYNC.iter().chain(&["--dedupe", "--json"])).code(0);
    let table = summary.events_of("summary")[0]["tables"][0].clone();
    assert_eq!(
        (&table["rows"], &table["duplicates"]),
        (&json!(0), &json!(2))
    );
    assert_eq!(rows(&fake), [(1..=18).collect(), vec![100]].concat());
    drop(env.run(VERIFY).code(0));
    // Without it, the next delivery is rows again, and verify counts them as such.
    fake.put("logs", &format!("in/{}", key(6, 1)), line(2, 1));
    drop(env.run(SYNC).code(0));
    assert_eq!(rows(&fake).len(), 20);
    drop(env.run(VERIFY).code(0));
}

#[test]
fn rows_that_cannot_be_compared_are_told() {
    let (fake, env) = doubled();
    drop(env.run(SYNC).code(0));
    fake.put(
        "logs",
        &format!("in/{}", key(5, 1)),
        line(2, 1) + &line(9, 90),
    );
    let told = dedupe(&env);
    told.stderr_contains(
        "some rows of s3_access 2026-03-02 were added without --dedupe; duplicates of these are not found",
    );
    assert!(!told.stderr().contains("2026-03-09"), "{}", told.stderr());
    assert_eq!(rows(&fake).len(), 25);
    drop(env.run(VERIFY).code(0));
}

/// One request that deletes a thousand objects writes a thousand lines with one request id.
#[test]
fn a_request_id_says_nothing() {
    let fake = Logs::new(0).served();
    let env = Env::with_s3(&fake);
    let delete = |number: u64| {
        let line = line(2, number).replace("REST.GET.OBJECT", "BATCH.DELETE.OBJECT");
        line.replace("GET /img", "POST /?delete")
    };
    let whole: String = (0..1000).map(delete).collect();
    fake.put("logs", &format!("in/{}", key(2, 1)), &whole);
    fake.put("logs", &format!("in/{}", key(2, 2)), &whole);
    dedupe(&env).stdout_contains("s3_access        2  2,000  1,000       1,000");
    assert_eq!(rows(&fake), (0..1000).collect::<Vec<u64>>());
    drop(env.run(VERIFY).code(0));
}

#[test]
fn what_does_not_balance_is_found() {
    let (fake, env) = doubled();
    drop(dedupe(&env));
    let prints = fake.keys("lake", "set/_s3logs/s3_access/lines/").remove(0);
    let whole = fake.get("lake", &prints).expect("a file");
    fake.put("lake", &prints, &whole[1..]);
    assert_eq!(problems(&env.run(VERIFY).code(1)), ["differs"]);
    fake.remove("lake", &prints);
    assert_eq!(problems(&env.run(VERIFY).code(1)), ["missing"]);
    fake.put("lake", &prints, whole);
    // Lines that were left out and have gone since.
    let again = format!("in/{}", key(4, 99));
    fake.put("logs", &again, line(3, 100));
    assert_eq!(problems(&env.run(VERIFY).code(1)), ["replaced"]);
}

/// Fingerprints that are as long as they should be, and not those of the rows.
#[test]
fn fingerprints_of_other_lines_are_found() {
    let (fake, env) = doubled();
    drop(dedupe(&env));
    let prints = fake.keys("lake", "set/_s3logs/s3_access/lines/");
    let (of_two, of_three) = (&prints[1], &prints[2]);
    assert!(of_two.contains("dt=2026-03-02") && of_three.contains("dt=2026-03-03"));
    let whole = fake.get("lake", of_two).expect("a file");
    let mut other = whole.to_vec();
    other.reverse();
    fake.put("lake", of_two, other);
    assert_eq!(problems(&env.run(VERIFY).code(1)), ["damaged"]);
    fake.put("lake", of_two, whole);
    drop(env.run(VERIFY).code(0));
}

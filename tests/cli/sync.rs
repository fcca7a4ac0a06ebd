//! `sync`: what a second run does, what it does after interruptions, and what scripts may rely on.

mod broken_off;
mod duplicates;
mod events;
mod killed;
#[cfg(target_os = "linux")]
mod memory;

use std::collections::BTreeMap;
use std::path::Path;

use crate::support::dataset::Dataset;
use crate::support::env::Env;
use crate::support::fake_s3::{ALWAYS, FakeS3, Fault};

use super::logs::{Logs, key, line, numbers};

const SYNC: [&str; 3] = ["sync", "s3://logs/in/", "s3://lake/set/"];

/// Everything in a bucket.
fn contents(fake: &FakeS3, bucket: &str) -> BTreeMap<String, Vec<u8>> {
    let keys = fake.keys(bucket, "").into_iter();
    keys.filter_map(|key| {
        let bytes = fake.get(bucket, &key)?.to_vec();
        Some((key, bytes))
    })
    .collect()
}

/// Every file below a folder.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path).expect("a file");
                found.insert(path.display().to_string(), bytes);
            }
        }
    }
    found
}

/// Fails unless the dataset in `s3://lake/set/` holds these numbers, is committed and not locked.
#[track_caller]
fn assert_settled(fake: &FakeS3, numbers_of_lines: &[u64]) {
    let dataset = Dataset::in_bucket(fake, "lake", "set/");
    assert_eq!(numbers(&dataset), numbers_of_lines);
    for left in ["lock", "intents/"] {
        let keys = fake.keys("lake", &format!("set/_s3logs/{left}"));
        assert_eq!(keys, [""; 0], "{left}");
    }
}

#[test]
fn a_second_run_changes_nothing() {
    let logs = Logs::new(12);
    let fake = logs.served();
    let env = Env::with_s3(&fake);
    let first = env.run(SYNC).code(0);
    first.stderr_is_empty();
    first.stdout_contains("12 objects listed, 12 new, 12 done");
    assert_settled(&fake, &logs.numbers());
    let (before, source) = (contents(&fake, "lake"), contents(&fake, "logs"));
    fake.clear_log();
    let second = env.run(SYNC).code(0);
    let told = "nothing new: 12 objects, all done before\nrequests: ";
    assert!(second.stdout().starts_with(told), "{}", second.stdout());
    second.stderr_is_empty();
    assert_eq!(contents(&fake, "lake"), before);
    assert_eq!(contents(&fake, "logs"), source);
    for request in fake.requests() {
        let reads = ["GetObject", "ListObjectsV2"].contains(&request.operation);
        let locks = request.key == "set/_s3logs/lock" || request.operation == "DeleteObjects";
        assert!(reads || locks, "{request:?}");
        assert!(
            request.bucket == "lake" || request.operation == "ListObjectsV2",
            "{request:?}"
        );
    }
    assert_eq!(fake.count("DeleteObjects", ""), 1, "of the lock");
}

#[test]
fn a_second_run_changes_nothing_on_a_disk() {
    let env = Env::new();
    let logs = Logs::new(12);
    logs.write(&env.path("in"));
    drop(env.run(["sync", "in", "lake"]).code(0));
    assert_eq!(
        numbers(&Dataset::in_folder(&env.path("lake"))),
        logs.numbers()
    );
    let before = (tree(&env.path("in")), tree(&env.path("lake")));
    let second = env.run(["sync", "in", "lake"]).code(0);
    second.stdout_contains("nothing new");
    assert_eq!((tree(&env.path("in")), tree(&env.path("lake"))), before);
}

#[test]
fn dry_runs_write_nothing() {
    let logs = Logs::new(12);
    let fake = logs.served();
    let env = Env::with_s3(&fake);
    for verb in ["sync", "convert"] {
        let there = [verb, "--dry-run", "s3://logs/in/", "s3://lake/set/"];
        let here = [verb, "--dry-run", "s3://logs/in/", "lake"];
        for args in [there, here] {
            let told = env.run(args).code(0);
            told.stdout_contains("12 objects (")
                .stdout_contains("in 1 batch\n");
            told.stdout_contains("2026-03-02  s3-access        4");
            told.stdout_contains("dry run: nothing was read or written");
        }
    }
    assert!(!env.path("lake").exists());
    assert_eq!(fake.object_count("lake"), 0);
    let asked = fake.requests();
    let reads = asked
        .iter()
        .all(|request| request.operation == "ListObjectsV2");
    assert!(reads, "{asked:#?}");
    // Where there is something already the plan says what is left.
    drop(env.run(SYNC).code(0));
    fake.put("logs", &format!("in/{}", key(9, 50)), line(9, 100));
    let before = contents(&fake, "lake");
    let told = env.run(SYNC.iter().chain(&["--dry-run"])).code(0);
    told.stdout_contains("1 object (")
        .stdout_contains("of 13 listed would be done");
    assert_eq!(contents(&fake, "lake"), before);
}

#[test]
fn late_objects_under_old_names_are_found() {
    let logs = Logs::new(12);
    let fake = logs.served();
    let env = Env::with_s3(&fake);
    drop(env.run(SYNC).code(0));
    // Older than everything there is, and with a line of a day that has rows.
    let late = line(1, 100) + &line(3, 101);
    fake.put("logs", &format!("in/{}", key(1, 0)), late);
    let second = env.run(SYNC).code(0);
    second.stdout_contains("13 objects listed, 1 new, 1 done");
    assert_settled(&fake, &[logs.numbers(), vec![100, 101]].concat());
}

#[test]
fn keys_beyond_the_lookback_are_told() {
    let fake = Logs::new(12).served();
    fake.page_size(3);
    for object in 0..6 {
        fake.put(
            "logs",
            &format!("in/2026-01-01-00-00-00-{object}"),
            line(1, 100),
        );
    }
    let env = Env::with_s3(&fake);
    let first = env.run(SYNC).code(0);
    assert!(!first.stdout().contains("lookback"), "{}", first.stdout());
    let told =
        "keys beyond the lookback were not listed: in/* before 2026-02-18; --full lists all\n";
    env.run(SYNC).code(0).stdout_contains(told);
    let plan = env.run(SYNC.iter().chain(&["--dry-run"])).code(0);
    plan.stdout_contains(told);
    let expected = serde_json::json!([{"keys": "in/", "before": "2026-02-18"}]);
    for more in [&["--json"][..], &["--json", "--dry-run"]] {
        let run = env.run(SYNC.iter().chain(more)).code(0);
        assert_eq!(run.events_of("summary")[0]["not_listed"], expected);
    }
    for more in [&["--full"][..], &["--since", "2026-03-01"]] {
        let run = env.run(SYNC.iter().chain(more)).code(0);
        assert!(!run.stdout().contains("lookback"), "{}", run.stdout());
    }
}

#[test]
fn replaced_objects_are_told_and_not_read_again() {
    let logs = Logs::new(6);
    let fake = logs.served();
    let env = Env::with_s3(&fake);
    drop(env.run(SYNC).code(0));
    let name = format!("in/{}", logs.keys()[0]);
    fake.put("logs", &name, line(2, 500));
    fake.clear_log();
    let second = env.run(SYNC.iter().chain(&["-v"])).code(0);
    second.stderr_contains(&format!("changed {name}: replaced after it was read"));
    second.stdout_contains("1 object replaced in the source after being read, and not read again");
    assert_eq!(fake.count("GetObject", &name), 0);
    assert_settled(&fake, &logs.numbers());
}

#[test]
fn failures_that_last_are_tried_again_when_asked() {
    let logs = Logs::new(6);
    let fake = logs.served();
    let env = Env::with_s3(&fake);
    let name = format!("in/{}", key(5, 50));
    fake.put("logs", &name, &b"\x1f\x8b\x08\0\0\0\0\0\0\x03torn"[..]);
    env.run(SYNC).code(3).stderr_contains("gunzip: ");
    fake.clear_log();
    let second = env.run(SYNC).code(0);
    second.stdout_contains("nothing new: 7 objects, 6 done before, 1 failed before");
    second.stdout_contains("`--retry-failed` tries them again");
    assert_eq!(fake.count("GetObject", &name), 0);
    let retry = || env.run(SYNC.iter().chain(&["--retry-failed"]));
    drop(retry().code(3));
    assert_eq!(fake.count("GetObject", &name), 1);
    let status = env.run(["status", "s3://lake/set", &key(5, 50)]).code(0);
    status.stdout_contains("2 attempts");
    // A new version of the object is tried without being asked.
    fake.put("logs", &name, line(5, 100));
    drop(env.run(SYNC).code(0));
    assert_settled(&fake, &[logs.numbers(), vec![100]].concat());
    retry().code(0).stdout_contains("nothing new");
}

#[test]
fn what_stands_before_a_damage_is_kept_when_asked() {
    let logs = Logs::new(6);
    let fake = logs.served();
    let env = Env::with_s3(&fake);
    let text: String = (100..400).map(|number| line(5, number)).collect();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    std::io::Write::write_all(&mut gzip, text.as_bytes()).expect("to memory");
    let whole = gzip.finish().expect("to memory");
    // Stored blocks: the bytes that are cut off are the lines that are missing.
    let name = format!("in/{}", key(5, 50));
    fake.put("logs", &name, &whole[..whole.len() / 2]);
    drop(env.run(SYNC).code(3));
    assert_settled(&fake, &logs.numbers());
    let keep = env.run(SYNC.iter().chain(&["--keep-partial", "--retry-failed"]));
    keep.code(3).stdout_contains("1 damaged and cut short");
    let rows = numbers(&Dataset::in_bucket(&fake, "lake", "set/"));
    let kept = &rows[18..];
    assert!(kept.len() > 100 && kept.len() < 160, "{}", kept.len());
    assert!(
        kept.iter().copied().eq(100..100 + kept.len() as u64),
        "{kept:?}"
    );
    let status = env.run(["status", "s3://lake/set", &key(5, 50)]).code(0);
    status.stdout_contains("the object is damaged, what follows the damage is missing");
    env.run(SYNC).code(0).stdout_contains("nothing new");
}

#[test]
fn objects_that_vanish_cost_themselves() {
    let logs = Logs::new(12);
    let fake = logs.served();
    let env = Env::with_s3(&fake);
    let gone = format!("in/{}", logs.keys()[5]);
    fake.fault("GetObject", &gone, ALWAYS, Fault::Status(404, "NoSuchKey"));
    let first = env.run(SYNC).code(3);
    first.stderr_contains(&format!(
        "failed  {gone}: fetch: cannot read s3://logs/{gone}: NoSuchKey"
    ));
    first.stdout_contains("12 objects listed, 12 new, 11 done, 1 failed");
    let rows = numbers(&Dataset::in_bucket(&fake, "lake", "set/"));
    assert_eq!(rows.len(), 33);
    fake.clear_faults();
    env.run(SYNC).code(0).stdout_contains("1 new, 1 done");
    assert_settled(&fake, &logs.numbers());
}

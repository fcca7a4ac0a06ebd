//! Failures around the ledger, and destinations that must not be written.

use crate::cli::logs::{Logs, numbers};
use crate::support::dataset::Dataset;
use crate::support::env::Env;
use crate::support::fake_s3::FakeS3;

use super::Story;

const COMMIT: &str = "_s3logs/commits/00000000000000000001.json.zst";

/// A lock that a process of another host holds until the year 2099.
const LOCK: &str = r#"{"owner":{"host":"build-7","boot":"b","pid":4711,"started":1},"since":1772366400000000,"expires":4070908800000000}"#;

/// A dataset of six objects in `lake` on a disk and in `s3://lake/out`, the logs being in `in`.
fn synced() -> (Logs, FakeS3, Env) {
    let logs = Logs::new(6);
    let fake = logs.served();
    let env = Env::with_s3(&fake);
    logs.write(&env.path("in"));
    drop(env.run(["sync", "in", "lake"]).code(0));
    drop(env.run(["sync", "s3://logs/in", "s3://lake/out"]).code(0));
    (logs, fake, env)
}

#[test]
fn a_ledger_that_cannot_be_read() {
    let (_, fake, env) = synced();
    let newer = zstd::encode_all(&br#"{"version":99,"batch":{}}"#[..], 1).expect("to memory");
    let mut story = Story::default();
    for (what, record) in [
        ("corrupt", b"\x28\xb5\x2f\xfd torn".to_vec()),
        ("newer", newer),
    ] {
        std::fs::write(env.path("lake").join(COMMIT), &record).expect("a file");
        fake.put("lake", &format!("out/{COMMIT}"), &record);
        let before = fake.keys("lake", "");
        for verb in [&["sync", "in", "lake"][..], &["status", "lake"]] {
            story.fails(what, &env, verb, 10);
        }
        story.fails(what, &env, &["sync", "--dry-run", "in", "lake"], 10);
        let there = ["sync", "s3://logs/in", "s3://lake/out"];
        story.fails(what, &env, &there, 10);
        story.fails(what, &env, &["status", "s3://lake/out", "key"], 10);
        assert_eq!(fake.keys("lake", ""), before, "nothing came or went");
    }
    insta::assert_snapshot!(story.0);
}

#[test]
fn a_gap_in_the_ledger_is_no_beginning() {
    let (_, fake, env) = synced();
    let second = format!("out/{}", COMMIT.replace("1.json", "2.json"));
    let first = fake
        .get("lake", &format!("out/{COMMIT}"))
        .expect("a commit");
    fake.put("lake", &second, first);
    fake.remove("lake", &format!("out/{COMMIT}"));
    let mut story = Story::default();
    let sync = ["sync", "s3://logs/in", "s3://lake/out"];
    story.fails("the first commit is gone", &env, &sync, 10);
    insta::assert_snapshot!(story.0);
}

#[test]
fn another_run_at_work() {
    let (logs, fake, env) = synced();
    Logs::new(9).put(&fake, "logs", "in/");
    Logs::new(9).write(&env.path("in"));
    std::fs::write(env.path("lake/_s3logs/lock"), LOCK).expect("a file");
    fake.put("lake", "out/_s3logs/lock", LOCK);
    let mut story = Story::default();
    let (here, there) = (
        ["sync", "in", "lake"],
        ["sync", "s3://logs/in", "s3://lake/out"],
    );
    for sync in [here, there] {
        story.fails("held", &env, &sync, 11);
    }
    let told = env.run(["sync", "in", "lake", "--json"]).code(11);
    let errors = told.events_of("error");
    assert_eq!((errors.len(), &errors[0]["exit"]), (1, &11.into()));
    assert_eq!(
        fake.get("lake", "out/_s3logs/lock").as_deref(),
        Some(LOCK.as_bytes())
    );
    let before = Dataset::in_folder(&env.path("lake"));
    assert_eq!(numbers(&before), logs.numbers());
    // Looking is free.
    story
        .run("status", &env, &["status", "lake"], 0)
        .stdout_contains("build-7");
    drop(env.run(["sync", "--dry-run", "in", "lake"]).code(0));
    for sync in [here, there] {
        drop(env.run(sync.iter().chain(&["--take-over"])).code(0));
    }
    let after = [
        Dataset::in_folder(&env.path("lake")),
        Dataset::in_bucket(&fake, "lake", "out/"),
    ];
    for dataset in after {
        assert_eq!(numbers(&dataset), Logs::new(9).numbers());
    }
    assert_eq!(fake.get("lake", "out/_s3logs/lock"), None);
    insta::assert_snapshot!(story.0);
}

#[test]
fn leases_that_nobody_holds_any_more_are_no_obstacle() {
    let (_, fake, env) = synced();
    fake.put(
        "lake",
        "out/_s3logs/lock",
        LOCK.replace("4070908800000000", "1772366520000000"),
    );
    let expired = env.run(["sync", "s3://logs/in", "s3://lake/out"]);
    expired.code(0).stdout_contains("nothing new");
    assert_eq!(fake.get("lake", "out/_s3logs/lock"), None);
}

#[test]
fn a_server_that_cannot_tell_runs_apart() {
    let logs = Logs::new(6);
    let mut story = Story::default();
    let kinds: [(_, fn(&FakeS3)); 2] = [
        ("no conditional put", FakeS3::without_conditional_put),
        ("a put that looks first", FakeS3::with_hesitant_put),
    ];
    for (what, make) in kinds {
        let fake = logs.served();
        let env = Env::with_s3(&fake);
        make(&fake);
        let sync = ["sync", "s3://logs/in", "s3://lake/out"];
        story.fails(what, &env, &sync, 1);
        assert_eq!(
            fake.keys("lake", ""),
            [""; 0],
            "nothing, and no lock either"
        );
        let sync = ["sync", "--single-writer", "s3://logs/in", "s3://lake/out"];
        env.run(sync).code(0).stderr_is_empty();
        let dataset = Dataset::in_bucket(&fake, "lake", "out/");
        assert_eq!(numbers(&dataset), logs.numbers());
    }
    insta::assert_snapshot!(story.0);
}

#[test]
fn places_that_make_no_sense() {
    let (_, fake, env) = synced();
    let before = (fake.keys("logs", ""), fake.keys("lake", ""));
    let mut story = Story::default();
    let same: [&[&str]; 6] = [
        &["sync", "in", "./in/"],
        &["convert", "in", "in"],
        &["sync", "s3://logs/in", "s3://logs/in/"],
        &["convert", "s3://logs/in/", "s3://logs/in"],
        &["upload", "in", "in/copy"],
        &["sync", "--dry-run", "in", "in"],
    ];
    for args in same {
        story.fails("the same place", &env, args, 2);
    }
    let kept: [&[&str]; 3] = [
        &["convert", "in", "lake"],
        &["convert", "s3://logs/in", "s3://lake/out"],
        &["convert", "--dry-run", "in", "lake"],
    ];
    for args in kept {
        story.fails("sync keeps it", &env, args, 2);
    }
    story.fails("no ledger", &env, &["status", "in"], 1);
    story.fails("no ledger", &env, &["status", "s3://logs/in"], 1);
    story.fails("no folder", &env, &["status", "nowhere"], 1);
    story.fails("no bucket", &env, &["status", "s3://nowhere"], 1);
    assert_eq!((fake.keys("logs", ""), fake.keys("lake", "")), before);
    assert_eq!(super::destination::files(&env.path("in")).len(), 6);
    insta::assert_snapshot!(story.0);
}

#[test]
fn columns_and_tables_that_do_not_go_together() {
    let env = Env::new();
    let logs = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/logs");
    let mut story = Story::default();
    let mixed = ["parse", logs, "--output", "csv"];
    story.run("mixed formats", &env, &mixed, 2);
    let one = ["parse", logs, "--output", "csv", "--format", "cloudfront"];
    drop(env.run(one).code(0));
    let unknown = ["parse", logs, "--columns", "ts,bytes"];
    story.fails("no such column", &env, &unknown, 2);
    let other = [
        "parse",
        logs,
        "--output",
        "tsv",
        "--format",
        "s3-access",
        "--columns",
        "sc_bytes",
    ];
    story.fails("a column of another format", &env, &other, 2);
    let both = ["parse", logs, "--json", "--output", "csv"];
    let told = story.run("JSON and CSV", &env, &both, 2);
    assert_eq!(told.events_of("error").len(), told.events().len());
    let nowhere = ["parse", logs, "--rejects", "no/such/folder"];
    story.fails("no place for rejects", &env, &nowhere, 1);
    insta::assert_snapshot!(story.0);
}

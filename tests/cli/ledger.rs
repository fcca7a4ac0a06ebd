//! `ledger rebuild`: a dataset whose ledger is damaged or gone.

use std::fs;

use super::logs::{Logs, key, line, numbers};
use crate::support::dataset::Dataset;
use crate::support::env::Env;

const REBUILD: [&str; 4] = ["ledger", "rebuild", "--from-files", "lake"];

fn synced(objects: u64) -> (Logs, Env) {
    let (logs, env) = (Logs::new(objects), Env::new());
    logs.write(&env.path("in"));
    drop(env.run(["sync", "in", "lake"]).code(0));
    (logs, env)
}

/// The versions of local objects are not in the files, as they change with every copy.
#[test]
fn a_ledger_that_is_lost_comes_back_from_the_files() {
    let (logs, env) = synced(6);
    fs::remove_dir_all(env.path("lake/_s3logs")).expect("a folder");
    let refused = env.run(["sync", "in", "lake"]).code(2);
    refused.stderr_contains("s3logs ledger rebuild --from-files lake");
    let told = env.run(["status", "lake"]).code(1);
    told.stderr_contains("s3logs ledger rebuild --from-files lake");
    let told = env.run(["ledger", "rebuild", "lake"]).code(10);
    told.stderr_contains("s3logs ledger rebuild --from-files lake");

    let plan = env.run(REBUILD.iter().chain(&["--dry-run"])).code(0);
    plan.stdout_contains("would be made again from the files: 1 commit, 6 objects, 18 rows");
    assert!(
        !env.path("lake/_s3logs/commits").exists(),
        "a dry run writes nothing"
    );
    let rebuilt = env.run(REBUILD).code(0);
    rebuilt.stdout_contains("made again from the files: 1 commit, 6 objects, 18 rows");
    let again = env.run(REBUILD).code(0);
    again.stdout_contains("the ledger is as the files say");

    // Copied anew, with other times.
    logs.write(&env.path("in"));
    let nothing = env.run(["sync", "in", "lake"]).code(0);
    nothing.stdout_contains("nothing new: 6 objects, all done before");
    drop(env.run(["verify", "in", "lake"]).code(0));
    let dataset = Dataset::in_folder(&env.path("lake"));
    assert_eq!(numbers(&dataset), logs.numbers());
}

#[test]
fn what_is_in_no_complete_batch_is_moved_and_read_again() {
    let logs = Logs::new(6);
    let fake = logs.served();
    let env = Env::with_s3(&fake);
    let sync = ["sync", "s3://logs/in", "s3://lake/set"];
    drop(env.run(sync).code(0));
    let files = fake.keys("lake", "set/s3_access/");
    let whole = fake.get("lake", &files[0]).expect("a file");
    fake.put("lake", &files[0], &whole[1..]);
    let stray = "set/s3_access/dt=2026-03-02/stray.parquet";
    fake.put("lake", stray, whole);
    let rebuild = [
        "ledger",
        "rebuild",
        "--from-files",
        "s3://lake/set",
        "--json",
    ];
    let ended = env.run(rebuild).code(0);
    let moved = ended.events_of("moved");
    let paths: Vec<_> = moved
        .iter()
        .filter_map(|event| event["path"].as_str())
        .collect();
    assert!(
        paths.contains(&"s3_access/dt=2026-03-02/stray.parquet"),
        "{paths:?}"
    );
    assert!(paths.contains(&"_s3logs/commits/00000000000000000001.json.zst"));
    assert_eq!(paths.len(), files.len() + 2, "{paths:?}");
    for event in &moved {
        let to = event["to"].as_str().unwrap_or_default();
        assert!(fake.get("lake", &format!("set/{to}")).is_some(), "{event}");
    }
    assert_eq!(ended.events_of("summary")[0]["objects"], 0);
    drop(env.run(sync).code(0));
    let dataset = Dataset::in_bucket(&fake, "lake", "set/");
    assert_eq!(numbers(&dataset), logs.numbers());
    drop(env.run(["verify", "s3://logs/in", "s3://lake/set"]).code(0));
}

#[test]
fn a_checkpoint_that_is_damaged_is_made_again_from_the_commits() {
    let (_, env) = synced(1);
    for object in 1..33 {
        let path = env.path("in").join(key(3, object));
        fs::write(path, line(3, 100 + object)).expect("a file");
        drop(env.run(["sync", "-q", "in", "lake"]).code(0));
    }
    let folded = env.path("lake/_s3logs/checkpoints");
    let mut found = fs::read_dir(&folded).expect("32 commits are folded");
    let checkpoint = found
        .next()
        .expect("a checkpoint")
        .expect("an entry")
        .path();
    let bytes = fs::read(&checkpoint).expect("a file");
    fs::write(&checkpoint, &bytes[..bytes.len() - 1]).expect("a file");
    let refused = env.run(["sync", "in", "lake"]).code(10);
    refused.stderr_contains("`s3logs ledger rebuild lake` makes it again");
    let rebuilt = env.run(["ledger", "rebuild", "lake"]).code(0);
    rebuilt.stdout_contains("made again from the commits: 33 commits, 33 objects, 35 rows");
    assert_eq!(fs::read(&checkpoint).ok(), Some(bytes), "the same bytes");
    drop(env.run(["verify", "in", "lake"]).code(0));
}

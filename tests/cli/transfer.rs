//! `download` and `upload`: every byte arrives, once.

use std::collections::BTreeMap;

use serde_json::json;

use super::logs::{Logs, line};
use crate::support::env::{Ended, Env};
use crate::support::fake_s3::{ALWAYS, Fault};

const DOWNLOAD: [&str; 4] = ["download", "s3://logs/in/", "raw", "--json"];
const UPLOAD: [&str; 4] = ["upload", "raw", "s3://lake/raw", "--json"];

/// Listed, transferred, present and failed.
#[track_caller]
fn counts(ended: &Ended) -> [u64; 4] {
    let summary = ended.events().pop().expect("a summary");
    ["listed", "transferred", "present", "failed"]
        .map(|name| summary["objects"][name].as_u64().expect("a count"))
}

/// The files of a folder, without those in folders of it.
fn files(env: &Env, folder: &str) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(env.path(folder)).expect("a folder");
    let paths = entries.flatten().map(|entry| entry.path());
    paths
        .filter(|path| path.is_file())
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy();
            (name.into_owned(), std::fs::read(&path).expect("a file"))
        })
        .collect()
}

#[test]
fn a_download_and_its_repetition() {
    let logs = Logs::new(12);
    let fake = logs.served();
    let env = Env::with_s3(&fake);
    let planned = env.run(DOWNLOAD.iter().chain(&["--dry-run"])).code(0);
    assert_eq!(counts(&planned), [12, 12, 0, 0]);
    assert!(!env.path("raw").exists());
    let first = env.run(DOWNLOAD).code(0);
    assert_eq!(counts(&first), [12, 12, 0, 0]);
    let found = files(&env, "raw");
    assert!(found.keys().eq(logs.keys()));
    for (name, bytes) in &found {
        assert_eq!(
            fake.get("logs", &format!("in/{name}")).as_deref(),
            Some(bytes.as_slice())
        );
    }
    fake.clear_log();
    assert_eq!(counts(&env.run(DOWNLOAD).code(0)), [12, 0, 12, 0]);
    assert_eq!(fake.count("GetObject", ""), 0);
    // What is cut or altered here, or new there, is fetched; nothing else is.
    std::fs::write(env.path("raw").join(logs.keys()[0]), "cut").expect("a file");
    let mut altered = found[logs.keys()[1]].clone();
    altered[10] ^= 1;
    std::fs::write(env.path("raw").join(logs.keys()[1]), altered).expect("a file");
    fake.put("logs", &format!("in/{}", logs.keys()[2]), line(2, 500));
    assert_eq!(counts(&env.run(DOWNLOAD).code(0)), [12, 3, 9, 0]);
    assert_eq!(fake.count("GetObject", ""), 3);
    assert_eq!(files(&env, "raw")[logs.keys()[0]], found[logs.keys()[0]]);
    assert_eq!(files(&env, "raw")[logs.keys()[2]], line(2, 500).as_bytes());
}

/// A body that breaks off is taken up again; one that is not what was listed is never kept.
#[test]
fn bodies_that_are_not_what_they_should_be() {
    let logs = Logs::new(3);
    let cases = [
        (Fault::ResetAfter(100), 1, [3, 3, 0, 0]),
        (Fault::ShortBody(100), 1, [3, 3, 0, 0]),
        (Fault::Corrupt(100), 1, [3, 2, 0, 1]),
        (Fault::Status(503, "SlowDown"), 2, [3, 3, 0, 0]),
    ];
    for (fault, times, expected) in cases {
        let fake = logs.served();
        let env = Env::with_s3(&fake);
        let name = logs.keys()[1];
        fake.fault("GetObject", name, times, fault.clone());
        let code = if expected[3] == 0 { 0 } else { 3 };
        let ended = env.run(DOWNLOAD).code(code);
        assert_eq!(counts(&ended), expected, "{fault:?}");
        if code == 3 {
            ended.stderr_contains(&format!(
                "failed  in/{name}: fetch: cannot read s3://logs/in/{name}: "
            ));
            assert!(!env.path("raw").join(name).exists(), "{fault:?}");
            let again = counts(&env.run(DOWNLOAD).code(0));
            assert_eq!(again, [3, 1, 2, 0], "{fault:?}");
        }
        let found = files(&env, "raw");
        assert_eq!(found.len(), 3, "nothing unfinished is left");
        assert_eq!(
            fake.get("logs", &format!("in/{name}")).as_deref(),
            Some(found[name].as_slice())
        );
    }
}

#[test]
fn keys_that_are_no_paths() {
    let fake = Logs::new(2).served();
    for odd in ["in/../x", "in/a//b", "in//c", "in/./d", "in/e/"] {
        fake.put("logs", odd, "x");
    }
    fake.put("logs", "in/folder/", "");
    let env = Env::with_s3(&fake);
    let ended = env.run(DOWNLOAD).code(3);
    assert_eq!(counts(&ended), [7, 2, 0, 5]);
    for odd in ["in/../x", "in/a//b", "in//c", "in/./d", "in/e/"] {
        ended.stderr_contains(&format!(
            "failed  {odd}: write: cannot write s3://logs/{odd}: the key cannot be a file name"
        ));
    }
    assert_eq!(files(&env, "raw").len(), 2);
    let beside = std::fs::read_dir(env.path("")).expect("a folder").flatten();
    let mut beside: Vec<_> = beside.map(|entry| entry.file_name()).collect();
    beside.sort();
    assert_eq!(beside, ["home", "raw", "tmp"]);
    // For rows they are names like any other.
    fake.put("logs", "in/a//b", line(5, 100));
    let parsed = env
        .run(["parse", "s3://logs/in/", "--include", "a//b"])
        .code(0);
    assert_eq!(parsed.events().len(), 1);
}

#[test]
fn an_upload_and_its_repetition() {
    let logs = Logs::new(12);
    let fake = logs.served();
    let env = Env::with_s3(&fake);
    logs.write(&env.path("raw"));
    std::fs::create_dir(env.path("raw/sub folder")).expect("a folder");
    std::fs::write(env.path("raw/sub folder/a+b%.txt"), "x").expect("a file");
    let planned = env.run(UPLOAD.iter().chain(&["--dry-run"])).code(0);
    assert_eq!(counts(&planned), [13, 13, 0, 0]);
    assert_eq!(fake.object_count("lake"), 0);
    assert_eq!(counts(&env.run(UPLOAD).code(0)), [13, 13, 0, 0]);
    for (name, bytes) in files(&env, "raw") {
        assert_eq!(
            fake.get("lake", &format!("raw/{name}")).as_deref(),
            Some(bytes.as_slice())
        );
    }
    assert!(fake.get("lake", "raw/sub folder/a+b%.txt").is_some());
    fake.clear_log();
    assert_eq!(counts(&env.run(UPLOAD).code(0)), [13, 0, 13, 0]);
    assert_eq!(fake.count("PUT", ""), 0);
    std::fs::write(env.path("raw").join(logs.keys()[4]), line(9, 1)).expect("a file");
    fake.remove("lake", &format!("raw/{}", logs.keys()[5]));
    assert_eq!(counts(&env.run(UPLOAD).code(0)), [13, 2, 11, 0]);
}

/// A dataset arrives whole, its commits last; sync goes on from there.
#[test]
fn a_dataset_is_uploaded_with_its_ledger() {
    let logs = Logs::new(6);
    let fake = logs.served();
    let env = Env::with_s3(&fake);
    drop(env.run(["sync", "s3://logs/in/", "raw"]).code(0));
    drop(env.run(UPLOAD).code(0));
    let puts: Vec<String> = fake
        .requests()
        .into_iter()
        .filter(|request| request.operation == "PutObject" && request.bucket == "lake")
        .map(|request| request.key)
        .collect();
    let commits = puts.iter().map(|key| key.contains("_s3logs/commits/"));
    assert!(commits.clone().any(|commit| commit), "{puts:#?}");
    assert!(commits.is_sorted(), "files after a commit: {puts:#?}");
    let next = env.run(["sync", "s3://logs/in/", "s3://lake/raw"]).code(0);
    next.stdout_contains("nothing new: 6 objects, all done before");
    // Another dataset in the same place is refused.
    drop(
        env.run(["sync", "s3://logs/in/", "other", "--exclude", "*0001"])
            .code(0),
    );
    let mixed = env.run(["upload", "other", "s3://lake/raw"]).code(2);
    mixed.stderr_contains("holds another dataset than");
}

#[test]
fn a_stopped_download_goes_on() {
    let logs = Logs::new(12);
    let fake = logs.served();
    let env = Env::with_s3(&fake);
    fake.fault("GetObject", logs.keys()[11], ALWAYS, Fault::Hang);
    let run = env.start(DOWNLOAD);
    fake.wait_for("GetObject", logs.keys()[11], 1);
    run.interrupt();
    let ended = run.wait().code(130);
    ended.stderr_contains("what is there is not fetched again");
    let summary = ended.events().pop().expect("a summary");
    assert_eq!(
        (&summary["interrupted"], &summary["exit"]),
        (&json!(true), &json!(130))
    );
    assert!(!env.path("raw").join(logs.keys()[11]).exists());
    fake.clear_faults();
    let [listed, transferred, present, failed] = counts(&env.run(DOWNLOAD).code(0));
    assert_eq!((listed, transferred + present, failed), (12, 12, 0));
    assert_eq!(files(&env, "raw").len(), 12);
}

//! `verify --repair`: files that are missing or damaged come back byte for byte, or it is said why not.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::*;
use crate::cli::logs::numbers;
use crate::support::dataset::Dataset;

const REPAIR: [&str; 5] = [
    "verify",
    "--repair",
    "--json",
    "s3://logs/in",
    "s3://lake/set",
];

/// A dataset whose one batch has a bad line, a damaged object and one that is no log.
fn synced() -> (FakeS3, Env) {
    let fake = Logs::new(6).served();
    let bad = format!("{}a bad line\n", line(3, 50));
    fake.put("logs", &format!("in/{}", key(3, 70)), bad);
    fake.put("logs", "in/cut.gz", [0x1f, 0x8b, 8, 0, 0]);
    fake.put("logs", "in/image", b"\x89PNG\r\n\x1a\n");
    let env = Env::with_s3(&fake);
    drop(env.run(["sync", "s3://logs/in", "s3://lake/set"]).code(3));
    (fake, env)
}

fn contents(fake: &FakeS3) -> BTreeMap<String, Bytes> {
    let keys = fake.keys("lake", "").into_iter();
    keys.map(|key| (key.clone(), fake.get("lake", &key).expect("it is there")))
        .collect()
}

#[test]
fn files_come_back_byte_for_byte() {
    let (fake, env) = synced();
    let sound = contents(&fake);
    let mut files = parquet(&fake);
    assert_eq!(files.len(), 4);
    files.extend(fake.keys("lake", "set/_s3logs/s3_access/rejects/"));
    assert_eq!(files.len(), 5);
    for file in &files {
        let whole = &sound[file];
        let mut flipped = whole.to_vec();
        flipped[whole.len() / 2] ^= 1;
        let cut = whole[..whole.len() - 1].to_vec();
        for damaged in [None, Some(cut), Some(flipped)] {
            match &damaged {
                Some(bytes) => fake.put("lake", file, bytes),
                None => drop(fake.remove("lake", file)),
            }
            let before = contents(&fake);
            assert_eq!(problems(&env.run(VERIFY).code(1)).len(), 1, "{file}");
            let plan = env.run(REPAIR.iter().chain(&["--dry-run"])).code(1);
            assert_eq!(plan.events_of("made").len(), 1, "{file}");
            assert!(contents(&fake) == before, "a dry run writes nothing");
            let ended = env.run(REPAIR).code(0);
            let made = ended.events_of("made").remove(0);
            assert_eq!(made["path"], file.trim_start_matches("set/"));
            assert!(contents(&fake) == sound, "{file} is as it was");
        }
    }
    // All at once.
    for file in &files {
        fake.remove("lake", file);
    }
    drop(env.run(REPAIR).code(0));
    assert!(contents(&fake) == sound, "all is as it was");
    let again = env.run(REPAIR).code(0);
    assert_eq!(again.events_of("made").len(), 0);
    drop(env.run(VERIFY).code(0));
}

#[test]
fn files_of_nobody_are_moved_away_unless_a_run_is_at_work() {
    let (fake, env) = synced();
    let orphan = "set/s3_access/dt=2026-03-02/left-over.parquet";
    fake.put("lake", orphan, "PAR1");
    let lock = r#"{"owner":{"host":"h","boot":"b","pid":1,"started":1},"since":0,"expires":4070908800000000}"#;
    for name in ["lock", "lock-1-of-2"] {
        let path = format!("set/_s3logs/{name}");
        fake.put("lake", &path, lock);
        drop(env.run(REPAIR).code(11));
        fake.remove("lake", &path);
    }
    assert!(fake.get("lake", orphan).is_some());
    let ended = env.run(REPAIR).code(0);
    assert_eq!(fake.get("lake", orphan), None);
    let moved = ended.events_of("moved").remove(0);
    let to = moved["to"].as_str().expect("a path");
    assert!(to.starts_with("_s3logs/quarantine/s3_access/dt=2026-03-02/left-over.parquet."));
    let there = fake.get("lake", &format!("set/{to}")).expect("a file");
    assert_eq!(&there[..], b"PAR1");
}

#[test]
fn what_an_intent_plans_is_left_alone() {
    let (fake, env) = synced();
    let path = "s3_access/dt=2026-03-02/planned.parquet";
    let intent = json!({
        "version": 2, "batch": "planned", "root": "s3://logs", "inputs": [], "outputs": [path],
    });
    fake.put(
        "lake",
        "set/_s3logs/intents/planned.json",
        intent.to_string(),
    );
    fake.put("lake", &format!("set/{path}"), "PAR1");
    drop(env.run(REPAIR).code(0));
    assert!(fake.get("lake", &format!("set/{path}")).is_some());
}

#[test]
fn what_the_source_no_longer_gives_cannot_be_repaired() {
    let (fake, env) = synced();
    let sound = contents(&fake);
    let files = parquet(&fake);
    // Its rows are of the 3rd and the 2nd.
    let name = format!("in/{}", key(3, 1));
    let text = fake.get("logs", &name).expect("an object");
    for changed in [None, Some(line(3, 1))] {
        fake.remove("logs", &name);
        if let Some(changed) = changed {
            fake.put("logs", &name, changed);
        }
        for file in &files {
            fake.remove("lake", file);
        }
        let ended = env.run(REPAIR).code(1);
        let lost = ended.events_of("unrepaired");
        let day = |path: &str| path.split('/').nth(1).unwrap_or_default().to_owned();
        let days: Vec<_> = lost
            .iter()
            .map(|event| day(event["path"].as_str().expect("a path")))
            .collect();
        // The last file tells what the batch was made from, so it is another one, too.
        assert_eq!(days, ["dt=2026-03-02", "dt=2026-03-03", "dt=2026-03-04"]);
        for event in &lost {
            let why = event["why"].as_str().expect("a reason");
            assert!(why.starts_with(&format!("{name}: fetch: ")), "{why}");
        }
        assert_eq!(ended.events_of("made").len(), 1);
        assert_eq!(parquet(&fake).len(), 1, "no file under another name");
        fake.remove("logs", &name);
        fake.put("logs", &name, &text);
        drop(env.run(REPAIR).code(0));
        assert!(contents(&fake) == sound, "the object is back");
    }
    let elsewhere = ["verify", "--repair", "s3://lake/nothing", "s3://lake/set"];
    fake.remove("lake", &files[0]);
    let told = env.run(elsewhere).code(1);
    told.stdout_contains("its objects are from s3://logs, not from s3://lake");
}

/// Local objects that were copied anew are other versions, but give the same files.
#[test]
fn a_dataset_on_a_disk_is_repaired_from_a_copy_of_its_logs() {
    let (logs, env) = (Logs::new(6), Env::new());
    logs.write(&env.path("in"));
    drop(env.run(["sync", "in", "lake"]).code(0));
    logs.write(&env.path("in"));
    let table = env.path("lake/s3_access");
    std::fs::remove_dir_all(table.join("dt=2026-03-02")).expect("a folder");
    let told = env.run(["verify", "--repair", "in", "lake"]).code(1);
    told.stdout_contains("made again: s3_access/dt=2026-03-02/");
    told.stdout_contains("replaced since it was read");
    let dataset = Dataset::in_folder(&env.path("lake"));
    assert_eq!(numbers(&dataset), logs.numbers());
}

#[test]
fn a_dry_run_belongs_to_a_repair() {
    let env = Env::new();
    let told = env.run(["verify", "--dry-run", "in", "lake"]).code(2);
    told.stderr_contains("--repair");
}

//! Failures of the destination: exit 1, and the next run finishes what was begun.

use std::path::Path;

use crate::cli::logs::{Logs, numbers};
use crate::support::dataset::Dataset;
use crate::support::env::Env;
use crate::support::fake_s3::{ALWAYS, Fault};

use super::Story;

/// Files below a folder, empty folders left out, as paths.
pub(super) fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let below = path.strip_prefix(folder).expect("it lies below");
                found.push(below.display().to_string());
            }
        }
    }
    found.sort_unstable();
    found
}

#[test]
fn buckets_that_cannot_be_written() {
    let fake = Logs::new(6).served();
    let env = Env::with_s3(&fake);
    let mut story = Story::default();
    Logs::new(6).write(&env.path("in"));
    for verb in ["sync", "convert", "merge", "upload"] {
        let from = env.arg("in");
        // One at a time, so that the order is known.
        let to = |place| [verb, &from, place, "--jobs", "1"];
        let what = |what: &str| format!("{what}: {verb}");
        story.fails(&what("no such bucket"), &env, &to("s3://laek/out"), 1);
        fake.deny("PutObject", "s3://lake");
        story.fails(&what("denied to write"), &env, &to("s3://lake/out"), 1);
        assert_eq!(fake.keys("lake", ""), [""; 0], "{verb}");
        fake.clear_faults();
        if verb != "merge" {
            fake.deny("ListBucket", "s3://lake");
            story.fails(&what("denied to list"), &env, &to("s3://lake/out"), 1);
            fake.clear_faults();
        }
        fake.keys("lake", "").iter().for_each(|key| {
            fake.remove("lake", key);
        });
    }
    insta::assert_snapshot!(story.0);
}

#[test]
fn puts_that_fail_midway_are_made_up_for() {
    let logs = Logs::new(6);
    let faults = [
        ("denied", Fault::Status(403, "AccessDenied")),
        ("full", Fault::Status(507, "XMinioStorageFull")),
    ];
    let places = ["dt=2026-03-03", "intents/", "commits/"];
    let mut story = Story::default();
    for (what, fault) in faults {
        for place in places {
            let fake = logs.served();
            let env = Env::with_s3(&fake);
            fake.fault("PutObject", place, ALWAYS, fault.clone());
            let sync = ["sync", "s3://logs/in", "s3://lake/out"];
            let ended = env.run(sync).code(1);
            assert_eq!(ended.stdout(), "");
            story.add(&format!("{what}: {place}"), &ended);
            assert_eq!(fake.get("lake", "out/_s3logs/lock"), None, "given back");
            fake.clear_faults();
            drop(env.run(sync).code(0));
            let dataset = Dataset::in_bucket(&fake, "lake", "out/");
            assert_eq!(numbers(&dataset), logs.numbers(), "{what}: {place}");
            assert_eq!(fake.keys("lake", "out/_s3logs/intents/"), [""; 0]);
        }
    }
    insta::assert_snapshot!(story.0);
}

#[test]
fn one_put_that_fails_costs_a_file_of_an_upload() {
    let logs = Logs::new(6);
    let fake = logs.served();
    let env = Env::with_s3(&fake);
    logs.write(&env.path("in"));
    fake.fault(
        "PutObject",
        logs.keys()[2],
        ALWAYS,
        Fault::Status(403, "AccessDenied"),
    );
    let mut story = Story::default();
    let upload = ["upload", &env.arg("in"), "s3://lake/raw"];
    story.run("upload", &env, &upload, 3);
    assert_eq!(fake.object_count("lake"), 5);
    fake.clear_faults();
    env.run(upload).code(0).stdout_contains("uploaded 1 object");
    insta::assert_snapshot!(story.0);
}

#[test]
fn folders_that_cannot_be_written() {
    let logs = Logs::new(6);
    let env = Env::new();
    logs.write(&env.path("in"));
    std::fs::write(env.path("file"), "").expect("a file");
    let mut story = Story::default();
    let from = env.arg("in");
    for verb in ["sync", "convert", "merge", "download"] {
        let what = format!("a file in its place: {verb}");
        story.fails(&what, &env, &[verb, &from, &env.arg("file")], 1);
        let what = format!("a file on the way: {verb}");
        story.fails(&what, &env, &[verb, &from, &env.arg("file/out")], 1);
    }
    for verb in ["sync", "convert", "merge"] {
        std::fs::create_dir(env.path(verb)).expect("a folder");
        std::fs::write(env.path(verb).join("s3_access"), "").expect("a file");
        let ended = env.run([verb, &from, &env.arg(verb)]).code(1);
        assert_eq!(ended.stdout(), "");
        let what = format!("a file where a table goes: {verb}");
        story.add(&what, &ended);
        std::fs::remove_file(env.path(verb).join("s3_access")).expect("a file");
        drop(env.run([verb, &from, &env.arg(verb)]).code(0));
    }
    for verb in ["sync", "convert"] {
        let dataset = Dataset::in_folder(&env.path(verb));
        assert_eq!(numbers(&dataset), logs.numbers(), "{verb}");
    }
    insta::assert_snapshot!(story.0);
}

/// A limit on the size of files stands for a disk that is full; its messages are those of Linux.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_without_room() {
    let logs = Logs::new(6);
    let env = Env::new();
    logs.write(&env.path("in"));
    let mut story = Story::default();
    for verb in ["sync", "convert", "merge", "download"] {
        // So many blocks of 512 bytes; writing more is an error instead of a signal.
        let blocks = if verb == "sync" { 4 } else { 0 };
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; s3logs {verb} --jobs 1 in {verb}");
        let ended = env.shell(&script);
        let ended = ended.code(if verb == "download" { 3 } else { 1 });
        story.add(verb, &ended);
        drop(env.run([verb, "in", verb]).code(0));
        assert_eq!(files(&env.path(&format!("{verb}/_s3logs/tmp"))), [""; 0]);
    }
    for verb in ["sync", "convert"] {
        let dataset = Dataset::in_folder(&env.path(verb));
        assert_eq!(numbers(&dataset), logs.numbers(), "{verb}");
    }
    let full = env.shell("s3logs parse in >/dev/full").code(1);
    story.add("standard output is full: parse", &full);
    let full = env.shell("s3logs list in >/dev/full").code(1);
    story.add("standard output is full: list", &full);
    insta::assert_snapshot!(story.0);
}

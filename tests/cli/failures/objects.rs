//! Failures of single objects: they cost themselves, and the others go on.

use std::collections::BTreeSet;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::cli::logs::{Logs, key, line, numbers};
use crate::support::dataset::Dataset;
use crate::support::env::Env;
use crate::support::fake_s3::FakeS3;

use super::Story;

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).expect("to memory");
    encoder.finish().expect("to memory")
}

/// Lines of the day 5 with the numbers from 100 on.
fn lines(count: u64) -> Vec<u8> {
    let lines = (100..100 + count).map(|number| line(5, number));
    lines.collect::<String>().into_bytes()
}

/// A kind of damage, the object that has it, and how runs end that meet it.
fn damaged() -> Vec<(&'static str, Vec<u8>, i32)> {
    let fixture = |name: &str| {
        let path = format!("{}/fixtures/damaged/{name}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read(path).expect("a fixture")
    };
    let whole = gzip(&lines(50));
    let mut corrupt = whole.clone();
    let checksum = corrupt.len() - 8;
    corrupt[checksum] ^= 1;
    let torn = [lines(1), b"not a line of any log\n".to_vec(), lines(1)].concat();
    let alb = "elb/123456789012_elasticloadbalancing_eu-west-1_app.example-lb.50dc6c495c0c9188_20260305T0805Z_192.0.2.131_2k5x9wqz.log";
    vec![
        ("PNG", fixture("site/logo.png"), 0),
        ("Parquet", fixture("old-dataset/part-00000.parquet"), 0),
        ("load balancer", fixture(alb), 0),
        ("blank", b"\n\n".to_vec(), 0),
        ("truncated gzip", whole[..whole.len() / 2].to_vec(), 3),
        ("corrupt gzip", corrupt, 3),
        ("gzip bomb", gzip(&vec![b'a'; 3 << 20]), 3),
        ("torn line", torn, 3),
    ]
}

/// Runs that meet the object, with others around it, on a disk and on S3.
#[test]
fn one_bad_object_costs_itself() {
    let logs = Logs::new(6);
    let mut story = Story::default();
    for (what, object, code) in damaged() {
        let fake = logs.served();
        fake.put("logs", &format!("in/{}", key(2, 99)), &object);
        let env = Env::with_s3(&fake);
        let folder = env.path("in");
        logs.write(&folder);
        std::fs::write(folder.join(key(2, 99)), &object).expect("a file");
        let kept = if what == "torn line" {
            vec![100, 100]
        } else {
            Vec::new()
        };
        let expected = [logs.numbers(), kept].concat();
        let mut told = BTreeSet::new();
        for verb in ["sync", "convert"] {
            for (from, to) in [("in", verb), ("s3://logs/in", &format!("s3://lake/{verb}"))] {
                let ended = env.run([verb, from, to, "--max-object", "1MiB"]).code(code);
                told.insert(ended.told().replace("in/2026", "2026").replace(to, "DEST"));
            }
            let here = Dataset::in_folder(&env.path(verb));
            let there = Dataset::in_bucket(&fake, "lake", &format!("{verb}/"));
            assert_eq!(numbers(&here), expected, "{what}: {verb}");
            assert_eq!(numbers(&there), expected, "{what}: {verb} on S3");
        }
        assert_eq!(told.len(), 1, "{told:#?}");
        let told = told.pop_first().unwrap_or_default();
        story.tell(&format!("{what}: sync and convert, here and on S3"), &told);
        let parse = ["parse", "s3://logs/in", "--max-object", "1MiB"];
        let parsed = story.run(&format!("{what}: parse"), &env, &parse, code);
        assert_eq!(parsed.events().len(), expected.len(), "{what}");
    }
    insta::assert_snapshot!(story.0);
}

#[test]
fn archived_objects_fail_until_they_are_restored() {
    let logs = Logs::new(6);
    let fake = logs.served();
    let name = format!("in/{}", key(5, 99));
    fake.put_class("logs", &name, line(5, 100), "GLACIER");
    let env = Env::with_s3(&fake);
    let mut story = Story::default();
    for verb in ["sync", "convert", "merge", "download"] {
        let to = env.arg(verb);
        story.run(verb, &env, &[verb, "s3://logs/in", &to], 3);
    }
    story.run("parse", &env, &["parse", "s3://logs/in"], 3);
    assert_eq!(
        fake.count("GetObject", "0000000063"),
        0,
        "a GET would be paid for in vain"
    );
    fake.put("logs", &name, line(5, 100));
    drop(env.run(["sync", "s3://logs/in", &env.arg("sync")]).code(0));
    let dataset = Dataset::in_folder(&env.path("sync"));
    assert_eq!(numbers(&dataset), [logs.numbers(), vec![100]].concat());
    insta::assert_snapshot!(story.0);
}

#[test]
fn a_few_refusals_cost_a_few_objects() {
    let logs = Logs::new(30);
    let fake: FakeS3 = logs.served();
    // Objects 5, 21 and so on: never many in a row, but the hints are given once.
    fake.deny("GetObject", "5");
    let env = Env::with_s3(&fake);
    let mut story = Story::default();
    let sync = ["sync", "s3://logs/in", &env.arg("lake")];
    story.run("sync", &env, &sync, 3);
    fake.clear_faults();
    drop(env.run(sync).code(0));
    let dataset = Dataset::in_folder(&env.path("lake"));
    assert_eq!(numbers(&dataset), logs.numbers());
    insta::assert_snapshot!(story.0);
}

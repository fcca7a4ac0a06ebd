//! `merge`, and the stages of `sync` one by one.

use std::path::Path;

use crate::support::dataset::Dataset;
use crate::support::env::Env;
use crate::support::fake_s3::FakeS3;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/logs");
const TABLES: [(&str, &str); 2] = [("cloudfront", "sc_bytes"), ("s3_access", "bytes_sent")];

/// Rows and bytes of every day, and every value of every row in an order of its own.
fn essence(dataset: &Dataset) -> Vec<String> {
    dataset.assert_sound();
    let mut lines = Vec::new();
    for (table, column) in TABLES {
        lines.push(format!("{table} {:?}", dataset.rows_by_day(table)));
        lines.push(format!("{table} {:?}", dataset.sums_by_day(table, column)));
        let mut rows: Vec<String> = dataset
            .rows(table)
            .into_iter()
            .map(|row| row.to_string())
            .collect();
        rows.sort_unstable();
        lines.extend(rows);
    }
    lines
}

/// A bucket `logs` with the fixtures below `in/`, and an empty bucket `lake`.
fn served(env: &mut Option<Env>) -> FakeS3 {
    let fake = FakeS3::start();
    fake.create_bucket("logs");
    fake.create_bucket("lake");
    let uploader = Env::with_s3(&fake);
    drop(uploader.run(["upload", FIXTURES, "s3://logs/in"]).code(0));
    *env = Some(uploader);
    fake
}

#[test]
fn the_stages_end_with_the_rows_of_sync() {
    let mut env = None;
    let fake = served(&mut env);
    let env = env.expect("it was set");
    drop(
        env.run(["sync", "s3://logs/in", "s3://lake/synced"])
            .code(0),
    );
    let expected = essence(&Dataset::in_bucket(&fake, "lake", "synced/"));
    assert!(expected.len() == 4 + 360, "{}", expected.len());
    drop(env.run(["download", "s3://logs/in", "raw"]).code(0));
    for (by, compress) in [("day", "gzip"), ("month", "zstd")] {
        let merged = format!("merged-{by}");
        drop(
            env.run(["merge", "raw", &merged, "--by", by, "--compress", compress])
                .code(0),
        );
        let parquet = format!("parquet-{by}");
        drop(env.run(["convert", &merged, &parquet]).code(0));
        let there = format!("s3://lake/{parquet}");
        drop(env.run(["upload", &parquet, &there]).code(0));
        let found = essence(&Dataset::in_bucket(&fake, "lake", &format!("{parquet}/")));
        assert_eq!(found, expected, "{by}");
    }
    assert!(
        env.path("merged-month/s3_access/2026-03.merged.zst")
            .exists()
    );
}

/// The same objects give the same bytes, from a disk and from S3, in whatever order and pages.
#[test]
fn merged_files_do_not_depend_on_the_way() {
    let mut env = None;
    let fake = served(&mut env);
    let env = env.expect("it was set");
    let run = |from: &str, to: &str| {
        let args = ["merge", from, to, "--by", "month"];
        env.run(args).code(0).stdout().replace(to, "DEST")
    };
    let table = |text: String| text.split("\n\n").next().map(str::to_owned);
    let first = table(run(FIXTURES, "one"));
    insta::assert_snapshot!(first.clone().unwrap_or_default());
    assert_eq!(table(run("s3://logs/in", "two")), first);
    fake.page_size(3);
    fake.list_order(crate::support::fake_s3::Order::Path);
    assert_eq!(table(run("s3://logs/in", "three")), first);
    for file in [
        "s3_access/2026-03.merged.gz",
        "cloudfront/E2EXAMPLE1ABCD.2026-03.merged.gz",
    ] {
        let bytes =
            |folder: &str| std::fs::read(env.path(folder).join(Path::new(file))).expect("a file");
        assert!(
            bytes("one") == bytes("two") && bytes("one") == bytes("three"),
            "{file}"
        );
    }
}

#[test]
fn a_dry_run_of_a_merge_writes_nothing() {
    let env = Env::new();
    let told = env.run(["merge", FIXTURES, "out", "--dry-run"]).code(0);
    told.stdout_contains("2018-06-14")
        .stdout_contains("31 objects");
    assert!(!env.path("out").exists());
}

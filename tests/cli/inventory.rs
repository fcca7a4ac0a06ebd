//! `--inventory`: the objects of a bucket as a table, and those that nobody reads.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray};
use flate2::Compression;
use flate2::write::GzEncoder;
use md5::{Digest as _, Md5};
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};

use s3logs::units::hex;

use super::logs::Logs;
use crate::support::env::Env;
use crate::support::fake_s3::FakeS3;

/// Key, whether it is the latest, whether it is a delete marker, size. The logs read `img/1.webp` to
/// `img/18.webp`.
const OBJECTS: [(&str, bool, bool, u64); 7] = [
    ("img/1.webp", true, false, 900_000),
    ("img/99.webp", true, false, 200_000),
    ("archive/a b+c/old.zip", true, false, 5_000_000),
    ("archive/tiny", true, false, 10),
    ("archive/gone", true, true, 0),
    ("archive/gone", false, false, 7_000_000),
    ("top.txt", true, false, 300_000),
];

const SCHEMA: &str =
    "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, StorageClass";

fn csv() -> Vec<u8> {
    let rows = OBJECTS.map(|(key, latest, marker, size)| {
        let key = key.replace('+', "%2B").replace(' ', "+");
        let size = if marker { String::new() } else { size.to_string() };
        format!(
            "\"example-assets\",\"{key}\",\"\",\"{latest}\",\"{marker}\",\"{size}\",\"2026-01-31T10:00:00.000Z\",\"STANDARD\"\n"
        )
    });
    gzip(&rows.concat())
}

pub(super) fn gzip(text: &str) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(text.as_bytes()).expect("memory");
    gzip.finish().expect("memory")
}

fn parquet() -> Vec<u8> {
    let keys = StringArray::from_iter_values(OBJECTS.map(|object| object.0));
    let flag = |flags: [bool; 7]| Arc::new(BooleanArray::from(flags.to_vec())) as ArrayRef;
    let sizes = OBJECTS.map(|object| i64::try_from(object.3).expect("small"));
    let columns = [
        ("key", Arc::new(keys) as ArrayRef),
        ("is_latest", flag(OBJECTS.map(|object| object.1))),
        ("is_delete_marker", flag(OBJECTS.map(|object| object.2))),
        ("size", Arc::new(Int64Array::from(sizes.to_vec()))),
    ];
    let rows = RecordBatch::try_from_iter(columns).expect("columns of one length");
    let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), None).expect("a writer");
    writer.write(&rows).expect("rows");
    writer.into_inner().expect("a file")
}

fn manifest(form: &str, schema: &str, name: &str, bytes: &[u8]) -> String {
    let md5 = hex(&Md5::digest(bytes));
    json!({
        "sourceBucket": "example-assets", "destinationBucket": "arn:aws:s3:::lists", "version": "2016-11-30",
        "creationTimestamp": "1772582400000", "fileFormat": form, "fileSchema": schema,
        "files": [{"key": format!("lists/example-assets/daily/data/{name}"), "size": bytes.len(), "MD5checksum": md5}],
    })
    .to_string()
}

/// A report in CSV below a folder, as S3 lays it out.
pub(super) fn deliver(daily: &Path, schema: &str, csv: &[u8]) {
    for folder in ["data", "2026-03-04T01-00Z", "2026-03-03T01-00Z", "hive"] {
        std::fs::create_dir_all(daily.join(folder)).expect("a folder");
    }
    std::fs::write(daily.join("data/1.csv.gz"), csv).expect("a file");
    let text = manifest("CSV", schema, "1.csv.gz", csv);
    std::fs::write(daily.join("2026-03-04T01-00Z/manifest.json"), text).expect("a file");
    std::fs::write(
        daily.join("2026-03-03T01-00Z/manifest.json"),
        "an older one",
    )
    .expect("a file");
}

/// A dataset in the folder `set`, and a report in `daily`.
fn prepared() -> Env {
    let env = Env::new();
    Logs::new(6).write(&env.path("logs"));
    drop(env.run(["sync", &env.arg("logs"), &env.arg("set")]).code(0));
    deliver(&env.path("daily"), SCHEMA, &csv());
    env
}

fn section(env: &Env, args: &[&str], id: &str) -> Value {
    let set = env.arg("set");
    let all = ["report", "--json", &set]
        .into_iter()
        .chain(args.iter().copied());
    let events = env.run(all).code(0).events_of("section");
    let found = events.iter().find(|event| event["id"] == id);
    found.unwrap_or_else(|| panic!("no section {id}"))["rows"].clone()
}

const COUNTED: &str = "SELECT count(*) AS n, sum(size) AS bytes, min(bucket) AS bucket, \
    max(CASE WHEN is_delete_marker THEN key END) AS gone, count(CASE WHEN is_latest THEN 1 END) AS latest, \
    max(CASE WHEN size = 5000000 THEN key END) AS old FROM inventory";

fn counted() -> Value {
    json!({"n": 7, "bytes": 13_400_010, "bucket": "example-assets", "gone": "archive/gone", "latest": 6,
        "old": "archive/a b+c/old.zip"})
}

#[test]
fn a_report_is_a_table_wherever_its_place_points() {
    let env = prepared();
    let report = "daily/2026-03-04T01-00Z";
    for place in [
        "daily".to_owned(),
        report.to_owned(),
        format!("{report}/manifest.json"),
    ] {
        let (set, place) = (env.arg("set"), env.arg(&place));
        let asked = env
            .run(["query", &set, "--json", "--inventory", &place, COUNTED])
            .code(0);
        assert_eq!(asked.events()[0], counted(), "{place}");
    }
    // A copy in one folder.
    std::fs::create_dir(env.path("copy")).expect("a folder");
    for name in ["data/1.csv.gz", "2026-03-04T01-00Z/manifest.json"] {
        let base = name.rsplit('/').next().expect("a name");
        std::fs::copy(
            env.path(&format!("daily/{name}")),
            env.path(&format!("copy/{base}")),
        )
        .expect("a copy");
    }
    let (set, place) = (env.arg("set"), env.arg("copy"));
    let asked = env
        .run(["query", &set, "--json", "--inventory", &place, COUNTED])
        .code(0);
    assert_eq!(asked.events()[0], counted());
}

#[test]
fn in_a_bucket_and_in_parquet() {
    let fake = FakeS3::start();
    fake.create_bucket("lists");
    let env = Env::with_s3(&fake);
    Logs::new(6).write(&env.path("logs"));
    drop(env.run(["sync", &env.arg("logs"), &env.arg("set")]).code(0));
    let (csv, parquet) = (csv(), parquet());
    let forms = [
        ("CSV", SCHEMA, "1.csv.gz", &csv),
        ("Parquet", "message s3.inventory {}", "1.parquet", &parquet),
    ];
    for (form, schema, name, bytes) in forms {
        let folder = format!("lists/{form}/daily");
        fake.put("lists", &format!("{folder}/data/{name}"), bytes);
        let text = manifest(form, schema, name, bytes);
        fake.put(
            "lists",
            &format!("{folder}/2026-03-04T01-00Z/manifest.json"),
            text,
        );
        let (set, place) = (env.arg("set"), format!("s3://lists/{folder}"));
        let asked = env
            .run(["query", &set, "--json", "--inventory", &place, COUNTED])
            .code(0);
        assert_eq!(asked.events()[0], counted(), "{form}");
    }
}

#[test]
fn a_file_of_nothing_in_a_bucket_is_damaged() {
    let fake = FakeS3::start();
    fake.create_bucket("lists");
    let env = Env::with_s3(&fake);
    Logs::new(1).write(&env.path("logs"));
    drop(env.run(["sync", &env.arg("logs"), &env.arg("set")]).code(0));
    fake.put("lists", "daily/data/1.csv.gz", b"");
    let text = manifest("CSV", SCHEMA, "1.csv.gz", b"");
    fake.put("lists", "daily/2026-03-04T01-00Z/manifest.json", text);
    let (set, place) = (env.arg("set"), "s3://lists/daily");
    let ended = env
        .run(["query", &set, "--inventory", place, COUNTED])
        .code(1);
    ended.stderr_contains("daily/data/1.csv.gz");
    ended.stderr_contains("--inventory takes");
}

#[test]
fn objects_that_nobody_reads() {
    let env = prepared();
    let daily = env.arg("daily");
    let given = ["--inventory", &daily];
    assert_eq!(
        section(&env, &given, "never_read"),
        json!([
            {"prefix": "archive/", "bytes": 5_000_010, "objects": 2, "object_share": 1.0,
                "last": "2026-01-31T10:00:00Z"},
            {"prefix": "(top level)", "bytes": 300_000, "objects": 1, "object_share": 1.0,
                "last": "2026-01-31T10:00:00Z"},
            {"prefix": "img/", "bytes": 200_000, "objects": 1, "object_share": 0.5,
                "last": "2026-01-31T10:00:00Z"},
        ])
    );
    // Of `img/` something is read, and a rule for the top would move all. What is small stays.
    assert_eq!(
        section(&env, &given, "lifecycle"),
        json!([{"prefix": "archive/", "bytes": 5_000_000, "objects": 1, "storage_class": "STANDARD_IA"}])
    );
    let (set, rules) = (env.arg("set"), env.arg("rules.json"));
    let ended = env
        .run(["report", &set, "--inventory", &daily, "--lifecycle", &rules])
        .code(0);
    ended
        .stdout_contains("Objects never read")
        .stderr_contains("replaces all rules");
    let written: Value =
        serde_json::from_slice(&std::fs::read(&rules).expect("a file")).expect("JSON");
    assert_eq!(
        written,
        json!({"Rules": [{
            "ID": "not read: archive/", "Status": "Enabled",
            "Filter": {"And": {"Prefix": "archive/", "ObjectSizeGreaterThan": 131_071}},
            "Transitions": [{"Days": 30, "StorageClass": "STANDARD_IA"}],
        }]})
    );
}

#[test]
fn an_inventory_of_a_bucket_without_logs_says_nothing_about_reads() {
    let env = prepared();
    let path = env.path("daily/2026-03-04T01-00Z/manifest.json");
    let bytes = std::fs::read(env.path("daily/data/1.csv.gz")).expect("a file");
    let schema = SCHEMA.replace("Bucket, ", "Bucket2, ");
    let text =
        manifest("CSV", &schema, "1.csv.gz", &bytes).replace("\"example-assets\"", "\"another\"");
    std::fs::write(path, text).expect("a file");
    let daily = env.arg("daily");
    assert_eq!(
        section(&env, &["--inventory", &daily], "never_read"),
        json!([])
    );
}

#[test]
fn what_is_wrong_is_named() {
    let env = prepared();
    let (set, daily) = (env.arg("set"), env.arg("daily"));
    let told = |env: &Env, place: &str, code: i32, texts: &[&str]| {
        let ended = env
            .run(["query", &set, "--inventory", place, COUNTED])
            .code(code);
        for text in texts {
            ended.stderr_contains(text);
        }
    };
    told(
        &env,
        &env.arg("logs"),
        1,
        &["holds no manifest.json", "--inventory takes"],
    );
    told(&env, &env.arg("nowhere"), 1, &["nowhere"]);
    // A file that was changed, one that was cut, and one that is gone.
    let file = env.path("daily/data/1.csv.gz");
    let whole = std::fs::read(&file).expect("a file");
    let mut other = whole.clone();
    other[4] ^= 1;
    std::fs::write(&file, &other).expect("a file");
    told(&env, &daily, 1, &["1.csv.gz: its MD5", "--inventory takes"]);
    std::fs::write(&file, &whole[..whole.len() - 9]).expect("a file");
    told(
        &env,
        &daily,
        1,
        &["1.csv.gz is shorter than its manifest says"],
    );
    std::fs::remove_file(&file).expect("a file");
    told(&env, &daily, 1, &["data/1.csv.gz is not there"]);
    // A bucket without objects.
    for form in ["CSV", "Parquet"] {
        let text = json!({"sourceBucket": "b", "fileFormat": form, "fileSchema": "Bucket, Key", "files": []});
        let path = env.path("daily/2026-03-04T01-00Z/manifest.json");
        std::fs::write(path, text.to_string()).expect("a file");
        let count = "SELECT count(*) AS n FROM inventory";
        let asked = env
            .run(["query", &set, "--json", "--inventory", &daily, count])
            .code(0);
        assert_eq!(asked.events()[0]["n"], 0, "{form}");
    }
    let orc = manifest("ORC", "struct<>", "1.orc", b"");
    std::fs::write(env.path("daily/2026-03-04T01-00Z/manifest.json"), orc).expect("a file");
    told(&env, &daily, 1, &["ORC"]);
    env.run(["report", &set, "--lifecycle", "rules.json"])
        .code(2);
}

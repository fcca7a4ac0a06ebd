//! What a run costs: one GET for each object, no HEAD, each page of the listing once, few connections.

use super::logs::Logs;
use crate::support::env::{Ended, Env};
use crate::support::fake_s3::FakeS3;

const OBJECTS: usize = 300;
const PAGE: usize = 100;

/// More than the 32 of `--jobs`, as a request that comes in the moment before a connection is free opens
/// another one; without any use of connections again it would be one for each request.
const CONNECTIONS: usize = 100;

fn served() -> (FakeS3, Env) {
    let fake = Logs::new(OBJECTS as u64).served();
    fake.page_size(PAGE);
    let env = Env::with_s3(&fake);
    (fake, env)
}

/// Requests by kind, as the summary tells them.
#[track_caller]
fn told(ended: &Ended, kind: &str) -> usize {
    let summary = ended.events().pop().expect("a summary");
    let count = summary["requests"][kind].as_u64().unwrap_or(0);
    usize::try_from(count).expect("a count")
}

/// Checks what was asked of the source, and that the connections were used again.
#[track_caller]
fn assert_frugal(fake: &FakeS3, gets: usize) {
    assert_eq!(fake.count("GetObject", "s3://logs/in/"), gets);
    assert_eq!(fake.count("ListObjectsV2", "s3://logs/in/"), OBJECTS / PAGE);
    assert_eq!(fake.count("HEAD", ""), 0);
    let connections = fake.connections();
    assert!(connections <= CONNECTIONS, "{connections} connections");
}

#[test]
fn a_download_asks_for_each_object_once() {
    let (fake, env) = served();
    let download = ["download", "s3://logs/in/", "raw"];
    let first = env.run(download).code(0);
    first.stdout_contains("requests: 300 GET, 3 LIST\n");
    assert_frugal(&fake, OBJECTS);
    fake.clear_log();
    let second = env.run(download.iter().chain(&["--json"])).code(0);
    assert_eq!((told(&second, "GET"), told(&second, "LIST")), (0, 3));
    assert_frugal(&fake, 0);
    // `s3://logs/in` is the folder, for which nothing more is asked.
    fake.clear_log();
    drop(env.run(["download", "s3://logs/in", "raw"]).code(0));
    assert_frugal(&fake, 0);
}

#[test]
fn a_sync_asks_for_each_object_once() {
    let (fake, env) = served();
    let sync = ["sync", "s3://logs/in/", "lake"];
    let first = env.run(sync).code(0);
    first.stdout_contains("requests: 300 GET, 3 LIST\n");
    assert_frugal(&fake, OBJECTS);
    fake.clear_log();
    let second = env.run(sync).code(0);
    second.stdout_contains("requests: 3 LIST\n");
    assert_frugal(&fake, 0);
}

/// The summary counts what the server counts, on both sides.
#[test]
fn a_sync_to_a_bucket_tells_what_it_asked_for() {
    let (fake, env) = served();
    let ended = env.run(["sync", "s3://logs/in/", "s3://lake/set", "--json"]);
    let ended = ended.code(0);
    for (kind, operations) in [
        ("GET", ["GetObject"].as_slice()),
        ("LIST", &["ListObjectsV2"]),
        ("PUT", &["PutObject"]),
        ("DELETE", &["DeleteObjects"]),
    ] {
        let asked = operations.iter().map(|operation| fake.count(operation, ""));
        assert_eq!(told(&ended, kind), asked.sum::<usize>(), "{kind}");
    }
    assert_eq!(fake.count("GetObject", "s3://logs/in/"), OBJECTS);
    assert_eq!(fake.count("HEAD", ""), 0);
}

#[test]
fn a_list_asks_for_each_page_once() {
    let (fake, env) = served();
    let ended = env.run(["list", "-v", "s3://logs/in/"]).code(0);
    ended.stderr_contains("requests: 3 LIST\n");
    assert_frugal(&fake, 0);
    let usual = env.run(["list", "s3://logs/in/"]).code(0);
    usual.stderr_is_empty();
    let ended = env.run(["list", "--json", "s3://logs/in/"]).code(0);
    assert_eq!(told(&ended, "LIST"), 3);
}

//! Runs that break off anywhere, and runs that meet: each source line is there exactly once.

mod bucket;
mod crowd;
mod dedupe;
mod faults;
mod late;
mod simulation;
mod stores;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use futures::TryStreamExt as _;
use s3logs::event::{Observer, Silent};
use s3logs::jobs::source::{Destination, Source};
use s3logs::jobs::sync::{LOOKBACK, Report, SyncOptions, sync_into};
use s3logs::jobs::{JobError, WorkOptions};
use s3logs::ledger::{Folding, Journal, Owner};
use s3logs::pipeline::Cancel;
use s3logs::plan::{Limits, Selection};
use s3logs::store::{Body, MemoryStore, Precondition, Store};

use stores::{Mortal, Overlapping, Unreadable};
use tokio::sync::Barrier;

fn line(object: usize, n: usize) -> String {
    format!(
        "o b [{:02}/Mar/2026:00:00:{:02} +0000] 192.0.2.1 - R{object:05}{n:05} REST.GET.OBJECT key \
         \"GET /key HTTP/1.1\" 200 - 1 1 1 1 \"-\" \"agent\" - h - - - b.s3 TLSv1.2 - -\n",
        1 + n % 2,
        n % 60
    )
}

const OBJECTS: usize = 7;
const LINES: usize = 5;

/// Logs in several objects, one of them damaged, one with a bad line, one no log.
async fn logs() -> Arc<MemoryStore> {
    let store = Arc::new(MemoryStore::default());
    let mut objects: Vec<(String, Vec<u8>)> = (0..OBJECTS)
        .map(|object| {
            let text: String = (0..LINES).map(|n| line(object, n)).collect();
            (format!("logs/{object}"), text.into_bytes())
        })
        .collect();
    objects[2].1.extend(b"a bad line\n");
    objects.push(("logs/cut.gz".to_owned(), vec![0x1f, 0x8b, 8, 0, 0]));
    objects.push(("logs/image".to_owned(), b"\x89PNG\r\n\x1a\n".to_vec()));
    for (key, bytes) in objects {
        let put = store.put(&key, Body::Bytes(bytes.into()), Precondition::Always);
        put.await.expect("memory");
    }
    store
}

fn source(store: &Arc<MemoryStore>) -> Source {
    Source {
        store: Arc::clone(store) as Arc<dyn Store>,
        prefix: "logs/".to_owned(),
        selection: Selection::default(),
        single: false,
        leave_out: None,
    }
}

fn options(pid: u32) -> SyncOptions {
    SyncOptions {
        work: WorkOptions::default(),
        owner: Owner {
            host: "h".to_owned(),
            boot: "b".to_owned(),
            pid,
            started: 1,
        },
        now: || 0,
        gone: |_| true,
        retry_failed: false,
        single_writer: false,
        take_over: false,
        folding: Folding {
            commits: 2,
            objects: 200_000,
        },
        lookback: Some(LOOKBACK),
        shard: None,
        dedupe: false,
        limits: Limits {
            objects: 4,
            text: 1 << 30,
        },
    }
}

async fn run(
    logs: &Arc<MemoryStore>,
    to: Arc<dyn Store>,
    pid: u32,
) -> std::result::Result<Report, JobError> {
    run_with(logs, to, &options(pid)).await
}

async fn run_with(
    logs: &Arc<MemoryStore>,
    to: Arc<dyn Store>,
    options: &SyncOptions,
) -> std::result::Result<Report, JobError> {
    run_from(&source(logs), to, options).await
}

async fn run_from(
    source: &Source,
    to: Arc<dyn Store>,
    options: &SyncOptions,
) -> std::result::Result<Report, JobError> {
    let destination = Destination {
        store: to,
        base: "lake/".to_owned(),
        shown: "memory".to_owned(),
    };
    let observer: Arc<dyn Observer> = Arc::new(Silent);
    let cancel = Cancel::never();
    sync_into(source, &destination, options, &observer, &cancel).await
}

async fn contents(store: &MemoryStore) -> BTreeMap<String, Bytes> {
    let pages: Vec<_> = store.list("", None).try_collect().await.expect("memory");
    let mut all = BTreeMap::new();
    for object in pages.into_iter().flatten() {
        let bytes = store.get(&object.key, None, None).await.expect("memory");
        all.insert(object.key, bytes);
    }
    all
}

/// Rows of the live files, by the ledger.
async fn rows(store: &Arc<MemoryStore>) -> u64 {
    let journal = Journal::new(Arc::clone(store) as Arc<dyn Store>, "lake/");
    let open = journal.intents().await.expect("a ledger");
    assert!(open.is_empty(), "{open:?}");
    let census = journal.census().await.expect("a ledger");
    let outputs = census.outputs();
    for path in outputs.keys() {
        let there = store.get(&format!("lake/{path}"), None, None).await;
        there.expect("a live file exists");
    }
    outputs.values().map(|output| output.rows).sum()
}

/// Parquet files that are there.
async fn files(store: &Arc<MemoryStore>) -> usize {
    let all = contents(store).await;
    all.keys().filter(|key| key.ends_with(".parquet")).count()
}

#[tokio::test]
async fn a_run_that_dies_anywhere_is_finished_by_the_next_byte_for_byte() {
    let rows = dies_anywhere(&logs().await, options).await;
    assert_eq!(rows, (OBJECTS * LINES) as u64);
}

/// Kills a run at each of its calls to the store, before the call and after it, and compares what the
/// next run ends with. Returns the rows.
async fn dies_anywhere(logs: &Arc<MemoryStore>, options: fn(u32) -> SyncOptions) -> u64 {
    let undisturbed = Arc::new(MemoryStore::default());
    let calm = Mortal::immortal(&undisturbed);
    run_with(logs, calm.clone(), &options(1))
        .await
        .expect("a calm run");
    let calls = calm.calls.load(Ordering::SeqCst);
    assert!(calls > 15, "a run of {calls} calls tests nothing");
    let expected = contents(&undisturbed).await;
    assert!(
        !expected
            .keys()
            .any(|key| key.contains("/intents/") || key.ends_with("/lock"))
    );
    for answer_lost in [false, true] {
        for n in 0..calls {
            let store = Arc::new(MemoryStore::default());
            let (mortal, first) = (Mortal::dying(&store, n, answer_lost), options(1));
            let ended = run_with(logs, mortal, &first).await;
            assert!(ended.is_err(), "it died at call {n}");
            run_with(logs, Mortal::immortal(&store), &options(2))
                .await
                .unwrap_or_else(|error| panic!("after dying at call {n}: {error}"));
            let found = contents(&store).await;
            let keys = |all: &BTreeMap<String, Bytes>| all.keys().cloned().collect::<Vec<_>>();
            assert_eq!(keys(&found), keys(&expected), "after dying at call {n}");
            assert!(found == expected, "other bytes after dying at call {n}");
        }
    }
    rows(&undisturbed).await
}

#[tokio::test]
async fn an_object_that_vanishes_between_the_runs_costs_only_itself() {
    let untouched = logs().await;
    let calls = {
        let calm = Mortal::immortal(&Arc::new(MemoryStore::default()));
        run(&untouched, calm.clone(), 1).await.expect("a calm run");
        calm.calls.load(Ordering::SeqCst)
    };
    for n in 0..calls {
        let store = Arc::new(MemoryStore::default());
        let logs = logs().await;
        let ended = run(&logs, Mortal::dying(&store, n, true), 1).await;
        assert!(ended.is_err(), "it died at call {n}");
        let before: Vec<String> = committed(&store).await;
        logs.delete(&["logs/1".to_owned()]).await.expect("memory");
        run(&logs, Mortal::immortal(&store), 2)
            .await
            .expect("the next run");
        let lost = u64::from(!before.iter().any(|key| key == "logs/1")) * LINES as u64;
        assert_eq!(
            rows(&store).await,
            (OBJECTS * LINES) as u64 - lost,
            "call {n}"
        );
        let live = live(&store).await;
        assert_eq!(files(&store).await, live, "no file astray after call {n}");
    }
}

async fn committed(store: &Arc<MemoryStore>) -> Vec<String> {
    let journal = Journal::new(Arc::clone(store) as Arc<dyn Store>, "lake/");
    let mut keys = Vec::new();
    let read = journal.history(0, |_, commit| {
        keys.extend(commit.inputs.into_iter().map(|input| input.key));
        Ok(ControlFlow::Continue(()))
    });
    read.await.expect("a ledger");
    keys
}

/// Both think that the other is gone, so the lease keeps neither out, and both have their first
/// batch ready before either commits.
#[tokio::test]
async fn two_runs_at_once_commit_each_object_once() {
    let logs = logs().await;
    // The second has the same batches, or other ones that overlap.
    for objects in [4, 3] {
        let store = Arc::new(MemoryStore::default());
        let meeting = Arc::new(Barrier::new(2));
        let (one, mut other) = (options(1), options(2));
        other.limits.objects = objects;
        let (one, two) = tokio::join!(
            run_with(&logs, Mortal::meeting(&store, &meeting), &one),
            run_with(&logs, Mortal::meeting(&store, &meeting), &other)
        );
        for report in [one, two] {
            report.expect("a run that ends well");
        }
        assert_eq!(rows(&store).await, (OBJECTS * LINES) as u64);
        assert_eq!(files(&store).await, live(&store).await, "no file astray");
    }
}

/// A run that is stopped right before its commit while another one, which thinks it dead, finds its
/// intent, and then wakes up.
#[tokio::test]
async fn a_run_that_sleeps_loses_no_file_to_one_that_wants_other_objects() {
    let logs = logs().await;
    let store = Arc::new(MemoryStore::default());
    let meeting = Arc::new(Barrier::new(2));
    let mut other = source(&logs);
    other.selection.format = s3logs::formats::find("cloudfront");
    let (first, second) = (options(1), options(2));
    let meanwhile = async {
        meeting.wait().await;
        let ended = run_from(&other, Mortal::immortal(&store), &second).await;
        ended.expect("the other run");
        meeting.wait().await;
    };
    let sleeper = run_with(&logs, Mortal::meeting(&store, &meeting), &first);
    let (ended, ()) = tokio::join!(sleeper, meanwhile);
    ended.expect("a run that ends well");
    assert_eq!(rows(&store).await, (OBJECTS * LINES) as u64);
    assert_eq!(files(&store).await, live(&store).await, "no file astray");
}

/// The same, where the other run fails at all of the batch's objects and commits that.
#[tokio::test]
async fn a_run_that_sleeps_does_its_batch_anew_when_another_has_recorded_its_objects() {
    let (logs, store) = (logs().await, Arc::new(MemoryStore::default()));
    let meeting = Arc::new(Barrier::new(2));
    let unreadable = Source {
        store: Arc::new(Unreadable(Arc::clone(&logs))),
        ..source(&logs)
    };
    let (first, second) = (options(1), options(2));
    let meanwhile = async {
        meeting.wait().await;
        let ended = run_from(&unreadable, Mortal::immortal(&store), &second).await;
        ended.expect("the other run");
        assert_eq!(files(&store).await, 0, "it has removed the files");
        meeting.wait().await;
    };
    let sleeper = run_with(&logs, Mortal::meeting(&store, &meeting), &first);
    let (ended, ()) = tokio::join!(sleeper, meanwhile);
    ended.expect("a run that ends well");
    run(&logs, Mortal::immortal(&store), 3)
        .await
        .expect("a last run");
    assert_eq!(rows(&store).await, (OBJECTS * LINES) as u64);
    assert_eq!(files(&store).await, live(&store).await, "no file astray");
}

async fn live(store: &Arc<MemoryStore>) -> usize {
    let journal = Journal::new(Arc::clone(store) as Arc<dyn Store>, "lake/");
    journal.census().await.expect("a ledger").outputs().len()
}

/// An object of the day, under a key as `CloudFront` names them.
async fn add_day(store: &Arc<MemoryStore>, day: &str, number: usize) {
    let key = format!("logs/E1.{day}-10.{number:08x}");
    let put = store.put(
        &key,
        Body::Bytes(line(number, 0).into()),
        Precondition::Always,
    );
    put.await.expect("memory");
}

async fn run_now(logs: &Arc<MemoryStore>, store: &Arc<MemoryStore>, full: bool) -> Report {
    let mut options = options(1);
    options.limits = Limits::default();
    if full {
        options.lookback = None;
    }
    let report = run_with(logs, Mortal::immortal(store), &options).await;
    report.expect("a run that ends well")
}

#[tokio::test]
async fn late_objects_are_found_within_the_lookback_and_with_full_beyond_it() {
    let logs = Arc::new(MemoryStore::default());
    let store = Arc::new(MemoryStore::default());
    // More than a page of old keys, so that there is something to leave out.
    for number in 0..1500 {
        add_day(&logs, "2026-01-01", number).await;
    }
    add_day(&logs, "2026-03-20", 1).await;
    let first = run_now(&logs, &store, false).await;
    assert_eq!(
        (first.outcome.objects.committed, first.not_listed.len()),
        (1501, 0)
    );

    add_day(&logs, "2026-03-07", 2).await;
    add_day(&logs, "2026-02-01", 3).await;
    add_day(&logs, "2026-03-19", 4).await;
    let second = run_now(&logs, &store, false).await;
    let left_out: Vec<_> = second.not_listed.iter().collect();
    assert_eq!(
        format!("{left_out:?}"),
        r#"[("logs/E1.", Day(20518))]"#,
        "before 2026-03-06"
    );
    assert_eq!(
        second.outcome.objects.committed, 2,
        "within 14 days of the newest"
    );
    let third = run_now(&logs, &store, true).await;
    assert_eq!(third.outcome.objects.committed, 1, "beyond it");
    assert_eq!(rows(&store).await, 1504);
    let fourth = run_now(&logs, &store, true).await;
    assert_eq!(fourth.outcome.objects.new, 0);
}

/// A listing whose pages overlap gives each object once.
#[tokio::test]
async fn overlapping_pages_double_nothing() {
    let logs = logs().await;
    let store = Arc::new(MemoryStore::default());
    let overlapping = Source {
        store: Arc::new(Overlapping(Arc::clone(&logs))),
        prefix: "logs/".to_owned(),
        selection: Selection::default(),
        single: false,
        leave_out: None,
    };
    let destination = Destination {
        store: Arc::clone(&store) as Arc<dyn Store>,
        base: "lake/".to_owned(),
        shown: "memory".to_owned(),
    };
    let observer: Arc<dyn Observer> = Arc::new(Silent);
    let (options, cancel) = (options(1), Cancel::never());
    sync_into(&overlapping, &destination, &options, &observer, &cancel)
        .await
        .expect("a run");
    assert_eq!(rows(&store).await, (OBJECTS * LINES) as u64);
}

/// Workers of one job, each on its part of the keys, through one commit log.
#[tokio::test]
async fn sixteen_shards_fill_one_dataset() {
    let logs = Arc::new(MemoryStore::default());
    let store = Arc::new(MemoryStore::default());
    for number in 0..200 {
        add_day(&logs, "2026-03-01", number).await;
    }
    let shards = (1..=16).map(|number| {
        let (logs, store) = (Arc::clone(&logs), Arc::clone(&store));
        async move {
            let mut options = options(number);
            options.shard = format!("{number}/16").parse().ok();
            let report = run_with(&logs, Mortal::immortal(&store), &options).await;
            report
                .expect("a run that ends well")
                .outcome
                .objects
                .committed
        }
    });
    let committed = futures::future::join_all(shards).await;
    assert_eq!(committed.iter().sum::<u64>(), 200, "{committed:?}");
    assert_eq!(rows(&store).await, 200);
    assert_eq!(files(&store).await, live(&store).await, "no file astray");
    let all = run(&logs, Mortal::immortal(&store), 17).await;
    assert_eq!(all.expect("a run").outcome.objects.new, 0);
}

/// A dataset whose ledger is lost, or that something else has written.
#[tokio::test]
async fn files_without_a_ledger_are_not_added_to() {
    let (logs, store) = (logs().await, Arc::new(MemoryStore::default()));
    run(&logs, Mortal::immortal(&store), 1)
        .await
        .expect("a run");
    let mut ledger = contents(&store).await;
    ledger.retain(|key, _| key.starts_with("lake/_s3logs/"));
    let keys: Vec<String> = ledger.into_keys().collect();
    store.delete(&keys).await.expect("memory");
    let before = files(&store).await;
    let refused = run(&logs, Mortal::immortal(&store), 2).await;
    assert!(matches!(refused, Err(JobError::Misuse { .. })));
    assert_eq!(files(&store).await, before);
}

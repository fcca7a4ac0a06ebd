//! `--dedupe`: each line is a row once, wherever and however often it was delivered, and every line
//! that is left out is counted.

mod model;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use s3logs::event::{Observer, Silent};
use s3logs::jobs::WorkOptions;
use s3logs::jobs::source::Destination;
use s3logs::jobs::sync::{Report, SyncOptions};
use s3logs::jobs::verify::{self, Problem, VerifyOptions};
use s3logs::ledger::{Commit, Done, Journal, KeyState, Ledger};
use s3logs::pipeline::Cancel;
use s3logs::plan::Limits;
use s3logs::store::{Body, MemoryStore, Precondition, Store};
use s3logs::table::path::lines_file;
use sha2::{Digest, Sha256};
use tokio::sync::Barrier;

use super::stores::Mortal;
use super::{contents, dies_anywhere, files, live, run_from, run_with, source};
use crate::support::dataset::Dataset;

fn options(pid: u32) -> SyncOptions {
    SyncOptions {
        dedupe: true,
        ..super::options(pid)
    }
}

/// The line of that number; the even ones are of the day after.
fn line(number: usize) -> String {
    super::line(number / 60, number % 60)
}

fn text(numbers: impl IntoIterator<Item = usize>) -> Vec<u8> {
    numbers
        .into_iter()
        .flat_map(|n| line(n).into_bytes())
        .collect()
}

async fn put(store: &MemoryStore, key: &str, bytes: Vec<u8>) {
    let put = store.put(key, Body::Bytes(bytes.into()), Precondition::Always);
    put.await.expect("memory");
}

async fn put_lines(store: &MemoryStore, key: &str, numbers: impl IntoIterator<Item = usize>) {
    put(store, key, text(numbers)).await;
}

async fn ledger(store: &Arc<MemoryStore>) -> Ledger {
    let journal = Journal::new(Arc::clone(store) as Arc<dyn Store>, "lake/");
    let loaded = journal.load().await.expect("a ledger");
    assert!(loaded.intents.is_empty(), "{:?}", loaded.intents);
    loaded.ledger
}

async fn commits(store: &Arc<MemoryStore>) -> Vec<Commit> {
    let journal = Journal::new(Arc::clone(store) as Arc<dyn Store>, "lake/");
    let mut commits = Vec::new();
    let read = journal.history(0, |_, commit| {
        commits.push(commit);
        Ok(ControlFlow::Continue(()))
    });
    read.await.expect("a ledger");
    commits
}

/// What each object gave, by the end of its key; it adds up, and so do the days.
async fn done(store: &Arc<MemoryStore>) -> BTreeMap<String, Done> {
    let ledger = ledger(store).await;
    let mut all = BTreeMap::new();
    for input in commits(store)
        .await
        .iter()
        .flat_map(|commit| &commit.inputs)
    {
        if let KeyState::Committed(done) = &input.state {
            let sum = done.rows + done.duplicates + done.rejects + done.comments;
            assert_eq!(done.lines, sum, "{}", input.key);
            let key = input.key.rsplit('/').next().unwrap_or_default();
            all.insert(key.to_owned(), done.clone());
        }
    }
    let by_day: u64 = ledger.lines().values().map(|lines| lines.duplicates).sum();
    assert_eq!(
        by_day,
        all.values().map(|done| done.duplicates).sum::<u64>()
    );
    all
}

/// Lines left out of each object that lost any.
async fn left_out(store: &Arc<MemoryStore>) -> Vec<(String, u64)> {
    let done = done(store).await.into_iter();
    done.filter(|(_, done)| done.duplicates > 0)
        .map(|(key, done)| (key, done.duplicates))
        .collect()
}

/// Request ids of the rows in the files, sorted; no file is astray, and each has rows.
async fn ids(store: &Arc<MemoryStore>) -> Vec<String> {
    assert_eq!(files(store).await, live(store).await, "no file astray");
    let known = ledger(store).await;
    let mut all = contents(store).await;
    let prints: BTreeSet<String> = all
        .keys()
        .filter(|key| key.contains("/lines/"))
        .cloned()
        .collect();
    let named = known.lines().keys().map(|path| format!("lake/{path}"));
    assert_eq!(prints, named.collect(), "no fingerprints astray");
    let commits = commits(store).await;
    let mut outputs = commits.iter().flat_map(|commit| &commit.outputs);
    assert!(outputs.all(|output| output.rows > 0));
    all.retain(|key, _| key.ends_with(".parquet"));
    let below = |key: &str| key.strip_prefix("lake/").unwrap_or_default().to_owned();
    let dataset = Dataset::of(
        all.iter()
            .map(|(key, bytes)| (below(key), bytes.clone()))
            .collect(),
    );
    dataset.assert_sound();
    let rows = dataset.rows("s3_access").into_iter();
    let mut ids: Vec<String> = rows
        .map(|row| row["request_id"].as_str().unwrap_or_default().to_owned())
        .collect();
    ids.sort_unstable();
    ids
}

/// The request ids of these lines, sorted.
fn expected(numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
    let id = |n: usize| format!("R{:05}{:05}", n / 60, n % 60);
    let mut ids: Vec<String> = numbers.into_iter().map(id).collect();
    ids.sort_unstable();
    ids
}

async fn run(logs: &Arc<MemoryStore>, store: &Arc<MemoryStore>, options: &SyncOptions) -> Report {
    let report = run_with(logs, Mortal::immortal(store), options).await;
    report.expect("a run that ends well")
}

/// Seven objects in two batches with lines that come twice in one object, in two of a batch, and in
/// two batches.
async fn doubled() -> Arc<MemoryStore> {
    let logs = super::logs().await;
    put_lines(&logs, "logs/0", [0, 1, 2, 3, 4, 0, 4]).await;
    put_lines(&logs, "logs/1", [5, 6, 1, 2]).await;
    put_lines(&logs, "logs/5", [7, 0, 6, 0]).await;
    logs
}

#[tokio::test]
async fn a_run_that_dies_anywhere_leaves_the_same_lines_out() {
    let rows = dies_anywhere(&doubled().await, options).await;
    // Eight lines of the three objects, and five each of those that are as they were.
    assert_eq!(rows, 8 + 4 * 5);
}

#[tokio::test]
async fn lines_are_found_in_one_object_across_objects_batches_and_runs() {
    let (logs, store) = (doubled().await, Arc::new(MemoryStore::default()));
    let first = run(&logs, &store, &options(1)).await;
    assert_eq!(ledger(&store).await.head(), 3, "several batches");
    let some = |all: &[(&str, u64)]| -> Vec<(String, u64)> {
        all.iter().map(|(key, n)| ((*key).to_owned(), *n)).collect()
    };
    assert_eq!(
        left_out(&store).await,
        some(&[("0", 2), ("1", 2), ("5", 3)])
    );
    let table = &first.outcome.tables["s3_access"];
    assert_eq!((table.rows, table.duplicates, table.rejects), (28, 7, 1));
    assert_eq!(table.lines, table.rows + table.duplicates + table.rejects);

    // Nothing of the fourth day is new: no file of it, but its lines are accounted for.
    let before = ids(&store).await;
    put_lines(&logs, "logs/later", [2, 4, 6]).await;
    let second = run(&logs, &store, &options(2)).await;
    assert_eq!(second.outcome.tables["s3_access"].duplicates, 3);
    assert_eq!(ids(&store).await, before);
    put_lines(&logs, "logs/last", [2, 99, 98]).await;
    run(&logs, &store, &options(3)).await;
    assert_eq!(ids(&store).await.len(), before.len() + 2);
}

#[tokio::test]
async fn without_it_every_line_is_a_row() {
    let (logs, store) = (doubled().await, Arc::new(MemoryStore::default()));
    let report = run(&logs, &store, &super::options(1)).await;
    let table = &report.outcome.tables["s3_access"];
    assert_eq!((table.rows, table.duplicates), (35, 0));
    let keys: Vec<String> = contents(&store).await.into_keys().collect();
    assert!(!keys.iter().any(|key| key.contains("/lines/")), "{keys:?}");
    // What is added with it later is compared with what is known then: nothing.
    put_lines(&logs, "logs/later", [0, 1, 0]).await;
    run(&logs, &store, &options(2)).await;
    assert_eq!(left_out(&store).await, [("later".to_owned(), 1)]);
    put_lines(&logs, "logs/last", [1, 2]).await;
    run(&logs, &store, &options(3)).await;
    assert_eq!(done(&store).await["last"].duplicates, 1);
}

/// Two runs on other objects, both ready before either commits.
async fn met(one: &[usize], other: &[usize]) -> (Arc<MemoryStore>, u64) {
    let (logs, store) = (
        Arc::new(MemoryStore::default()),
        Arc::new(MemoryStore::default()),
    );
    put_lines(&logs, "logs/a/1", one.iter().copied()).await;
    put_lines(&logs, "logs/b/2", other.iter().copied()).await;
    let meeting = Arc::new(Barrier::new(2));
    let reads = [Mortal::immortal(&logs), Mortal::immortal(&logs)];
    let of = |n: usize| {
        let mut source = source(&logs);
        source.store = reads[n].clone();
        ["logs/a/", "logs/b/"][n].clone_into(&mut source.prefix);
        source
    };
    let (first, second, mine, theirs) = (of(0), of(1), options(1), options(2));
    let (first, second) = tokio::join!(
        run_from(&first, Mortal::meeting(&store, &meeting), &mine),
        run_from(&second, Mortal::meeting(&store, &meeting), &theirs)
    );
    first.expect("a run that ends well");
    second.expect("a run that ends well");
    let calls = reads.map(|store| store.calls.load(Ordering::SeqCst));
    (store, calls.iter().sum())
}

#[tokio::test]
async fn two_runs_at_once_keep_a_line_of_both_once() {
    let (store, reads) = Box::pin(met(&[0, 1, 2, 3], &[2, 3, 4, 5])).await;
    assert_eq!(ids(&store).await, expected(0..6));
    let lost: u64 = left_out(&store).await.iter().map(|(_, lines)| lines).sum();
    assert_eq!(lost, 2);
    // Without a line in common nothing is encoded anew.
    let (store, fewer) = Box::pin(met(&[0, 1, 2, 3], &[4, 5, 6, 7])).await;
    assert_eq!(ids(&store).await, expected(0..8));
    assert_eq!(reads, fewer + 1, "one object was read twice");
}

/// A run that is overtaken by another right before its first commit and dies at its n-th call, and the
/// runs after it. Returns the store and how many calls the first made.
async fn overtaken(dies_at: u64, answer_lost: bool) -> (Arc<MemoryStore>, u64) {
    let (logs, store) = (
        Arc::new(MemoryStore::default()),
        Arc::new(MemoryStore::default()),
    );
    put_lines(&logs, "logs/a/1", [0, 1, 2, 3, 4, 5, 6, 7]).await;
    put_lines(&logs, "logs/b/2", [1, 3, 4]).await;
    let meeting = Arc::new(Barrier::new(2));
    let mortal = Mortal::meeting_and_dying(&store, &meeting, dies_at, answer_lost);
    let of = |prefix: &str| {
        let mut source = source(&logs);
        prefix.clone_into(&mut source.prefix);
        source
    };
    let (slow, fast, mine, mut theirs) = (of("logs/a/"), of("logs/b/"), options(1), options(2));
    // It leaves the batch that it finds begun to others.
    theirs.shard = "1/1".parse().ok();
    let meanwhile = async {
        meeting.wait().await;
        let ended = run_from(&fast, Mortal::immortal(&store), &theirs).await;
        ended.expect("the other run");
        meeting.wait().await;
        futures::future::pending::<()>().await;
    };
    tokio::select! {
        ended = run_from(&slow, mortal.clone(), &mine) => assert_eq!(ended.is_err(), dies_at < u64::MAX),
        () = meanwhile => {}
    }
    run(&logs, &store, &options(3)).await;
    assert_eq!(verify(&logs, &store).await, []);
    let calls = mortal.calls.load(Ordering::SeqCst);
    (store, calls)
}

#[tokio::test]
async fn a_run_that_is_overtaken_and_dies_anywhere_leaves_nothing_behind() {
    let (store, calls) = Box::pin(overtaken(u64::MAX, false)).await;
    assert_eq!(ids(&store).await, expected(0..8));
    assert_eq!(left_out(&store).await, [("1".to_owned(), 3)]);
    for answer_lost in [false, true] {
        for n in 0..calls {
            let (store, _) = Box::pin(overtaken(n, answer_lost)).await;
            assert_eq!(ids(&store).await, expected(0..8), "call {n}");
        }
    }
}

/// Objects that share all their lines, each worker with its part of the keys.
#[tokio::test]
async fn shards_at_once_keep_each_line_once() {
    let (logs, store) = (
        Arc::new(MemoryStore::default()),
        Arc::new(MemoryStore::default()),
    );
    for object in 0..40 {
        put_lines(&logs, &format!("logs/{object}"), object..object + 20).await;
    }
    let shards = (1..=8).map(|number| {
        let mut options = options(number);
        options.shard = format!("{number}/8").parse().ok();
        let (logs, store) = (Arc::clone(&logs), Mortal::immortal(&store));
        async move { run_with(&logs, store, &options).await.expect("a run") }
    });
    futures::future::join_all(shards).await;
    assert_eq!(ids(&store).await, expected(0..59));
    let lost: u64 = left_out(&store).await.iter().map(|(_, lines)| lines).sum();
    assert_eq!(lost, 40 * 20 - 59);
}

/// So little memory that rows are written out many times, and larger objects are streamed.
fn narrow(pid: u32) -> SyncOptions {
    let mut options = options(pid);
    options.work.memory = 16 << 20;
    options.limits = Limits::default();
    options
}

#[tokio::test]
async fn lines_are_found_however_the_rows_are_written_out() {
    let (logs, store) = (
        Arc::new(MemoryStore::default()),
        Arc::new(MemoryStore::default()),
    );
    put_lines(&logs, "logs/1-small", 0..400).await;
    put_lines(&logs, "logs/2-large", 0..30_000).await;
    put_lines(&logs, "logs/3-small", 29_900..30_100).await;
    let twice = (15_000..50_000).chain(15_000..20_000);
    put_lines(&logs, "logs/4-large", twice).await;
    put_lines(&logs, "logs/5-large", 0..50_001).await;
    run(&logs, &store, &narrow(1)).await;
    assert!(files(&store).await > 4, "one flush tests nothing");
    assert_eq!(ids(&store).await, expected(0..50_001));
    let done = done(&store).await;
    let rows = ["1-small", "2-large", "3-small", "4-large", "5-large"];
    let rows = rows.map(|key| done[key].rows);
    assert_eq!(rows, [400, 29_600, 100, 19_900, 1]);
    assert_eq!(verify(&logs, &store).await, []);
}

/// The lines of an object that breaks off are no rows, so their twins are.
#[tokio::test]
async fn a_large_object_that_breaks_off_takes_no_line_with_it() {
    let (logs, store) = (
        Arc::new(MemoryStore::default()),
        Arc::new(MemoryStore::default()),
    );
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    gzip.write_all(&text(0..40_000)).expect("to memory");
    let whole = gzip.finish().expect("to memory");
    put_lines(&logs, "logs/1-small", 0..100).await;
    put(&logs, "logs/2-cut.gz", whole[..whole.len() - 100].to_vec()).await;
    put_lines(&logs, "logs/3-whole", 50..300).await;
    let report = run(&logs, &store, &narrow(1)).await;
    assert_eq!(report.outcome.objects.failed, 1);
    assert_eq!(ids(&store).await, expected(0..300));
    assert_eq!(left_out(&store).await, [("3-whole".to_owned(), 50)]);
}

/// A file of fingerprints that is gone costs duplicates, not rows.
#[tokio::test]
async fn lost_fingerprints_cost_no_rows() {
    let (logs, store) = (
        Arc::new(MemoryStore::default()),
        Arc::new(MemoryStore::default()),
    );
    put_lines(&logs, "logs/1", 0..4).await;
    run(&logs, &store, &options(1)).await;
    let all = contents(&store).await;
    let prints: Vec<&String> = all.keys().filter(|key| key.contains("/lines/")).collect();
    assert_eq!(prints.len(), 2, "a file per day");
    let garbled = vec![7; all[prints[0]].len()];
    put(&store, prints[0], garbled).await;
    put_lines(&logs, "logs/2", 0..6).await;
    run(&logs, &store, &options(2)).await;
    assert_eq!(left_out(&store).await, [("2".to_owned(), 2)]);
}

/// A commit that claims a line to be a duplicate whose twin no row has.
#[tokio::test]
async fn verify_finds_a_line_that_was_left_out_without_a_row() {
    let (logs, store) = (
        Arc::new(MemoryStore::default()),
        Arc::new(MemoryStore::default()),
    );
    put_lines(&logs, "logs/1", [0, 2, 4, 2]).await;
    run(&logs, &store, &options(1)).await;
    assert_eq!(verify(&logs, &store).await, []);

    let recorded = commits(&store).await.remove(0);
    let mut lines = recorded.lines.clone();
    let (old, all) = (format!("lake/{}", lines[0].path), contents(&store).await);
    let mut prints: Vec<_> = all[&old].chunks(16).map(<[u8]>::to_vec).collect();
    prints[1][15] ^= 1;
    let prints = prints.concat();
    let hash = Sha256::digest(&prints);
    let first = hash.first_chunk().expect("it is longer");
    let hash = format!("{:08x}", u32::from_be_bytes(*first));
    lines[0].path = lines_file(&lines[0].table, lines[0].day, "b", &hash);
    store.delete(&[old]).await.expect("memory");
    put(&store, &format!("lake/{}", lines[0].path), prints).await;
    let commit = Commit { lines, ..recorded };
    let commits: Vec<String> = all
        .into_keys()
        .filter(|key| key.contains("/commits/"))
        .collect();
    store.delete(&commits).await.expect("memory");
    let journal = Journal::new(Arc::clone(&store) as Arc<dyn Store>, "lake/");
    journal.put_commit(1, &commit).await.expect("memory");
    let found = verify(&logs, &store).await;
    assert!(
        matches!(found[..], [Problem::Alone { lines: 1, .. }]),
        "{found:?}"
    );
}

async fn verify(logs: &Arc<MemoryStore>, store: &Arc<MemoryStore>) -> Vec<Problem> {
    let destination = Destination {
        store: Arc::clone(store) as Arc<dyn Store>,
        base: "lake/".to_owned(),
        shown: "memory".to_owned(),
    };
    let options = VerifyOptions {
        work: WorkOptions::default(),
        quick: false,
    };
    let (observer, cancel): (Arc<dyn Observer>, _) = (Arc::new(Silent), Cancel::never());
    let source = source(logs);
    let verified = verify::verify(&source, &destination, &options, &observer, &cancel);
    verified.await.expect("a check").problems
}

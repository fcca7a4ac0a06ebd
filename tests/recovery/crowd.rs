//! Many runs at once over the same source and destination, kept apart by nothing but the commit
//! numbers; and stores that cannot keep them apart.

use std::sync::Arc;

use futures::future::join_all;
use s3logs::jobs::JobError;
use s3logs::jobs::sync::SyncOptions;
use s3logs::store::{Body, MemoryStore, Precondition, Store};
use tokio::sync::Barrier;

use super::stores::Mortal;
use super::{LINES, OBJECTS, contents, files, line, live, logs, options, rows, run, run_with};
use crate::support::dataset::Dataset;

const RUNS: u32 = 16;

/// The request ids of all rows, sorted, read from the files.
async fn request_ids(store: &Arc<MemoryStore>) -> Vec<String> {
    let files = contents(store).await.into_iter();
    let files = files.filter_map(|(key, bytes)| {
        let path = key.strip_prefix("lake/")?;
        Some((path.to_owned(), bytes))
    });
    let rows = Dataset::of(files.collect()).rows("s3_access");
    let ids = rows.iter().filter_map(|row| row["request_id"].as_str());
    let mut ids: Vec<String> = ids.map(str::to_owned).collect();
    ids.sort_unstable();
    ids
}

/// The request ids of so many objects.
fn expected_ids(objects: usize) -> Vec<String> {
    let of = |object| (0..LINES).map(move |n| format!("R{object:05}{n:05}"));
    (0..objects).flat_map(of).collect()
}

/// Options of one of many runs, each with batches of its own size.
fn one_of_many(number: u32) -> SyncOptions {
    let mut options = options(number);
    options.take_over = true;
    options.limits.objects = 2 + number as usize % 5;
    options
}

async fn assert_exact(store: &Arc<MemoryStore>, objects: usize, told: &str) {
    assert_eq!(rows(store).await, (objects * LINES) as u64, "{told}");
    assert_eq!(request_ids(store).await, expected_ids(objects), "{told}");
    assert_eq!(
        files(store).await,
        live(store).await,
        "a file astray: {told}"
    );
}

/// All have their first batch ready before any commits.
#[tokio::test]
async fn sixteen_runs_that_meet_at_the_first_commit() {
    let (logs, store) = (logs().await, Arc::new(MemoryStore::default()));
    let meeting = Arc::new(Barrier::new(RUNS as usize));
    let runs = (1..=RUNS).map(|number| {
        let to = Mortal::meeting(&store, &meeting);
        let (logs, options) = (&logs, one_of_many(number));
        async move { run_with(logs, to, &options).await }
    });
    for report in join_all(runs).await {
        report.expect("a run that ends well");
    }
    assert_exact(&store, OBJECTS, "").await;
    let after = run(&logs, Mortal::immortal(&store), 17).await;
    assert_eq!(after.expect("a last run").outcome.objects.new, 0);
}

/// They meet wherever chance has it.
#[tokio::test]
async fn sixteen_runs_in_any_order() {
    const MANY: usize = 40;
    let logs = Arc::new(MemoryStore::default());
    for object in 0..MANY {
        let text: String = (0..LINES).map(|n| line(object, n)).collect();
        let key = format!("logs/{object:03}");
        let put = logs.put(&key, Body::Bytes(text.into()), Precondition::Always);
        put.await.expect("memory");
    }
    for seed in 1..=3 {
        let store = Arc::new(MemoryStore::default());
        let runs = (1..=RUNS).map(|number| {
            let to = Mortal::hesitant(&store, seed * 1000 + u64::from(number));
            let (logs, options) = (&logs, one_of_many(number));
            async move { run_with(logs, to, &options).await }
        });
        for report in join_all(runs).await {
            report.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        }
        assert_exact(&store, MANY, &format!("seed {seed}")).await;
    }
}

/// A store that looks for an object and then puts it passes for sound while puts come one after the
/// other.
#[tokio::test]
async fn a_store_whose_puts_are_not_atomic_is_refused() {
    let (logs, store) = (logs().await, Arc::new(MemoryStore::default()));
    let refused = run(&logs, Mortal::looking_first(&store), 1).await;
    assert!(matches!(refused, Err(JobError::Unconditional { .. })));
    assert_eq!(contents(&store).await.len(), 0, "nothing is left");
    let mut alone = options(1);
    alone.single_writer = true;
    let report = run_with(&logs, Mortal::looking_first(&store), &alone).await;
    report.expect("a run that ends well");
    assert_exact(&store, OBJECTS, "").await;
}

/// The probe is for the first run; later ones only look whether conditions are honoured.
#[tokio::test]
async fn a_dataset_that_is_there_is_not_probed_again() {
    let (logs, store) = (logs().await, Arc::new(MemoryStore::default()));
    let calls = async |to: Arc<Mortal>| {
        run(&logs, to.clone(), 1).await.expect("a run");
        to.calls.load(std::sync::atomic::Ordering::SeqCst)
    };
    let first = calls(Mortal::immortal(&store)).await;
    let again = calls(Mortal::immortal(&store)).await;
    let known = calls(Mortal::hesitant(&store, 0)).await;
    assert_eq!(again, known, "as where puts are known to be atomic");
    assert!(first > again + 20, "{first} {again}");
}

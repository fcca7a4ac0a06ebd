use std::sync::Arc;

use super::*;
use crate::event::Silent;
use crate::jobs::test_store::{Recorder, TestStore};

fn folder_of(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, bytes) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }
    folder
}

fn bucket(store: &Arc<TestStore>) -> Destination {
    Destination {
        store: store.clone(),
        base: "lake/".to_owned(),
        shown: "s3://test/lake".to_owned(),
    }
}

async fn run(folder: &Path, store: &Arc<TestStore>) -> Result<Transferred, JobError> {
    let options = TransferOptions::default();
    upload(folder, &bucket(store), &options, &Silent, &Cancel::never()).await
}

const DATASET: [(&str, &[u8]); 8] = [
    ("t/dt=2026-03-01/a.parquet", b"a"),
    ("t/dt=2026-03-01/b.parquet", b"b"),
    ("_s3logs/commits/00000000000000000001.json.zst", b"one"),
    ("_s3logs/commits/00000000000000000002.json.zst", b"two"),
    ("_s3logs/t/rejects/r.ndjson.gz", b"r"),
    ("_s3logs/lock", b"lock"),
    ("_s3logs/intents/i.json", b"i"),
    ("_s3logs/tmp/x", b"x"),
];

#[tokio::test]
async fn a_dataset_arrives_whole_and_in_order() {
    let folder = folder_of(&DATASET);
    let store = Arc::new(TestStore::default());
    let done = run(folder.path(), &store).await.expect("an upload");
    assert_eq!((done.listed, done.transferred, done.failed), (5, 5, 0));
    let mut puts = store.puts();
    puts[..2].sort();
    assert_eq!(
        puts,
        [
            "lake/t/dt=2026-03-01/a.parquet",
            "lake/t/dt=2026-03-01/b.parquet",
            "lake/_s3logs/t/rejects/r.ndjson.gz",
            "lake/_s3logs/commits/00000000000000000001.json.zst",
            "lake/_s3logs/commits/00000000000000000002.json.zst",
        ]
    );
    let again = run(folder.path(), &store).await.expect("an upload");
    assert_eq!((again.transferred, again.present), (0, 5));
    assert_eq!(store.puts().len(), 5);
}

#[tokio::test]
async fn two_datasets_are_not_mixed() {
    let folder = folder_of(&DATASET);
    let store = Arc::new(TestStore::default());
    store.add("lake/_s3logs/commits/00000000000000000001.json.zst", b"eno");
    let refused = run(folder.path(), &store).await;
    assert!(
        matches!(refused, Err(JobError::Misuse { what, .. }) if what.contains("0001.json.zst is another one"))
    );
    let store = Arc::new(TestStore::default());
    store.add(
        "lake/_s3logs/commits/00000000000000000003.json.zst",
        b"three",
    );
    let refused = run(folder.path(), &store).await;
    assert!(
        matches!(refused, Err(JobError::Misuse { what, .. }) if what.contains("0003.json.zst is not in"))
    );
    assert!(store.puts().is_empty());
}

#[tokio::test]
async fn no_commit_is_sent_when_a_file_is_missing() {
    let folder = folder_of(&DATASET);
    let store = Arc::new(TestStore::default());
    store.corrupt("lake/t/dt=2026-03-01/b.parquet");
    let recorder = Recorder::default();
    let options = TransferOptions::default();
    let done = upload(
        folder.path(),
        &bucket(&store),
        &options,
        &recorder,
        &Cancel::never(),
    )
    .await
    .expect("an upload");
    assert_eq!((done.listed, done.transferred, done.failed), (5, 2, 3));
    let failures = recorder.failures();
    assert!(
        failures[0].contains("commits/00000000000000000001") && failures[0].contains("left out")
    );
    assert!(failures[2].ends_with("checksum does not match"));
    assert!(store.puts().iter().all(|key| !key.contains("commits")));
}

#[tokio::test]
async fn parts_times_and_changes_decide_what_is_sent() {
    let folder = folder_of(&[("large", &vec![b'x'; 17 << 20]), ("small", b"abc")]);
    let store = Arc::new(TestStore::default());
    assert_eq!(
        run(folder.path(), &store)
            .await
            .expect("an upload")
            .transferred,
        2
    );
    assert_eq!(
        run(folder.path(), &store).await.expect("an upload").present,
        2
    );
    fs::write(folder.path().join("small"), b"abd").expect("a file");
    let done = run(folder.path(), &store).await.expect("an upload");
    assert_eq!((done.transferred, done.present), (1, 1));
    assert_eq!(store.bytes("lake/small").as_deref(), Some(&b"abd"[..]));
    // Where no sum tells, the object's time does: it is 1970 there.
    store.encrypt();
    assert_eq!(
        run(folder.path(), &store)
            .await
            .expect("an upload")
            .transferred,
        2
    );
}

#[tokio::test]
async fn dry_runs_refusals_and_nesting() {
    let folder = folder_of(&[("a", b"a"), ("b", b"b")]);
    let store = Arc::new(TestStore::default());
    let dry = TransferOptions {
        dry_run: true,
        ..TransferOptions::default()
    };
    let done = upload(
        folder.path(),
        &bucket(&store),
        &dry,
        &Silent,
        &Cancel::never(),
    )
    .await
    .expect("a plan");
    assert_eq!(
        (done.transferred, done.bytes, store.keys().len()),
        (2, 2, 0)
    );
    let (canceller, cancel) = Cancel::pair();
    canceller.cancel();
    let options = TransferOptions::default();
    let done = upload(folder.path(), &bucket(&store), &options, &Silent, &cancel)
        .await
        .expect("a stop");
    assert!(done.interrupted && store.keys().is_empty());
    store.deny("lake/a");
    assert_eq!(
        run(folder.path(), &store).await.expect("an upload").failed,
        1
    );
    store.deny("lake/b");
    store.add("lake/b", b"?");
    let refused = run(folder.path(), &store).await;
    assert!(matches!(refused, Err(JobError::Store(error)) if error.kind == ErrorKind::Denied));
    let inside = Destination {
        store: Arc::new(LocalStore::create(&folder.path().join("in"), "tmp").expect("a store")),
        base: String::new(),
        shown: "in".to_owned(),
    };
    let refused = upload(folder.path(), &inside, &options, &Silent, &Cancel::never()).await;
    assert!(matches!(refused, Err(JobError::Misuse { .. })));
    assert!(folder.path().join("a").exists());
}

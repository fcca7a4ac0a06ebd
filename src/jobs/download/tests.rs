use std::sync::Arc;

use super::*;
use crate::event::Silent;
use crate::jobs::test_store::{Recorder, TestStore};
use crate::plan::Selection;
use crate::store::{ErrorKind, Store};

fn source(store: Arc<dyn Store>, prefix: &str) -> Source {
    Source {
        store,
        prefix: prefix.to_owned(),
        selection: Selection::default(),
        single: false,
        leave_out: None,
    }
}

async fn run(source: &Source, folder: &Path) -> Transferred {
    let options = TransferOptions::default();
    download(source, folder, &options, &Silent, &Cancel::never())
        .await
        .expect("a download")
}

/// Everything below the folder, with the files that are not complete.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path.display().to_string());
        }
    }
    found.sort();
    found
}

fn names(folder: &Path) -> Vec<String> {
    let root = format!("{}/", folder.display());
    let names = files(folder).into_iter();
    names.map(|name| name.replace(&root, "")).collect()
}

#[tokio::test]
async fn a_second_run_fetches_nothing() {
    let store = Arc::new(TestStore::default());
    for number in 0..50 {
        store.add(
            &format!("logs/a/{number}"),
            format!("line {number}\n").as_bytes(),
        );
    }
    store.add("logs/large", &vec![b'x'; 9 << 20]);
    store.add("logs/empty", b"");
    store.add("other/not-this", b"");
    let source = source(store.clone(), "logs/");
    let folder = tempfile::tempdir().expect("a folder");
    let done = run(&source, folder.path()).await;
    assert_eq!((done.listed, done.transferred, done.failed), (52, 52, 0));
    assert_eq!(
        fs::read(folder.path().join("a/7")).expect("a file"),
        b"line 7\n"
    );
    assert_eq!(
        fs::read(folder.path().join("large")).expect("a file"),
        vec![b'x'; 9 << 20]
    );
    assert_eq!(names(folder.path()).len(), 52);
    let gets = store.gets();
    let again = run(&source, folder.path()).await;
    assert_eq!((again.transferred, again.present), (0, 52));
    assert_eq!(store.gets(), gets);
    // A file that was damaged since, at its old size, is fetched again.
    fs::write(folder.path().join("a/7"), b"line X\n").expect("a file");
    let again = run(&source, folder.path()).await;
    assert_eq!((again.transferred, again.present), (1, 51));
    assert_eq!(
        fs::read(folder.path().join("a/7")).expect("a file"),
        b"line 7\n"
    );
}

#[tokio::test]
async fn bad_objects_cost_themselves_only() {
    let store = Arc::new(TestStore::default());
    for key in [
        "../x",
        "a//b",
        "./c",
        "good",
        "gone",
        "rotten",
        "cold",
        "secret",
        "t.s3logs-tmp",
        "both/file",
    ] {
        store.add(key, b"some bytes");
    }
    store.add("both", b"other bytes");
    store.add("rotten-large", &vec![b'x'; 9 << 20]);
    store.ghost("gone");
    store.corrupt("rotten");
    store.corrupt("rotten-large");
    store.archive("cold");
    store.deny("secret");
    let outside = tempfile::tempdir().expect("a folder");
    let folder = outside.path().join("in");
    let recorder = Recorder::default();
    let options = TransferOptions {
        // One after the other, so that it is known which of the clashing keys comes first.
        jobs: Some(1),
        ..TransferOptions::default()
    };
    let done = download(
        &source(store, ""),
        &folder,
        &options,
        &recorder,
        &Cancel::never(),
    )
    .await
    .expect("a download");
    assert_eq!((done.listed, done.transferred, done.failed), (12, 2, 10));
    assert_eq!(names(outside.path()), ["in/both/file", "in/good"]);
    let failures = recorder.failures();
    let told = [
        "../x: write: ",
        "./c: write: ",
        "a//b: write: ",
        "both: write: ",
        "cold: fetch: ",
        "gone: fetch: ",
        "rotten-large: fetch: ",
        "rotten: fetch: ",
        "secret: fetch: ",
        "t.s3logs-tmp: write: ",
    ];
    assert_eq!(failures.len(), told.len());
    for (failure, start) in failures.iter().zip(told) {
        assert!(failure.starts_with(start), "{failure}");
    }
    assert!(
        failures[7].ends_with("checksum does not match"),
        "{}",
        failures[7]
    );
}

#[tokio::test]
async fn etags_that_are_no_sums_go_by_time() {
    let store = Arc::new(TestStore::default());
    store.add("a", b"some bytes");
    store.encrypt();
    let folder = tempfile::tempdir().expect("a folder");
    let bucket = source(store, "");
    assert_eq!(run(&bucket, folder.path()).await.transferred, 1);
    assert_eq!(run(&bucket, folder.path()).await.present, 1);
    let copy = tempfile::tempdir().expect("a folder");
    let local = source(
        Arc::new(LocalStore::open(folder.path()).expect("a store")),
        "",
    );
    assert_eq!(run(&local, copy.path()).await.transferred, 1);
    assert_eq!(run(&local, copy.path()).await.present, 1);
    let old = fs::File::options()
        .write(true)
        .open(copy.path().join("a"))
        .expect("a file");
    old.set_modified(std::time::UNIX_EPOCH).expect("a time");
    assert_eq!(run(&local, copy.path()).await.transferred, 1);
}

#[tokio::test]
async fn a_job_ends_that_is_refused_stopped_or_only_asked() {
    let store = Arc::new(TestStore::default());
    for key in ["a", "b", "c"] {
        store.add(key, b"some bytes");
    }
    let bucket = source(store.clone(), "");
    let folder = tempfile::tempdir().expect("a folder");
    let dry = TransferOptions {
        dry_run: true,
        ..TransferOptions::default()
    };
    let target = folder.path().join("new");
    let done = download(&bucket, &target, &dry, &Silent, &Cancel::never())
        .await
        .expect("a plan");
    assert_eq!((done.transferred, done.bytes), (3, 30));
    assert!(!target.exists() && store.gets() == 0);
    let (canceller, cancel) = Cancel::pair();
    canceller.cancel();
    let options = TransferOptions::default();
    let done = download(&bucket, folder.path(), &options, &Silent, &cancel)
        .await
        .expect("a stop");
    assert!(done.interrupted && done.transferred == 0);
    assert!(files(folder.path()).is_empty());
    for key in ["a", "b", "c"] {
        store.deny(key);
    }
    let refused = download(&bucket, folder.path(), &options, &Silent, &Cancel::never()).await;
    assert!(matches!(refused, Err(JobError::Store(error)) if error.kind == ErrorKind::Denied));
}

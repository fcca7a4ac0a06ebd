//! The same promises of every store, and what each of them adds.

mod s3_faults;
mod suite;

use std::sync::Arc;

use futures::StreamExt as _;

use s3logs::store::{
    AccessKeys, AwsOptions, Body, ErrorKind, LocalStore, MemoryStore, Precondition, S3Store, Store,
};

use self::suite::{conforms, kind, list, put, text};
use crate::support::fake_s3::{FakeS3, Order};

const BUCKET: &str = "bucket";

/// What a client of the fake needs to know.
fn options(fake: &FakeS3) -> AwsOptions {
    AwsOptions {
        region: Some("us-east-1".to_owned()),
        endpoint_url: Some(fake.endpoint()),
        credentials: Some(AccessKeys {
            id: fake.access_key().to_owned(),
            secret: fake.secret_key().to_owned(),
            session_token: None,
        }),
        ..AwsOptions::default()
    }
}

/// A server with one bucket, and a store on it.
async fn fake_and_store() -> (FakeS3, S3Store) {
    let fake = FakeS3::start();
    fake.create_bucket(BUCKET);
    let store = S3Store::open(BUCKET, &options(&fake)).await;
    (fake, store)
}

#[tokio::test]
async fn memory_conforms() {
    conforms(Arc::new(MemoryStore::default())).await;
}

#[tokio::test]
async fn a_folder_to_copy_to_conforms() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = LocalStore::open(folder.path()).expect("it is there");
    conforms(Arc::new(store)).await;
}

#[tokio::test]
async fn a_folder_of_a_dataset_conforms() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = LocalStore::create(&folder.path().join("new/lake"), "_s3logs/tmp");
    conforms(Arc::new(store.expect("a new folder"))).await;
}

#[tokio::test]
async fn s3_conforms_in_any_order() {
    for order in [Order::Bytes, Order::Path] {
        let (fake, store) = fake_and_store().await;
        fake.page_size(2);
        fake.list_order(order);
        conforms(Arc::new(store)).await;
        assert_eq!(fake.open_uploads(), 0);
    }
}

#[tokio::test]
async fn a_missing_root_is_told_from_a_missing_object() {
    let fake = FakeS3::start();
    let store = S3Store::open("no-such-bucket", &options(&fake)).await;
    assert_eq!(kind(list(&store, "", None).await), ErrorKind::NoRoot);
    assert_eq!(kind(store.folders("").await), ErrorKind::NoRoot);
    assert_eq!(kind(store.get("a", None, None).await), ErrorKind::NoRoot);
    let body = Body::Bytes("x".into());
    let refused = store.put("a", body, Precondition::Absent).await;
    assert_eq!(kind(refused), ErrorKind::NoRoot);
    assert_eq!(kind(store.delete(&["a".into()]).await), ErrorKind::NoRoot);

    let folder = tempfile::tempdir().expect("a folder");
    let missing = LocalStore::open(&folder.path().join("missing"));
    assert_eq!(kind(missing), ErrorKind::NoRoot);
    let file = folder.path().join("file");
    std::fs::write(&file, "x").expect("a file");
    assert_eq!(kind(LocalStore::open(&file)), ErrorKind::BadName);
}

#[tokio::test]
async fn a_folder_takes_no_key_that_is_no_path_in_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = LocalStore::open(folder.path()).expect("it is there");
    put(&store, "file", "x").await;
    for key in [
        "",
        "/a",
        "a//b",
        "a/",
        "../a",
        "a/../b",
        "./a",
        "nul\0",
        "file/below",
    ] {
        let body = Body::Bytes("x".into());
        let refused = store.put(key, body, Precondition::Always).await;
        assert_eq!(kind(refused), ErrorKind::BadName, "{key:?}");
    }
    let left = list(&store, "", None).await.expect("a listing");
    assert_eq!(left.len(), 1);
}

#[tokio::test]
async fn files_under_way_are_not_listed() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = LocalStore::create(folder.path(), "own/tmp").expect("it is there");
    let staging = store.staging().expect("a dataset has one");
    std::fs::create_dir_all(&staging).expect("a folder");
    std::fs::write(staging.join("part"), "x").expect("a file");
    std::fs::write(folder.path().join(".x.s3logs-tmp"), "x").expect("a file");
    put(&store, "a", "x").await;
    let listed = list(&store, "", None).await.expect("a listing");
    assert_eq!(
        listed.iter().map(|o| o.key.as_str()).collect::<Vec<_>>(),
        ["a"]
    );
    assert_eq!(store.folders("own/").await.expect("folders"), [""; 0]);
}

/// A dataset is read by others than who wrote it.
#[cfg(unix)]
#[tokio::test]
async fn objects_have_the_permissions_of_any_new_file() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().expect("a folder");
    let store = LocalStore::create(folder.path(), "tmp").expect("it is there");
    let staging = store.staging().expect("a dataset has one");
    put(&store, "bytes", "x").await;
    std::fs::create_dir_all(&staging).expect("a folder");
    let file = tempfile::NamedTempFile::new_in(&staging).expect("a file");
    let moved = Body::File(file.path().to_owned());
    let put = store.put("moved", moved, Precondition::Always).await;
    put.expect("put");
    let plain = folder.path().join("plain");
    std::fs::write(&plain, "x").expect("a file");
    let mode = |name: &str| {
        let meta = std::fs::metadata(folder.path().join(name)).expect("a file");
        format!("{:o}", meta.permissions().mode())
    };
    assert_eq!(
        [mode("bytes"), mode("moved")],
        [mode("plain"), mode("plain")]
    );
}

/// A key of S3 that no folder could hold.
#[tokio::test]
async fn s3_keeps_keys_that_are_no_paths() {
    let (_fake, store) = fake_and_store().await;
    for key in ["a", "a/b", "a//b", "../a", "a/./b", "slash/"] {
        put(&store, key, key).await;
    }
    for key in ["a", "a/b", "a//b", "../a", "a/./b", "slash/"] {
        assert_eq!(text(&store, key).await, key);
    }
}

/// A look at a bucket is the beginning of its listing, once.
#[tokio::test]
async fn s3_goes_on_with_a_listing_that_was_begun() {
    let (fake, store) = fake_and_store().await;
    fake.page_size(2);
    for key in ["a/1", "a/2", "a/3", "b/1"] {
        put(&store, key, key).await;
    }
    let look = async |prefix: &str| {
        let mut pages = store.list_in_no_order(prefix);
        pages.next().await.expect("a page").expect("a page").len()
    };
    let listed = || fake.count("ListObjectsV2", "");
    assert_eq!((look("a/").await, look("a/").await, listed()), (2, 2, 1));
    let keys = list(&store, "b/", None).await.expect("a listing");
    assert_eq!((keys.len(), listed()), (1, 2), "another prefix");
    let keys = list(&store, "a/", Some("a/2")).await.expect("a listing");
    assert_eq!((keys.len(), listed()), (1, 3), "from elsewhere on");
    let keys = list(&store, "a/", None).await.expect("a listing");
    assert_eq!((keys.len(), listed()), (3, 4), "the second page only");
    put(&store, "a/0", "new").await;
    let keys = list(&store, "a/", None).await.expect("a listing");
    assert_eq!((keys.len(), listed()), (4, 6), "all anew");
}

#[tokio::test]
async fn s3_counts_its_requests() {
    let (fake, store) = fake_and_store().await;
    assert_eq!(store.requests().len(), 0);
    put(&store, "a", "x").await;
    text(&store, "a").await;
    list(&store, "", None).await.expect("a listing");
    store.delete(&["a".to_owned()]).await.expect("deleted");
    let counted = store.requests();
    for kind in ["GET", "LIST", "PUT", "DELETE"] {
        assert_eq!(counted.get(kind), Some(&1), "{kind}");
    }
    assert_eq!(fake.requests().len(), 4);
}

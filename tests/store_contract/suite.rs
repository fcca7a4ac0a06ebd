//! What every store promises, whatever it is made of.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use s3logs::store::{Body, ErrorKind, ObjectMeta, PART_SIZE, Precondition, Store, StoreError};

/// Puts an empty store through everything. Objects are left behind.
pub(super) async fn conforms(store: Arc<dyn Store>) {
    let store = store.as_ref();
    what_is_put_is_there(store).await;
    ranges_end_with_the_object(store).await;
    a_version_can_be_asked_for(store).await;
    puts_keep_their_conditions(store).await;
    listings_are_complete(store).await;
    folders_are_found(store).await;
    deleting_what_is_gone_is_no_error(store).await;
    any_key_is_kept_as_it_is(store).await;
    files_become_objects(store).await;
    a_failed_put_leaves_nothing(store).await;
    large_files_become_objects(store).await;
}

/// The category of an error that must have come.
#[track_caller]
pub(super) fn kind<T: std::fmt::Debug>(result: Result<T, StoreError>) -> ErrorKind {
    result.expect_err("this was expected to fail").kind
}

/// Everything below a prefix in the store's own order.
pub(super) async fn list(
    store: &dyn Store,
    prefix: &str,
    after: Option<&str>,
) -> Result<Vec<ObjectMeta>, StoreError> {
    store.list(prefix, after).try_concat().await
}

async fn keys(store: &dyn Store, prefix: &str, after: Option<&str>) -> Vec<String> {
    let found = list(store, prefix, after).await.expect("a listing");
    found.into_iter().map(|object| object.key).collect()
}

pub(super) async fn put(store: &dyn Store, key: &str, text: &str) -> String {
    let body = Body::Bytes(Bytes::copy_from_slice(text.as_bytes()));
    let put = store.put(key, body, Precondition::Always).await;
    put.unwrap_or_else(|error| panic!("{key}: {error}"))
}

async fn put_if(store: &dyn Store, key: &str, text: &str, when: Precondition) -> Put {
    let body = Body::Bytes(Bytes::copy_from_slice(text.as_bytes()));
    store.put(key, body, when).await
}

type Put = Result<String, StoreError>;

pub(super) async fn text(store: &dyn Store, key: &str) -> String {
    let bytes = store.get(key, None, None).await;
    let bytes = bytes.unwrap_or_else(|error| panic!("{key}: {error}"));
    String::from_utf8(bytes.into()).expect("the text that was put")
}

async fn what_is_put_is_there(store: &dyn Store) {
    assert_eq!(
        kind(store.get("there/a", None, None).await),
        ErrorKind::NotFound
    );
    let first = put(store, "there/a", "one").await;
    assert_eq!(text(store, "there/a").await, "one");
    let second = put(store, "there/a", "another").await;
    assert_ne!(first, second);
    assert_eq!(text(store, "there/a").await, "another");
    put(store, "there/empty", "").await;
    assert_eq!(text(store, "there/empty").await, "");
    let listed = list(store, "there/", None).await.expect("a listing");
    let seen: BTreeSet<_> = listed.iter().map(|o| (o.key.as_str(), o.size)).collect();
    assert_eq!(seen, BTreeSet::from([("there/a", 7), ("there/empty", 0)]));
    let a = listed.iter().find(|object| object.key == "there/a");
    assert_eq!(
        a.map(|object| (&object.etag, object.archived)),
        Some((&second, false))
    );
    // Neither a folder nor what seems to lie below an object is an object.
    for no_object in ["there", "there/a/b"] {
        assert_eq!(
            kind(store.get(no_object, None, None).await),
            ErrorKind::NotFound,
            "{no_object}"
        );
    }
}

async fn ranges_end_with_the_object(store: &dyn Store) {
    let etag = put(store, "ranges/digits", "0123456789").await;
    for (range, expected) in [
        (0..10, "0123456789"),
        (0..1, "0"),
        (3..6, "345"),
        (9..10, "9"),
        (8..100, "89"),
        (10..11, ""),
        (500..600, ""),
        (4..4, ""),
    ] {
        let what = format!("{range:?}");
        let part = store.get("ranges/digits", Some(range), Some(&etag)).await;
        assert_eq!(part.expect("a part"), expected.as_bytes(), "{what}");
    }
    put(store, "ranges/empty", "").await;
    let part = store.get("ranges/empty", Some(0..5), None).await;
    assert_eq!(part.expect("nothing"), Bytes::new());
    let missing = store.get("ranges/missing", Some(0..5), None).await;
    assert_eq!(kind(missing), ErrorKind::NotFound);
}

async fn a_version_can_be_asked_for(store: &dyn Store) {
    let old = put(store, "version", "old").await;
    let bytes = store.get("version", None, Some(&old)).await;
    assert_eq!(bytes.expect("the old one"), &b"old"[..]);
    put(store, "version", "newer").await;
    for range in [None, Some(0..2)] {
        let changed = store.get("version", range, Some(&old)).await;
        assert_eq!(kind(changed), ErrorKind::Changed);
    }
}

async fn puts_keep_their_conditions(store: &dyn Store) {
    let key = "conditions/a";
    let first = put_if(store, key, "first", Precondition::Absent).await;
    let first = first.expect("nothing was there");
    let again = put_if(store, key, "again!", Precondition::Absent).await;
    assert_eq!(kind(again), ErrorKind::Exists);
    assert_eq!(text(store, key).await, "first");

    let second = put_if(
        store,
        key,
        "the second",
        Precondition::Unchanged(first.clone()),
    )
    .await;
    let second = second.expect("it was the first");
    let stale = put_if(store, key, "stale", Precondition::Unchanged(first)).await;
    assert_eq!(kind(stale), ErrorKind::Changed);
    assert_eq!(text(store, key).await, "the second");

    store.delete(&[key.to_owned()]).await.expect("deleted");
    let gone = put_if(store, key, "revived", Precondition::Unchanged(second)).await;
    assert_eq!(kind(gone), ErrorKind::Changed);
    assert_eq!(keys(store, "conditions/", None).await, [""; 0]);
}

/// In whatever order a store lists, `after` cuts that order.
async fn listings_are_complete(store: &dyn Store) {
    let all = [
        "list/a-b/1",
        "list/a.b",
        "list/a/1",
        "list/a/2",
        "list/a/b/c/1",
        "list/b",
        "lists/x",
    ];
    for key in all {
        put(store, key, key).await;
    }
    let sorted = |mut keys: Vec<String>| {
        keys.sort();
        keys
    };
    let listed = keys(store, "list", None).await;
    assert_eq!(sorted(listed.clone()), all);
    for (position, key) in listed.iter().enumerate() {
        let rest = keys(store, "list", Some(key)).await;
        assert_eq!(rest, listed[position + 1..], "after {key}");
    }
    for (prefix, count) in [
        ("list/", 6),
        ("list/a", 5),
        ("list/a/", 3),
        ("list/a/b", 1),
        ("list/b", 1),
        ("list/b/", 0),
        ("list/nothing/below/", 0),
    ] {
        let expected: Vec<&str> = all
            .into_iter()
            .filter(|key| key.starts_with(prefix))
            .collect();
        assert_eq!(expected.len(), count, "{prefix}");
        assert_eq!(
            sorted(keys(store, prefix, None).await),
            expected,
            "{prefix}"
        );
        let rambled: Vec<ObjectMeta> = store
            .list_in_no_order(prefix)
            .try_concat()
            .await
            .expect("a listing");
        let rambled = rambled.into_iter().map(|object| object.key);
        assert_eq!(sorted(rambled.collect()), expected, "{prefix} in no order");
    }
}

async fn folders_are_found(store: &dyn Store) {
    for key in ["f/a/1", "f/a/2", "f/b/c/1", "f/d/1", "f/e", "f/da/1"] {
        put(store, key, "").await;
    }
    for (prefix, expected) in [
        ("f/", &["f/a/", "f/b/", "f/d/", "f/da/"][..]),
        ("f/d", &["f/d/", "f/da/"]),
        ("f/b/", &["f/b/c/"]),
        ("f/e", &[]),
        ("f/e/", &[]),
        ("nowhere/", &[]),
    ] {
        let mut found = store.folders(prefix).await.expect("folders");
        found.sort();
        assert_eq!(found, expected, "{prefix}");
    }
    let at_the_top = store.folders("").await.expect("folders");
    assert!(at_the_top.contains(&"f/".to_owned()), "{at_the_top:?}");
}

async fn deleting_what_is_gone_is_no_error(store: &dyn Store) {
    let mut all: Vec<String> = (0..1100).map(|n| format!("delete/{n}")).collect();
    for key in [&all[0], &all[999], &all[1000], &all[1099]] {
        put(store, key, "x").await;
    }
    put(store, "delete/kept", "x").await;
    all.push("delete/kept/below".to_owned());
    store.delete(&all).await.expect("those that are there");
    assert_eq!(keys(store, "delete/", None).await, ["delete/kept"]);
    store.delete(&[]).await.expect("nothing to do");
}

async fn any_key_is_kept_as_it_is(store: &dyn Store) {
    let all = [
        "odd/#hash&amp;=?x=1",
        "odd/%2F%20%",
        "odd/'single' \"double\" <tag>",
        "odd/a b  c",
        "odd/a+b",
        "odd/a=b/c;d,e:f@g!h$i*(j)",
        "odd/\u{fc}n\u{ef}c\u{f6}d\u{e9} \u{2713} \u{1f4a1}",
        "odd/~tilde|[x]{y}^`",
    ];
    for key in all {
        put(store, key, key).await;
    }
    for key in all {
        assert_eq!(text(store, key).await, key);
        assert_eq!(keys(store, key, None).await, [key]);
    }
    let listed: BTreeSet<String> = keys(store, "odd/", None).await.into_iter().collect();
    assert_eq!(listed, all.map(str::to_owned).into());
    store
        .delete(&all.map(str::to_owned))
        .await
        .expect("deleted");
    assert_eq!(keys(store, "odd/", None).await, [""; 0]);
}

/// A file to put, where the store likes files best.
fn file_to_put(store: &dyn Store, content: &[u8]) -> tempfile::TempPath {
    let folder = store.staging().unwrap_or_else(std::env::temp_dir);
    std::fs::create_dir_all(&folder).expect("a folder for files");
    let file = tempfile::NamedTempFile::new_in(folder).expect("a file");
    std::fs::write(file.path(), content).expect("room for a file");
    file.into_temp_path()
}

fn body(file: &Path) -> Body {
    Body::File(file.to_owned())
}

async fn files_become_objects(store: &dyn Store) {
    for (content, when) in [
        ("", Precondition::Always),
        ("some text", Precondition::Always),
        ("another text", Precondition::Absent),
    ] {
        let key = format!("files/{} bytes", content.len());
        let file = file_to_put(store, content.as_bytes());
        let before = keys(store, "", None).await.len();
        let etag = store.put(&key, body(&file), when).await.expect("put");
        assert_eq!(text(store, &key).await, content);
        let listed = list(store, "files/", None).await.expect("a listing");
        let object = listed.iter().find(|object| object.key == key);
        assert_eq!(object.map(|object| &object.etag), Some(&etag));
        // Neither the file nor a trace of it is an object.
        assert_eq!(keys(store, "", None).await.len(), before + 1);
    }
}

async fn a_failed_put_leaves_nothing(store: &dyn Store) {
    put(store, "failed/there", "old").await;
    let before = keys(store, "", None).await;
    let file = file_to_put(store, b"new");
    for when in [
        Precondition::Absent,
        Precondition::Unchanged("0-0".to_owned()),
    ] {
        let refused = store.put("failed/there", body(&file), when).await;
        assert!(matches!(
            kind(refused),
            ErrorKind::Exists | ErrorKind::Changed
        ));
        let left = std::fs::read(&file).expect("the file is still the caller's");
        assert_eq!(left, b"new");
    }
    let no_file = body(Path::new("/nonexistent/file"));
    let failed = store
        .put("failed/nothing", no_file, Precondition::Always)
        .await;
    failed.expect_err("there is no such file");
    assert_eq!(keys(store, "", None).await, before);
    assert_eq!(text(store, "failed/there").await, "old");
}

async fn large_files_become_objects(store: &dyn Store) {
    let size = PART_SIZE + (1 << 20);
    let content: Vec<u8> = (0..size)
        .map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[1])
        .collect();
    let file = file_to_put(store, &content);
    let key = "large/file";
    let etag = store.put(key, body(&file), Precondition::Absent).await;
    let etag = etag.expect("put");
    let listed = list(store, "large/", None).await.expect("a listing");
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].size, &listed[0].etag), (size, &etag));
    let whole = store.get(key, None, Some(&etag)).await.expect("the object");
    assert!(whole == content, "the bytes differ");
    let across = PART_SIZE - 3..PART_SIZE + 3;
    let part = store.get(key, Some(across), Some(&etag)).await;
    let at = whole.len() - (1 << 20) - 3;
    assert_eq!(part.expect("a part"), whole[at..at + 6]);
    let file = file_to_put(store, &content);
    let again = store.put(key, body(&file), Precondition::Absent).await;
    assert_eq!(kind(again), ErrorKind::Exists);
}

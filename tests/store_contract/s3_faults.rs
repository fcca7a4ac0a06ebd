//! What S3 does to a client, and what the store makes of it.

use s3logs::store::{Body, ErrorKind, PART_SIZE, Precondition, S3Store, Store};

use super::suite::{kind, list, put, text};
use super::{BUCKET, fake_and_store, options};
use crate::support::fake_s3::{ALWAYS, FakeS3, Fault};

/// 100,000 bytes in which every position is told from its neighbours.
fn content() -> Vec<u8> {
    let numbers = (0..10_000).map(|n| format!("{n:09}\n"));
    numbers.collect::<String>().into_bytes()
}

/// The ranges and versions that were asked for.
fn asked(fake: &FakeS3) -> Vec<(Option<String>, Option<String>)> {
    let gets = fake.requests().into_iter();
    gets.filter(|request| request.operation == "GetObject")
        .map(|request| (request.range, request.if_match))
        .collect()
}

#[tokio::test]
async fn a_body_that_breaks_off_is_resumed_in_the_same_version() {
    let (fake, store) = fake_and_store().await;
    fake.put(BUCKET, "a", content());
    for sent in [30_000, 20_000] {
        fake.fault("GetObject", "a", 1, Fault::ResetAfter(sent));
    }
    let bytes = store.get("a", None, None).await.expect("resumed twice");
    assert!(bytes == content(), "the bytes differ");
    let version = fake.etag(BUCKET, "a").map(|etag| format!("\"{etag}\""));
    let range = |from: u32| Some(format!("bytes={from}-"));
    let expected = [
        (None, None),
        (range(30_000), version.clone()),
        (range(50_000), version),
    ];
    assert_eq!(asked(&fake), expected);
}

#[tokio::test]
async fn a_range_that_breaks_off_is_resumed_to_its_end() {
    let (fake, store) = fake_and_store().await;
    fake.put(BUCKET, "a", content());
    // A range carries no checksum, but says how long it is.
    fake.fault("GetObject", "a", 1, Fault::ShortBody(1000));
    fake.fault("GetObject", "a", 1, Fault::ResetAfter(5000));
    let bytes = store.get("a", Some(10_000..20_000), None).await;
    assert!(
        bytes.expect("resumed") == content()[10_000..20_000],
        "the bytes differ"
    );
    let ranges: Vec<_> = asked(&fake)
        .into_iter()
        .filter_map(|(range, _)| range)
        .collect();
    assert_eq!(
        ranges,
        [
            "bytes=10000-19999",
            "bytes=11000-19999",
            "bytes=16000-19999"
        ]
    );
}

#[tokio::test]
async fn a_body_that_always_breaks_off_is_given_up() {
    let (fake, store) = fake_and_store().await;
    fake.put(BUCKET, "a", content());
    fake.fault("GetObject", "a", ALWAYS, Fault::ResetAfter(10));
    let error = store.get("a", None, None).await.expect_err("never whole");
    assert_eq!(error.kind, ErrorKind::Network);
    assert!(error.cause.ends_with("gave up after 6 attempts"), "{error}");
    assert_eq!(fake.count("GetObject", "a"), 6);
}

/// What the store itself puts has a checksum, and S3 gives it back with a whole object.
#[tokio::test]
async fn a_body_that_fails_its_checksum_is_read_again_from_the_start() {
    let text = String::from_utf8(content()).expect("digits");
    for fault in [
        Fault::Corrupt(17),
        Fault::Corrupt(99_999),
        Fault::ShortBody(500),
        Fault::ShortBody(0),
    ] {
        let (fake, store) = fake_and_store().await;
        put(&store, "a", &text).await;
        fake.fault("GetObject", "a", 1, fault.clone());
        let bytes = store.get("a", None, None).await.expect("read again");
        assert!(bytes == text, "{fault:?}");
        let version = fake.etag(BUCKET, "a").map(|etag| format!("\"{etag}\""));
        assert_eq!(asked(&fake), [(None, None), (None, version)], "{fault:?}");
    }
}

#[tokio::test]
async fn an_object_that_is_replaced_midway_has_changed() {
    let (fake, store) = fake_and_store().await;
    fake.put(BUCKET, "a", content());
    fake.fault("GetObject", "a", 1, Fault::ResetAfter(30_000));
    fake.fault("GetObject", "a", 1, Fault::Overwrite("other bytes"));
    let changed = store.get("a", None, None).await;
    assert_eq!(kind(changed), ErrorKind::Changed);
}

#[tokio::test]
async fn what_passes_by_itself_is_tried_again() {
    for fault in [
        Fault::Status(503, "SlowDown"),
        Fault::Status(500, "InternalError"),
        Fault::ResetBeforeHeaders,
    ] {
        let (fake, store) = fake_and_store().await;
        fake.put(BUCKET, "a", "x");
        fake.fault("", "", 1, fault.clone());
        assert_eq!(text(&store, "a").await, "x");
        assert_eq!(fake.count("GetObject", "a"), 2, "{fault:?}");
    }
}

#[tokio::test]
async fn a_put_that_meets_another_is_tried_again() {
    let (fake, store) = fake_and_store().await;
    let conflict = Fault::Status(409, "ConditionalRequestConflict");
    fake.fault("PutObject", "a", 2, conflict.clone());
    let body = Body::Bytes("x".into());
    let done = store.put("a", body.clone(), Precondition::Absent).await;
    done.expect("in the end");
    assert_eq!(fake.count("PutObject", "a"), 3);
    // The other writer may have been the first.
    fake.fault("PutObject", "b", 1, conflict);
    fake.fault("PutObject", "b", 1, Fault::Overwrite("theirs"));
    let late = store.put("b", body, Precondition::Absent).await;
    assert_eq!(kind(late), ErrorKind::Exists);
    assert_eq!(text(&store, "b").await, "theirs");
}

#[tokio::test]
async fn a_large_file_that_cannot_be_put_leaves_nothing() {
    let (fake, store) = fake_and_store().await;
    let file = tempfile::NamedTempFile::new().expect("a file");
    file.as_file()
        .set_len(PART_SIZE + 1)
        .expect("a sparse file");
    let body = Body::File(file.path().to_owned());
    for step in ["UploadPart", "CompleteMultipartUpload"] {
        fake.fault(step, "", 1, Fault::Status(403, "AccessDenied"));
        let refused = store.put("a", body.clone(), Precondition::Always).await;
        assert_eq!(kind(refused), ErrorKind::Denied, "{step}");
        assert_eq!(
            (fake.open_uploads(), fake.object_count(BUCKET)),
            (0, 0),
            "{step}"
        );
    }
}

#[tokio::test]
async fn what_is_denied_is_named() {
    let (fake, store) = fake_and_store().await;
    fake.put(BUCKET, "a", "x");
    for action in ["GetObject", "PutObject", "DeleteObject", "ListBucket"] {
        fake.deny(action, "");
    }
    let errors = [
        store.get("a", None, None).await.map(drop),
        store
            .put("a", Body::Bytes("y".into()), Precondition::Always)
            .await
            .map(drop),
        store.delete(&["a".to_owned()]).await,
        list(&store, "a", None).await.map(drop),
        store.folders("a").await.map(drop),
    ];
    for (error, action) in errors
        .into_iter()
        .zip(["read", "write", "delete", "list", "list"])
    {
        let error = error.expect_err("denied");
        assert_eq!(error.kind, ErrorKind::Denied, "{error}");
        let shown = error.to_string();
        assert!(
            shown.starts_with(&format!("cannot {action} s3://bucket/a: ")),
            "{shown}"
        );
        assert!(shown.contains("AccessDenied"), "{shown}");
    }
    assert_eq!(fake.requests().len(), 5, "denied once is denied");
}

#[tokio::test]
async fn bad_credentials_are_told_from_denied_access() {
    let (fake, store) = fake_and_store().await;
    fake.put(BUCKET, "a", "x");
    let mut options = options(&fake);
    if let Some(keys) = &mut options.credentials {
        keys.secret.push('x');
    }
    let forged = S3Store::open(BUCKET, &options).await;
    assert_eq!(
        kind(forged.get("a", None, None).await),
        ErrorKind::Credentials
    );
    if let Some(keys) = &mut options.credentials {
        keys.id.push('x');
    }
    let stranger = S3Store::open(BUCKET, &options).await;
    assert_eq!(
        kind(list(&stranger, "", None).await),
        ErrorKind::Credentials
    );
    fake.expire_token();
    assert_eq!(
        kind(store.get("a", None, None).await),
        ErrorKind::Credentials
    );
    assert_eq!(kind(list(&store, "", None).await), ErrorKind::Credentials);
}

#[tokio::test]
async fn a_wrong_region_is_told_with_the_right_one() {
    let (fake, store) = fake_and_store().await;
    fake.put(BUCKET, "a", "x");
    fake.region("eu-central-1");
    let right = ErrorKind::WrongRegion(Some("eu-central-1".to_owned()));
    assert_eq!(kind(store.get("a", None, None).await), right);
    assert_eq!(kind(list(&store, "", None).await), right);
    let body = Body::Bytes("y".into());
    assert_eq!(
        kind(store.put("a", body, Precondition::Always).await),
        right
    );
}

#[tokio::test]
async fn archived_objects_are_listed_as_such_and_cannot_be_read() {
    let (fake, store) = fake_and_store().await;
    for class in [
        "STANDARD",
        "STANDARD_IA",
        "GLACIER_IR",
        "GLACIER",
        "DEEP_ARCHIVE",
    ] {
        fake.put_class(BUCKET, class, "x", class);
    }
    let listed = list(&store, "", None).await.expect("a listing");
    for object in listed {
        let frozen = matches!(object.key.as_str(), "GLACIER" | "DEEP_ARCHIVE");
        assert_eq!(object.archived, frozen, "{}", object.key);
        let read = store.get(&object.key, None, None).await;
        if frozen {
            assert_eq!(kind(read), ErrorKind::Archived);
        } else {
            assert_eq!(read.expect("an object"), &b"x"[..]);
        }
    }
}

/// Servers that ignore conditions are found out by whoever needs them; the store itself cannot know.
#[tokio::test]
async fn a_server_without_conditions_replaces() {
    let (fake, store) = fake_and_store().await;
    fake.without_conditional_put();
    put(&store, "a", "x").await;
    let again = store
        .put("a", Body::Bytes("y".into()), Precondition::Absent)
        .await;
    again.expect("it did not listen");
    assert_eq!(text(&store, "a").await, "y");
}

//! Listings: paging, order, spelling, what stands beside a key.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{EncodingType, ObjectStorageClass};

use super::super::{FakeS3, Order};
use super::{BUCKET, client, fake, refusal, says};

/// Lists all pages and returns the keys in the order they came, with the number of pages.
async fn all_keys(client: &Client, prefix: &str) -> (Vec<String>, usize) {
    let (mut keys, mut pages) = (Vec::new(), 0);
    let mut listing = client
        .list_objects_v2()
        .bucket(BUCKET)
        .prefix(prefix)
        .into_paginator()
        .send();
    while let Some(page) = listing.next().await {
        let page = page.expect("a listing without faults");
        keys.extend(keys_of(&page));
        pages += 1;
    }
    (keys, pages)
}

fn keys_of(page: &ListObjectsV2Output) -> Vec<String> {
    page.contents()
        .iter()
        .filter_map(|object| object.key().map(str::to_owned))
        .collect()
}

fn prefixes_of(page: &ListObjectsV2Output) -> Vec<&str> {
    page.common_prefixes()
        .iter()
        .filter_map(|prefix| prefix.prefix())
        .collect()
}

fn put_all(fake: &FakeS3, keys: &[&str]) {
    for key in keys {
        fake.put(BUCKET, key, key);
    }
}

#[tokio::test]
async fn pages_are_complete_and_in_byte_order() {
    let fake = fake();
    let keys = [
        "l/a", "l/a b", "l/a+b", "l/a-b", "l/a.b", "l/a/b", "l/a//b", "l/z", "l/ü", "m",
    ];
    put_all(&fake, &keys);
    fake.page_size(2);
    let (listed, pages) = all_keys(&client(&fake), "l/").await;
    let mut expected: Vec<&str> = keys[..9].to_vec();
    expected.sort_unstable();
    assert_eq!(listed, expected);
    assert_eq!(fake.keys(BUCKET, "l/"), expected);
    assert_eq!((pages, fake.count("ListObjectsV2", "l/")), (5, 5));
}

#[tokio::test]
async fn a_page_never_holds_more_than_1000_keys() {
    let fake = fake();
    for number in 0..1001 {
        fake.put(BUCKET, &format!("{number:04}"), "");
    }
    fake.page_size(5000);
    let page = client(&fake)
        .list_objects_v2()
        .bucket(BUCKET)
        .max_keys(5000)
        .send()
        .await
        .expect("a page");
    assert_eq!(
        (page.contents().len(), page.is_truncated()),
        (1000, Some(true))
    );
    assert_eq!(fake.object_count(BUCKET), 1001);
}

#[tokio::test]
async fn path_order_sorts_by_component_and_pages_are_still_complete() {
    let fake = fake();
    put_all(&fake, &["o/a-b", "o/a.b", "o/a/b", "o/a/c", "o/b"]);
    fake.list_order(Order::Path);
    fake.page_size(1);
    let client = client(&fake);
    assert_eq!(
        all_keys(&client, "o/").await,
        (
            ["o/a/b", "o/a/c", "o/a-b", "o/a.b", "o/b"]
                .map(str::to_owned)
                .to_vec(),
            5
        )
    );
    fake.page_size(1000);
    let after = client
        .list_objects_v2()
        .bucket(BUCKET)
        .start_after("o/a-b")
        .send()
        .await
        .expect("a page");
    assert_eq!(keys_of(&after), ["o/a.b", "o/b"]);
}

#[tokio::test]
async fn delimiter_rolls_keys_up_across_pages() {
    let fake = fake();
    put_all(&fake, &["p/1/a", "p/1/b", "p/2/a", "p/x"]);
    let client = client(&fake);
    let list = || {
        client
            .list_objects_v2()
            .bucket(BUCKET)
            .prefix("p/")
            .delimiter("/")
    };
    let whole = list().send().await.expect("a page");
    assert_eq!(
        (prefixes_of(&whole), keys_of(&whole)),
        (vec!["p/1/", "p/2/"], vec!["p/x".to_owned()])
    );
    let first = list().max_keys(1).send().await.expect("a page");
    assert_eq!(
        (prefixes_of(&first), first.key_count()),
        (vec!["p/1/"], Some(1))
    );
    let rest = list()
        .set_continuation_token(first.next_continuation_token)
        .send()
        .await
        .expect("a page");
    assert_eq!(
        (prefixes_of(&rest), keys_of(&rest)),
        (vec!["p/2/"], vec!["p/x".to_owned()])
    );
}

#[tokio::test]
async fn url_encoding_spells_keys_as_s3_does() {
    let fake = fake();
    put_all(&fake, &["u/a b", "u/a+b", "u/a%2Fb", "u/é"]);
    let list = client(&fake)
        .list_objects_v2()
        .bucket(BUCKET)
        .prefix("u/")
        .encoding_type(EncodingType::Url);
    assert_eq!(
        keys_of(&list.send().await.expect("a page")),
        ["u/a+b", "u/a%252Fb", "u/a%2Bb", "u/%C3%A9"]
    );
}

#[tokio::test]
async fn entries_tell_etag_size_class_and_time() {
    let fake = fake();
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    fake.set_time(time);
    fake.put_class(BUCKET, "cold", "hello", "GLACIER");
    let page = client(&fake)
        .list_objects_v2()
        .bucket(BUCKET)
        .send()
        .await
        .expect("a page");
    let object = &page.contents()[0];
    assert_eq!(object.e_tag(), Some("\"5d41402abc4b2a76b9719d911017c592\""));
    assert_eq!(
        (object.size(), object.last_modified().map(DateTime::secs)),
        (Some(5), Some(1_700_000_000))
    );
    assert_eq!(
        object.storage_class().map(ObjectStorageClass::as_str),
        Some("GLACIER")
    );
}

#[tokio::test]
async fn a_missing_bucket_and_a_bad_token_are_refused() {
    let fake = fake();
    let client = client(&fake);
    let missing = client.list_objects_v2().bucket("nowhere").send().await;
    assert_eq!(refusal(missing), says(404, "NoSuchBucket"));
    let bad = client
        .list_objects_v2()
        .bucket(BUCKET)
        .continuation_token("no hex")
        .send()
        .await;
    assert_eq!(refusal(bad), says(400, "InvalidArgument"));
}

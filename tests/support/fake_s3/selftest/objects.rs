//! Objects: odd keys, ranges, read conditions, checksums, tags, deletes.

use std::collections::BTreeMap;

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{Delete, ObjectIdentifier, Tag, Tagging};
use bytes::Bytes;

use super::super::FakeS3;
use super::{BUCKET, client, fake, refusal, says};

async fn bytes_of(answer: GetObjectOutput) -> Bytes {
    answer
        .body
        .collect()
        .await
        .expect("a whole body")
        .into_bytes()
}

#[tokio::test]
async fn puts_and_gets_every_odd_key() {
    let fake = fake();
    let client = client(&fake);
    for key in ["a", "a/b", "a//b", "../a", "a b+c%2F?d&e#f", "ü/日本", "x/"] {
        client
            .put_object()
            .bucket(BUCKET)
            .key(key)
            .body(key.as_bytes().to_vec().into())
            .send()
            .await
            .expect("stored");
        assert_eq!(fake.get(BUCKET, key).as_deref(), Some(key.as_bytes()));
        let answer = client
            .get_object()
            .bucket(BUCKET)
            .key(key)
            .send()
            .await
            .expect("found");
        assert_eq!(bytes_of(answer).await, key.as_bytes());
        assert_eq!(
            fake.requests().last().map(|request| request.key.as_str()),
            Some(key)
        );
    }
}

#[tokio::test]
async fn gets_ranges() {
    let fake = fake();
    fake.put(BUCKET, "k", "0123456789");
    fake.put(BUCKET, "empty", "");
    let (client, etag) = (client(&fake), fake.etag(BUCKET, "k").expect("stored"));
    let get = || client.get_object().bucket(BUCKET).key("k");
    let part = get()
        .range("bytes=2-4")
        .if_match(&etag)
        .send()
        .await
        .expect("a part");
    assert_eq!(part.content_range(), Some("bytes 2-4/10"));
    assert_eq!(bytes_of(part).await, "234");
    assert_eq!(
        bytes_of(get().range("bytes=-3").send().await.expect("a suffix")).await,
        "789"
    );
    assert_eq!(
        bytes_of(get().range("bytes=7-99").send().await.expect("a tail")).await,
        "789"
    );
    assert_eq!(
        refusal(get().range("bytes=10-").send().await),
        says(416, "InvalidRange")
    );
    let empty = client
        .get_object()
        .bucket(BUCKET)
        .key("empty")
        .range("bytes=-1")
        .send()
        .await;
    assert_eq!(refusal(empty), says(416, "InvalidRange"));
    assert_eq!(fake.requests()[0].range.as_deref(), Some("bytes=2-4"));
}

#[tokio::test]
async fn gets_and_heads_check_conditions() {
    let fake = fake();
    fake.put(BUCKET, "k", "0123456789");
    let (client, etag) = (client(&fake), fake.etag(BUCKET, "k").expect("stored"));
    let get = || client.get_object().bucket(BUCKET).key("k");
    let other = get().if_match("other").send().await;
    assert_eq!(refusal(other), says(412, "PreconditionFailed"));
    let same = get().if_none_match(&etag).send().await;
    assert_eq!(refusal(same).0, 304);
    let missing = client.get_object().bucket(BUCKET).key("no").send().await;
    assert_eq!(refusal(missing), says(404, "NoSuchKey"));
    let head = || client.head_object().bucket(BUCKET).key("k");
    let found = head().if_match(&etag).send().await.expect("found");
    assert_eq!(found.content_length(), Some(10));
    assert_eq!(found.e_tag(), Some(format!("\"{etag}\"").as_str()));
    assert_eq!(refusal(head().if_match("other").send().await).0, 412);
}

#[tokio::test]
async fn wrong_checksums_are_refused() {
    let fake = fake();
    let client = client(&fake);
    let put = || {
        client
            .put_object()
            .bucket(BUCKET)
            .key("k")
            .body(ByteStream::from_static(b"hello"))
    };
    let wrong_md5 = put().content_md5("1B2M2Y8AsgTpgAmY7PhCfg==").send().await;
    assert_eq!(refusal(wrong_md5), says(400, "BadDigest"));
    assert_eq!(
        refusal(put().checksum_crc32("AAAAAA==").send().await),
        says(400, "BadDigest")
    );
    assert_eq!(fake.object_count(BUCKET), 0);
}

#[tokio::test]
async fn trailing_checksums_are_kept_and_given_back_for_whole_gets() {
    let fake = fake();
    let client = client(&fake);
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), "hello").expect("a temporary file takes bytes");
    let from_file = ByteStream::from_path(file.path())
        .await
        .expect("a readable file");
    let put = client.put_object().bucket(BUCKET).key("k");
    put.body(from_file)
        .content_type("text/plain")
        .send()
        .await
        .expect("stored, with the sum in a trailer");
    let get = || client.get_object().bucket(BUCKET).key("k");
    let whole = get().send().await.expect("found");
    assert_eq!(
        (whole.checksum_crc32(), whole.content_type()),
        (Some("NhCmhg=="), Some("text/plain"))
    );
    assert_eq!(bytes_of(whole).await, "hello");
    assert_eq!(
        get()
            .range("bytes=0-1")
            .send()
            .await
            .expect("found")
            .checksum_crc32(),
        None
    );
}

#[tokio::test]
async fn tags_are_kept_with_the_object() {
    let fake = fake();
    let client = client(&fake);
    client
        .put_object()
        .bucket(BUCKET)
        .key("a")
        .tagging("x=1&y=a%20b")
        .send()
        .await
        .expect("stored");
    assert_eq!(fake.tags(BUCKET, "a"), tags(&[("x", "1"), ("y", "a b")]));
    let tagging = Tagging::builder().tag_set(
        Tag::builder()
            .key("done")
            .value("yes")
            .build()
            .expect("a whole tag"),
    );
    let put = client
        .put_object_tagging()
        .bucket(BUCKET)
        .key("a")
        .tagging(tagging.build().expect("a whole set"));
    put.send().await.expect("tagged");
    assert_eq!(fake.tags(BUCKET, "a"), tags(&[("done", "yes")]));
    let read = client
        .get_object_tagging()
        .bucket(BUCKET)
        .key("a")
        .send()
        .await
        .expect("read");
    assert_eq!(read.tag_set()[0].key(), "done");
}

#[tokio::test]
async fn deletes_reach_the_objects() {
    let fake = fake();
    let client = client(&fake);
    for key in ["a", "b", "c"] {
        fake.put(BUCKET, key, "");
    }
    client
        .delete_object()
        .bucket(BUCKET)
        .key("a")
        .send()
        .await
        .expect("deleted");
    let name = |key: &str| {
        ObjectIdentifier::builder()
            .key(key)
            .build()
            .expect("a whole name")
    };
    let both = Delete::builder()
        .objects(name("b"))
        .objects(name("missing"))
        .build()
        .expect("a whole list");
    let deleted = client
        .delete_objects()
        .bucket(BUCKET)
        .delete(both)
        .send()
        .await
        .expect("deleted");
    assert_eq!(
        (deleted.deleted().len(), fake.keys(BUCKET, "")),
        (2, vec!["c".to_owned()])
    );
    assert!(fake.remove(BUCKET, "c") && !fake.remove(BUCKET, "c"));
}

fn tags(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

#[tokio::test]
async fn buckets_are_created_once_and_found() {
    let fake = FakeS3::start();
    let client = client(&fake);
    assert_eq!(
        refusal(client.head_bucket().bucket(BUCKET).send().await).0,
        404
    );
    client
        .create_bucket()
        .bucket(BUCKET)
        .send()
        .await
        .expect("created");
    let again = client.create_bucket().bucket(BUCKET).send().await;
    assert_eq!(refusal(again), says(409, "BucketAlreadyOwnedByYou"));
    client
        .head_bucket()
        .bucket(BUCKET)
        .send()
        .await
        .expect("found");
}

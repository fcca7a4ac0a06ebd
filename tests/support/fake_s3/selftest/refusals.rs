//! Refusals: who may do what, from where, and objects in cold storage.

use aws_sdk_s3::types::{BucketLocationConstraint, StorageClass};

use super::super::FakeS3;
use super::{BUCKET, client, client_with, fake, refusal, says};

#[test]
fn starts_without_a_runtime_and_frees_its_port_when_dropped() {
    let fake = FakeS3::start();
    let address = fake.endpoint().replace("http://", "");
    std::net::TcpStream::connect(&address).expect("a running server accepts");
    drop(fake);
    std::net::TcpStream::connect(&address).expect_err("a stopped server does not");
}

#[tokio::test]
async fn strangers_are_refused() {
    let fake = fake();
    let wrong_secret = client_with(&fake, fake.access_key(), "guess", 1);
    let refused = wrong_secret.list_objects_v2().bucket(BUCKET).send().await;
    assert_eq!(refusal(refused), says(403, "SignatureDoesNotMatch"));
    let stranger = client_with(&fake, "stranger", fake.secret_key(), 1);
    let refused = stranger.list_objects_v2().bucket(BUCKET).send().await;
    assert_eq!(refusal(refused), says(403, "InvalidAccessKeyId"));
}

#[tokio::test]
async fn denied_actions_are_refused_and_others_go_on() {
    let fake = fake();
    fake.create_bucket("other");
    fake.put(BUCKET, "secret/a", "");
    fake.put(BUCKET, "open/a", "");
    fake.deny("GetObject", "secret/");
    fake.deny("ListBucket", "secret/");
    fake.deny("PutObject", "s3://other/");
    let client = client(&fake);
    let get = |key: &str| client.get_object().bucket(BUCKET).key(key).send();
    assert_eq!(refusal(get("secret/a").await), says(403, "AccessDenied"));
    get("open/a").await.expect("allowed");
    assert_eq!(
        refusal(
            client
                .head_object()
                .bucket(BUCKET)
                .key("secret/a")
                .send()
                .await
        )
        .0,
        403
    );
    let list = |prefix: &str| {
        client
            .list_objects_v2()
            .bucket(BUCKET)
            .prefix(prefix)
            .send()
    };
    assert_eq!(refusal(list("secret/").await), says(403, "AccessDenied"));
    list("open/").await.expect("allowed");
    let upload = |bucket: &str| {
        client
            .create_multipart_upload()
            .bucket(bucket)
            .key("k")
            .send()
    };
    assert_eq!(refusal(upload("other").await), says(403, "AccessDenied"));
    upload(BUCKET).await.expect("allowed");
}

#[tokio::test]
async fn an_expired_token_is_refused() {
    let fake = fake();
    fake.expire_token();
    let refused = client(&fake).list_objects_v2().bucket(BUCKET).send().await;
    assert_eq!(refusal(refused), says(400, "ExpiredToken"));
    fake.clear_faults();
    let listed = client(&fake).list_objects_v2().bucket(BUCKET).send().await;
    listed.expect("a fresh token");
}

#[tokio::test]
async fn another_region_is_redirected_and_told_where() {
    let fake = fake();
    let client = client(&fake);
    let location = || client.get_bucket_location().bucket(BUCKET).send();
    let told = location().await.expect("told");
    assert_eq!(
        told.location_constraint()
            .map_or("", |region| region.as_str()),
        ""
    );
    fake.region("eu-west-1");
    let refused = client
        .head_bucket()
        .bucket(BUCKET)
        .send()
        .await
        .expect_err("the bucket is elsewhere");
    let response = refused.raw_response().expect("an answer");
    assert_eq!(
        (
            response.status().as_u16(),
            response.headers().get("x-amz-bucket-region")
        ),
        (301, Some("eu-west-1"))
    );
    let refused = client.list_objects_v2().bucket(BUCKET).send().await;
    assert_eq!(refusal(refused), says(301, "PermanentRedirect"));
    let told = location().await.expect("told everywhere");
    assert_eq!(
        told.location_constraint()
            .map(BucketLocationConstraint::as_str),
        Some("eu-west-1")
    );
}

#[tokio::test]
async fn a_client_of_the_right_region_is_let_in() {
    let fake = fake();
    fake.region("eu-west-1");
    let client = client(&fake);
    let there = client
        .config()
        .to_builder()
        .region(aws_sdk_s3::config::Region::new("eu-west-1"))
        .build();
    let head = aws_sdk_s3::Client::from_conf(there)
        .head_bucket()
        .bucket(BUCKET)
        .send()
        .await;
    assert_eq!(
        head.expect("found there").bucket_region(),
        Some("eu-west-1")
    );
}

#[tokio::test]
async fn cold_objects_can_be_seen_but_not_read() {
    let fake = fake();
    fake.put_class(BUCKET, "cold", "data", "DEEP_ARCHIVE");
    fake.put_class(BUCKET, "cool", "data", "STANDARD_IA");
    let client = client(&fake);
    let get = |key: &str| client.get_object().bucket(BUCKET).key(key).send();
    assert_eq!(refusal(get("cold").await), says(403, "InvalidObjectState"));
    get("cool").await.expect("readable");
    let head = client
        .head_object()
        .bucket(BUCKET)
        .key("cold")
        .send()
        .await
        .expect("seen");
    assert_eq!(
        head.storage_class().map(StorageClass::as_str),
        Some("DEEP_ARCHIVE")
    );
}

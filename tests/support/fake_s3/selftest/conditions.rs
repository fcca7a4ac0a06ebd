//! Conditional writes: exactly one winner, and servers that do not know them.

use aws_sdk_s3::primitives::ByteStream;

use super::{BUCKET, client, fake, refusal, says};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_one_of_16_conditional_puts_wins() {
    let fake = fake();
    let client = client(&fake);
    let put = |number: u8| {
        let put = client
            .put_object()
            .bucket(BUCKET)
            .key("race")
            .if_none_match("*")
            .body(vec![number].into());
        tokio::spawn(put.send())
    };
    let racers: Vec<_> = (0..16).map(put).collect();
    let mut winners = Vec::new();
    for (number, racer) in (0..16).zip(racers) {
        match racer.await.expect("a racer does not panic") {
            Ok(_) => winners.push(number),
            refused => assert_eq!(refusal(refused), says(412, "PreconditionFailed")),
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(
        fake.get(BUCKET, "race").as_deref(),
        Some(winners.as_slice())
    );
}

#[tokio::test]
async fn puts_check_if_match_unless_the_server_is_old() {
    let fake = fake();
    fake.put(BUCKET, "k", "old");
    let client = client(&fake);
    let put = |key: &str| {
        client
            .put_object()
            .bucket(BUCKET)
            .key(key)
            .body(ByteStream::from_static(b"new"))
    };
    assert_eq!(
        refusal(put("k").if_match("other").send().await),
        says(412, "PreconditionFailed")
    );
    assert_eq!(
        refusal(put("no").if_match("other").send().await),
        says(404, "NoSuchKey")
    );
    put("k")
        .if_match(fake.etag(BUCKET, "k").expect("stored"))
        .send()
        .await
        .expect("the ETag matches");
    fake.without_conditional_put();
    put("k")
        .if_none_match("*")
        .send()
        .await
        .expect("the condition is ignored");
    assert_eq!(
        refusal(client.put_object().bucket("nowhere").key("k").send().await),
        says(404, "NoSuchBucket")
    );
}

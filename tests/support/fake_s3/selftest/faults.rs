//! Faults: each as the SDK sees it, and what the server did or did not do meanwhile.

use std::time::{Duration, Instant};

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use futures::future::join_all;

use super::super::{ALWAYS, FakeS3, Fault};
use super::{BUCKET, client, client_with, fake, refusal, says};

const SIZE: usize = 300_000;

fn fake_with_object() -> FakeS3 {
    let fake = fake();
    fake.put(BUCKET, "k", vec![7; SIZE]);
    fake
}

async fn get_once(fake: &FakeS3) -> GetObjectOutput {
    client(fake)
        .get_object()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .expect("headers")
}

/// Reads until the body ends or breaks. Returns what came and whether it broke.
async fn read_on(mut body: ByteStream) -> (Vec<u8>, bool) {
    let mut came = Vec::new();
    while let Some(piece) = body.next().await {
        match piece {
            Ok(piece) => came.extend_from_slice(&piece),
            Err(_) => return (came, true),
        }
    }
    (came, false)
}

#[tokio::test]
async fn a_reset_mid_body_delivers_what_was_sent_and_can_be_resumed() {
    let fake = fake_with_object();
    fake.fault("GetObject", "k", 1, Fault::ResetAfter(100_000));
    let (came, broke) = read_on(get_once(&fake).await.body).await;
    assert_eq!((came.len(), broke), (100_000, true));
    let rest = client(&fake)
        .get_object()
        .bucket(BUCKET)
        .key("k")
        .range("bytes=100000-")
        .send()
        .await;
    let (came, broke) = read_on(rest.expect("the fault is worn out").body).await;
    assert_eq!((came.len(), broke), (200_000, false));
    let ranges: Vec<_> = fake
        .requests()
        .into_iter()
        .map(|request| request.range)
        .collect();
    assert_eq!(ranges, [None, Some("bytes=100000-".to_owned())]);
}

/// Reads a socket of our own, as an HTTP client would not tell a reset from a close.
#[test]
fn an_injected_reset_is_a_real_one() {
    use std::io::{ErrorKind, Read, Write};
    let fake = fake();
    let closed_by = |fault: Fault| {
        fake.clear_faults();
        fake.fault("GET", "", 1, fault);
        let mut socket =
            std::net::TcpStream::connect(fake.endpoint().replace("http://", "")).expect("accepted");
        socket
            .write_all(b"GET /bucket/k HTTP/1.1\r\nhost: fake\r\n\r\n")
            .expect("sent");
        socket
            .read_to_end(&mut Vec::new())
            .map_err(|error| error.kind())
    };
    assert_eq!(
        closed_by(Fault::ResetBeforeHeaders),
        Err(ErrorKind::ConnectionReset)
    );
    assert_eq!(closed_by(Fault::StoreAndDrop), Ok(0));
}

#[tokio::test]
async fn slow_down_twice_is_retried_and_then_fine() {
    let fake = fake_with_object();
    fake.fault("GET", "k", 2, Fault::Status(503, "SlowDown"));
    let patient = client_with(&fake, fake.access_key(), fake.secret_key(), 3);
    patient
        .get_object()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .expect("the third try");
    assert_eq!(
        (fake.count("GetObject", "k"), fake.count("PUT", "")),
        (3, 0)
    );
    fake.fault("PutObject", "", ALWAYS, Fault::Status(500, "InternalError"));
    let put = client(&fake)
        .put_object()
        .bucket(BUCKET)
        .key("new")
        .body(vec![1; SIZE].into())
        .send()
        .await;
    assert_eq!(refusal(put), says(500, "InternalError"));
    assert_eq!(fake.get(BUCKET, "new"), None);
}

#[tokio::test]
async fn pass_lets_the_first_requests_through() {
    let fake = fake_with_object();
    fake.fault("GET", "", 1, Fault::Pass);
    fake.fault("GET", "", 1, Fault::Status(403, "RequestTimeTooSkewed"));
    get_once(&fake).await;
    let second = client(&fake)
        .get_object()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await;
    assert_eq!(refusal(second), says(403, "RequestTimeTooSkewed"));
    get_once(&fake).await;
}

#[tokio::test]
async fn bodies_are_cut_spoilt_and_slowed() {
    let fake = fake_with_object();
    fake.fault("GET", "k", 1, Fault::ShortBody(10));
    let short = get_once(&fake).await;
    assert_eq!(short.content_length(), Some(10));
    assert_eq!(read_on(short.body).await, (vec![7; 10], false));
    fake.fault("GET", "k", 1, Fault::Corrupt(5));
    let (spoilt, _) = read_on(get_once(&fake).await.body).await;
    assert_eq!(
        (spoilt.len(), spoilt.iter().position(|byte| *byte != 7)),
        (SIZE, Some(5))
    );
    let delay = Duration::from_millis(20);
    fake.fault(
        "GET",
        "k",
        1,
        Fault::Slow {
            bytes: SIZE / 3,
            delay,
        },
    );
    let start = Instant::now();
    assert_eq!(
        read_on(get_once(&fake).await.body).await,
        (vec![7; SIZE], false)
    );
    assert!(start.elapsed() >= delay * 3);
}

#[tokio::test]
async fn a_hanging_request_times_out_in_the_client() {
    let fake = fake_with_object();
    fake.fault("PUT", "", 1, Fault::Hang);
    let put = client(&fake).put_object().bucket(BUCKET).key("new").send();
    let waited = tokio::time::timeout(Duration::from_millis(200), put).await;
    assert!(waited.is_err(), "an answer came");
    assert_eq!(
        (fake.get(BUCKET, "new"), fake.count("PUT", "new")),
        (None, 1)
    );
}

#[tokio::test]
async fn the_object_is_there_though_the_answer_was_lost() {
    let fake = fake();
    fake.fault("PutObject", "k", 1, Fault::StoreAndDrop);
    let client = client(&fake);
    let put = || {
        client
            .put_object()
            .bucket(BUCKET)
            .key("k")
            .if_none_match("*")
            .body(ByteStream::from_static(b"x"))
    };
    let lost = put().send().await.expect_err("nothing was answered");
    assert!(lost.raw_response().is_none());
    assert_eq!(fake.get(BUCKET, "k").as_deref(), Some(b"x".as_slice()));
    assert_eq!(refusal(put().send().await), says(412, "PreconditionFailed"));
}

#[tokio::test]
async fn a_dead_server_answers_nobody_until_revived() {
    let fake = fake();
    let client = client(&fake);
    let put = |key: &str| client.put_object().bucket(BUCKET).key(key).send();
    fake.die_after(1);
    put("1").await.expect("the last answer");
    assert!(put("2").await.is_err() && put("3").await.is_err());
    fake.revive();
    put("4").await.expect("alive again");
    fake.die_after_losing_answers(0);
    assert!(put("5").await.is_err() && put("6").await.is_err());
    assert_eq!(fake.keys(BUCKET, ""), ["1", "4", "5", "6"]);
    assert_eq!(fake.count("PutObject", ""), 6);
}

#[tokio::test]
async fn the_gauge_counts_gets_under_way() {
    let fake = fake_with_object();
    fake.fault(
        "GetObject",
        "",
        ALWAYS,
        Fault::Delay(Duration::from_millis(100)),
    );
    join_all((0..4).map(|_| get_once(&fake))).await;
    assert_eq!(fake.most_concurrent_gets(), 4);
    fake.clear_log();
    assert!(fake.requests().is_empty());
}

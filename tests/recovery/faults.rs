//! What a source can do to a run: it ends with all rows, or with failures that are recorded and that the
//! next run makes up for.

use futures::future::join_all;
use s3logs::jobs::JobError;
use s3logs::jobs::sync::Report;
use s3logs::ledger::{KeyState, Step};
use s3logs::store::{Body, ErrorKind, Precondition, S3Store, Store};

use super::bucket::Bucket;
use super::{LINES, line, rows};
use crate::support::fake_s3::{ALWAYS, Fault};

const MANY: usize = 8;

/// The object that has it bad.
const KEY: &str = "in/3";

const OTHER: &str = "o b [02/Mar/2026:00:00:00 +0000] 192.0.2.1 - OTHER REST.GET.OBJECT key \"GET /key HTTP/1.1\" 200 - 1 1 1 1 \"-\" \"agent\" - h - - - b.s3 TLSv1.2 - -\n";

/// A bucket with some objects of a few lines each.
fn filled(many: usize) -> Bucket {
    let bucket = Bucket::new();
    for object in 0..many {
        let text: String = (0..LINES).map(|n| line(object, n)).collect();
        bucket.fake.put("logs", &format!("in/{object}"), text);
    }
    bucket
}

fn gzip(text: &str) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, text.as_bytes()).expect("to memory");
    gzip.finish().expect("to memory")
}

/// Objects that a run did and could not do.
fn done(report: &Report) -> (u64, u64) {
    let objects = &report.outcome.objects;
    (objects.committed, objects.failed)
}

/// Fails unless the object is recorded as failed; says why it is.
async fn failed(bucket: &Bucket, key: &str, at: Step, times: u32, for_good: bool) -> String {
    match bucket.state(key).await {
        Some(KeyState::Failed {
            step,
            error,
            attempts,
            lasting,
        }) => {
            assert_eq!((step, attempts, lasting), (at, times, for_good), "{error}");
            error
        }
        other => panic!("{key} is {other:?}"),
    }
}

/// Fails unless the next run completes the dataset.
async fn assert_made_up_for(bucket: &Bucket, new: u64, objects: usize, told: &str) {
    bucket.fake.clear_faults();
    assert_eq!(done(&bucket.sync().await), (new, 0), "{told}");
    assert_eq!(bucket.sync().await.outcome.objects.new, 0, "{told}");
    let expected = (objects * LINES) as u64;
    assert_eq!(rows(&bucket.dataset).await, expected, "{told}");
}

#[tokio::test]
async fn what_passes_within_a_run_costs_nothing() {
    let faults = [
        (1, Fault::Status(500, "InternalError")),
        (2, Fault::Status(503, "SlowDown")),
        // More often than the client asks in one go.
        (5, Fault::Status(503, "SlowDown")),
        (1, Fault::ResetBeforeHeaders),
        (2, Fault::ResetAfter(100)),
        (1, Fault::StallAfter(100)),
        (1, Fault::Hang),
        (1, Fault::ShortBody(100)),
    ];
    let runs = faults.into_iter().map(async |(times, fault)| {
        let bucket = filled(MANY);
        bucket.fake.fault("GetObject", KEY, times, fault.clone());
        assert_eq!(done(&bucket.sync().await), (MANY as u64, 0), "{fault:?}");
        let gets = bucket.fake.requests().into_iter();
        let gets: Vec<_> = gets
            .filter(|get| get.operation == "GetObject" && get.key == KEY)
            .collect();
        assert_eq!(gets.len(), times + 1, "{fault:?}");
        // What came before a break is kept, and the rest is of the same version.
        let resumed = matches!(fault, Fault::ResetAfter(_) | Fault::StallAfter(_));
        let ranges = gets.iter().filter_map(|get| get.range.clone());
        let from = (1..=times).map(|time| format!("bytes={}-", 100 * time));
        let expected: Vec<_> = from.filter(|_| resumed).collect();
        assert_eq!(ranges.collect::<Vec<_>>(), expected, "{fault:?}");
        assert!(gets.iter().all(|get| get.if_match.is_some()), "{gets:#?}");
        assert_made_up_for(&bucket, 0, MANY, &format!("{fault:?}")).await;
    });
    join_all(runs).await;
}

#[tokio::test]
async fn what_does_not_pass_fails_until_a_run_in_which_it_does() {
    let faults = [
        (Fault::Status(500, "InternalError"), "InternalError"),
        (Fault::Status(503, "SlowDown"), "SlowDown"),
        (Fault::Status(404, "NoSuchKey"), "NoSuchKey"),
        (Fault::Status(403, "AccessDenied"), "AccessDenied"),
        (Fault::ResetBeforeHeaders, "cannot read s3://logs/in/3: "),
        (Fault::ResetAfter(0), "gave up after 6 attempts"),
        (Fault::Hang, "timed out"),
        (Fault::ShortBody(100), "100 bytes came instead of "),
    ];
    let runs = faults.into_iter().map(async |(fault, why)| {
        let bucket = filled(MANY);
        let others = MANY as u64 - 1;
        bucket.fake.fault("GetObject", KEY, ALWAYS, fault.clone());
        assert_eq!(done(&bucket.sync().await), (others, 1), "{fault:?}");
        let error = failed(&bucket, KEY, Step::Fetch, 1, false).await;
        assert!(error.contains(why), "{fault:?}: {error}");
        if fault == Fault::Status(404, "NoSuchKey") {
            assert_eq!(done(&bucket.sync().await), (0, 1));
            failed(&bucket, KEY, Step::Fetch, 2, false).await;
        }
        assert_made_up_for(&bucket, 1, MANY, &format!("{fault:?}")).await;
    });
    join_all(runs).await;
}

#[tokio::test]
async fn an_object_replaced_between_listing_and_reading_is_read_by_the_next_run() {
    let bucket = filled(MANY);
    bucket
        .fake
        .fault("GetObject", KEY, 1, Fault::Overwrite(OTHER));
    assert_eq!(done(&bucket.sync().await), (MANY as u64 - 1, 1));
    failed(&bucket, KEY, Step::Fetch, 1, false).await;
    assert_eq!(done(&bucket.sync().await), (1, 0));
    assert_eq!(rows(&bucket.dataset).await, ((MANY - 1) * LINES + 1) as u64);
}

#[tokio::test]
async fn an_object_deleted_between_listing_and_reading_costs_itself() {
    let bucket = filled(MANY);
    let gone = Fault::Status(404, "NoSuchKey");
    bucket.fake.fault("GetObject", KEY, ALWAYS, gone);
    bucket.sync().await;
    bucket.fake.remove("logs", KEY);
    assert_made_up_for(&bucket, 0, MANY - 1, "deleted").await;
    failed(&bucket, KEY, Step::Fetch, 1, false).await;
}

/// A bit flipped on the way: a checksum heals it at once; without one the gzip trailer finds it, and as
/// the `ETag` is the sum of other bytes, the object is tried again.
#[tokio::test]
async fn bits_that_flip_on_the_way_are_no_lasting_damage() {
    let bucket = filled(MANY - 2);
    let text = |object| (0..LINES).map(|n| line(object, n)).collect::<String>();
    let store = S3Store::open("logs", &bucket.aws).await;
    let body = Body::Bytes(text(MANY - 2).into());
    let put = store.put("in/summed", body, Precondition::Always).await;
    put.expect("a fake server");
    bucket
        .fake
        .put("logs", "in/zipped.gz", gzip(&text(MANY - 1)));
    bucket
        .fake
        .fault("GetObject", "in/summed", 1, Fault::Corrupt(40));
    bucket
        .fake
        .fault("GetObject", "in/zipped", 1, Fault::Corrupt(40));
    assert_eq!(done(&bucket.sync().await), (MANY as u64 - 1, 1));
    failed(&bucket, "in/zipped.gz", Step::Gunzip, 1, false).await;
    assert_made_up_for(&bucket, 1, MANY, "flipped").await;
}

/// Where the `ETag` is no sum at all it always differs.
#[tokio::test]
async fn damage_that_every_read_shows_lasts() {
    let bucket = filled(1);
    bucket.fake.put("logs", "in/zipped.gz", gzip(&line(1, 0)));
    bucket
        .fake
        .fault("GetObject", "in/zipped", ALWAYS, Fault::Corrupt(40));
    for run in 1..=3 {
        assert_eq!(bucket.sync().await.outcome.objects.failed, 1);
        failed(&bucket, "in/zipped.gz", Step::Gunzip, run, run == 3).await;
    }
    assert_eq!(bucket.sync().await.outcome.objects.remembered, 1);
}

/// When the client has used up what it may spend on repeated requests it asks once; the run waits a
/// little and asks again.
#[tokio::test]
async fn many_refusals_at_once_heal_within_the_run() {
    let mut bucket = filled(40);
    bucket.aws.patience.quota = 0;
    let slow = Fault::Status(503, "SlowDown");
    bucket.fake.fault("GetObject", "in/", 60, slow.clone());
    assert_eq!(done(&bucket.sync().await), (40, 0));
    assert_made_up_for(&bucket, 0, 40, "60 refusals").await;

    let mut bucket = filled(200);
    bucket.aws.patience.quota = 0;
    bucket.fake.fault("GetObject", "in/", ALWAYS, slow);
    assert_eq!(done(&bucket.sync().await), (0, 200));
    let asked = bucket.fake.count("GetObject", "");
    assert!(asked < 600, "{asked} requests to a server that refuses all");
    failed(&bucket, "in/150", Step::Fetch, 1, false).await;
    assert_made_up_for(&bucket, 200, 200, "nothing but refusals").await;
}

#[tokio::test]
async fn credentials_that_expire_midway_end_the_run() {
    let bucket = filled(MANY);
    let expired = Fault::Status(400, "ExpiredToken");
    bucket.fake.fault("GetObject", "in/5", ALWAYS, expired);
    match bucket.try_sync().await {
        Err(JobError::Store(error)) => assert_eq!(error.kind, ErrorKind::Credentials, "{error}"),
        other => panic!("{other:?}"),
    }
    assert_made_up_for(&bucket, MANY as u64, MANY, "expired").await;
}

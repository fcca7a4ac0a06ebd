//! Keys that carry their time: late ones are found within the lookback in whatever order a server
//! lists them; of older ones it is told that they were not listed.

use std::sync::Arc;

use s3logs::plan::Selection;
use s3logs::store::MemoryStore;

use super::bucket::Bucket;
use super::stores::{Mortal, Overlapping};
use super::{add_day, options, rows, run_from, source};
use crate::support::fake_s3::Order;

/// A key of a day: what is before the day and what is after it, by a number.
type KeyOf = fn(&str, usize) -> String;

/// The ways in which keys are named.
const KINDS: [(&str, KeyOf); 4] = [
    ("delivered to one prefix", |day, number| {
        format!("in/{day}-10-00-00-{:016X}", hash(number))
    }),
    ("S3 by event time", |day, number| {
        let folders = day.replace('-', "/");
        let hash = hash(number);
        format!("in/123456789012/eu-west-1/assets/{folders}/{day}-00-00-00-{hash:016X}")
    }),
    ("CloudFront", |day, number| {
        format!("in/E1EXAMPLE.{day}-10.{:08x}.gz", hash(number) >> 32)
    }),
    ("CloudFront by day", |day, number| {
        let folders = day.replace('-', "/");
        format!(
            "in/{folders}/E1EXAMPLE.{day}-10.{:08x}.gz",
            hash(number) >> 32
        )
    }),
];

/// Spreads the numbers, so that keys of one hour are in no order of time.
fn hash(number: usize) -> u64 {
    (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Many old objects over two years, and some young ones; the newest is of 2026-03-20.
fn fill(bucket: &Bucket, key: KeyOf) -> usize {
    let old = (0..60).map(|number| {
        if number < 30 {
            "2025-11-30"
        } else {
            "2026-01-01"
        }
    });
    let days = old.chain(["2026-03-05", "2026-03-19", "2026-03-20"]);
    let count = days.clone().count();
    for (number, day) in days.enumerate() {
        bucket.put(&key(day, number), number);
    }
    count
}

#[tokio::test]
async fn late_keys_of_every_kind_are_found_in_any_order() {
    for (kind, key) in KINDS {
        for order in [Order::Bytes, Order::Path] {
            let told = format!("{kind} in the order of {order:?}");
            let mut bucket = Bucket::new();
            bucket.fake.page_size(7);
            bucket.fake.list_order(order);
            let before = fill(&bucket, key) as u64;
            let first = bucket.sync().await;
            assert_eq!(first.outcome.objects.committed, before, "{told}");
            assert_eq!(first.not_listed.len(), 0, "{told}");

            // Late but within the lookback, three of them in an hour that has been seen.
            let late = ["2026-03-06", "2026-03-19", "2026-03-19", "2026-03-20"];
            for (number, day) in late.into_iter().enumerate() {
                bucket.put(&key(day, 100 + number), 100 + number);
            }
            bucket.put(&key("2026-02-01", 200), 200);
            bucket.fake.clear_log();
            let second = bucket.sync().await;
            assert_eq!(second.outcome.objects.committed, 4, "{told}");
            let days: Vec<String> = second
                .not_listed
                .values()
                .map(ToString::to_string)
                .collect();
            assert_eq!(days, ["2026-03-06"], "{told}");
            let pages = bucket.fake.count("ListObjectsV2", "");
            assert!(pages < 6, "{pages} pages: {told}");

            bucket.options.lookback = None;
            let third = bucket.sync().await;
            assert_eq!(third.outcome.objects.committed, 1, "{told}");
            assert_eq!(third.not_listed.len(), 0, "{told}");
            assert_eq!(rows(&bucket.dataset).await, before + 5, "{told}");
        }
    }
}

/// Whatever is listed is compared with the ledger: an object older than the lookback that stands on a
/// page with others is done, and done once.
#[tokio::test]
async fn an_old_key_that_happens_to_be_listed_is_done_once() {
    for (kind, key) in KINDS {
        let bucket = Bucket::new();
        bucket.fake.page_size(7);
        let before = fill(&bucket, key) as u64;
        bucket.sync().await;
        // The first of all keys, so it is on the first page.
        bucket.put(&key("2025-10-01", 300), 300);
        for expected in [1, 0, 0] {
            let run = bucket.sync().await;
            assert_eq!(run.outcome.objects.committed, expected, "{kind}");
            assert_eq!(run.not_listed.len(), 1, "{kind}");
        }
        assert_eq!(rows(&bucket.dataset).await, before + 1, "{kind}");
    }
}

/// Two kinds of keys with the same beginning, whose years stand between each other's.
#[tokio::test]
async fn a_new_kind_of_keys_is_not_jumped_over() {
    for order in [Order::Bytes, Order::Path] {
        let bucket = Bucket::new();
        bucket.fake.page_size(7);
        bucket.fake.list_order(order);
        let before = fill(&bucket, KINDS[3].1) as u64;
        bucket.sync().await;
        for (number, day) in ["2025-12-31", "2026-01-02", "2026-03-20"]
            .into_iter()
            .enumerate()
        {
            bucket.put(&KINDS[0].1(day, 400 + number), 400 + number);
        }
        let second = bucket.sync().await;
        assert_eq!(second.outcome.objects.committed, 3, "{order:?}");
        assert_eq!(rows(&bucket.dataset).await, before + 3, "{order:?}");
    }
}

/// A jump lands in the middle of pages that repeat what was on the page before.
#[tokio::test]
async fn overlapping_pages_and_jumps_together() {
    let (logs, dataset) = (Arc::new(MemoryStore::default()), Arc::default());
    for number in 0..30 {
        let days = ["2025-11-30", "2026-01-01", "2026-03-19"];
        add_day(&logs, days[number % 3], number).await;
    }
    let overlapping = s3logs::jobs::source::Source {
        store: Arc::new(Overlapping(Arc::clone(&logs))),
        selection: Selection::default(),
        ..source(&logs)
    };
    let sync = async || {
        let run = run_from(&overlapping, Mortal::immortal(&dataset), &options(1)).await;
        run.expect("a run that ends well")
    };
    assert_eq!(sync().await.outcome.objects.committed, 30);
    for (number, day) in ["2026-03-06", "2026-03-19", "2026-03-20"]
        .into_iter()
        .enumerate()
    {
        add_day(&logs, day, 50 + number).await;
    }
    let second = sync().await;
    assert_eq!(
        (second.outcome.objects.committed, second.not_listed.len()),
        (3, 1)
    );
    assert_eq!(rows(&dataset).await, 33);
}

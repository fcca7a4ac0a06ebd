use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering as Memory};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use proptest::prelude::*;

use super::*;
use crate::event::Silent;
use crate::plan::{Selection, TimeRange};
use crate::store::{Body, Precondition, StoreError};
use crate::units::DAY_MICROS;

/// Orders of listings: by bytes as S3, by path as some servers, and none.
const ORDERS: [fn(&str, &str) -> Ordering; 3] = [
    |a, b| a.cmp(b),
    |a, b| a.split('/').cmp(b.split('/')),
    |a, b| a.bytes().rev().cmp(b.bytes().rev()),
];

/// A bucket that is only listed.
#[derive(Debug)]
struct Listed {
    keys: Vec<String>,
    /// In what order a key comes behind the one where a listing begins; that of the listing itself.
    behind: fn(&str, &str) -> Ordering,
    page: usize,
    pages: AtomicUsize,
    begun: Mutex<Vec<String>>,
}

impl Listed {
    fn new(keys: &BTreeSet<String>, order: fn(&str, &str) -> Ordering, page: usize) -> Arc<Self> {
        let mut keys: Vec<String> = keys.iter().cloned().collect();
        keys.sort_by(|a, b| order(a, b));
        Arc::new(Self {
            keys,
            behind: order,
            page,
            pages: AtomicUsize::new(0),
            begun: Mutex::default(),
        })
    }

    fn pages(&self) -> usize {
        self.pages.load(Memory::SeqCst)
    }
}

#[async_trait]
impl Store for Listed {
    fn root(&self) -> &'static str {
        "s3://listed"
    }

    fn list(&self, prefix: &str, after: Option<&str>) -> BoxStream<'_, Result<Vec<ObjectMeta>>> {
        let after = after.unwrap_or_default();
        self.begun.lock().expect("no panic").push(after.to_owned());
        let behind = |key: &&String| (self.behind)(key, after) == Ordering::Greater;
        let keys = self.keys.iter().filter(|key| key.starts_with(prefix));
        let objects = keys.filter(behind).map(|key| ObjectMeta {
            key: key.clone(),
            size: 1,
            etag: String::new(),
            modified: 0,
            archived: false,
        });
        let objects: Vec<ObjectMeta> = objects.collect();
        let pages: Vec<_> = objects.chunks(self.page).map(<[_]>::to_vec).collect();
        stream::iter(pages)
            .then(async |page| {
                self.pages.fetch_add(1, Memory::SeqCst);
                tokio::task::yield_now().await;
                Ok(page)
            })
            .boxed()
    }

    async fn folders(&self, _: &str) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    async fn get(&self, _: &str, _: Option<Range<u64>>, _: Option<&str>) -> Result<Bytes> {
        unreachable!("it is only listed")
    }

    async fn put(&self, _: &str, _: Body, _: Precondition) -> Result<String> {
        unreachable!("it is only listed")
    }

    async fn delete(&self, _: &[String]) -> Result<()> {
        unreachable!("it is only listed")
    }

    fn lists_from(&self) -> bool {
        true
    }

    fn etag_is_content(&self) -> bool {
        true
    }
}

/// What a source hands out.
fn taken(store: Arc<Listed>, prefix: &str, range: TimeRange) -> Vec<String> {
    let source = Source {
        store,
        prefix: prefix.to_owned(),
        selection: Selection {
            range,
            ..Selection::default()
        },
        single: false,
        leave_out: None,
    };
    let mut keys = Vec::new();
    let all = source.each::<StoreError>(&Silent, async |object: ObjectMeta| {
        keys.push(object.key);
        Ok(true)
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let seen = runtime.expect("a runtime").block_on(all);
    seen.expect("a listing");
    keys
}

/// What a plain listing has of it.
fn expected(store: &Listed, prefix: &str, range: TimeRange) -> Vec<String> {
    let selection = Selection {
        range,
        ..Selection::default()
    };
    let wanted = |key: &&String| {
        let object = ObjectMeta {
            key: (*key).clone(),
            size: 1,
            etag: String::new(),
            modified: 0,
            archived: false,
        };
        key.starts_with(prefix) && selection.wants(&object, key)
    };
    store.keys.iter().filter(wanted).cloned().collect()
}

fn day(number: i32) -> Day {
    Day(20_500 + number)
}

/// A key of one of several kinds.
fn key(kind: u8, number: i32, hour: u8, rest: &str) -> String {
    let date = day(number).to_string();
    let folders = date.replace('-', "/");
    match kind {
        0 => format!("in/{date}-{hour:02}-10-00-{rest}"),
        1 => format!("in/E1.{date}-{hour:02}.{rest}.gz"),
        2 => format!("in/1/eu/{folders}/{date}-00-00-00-{rest}"),
        3 => format!("in/{folders}/E2.{date}-{hour:02}.{rest}.gz"),
        4 => format!("in/E1.{}.merged.gz", day(number).month()),
        _ => format!("in/{rest}"),
    }
}

fn keys() -> impl Strategy<Value = BTreeSet<String>> {
    let key = (0u8..6, 0..400i32, 0u8..24, "[-.A-Z0-9]{1,3}")
        .prop_map(|(kind, number, hour, rest)| key(kind, number, hour, &rest));
    // Many of one kind, so that the listing is cut, among others.
    let many = (0u8..4, 1..6usize).prop_map(|(kind, step)| {
        (0..400i32)
            .step_by(step)
            .map(move |number| key_of(kind, number))
            .collect::<Vec<_>>()
    });
    (
        prop::collection::btree_set(key, 0..80),
        prop::collection::vec(many, 0..3),
    )
        .prop_map(|(mut keys, many)| {
            keys.extend(many.into_iter().flatten());
            keys
        })
}

fn key_of(kind: u8, number: i32) -> String {
    key(kind, number, u8::try_from(number % 24).unwrap_or(0), "X")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Whatever keys there are, in whatever order: the same keys as a plain listing has, in its order,
    /// and each once.
    #[test]
    fn stretches_are_a_plain_listing(keys in keys(), order in 0..2usize, page in 1..12usize) {
        let store = Listed::new(&keys, ORDERS[order], page);
        let open = TimeRange::default();
        prop_assert_eq!(taken(store.clone(), "in/", open), expected(&store, "in/", open));
    }

    /// The same of a span of time.
    #[test]
    fn a_span_of_time_is_found_whole(
        keys in keys(), order in 0..2usize, page in 1..12usize, first in 0..400i32, days in 1..90i32, open in 0..3u8,
    ) {
        let store = Listed::new(&keys, ORDERS[order], page);
        let range = TimeRange {
            since: (open != 1).then(|| day(first).start_micros()),
            until: (open != 2).then(|| day(first + days).start_micros()),
        };
        prop_assert_eq!(taken(store.clone(), "in/", range), expected(&store, "in/", range));
    }

    /// Without an order nothing is lost, though some may come again.
    #[test]
    fn nothing_is_lost_without_an_order(keys in keys(), page in 1..12usize, prefix in 0..3usize) {
        let prefix = ["in/", "in/2026-0", "in/E1."][prefix];
        let store = Listed::new(&keys, ORDERS[2], page);
        let open = TimeRange::default();
        let taken: BTreeSet<String> = taken(store.clone(), prefix, open).into_iter().collect();
        prop_assert_eq!(taken, expected(&store, prefix, open).into_iter().collect());
    }
}

/// A server that lists one half after the other, and knows only bytes when it is to begin behind a key.
#[test]
fn a_listing_that_loses_its_order_is_begun_anew() {
    let halves = |a: &str, b: &str| (a.ends_with('1'), a).cmp(&(b.ends_with('1'), b));
    let keys: BTreeSet<String> = (0..400)
        .flat_map(|number| ["0", "1"].map(|half| key(0, number, 10, half)))
        .collect();
    let mut store = Listed::new(&keys, halves, 20);
    Arc::get_mut(&mut store).expect("the only one").behind = ORDERS[0];
    let taken = taken(store.clone(), "in/", TimeRange::default());
    assert!(store.begun.lock().expect("no panic").len() > 3, "{store:?}");
    assert_eq!(taken.into_iter().collect::<BTreeSet<_>>(), keys);
}

#[test]
fn a_long_listing_is_cut_and_costs_few_pages_more() {
    let keys: BTreeSet<String> = (0..4000)
        .map(|number| {
            key(
                0,
                number / 10,
                u8::try_from(2 * (number % 10)).unwrap_or(0),
                &number.to_string(),
            )
        })
        .collect();
    let store = Listed::new(&keys, ORDERS[0], 20);
    assert_eq!(
        taken(store.clone(), "in/", TimeRange::default()).len(),
        4000
    );
    assert!(
        store.begun.lock().expect("no panic").len() > 20,
        "{store:?}"
    );
    assert!(store.pages() < 200 * 5 / 4, "{} pages", store.pages());
    // Of a short one no page is asked for twice.
    let short = keys.into_iter().take(150).collect();
    let store = Listed::new(&short, ORDERS[0], 20);
    assert_eq!(taken(store.clone(), "in/", TimeRange::default()).len(), 150);
    assert_eq!(store.pages(), 8);
}

#[test]
fn of_a_span_of_time_little_else_is_listed() {
    for kind in 0..4 {
        let keys: BTreeSet<String> = (0..4000)
            .map(|number| {
                key(
                    kind,
                    number / 10,
                    u8::try_from(number % 10).unwrap_or(0),
                    &number.to_string(),
                )
            })
            .collect();
        let store = Listed::new(&keys, ORDERS[0], 20);
        let first = day(200).start_micros();
        let range = TimeRange {
            since: Some(first),
            until: Some(first + 30 * DAY_MICROS),
        };
        let taken = taken(store.clone(), "in/", range);
        assert_eq!(taken.len(), 300, "{kind}");
        // Fifteen would hold them.
        assert!(store.pages() < 30, "{} pages: {kind}", store.pages());
    }
}

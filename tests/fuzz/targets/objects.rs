//! Objects to rows: read whole or streamed in small pieces, an object gives the same.

use std::convert::Infallible;
use std::sync::{Arc, LazyLock};

use futures::TryStreamExt as _;
use s3logs::formats;
use s3logs::parse::Reject;
use s3logs::pipeline::{
    Budget, Cancel, FetchLimits, Found, Reading, Render, Rules, Verdict, read_objects,
};
use s3logs::store::{Body, MemoryStore, ObjectMeta, Precondition, Store};
use tokio::runtime::{Builder, Runtime};

use super::dice::Dice;
use super::{parts, rows};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    Builder::new_current_thread()
        .build()
        .expect("a runtime of one thread")
});

/// Most text of an object.
const MAX_OBJECT: u64 = 1 << 15;

/// Reads the input, one or more objects, in several ways.
pub(super) fn objects(data: &[u8]) {
    RUNTIME.block_on(async {
        let mut dice = Dice::of(data);
        let rules = Rules {
            format: [None, None, Some(formats::ALL[0]), Some(formats::ALL[1])][dice.roll(4)],
            max_object: MAX_OBJECT,
            keep_partial: dice.roll(2) == 0,
            fingerprints: false,
        };
        let (store, objects) = store_of(data).await;
        let streamed = streamed(&mut dice, data.len());
        let mut each = Vec::new();
        for object in &objects {
            let read = |budget| read(&store, vec![object.clone()], rules, budget);
            let whole = read(whole()).await;
            assert_eq!(read(streamed).await, whole, "{streamed:?}");
            each.push(whole);
        }
        let mut apart = Seen::default();
        for one in each {
            apart.settled.extend(one.settled);
            apart.rejects.extend(one.rejects);
            apart.rows.extend(one.rows);
        }
        let together = read(&store, objects, rules, whole()).await;
        assert_eq!(together, apart.comparable());
    });
}

async fn store_of(data: &[u8]) -> (Arc<dyn Store>, Vec<ObjectMeta>) {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    for (number, part) in parts(data).into_iter().take(3).enumerate() {
        let body = Body::Bytes(part.to_vec().into());
        let key = format!("E{number}EXAMPLE.2026-03-01-10.a1b2c3d4.gz");
        let put = store.put(&key, body, Precondition::Always).await;
        put.expect("to memory");
    }
    let pages: Vec<_> = store.list("", None).try_collect().await.expect("memory");
    (store, pages.into_iter().flatten().collect())
}

/// A budget in which every object is decoded as a whole.
fn whole() -> Budget {
    Budget::of(256 << 20, 2)
}

/// A budget in which objects are read in ranges, or inflated in portions, or rows handed on early.
fn streamed(dice: &mut Dice, length: usize) -> Budget {
    let whole = whole();
    let range = 1 + length / 20 + dice.roll(100);
    let fetched = if dice.roll(2) == 0 { 1 << 20 } else { 0 };
    Budget {
        fetch: FetchLimits {
            whole: fetched,
            ..whole.fetch
        },
        range: range as u64,
        whole_text: dice.roll(2000),
        rows: 1 + dice.roll(10_000),
        ..whole
    }
}

/// What was found, in words.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    settled: Vec<String>,
    rejects: Vec<(String, Reject)>,
    rows: Vec<String>,
}

impl Seen {
    /// Sorted, as groups and streams have their own order. Of a streamed object that breaks off,
    /// some is handed on before, so nothing can be said of it.
    fn comparable(mut self) -> Self {
        if self.settled.iter().any(|words| words.contains(" failed: ")) {
            self.rejects.clear();
            self.rows.clear();
        }
        self.settled.sort_unstable();
        self.rejects
            .sort_by(|(a, x), (b, y)| (a, x.line).cmp(&(b, y.line)));
        self.rows.sort_unstable();
        self
    }
}

async fn read(
    store: &Arc<dyn Store>,
    objects: Vec<ObjectMeta>,
    rules: Rules,
    budget: Budget,
) -> Seen {
    let reading = Reading {
        store: Arc::clone(store),
        rules,
        budget,
    };
    let render: Render<Vec<String>> = Arc::new(|found| {
        let rows = rows::printed(&found.batch.records);
        rows.iter().map(ToString::to_string).collect()
    });
    let mut seen = Seen::default();
    let mut rows_done = 0;
    let take = |found| {
        match found {
            Found::Rows(rows) => seen.rows.extend(rows),
            Found::Rejected(rejected) => {
                let of = |reject| (rejected.key.clone(), reject);
                seen.rejects.extend(rejected.rejects.into_iter().map(of));
            }
            Found::Settled(object, verdict) => {
                if let Verdict::Done { counts, .. } = verdict {
                    rows_done += counts.rows;
                }
                let words = format!("{} {}", object.key, words(&verdict));
                seen.settled.push(words);
            }
        }
        Ok::<(), Infallible>(())
    };
    let Ok(()) = read_objects(&reading, objects, &render, take, &Cancel::never()).await;
    assert!(seen.rows.len() as u64 >= rows_done);
    seen.comparable()
}

fn words(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Done {
            format,
            counts,
            partial,
        } => {
            assert_eq!(counts.lines, counts.rows + counts.rejects + counts.comments);
            format!("{} lines: {counts:?}, partial: {partial}", format.name)
        }
        Verdict::Failed(failure) => format!("failed: {} {}", failure.step, failure.error),
        Verdict::Skipped(why) => format!("skipped: {why}"),
        Verdict::Unwanted => "unwanted".to_owned(),
    }
}

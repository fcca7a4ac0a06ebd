//! The rules of the ledger against a naive model: what is done stays done, and whatever is folded
//! when, every prefix of the commits tells the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::TryStreamExt as _;
use proptest::prelude::*;
use s3logs::ledger::{
    Bucket, Commit, Done, Folding, Input, Journal, KeyState, Ledger, ObjectId, Output, Standing,
    Step,
};
use s3logs::store::{Body, LocalStore, MemoryStore, Precondition, Store};
use s3logs::units::Day;

const ROOT: &str = "s3://logs";

/// Few keys, so that commits meet; in several buckets.
const KEYS: [&str; 12] = [
    "a/2026-03-01-10-11-12-A",
    "a/2026-03-01-10-11-12-B",
    "a/2026-03-02-10-11-12-A",
    "b/2026/03/02/x",
    "b/2026/03/03/x",
    "E1.2026-03-03-10.a.gz",
    "E1.2026-03-04-10.a.gz",
    "E2.2026-01-01-10.a.gz",
    "plain",
    "plain-too",
    "é/undated",
    "2026-13-41",
];

#[derive(Clone, Debug)]
enum What {
    Commit(Vec<(usize, u8, KeyState)>),
    Fold,
    Reload,
}

fn state() -> impl Strategy<Value = KeyState> {
    let done = (0..50_u64).prop_map(|rows| {
        KeyState::Committed(Done {
            table: "t".to_owned(),
            lines: rows,
            rows,
            ..Done::default()
        })
    });
    let failed = (1..4_u32, any::<bool>()).prop_map(|(attempts, lasting)| KeyState::Failed {
        step: Step::Fetch,
        error: "cut".to_owned(),
        attempts,
        lasting,
    });
    let why = "no log".to_owned();
    prop_oneof![2 => done, 2 => failed, 1 => Just(KeyState::Skipped { why })]
}

fn what() -> impl Strategy<Value = What> {
    let inputs = proptest::collection::vec((0..KEYS.len(), 0..3_u8, state()), 0..4);
    prop_oneof![
        6 => inputs.prop_map(What::Commit),
        2 => Just(What::Fold),
        1 => Just(What::Reload),
    ]
}

/// The last word on each key.
type Model = BTreeMap<usize, (u8, KeyState, u64)>;

fn commit(inputs: &[(usize, u8, KeyState)], number: u64) -> Commit {
    let mut chosen = BTreeMap::new();
    for (key, etag, state) in inputs {
        chosen.insert(*key, (*etag, state.clone()));
    }
    let inputs = chosen.into_iter().map(|(key, (etag, state))| Input {
        key: KEYS[key].to_owned(),
        etag: format!("etag-{etag}"),
        size: 7,
        modified: 5,
        state,
    });
    let inputs: Vec<Input> = inputs.collect();
    let output = Output {
        path: format!("t/dt=2026-03-01/{number}.parquet"),
        table: "t".to_owned(),
        day: Day(20_513),
        rows: inputs.iter().map(rows_of).sum(),
        bytes: 100,
        min_ts: 0,
        max_ts: 0,
    };
    Commit {
        batch: format!("{number:016x}"),
        root: ROOT.to_owned(),
        inputs,
        outputs: vec![output],
        ..Commit::default()
    }
}

fn rows_of(input: &Input) -> u64 {
    match &input.state {
        KeyState::Committed(done) => done.rows,
        _ => 0,
    }
}

fn is_done(entry: Option<&(u8, KeyState, u64)>) -> bool {
    matches!(entry, Some((_, KeyState::Committed(_), _)))
}

fn expected(model: &Model, key: usize, etag: u8, retry: bool) -> Standing {
    let Some((known, state, _)) = model.get(&key) else {
        return Standing::New;
    };
    match state {
        KeyState::Committed(_) if *known == etag => Standing::Done,
        KeyState::Committed(_) => Standing::Changed,
        _ if retry || *known != etag => Standing::New,
        KeyState::Skipped { .. } => Standing::Ignored,
        KeyState::Failed { lasting: true, .. } => Standing::Remembered,
        _ => Standing::New,
    }
}

async fn assert_same(journal: &Journal, ledger: &mut Ledger, model: &Model) {
    let ids = KEYS.map(|key| ObjectId::of(ROOT, key));
    let buckets = ids.map(|id| id.bucket);
    journal.hold(ledger, buckets).await.expect("segments");
    for (key, id) in ids.into_iter().enumerate() {
        for etag in 0..3 {
            for retry in [false, true] {
                let found = ledger.standing(id, &format!("etag-{etag}"), retry);
                assert_eq!(found, expected(model, key, etag, retry), "{}", KEYS[key]);
            }
        }
        let entry = model.get(&key);
        assert_eq!(
            ledger.commit_of(id),
            entry.map_or(0, |(.., commit)| *commit)
        );
        assert_eq!(ledger.is_done(id), is_done(entry));
        let attempts = match entry {
            Some((_, KeyState::Failed { attempts, .. }, _)) => *attempts,
            _ => 0,
        };
        assert_eq!(ledger.attempts(id), attempts);
    }
    let unsettled = ledger.unsettled().count();
    assert_eq!(
        unsettled,
        model.values().filter(|entry| !is_done(Some(entry))).count()
    );
    let done = model.values().filter(|entry| is_done(Some(entry))).count() as u64;
    let tally = ledger.tally();
    assert_eq!(
        tally.days.values().map(|day| day.objects).sum::<u64>(),
        done
    );
}

async fn play(steps: Vec<What>, folding: Folding) {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let journal = Journal::new(Arc::clone(&store), "lake/").folding(folding);
    let at_once = Folding {
        commits: 1,
        objects: 1,
    };
    let eager = journal.clone().folding(at_once);
    let (mut ledger, mut model) = (Ledger::default(), Model::new());
    for step in steps {
        match step {
            What::Commit(inputs) => {
                let number = ledger.head() + 1;
                let commit = commit(&inputs, number);
                let again = commit.inputs.iter().any(|input| {
                    let key = KEYS.iter().position(|key| *key == input.key);
                    is_done(key.and_then(|key| model.get(&key)))
                });
                let before = ledger.head();
                let applied = ledger.apply(number, &commit);
                assert_eq!(applied.is_err(), again, "what is done stays done");
                if again {
                    assert_eq!(ledger.head(), before);
                    continue;
                }
                journal.put_commit(number, &commit).await.expect("memory");
                for input in commit.inputs {
                    let key = KEYS.iter().position(|key| *key == input.key);
                    let etag = input.etag.as_bytes()[5] - b'0';
                    model.insert(key.expect("one of ours"), (etag, input.state, number));
                }
                journal.fold(&mut ledger).await.expect("memory");
            }
            What::Fold => eager.fold(&mut ledger).await.expect("memory"),
            What::Reload => ledger = journal.load().await.expect("memory").ledger,
        }
        assert_same(&journal, &mut ledger, &model).await;
    }
    let mut rebuilt = journal.rebuild().await.expect("sound commits");
    assert_same(&journal, &mut rebuilt, &model).await;
    let mut loaded = journal.load().await.expect("memory").ledger;
    assert_same(&journal, &mut loaded, &model).await;
    assert!(names(&store, "lake/_s3logs/checkpoints/").await.len() <= 2);
    let head = ledger.head();
    assert_prefixes(&store, head).await;
}

/// Every prefix of the commits is a ledger, and the whole is what its last prefix is.
async fn assert_prefixes(store: &Arc<dyn Store>, head: u64) {
    let part: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let journal = Journal::new(Arc::clone(&part), "lake/");
    for (path, number) in names(store, "lake/_s3logs/commits/").await.iter().zip(1..) {
        let bytes = store.get(path, None, None).await.expect("memory");
        let put = part.put(path, Body::Bytes(bytes), Precondition::Absent);
        put.await.expect("memory");
        let census = journal.census().await.expect("a prefix is sound");
        let ledger = journal.load().await.expect("a prefix is sound").ledger;
        assert_eq!(
            (ledger.head(), census.outputs().len() as u64),
            (number, number)
        );
        for key in KEYS {
            let id = ObjectId::of(ROOT, key);
            let (one, other) = (
                ledger.standing(id, "etag-1", false),
                census.standing(id, "etag-1"),
            );
            assert_eq!(one, other, "{key} after {number}");
        }
    }
    assert_eq!(journal.load().await.expect("sound").ledger.head(), head);
}

async fn names(store: &Arc<dyn Store>, prefix: &str) -> Vec<String> {
    let listed = store.list(prefix, None).try_concat().await.expect("memory");
    listed.into_iter().map(|object| object.key).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_ledger_is_its_commits_whatever_is_folded(
        steps in proptest::collection::vec(what(), 0..25), commits in 1..6_u64, objects in 1..12_u64,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.expect("a runtime");
        runtime.block_on(play(steps, Folding { commits, objects }));
    }
}

#[test]
fn keys_are_in_several_buckets() {
    let buckets: std::collections::BTreeSet<Bucket> =
        KEYS.iter().map(|key| Bucket::of(key)).collect();
    assert!(buckets.len() > 5, "{buckets:?}");
}

/// Without its commits a checkpoint is not gone on from: new commits would stand on nothing.
#[tokio::test]
async fn commits_that_are_lost_are_missed_although_they_are_folded() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let at_once = Folding {
        commits: 1,
        objects: 1,
    };
    let journal = Journal::new(Arc::clone(&store), "lake/").folding(at_once);
    let mut ledger = Ledger::default();
    for number in 1..=3 {
        let commit = commit(&[], number);
        ledger.apply(number, &commit).expect("the next");
        journal.put_commit(number, &commit).await.expect("memory");
        journal.fold(&mut ledger).await.expect("memory");
    }
    assert_eq!(journal.load().await.expect("sound").ledger.folded(), 3);
    let commits = names(&store, "lake/_s3logs/commits/").await;
    store.delete(&commits[2..]).await.expect("memory");
    let lost = journal.load().await.expect_err("the newest is gone");
    let said = lost.to_string();
    assert!(
        said.contains(&commits[2]) && said.contains("missing"),
        "{said}"
    );
}

/// An object as S3 lists it: 64 random bits in its key, 128 in its `ETag`.
fn listed(number: u64, random: &mut impl FnMut() -> u64) -> Input {
    // 33,000 objects a day.
    let second = number * 26 / 10;
    let day = Day::from_ymd(2026, 3, 1).expect("a date").0
        + i32::try_from(second / 86_400).expect("some");
    let (hour, minute, second) = (second / 3600 % 24, second / 60 % 60, second % 60);
    let unique = random();
    let rows = 1 + random() % 60;
    Input {
        key: format!(
            "logs/{}-{hour:02}-{minute:02}-{second:02}-{unique:016X}",
            Day(day)
        ),
        etag: format!("{:016x}{:016x}", random(), random()),
        size: 300 + random() % 30_000,
        modified: 1_772_323_200_000_000
            + i64::try_from(number * 2_600_000 / 1_000_000 * 1_000_000).expect("some"),
        state: KeyState::Committed(Done {
            table: "s3_access".to_owned(),
            lines: rows,
            rows,
            ..Done::default()
        }),
    }
}

/// Commits so many objects, so many at a time, folds all of them, and measures what a run then
/// needs.
async fn weigh(objects: u64, batch: u64) {
    let folder = tempfile::tempdir().expect("a folder");
    let store: Arc<dyn Store> =
        Arc::new(LocalStore::create(folder.path(), "tmp").expect("a folder"));
    let folding = Folding {
        commits: u64::MAX,
        objects: objects.min(200_000),
    };
    let journal = Journal::new(Arc::clone(&store), "").folding(folding);
    let mut ledger = Ledger::default();
    let mut seed = 1_u64;
    let mut random = || {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        seed ^ seed >> 29
    };
    for number in 1..=objects / batch {
        let first = (number - 1) * batch;
        let commit = Commit {
            batch: format!("{number:016x}"),
            root: ROOT.to_owned(),
            inputs: (first..first + batch)
                .map(|object| listed(object, &mut random))
                .collect(),
            ..Commit::default()
        };
        journal.put_commit(number, &commit).await.expect("room");
        ledger.apply(number, &commit).expect("the next");
        journal.fold(&mut ledger).await.expect("room");
    }
    drop(journal.rebuild().await.expect("sound commits"));
    let stored = store
        .list("_s3logs/", None)
        .try_concat()
        .await
        .expect("a listing");
    let bytes: u64 = stored.iter().map(|file| file.size).sum();
    let tenths = bytes * 10 / objects;

    let began = std::time::Instant::now();
    let mut loaded = journal.load().await.expect("sound").ledger;
    let opened = began.elapsed();
    let buckets: Vec<Bucket> = loaded.tally().days.keys().copied().collect();
    journal.hold(&mut loaded, buckets).await.expect("segments");
    let held = began.elapsed();
    println!(
        "{objects} objects: {}.{} bytes each, opened in {opened:.2?}, all held in {held:.2?}",
        tenths / 10,
        tenths % 10
    );
    assert_eq!(loaded.tally().tables["s3_access"].objects, objects);
    assert!(tenths <= 400, "{tenths} tenths of a byte per object");
    assert_eq!(loaded.folded(), loaded.head());
}

#[tokio::test]
async fn an_object_costs_forty_bytes_at_most() {
    weigh(40_000, 20_000).await;
}

#[tokio::test]
#[ignore = "for a release build: cargo test --release -- --ignored --nocapture a_million"]
async fn long_a_million_objects_cost_forty_bytes_each_at_most() {
    weigh(1_000_000, 50_000).await;
}

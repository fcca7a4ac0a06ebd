//! Several writers at once, on stores whose every call waits for a seeded hand to let it go: they
//! overtake each other, die, come back, and find objects that were not there before.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt as _;
use futures::stream::{BoxStream, StreamExt as _};
use s3logs::jobs::source::Source;
use s3logs::jobs::sync::SyncOptions;
use s3logs::ledger::{Journal, ObjectId, Standing};
use s3logs::plan::Limits;
use s3logs::store::{Body, ErrorKind, MemoryStore, ObjectMeta, Precondition, Store, StoreError};
use tokio::sync::{Notify, oneshot};

use super::{contents, line, options, run_from, source};
use crate::support::dataset::Dataset;
use crate::support::dice::Dice;

type Result<T> = std::result::Result<T, StoreError>;

/// Interleavings in an ordinary run of the tests, and in the long one.
const FEW: u64 = 150;
const MANY: u64 = 5000;

/// What becomes of a call.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Goes,
    Dies { answer_lost: bool },
}

/// Calls that wait, by writer.
#[derive(Debug)]
struct Stage {
    writers: Mutex<Vec<Writer>>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Writer {
    waiting: Vec<oneshot::Sender<Fate>>,
    dead: bool,
    finished: bool,
}

impl Stage {
    fn of(writers: usize) -> Arc<Self> {
        Arc::new(Self {
            writers: Mutex::new((0..writers).map(|_| Writer::default()).collect()),
            changed: Notify::new(),
        })
    }

    fn with<T>(&self, look: impl FnOnce(&mut Vec<Writer>) -> T) -> T {
        let mut writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
        look(&mut writers)
    }

    /// Once all writers wait or are done: those that wait.
    async fn settled(&self) -> Vec<usize> {
        loop {
            let changed = self.changed.notified();
            // A writer that needs no CPU work for its next call makes it within these.
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            let settled = self.with(|writers| {
                let busy = |writer: &Writer| !writer.finished && writer.waiting.is_empty();
                let waiting = writers.iter().enumerate();
                let waiting = waiting.filter(|(_, writer)| !writer.waiting.is_empty());
                (!writers.iter().any(busy)).then(|| waiting.map(|(number, _)| number).collect())
            });
            match settled {
                Some(waiting) => return waiting,
                None => changed.await,
            }
        }
    }

    fn release(&self, writer: usize, dice: &mut Dice, fate: Fate) {
        let released = self.with(|writers| {
            let writer = &mut writers[writer];
            let next = dice.below(writer.waiting.len());
            let call = writer.waiting.swap_remove(next);
            let mut all = vec![(call, fate)];
            if let Fate::Dies { .. } = fate {
                writer.dead = true;
                let others = std::mem::take(&mut writer.waiting);
                let lost = Fate::Dies { answer_lost: false };
                all.extend(others.into_iter().map(|call| (call, lost)));
            }
            all
        });
        for (call, fate) in released {
            // A run that was dropped no longer listens.
            call.send(fate).ok();
        }
    }
}

/// A writer's view of the destination.
#[derive(Debug)]
struct Gated {
    inner: Arc<MemoryStore>,
    stage: Arc<Stage>,
    writer: usize,
}

impl Gated {
    fn dead(&self) -> StoreError {
        StoreError {
            kind: ErrorKind::Credentials,
            action: "reach",
            place: self.inner.root().to_owned(),
            cause: "dead".to_owned(),
        }
    }

    async fn call<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let waits = self.stage.with(|writers| {
            let writer = &mut writers[self.writer];
            if writer.dead {
                return None;
            }
            let (call, waits) = oneshot::channel();
            writer.waiting.push(call);
            Some(waits)
        });
        let Some(waits) = waits else {
            return Err(self.dead());
        };
        self.stage.changed.notify_one();
        match waits.await.expect("the stage outlives its writers") {
            Fate::Goes => work.await,
            Fate::Dies { answer_lost } => {
                if answer_lost {
                    drop(work.await);
                }
                Err(self.dead())
            }
        }
    }
}

#[async_trait]
impl Store for Gated {
    fn root(&self) -> &str {
        self.inner.root()
    }

    fn list(&self, prefix: &str, after: Option<&str>) -> BoxStream<'_, Result<Vec<ObjectMeta>>> {
        let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
        futures::stream::once(self.call(async move {
            let pages = self.inner.list(&prefix, after.as_deref());
            let pages: Vec<_> = pages.try_collect().await?;
            Ok(pages.into_iter().flatten().collect())
        }))
        .boxed()
    }

    async fn folders(&self, prefix: &str) -> Result<Vec<String>> {
        self.call(self.inner.folders(prefix)).await
    }

    async fn get(&self, key: &str, range: Option<Range<u64>>, etag: Option<&str>) -> Result<Bytes> {
        self.call(self.inner.get(key, range, etag)).await
    }

    async fn put(&self, key: &str, body: Body, when: Precondition) -> Result<String> {
        self.call(self.inner.put(key, body, when)).await
    }

    async fn delete(&self, keys: &[String]) -> Result<()> {
        self.call(self.inner.delete(keys)).await
    }

    fn etag_is_content(&self) -> bool {
        true
    }
}

/// A source that lists in small pages, in another order each time, some objects twice.
#[derive(Debug)]
struct Shuffled {
    inner: Arc<MemoryStore>,
    dice: Mutex<u64>,
}

impl Shuffled {
    fn shuffle(&self, mut all: Vec<ObjectMeta>) -> Vec<Result<Vec<ObjectMeta>>> {
        let mut seed = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
        let mut dice = Dice(*seed);
        *seed = dice.roll();
        for place in (1..all.len()).rev() {
            all.swap(place, dice.below(place + 1));
        }
        let mut pages: Vec<Vec<ObjectMeta>> = all.chunks(5).map(<[_]>::to_vec).collect();
        for number in 1..pages.len() {
            if dice.once_in(2) {
                let again = pages[number - 1].last().cloned();
                pages[number].extend(again);
            }
        }
        pages.into_iter().map(Ok).collect()
    }
}

#[async_trait]
impl Store for Shuffled {
    fn root(&self) -> &str {
        self.inner.root()
    }

    fn list(&self, prefix: &str, after: Option<&str>) -> BoxStream<'_, Result<Vec<ObjectMeta>>> {
        let whole = self.inner.list(prefix, after).try_concat();
        futures::stream::once(whole)
            .map_ok(|all: Vec<ObjectMeta>| futures::stream::iter(self.shuffle(all)))
            .try_flatten()
            .boxed()
    }

    async fn folders(&self, prefix: &str) -> Result<Vec<String>> {
        self.inner.folders(prefix).await
    }

    async fn get(&self, key: &str, range: Option<Range<u64>>, etag: Option<&str>) -> Result<Bytes> {
        self.inner.get(key, range, etag).await
    }

    async fn put(&self, key: &str, body: Body, when: Precondition) -> Result<String> {
        self.inner.put(key, body, when).await
    }

    async fn delete(&self, keys: &[String]) -> Result<()> {
        self.inner.delete(keys).await
    }

    fn etag_is_content(&self) -> bool {
        true
    }
}

/// One run of the play.
struct Play {
    dice: Dice,
    logs: Arc<MemoryStore>,
    lake: Arc<MemoryStore>,
    /// Lines that were written to the source: what the dataset must hold.
    objects: usize,
    deaths: usize,
}

impl Play {
    fn new(seed: u64) -> Self {
        Self {
            dice: Dice(seed),
            logs: Arc::default(),
            lake: Arc::default(),
            objects: 0,
            deaths: 0,
        }
    }

    /// A new object under a name of any of four days; some are damaged, some no logs.
    async fn add_object(&mut self) {
        let day = 1 + self.dice.below(4);
        let number = self.objects;
        let name = format!("logs/E1.2026-03-{day:02}-10.{number:08x}");
        let (name, bytes) = match self.dice.below(12) {
            0 => (
                format!("{name}.gz"),
                Bytes::from_static(b"\x1f\x8b\x08\0\0"),
            ),
            1 => (name, Bytes::from_static(b"\x89PNG\r\n\x1a\n")),
            _ => (name, (line(number, 0) + &line(number, 1)).into()),
        };
        let put = self
            .logs
            .put(&name, Body::Bytes(bytes), Precondition::Always);
        put.await.expect("memory");
        self.objects += 1;
    }

    fn options(&mut self, writer: usize, writers: usize) -> SyncOptions {
        let mut options = options(u32::try_from(writer).expect("a few"));
        options.limits = Limits {
            objects: 1 + self.dice.below(4),
            text: 1 << 30,
        };
        options.folding.commits = 1 + self.dice.roll() % 4;
        options.dedupe = self.dice.once_in(4);
        // Other files of the same batch.
        options.work.zstd_level = if self.dice.once_in(3) { 2 } else { 1 };
        // Nobody waits for anybody's lease, and nobody is taken for dead.
        options.take_over = true;
        options.gone = |_| false;
        if self.dice.once_in(3) {
            options.shard = format!("{}/{writers}", writer + 1).parse().ok();
        }
        options
    }

    fn source(&mut self) -> Source {
        let store = Shuffled {
            inner: Arc::clone(&self.logs),
            dice: Mutex::new(self.dice.roll()),
        };
        Source {
            store: Arc::new(store),
            ..source(&self.logs)
        }
    }

    /// Lets calls go one by one until all writers are done.
    async fn direct(&mut self, stage: &Stage, mortality: usize) {
        loop {
            let waiting = stage.settled().await;
            if waiting.is_empty() {
                return;
            }
            if self.dice.once_in(40) {
                self.add_object().await;
            }
            let writer = waiting[self.dice.below(waiting.len())];
            let fate = if self.dice.once_in(mortality) {
                self.deaths += 1;
                let answer_lost = self.dice.once_in(2);
                Fate::Dies { answer_lost }
            } else {
                Fate::Goes
            };
            stage.release(writer, &mut self.dice, fate);
        }
    }

    async fn perform(&mut self) {
        for _ in 0..6 + self.dice.below(6) {
            self.add_object().await;
        }
        let writers = 2 + self.dice.below(3);
        for _ in 0..2 {
            let stage = Stage::of(writers);
            let runs: Vec<_> = (0..writers)
                .map(|writer| {
                    let (source, options) = (self.source(), self.options(writer, writers));
                    let lake = Gated {
                        inner: Arc::clone(&self.lake),
                        stage: Arc::clone(&stage),
                        writer,
                    };
                    let stage = Arc::clone(&stage);
                    async move {
                        let ended = run_from(&source, Arc::new(lake), &options).await;
                        let died = stage.with(|writers| {
                            writers[writer].finished = true;
                            writers[writer].dead
                        });
                        stage.changed.notify_one();
                        assert!(died || ended.is_ok(), "{ended:?}");
                    }
                })
                .collect();
            let mortality = 30 + self.dice.below(60);
            let all = futures::future::join_all(runs);
            futures::future::join(all, self.direct(&stage, mortality)).await;
        }
        Box::pin(self.check()).await;
    }

    /// After a calm run, everything is there once, and nothing else.
    async fn check(&mut self) {
        let calm = run_from(&source(&self.logs), self.lake.clone(), &options(90)).await;
        calm.expect("a calm run");
        let again = run_from(&source(&self.logs), self.lake.clone(), &options(91)).await;
        assert_eq!(again.expect("a calm run").outcome.objects.new, 0);

        let journal = Journal::new(Arc::clone(&self.lake) as Arc<dyn Store>, "lake/");
        let census = journal.census().await.expect("a sound ledger");
        let mut loaded = journal.load().await.expect("a sound ledger");
        assert!(loaded.intents.is_empty(), "{:?}", loaded.intents);
        let all = contents(&self.lake).await;
        let files: BTreeMap<String, Bytes> = all
            .iter()
            .filter_map(|(key, bytes)| Some((key.strip_prefix("lake/")?, bytes)))
            .filter(|(path, _)| path.starts_with("s3_access/") || path.contains("/rejects/"))
            .map(|(path, bytes)| (path.to_owned(), bytes.clone()))
            .collect();
        let live: Vec<&String> = census.outputs().keys().collect();
        assert_eq!(files.keys().collect::<Vec<_>>(), live, "no file astray");
        assert!(!all.keys().any(|key| key.ends_with("/lock")));

        let listed = self.logs.list("logs/", None).try_concat().await;
        let listed = listed.expect("memory").into_iter();
        let etags: BTreeMap<String, String> = listed.map(|one| (one.key, one.etag)).collect();
        let mut expected = Vec::new();
        for (key, bytes) in contents(&self.logs).await {
            let id = ObjectId::of(self.logs.root(), &key);
            journal
                .hold(&mut loaded.ledger, [id.bucket])
                .await
                .expect("a segment");
            let etag = etags[&key].clone();
            let standing = loaded.ledger.standing(id, &etag, false);
            assert_eq!(standing, census.standing(id, &etag), "{key}");
            let text = String::from_utf8_lossy(&bytes);
            let ids = text.lines().filter_map(|line| line.split(' ').nth(6));
            let ids: Vec<String> = ids.map(str::to_owned).collect();
            assert_eq!(standing == Standing::Done, !ids.is_empty(), "{key}");
            expected.extend(ids);
        }
        expected.sort_unstable();
        let dataset = Dataset::of(files);
        let mut found = dataset.texts("s3_access", "request_id");
        found.sort_unstable();
        assert_eq!(found, expected, "each line once");
    }
}

async fn play(seeds: Range<u64>) {
    let mut deaths = 0;
    let count = seeds.end - seeds.start;
    for seed in seeds {
        // Shown by the test runner when the play fails.
        println!("seed {seed}");
        let mut play = Play::new(seed);
        Box::pin(play.perform()).await;
        deaths += play.deaths;
    }
    assert!(deaths as u64 > count / 4, "{deaths} deaths test nothing");
}

#[tokio::test]
async fn writers_that_overtake_each_other_and_die_lose_and_double_nothing() {
    Box::pin(play(0..FEW)).await;
}

#[tokio::test]
#[ignore = "takes minutes"]
async fn long_writers_that_overtake_each_other_and_die_lose_and_double_nothing() {
    Box::pin(play(0..MANY)).await;
}

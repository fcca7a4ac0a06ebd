//! Objects to files, at the level of the library: sizes, damage, bounds.

mod provenance;

use std::collections::BTreeMap;
use std::io::{Cursor, Write as _};
use std::path::Path;
use std::sync::Arc;

use s3logs::event::Silent;
use s3logs::ledger::{KeyState, Step};
use s3logs::pipeline::{
    Budget, Cancel, Encoded, Found, Reading, Render, Rules, Verdict, Work, WorkError, read_objects,
    read_stream, run_batch,
};
use s3logs::store::{Body, MemoryStore, ObjectMeta, Precondition, Store};
use s3logs::table::WriteOptions;
use s3logs::units::Day;

use futures::TryStreamExt as _;

/// One line of an S3 access log; `n` makes it distinct, `day` is a day of March 2026.
fn line(n: usize, day: usize) -> String {
    format!(
        "o b [{day:02}/Mar/2026:00:00:{:02} +0000] 192.0.2.1 - R{n:015} REST.GET.OBJECT key-{n} \
         \"GET /key-{n} HTTP/1.1\" 200 - {n} {n} 1 1 \"-\" \"agent\" - h - - - b.s3 TLSv1.2 - -\n",
        n % 60
    )
}

fn lines(count: usize) -> String {
    (0..count).map(|n| line(n, 1 + n % 3)).collect()
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).expect("to memory");
    encoder.finish().expect("to memory")
}

async fn store_of(objects: &[(&str, &[u8])]) -> (Arc<dyn Store>, Vec<ObjectMeta>) {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    for (key, bytes) in objects {
        let body = Body::Bytes(bytes.to_vec().into());
        let put = store.put(key, body, Precondition::Always).await;
        put.expect("memory");
    }
    let pages: Vec<_> = store.list("", None).try_collect().await.expect("memory");
    (store, pages.into_iter().flatten().collect())
}

fn rules() -> Rules {
    Rules {
        format: None,
        max_object: 1 << 30,
        keep_partial: false,
        fingerprints: false,
    }
}

struct Setup {
    memory: u64,
    rules: Rules,
}

impl Setup {
    async fn run(&self, objects: &[(&str, &[u8])], folder: &Path) -> Encoded {
        self.try_run(objects, folder).await.expect("a batch")
    }

    async fn try_run(
        &self,
        objects: &[(&str, &[u8])],
        folder: &Path,
    ) -> Result<Encoded, WorkError> {
        let (store, listed) = store_of(objects).await;
        let work = Work {
            history: None,
            reading: Reading {
                store,
                rules: self.rules,
                budget: Budget::of(self.memory, 4),
            },
            options: WriteOptions::default(),
            folder: folder.to_owned(),
            provenance: true,
        };
        run_batch(&work, listed, &Silent, &Cancel::never()).await
    }
}

const USUAL: u64 = 256 << 20;

fn days(encoded: &Encoded) -> BTreeMap<Day, u64> {
    let mut days = BTreeMap::new();
    for part in &encoded.parts {
        *days.entry(part.day).or_default() += part.summary.rows;
    }
    days
}

fn state<'a>(encoded: &'a Encoded, key: &str) -> &'a KeyState {
    let found = encoded.objects.iter().find(|(object, _)| object.key == key);
    &found.expect("every object has a state").1
}

fn left_in(folder: &Path) -> usize {
    std::fs::read_dir(folder).expect("a folder").count()
}

#[tokio::test]
async fn rows_are_the_same_however_little_memory_there_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let big = gzip(lines(80_000).as_bytes());
    let (small, plain) = (lines(10), lines(27_000));
    let objects: &[(&str, &[u8])] = &[
        ("a", small.as_bytes()),
        ("big", &big),
        ("plain", plain.as_bytes()),
    ];
    let mut seen = Vec::new();
    for memory in [USUAL, 16 << 20] {
        let setup = Setup {
            memory,
            rules: rules(),
        };
        let encoded = setup.run(objects, folder.path()).await;
        let table = &encoded.tables["s3_access"];
        assert_eq!(
            (table.lines, table.rows, table.rejects),
            (107_010, 107_010, 0)
        );
        seen.push((days(&encoded), encoded.parts.len()));
    }
    assert_eq!(seen[0].0, seen[1].0);
    assert_eq!(seen[0].1, 3, "one file a day");
    assert!(seen[1].1 > 3, "little memory means more files");
}

#[tokio::test]
async fn the_same_objects_give_the_same_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let texts: Vec<String> = (0..40).map(|n| line(n, 1) + &lines(n * 7)).collect();
    let names: Vec<String> = (0..40).map(|n| format!("k{n:02}")).collect();
    let objects: Vec<(&str, &[u8])> = names
        .iter()
        .zip(&texts)
        .map(|(name, text)| (name.as_str(), text.as_bytes()))
        .collect();
    let setup = Setup {
        memory: USUAL,
        rules: rules(),
    };
    let hashes = |encoded: &Encoded| -> Vec<String> {
        encoded.parts.iter().map(|part| part.hash.clone()).collect()
    };
    let first = hashes(&setup.run(&objects, folder.path()).await);
    for _ in 0..5 {
        assert_eq!(hashes(&setup.run(&objects, folder.path()).await), first);
    }
}

/// A small object that is damaged, and one that is too large to be inflated at once.
#[tokio::test]
async fn a_damaged_object_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = lines(5);
    for size in [50, 60_000] {
        let mut cut = gzip(lines(size).as_bytes());
        cut.truncate(cut.len() / 2);
        let objects: &[(&str, &[u8])] = &[("cut", &cut), ("good", good.as_bytes())];
        for memory in [USUAL, 16 << 20] {
            let setup = Setup {
                memory,
                rules: rules(),
            };
            let encoded = setup.run(objects, folder.path()).await;
            assert_eq!(encoded.tables["s3_access"].rows, 5);
            assert_eq!(days(&encoded).values().sum::<u64>(), 5);
            let KeyState::Failed {
                step,
                error,
                lasting,
                ..
            } = state(&encoded, "cut")
            else {
                panic!("{:?}", state(&encoded, "cut"));
            };
            assert_eq!((*step, *lasting), (Step::Gunzip, true));
            assert_eq!(*error, format!("truncated gzip at byte {}", cut.len()));
        }
    }
    assert_eq!(left_in(folder.path()), 0, "temporary files are removed");
}

#[tokio::test]
async fn keep_partial_takes_the_whole_lines_before_the_damage() {
    let folder = tempfile::tempdir().expect("a folder");
    for size in [500, 60_000] {
        let text = lines(size);
        let mut cut = gzip(text.as_bytes());
        cut.truncate(cut.len() / 2);
        for memory in [USUAL, 16 << 20] {
            let setup = Setup {
                memory,
                rules: Rules {
                    keep_partial: true,
                    fingerprints: false,
                    ..rules()
                },
            };
            let encoded = setup.run(&[("cut", &cut)], folder.path()).await;
            let KeyState::Written(done) = state(&encoded, "cut") else {
                panic!("{:?}", state(&encoded, "cut"));
            };
            assert!(done.partial && done.rejects == 0, "{done:?}");
            assert_eq!(done.lines, done.rows);
            assert!(done.rows > 0 && done.rows < size as u64);
            assert_eq!(days(&encoded).values().sum::<u64>(), done.rows);
        }
    }
}

#[tokio::test]
async fn a_bomb_is_stopped() {
    let folder = tempfile::tempdir().expect("a folder");
    let bomb = gzip(&[line(1, 1).as_bytes(), &vec![b'\n'; 40 << 20]].concat());
    let good = lines(5);
    let rows = gzip(lines(200_000).as_bytes());
    let objects: &[(&str, &[u8])] = &[("bomb", &bomb), ("good", good.as_bytes()), ("rows", &rows)];
    let setup = Setup {
        memory: 32 << 20,
        rules: Rules {
            max_object: 30 << 20,
            ..rules()
        },
    };
    let encoded = setup.run(objects, folder.path()).await;
    for key in ["bomb", "rows"] {
        let KeyState::Failed { error, lasting, .. } = state(&encoded, key) else {
            panic!("{:?}", state(&encoded, key));
        };
        assert!(*lasting && error.contains("--max-object"), "{error}");
    }
    assert_eq!(days(&encoded).values().sum::<u64>(), 5);
}

#[tokio::test]
async fn rejects_are_kept_per_object_and_only_of_those_that_count() {
    let folder = tempfile::tempdir().expect("a folder");
    let some = format!("{}bad line\n{}", line(1, 1), line(2, 1));
    let mut cut = gzip(format!("{some}{}", lines(100)).as_bytes());
    cut.truncate(cut.len() - 9);
    let objects: &[(&str, &[u8])] = &[("cut", &cut), ("some", some.as_bytes())];
    let setup = Setup {
        memory: USUAL,
        rules: rules(),
    };
    let encoded = setup.run(objects, folder.path()).await;
    assert_eq!(encoded.rejects.len(), 1);
    assert_eq!(encoded.rejects[0].lines, 1);
    let file = std::fs::File::open(&encoded.rejects[0].file).expect("a file");
    let text = std::io::read_to_string(flate2::read::MultiGzDecoder::new(file)).expect("gzip");
    let record: serde_json::Value = serde_json::from_str(&text).expect("one line of JSON");
    assert_eq!(record["object"], "some");
    assert_eq!(record["line"], 2);
    assert_eq!(record["text"], "bad line");
}

#[tokio::test]
async fn a_cancelled_batch_leaves_no_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, listed) = store_of(&[("a", lines(100).as_bytes())]).await;
    let work = Work {
        history: None,
        reading: Reading {
            store,
            rules: rules(),
            budget: Budget::of(USUAL, 1),
        },
        options: WriteOptions::default(),
        folder: folder.path().to_owned(),
        provenance: false,
    };
    let (canceller, cancel) = Cancel::pair();
    canceller.cancel();
    let ended = run_batch(&work, listed, &Silent, &cancel).await;
    assert!(matches!(ended, Err(WorkError::Interrupted)));
    assert_eq!(left_in(folder.path()), 0);
}

/// Rows and rejects by object, as `parse` would see them.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    rows: usize,
    rejects: usize,
    settled: Vec<String>,
}

impl Seen {
    #[expect(
        clippy::unnecessary_wraps,
        reason = "readers hand their finds to something that may fail"
    )]
    fn take(&mut self, found: Found<usize>) -> Result<(), ()> {
        match found {
            Found::Rows(rows) => self.rows += rows,
            Found::Rejected(rejected) => self.rejects += rejected.rejects.len(),
            Found::Settled(object, verdict) => {
                let what = match verdict {
                    Verdict::Done { counts, .. } => format!("{} lines", counts.lines),
                    Verdict::Failed(failure) => failure.error,
                    Verdict::Skipped(why) => why,
                    Verdict::Unwanted => "unwanted".to_owned(),
                };
                self.settled.push(format!("{} {what}", object.key));
            }
        }
        Ok(())
    }
}

fn count_rows() -> Render<usize> {
    Arc::new(|rows| rows.batch.records.num_rows())
}

#[tokio::test]
async fn reading_hands_on_every_object_in_order() {
    let big = gzip(lines(40_000).as_bytes());
    let some = format!("{}bad line\n", lines(3));
    let (store, listed) = store_of(&[("a", some.as_bytes()), ("b", &big), ("c", b"PAR1")]).await;
    let reading = Reading {
        store,
        rules: rules(),
        budget: Budget::of(16 << 20, 2),
    };
    let mut seen = Seen::default();
    let take = |found| seen.take(found);
    let read = read_objects(&reading, listed, &count_rows(), take, &Cancel::never()).await;
    assert_eq!(read, Ok(()));
    assert_eq!((seen.rows, seen.rejects), (40_003, 1));
    let keys: Vec<&str> = seen.settled.iter().map(String::as_str).collect();
    let mut sorted = keys.clone();
    sorted.sort_unstable();
    assert_eq!(
        sorted,
        [
            "a 4 lines",
            "b 40000 lines",
            "c not a log: it is a Parquet file"
        ]
    );
}

#[tokio::test]
async fn a_stream_is_read_like_an_object() {
    let text = format!("{}bad line\n{}", lines(30_000), line(1, 1).trim_end());
    for bytes in [text.clone().into_bytes(), gzip(text.as_bytes())] {
        let mut seen = Seen::default();
        let read = read_stream(
            "-",
            Box::new(Cursor::new(bytes)),
            (rules(), Budget::of(32 << 20, 1)),
            &count_rows(),
            |found| seen.take(found),
            &Cancel::never(),
        )
        .await;
        assert_eq!(read, Ok(()));
        assert_eq!((seen.rows, seen.rejects), (30_001, 1));
        assert_eq!(seen.settled, ["- 30002 lines"]);
    }
    let mut seen = Seen::default();
    let none: Box<dyn std::io::Read + Send> = Box::new(std::io::empty());
    let how = (rules(), Budget::of(USUAL, 1));
    let take = |found| seen.take(found);
    let read = read_stream("-", none, how, &count_rows(), take, &Cancel::never()).await;
    assert_eq!(read, Ok(()));
    assert_eq!(seen.settled, ["- not a log: it holds no line"]);
}

/// A group of objects waits for the next one while it occupies a part of the budget of bytes.
#[tokio::test]
async fn no_budget_is_too_small_to_go_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = lines(500);
    let names: Vec<String> = (0..120).map(|n| format!("k{n:03}")).collect();
    let objects: Vec<(&str, &[u8])> = names
        .iter()
        .map(|name| (name.as_str(), text.as_bytes()))
        .collect();
    for memory in [1 << 10, 4 << 20, 8 << 20, 16 << 20, 40 << 20] {
        let setup = Setup {
            memory,
            rules: rules(),
        };
        let encoded = setup.run(&objects, folder.path()).await;
        assert_eq!(days(&encoded).values().sum::<u64>(), 120 * 500);
    }
}

/// Blank lines tell nothing of the format, however many there are.
#[tokio::test]
async fn a_log_that_begins_with_blank_lines_is_a_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = format!("{}{}", "\n".repeat(3_000_000), lines(6_000));
    for memory in [USUAL, 16 << 20] {
        let setup = Setup {
            memory,
            rules: rules(),
        };
        let encoded = setup
            .run(&[("blank", text.as_bytes())], folder.path())
            .await;
        let table = &encoded.tables["s3_access"];
        assert_eq!(
            (table.rows, table.comments, table.lines),
            (6_000, 3_000_000, 3_006_000)
        );
    }
}

/// A reader of dates knows the years 1 to 9999; the zone is applied first.
#[tokio::test]
async fn a_time_without_a_day_is_no_event_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let times = [
        ("31/Dec/9999:23:59:59 -0001", 0),
        ("31/Dec/9999:23:59:59 +0000", 1),
        ("01/Jan/0001:00:00:00 +1400", 0),
        ("01/Jan/0000:00:00:00 +0000", 0),
    ];
    for (time, rows) in times {
        let text = line(1, 1).replace("01/Mar/2026:00:00:01 +0000", time);
        let setup = Setup {
            memory: USUAL,
            rules: rules(),
        };
        let encoded = setup.run(&[("a", text.as_bytes())], folder.path()).await;
        assert_eq!(encoded.tables["s3_access"].rows, rows, "{time}");
        for part in &encoded.parts {
            assert_eq!(part.day.to_string().parse(), Ok(part.day));
        }
    }
}

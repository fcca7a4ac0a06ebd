//! Ledgers that are damaged or lost, made again.

use s3logs::jobs::Claim;
use s3logs::jobs::rebuild::{RebuildOptions, Rebuilt, from_commits, from_files};
use s3logs::jobs::verify::{Verified, VerifyOptions, verify};
use s3logs::store::ErrorKind;
use s3logs::ui::{Exit, Failure};

use super::*;

const ROWS: u64 = (OBJECTS * LINES) as u64;

fn destination(store: Arc<dyn Store>) -> Destination {
    Destination {
        store,
        base: "lake/".to_owned(),
        shown: "memory".to_owned(),
    }
}

fn rebuilding() -> RebuildOptions {
    let options = options(9);
    RebuildOptions {
        claim: Claim {
            owner: options.owner,
            now: options.now,
            gone: options.gone,
        },
        folding: options.folding,
        dry_run: false,
    }
}

async fn files_rebuilt(store: Arc<dyn Store>) -> Result<Rebuilt, JobError> {
    from_files(&destination(store), &rebuilding(), &Cancel::never()).await
}

async fn commits_rebuilt(store: Arc<dyn Store>) -> Result<Rebuilt, JobError> {
    from_commits(&destination(store), &rebuilding(), &Cancel::never()).await
}

async fn synced(logs: &Arc<MemoryStore>) -> Arc<MemoryStore> {
    let store = Arc::new(MemoryStore::default());
    run(logs, Mortal::immortal(&store), 1).await.expect("a run");
    store
}

async fn copy(store: &MemoryStore) -> Arc<MemoryStore> {
    let copy = Arc::new(MemoryStore::default());
    for (key, bytes) in contents(store).await {
        put(&copy, &key, &bytes).await;
    }
    copy
}

async fn put(store: &MemoryStore, key: &str, bytes: &[u8]) {
    let body = Body::Bytes(Bytes::copy_from_slice(bytes));
    let put = store.put(key, body, Precondition::Always);
    put.await.expect("memory");
}

async fn keys(store: &MemoryStore, part: &str) -> Vec<String> {
    let all = contents(store).await.into_keys();
    all.filter(|key| key.contains(part)).collect()
}

async fn lose_ledger(store: &MemoryStore) {
    let mut keys = keys(store, "/_s3logs/").await;
    keys.retain(|key| !key.contains("/rejects/"));
    store.delete(&keys).await.expect("memory");
}

async fn verified(logs: &Arc<MemoryStore>, store: &Arc<MemoryStore>) -> Verified {
    let options = VerifyOptions {
        work: WorkOptions::default(),
        quick: false,
    };
    let observer: Arc<dyn Observer> = Arc::new(Silent);
    let to = destination(Arc::clone(store) as Arc<dyn Store>);
    let (from, cancel) = (source(logs), Cancel::never());
    let verified = verify(&from, &to, &options, &observer, &cancel).await;
    verified.expect("a ledger that can be read")
}

/// The next run brings every row and no row twice, and a check finds nothing.
async fn assert_whole(logs: &Arc<MemoryStore>, store: &Arc<MemoryStore>, what: &str) {
    let report = run(logs, Mortal::immortal(store), 3).await;
    report.unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(rows(store).await, ROWS, "{what}");
    assert_eq!(files(store).await, live(store).await, "{what}: file astray");
    assert_eq!(verified(logs, store).await.problems, [], "{what}");
}

/// What a check and a run say of a ledger, if they refuse it.
async fn refusal(logs: &Arc<MemoryStore>, store: &Arc<MemoryStore>) -> Option<Failure> {
    let journal = Journal::new(Arc::clone(store) as Arc<dyn Store>, "lake/");
    let checked = journal.census().await.map_err(Failure::from);
    let ran = run(logs, Mortal::immortal(store), 2).await;
    checked.err().or(ran.map_err(Failure::from).err())
}

/// Every way to damage a record: its bytes then, none if it is gone.
fn damages(bytes: &[u8]) -> Vec<(&'static str, Option<Vec<u8>>)> {
    let mut flipped = bytes.to_vec();
    flipped[bytes.len() / 2] ^= 1;
    let newer = b"{\"version\":99,\"sequence\":{}}\n";
    vec![
        ("flipped", Some(flipped)),
        ("cut", Some(bytes[..bytes.len() - 3].to_vec())),
        ("empty", Some(Vec::new())),
        (
            "newer",
            Some(zstd::encode_all(&newer[..], 1).expect("to memory")),
        ),
        ("gone", None),
    ]
}

async fn damage(store: &MemoryStore, key: &str, bytes: Option<Vec<u8>>) {
    match bytes {
        Some(bytes) => put(store, key, &bytes).await,
        None => store.delete(&[key.to_owned()]).await.expect("memory"),
    }
}

#[tokio::test]
async fn folded_records_are_made_again_from_the_commits() {
    let logs = logs().await;
    let sound = synced(&logs).await;
    for folder in ["/checkpoints/", "/segments/"] {
        let key = keys(&sound, folder).await.remove(0);
        let bytes = contents(&sound).await.remove(&key).expect("it is there");
        for (how, bytes) in damages(&bytes) {
            let what = format!("{key} {how}");
            let store = copy(&sound).await;
            damage(&store, &key, bytes).await;
            let refusal = refusal(&logs, &store).await;
            if folder == "/checkpoints/" && how == "gone" {
                assert_eq!(refusal, None, "{what}: the commits are enough");
            } else {
                let refusal = refusal.expect(&what);
                assert_eq!(refusal.kind.exit(), Exit::Ledger, "{what}: {refusal:?}");
                let hints = refusal.hints.join("\n");
                assert!(hints.contains("`s3logs ledger rebuild DEST`"), "{hints}");
                assert_eq!(hints.contains("version"), how == "newer", "{hints}");
            }
            let again = Arc::clone(&store) as Arc<dyn Store>;
            let rebuilt = commits_rebuilt(again).await.expect(&what);
            assert_eq!((rebuilt.objects, rebuilt.rows), (7, ROWS), "{what}");
            let report = run(&logs, Mortal::immortal(&store), 3).await.expect(&what);
            assert_eq!(report.outcome.objects.new, 0, "{what}");
            assert!(contents(&store).await == contents(&sound).await, "{what}");
            assert_whole(&logs, &store, &what).await;
        }
    }
}

#[tokio::test]
async fn commits_are_made_again_from_the_files() {
    let logs = logs().await;
    let sound = synced(&logs).await;
    let commits = keys(&sound, "/commits/").await;
    assert_eq!(commits.len(), 3);
    for key in &commits {
        let bytes = contents(&sound).await.remove(key).expect("it is there");
        for (how, bytes) in damages(&bytes) {
            let what = format!("{key} {how}");
            let store = copy(&sound).await;
            damage(&store, key, bytes).await;
            if how == "gone" && commits.last() == Some(key) {
                // The same objects give the same files again.
                assert_whole(&logs, &store, &what).await;
                continue;
            }
            let refusal = refusal(&logs, &store).await.expect(&what);
            assert_eq!(refusal.kind.exit(), Exit::Ledger, "{what}: {refusal:?}");
            let hints = refusal.hints.join("\n");
            let from_files = hints.contains("`s3logs ledger rebuild --from-files DEST`");
            assert_eq!(from_files, how != "newer", "{what}: {hints}");
            let before = contents(&store).await;
            let again = Arc::clone(&store) as Arc<dyn Store>;
            let refused = commits_rebuilt(again).await.map_err(Failure::from);
            assert_eq!(refused.expect_err(&what).kind.exit(), Exit::Ledger);
            assert!(contents(&store).await == before, "{what}: nothing changed");

            let again = Arc::clone(&store) as Arc<dyn Store>;
            let rebuilt = files_rebuilt(again).await.expect(&what);
            assert_eq!((rebuilt.objects, rebuilt.rows), (7, ROWS), "{what}");
            let report = run(&logs, Mortal::immortal(&store), 3).await.expect(&what);
            // Failures and skips are not in the files.
            assert_eq!(report.outcome.objects.new, 2, "{what}");
            assert_whole(&logs, &store, &what).await;
            assert_eq!(files(&store).await, files(&sound).await, "{what}");
        }
    }
}

#[tokio::test]
async fn a_live_lease_keeps_it_out() {
    let logs = logs().await;
    let store = synced(&logs).await;
    let lock = r#"{"owner":{"host":"x","boot":"b","pid":1,"started":1},"since":0,"expires":9}"#;
    for name in ["lock", "lock-2-of-3"] {
        let key = format!("lake/_s3logs/{name}");
        put(&store, &key, lock.as_bytes()).await;
        let mut options = rebuilding();
        options.claim.gone = |_| false;
        let to = destination(Arc::clone(&store) as Arc<dyn Store>);
        let held = from_files(&to, &options, &Cancel::never()).await;
        assert!(matches!(held, Err(JobError::Held(_))), "{name}: {held:?}");
        let held = from_commits(&to, &options, &Cancel::never()).await;
        assert!(matches!(held, Err(JobError::Held(_))), "{name}: {held:?}");
        store.delete(&[key]).await.expect("memory");
    }
}

/// A dataset with all that can lie about: a damaged commit, an open intent, a batch without one of
/// its files, a file of nobody, another batch of the same objects.
async fn wreck(logs: &Arc<MemoryStore>) -> Arc<MemoryStore> {
    let store = synced(logs).await;
    let other = Arc::new(MemoryStore::default());
    let mut by_three = options(1);
    by_three.limits.objects = 3;
    let ran = run_with(logs, Mortal::immortal(&other), &by_three).await;
    ran.expect("a run");
    for (key, bytes) in contents(&other).await {
        if key.contains("/dt=") || key.contains("/rejects/") {
            put(&store, &key, &bytes).await;
        }
    }
    let commits = keys(&store, "/commits/").await;
    put(&store, &commits[0], b"torn").await;
    let open = "lake/_s3logs/intents/0123456789abcdef.json";
    put(&store, open, b"{}").await;
    let stray = "lake/s3_access/dt=2026-03-01/stray.parquet";
    put(&store, stray, b"PAR1").await;
    let journal = Journal::new(Arc::clone(&store) as Arc<dyn Store>, "lake/");
    let second = journal.read_commit(2).await.expect("a commit");
    let lost = format!("lake/{}", second.outputs[0].path);
    store.delete(&[lost]).await.expect("memory");
    store
}

#[tokio::test]
async fn a_rebuild_that_dies_anywhere_is_finished_by_the_next_byte_for_byte() {
    let logs = logs().await;
    let lost = synced(&logs).await;
    lose_ledger(&lost).await;
    let gap = synced(&logs).await;
    let file = keys(&gap, ".parquet").await.remove(0);
    gap.delete(&[file]).await.expect("memory");
    let wrecked = wreck(&logs).await;
    for (what, start) in [("lost", lost), ("gap", gap), ("wrecked", wrecked)] {
        let undisturbed = copy(&start).await;
        let calm = Mortal::immortal(&undisturbed);
        files_rebuilt(calm.clone()).await.expect("a calm rebuild");
        let calls = calm.calls.load(Ordering::SeqCst);
        let expected = contents(&undisturbed).await;
        assert!(!expected.contains_key("lake/_s3logs/commits/rebuild.json"));
        assert!(!expected.contains_key("lake/_s3logs/lock"));
        for answer_lost in [false, true] {
            for n in 0..calls {
                let store = copy(&start).await;
                let died = files_rebuilt(Mortal::dying(&store, n, answer_lost)).await;
                assert!(died.is_err(), "{what}: it died at call {n}");
                if what != "wrecked" {
                    no_run_is_misled(&logs, &start, &copy(&store).await, n).await;
                }
                let again = files_rebuilt(Mortal::immortal(&store)).await;
                again.unwrap_or_else(|error| panic!("{what}: after call {n}: {error}"));
                let found = contents(&store).await;
                let names = |all: &BTreeMap<String, Bytes>| all.keys().cloned().collect::<Vec<_>>();
                assert_eq!(names(&found), names(&expected), "{what}: after call {n}");
                assert!(found == expected, "{what}: other bytes after call {n}");
            }
        }
        assert_whole(&logs, &undisturbed, what).await;
    }
}

/// A run that comes before the rebuild is finished refuses, or finds all as it was at the start, or a
/// whole ledger.
async fn no_run_is_misled(
    logs: &Arc<MemoryStore>,
    start: &MemoryStore,
    store: &Arc<MemoryStore>,
    n: u64,
) {
    let mut before = contents(store).await;
    before.remove("lake/_s3logs/lock");
    let untouched = before == contents(start).await;
    match run(logs, Mortal::immortal(store), 2).await {
        Err(JobError::Misuse { .. }) => {}
        Err(JobError::Ledger(error)) => {
            let failure = Failure::from(error);
            assert_eq!(failure.kind.exit(), Exit::Ledger);
            assert!(failure.hints[0].contains("--from-files"), "{failure:?}");
        }
        Err(error) => panic!("after call {n}: {error}"),
        Ok(_) if untouched => return,
        Ok(_) => return assert_whole(logs, store, &format!("after call {n}")).await,
    }
    let mut after = contents(store).await;
    after.remove("lake/_s3logs/lock");
    assert!(
        after == before,
        "after call {n}: a run that refuses writes nothing"
    );
}

#[tokio::test]
async fn a_batch_without_one_of_its_files_is_read_again() {
    let logs = logs().await;
    let sound = synced(&logs).await;
    for key in keys(&sound, ".parquet").await {
        let store = copy(&sound).await;
        lose_ledger(&store).await;
        store
            .delete(std::slice::from_ref(&key))
            .await
            .expect("memory");
        let to = Arc::clone(&store) as Arc<dyn Store>;
        let rebuilt = files_rebuilt(to).await.expect("other batches");
        assert!(rebuilt.rows < ROWS, "{rebuilt:?}");
        let away = keys(&store, "/_s3logs/quarantine/s3_access/dt=").await;
        assert!(!away.is_empty() && away.len() <= rebuilt.moved.len());
        assert!(away.iter().all(|key| key.ends_with(".astray")), "{away:?}");
        assert_eq!(files(&store).await, live(&store).await, "{key}");
        assert_whole(&logs, &store, &key).await;
        let names = |keys: Vec<String>| keys.into_iter().filter(|key| !key.contains("/_s3logs/"));
        let again: Vec<String> = names(keys(&store, ".parquet").await).collect();
        let before: Vec<String> = names(keys(&sound, ".parquet").await).collect();
        assert_eq!(again.len(), before.len(), "{key}");
    }
}

#[tokio::test]
async fn files_that_say_nothing_are_left_alone() {
    let store = Arc::new(MemoryStore::default());
    let stray = "lake/s3_access/dt=2026-03-01/stray.parquet";
    put(&store, stray, b"PAR1").await;
    let refused = files_rebuilt(Arc::clone(&store) as Arc<dyn Store>).await;
    assert!(
        matches!(refused, Err(JobError::Misuse { .. })),
        "{refused:?}"
    );
    assert_eq!(keys(&store, "").await, [stray]);
    let nothing = store.get("lake/_s3logs/lock", None, None).await;
    assert_eq!(
        nothing.map_err(|error| error.kind),
        Err(ErrorKind::NotFound)
    );
}

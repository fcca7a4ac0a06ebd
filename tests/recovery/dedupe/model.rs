//! Runs of any shape against a set of lines.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use s3logs::store::MemoryStore;

use super::{expected, ids, left_out, options, put_lines, run, verify};

/// Runs with and without it, each with the lines of its objects.
type Runs = Vec<(bool, Vec<Vec<usize>>)>;

/// What the program should do, the simple way: the rows, and what each object lost.
fn model(runs: &Runs) -> (Vec<usize>, BTreeMap<String, u64>) {
    let (mut rows, mut known, mut lost) = (Vec::new(), BTreeSet::new(), BTreeMap::new());
    for (run, (dedupe, objects)) in runs.iter().enumerate() {
        for (object, lines) in objects.iter().enumerate() {
            for line in lines {
                if *dedupe && !known.insert(*line) {
                    *lost.entry(format!("{run}-{object}")).or_default() += 1;
                } else {
                    rows.push(*line);
                }
            }
        }
    }
    (rows, lost)
}

async fn check(runs: Runs) {
    let (logs, store) = (
        Arc::new(MemoryStore::default()),
        Arc::new(MemoryStore::default()),
    );
    for (number, (dedupe, objects)) in runs.iter().enumerate() {
        for (object, lines) in objects.iter().enumerate() {
            put_lines(
                &logs,
                &format!("logs/{number}-{object}"),
                lines.iter().copied(),
            )
            .await;
        }
        let mut options = options(1);
        options.dedupe = *dedupe;
        options.limits.objects = 2;
        run(&logs, &store, &options).await;
    }
    let (rows, lost) = model(&runs);
    assert_eq!(ids(&store).await, expected(rows));
    if !lost.is_empty() {
        assert_eq!(verify(&logs, &store).await, []);
    }
    assert_eq!(
        left_out(&store)
            .await
            .into_iter()
            .collect::<BTreeMap<_, _>>(),
        lost
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn rows_are_those_of_a_set(runs: Vec<(bool, Vec<Vec<u8>>)>) {
        let few = |objects: Vec<Vec<u8>>| -> Vec<Vec<usize>> {
            let lines = |object: Vec<u8>| object.into_iter().take(8).map(|n| usize::from(n % 16));
            // An object without a line is no log.
            let objects = objects.into_iter().take(5).filter(|object| !object.is_empty());
            objects.map(|object| lines(object).collect()).collect()
        };
        let runs = runs.into_iter().take(4).map(|(dedupe, objects)| (dedupe, few(objects)));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(check(runs.collect()));
    }
}

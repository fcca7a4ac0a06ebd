//! Runs on a disk that are killed at any instant, again and again, until one comes to its end: the
//! dataset is the one that a run leaves that nobody disturbs, byte for byte.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::cli::logs::{Logs, key, line, numbers};
use crate::support::dataset::Dataset;
use crate::support::dice::Dice;
use crate::support::env::Env;

/// What is run one after the other: most of the source first, then the rest, so that the second run
/// meets a dataset that is there.
const RUNS: [&[&str]; 2] = [
    &["sync", "in", "lake", "--exclude", "*-03-04-*"],
    &["sync", "in", "lake"],
];

/// After so many kills a run is left alone.
const KILLS: u32 = 3;

/// When a run is killed.
#[derive(Clone, Copy, Debug)]
enum When {
    /// So long after its start.
    After(Duration),
    /// As soon as so many files came into being or went.
    Changed(u64),
}

/// 60 objects: logs of three days, plain and compressed, one with a bad line, one torn, one no log.
fn write_source(folder: &Path) -> Vec<u64> {
    let logs = Logs::new(55);
    logs.write(folder);
    let add = |object, bytes: &[u8]| {
        fs::write(folder.join(key(4, object)), bytes).expect("a file");
    };
    add(100, &gzip(&(line(4, 1000) + &line(3, 1001))));
    add(101, (line(4, 1002) + "a bad line\n").as_bytes());
    add(102, b"\x1f\x8b\x08\0\0\0\0\0\0\x03torn");
    add(103, b"\x89PNG\r\n\x1a\n");
    add(104, b"");
    [logs.numbers(), vec![1000, 1001, 1002]].concat()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, text.as_bytes()).expect("to memory");
    gzip.finish().expect("to memory")
}

/// Everything below a folder; folders have no bytes.
fn everything(folder: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.append(&mut everything(&path));
            found.insert(path, None);
        } else {
            let bytes = fs::read(&path).ok();
            found.insert(path, bytes);
        }
    }
    found
}

/// A fingerprint of the names below a folder, for noticing that one came or went.
fn names(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.append(&mut names(&path));
        }
        found.push(path);
    }
    found.sort_unstable();
    found
}

/// Runs the program and kills it then; says whether it had come to its end before.
fn disturbed(env: &Env, args: &[&str], when: When) -> bool {
    let run = env.start(args);
    match when {
        When::After(time) => run.kill_after(time),
        When::Changed(times) => {
            let lake = env.path("lake");
            let (mut last, mut changes) = (names(&lake), 0);
            run.kill_when(|| {
                let now = names(&lake);
                changes += u64::from(now != last);
                last = now;
                changes >= times
            })
        }
    }
    .ended_by_itself(&[0, 3])
}

/// Does all the runs, each killed a few times; returns the instants.
fn survive(env: &Env, dice: &mut Dice, usual: Duration) -> Vec<When> {
    let mut instants = Vec::new();
    for args in RUNS {
        for _ in 0..KILLS {
            // Some come too late: a run that is over is not disturbed any more.
            let when = if dice.once_in(2) {
                let micros = u64::try_from(usual.as_micros()).unwrap_or(u64::MAX);
                When::After(Duration::from_micros(dice.roll() % (micros + micros / 8)))
            } else {
                When::Changed(1 + dice.roll() % 24)
            };
            instants.push(when);
            if disturbed(env, args, when) {
                break;
            }
        }
        let last = env.start(args).wait();
        assert!(last.ended_by_itself(&[0, 3]), "{instants:?}");
    }
    instants
}

fn rounds(count: u64, seed: u64) {
    let env = Env::new();
    let expected_rows = write_source(&env.path("in"));
    let lake = env.path("lake");
    let mut usual = Duration::ZERO;
    for args in RUNS {
        let begun = Instant::now();
        assert!(env.run(args).ended_by_itself(&[0, 3]));
        usual = usual.max(begun.elapsed());
    }
    let expected = everything(&lake);
    assert_eq!(numbers(&Dataset::in_folder(&lake)), expected_rows);
    let mut dice = Dice(seed);
    for round in 0..count {
        fs::remove_dir_all(&lake).expect("a folder");
        let instants = survive(&env, &mut dice, usual);
        let told = format!("seed {seed}, round {round}, usual time {usual:?}, killed {instants:?}");
        let rows = numbers(&Dataset::in_folder(&lake));
        assert_eq!(rows, expected_rows, "{told}");
        let found = everything(&lake);
        let paths = |all: &BTreeMap<PathBuf, _>| all.keys().cloned().collect::<Vec<_>>();
        assert_eq!(paths(&found), paths(&expected), "{told}");
        assert!(found == expected, "other bytes: {told}");
    }
    assert_eq!(names(&env.path("tmp")).len(), 0);
}

#[test]
fn a_run_killed_at_any_instant_leaves_what_an_undisturbed_one_does() {
    rounds(6, 1);
}

/// Run it with `cargo test -- --ignored killed_two_hundred_times`.
#[test]
#[ignore = "takes a minute"]
fn killed_two_hundred_times() {
    rounds(200, 2);
}
